/*
 * rates.h - what --rate-limit and --read-rate let pass (buffer/limiter.h), and until when they let
 * nothing pass.
 *
 * An output that has no tokens is throttled: it counts as stopped (buffer/flow.h), and the buffer
 * absorbs at once what a producer goes on to bring (a file waits where it is). With -l and -0
 * --rate-limit counts records: a token is taken for each that begins, and the rest of one that has
 * begun may always go. Datagrams are not cut: one goes when there are as many tokens as for bytes
 * that could be, and takes what is missing on credit (buffer/limiter.h).
 */
#ifndef BPIPE_LOOP_RATES_H
#define BPIPE_LOOP_RATES_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void loop_init_rates(struct poll_loop *loop);

/*
 * Other limits, from the next turn on: what was waited for under the old ones is not waited for any
 * longer. 0: none. Between two turns (poll_loop_turn()).
 */
void loop_set_rates(struct poll_loop *loop, uint64_t rate_limit, uint64_t read_rate);

/* A turn begins: those whose time has come are throttled no longer. */
void loop_renew_rates(struct poll_loop *loop);

/* How many of `bytes` may go to output `index`, or be read, now. 0: it is throttled from here on.
 * Those for an output are the next in the ring if records are limited. */
size_t loop_allow_output(struct poll_loop *loop, size_t index, size_t bytes);
/* The same for bytes that are sent before those in the ring. They begin no record. */
size_t loop_allow_beside(struct poll_loop *loop, size_t index, size_t bytes);
size_t loop_allow_input(struct poll_loop *loop, size_t bytes);

/* That many were sent, or read. `span` is where they came from in the ring, if they did. */
void loop_spend_output(struct poll_loop *loop, size_t index, const struct span *span, size_t bytes);
void loop_spend_input(struct poll_loop *loop, size_t bytes);

/* The earliest time at which something throttled may pass, or UINT64_MAX. */
uint64_t loop_throttled_until(const struct poll_loop *loop);

#endif
