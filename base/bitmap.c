/*
 * bitmap.c - see bitmap.h. Bit i is bit i % 64 of word i / 64.
 */
#include "base/bitmap.h"

enum { WORD = 64 };

/* The bits of a word that are in the range. The range must reach into the word. */
static uint64_t part_of(size_t word, size_t from, size_t to)
{
    uint64_t bits = UINT64_MAX;
    if (word == from / WORD)
        bits &= UINT64_MAX << from % WORD;
    if (word == to / WORD)
        bits &= ~(UINT64_MAX << to % WORD);
    return bits;
}

size_t bitmap_size(size_t bits)
{
    return (bits / WORD + 1) * sizeof(uint64_t);
}

void bitmap_set(uint64_t *words, size_t bit)
{
    words[bit / WORD] |= UINT64_C(1) << bit % WORD;
}

bool bitmap_is_set(const uint64_t *words, size_t bit)
{
    return (words[bit / WORD] >> bit % WORD & 1) != 0;
}

void bitmap_clear(uint64_t *words, size_t from, size_t to)
{
    for (size_t word = from / WORD; word * WORD < to; word++)
        words[word] &= ~part_of(word, from, to);
}

size_t bitmap_count(const uint64_t *words, size_t from, size_t to)
{
    size_t count = 0;
    for (size_t word = from / WORD; word * WORD < to; word++)
        for (uint64_t bits = words[word] & part_of(word, from, to); bits != 0; bits &= bits - 1)
            count++;
    return count;
}

size_t bitmap_first(const uint64_t *words, size_t from, size_t to)
{
    for (size_t word = from / WORD; word * WORD < to; word++) {
        uint64_t bits = words[word] & part_of(word, from, to);
        size_t at = word * WORD;
        if (bits == 0)
            continue;
        for (; (bits & 1) == 0; bits >>= 1)
            at++;
        return at;
    }
    return to;
}

size_t bitmap_behind_last(const uint64_t *words, size_t from, size_t to)
{
    for (size_t word = to / WORD + 1; word-- > from / WORD;) {
        uint64_t bits = word * WORD < to ? words[word] & part_of(word, from, to) : 0;
        size_t behind = word * WORD;
        if (bits == 0)
            continue;
        for (; bits != 0; bits >>= 1)
            behind++;
        return behind;
    }
    return from;
}
