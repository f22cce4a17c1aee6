/*
 * random.h - random numbers that are the same for the same seed on every machine. Used by the C
 * tests (through tap.h), the tools, and the benchmarks.
 *
 * random_next() is SplitMix64 (G. Steele, D. Lea, C. Flood: Fast Splittable Pseudorandom Number
 * Generators, OOPSLA 2014).
 */
#ifndef BPIPE_TESTS_RANDOM_H
#define BPIPE_TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* The next 64 random bits. Any initial *state is good. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t bits = *state += UINT64_C(0x9e3779b97f4a7c15);

    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return bits ^ bits >> 31;
}

/* The state of a program that has one sequence of random numbers. Its first value is the seed. */
static uint64_t random_state;

/* The next number of that sequence, from 0 to limit - 1. */
static inline size_t below(uint64_t limit)
{
    return (size_t)(random_next(&random_state) % limit);
}

#endif
