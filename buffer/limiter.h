/*
 * limiter.h - how much may move now: a token bucket.
 *
 * A bucket gains `rate` tokens a second, evenly, and holds at most `burst` of them. Moving bytes
 * (or records) takes one token for each. So over any time t less than burst + 1 + rate * t moves.
 * Tokens that are not used, because there was nothing to move or no endpoint took it, are lost
 * beyond `burst`. Tokens are whole numbers. The fraction of a token that is due is kept, in
 * 1/1,000,000,000 of a token, also in a full bucket. So after any time the sum is exact, at 1 a
 * second as at 10 GiB a second, if the caller never takes a token later than the next one is due.
 *
 * Moving every token when it comes would take a wakeup for each. So an empty limiter waits until
 * LIMITER_SLICE_NS worth of tokens are there. If fewer tokens than that are wanted, or the bucket
 * holds fewer, it waits only for these.
 *
 * A datagram cannot be cut, so it may take more tokens than there are. The bucket then stays empty
 * until this debt has been paid back.
 *
 * The limiter knows only the time that it is given: CLOCK_MONOTONIC, in ns.
 */
#ifndef BPIPE_LIMITER_H
#define BPIPE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITER_SLICE_NS UINT64_C(3500000)
#define LIMITER_BURST_NS UINT64_C(20000000) /* the default burst, in time at the rate */

struct limiter {
    uint64_t rate;  /* tokens a second; 0: no limit */
    uint64_t burst; /* >= 1 */
    bool burst_given;
    uint64_t tokens;     /* <= burst */
    uint64_t debt;       /* tokens taken in advance; if > 0, `tokens` is 0 */
    uint64_t fraction;   /* 1/1e9 tokens, < 1e9 */
    uint64_t updated_ns; /* the time up to which tokens have been counted */
};

/* `burst` 0: LIMITER_BURST_NS worth of tokens, at least 1. The bucket starts with one slice. */
void limiter_init(struct limiter *limiter, uint64_t rate, uint64_t burst, uint64_t now_ns);

/* Changes the rate, from now on. */
void limiter_set_rate(struct limiter *limiter, uint64_t rate, uint64_t now_ns);

/* How many tokens there are now; UINT64_MAX without a limit. */
uint64_t limiter_available(struct limiter *limiter, uint64_t now_ns);

/* Takes `tokens`. More than limiter_available() become a debt. */
void limiter_take(struct limiter *limiter, uint64_t tokens);

/* The time at which there will be `wanted` tokens, or a full bucket if that is less. In ns on the
 * same clock, rounded up; UINT64_MAX if the time is beyond it. */
uint64_t limiter_when(const struct limiter *limiter, uint64_t wanted);

/* How many tokens to wait for, if `wanted` bytes or records could move. */
uint64_t limiter_slice(const struct limiter *limiter, uint64_t wanted);

#endif
