/*
 * last_written.h - the last bytes that were written, and the last whole line, for %nA and %nL.
 *
 * Fed with what an output has taken, by the loop, and only where a format asks for it: then bytes
 * do not go past the ring, since nobody could look at them.
 */
#ifndef BPIPE_LAST_WRITTEN_H
#define BPIPE_LAST_WRITTEN_H

#include "ring.h"

#include <stdbool.h>
#include <stddef.h>

enum { LAST_WRITTEN_BYTES = 256, LAST_WRITTEN_LINE = 1024 };

struct last_written {
    bool wanted;
    unsigned char written[LAST_WRITTEN_BYTES]; /* the newest last */
    size_t written_length;
    char line[LAST_WRITTEN_LINE]; /* the last whole one, cut to this */
    size_t line_length;
    char open[LAST_WRITTEN_LINE]; /* the one after it */
    size_t open_length;
};

/* The first `bytes` of the span were written. */
void last_written_add(struct last_written *last_written, const struct span *span, size_t bytes);

#endif
