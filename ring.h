/*
 * ring.h - a byte ring with one writer and N readers, each of which gets every byte.
 *
 * Positions are absolute 64-bit counts of bytes since the start; they never wrap in practice (at
 * 100 GiB/s in five years). For every attached reader i, always:
 *
 *     tail <= cursor[i] <= head        head - tail <= capacity        tail == min(cursor)
 *
 * The capacity is exactly what was asked for. Bytes are reached through spans: at most two pieces
 * of memory, for readv(2) and writev(2) directly. The ring knows nothing of descriptors or time,
 * allocates only when it is made, and touches memory only where bytes are put (so that a large ring
 * that holds little costs little). When the last byte has been consumed the next one is written at
 * the start of the memory again, where the cache is warm.
 *
 * A ring can keep beside its bytes where records end (ring_mark_records()): for datagrams, which
 * have no byte that does. That is a bit for each byte of the memory, cleared where bytes are
 * written, and so has room for as many records as the ring has bytes. A record of no bytes cannot
 * be marked.
 */
#ifndef BPIPE_RING_H
#define BPIPE_RING_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RING_KEPT = 1 << 20 };

struct ring_reader {
    uint64_t cursor; /* absolute position of the next byte that it reads, or would have read */
    bool attached;
};

struct ring {
    unsigned char *memory; /* page-aligned */
    uint64_t *ends;        /* page-aligned: the bytes that end a record. NULL: not asked for */
    size_t capacity;
    uint64_t head;   /* bytes written since the start */
    uint64_t tail;   /* bytes that every attached reader has consumed */
    uint64_t origin; /* a position that lies at memory[0]; origin <= tail < origin + capacity */
    size_t touched;  /* how much of the memory has been written since ring_trim() */
    struct ring_reader *readers;
    size_t reader_count;
};

/*
 * A ring of `capacity` >= 1 bytes with `reader_count` >= 1 readers, all attached and at 0.
 * Returns 0, or -1 with errno ENOMEM and nothing allocated.
 */
int ring_init(struct ring *ring, size_t capacity, size_t reader_count);

/* Has it keep where records end, from here on; the ring is empty. 0, or -1 with errno ENOMEM. */
int ring_mark_records(struct ring *ring);

void ring_destroy(struct ring *ring); /* twice, or after a failed ring_init(), is harmless */

/* Where up to `max` bytes may be written now; count is 0 if the ring is full. */
struct span ring_write_span(const struct ring *ring, size_t max);

/*
 * The first `bytes` of the span last asked for were written; at most ring_room(). At least one
 * reader must be attached: with nobody to read them the bytes could never leave.
 */
void ring_commit(struct ring *ring, size_t bytes);

/* Copies `bytes`, at most ring_room(), to the head and commits them. */
void ring_append(struct ring *ring, const void *memory, size_t bytes);

/* A record ends with the newest byte, which is still there: no reader has consumed it. Only after
 * ring_mark_records(). */
void ring_end_record(struct ring *ring);

/* The newest `bytes` are taken back, as if they had not been committed; no attached reader has
 * consumed any of them. */
void ring_retract(struct ring *ring, size_t bytes);

/* Up to `max` bytes that `reader` has not consumed yet; count is 0 if there are none, and always
 * after its ring_detach(). */
struct span ring_read_span(const struct ring *ring, size_t reader, size_t max);

/* The newest `bytes`, whoever has consumed them; at most ring_fill(). */
struct span ring_newest(const struct ring *ring, size_t bytes);

/*
 * `reader` has consumed the next `bytes`; at most ring_unread(). Returns by how much the tail
 * advanced, i.e. how many bytes have now left the ring for good: 0 while a slower reader still
 * needs them.
 */
size_t ring_consume(struct ring *ring, size_t reader, size_t bytes);

/*
 * `reader` has gone: it no longer holds the tail back and has nothing unread (ask ring_unread()
 * before, to know what it missed). Returns by how much the tail advanced. With the last reader
 * everything leaves. Detaching twice is harmless.
 */
size_t ring_detach(struct ring *ring, size_t reader);

/* A detached reader reads again, from the oldest byte that the ring holds. */
void ring_attach(struct ring *ring, size_t reader);

/* Gives all memory that was touched but the first RING_KEPT bytes back to the system, which has
 * to make it anew when it is needed again. The ring must be empty. */
void ring_trim(struct ring *ring);

size_t ring_fill(const struct ring *ring);                  /* bytes held: head - tail */
size_t ring_room(const struct ring *ring);                  /* bytes that fit: capacity - fill */
size_t ring_unread(const struct ring *ring, size_t reader); /* bytes ahead of one reader */

/* Bytes that some attached one of the first `readers` has not consumed. */
size_t ring_backlog(const struct ring *ring, size_t readers);

#endif
