/*
 * record_index.c - see record_index.h.
 *
 * The count at the end of block b is read only for a position in b, so while less than the ring's
 * capacity lies behind that position. There is one slot more than the number of blocks that the
 * capacity can touch, so the slot has not been reused by then.
 */
#include "buffer/record_index.h"

#include "base/minmax.h"
#include "base/records.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int record_index_init(struct record_index *index, const struct ring *ring, enum record_kind kind)
{
    *index = (struct record_index){.ring = ring, .kind = kind};
    if (kind == RECORD_NONE)
        return 0;
    while ((size_t)1 << index->shift < RECORD_INDEX_LEAST_BLOCK ||
           ring->capacity >> index->shift > RECORD_INDEX_BLOCKS - 2)
        index->shift++;
    index->count = (ring->capacity >> index->shift) + 2;
    index->at_end = malloc(index->count * sizeof *index->at_end);
    if (index->at_end != NULL)
        return 0;
    *index = (struct record_index){0};
    errno = ENOMEM;
    return -1;
}

void record_index_destroy(struct record_index *index)
{
    free(index->at_end);
    *index = (struct record_index){0};
}

static uint64_t block_of(const struct record_index *index, uint64_t position)
{
    return position >> index->shift;
}

static uint64_t end_of(const struct record_index *index, uint64_t block)
{
    return (block + 1) << index->shift;
}

/* How many records end in the first `bytes` of a span. */
static uint64_t count(const struct record_index *index, const struct span *span, size_t bytes)
{
    bool ended;
    return records_count_span(span, bytes, index->kind, &ended);
}

uint64_t record_index_entered(struct record_index *index, size_t bytes)
{
    const uint64_t before = index->records;
    if (index->kind == RECORD_NONE)
        return 0;
    assert(index->position + bytes == index->ring->head);
    while (bytes > 0) {
        uint64_t block = block_of(index, index->position);
        uint64_t left = end_of(index, block) - index->position;
        size_t part = min_size(left, bytes);
        struct span span = ring_newest(index->ring, bytes);
        index->records += count(index, &span, part);
        index->position += part;
        bytes -= part;
        if (part == left)
            index->at_end[block % index->count] = index->records;
    }
    return index->records - before;
}

void record_index_retracting(struct record_index *index, size_t bytes)
{
    if (index->kind == RECORD_NONE)
        return;
    assert(index->position == index->ring->head);
    struct span span = ring_newest(index->ring, bytes);
    index->records -= count(index, &span, bytes);
    index->position -= bytes;
}

uint64_t record_index_before(const struct record_index *index, size_t reader)
{
    if (index->kind == RECORD_NONE)
        return 0;
    uint64_t cursor = index->ring->readers[reader].cursor;
    uint64_t block = block_of(index, cursor), end = end_of(index, block);
    bool whole = end <= index->position;
    assert(index->ring->readers[reader].attached && cursor <= index->position);
    size_t bytes = (size_t)((whole ? end : index->position) - cursor);
    struct span span = ring_read_span(index->ring, reader, bytes);
    uint64_t records = whole ? index->at_end[block % index->count] : index->records;
    return records - count(index, &span, bytes);
}
