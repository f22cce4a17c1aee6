/*
 * bitmap.h - a row of bits in 64-bit words, and looking for those that are set.
 *
 * A range is [from, to). Nothing outside of it is looked at or changed, and nothing is allocated.
 */
#ifndef BPIPE_BITMAP_H
#define BPIPE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes of memory so many bits take. */
size_t bitmap_size(size_t bits);

void bitmap_set(uint64_t *words, size_t bit);
bool bitmap_is_set(const uint64_t *words, size_t bit);
void bitmap_clear(uint64_t *words, size_t from, size_t to);

size_t bitmap_count(const uint64_t *words, size_t from, size_t to); /* those that are set */

/* The first bit that is set, or `to`; and the one after the last that is set, or `from`. */
size_t bitmap_first(const uint64_t *words, size_t from, size_t to);
size_t bitmap_behind_last(const uint64_t *words, size_t from, size_t to);

#endif
