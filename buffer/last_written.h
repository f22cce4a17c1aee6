/*
 * last_written.h - the last bytes written, and the last whole line, for %nA and %nL.
 *
 * The loop feeds it with the bytes that an output has taken, only if a format asks for them. Then
 * no bytes bypass the ring, because they could not be inspected.
 */
#ifndef BPIPE_LAST_WRITTEN_H
#define BPIPE_LAST_WRITTEN_H

#include "ring.h"

#include <stdbool.h>
#include <stddef.h>

enum { LAST_WRITTEN_BYTES = 256, LAST_WRITTEN_LINE = 1024 };

struct last_written {
    bool wanted;
    unsigned char written[LAST_WRITTEN_BYTES]; /* oldest first */
    size_t written_length;
    char line[LAST_WRITTEN_LINE]; /* the last whole line, cut to this length */
    size_t line_length;
    char open[LAST_WRITTEN_LINE]; /* the unfinished line after it */
    size_t open_length;
};

/* The first `bytes` of the span were written. */
void last_written_add(struct last_written *last_written, const struct span *span, size_t bytes);

#endif
