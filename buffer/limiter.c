/*
 * limiter.c - see limiter.h.
 *
 * Nothing overflows: earned tokens are never computed for a time in which the bucket fills anyway.
 */
#include "buffer/limiter.h"

#include "base/minmax.h"

enum { SCALE_BITS = 34 }; /* 2^34 * 1e9 < 2^64 */

static const uint64_t second_ns = 1000000000;

/* rate * ns / 1e9, for ns < 1e9, exactly. The remainder goes to *fraction. */
static uint64_t earned(uint64_t rate, uint64_t ns, uint64_t *fraction)
{
    uint64_t rest = rate % second_ns * ns;
    *fraction = rest % second_ns;
    return rate / second_ns * ns + rest / second_ns;
}

/* The time until there are `tokens` more, rounded up. For rates beyond 2^34 it may be a little
 * longer. */
static uint64_t time_for(const struct limiter *limiter, uint64_t tokens)
{
    uint64_t rate = limiter->rate;
    uint64_t seconds = tokens / rate, rest = tokens % rate;
    if (seconds >= UINT64_MAX / second_ns)
        return UINT64_MAX;
    for (; rate >> SCALE_BITS != 0; rate >>= 1)
        rest = rest / 2 + 1;
    uint64_t scaled = rest * second_ns;
    if (scaled >= limiter->fraction)
        scaled -= limiter->fraction;
    else if (seconds > 0)
        return seconds * second_ns - (limiter->fraction - scaled) / rate;
    else
        return 0;
    return seconds * second_ns + scaled / rate + (scaled % rate != 0);
}

static void fill_up(struct limiter *limiter)
{
    limiter->tokens = limiter->burst;
    limiter->debt = 0;
    limiter->fraction = second_ns - 1;
}

/* The tokens that must be earned before there are `tokens`, the debt included. */
static uint64_t missing(const struct limiter *limiter, uint64_t tokens)
{
    return limiter->debt + (tokens - limiter->tokens);
}

static void earn(struct limiter *limiter, uint64_t now_ns)
{
    if (now_ns <= limiter->updated_ns)
        return;
    uint64_t ns = now_ns - limiter->updated_ns;
    limiter->updated_ns = now_ns;
    if (ns >= time_for(limiter, missing(limiter, limiter->burst) + 1)) {
        fill_up(limiter);
        return;
    }
    uint64_t fraction;
    limiter->tokens += ns / second_ns * limiter->rate;
    limiter->tokens += earned(limiter->rate, ns % second_ns, &fraction);
    limiter->fraction += fraction;
    if (limiter->fraction >= second_ns) {
        limiter->fraction -= second_ns;
        limiter->tokens++;
    }
    uint64_t paid = min_u64(limiter->debt, limiter->tokens);
    limiter->debt -= paid;
    limiter->tokens -= paid;
    if (limiter->tokens > limiter->burst) /* time_for() was not exact */
        fill_up(limiter);
}

static uint64_t worth(uint64_t rate, uint64_t ns)
{
    uint64_t fraction;
    uint64_t tokens = earned(rate, ns, &fraction);
    return tokens > 0 ? tokens : 1;
}

void limiter_init(struct limiter *limiter, uint64_t rate, uint64_t burst, uint64_t now_ns)
{
    if (burst > INT64_MAX)
        burst = INT64_MAX;
    *limiter = (struct limiter){.rate = rate,
                                .burst = burst > 0 ? burst : worth(rate, LIMITER_BURST_NS),
                                .burst_given = burst > 0,
                                .updated_ns = now_ns};
    limiter->tokens = limiter_slice(limiter, limiter->burst);
}

void limiter_set_rate(struct limiter *limiter, uint64_t rate, uint64_t now_ns)
{
    (void)limiter_available(limiter, now_ns);
    limiter->rate = rate;
    limiter->debt = 0;
    limiter->fraction = 0;
    limiter->updated_ns = now_ns;
    if (!limiter->burst_given)
        limiter->burst = worth(rate, LIMITER_BURST_NS);
    limiter->tokens = min_u64(limiter->tokens, limiter->burst);
}

uint64_t limiter_available(struct limiter *limiter, uint64_t now_ns)
{
    if (limiter->rate == 0)
        return UINT64_MAX;
    earn(limiter, now_ns);
    return limiter->tokens;
}

void limiter_take(struct limiter *limiter, uint64_t tokens)
{
    if (limiter->rate == 0)
        return;
    uint64_t there = min_u64(tokens, limiter->tokens);
    limiter->tokens -= there;
    limiter->debt += tokens - there;
}

uint64_t limiter_slice(const struct limiter *limiter, uint64_t wanted)
{
    if (limiter->rate == 0)
        return wanted;
    return min_u64(min_u64(wanted, limiter->burst), worth(limiter->rate, LIMITER_SLICE_NS));
}

uint64_t limiter_when(const struct limiter *limiter, uint64_t wanted)
{
    wanted = min_u64(wanted, limiter->burst);
    if (limiter->rate == 0 || wanted <= limiter->tokens)
        return limiter->updated_ns;
    uint64_t ns = time_for(limiter, missing(limiter, wanted));
    return ns < UINT64_MAX - limiter->updated_ns ? limiter->updated_ns + ns : UINT64_MAX;
}
