/*
 * dial.h - the loop's sockets: how they are connected, and what their peers send.
 *
 * While OPENING, bpipe connects all network endpoints at the same time (net/dialer.h), inputs as
 * well as outputs, before it reads a byte. It waits for taps for up to TAP_CONNECT_NS. A tap that
 * connects later misses the bytes before that.
 *
 * When all bytes are written, the outputs that are connections have to be CONFIRMED: bpipe
 * half-closes them, and waits until the peer's system has acknowledged everything. It looks again
 * and again, after CONFIRM_DELAY_NS at first and up to CONFIRM_DELAY_MAX_NS. If the system does not
 * report acknowledgements, the peer has to close the connection. Files are synced and closed before
 * that, so that a failure there still resets the connections. A run that has failed already
 * half-closes no connection.
 *
 * bpipe reads from a peer that has been sending. If the peer sends something after the connection
 * is closed, the kernel answers with a reset, which may cost the peer bytes that it has not read
 * yet. So bpipe closes the connection only when the peer ends its side, or sends nothing for
 * LINGER_QUIET_NS; after LINGER_MAX_NS at the latest ("lingering close").
 *
 * An input's connection stays open until the end. Its peer sees an ordinary close only if the run
 * has succeeded.
 */
#ifndef BPIPE_LOOP_DIAL_H
#define BPIPE_LOOP_DIAL_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP_CONNECT_NS       UINT64_C(250000000)
#define CONFIRM_DELAY_NS     UINT64_C(1000000)
#define CONFIRM_DELAY_MAX_NS UINT64_C(50000000)
#define LINGER_QUIET_NS      UINT64_C(1000000000)
#define LINGER_MAX_NS        UINT64_C(10000000000)

/* Makes a dialer for each network endpoint. `resolver` may be NULL: there is no such endpoint.
 * Returns 0, or -1 with errno ENOMEM. */
int loop_init_network(struct poll_loop *loop, const struct resolver *resolver);
void loop_destroy_network(struct poll_loop *loop);

/* Makes the next step in connecting output or tap `index`, which has a dialer. ENDPOINT_REFUSED:
 * output->endpoint.error is the reason. */
enum endpoint_opening loop_dial_output(struct poll_loop *loop, size_t index);

/* The same for all inputs. Returns false if some are still being connected. Inputs that cannot be
 * connected have been reported, and have no dialer any more. */
bool loop_dial_inputs(struct poll_loop *loop);

/* Whether the transfer has to wait for a tap that is just being connected. */
bool loop_awaits_connecting_taps(const struct poll_loop *loop);

/* The descriptor and the events that poll() has to watch for an endpoint that is not connected yet.
 * The descriptor is -1 if there is nothing to watch. */
struct pollfd loop_dialer_poll(const struct dialer *dialer);

/* The earliest time at which a network endpoint has something to do, or UINT64_MAX. */
uint64_t loop_network_due(const struct poll_loop *loop);

/* bpipe was stopped for `ns`: moves the dialers' times by that. */
void loop_network_skip(struct poll_loop *loop, uint64_t ns);

/* Looks whether an output's peer has sent something, or ended its side: bytes are discarded, the
 * end is noted (peer_ended). Any other error is a failure of the output. */
void loop_discard(struct poll_loop *loop, struct loop_output *output);

/* The same for an output that is confirmed while others are not: an error is no failure then. */
void loop_hear_out(struct loop_output *output);

#endif
