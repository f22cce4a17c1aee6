/*
 * match.h - compares the bytes that a consumer got with those that the producers wrote: which are
 * missing, and that no others are there, none torn, doubled, or out of order.
 *
 * Records are found by their own numbers. Bytes without records are matched one by one, each with
 * the first equal byte that is left. No honest output is refused that way. An output with bytes
 * that are not in the input, or are in another order, soon has no byte left to match.
 */
#ifndef SCHEDULE_MATCH_H
#define SCHEDULE_MATCH_H

#include "input.h"
#include "plan.h"

enum match_kind {
    MATCH_WHOLE,     /* the run came to its end: what is missing was dropped, and marks say so */
    MATCH_BEGINNING, /* the output may end anywhere, even in the middle of a record */
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
    char complaint[256]; /* "": the output is honest */
};

void match_output(struct match *match, const struct plan *plan, const struct input *input,
                  enum match_kind kind, const unsigned char *bytes, size_t size);

#endif
