/*
 * recent.h - the last bytes that were written, and the last whole line, for %nA and %nL.
 *
 * Fed with what an output has taken, by the loop, and only where a format asks for it: then bytes
 * do not go past the ring, since nobody could look at them.
 */
#ifndef BPIPE_RECENT_H
#define BPIPE_RECENT_H

#include "ring.h"

#include <stdbool.h>
#include <stddef.h>

enum { RECENT_BYTES = 256, RECENT_LINE = 1024 };

struct recent {
    bool wanted;
    unsigned char written[RECENT_BYTES]; /* the newest last */
    size_t written_length;
    char line[RECENT_LINE]; /* the last whole one, cut to this */
    size_t line_length;
    char open[RECENT_LINE]; /* the one after it */
    size_t open_length;
};

/* The first `bytes` of the span were written. */
void recent_add(struct recent *recent, const struct span *span, size_t bytes);

#endif
