/*
 * match.h - compares what a consumer got with what the producers wrote: what of it is missing, and
 * that nothing else is there, torn, doubled, or out of order.
 *
 * Records are found by their own numbers. Bytes without records are matched one by one with the
 * first equal one that is left: no honest output is refused that way, and one with bytes that are
 * not the input's, or not in its order, soon has nothing left to match.
 */
#ifndef SCHEDULE_MATCH_H
#define SCHEDULE_MATCH_H

#include "input.h"
#include "plan.h"

enum match_kind {
    MATCH_WHOLE, /* the run came to its end: what is missing was dropped, and says so in marks */
    MATCH_BEGINNING, /* the output ends anywhere, in the middle of a record perhaps */
    MATCH_TAP,       /* it may end in the middle of a record, and marks need not add up */
    MATCH_TAP_BEGINNING
};

struct missing {
    size_t records, bytes;
    size_t supplied; /* how many of the records would have got a terminator; not in bytes */
};

struct match {
    struct missing
        missing[MOST_SOURCES]; /* of each stream; MATCH_BEGINNING: before the last kept */
    struct missing all;
    size_t added; /* bytes: gap marks, supplied terminators */
    size_t mark_count;
    bool torn;           /* it ends in the middle of a record or mark */
    char complaint[256]; /* "": it is an honest output */
};

void match_output(struct match *match, const struct plan *plan, const struct input *input,
                  enum match_kind kind, const unsigned char *bytes, size_t size);

#endif
