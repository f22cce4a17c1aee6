/*
 * limiter.h - how much may move now: a token bucket.
 *
 * A bucket gets `rate` tokens a second, evenly, and holds `burst` of them at most; what moves takes
 * as many out as it has bytes (or records). So over any time t less than burst + 1 + rate * t
 * moves, and what was not used while there was nothing to move, or nobody to take it, is lost
 * beyond `burst`. Tokens are whole numbers, and the fraction of one that is due is kept, in
 * 1/1,000,000,000 of a token, also in a full bucket: after any time the sum is exact, at 1 a second
 * as at 10 GiB a second, if nobody comes later for a token than the next is due.
 *
 * To move every token as it comes would take a wakeup for each. So a limiter that is empty waits
 * until LIMITER_SLICE_NS worth of tokens are there, but for what is less than that in all, or for
 * more than the bucket holds, it does not wait longer.
 *
 * What cannot be cut (a datagram) may take more than there is: nothing is there then until that has
 * been paid back.
 *
 * Knows time only as what it is given: CLOCK_MONOTONIC, in ns.
 */
#ifndef BPIPE_LIMITER_H
#define BPIPE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITER_SLICE_NS UINT64_C(3500000)
#define LIMITER_BURST_NS UINT64_C(20000000) /* the burst, where none is given, is worth that */

struct limiter {
    uint64_t rate;  /* tokens a second; 0: no limit */
    uint64_t burst; /* >= 1 */
    bool burst_given;
    uint64_t tokens;     /* <= burst */
    uint64_t debt;       /* tokens taken that were not there; then there are none */
    uint64_t fraction;   /* 1/1e9 tokens, < 1e9 */
    uint64_t updated_ns; /* up to when tokens have been counted */
};

/* `burst` 0: LIMITER_BURST_NS worth, at least 1. The bucket begins with a slice. */
void limiter_init(struct limiter *limiter, uint64_t rate, uint64_t burst, uint64_t now_ns);

/* Another rate, from now on. */
void limiter_set_rate(struct limiter *limiter, uint64_t rate, uint64_t now_ns);

/* How many tokens there are now. UINT64_MAX without a limit. */
uint64_t limiter_available(struct limiter *limiter, uint64_t now_ns);

/* That many of them were used. More than limiter_available() become a debt. */
void limiter_take(struct limiter *limiter, uint64_t tokens);

/* When there will be `wanted` tokens, or as many as the bucket holds if that is less: ns on the
 * same clock, rounded up; UINT64_MAX if that is beyond it. */
uint64_t limiter_when(const struct limiter *limiter, uint64_t wanted);

/* How many tokens to wait for, where `wanted` bytes or records could move. */
uint64_t limiter_slice(const struct limiter *limiter, uint64_t wanted);

#endif
