/*
 * bitmap.h - a row of bits in 64-bit words, and searches for the bits that are set.
 *
 * A range is [from, to). No function reads or changes a bit outside of its range, and none
 * allocates memory.
 */
#ifndef BPIPE_BITMAP_H
#define BPIPE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size in bytes of a bitmap of `bits` bits. */
size_t bitmap_size(size_t bits);

void bitmap_set(uint64_t *words, size_t bit);
bool bitmap_is_set(const uint64_t *words, size_t bit);
void bitmap_clear(uint64_t *words, size_t from, size_t to);

size_t bitmap_count(const uint64_t *words, size_t from, size_t to); /* of the bits that are set */

/* The first bit that is set, or `to` if there is none; the bit after the last one that is set, or
 * `from`. */
size_t bitmap_first(const uint64_t *words, size_t from, size_t to);
size_t bitmap_behind_last(const uint64_t *words, size_t from, size_t to);

#endif
