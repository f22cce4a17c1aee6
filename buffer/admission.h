/*
 * admission.h - puts bytes into a ring, or into the spool behind it, and refuses bytes under
 * --overflow drop-newest.
 *
 * The admitted bytes are a stream: first the bytes in the ring, then those in the spool. With
 * records the admission knows where the last complete record ends, because a record that has begun
 * may have to be taken back. Under drop-newest a record that does not fit is dropped whole, even if
 * its beginning is already in the ring, and the rest of it is dropped as it arrives (`skipping`). A
 * record longer than the ring never fits.
 *
 * A datagram is never split: memory that is offered holds exactly one datagram, which enters whole
 * or not at all. Its end is marked in the ring (ring_mark_records()). There is no spool for
 * datagrams.
 *
 * With --gap-mark a mark (buffer/overrun.h) precedes the next record that is admitted. The mark is
 * part of the stream.
 *
 * Pure, except for the spool's file.
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
    struct record_index *index; /* of the bytes that enter the ring; NULL: none. Set by the loop */
    enum record_kind records;   /* RECORD_NONE: records are not recognized */
    bool marks;                 /* --gap-mark under drop-newest */
    uint64_t complete;          /* position in the ring: after the last whole record in it */
    uint64_t begun;             /* position in the stream: after its last whole record */
    bool closed; /* nothing may enter the ring, even if it has room: set by the loop */
    bool skipping;
    bool ended;
    bool withheld;            /* the stream ended, but its last record does not count as whole */
    struct overrun_count gap; /* dropped since the last mark */
    int spool_error;          /* errno of a failed write to the spool; 0: none */
};

/* What an admission did with the bytes offered to it. */
struct admission_result {
    size_t entered;               /* bytes that are in the ring or the spool now */
    size_t spooled;               /* of these, the bytes that went to the spool */
    size_t added;                 /* the length of a mark that entered before them */
    struct overrun_count refused; /* dropped: offered bytes, and bytes that had entered before */
    size_t retracted;             /* of the refused bytes, those that had entered before */
};

void admission_init(struct admission *admission, struct ring *ring, struct spool *spool,
                    enum record_kind records, bool marks);

/* `bytes` have been read into the ring directly. The caller has called ring_commit(), for a
 * datagram also ring_end_record(), and has told the index. Call it only if the spool is empty and
 * admission_takes_directly(). */
void admission_committed(struct admission *admission, size_t bytes);

/* Whether input may be read into the ring directly, because the admission does not have to inspect
 * it. */
bool admission_takes_directly(const struct admission *admission);

/* The number of bytes for which the ring and the spool have room. */
uint64_t admission_room(const struct admission *admission);

/* Admits as many of the bytes as there is room for, and drops none. Counts system calls. */
struct admission_result admission_admit(struct admission *admission, const void *memory,
                                        size_t bytes, uint64_t *calls);

/* The same for bytes in another ring, where a datagram may be in two pieces. */
struct admission_result admission_admit_span(struct admission *admission, const struct span *span,
                                             uint64_t *calls);

/* Like admission_admit(), for at most as many bytes as the ring can hold, but drops the bytes that
 * do not fit: afterwards all bytes are dealt with. */
struct admission_result admission_admit_or_drop(struct admission *admission, const void *memory,
                                                size_t bytes, uint64_t *calls);

/* Takes back the record that has begun and not ended. Returns its number of bytes so far. */
size_t admission_take_back_begun(struct admission *admission);

/* Moves up to `max` bytes from the spool to the ring. Returns their number, or -1 with errno. */
ssize_t admission_unspool(struct admission *admission, size_t max, uint64_t *calls);

/* Admits a mark, if one is due and fits. Returns its length, or 0. Call it before reading directly,
 * and after the end. */
size_t admission_mark(struct admission *admission, uint64_t *calls);
bool admission_owes_mark(const struct admission *admission);

/* No more bytes will come. The last record counts as whole even without a terminator, unless it is
 * `withheld`: then it does so after admission_release(). Returns 1 if the last record was being
 * dropped, because it is counted only now. */
uint64_t admission_ended(struct admission *admission);

/* The record that has begun ends here. It is no longer withheld, and cannot be taken back. */
void admission_release(struct admission *admission);

/* The next bytes do not belong to the record that was being dropped. Returns 1 if there is such a
 * record. */
uint64_t admission_end_skipping(struct admission *admission);

/* Whether the stream ends in a record that has begun and not ended. */
bool admission_is_unfinished(const struct admission *admission);

#endif
