/*
 * admission.h - how bytes get into a ring, or behind it into the spool, and what --overflow
 * drop-newest refuses.
 *
 * What has been admitted is a stream: first what is in the ring, then what is in the spool. With
 * records the admission knows where the last one that has come whole ends, for a record that has
 * begun may have to be taken back: under drop-newest one that does not fit is dropped whole, be it
 * that its beginning is in the ring already, and the rest is dropped as it comes (`skipping`). One
 * that is longer than the ring never fits.
 *
 * Datagrams come whole: memory that is offered holds one of them, which enters whole or not at all,
 * and its end is marked in the ring (ring_mark_records()). There is no spool for them.
 *
 * With --gap-mark the next record that is admitted is preceded by a mark (buffer/overrun.h), as a
 * part of the stream.
 *
 * Pure but for the spool's file.
 */
#ifndef BPIPE_ADMISSION_H
#define BPIPE_ADMISSION_H

#include "buffer/overrun.h"
#include "buffer/record_index.h"
#include "buffer/spool.h"
#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admission {
    struct ring *ring;
    struct spool *spool;        /* NULL: none */
    struct record_index *index; /* is told what enters the ring; NULL: none. Set by the loop */
    enum record_kind records;   /* RECORD_NONE: nothing is known of records */
    bool marks;                 /* --gap-mark under drop-newest */
    uint64_t complete; /* position in the ring: after the last whole record that is in it */
    uint64_t begun;    /* position in the stream: after the last whole record of all */
    bool closed;       /* nothing is to enter the ring, whatever room it has: set by the loop */
    bool skipping;
    bool ended;
    bool withheld;            /* though it has ended, the last record is not to pass for one */
    struct overrun_count gap; /* refused since the last mark */
    int spool_error;          /* errno of a spool that could not be written; 0: none */
};

/* What an admission did with bytes that were offered to it. */
struct admission_result {
    size_t entered;               /* bytes that are in the ring or the spool now */
    size_t spooled;               /* of these, how many went to the spool */
    size_t added;                 /* the length of a mark that entered before them */
    struct overrun_count refused; /* dropped of what was offered, or had entered before */
    size_t retracted;             /* of the refused bytes, those that had entered before */
};

void admission_init(struct admission *admission, struct ring *ring, struct spool *spool,
                    enum record_kind records, bool marks);

/* `bytes` have been read into the ring directly (ring_commit() was called, and for a datagram
 * ring_end_record(), and the index was told). Only while nothing is in the spool and
 * admission_takes_directly(). */
void admission_committed(struct admission *admission, size_t bytes);

/* Whether what comes may be read into the ring itself: nothing of it has to be looked at. */
bool admission_takes_directly(const struct admission *admission);

/* How many bytes the ring and the spool take. */
uint64_t admission_room(const struct admission *admission);

/* Admits as many of the bytes as there is room for, and drops none.
 * Counts system calls. */
struct admission_result admission_admit(struct admission *admission, const void *memory,
                                        size_t bytes, uint64_t *calls);

/* The same for what lies in another ring, of which a datagram may be in two pieces. */
struct admission_result admission_admit_span(struct admission *admission, const struct span *span,
                                             uint64_t *calls);

/* As admission_admit(), of no more bytes than the ring can hold; but drops what does not fit: all
 * are dealt with. */
struct admission_result admission_admit_or_drop(struct admission *admission, const void *memory,
                                                size_t bytes, uint64_t *calls);

/* Takes the record back that has begun and not ended: returns how many bytes that were. */
size_t admission_take_back_begun(struct admission *admission);

/* Moves up to `max` bytes from the spool to the ring. -1 with errno. */
ssize_t admission_unspool(struct admission *admission, size_t max, uint64_t *calls);

/* A mark is due and fits: admits it. Returns its length, or 0. Call it before reading directly, and
 * after the end. */
size_t admission_mark(struct admission *admission, uint64_t *calls);
bool admission_owes_mark(const struct admission *admission);

/* No more will come: the last record is whole, though it has no terminator; not if it is
 * `withheld`, until admission_release(). If it was being dropped, returns 1: it counts now. */
uint64_t admission_ended(struct admission *admission);

/* The record that has begun ends here: it is not withheld, and cannot be taken back. */
void admission_release(struct admission *admission);

/* What comes next is not the rest of the record that was being dropped. Returns 1 if there is such
 * a record. */
uint64_t admission_end_skipping(struct admission *admission);

/* Whether the stream ends in a record that has begun and not ended. */
bool admission_is_unfinished(const struct admission *admission);

#endif
