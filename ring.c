/*
 * ring.c - see ring.h for the invariants, which ring_check() asserts after every change.
 *
 * Spans are computed from absolute positions each time, so there is no second set of indices that
 * could disagree with head, tail and the cursors. `origin` follows the tail (origin <= tail <
 * origin + capacity). So every position in use is less than two capacities after `origin`, and one
 * conditional subtraction gives its index in memory. No division is needed.
 *
 * A ring does not grow, does not lock (one thread owns it), and does not know its producer or its
 * readers.
 */
#include "ring.h"

#include "base/bitmap.h"
#include "base/platform.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { RING_ALIGNMENT = 4096 }; /* the page size of nearly all systems, as direct I/O requires */

/* The lowest cursor of the attached readers among the first `readers`; the head if there is none.
 */
static uint64_t ring_slowest(const struct ring *ring, size_t readers)
{
    uint64_t position = ring->head;

    for (size_t i = 0; i < readers; i++) {
        if (ring->readers[i].attached && ring->readers[i].cursor < position)
            position = ring->readers[i].cursor;
    }
    return position;
}

static void ring_check(const struct ring *ring)
{
    bool holds = ring->tail <= ring->head && ring->head - ring->tail <= ring->capacity &&
                 ring->tail == ring_slowest(ring, ring->reader_count) &&
                 ring->origin <= ring->tail && ring->tail - ring->origin < ring->capacity;

    for (size_t i = 0; i < ring->reader_count; i++) {
        if (ring->readers[i].attached)
            holds = holds && ring->readers[i].cursor <= ring->head;
    }
    assert(holds);
    (void)holds; /* unused with NDEBUG */
}

int ring_init(struct ring *ring, size_t capacity, size_t reader_count)
{
    void *memory = NULL;

    assert(capacity >= 1 && reader_count >= 1);
    *ring = (struct ring){.capacity = capacity, .reader_count = reader_count};
    ring->readers = calloc(reader_count, sizeof(*ring->readers));
    if (ring->readers == NULL || posix_memalign(&memory, RING_ALIGNMENT, capacity) != 0) {
        ring_destroy(ring);
        errno = ENOMEM; /* posix_memalign() does not have to set errno */
        return -1;
    }
    ring->memory = memory;
    for (size_t i = 0; i < reader_count; i++)
        ring->readers[i].attached = true;
    ring_check(ring);
    return 0;
}

int ring_mark_records(struct ring *ring)
{
    void *ends = NULL;

    assert(ring->ends == NULL && ring_fill(ring) == 0);
    if (posix_memalign(&ends, RING_ALIGNMENT, bitmap_size(ring->capacity)) != 0) {
        errno = ENOMEM;
        return -1;
    }
    ring->ends = ends;
    return 0;
}

void ring_destroy(struct ring *ring)
{
    free(ring->memory);
    free(ring->ends);
    free(ring->readers);
    *ring = (struct ring){0};
}

/* The index in memory of a position that is in use, or of the head. */
static size_t ring_index(const struct ring *ring, uint64_t position)
{
    uint64_t distance = position - ring->origin;

    return (size_t)(distance < ring->capacity ? distance : distance - ring->capacity);
}

static struct span ring_span_at(const struct ring *ring, uint64_t position, size_t bytes)
{
    size_t index = ring_index(ring, position);
    struct span span = {.bytes = bytes, .ends = ring->ends, .index = index};
    size_t before_wrap = ring->capacity - index;

    if (bytes == 0)
        return span;
    span.count = 1;
    span.piece[0] = (struct iovec){ring->memory + index, bytes};
    if (bytes > before_wrap) {
        span.count = 2;
        span.piece[0].iov_len = before_wrap;
        span.piece[1] = (struct iovec){ring->memory, bytes - before_wrap};
    }
    return span;
}

struct span ring_write_span(const struct ring *ring, size_t max)
{
    size_t room = ring_room(ring);

    return ring_span_at(ring, ring->head, max < room ? max : room);
}

/* Clears the marks of the next `bytes`: no record is known to end in them yet. */
static void ring_clear_ends(struct ring *ring, size_t bytes)
{
    size_t index = ring_index(ring, ring->head);
    size_t before_wrap = ring->capacity - index;
    size_t first = bytes < before_wrap ? bytes : before_wrap;

    bitmap_clear(ring->ends, index, index + first);
    bitmap_clear(ring->ends, 0, bytes - first);
}

void ring_commit(struct ring *ring, size_t bytes)
{
    assert(bytes <= ring_room(ring));
    if (ring->ends != NULL)
        ring_clear_ends(ring, bytes);
    ring->head += bytes;
    uint64_t end = ring->head - ring->origin;
    if (end > ring->touched)
        ring->touched = end < ring->capacity ? (size_t)end : ring->capacity;
    ring_check(ring); /* fails if no reader is attached: the tail would have to follow the head */
}

void ring_append(struct ring *ring, const void *memory, size_t bytes)
{
    struct span span = ring_write_span(ring, bytes);
    const unsigned char *from = memory;

    assert(span.bytes == bytes);
    for (int i = 0; i < span.count; i++) {
        memcpy(span.piece[i].iov_base, from, span.piece[i].iov_len);
        from += span.piece[i].iov_len;
    }
    ring_commit(ring, bytes);
}

void ring_end_record(struct ring *ring)
{
    assert(ring->ends != NULL && ring_fill(ring) > 0);
    bitmap_set(ring->ends, ring_index(ring, ring->head - 1));
}

struct span ring_read_span(const struct ring *ring, size_t reader, size_t max)
{
    size_t unread = ring_unread(ring, reader);

    return ring_span_at(ring, ring->readers[reader].cursor, max < unread ? max : unread);
}

struct span ring_newest(const struct ring *ring, size_t bytes)
{
    assert(bytes <= ring_fill(ring));
    return ring_span_at(ring, ring->head - bytes, bytes);
}

/* Advances the tail to the slowest reader. Returns the number of bytes that have left the ring. */
static size_t ring_advance_tail(struct ring *ring)
{
    uint64_t tail = ring_slowest(ring, ring->reader_count);
    size_t left = (size_t)(tail - ring->tail);

    ring->tail = tail;
    if (tail == ring->head)
        ring->origin = tail; /* empty: the next byte goes to memory[0], where the cache is warm */
    else if (tail - ring->origin >= ring->capacity)
        ring->origin += ring->capacity;
    ring_check(ring);
    return left;
}

size_t ring_consume(struct ring *ring, size_t reader, size_t bytes)
{
    bool holds_tail = ring->readers[reader].cursor == ring->tail;

    assert(bytes <= ring_unread(ring, reader));
    ring->readers[reader].cursor += bytes;
    return holds_tail ? ring_advance_tail(ring) : 0;
}

void ring_retract(struct ring *ring, size_t bytes)
{
    assert(bytes <= ring_fill(ring));
    ring->head -= bytes;
    ring_advance_tail(ring);
}

void ring_attach(struct ring *ring, size_t reader)
{
    assert(reader < ring->reader_count && !ring->readers[reader].attached);
    ring->readers[reader] = (struct ring_reader){.cursor = ring->tail, .attached = true};
    ring_check(ring);
}

size_t ring_detach(struct ring *ring, size_t reader)
{
    assert(reader < ring->reader_count);
    ring->readers[reader].attached = false;
    return ring_advance_tail(ring);
}

/* Returns the pages of bits for the memory that ring_trim() returns; whole pages only. */
static void ring_discard_ends(struct ring *ring)
{
    unsigned char *ends = (unsigned char *)ring->ends;
    size_t bytes = (ring->touched - RING_KEPT) / CHAR_BIT;

    platform_discard(ends + RING_KEPT / CHAR_BIT, bytes - bytes % RING_ALIGNMENT);
}

void ring_trim(struct ring *ring)
{
    assert(ring_fill(ring) == 0);
    if (ring->touched <= RING_KEPT)
        return;
    size_t bytes = ring->touched - RING_KEPT;
    /* Whole pages only: the rest of the last page may belong to another allocation. */
    platform_discard(ring->memory + RING_KEPT, bytes - bytes % RING_ALIGNMENT);
    if (ring->ends != NULL) /* safe, because ring_commit() clears each bit before it is read */
        ring_discard_ends(ring);
    ring->touched = RING_KEPT;
}

size_t ring_fill(const struct ring *ring)
{
    return (size_t)(ring->head - ring->tail);
}

size_t ring_room(const struct ring *ring)
{
    return ring->capacity - ring_fill(ring);
}

size_t ring_unread(const struct ring *ring, size_t reader)
{
    assert(reader < ring->reader_count);
    return ring->readers[reader].attached ? (size_t)(ring->head - ring->readers[reader].cursor) : 0;
}

size_t ring_backlog(const struct ring *ring, size_t readers)
{
    return (size_t)(ring->head - ring_slowest(ring, readers));
}
