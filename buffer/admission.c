/*
 * admission.c - see admission.h.
 *
 * Invariant: ring->tail <= complete <= ring->head, and begun <= the end of the stream. Without a
 * spool complete == begun.
 */
#include "buffer/admission.h"

#include "base/minmax.h"
#include "base/records.h"

#include <assert.h>
#include <errno.h>

void admission_init(struct admission *admission, struct ring *ring, struct spool *spool,
                    enum record_kind records, bool marks)
{
    *admission =
        (struct admission){.ring = ring, .spool = spool, .records = records, .marks = marks};
}

static uint64_t spooled(const struct admission *admission)
{
    return admission->spool == NULL ? 0 : spool_held(admission->spool);
}

/* The position of the next byte that is admitted. */
static uint64_t stream_end(const struct admission *admission)
{
    return admission->ring->head + spooled(admission);
}

/* New bytes go into the ring only if nothing is in the spool behind it. */
static size_t room_in_ring(const struct admission *admission)
{
    return admission->closed || spooled(admission) > 0 ? 0 : ring_room(admission->ring);
}

uint64_t admission_room(const struct admission *admission)
{
    return room_in_ring(admission) + (admission->spool == NULL ? 0 : spool_room(admission->spool));
}

bool admission_takes_directly(const struct admission *admission)
{
    return !admission->skipping && !admission_owes_mark(admission) && spooled(admission) == 0;
}

static void tell_index(struct admission *admission, size_t bytes)
{
    if (admission->index != NULL)
        (void)record_index_entered(admission->index, bytes);
}

/* `bytes` at `memory` are the newest in the ring. */
static void note_in_ring(struct admission *admission, const void *memory, size_t bytes)
{
    tell_index(admission, bytes);
    size_t whole =
        admission->records == RECORD_NONE ? 0 : records_whole(memory, bytes, admission->records);
    if (whole > 0)
        admission->complete = admission->ring->head - (bytes - whole);
}

static void note_in_stream(struct admission *admission, const void *memory, size_t bytes)
{
    size_t whole =
        admission->records == RECORD_NONE ? 0 : records_whole(memory, bytes, admission->records);
    if (whole > 0)
        admission->begun = stream_end(admission) - (bytes - whole);
}

/* The newest `bytes` of the ring have just entered: finds how far they are whole records. */
static void note_newest(struct admission *admission, size_t bytes)
{
    if (admission->records == RECORD_NONE)
        return;
    struct span span = ring_newest(admission->ring, bytes);
    size_t whole = records_whole_span(&span, admission->records);
    if (whole > 0)
        admission->complete = admission->ring->head - (bytes - whole);
}

void admission_committed(struct admission *admission, size_t bytes)
{
    assert(spooled(admission) == 0);
    note_newest(admission, bytes);
    if (bytes > 0)
        admission->begun = admission->complete;
}

/* Adds a datagram to the stream, or nothing. Returns the bytes added. */
static size_t append_datagram(struct admission *admission, const struct iovec *pieces, int count,
                              size_t bytes)
{
    if (bytes == 0 || bytes > room_in_ring(admission))
        return 0;
    for (int i = 0; i < count; i++)
        ring_append(admission->ring, pieces[i].iov_base, pieces[i].iov_len);
    ring_end_record(admission->ring);
    tell_index(admission, bytes);
    admission->complete = admission->begun = admission->ring->head;
    return bytes;
}

/* Adds bytes to the stream, as many as the ring and the spool take. Returns their number. */
static size_t append(struct admission *admission, const void *memory, size_t bytes,
                     size_t *to_spool, uint64_t *calls)
{
    const unsigned char *from = memory;
    size_t in_ring = min_size(bytes, room_in_ring(admission));
    if (admission->records == RECORD_DATAGRAM)
        return append_datagram(admission, &(struct iovec){(void *)from, bytes}, 1, bytes);
    if (in_ring > 0) {
        ring_append(admission->ring, from, in_ring);
        note_in_ring(admission, from, in_ring);
    }
    size_t taken = in_ring;
    while (taken < bytes && admission->spool != NULL && spool_room(admission->spool) > 0) {
        struct iovec piece = {(void *)(from + taken), bytes - taken};
        ssize_t put = spool_put(admission->spool, &piece, 1, calls);
        if (put < 0) {
            admission->spool_error = errno;
            admission->spool->refused = true;
        }
        if (put <= 0)
            break;
        taken += (size_t)put;
        *to_spool += (size_t)put;
    }
    note_in_stream(admission, from, taken);
    return taken;
}

struct admission_result admission_admit(struct admission *admission, const void *memory,
                                        size_t bytes, uint64_t *calls)
{
    struct admission_result result = {0};
    result.entered = append(admission, memory, bytes, &result.spooled, calls);
    return result;
}

struct admission_result admission_admit_span(struct admission *admission, const struct span *span,
                                             uint64_t *calls)
{
    struct admission_result result = {0};
    if (admission->records == RECORD_DATAGRAM) {
        result.entered = append_datagram(admission, span->piece, span->count, span->bytes);
        return result;
    }
    for (int i = 0; i < span->count; i++) {
        const struct iovec *piece = &span->piece[i];
        size_t entered = append(admission, piece->iov_base, piece->iov_len, &result.spooled, calls);
        result.entered += entered;
        if (entered < piece->iov_len)
            break;
    }
    return result;
}

/* Removes the newest bytes of the stream. In the spool this makes room. */
static void take_back(struct admission *admission, size_t bytes)
{
    size_t from_spool = min_size(spooled(admission), bytes);
    if (from_spool > 0)
        spool_retract(admission->spool, from_spool);
    if (admission->index != NULL)
        record_index_retracting(admission->index, bytes - from_spool);
    ring_retract(admission->ring, bytes - from_spool);
}

size_t admission_take_back_begun(struct admission *admission)
{
    size_t bytes = (size_t)(stream_end(admission) - admission->begun);
    take_back(admission, bytes);
    return bytes;
}

/* take_back(), after the disk turned out to be full: it still is. */
static void take_back_refused(struct admission *admission, size_t bytes)
{
    take_back(admission, bytes);
    admission->spool->refused = true;
}

/* --- drop-newest ------------------------------------------------------------------------------ */

static void refuse(struct admission *admission, struct admission_result *result, size_t bytes,
                   uint64_t records)
{
    admission->gap.bytes += bytes;
    admission->gap.records += records;
    result->refused.bytes += bytes;
    result->refused.records += records;
}

/* Takes back the record that has begun. */
static void retract(struct admission *admission, struct admission_result *result)
{
    size_t bytes = admission_take_back_begun(admission);
    result->retracted += bytes;
    refuse(admission, result, bytes, 0);
}

/* Drops all of these bytes: there is no room, and no record that could be taken back. */
static void refuse_all(struct admission *admission, struct admission_result *result,
                       const void *memory, size_t bytes)
{
    uint64_t records = records_count(memory, bytes, admission->records);
    if (admission->records != RECORD_NONE)
        admission->skipping = !records_ends(memory, bytes, admission->records);
    refuse(admission, result, bytes, records);
}

/* Drops the record that has begun, or begins here. These bytes belong to it until it ends. Returns
 * how many of them do. */
static size_t skip(struct admission *admission, struct admission_result *result, const void *memory,
                   size_t bytes)
{
    size_t ended = records_first(memory, bytes, admission->records);
    admission->skipping = ended == 0;
    refuse(admission, result, ended > 0 ? ended : bytes, ended > 0);
    return ended > 0 ? ended : bytes;
}

static size_t mark_length(const struct admission *admission)
{
    char mark[OVERRUN_MARK_SIZE];
    return admission_owes_mark(admission)
               ? overrun_format_mark(mark, &admission->gap, admission->records)
               : 0;
}

/* How many of the bytes fit. Unless all do, only whole records count. */
static size_t fitting(const struct admission *admission, const void *memory, size_t bytes)
{
    size_t mark = mark_length(admission);
    uint64_t room = admission_room(admission);
    size_t fit = room > mark ? min_size(room - mark, bytes) : 0;
    if (admission->records == RECORD_NONE || fit == 0)
        return fit;
    if (admission->records == RECORD_DATAGRAM)
        return fit == bytes ? fit : 0;
    size_t first = records_first(memory, bytes, admission->records);
    size_t begun = (size_t)(stream_end(admission) - admission->begun);
    if (begun + (first > 0 ? first : bytes) > admission->ring->capacity)
        return 0; /* the record could never be offered */
    return fit < bytes ? records_whole(memory, fit, admission->records) : fit;
}

static void admit_or_skip(struct admission *admission, struct admission_result *result,
                          const void **memory, size_t *bytes, uint64_t *calls)
{
    size_t done;
    size_t fit = admission->skipping ? 0 : fitting(admission, *memory, *bytes);
    bool full = admission_room(admission) == 0 && stream_end(admission) == admission->begun;
    if (fit > 0)
        result->added += admission_mark(admission, calls);
    if (fit > 0 && !admission_owes_mark(admission)) {
        done = append(admission, *memory, fit, &result->spooled, calls);
        if (done < fit && admission->records != RECORD_NONE) {
            size_t whole = records_whole(*memory, done, admission->records);
            take_back_refused(admission, done - whole);
            done = whole;
        }
        result->entered += done;
    } else if (full || admission->records == RECORD_NONE) {
        done = *bytes;
        refuse_all(admission, result, *memory, done);
    } else {
        if (!admission->skipping)
            retract(admission, result);
        done = skip(admission, result, *memory, *bytes);
    }
    *memory = (const unsigned char *)*memory + done;
    *bytes -= done;
}

struct admission_result admission_admit_or_drop(struct admission *admission, const void *memory,
                                                size_t bytes, uint64_t *calls)
{
    struct admission_result result = {0};
    assert(bytes <=
           admission->ring->capacity); /* otherwise fitting() would have to look at all records */
    while (bytes > 0)
        admit_or_skip(admission, &result, &memory, &bytes, calls);
    return result;
}

bool admission_owes_mark(const struct admission *admission)
{
    return admission->marks && admission->gap.bytes > 0 && !admission->skipping;
}

size_t admission_mark(struct admission *admission, uint64_t *calls)
{
    char mark[OVERRUN_MARK_SIZE];
    if (!admission_owes_mark(admission))
        return 0;
    size_t length = overrun_format_mark(mark, &admission->gap, admission->records), to_spool = 0;
    if (admission_room(admission) < length)
        return 0;
    if (append(admission, mark, length, &to_spool, calls) < length) {
        take_back_refused(admission, (size_t)(stream_end(admission) - admission->begun));
        return 0;
    }
    admission->gap = (struct overrun_count){0};
    return length;
}

/* --- the spool, and the end ------------------------------------------------------------------- */

static void complete_if_ended(struct admission *admission)
{
    if (admission->ended && !admission->withheld && spooled(admission) == 0)
        admission->complete = admission->ring->head;
}

ssize_t admission_unspool(struct admission *admission, size_t max, uint64_t *calls)
{
    struct span span = ring_write_span(admission->ring, max);
    ssize_t bytes = spool_get(admission->spool, span.piece, span.count, calls);
    if (bytes > 0) {
        ring_commit(admission->ring, (size_t)bytes);
        tell_index(admission, (size_t)bytes);
        note_newest(admission, (size_t)bytes);
    }
    complete_if_ended(admission);
    return bytes;
}

uint64_t admission_end_skipping(struct admission *admission)
{
    uint64_t records = admission->skipping;
    admission->skipping = false;
    admission->gap.records += records;
    return records;
}

void admission_release(struct admission *admission)
{
    admission->withheld = false;
    admission->begun = stream_end(admission);
    if (spooled(admission) == 0)
        admission->complete = admission->ring->head;
}

uint64_t admission_ended(struct admission *admission)
{
    admission->ended = true;
    if (!admission->withheld)
        admission_release(admission);
    return admission_end_skipping(admission);
}

bool admission_is_unfinished(const struct admission *admission)
{
    return admission->records != RECORD_NONE && admission->begun < stream_end(admission);
}
