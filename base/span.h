/*
 * span.h - bytes in a ring, in one or two pieces.
 */
#ifndef BPIPE_SPAN_H
#define BPIPE_SPAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { SPAN_PIECES = 2 };

/*
 * Memory that a caller may read or write now: `count` pieces (0..2), none of them empty, with
 * `bytes` in all. The bytes of a read span stay where they are until that reader consumes them or
 * is detached. A write span holds only until the next ring_consume() or ring_detach(), by whichever
 * reader: the ring may become empty and start over, and a commit would then mean other memory.
 */
struct span {
    struct iovec piece[SPAN_PIECES];
    int count;
    size_t bytes;
    const uint64_t *ends; /* of the ring (base/bitmap.h); NULL: it has none */
    size_t index;         /* there, of the first byte of piece 0; piece 1 begins at 0 */
};

#endif
