/*
 * minmax.h - the smaller of two numbers.
 */
#ifndef BPIPE_MINMAX_H
#define BPIPE_MINMAX_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* One of the two must be a size_t, so that the result fits even if size_t has 32 bits. */
static inline size_t min_size(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

#endif
