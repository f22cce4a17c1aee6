/*
 * dial.h - the loop's sockets: how they come to be connected, and what their peers say.
 *
 * While OPENING every endpoint of the network is connected at the same time (net/dialer.h), inputs
 * as well as outputs, before a byte is read. Taps are waited for up to TAP_CONNECT_NS; those that
 * connect later miss what came before.
 *
 * When all is written to them, the outputs that are connections have to be CONFIRMED: half-closed,
 * and then waited for until the peer's system has acknowledged all. That is asked again and again,
 * after CONFIRM_DELAY_NS at first and up to CONFIRM_DELAY_MAX_NS. Where the system cannot tell, the
 * peer has to close the connection. Files are synced and closed before, so that a failure there
 * still resets the connections; a run that has failed already half-closes none.
 *
 * A peer that has been talking is heard out: what it says after the connection is closed would be
 * answered by a reset, which may cost it what it has not read yet. So closing waits until it ends
 * its side, or says nothing for LINGER_QUIET_NS; LINGER_MAX_NS at most ("lingering close").
 *
 * An input's connection stays open until the end, so that its peer sees it closed in the ordinary
 * way only if all that came by it is where it should be.
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

/* A dialer for each endpoint of the network. `resolver` may be NULL: there is none. 0, or -1 with
 * errno ENOMEM. */
int loop_init_network(struct poll_loop *loop, const struct resolver *resolver);
void loop_destroy_network(struct poll_loop *loop);

/* Goes on with connecting output or tap `index`, which has a dialer. REFUSED: with
 * output->endpoint.error. */
enum endpoint_opening loop_dial_output(struct poll_loop *loop, size_t index);

/* The same for all inputs. False: some are still waited for. Those that cannot be connected have
 * been reported, and have no dialer any more. */
bool loop_dial_inputs(struct poll_loop *loop);

/* Whether the transfer is to wait for a tap that is just being connected. */
bool loop_awaits_connecting_taps(const struct poll_loop *loop);

/* What poll() is to watch for an endpoint that is not connected yet: a descriptor of -1 if nothing.
 */
struct pollfd loop_dialer_poll(const struct dialer *dialer);

/* The earliest time at which there is something to do, or UINT64_MAX. */
uint64_t loop_network_due(const struct poll_loop *loop);

/* bpipe was stopped for so long. */
void loop_network_skip(struct poll_loop *loop, uint64_t ns);

/* An output's peer may have sent something, or ended its side: the former is discarded, the latter
 * noted (peer_ended). Any other error is a failure of the output. */
void loop_discard(struct poll_loop *loop, struct loop_output *output);

/* The same for one that is confirmed while others are not: an error is no failure any more. */
void loop_hear_out(struct loop_output *output);

#endif
