/*
 * intake.c - see intake.h.
 *
 * Invariant: ring->tail <= complete <= ring->head, and begun <= the end of the stream; without a
 * spool complete == begun.
 */
#include "buffer/intake.h"

#include "base/minmax.h"
#include "base/records.h"

#include <assert.h>
#include <errno.h>

void intake_init(struct intake *intake, struct ring *ring, struct spool *spool,
                 enum record_kind records, bool marks)
{
    *intake = (struct intake){.ring = ring, .spool = spool, .records = records, .marks = marks};
}

static uint64_t spooled(const struct intake *intake)
{
    return intake->spool == NULL ? 0 : spool_held(intake->spool);
}

/* Where the next byte comes to stand. */
static uint64_t stream_end(const struct intake *intake)
{
    return intake->ring->head + spooled(intake);
}

/* What comes next goes into the ring only if nothing is behind it. */
static size_t room_in_ring(const struct intake *intake)
{
    return intake->closed || spooled(intake) > 0 ? 0 : ring_room(intake->ring);
}

uint64_t intake_room(const struct intake *intake)
{
    return room_in_ring(intake) + (intake->spool == NULL ? 0 : spool_room(intake->spool));
}

bool intake_takes_directly(const struct intake *intake)
{
    return !intake->skipping && !intake_owes_mark(intake) && spooled(intake) == 0;
}

static void tell_index(struct intake *intake, size_t bytes)
{
    if (intake->index != NULL)
        (void)record_index_entered(intake->index, bytes);
}

/* `bytes` at `memory` are the ring's last ones now. */
static void note_in_ring(struct intake *intake, const void *memory, size_t bytes)
{
    tell_index(intake, bytes);
    size_t whole =
        intake->records == RECORD_NONE ? 0 : records_whole(memory, bytes, intake->records);
    if (whole > 0)
        intake->complete = intake->ring->head - (bytes - whole);
}

static void note_in_stream(struct intake *intake, const void *memory, size_t bytes)
{
    size_t whole =
        intake->records == RECORD_NONE ? 0 : records_whole(memory, bytes, intake->records);
    if (whole > 0)
        intake->begun = stream_end(intake) - (bytes - whole);
}

/* The newest `bytes` of the ring are new to it: how far they are whole records. */
static void note_newest(struct intake *intake, size_t bytes)
{
    if (intake->records == RECORD_NONE)
        return;
    struct span span = ring_newest(intake->ring, bytes);
    size_t whole = records_whole_span(&span, intake->records);
    if (whole > 0)
        intake->complete = intake->ring->head - (bytes - whole);
}

void intake_committed(struct intake *intake, size_t bytes)
{
    assert(spooled(intake) == 0);
    note_newest(intake, bytes);
    if (bytes > 0)
        intake->begun = intake->complete;
}

/* Adds a datagram to the stream, or nothing. */
static size_t append_datagram(struct intake *intake, const struct iovec *pieces, int count,
                              size_t bytes)
{
    if (bytes == 0 || bytes > room_in_ring(intake))
        return 0;
    for (int i = 0; i < count; i++)
        ring_append(intake->ring, pieces[i].iov_base, pieces[i].iov_len);
    ring_end_record(intake->ring);
    tell_index(intake, bytes);
    intake->complete = intake->begun = intake->ring->head;
    return bytes;
}

/* Adds bytes to the stream: as many as the ring and the spool take of them. */
static size_t append(struct intake *intake, const void *memory, size_t bytes, size_t *to_spool,
                     uint64_t *calls)
{
    const unsigned char *from = memory;
    size_t in_ring = min_size(bytes, room_in_ring(intake));
    if (intake->records == RECORD_DATAGRAM)
        return append_datagram(intake, &(struct iovec){(void *)from, bytes}, 1, bytes);
    if (in_ring > 0) {
        ring_append(intake->ring, from, in_ring);
        note_in_ring(intake, from, in_ring);
    }
    size_t taken = in_ring;
    while (taken < bytes && intake->spool != NULL && spool_room(intake->spool) > 0) {
        struct iovec piece = {(void *)(from + taken), bytes - taken};
        ssize_t put = spool_put(intake->spool, &piece, 1, calls);
        if (put < 0) {
            intake->spool_error = errno;
            intake->spool->refused = true;
        }
        if (put <= 0)
            break;
        taken += (size_t)put;
        *to_spool += (size_t)put;
    }
    note_in_stream(intake, from, taken);
    return taken;
}

struct intake_result intake_admit(struct intake *intake, const void *memory, size_t bytes,
                                  uint64_t *calls)
{
    struct intake_result result = {0};
    result.entered = append(intake, memory, bytes, &result.spooled, calls);
    return result;
}

struct intake_result intake_admit_span(struct intake *intake, const struct span *span,
                                       uint64_t *calls)
{
    struct intake_result result = {0};
    if (intake->records == RECORD_DATAGRAM) {
        result.entered = append_datagram(intake, span->piece, span->count, span->bytes);
        return result;
    }
    for (int i = 0; i < span->count; i++) {
        const struct iovec *piece = &span->piece[i];
        size_t entered = append(intake, piece->iov_base, piece->iov_len, &result.spooled, calls);
        result.entered += entered;
        if (entered < piece->iov_len)
            break;
    }
    return result;
}

/* The newest bytes of the stream are taken out of it. They make room in the spool. */
static void take_back(struct intake *intake, size_t bytes)
{
    size_t from_spool = min_size(spooled(intake), bytes);
    if (from_spool > 0)
        spool_retract(intake->spool, from_spool);
    if (intake->index != NULL)
        record_index_retracting(intake->index, bytes - from_spool);
    ring_retract(intake->ring, bytes - from_spool);
}

size_t intake_take_back_begun(struct intake *intake)
{
    size_t bytes = (size_t)(stream_end(intake) - intake->begun);
    take_back(intake, bytes);
    return bytes;
}

/* take_back(), for the disk turned out to be full, which it still is. */
static void take_back_refused(struct intake *intake, size_t bytes)
{
    take_back(intake, bytes);
    intake->spool->refused = true;
}

/* --- drop-newest ------------------------------------------------------------------------------ */

static void refuse(struct intake *intake, struct intake_result *result, size_t bytes,
                   uint64_t records)
{
    intake->gap.bytes += bytes;
    intake->gap.records += records;
    result->refused.bytes += bytes;
    result->refused.records += records;
}

/* Takes the record back that has begun. */
static void retract(struct intake *intake, struct intake_result *result)
{
    size_t bytes = intake_take_back_begun(intake);
    result->retracted += bytes;
    refuse(intake, result, bytes, 0);
}

/* There is no room for anything, nor a record to be taken back: all of these bytes are dropped. */
static void refuse_all(struct intake *intake, struct intake_result *result, const void *memory,
                       size_t bytes)
{
    uint64_t records = records_count(memory, bytes, intake->records);
    if (intake->records != RECORD_NONE)
        intake->skipping = !records_ends(memory, bytes, intake->records);
    refuse(intake, result, bytes, records);
}

/* The record that has begun, or begins, is dropped; these bytes belong to it until it ends. Returns
 * how many of them do. */
static size_t skip(struct intake *intake, struct intake_result *result, const void *memory,
                   size_t bytes)
{
    size_t ended = records_first(memory, bytes, intake->records);
    intake->skipping = ended == 0;
    refuse(intake, result, ended > 0 ? ended : bytes, ended > 0);
    return ended > 0 ? ended : bytes;
}

static size_t mark_length(const struct intake *intake)
{
    char mark[LAG_MARK_SIZE];
    return intake_owes_mark(intake) ? lag_format_mark(mark, &intake->gap, intake->records) : 0;
}

/* How many of the bytes fit, and then are whole records, or all. */
static size_t fitting(const struct intake *intake, const void *memory, size_t bytes)
{
    size_t mark = mark_length(intake);
    uint64_t room = intake_room(intake);
    size_t fit = room > mark ? min_size(room - mark, bytes) : 0;
    if (intake->records == RECORD_NONE || fit == 0)
        return fit;
    if (intake->records == RECORD_DATAGRAM)
        return fit == bytes ? fit : 0;
    size_t first = records_first(memory, bytes, intake->records);
    size_t begun = (size_t)(stream_end(intake) - intake->begun);
    if (begun + (first > 0 ? first : bytes) > intake->ring->capacity)
        return 0; /* it could never be offered */
    return fit < bytes ? records_whole(memory, fit, intake->records) : fit;
}

static void admit_or_skip(struct intake *intake, struct intake_result *result, const void **memory,
                          size_t *bytes, uint64_t *calls)
{
    size_t done;
    size_t fit = intake->skipping ? 0 : fitting(intake, *memory, *bytes);
    bool full = intake_room(intake) == 0 && stream_end(intake) == intake->begun;
    if (fit > 0)
        result->added += intake_mark(intake, calls);
    if (fit > 0 && !intake_owes_mark(intake)) {
        done = append(intake, *memory, fit, &result->spooled, calls);
        if (done < fit && intake->records != RECORD_NONE) {
            size_t whole = records_whole(*memory, done, intake->records);
            take_back_refused(intake, done - whole);
            done = whole;
        }
        result->entered += done;
    } else if (full || intake->records == RECORD_NONE) {
        done = *bytes;
        refuse_all(intake, result, *memory, done);
    } else {
        if (!intake->skipping)
            retract(intake, result);
        done = skip(intake, result, *memory, *bytes);
    }
    *memory = (const unsigned char *)*memory + done;
    *bytes -= done;
}

struct intake_result intake_admit_or_drop(struct intake *intake, const void *memory, size_t bytes,
                                          uint64_t *calls)
{
    struct intake_result result = {0};
    assert(bytes <= intake->ring->capacity); /* else fitting() would have to look at all records */
    while (bytes > 0)
        admit_or_skip(intake, &result, &memory, &bytes, calls);
    return result;
}

bool intake_owes_mark(const struct intake *intake)
{
    return intake->marks && intake->gap.bytes > 0 && !intake->skipping;
}

size_t intake_mark(struct intake *intake, uint64_t *calls)
{
    char mark[LAG_MARK_SIZE];
    if (!intake_owes_mark(intake))
        return 0;
    size_t length = lag_format_mark(mark, &intake->gap, intake->records), to_spool = 0;
    if (intake_room(intake) < length)
        return 0;
    if (append(intake, mark, length, &to_spool, calls) < length) {
        take_back_refused(intake, (size_t)(stream_end(intake) - intake->begun));
        return 0;
    }
    intake->gap = (struct lag_count){0};
    return length;
}

/* --- the spool, and the end ------------------------------------------------------------------- */

static void complete_if_ended(struct intake *intake)
{
    if (intake->ended && !intake->withheld && spooled(intake) == 0)
        intake->complete = intake->ring->head;
}

ssize_t intake_unspool(struct intake *intake, size_t max, uint64_t *calls)
{
    struct span span = ring_write_span(intake->ring, max);
    ssize_t bytes = spool_get(intake->spool, span.piece, span.count, calls);
    if (bytes > 0) {
        ring_commit(intake->ring, (size_t)bytes);
        tell_index(intake, (size_t)bytes);
        note_newest(intake, (size_t)bytes);
    }
    complete_if_ended(intake);
    return bytes;
}

uint64_t intake_end_skipping(struct intake *intake)
{
    uint64_t records = intake->skipping;
    intake->skipping = false;
    intake->gap.records += records;
    return records;
}

void intake_release(struct intake *intake)
{
    intake->withheld = false;
    intake->begun = stream_end(intake);
    if (spooled(intake) == 0)
        intake->complete = intake->ring->head;
}

uint64_t intake_ended(struct intake *intake)
{
    intake->ended = true;
    if (!intake->withheld)
        intake_release(intake);
    return intake_end_skipping(intake);
}

bool intake_is_unfinished(const struct intake *intake)
{
    return intake->records != RECORD_NONE && intake->begun < stream_end(intake);
}
