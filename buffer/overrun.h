/*
 * overrun.h - the bytes that a reader of the ring misses when it is overtaken: by --overflow
 * drop-oldest, or because it is a tap.
 *
 * Without records the reader loses the oldest bytes that it has not got. With records (-l, -0,
 * datagrams) it loses whole records. It is offered only complete records, so that none is ever
 * torn. A record that was sent in part is not dropped: its rest is put `aside`, and sent before
 * anything else. If an incomplete record has to go, because it fills the ring, its rest is dropped
 * as it arrives (`skipping`).
 *
 * `gap` is the hole at the reader's cursor. With --gap-mark a line takes its place:
 *
 *     [bpipe: 12 records, 3456 bytes dropped]
 *
 * A mark that is dropped is not counted as a record: the counts in it become part of the gap.
 * (Other modules put marks into the ring, too: buffer/admission.h, loop/merge.h. Another bpipe may
 * have done so as well.)
 *
 * Pure: memory, no descriptors, no time.
 */
#ifndef BPIPE_OVERRUN_H
#define BPIPE_OVERRUN_H

#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OVERRUN_MARK_SIZE = 96 }; /* the longest mark is shorter */

struct overrun_count {
    uint64_t bytes, records;
};

struct overrun {
    struct ring *ring;
    size_t reader;
    enum record_kind records; /* RECORD_NONE: the reader loses bytes */
    bool marks;               /* --gap-mark */
    bool in_record;           /* a record was sent in part, and the rest is in the ring */
    bool skipping;
    struct overrun_count dropped; /* since the start */
    struct overrun_count gap;     /* since the last mark: the next mark's counts */
    uint64_t passed_over; /* records that end in bytes of the ring that the reader did not send */
    uint64_t beside;      /* records whose end was sent from outside the ring, marks included */

    unsigned char *aside; /* as large as the ring; NULL without records */
    size_t aside_start, aside_left;
    char mark[OVERRUN_MARK_SIZE];
    size_t mark_start, mark_left;
};

/* Writes the mark for a gap, terminated like a record, and returns its length. */
size_t overrun_format_mark(char mark[OVERRUN_MARK_SIZE], const struct overrun_count *gap,
                           enum record_kind records);

/* Initializes the overrun of a reader. The ring must outlive it. Returns 0, or -1 with errno
 * ENOMEM. */
int overrun_init(struct overrun *overrun, struct ring *ring, size_t reader,
                 enum record_kind records, bool marks);
void overrun_destroy(struct overrun *overrun); /* harmless on a zeroed one */

/*
 * Makes the reader release the bytes before `position`, or more, up to the end of a record.
 * `complete` is where the last complete record ends. Incomplete records before `position` are left
 * alone unless `incomplete_too`.
 */
void overrun_overtake(struct overrun *overrun, uint64_t position, uint64_t complete,
                      bool incomplete_too);

/* The ring got more bytes, or (`ended`) will get no more. Drops the rest of a record that is being
 * dropped. Call it before asking anything else. */
void overrun_arrived(struct overrun *overrun, bool ended);

/* The reader will read no more: drops everything that it has not got. */
void overrun_drop_all(struct overrun *overrun);

/* overrun_beside(): the bytes to send before the ring's next byte; their length may be 0. *added
 * becomes the length of a mark if this call made one. overrun_sent_beside(): `bytes` of them were
 * sent. */
struct iovec overrun_beside(struct overrun *overrun, size_t *added);
void overrun_sent_beside(struct overrun *overrun, size_t bytes);

/* How many records end in the bytes that were sent. `before`: the number of records that end before
 * the cursor in the ring. */
uint64_t overrun_records_sent(const struct overrun *overrun, uint64_t before);

/* Whether overrun_beside() would return bytes, and at least how many. */
bool overrun_has_beside(const struct overrun *overrun);
size_t overrun_beside_bytes(const struct overrun *overrun);

#endif
