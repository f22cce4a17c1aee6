/*
 * dial.h - the loop's sockets: how they are connected, and what their peers send.
 *
 * While OPENING, bpipe connects all network endpoints at the same time (net/dialer.h), inputs as
 * well as outputs, before it reads a byte. It waits for taps for up to TAP_CONNECT_NS. A tap that
 * connects later misses the bytes before that.
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

#define TAP_CONNECT_NS UINT64_C(250000000)

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
