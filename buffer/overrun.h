/*
 * overrun.h - what a reader of the ring misses when it is overtaken: by --overflow drop-oldest, or
 * because it is a tap.
 *
 * Without records it loses the oldest bytes that it has not got. With records (-l, -0, datagrams)
 * it loses whole ones, and so that none is ever torn it is offered only what is complete. A record
 * of which it was sent a part is not dropped: what is left of it is put `aside`, and sent before
 * anything else. If a record that is not complete has to go, because it fills the ring, the rest of
 * it is dropped as it comes (`skipping`).
 *
 * `gap` is the hole at the reader's cursor. With --gap-mark a line takes its place:
 *
 *     [bpipe: 12 records, 3456 bytes dropped]
 *
 * A mark that is dropped is not a record: what it said becomes part of the gap. (Others put marks
 * into the ring, too: buffer/admission.h, loop/merge.h; or another bpipe did.)
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
    enum record_kind records; /* RECORD_NONE: it loses bytes */
    bool marks;               /* --gap-mark */
    bool in_record;           /* a record was sent in part, and its rest is in the ring */
    bool skipping;
    struct overrun_count dropped; /* since the start */
    struct overrun_count gap;     /* since the last mark: what that will say */
    uint64_t passed_over; /* records that end in bytes of the ring that the reader did not send */
    uint64_t beside;      /* records whose end was sent from beside the ring; marks are such */

    unsigned char *aside; /* as large as the ring; NULL without records */
    size_t aside_start, aside_left;
    char mark[OVERRUN_MARK_SIZE];
    size_t mark_start, mark_left;
};

/* Writes the mark for a gap, terminated as records are, and returns its length. */
size_t overrun_format_mark(char mark[OVERRUN_MARK_SIZE], const struct overrun_count *gap,
                           enum record_kind records);

/* For a reader of the ring, which must outlive it. 0, or -1 with errno ENOMEM. */
int overrun_init(struct overrun *overrun, struct ring *ring, size_t reader,
                 enum record_kind records, bool marks);
void overrun_destroy(struct overrun *overrun); /* harmless on a zeroed one */

/*
 * Makes the reader let go of what lies before `position`, or of more, up to the end of a record.
 * `complete` is where the last record that has come whole ends. If what lies before `position` is
 * not complete, it is left alone unless `incomplete_too`.
 */
void overrun_overtake(struct overrun *overrun, uint64_t position, uint64_t complete,
                      bool incomplete_too);

/* The ring got more bytes, or (`ended`) will get no more: the rest of a record that is being
 * dropped is dropped. To be called before anything else is asked. */
void overrun_arrived(struct overrun *overrun, bool ended);

/* Everything that the reader has not got is dropped: it will not read any more. */
void overrun_drop_all(struct overrun *overrun);

/* What is to be sent before the ring's next byte; its length may be 0. *added becomes the length of
 * a mark that is new by this. overrun_sent_beside(): so much of it was sent. */
struct iovec overrun_beside(struct overrun *overrun, size_t *added);
void overrun_sent_beside(struct overrun *overrun, size_t bytes);

/* How many records end in the bytes that were sent: in the ring `before` end before the cursor. */
uint64_t overrun_records_sent(const struct overrun *overrun, uint64_t before);

/* Whether overrun_beside() would give something, and how much at least. */
bool overrun_has_beside(const struct overrun *overrun);
size_t overrun_beside_bytes(const struct overrun *overrun);

#endif
