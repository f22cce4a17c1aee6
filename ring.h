/*
 * ring.h - a byte ring with one writer and N readers, each of which gets every byte.
 *
 * Positions are absolute 64-bit counts of bytes since the start. They never wrap in practice (at
 * 100 GiB/s after five years). For every attached reader i, always:
 *
 *     tail <= cursor[i] <= head        head - tail <= capacity        tail == min(cursor)
 *
 * The capacity is exactly the requested one. A span gives access to the bytes: at most two pieces
 * of memory, as readv(2) and writev(2) take them. The ring knows nothing of descriptors or time. It
 * allocates memory only when it is made, and touches memory only where bytes are written, so that a
 * large ring that holds little costs little. When the last byte has been consumed the next one is
 * written at the start of the memory, where the cache is warm.
 *
 * A ring can also store where records end (ring_mark_records()). This is for datagrams, which have
 * no byte that ends them. The ring has one bit for each byte of its memory, which is cleared when
 * the byte is written, so there is room for as many records as bytes. An empty record cannot be
 * marked.
 */
#ifndef BPIPE_RING_H
#define BPIPE_RING_H

#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RING_KEPT = 1 << 20 };

struct ring_reader {
    uint64_t cursor; /* position of the next byte that it reads, or would have read if detached */
    bool attached;
};

struct ring {
    unsigned char *memory; /* page-aligned */
    uint64_t *ends;        /* page-aligned: a bit for each byte that ends a record, or NULL */
    size_t capacity;
    uint64_t head;   /* bytes written since the start */
    uint64_t tail;   /* bytes that every attached reader has consumed */
    uint64_t origin; /* position of memory[0]; origin <= tail < origin + capacity */
    size_t touched;  /* bytes of the memory, from its start, written since ring_trim() */
    struct ring_reader *readers;
    size_t reader_count;
};

/*
 * Makes a ring of `capacity` >= 1 bytes with `reader_count` >= 1 readers, all attached and at 0.
 * Returns 0, or -1 with errno ENOMEM and nothing allocated.
 */
int ring_init(struct ring *ring, size_t capacity, size_t reader_count);

/* Makes the ring store where records end. The ring must be empty. Returns 0, or -1 with errno
 * ENOMEM. */
int ring_mark_records(struct ring *ring);

void ring_destroy(struct ring *ring); /* harmless twice, or after a failed ring_init() */

/* The memory into which up to `max` bytes may be written now. `count` is 0 if the ring is full. */
struct span ring_write_span(const struct ring *ring, size_t max);

/*
 * Commits the first `bytes` of the last ring_write_span(), which were written; at most ring_room().
 * At least one reader must be attached: without a reader the bytes could never leave.
 */
void ring_commit(struct ring *ring, size_t bytes);

/* Copies `bytes`, at most ring_room(), to the head and commits them. */
void ring_append(struct ring *ring, const void *memory, size_t bytes);

/* Marks the newest byte as the end of a record. The byte must still be in the ring. Only after
 * ring_mark_records(). */
void ring_end_record(struct ring *ring);

/* Takes the newest `bytes` back, as if they had not been committed. No attached reader may have
 * consumed any of them. */
void ring_retract(struct ring *ring, size_t bytes);

/* Up to `max` bytes that `reader` has not consumed yet. `count` is 0 if there are none, or if the
 * reader is detached. */
struct span ring_read_span(const struct ring *ring, size_t reader, size_t max);

/* The newest `bytes`, at most ring_fill(), even if some readers have consumed them. */
struct span ring_newest(const struct ring *ring, size_t bytes);

/*
 * `reader` has consumed the next `bytes`, at most ring_unread(). Returns the number of bytes by
 * which the tail advanced, that is, which have left the ring: 0 while a slower reader still needs
 * them.
 */
size_t ring_consume(struct ring *ring, size_t reader, size_t bytes);

/*
 * Detaches `reader`: it no longer holds the tail back and has nothing unread. Call ring_unread()
 * before to know how much it missed. Returns the number of bytes by which the tail advanced. When
 * the last reader is detached all bytes leave the ring. Detaching twice is harmless.
 */
size_t ring_detach(struct ring *ring, size_t reader);

/* Attaches a detached reader again, at the oldest byte that the ring holds. */
void ring_attach(struct ring *ring, size_t reader);

/* Returns all touched memory except the first RING_KEPT bytes to the kernel, which has to provide
 * it again when it is needed. The ring must be empty. */
void ring_trim(struct ring *ring);

size_t ring_fill(const struct ring *ring);                  /* bytes held: head - tail */
size_t ring_room(const struct ring *ring);                  /* bytes that fit: capacity - fill */
size_t ring_unread(const struct ring *ring, size_t reader); /* bytes that it has not consumed */

/* Bytes that the slowest attached reader among the first `readers` has not consumed. */
size_t ring_backlog(const struct ring *ring, size_t readers);

#endif
