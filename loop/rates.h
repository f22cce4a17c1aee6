/*
 * rates.h - how many bytes or records --rate-limit and --read-rate let pass (buffer/limiter.h), and
 * until when they let nothing pass.
 *
 * An output without tokens is throttled. It counts as stopped (buffer/flow.h), and the buffer
 * absorbs at once the bytes that the producer still sends (a file waits where it is). With -l and
 * -0 --rate-limit counts records: each record that begins takes a token, and the rest of a record
 * that has begun may always go. Datagrams are not cut: a datagram goes when there are as many
 * tokens as a piece of a byte stream would need, and takes the missing tokens on credit
 * (buffer/limiter.h).
 */
#ifndef BPIPE_LOOP_RATES_H
#define BPIPE_LOOP_RATES_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void loop_init_rates(struct poll_loop *loop);

/*
 * Sets other limits, from the next turn on. A wait under the old limits ends. 0: no limit. Call it
 * between two turns (poll_loop_turn()).
 */
void loop_set_rates(struct poll_loop *loop, uint64_t rate_limit, uint64_t read_rate);

/* A turn begins: endpoints whose time has come are throttled no longer. */
void loop_renew_rates(struct poll_loop *loop);

/* Return how many of `bytes` may go to output `index`, or be read, now. 0: it is throttled from
 * here on. If records are limited, the bytes for an output are the next ones in the ring. */
size_t loop_allow_output(struct poll_loop *loop, size_t index, size_t bytes);
/* The same for bytes that are sent before those in the ring. They begin no record. */
size_t loop_allow_beside(struct poll_loop *loop, size_t index, size_t bytes);
size_t loop_allow_input(struct poll_loop *loop, size_t bytes);

/* `bytes` were sent, or read. `span` is where they came from in the ring, if they did; else
 * NULL. */
void loop_spend_output(struct poll_loop *loop, size_t index, const struct span *span, size_t bytes);
void loop_spend_input(struct poll_loop *loop, size_t bytes);

/* A signal began the drain: tells how long it takes, if --rate-limit makes that DRAIN_TOLD_NS or
 * more. Call it when the meter is up to date (loop_count_the_rest()). */
#define DRAIN_TOLD_NS UINT64_C(10000000000)
void loop_tell_drain(const struct poll_loop *loop, int number);

/* The earliest time at which something that is throttled may pass, or UINT64_MAX. */
uint64_t loop_throttled_until(const struct poll_loop *loop);

#endif
