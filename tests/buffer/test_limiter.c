/*
 * The token bucket over years, at rates from 1 a second to more than any machine moves: exact to
 * the token, never more, and without credit for the past.
 */
#include "buffer/limiter.h"
#include "tests/tap.h"

static const uint64_t second = 1000000000;

/* As below(), for limits that a size_t may not hold. */
static uint64_t below_64(uint64_t limit)
{
    return tap_below(&random_state, limit);
}

/* Takes everything, `steps` times within `seconds`, at random moments less than a burst apart. */
static uint64_t take_all(struct limiter *limiter, uint64_t start, uint64_t seconds,
                         uint64_t most_ns)
{
    uint64_t now = start, end = start + seconds * second, sum = 0;
    while (now < end) {
        uint64_t step = 1 + below_64(most_ns);
        now = end - now < step ? end : now + step;
        uint64_t tokens = limiter_available(limiter, now);
        limiter_take(limiter, tokens);
        sum += tokens;
    }
    return sum;
}

static void test_exact(void)
{
    static const uint64_t rates[] = {
        1, 3, 1000, 10240, 999999937, UINT64_C(10737418240), UINT64_C(999999999999)};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct limiter limiter;
        uint64_t start = below_64(UINT64_C(1) << 60);
        limiter_init(&limiter, rates[i], rates[i], start);
        uint64_t first = limiter_available(&limiter, start);
        limiter_take(&limiter, first);
        uint64_t sum = take_all(&limiter, start, 100, second / 10);
        tap_ok(sum == 100 * rates[i], "%" PRIu64 " a second: exact after 100 s (%" PRIu64 ")",
               rates[i], sum);
        tap_ok(first <= rates[i] / 100 + 1, "the bucket begins almost empty");
    }
}

static void test_idle(void)
{
    struct limiter limiter;
    limiter_init(&limiter, 1000000, 0, 5);
    tap_ok(limiter.burst == 20000, "the burst is 20 ms worth where none is given");
    tap_ok(limiter_available(&limiter, 5 + 3600 * second) == 20000,
           "an idle hour gives no more than a burst");
    limiter_take(&limiter, 20000);
    tap_ok(limiter_available(&limiter, 5 + 3600 * second) == 0, "tokens that were taken are gone");
    tap_ok(limiter_available(&limiter, 7) == 0, "a clock that goes back gives nothing");
    limiter_init(&limiter, 1, 0, 0);
    tap_ok(limiter.burst == 1, "a bucket holds one at least");
    limiter_init(&limiter, UINT64_MAX, UINT64_MAX, 0);
    tap_ok(limiter_available(&limiter, UINT64_MAX) == INT64_MAX, "nothing overflows");
    limiter_init(&limiter, 0, 0, 0);
    tap_ok(limiter_available(&limiter, 9) == UINT64_MAX && limiter_when(&limiter, 7) == 0 &&
               limiter_slice(&limiter, 12345) == 12345,
           "0 is no limit");
}

/* At the moment that limiter_when() names there are that many tokens, and 1 ns earlier there are
 * not. */
static bool when_is_exact(void)
{
    struct limiter limiter;
    uint64_t rate = 1 + below_64(UINT64_C(1) << below_64(34)), start = below_64(UINT64_C(1) << 50);
    limiter_init(&limiter, rate, 1 + below_64(UINT64_C(1) << below_64(40)), start);
    for (int i = 0; i < 20; i++) {
        uint64_t wanted = 1 + below_64(limiter.burst);
        uint64_t when = limiter_when(&limiter, wanted);
        if (when == UINT64_MAX) /* beyond the clock */
            return true;
        struct limiter before = limiter;
        if (when > limiter.updated_ns && limiter_available(&before, when - 1) >= wanted)
            return false;
        if (limiter_available(&limiter, when) < wanted || limiter.tokens > limiter.burst)
            return false;
        limiter_take(&limiter, below_64(limiter.tokens + 1));
        (void)limiter_available(&limiter, when + below_64(second));
    }
    return true;
}

/* Never more than the burst and the tokens of the time; never less than those, if all are taken. */
static bool is_bounded(void)
{
    struct limiter limiter;
    uint64_t rate = 1 + below_64(UINT64_C(1) << 33), burst = 1 + below_64(rate), now = 0, sum = 0;
    limiter_init(&limiter, rate, burst, 0);
    for (int i = 0; i < 200; i++) {
        now += below_64(3) == 0 ? below_64(5 * second) : below_64(second / 100);
        uint64_t tokens = limiter_available(&limiter, now);
        uint64_t taken = below_64(2) == 0 ? tokens : below_64(tokens + 1);
        limiter_take(&limiter, taken);
        sum += taken;
        if (sum > burst + rate / 1000 * (now / 1000000) + rate)
            return false;
    }
    return true;
}

static void test_set_rate(void)
{
    struct limiter limiter;
    limiter_init(&limiter, 1000000000, 0, 0);
    limiter_set_rate(&limiter, 1000, second);
    tap_ok(limiter.tokens <= 20, "a lower rate does not spend the old one's credit");
    limiter_take(&limiter, limiter.tokens);
    tap_ok(take_all(&limiter, second, 10, second / 100) == 10000,
           "a lower rate holds from then on");
    limiter_set_rate(&limiter, 0, 12 * second);
    tap_ok(limiter_available(&limiter, 12 * second) == UINT64_MAX, "a limit can be lifted");
    limiter_set_rate(&limiter, 50, 13 * second);
    tap_ok(limiter_available(&limiter, 13 * second) <= 1, "a limit can be set again");
}

/* Tokens taken on credit are paid back exactly, so that over a long time the rate holds. */
static void test_credit(void)
{
    struct limiter limiter;
    uint64_t now = 0, sum = 0, size = 0;
    bool never_early = true;
    limiter_init(&limiter, 1000, 50, 0);
    limiter_take(&limiter, limiter_available(&limiter, 0) + 2000);
    tap_ok(limiter_available(&limiter, second) == 0 && limiter_when(&limiter, 1) == 2001000000,
           "tokens taken on credit are paid back first");
    tap_ok(limiter_available(&limiter, 2001000000) == 1, "after that there is a token again");
    limiter_set_rate(&limiter, 1000, 3 * second);
    limiter_take(&limiter, limiter_available(&limiter, 3 * second));
    for (int i = 0; i < 1000; i++) {
        uint64_t when = limiter_when(&limiter, 1 + below_64(60));
        never_early &= limiter_available(&limiter, when) > 0;
        now = when;
        size = 1 + below_64(3000);
        limiter_take(&limiter, size);
        sum += size;
    }
    uint64_t worth = (now - 3 * second) / 1000000;
    tap_ok(never_early && sum <= worth + size + 50 && sum + 50 >= worth,
           "in the long run the rate is exact");
    limiter_set_rate(&limiter, 10, now);
    tap_ok(limiter_available(&limiter, now + second) == 10, "another rate has no old debts");
}

int main(void)
{
    random_state = tap_seed();
    test_exact();
    test_idle();
    test_set_rate();
    test_credit();
    unsigned runs = tap_rounds(5000), wrong_when = 0, wrong_sum = 0;
    for (unsigned i = 0; i < runs; i++) {
        wrong_when += !when_is_exact();
        wrong_sum += !is_bounded();
    }
    tap_ok(wrong_when == 0, "%u buckets: full enough when they say, and not before", runs);
    tap_ok(wrong_sum == 0, "%u buckets: never more than the burst and the time's worth", runs);
    return tap_done();
}
