/*
 * tap.h - shared code of the C tests: TAP output (testanything.org) and seeded random numbers.
 *
 * A test program calls tap_ok() once for each thing that it proves, and returns tap_done(). Output
 * is flushed at once, so that the seed and the last test are visible if the code under test aborts.
 *
 *   TEST_SEED=N   repeats a random run
 *   TEST_LONG=1   makes random runs 20 times longer
 */
#ifndef BPIPE_TESTS_TAP_H
#define BPIPE_TESTS_TAP_H

#include "tests/random.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned tap_count, tap_failures;

/* One line "ok N - description" or "not ok N - description". Returns `passed`. */
static inline bool __attribute__((format(printf, 2, 3)))
tap_ok(bool passed, const char *description, ...)
{
    va_list arguments;

    printf("%s %u - ", passed ? "ok" : "not ok", ++tap_count);
    va_start(arguments, description);
    vprintf(description, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
    if (!passed)
        tap_failures++;
    return passed;
}

/* A comment line. */
static inline void __attribute__((format(printf, 1, 2))) tap_note(const char *format, ...)
{
    va_list arguments;

    fputs("# ", stdout);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* Prints the plan. Returns main()'s exit status. */
static inline int tap_done(void)
{
    printf("1..%u\n", tap_count);
    return tap_failures == 0 && fflush(stdout) == 0 ? 0 : 1;
}

/* A repetition count for a random test. */
static inline unsigned tap_rounds(unsigned rounds)
{
    const char *text = getenv("TEST_LONG");

    return text != NULL && strcmp(text, "1") == 0 ? rounds * 20 : rounds;
}

/* The seed for everything random in a program: TEST_SEED or the time. Prints it; call it once. */
static inline uint64_t tap_seed(void)
{
    const char *text = getenv("TEST_SEED");
    struct timespec now;
    uint64_t seed;

    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    if (text != NULL)
        seed = strtoull(text, NULL, 10);
    tap_note("seed %" PRIu64, seed);
    return seed;
}

/* The next 64 random bits. */
static inline uint64_t tap_random(uint64_t *state)
{
    return random_next(state);
}

/* A random number from 0 to limit - 1. */
static inline uint64_t tap_below(uint64_t *state, uint64_t limit)
{
    return tap_random(state) % limit;
}

/* A random number below 2^bits whose magnitude is random, too: small numbers are frequent. */
static inline uint64_t tap_magnitude(uint64_t *state, unsigned bits)
{
    unsigned width = (unsigned)tap_below(state, bits + 1);

    return width == 0 ? 0 : tap_random(state) >> (64 - width);
}

/* The same for a size: from 1 to 2^bits, and at most `most`. */
static inline size_t tap_some(uint64_t *state, unsigned bits, size_t most)
{
    size_t number = (size_t)tap_magnitude(state, bits) + 1;

    return number < most ? number : most;
}

#endif
