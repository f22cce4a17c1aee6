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
 * `bytes` in all. The bytes of a read span stay in place until that reader consumes them or is
 * detached. A write span is valid only until the next ring_consume() or ring_detach() of any
 * reader: the ring may become empty and start over, and a commit would then refer to other memory.
 */
struct span {
    struct iovec piece[SPAN_PIECES];
    int count;
    size_t bytes;
    const uint64_t *ends; /* the ring's bitmap of record ends (base/bitmap.h); NULL: it has none */
    size_t index;         /* bit of the first byte of piece 0 in `ends`; piece 1 starts at bit 0 */
};

#endif
