/*
 * overrun.c - see overrun.h.
 */
#include "buffer/overrun.h"

#include "base/minmax.h"
#include "base/records.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t overrun_format_mark(char mark[OVERRUN_MARK_SIZE], const struct overrun_count *gap,
                           enum record_kind records)
{
    int length = snprintf(mark, OVERRUN_MARK_SIZE,
                          "[bpipe: %" PRIu64 " records, %" PRIu64 " bytes dropped]\n", gap->records,
                          gap->bytes);
    if (records == RECORD_NUL)
        mark[length - 1] = '\0';
    return (size_t)length;
}

int overrun_init(struct overrun *overrun, struct ring *ring, size_t reader,
                 enum record_kind records, bool marks)
{
    *overrun = (struct overrun){.ring = ring, .reader = reader, .records = records, .marks = marks};
    if (records == RECORD_NONE)
        return 0;
    overrun->aside = malloc(ring->capacity);
    return overrun->aside == NULL ? -1 : 0;
}

void overrun_destroy(struct overrun *overrun)
{
    free(overrun->aside);
    overrun->aside = NULL;
}

static uint64_t cursor_of(const struct overrun *overrun)
{
    return overrun->ring->readers[overrun->reader].cursor;
}

/* The reader's next bytes, up to `position`. */
static struct span span_to(const struct overrun *overrun, uint64_t position)
{
    return ring_read_span(overrun->ring, overrun->reader, (size_t)(position - cursor_of(overrun)));
}

static void count(struct overrun *overrun, uint64_t bytes, uint64_t records)
{
    overrun->dropped.bytes += bytes;
    overrun->dropped.records += records;
    overrun->gap.bytes += bytes;
    overrun->gap.records += records;
}

/* Drops the bytes before `position`. `ended` records end in them. `given_up`: they also contain a
 * record without its end, which is counted too. */
static void drop_to(struct overrun *overrun, uint64_t position, uint64_t ended, bool given_up)
{
    size_t bytes = (size_t)(position - cursor_of(overrun));
    count(overrun, bytes, ended + given_up);
    overrun->passed_over += ended;
    ring_consume(overrun->ring, overrun->reader, bytes);
}

static unsigned char byte_at(const struct span *span, size_t offset)
{
    size_t first = span->piece[0].iov_len;
    return offset < first ? ((unsigned char *)span->piece[0].iov_base)[offset]
                          : ((unsigned char *)span->piece[1].iov_base)[offset - first];
}

static bool skip_text(const char **text, const char *wanted)
{
    size_t length = strlen(wanted);
    bool found = strncmp(*text, wanted, length) == 0;
    *text += found ? length : 0;
    return found;
}

static bool skip_number(const char **text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(*text, &end, 10);
    bool found = **text >= '0' && **text <= '9' && errno == 0;
    *text = end;
    return found;
}

/* Parses the record of `length` bytes at `offset` of a span as a mark. Returns whether it is
 * one. */
static bool parse_mark(const struct span *span, size_t offset, size_t length,
                       struct overrun_count *said)
{
    char text[OVERRUN_MARK_SIZE] = "";
    const char *rest = text;
    if (length >= sizeof text)
        return false;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)byte_at(span, offset + i);
    text[length - 1] = '\0'; /* in place of the terminator */
    return skip_text(&rest, "[bpipe: ") && skip_number(&rest, &said->records) &&
           skip_text(&rest, " records, ") && skip_number(&rest, &said->bytes) &&
           strcmp(rest, " bytes dropped]") == 0;
}

/* The offset of the next '[' in a span, or its length. */
static size_t next_bracket(const struct span *span, size_t from)
{
    size_t before = 0;
    for (int i = 0; i < span->count; i++) {
        const unsigned char *piece = span->piece[i].iov_base;
        size_t length = span->piece[i].iov_len;
        size_t skip = from > before ? from - before : 0;
        const unsigned char *found =
            skip < length ? memchr(piece + skip, '[', length - skip) : NULL;
        if (found != NULL)
            return before + (size_t)(found - piece);
        before += length;
    }
    return before;
}

/* Handles the marks among whole records that are about to be dropped. The gap gets the counts that
 * they contain; the marks themselves are not counted as records. */
static void unfold_marks(struct overrun *overrun, size_t bytes)
{
    struct span span = ring_read_span(overrun->ring, overrun->reader, bytes);
    for (size_t at = next_bracket(&span, 0); at < bytes; at = next_bracket(&span, at + 1)) {
        unsigned char before = at > 0 ? byte_at(&span, at - 1) : 0;
        struct overrun_count said;
        if (at > 0 && !records_ends(&before, 1, overrun->records))
            continue;
        size_t length = records_reaching(&span, overrun->records, at + 1) - at;
        if (!parse_mark(&span, at, length, &said))
            continue;
        overrun->gap.bytes += said.bytes - length;
        overrun->gap.records += said.records - 1;
        overrun->dropped.records--;
    }
}

/* The position at which the record at the cursor ends, `complete` at the latest. The record begins
 * at the cursor, or before it. */
static uint64_t record_end(const struct overrun *overrun, uint64_t complete)
{
    struct span span = span_to(overrun, complete);
    return cursor_of(overrun) + records_span(&span, overrun->records, 1);
}

/* Puts aside the rest of the record that was sent in part. */
static void put_aside(struct overrun *overrun, uint64_t complete)
{
    uint64_t end = record_end(overrun, complete);
    struct span span = span_to(overrun, end);
    assert(overrun->aside_left == 0);
    overrun->aside_start = 0;
    for (int i = 0; i < span.count; i++) {
        memcpy(overrun->aside + overrun->aside_left, span.piece[i].iov_base, span.piece[i].iov_len);
        overrun->aside_left += span.piece[i].iov_len;
    }
    overrun->in_record = false;
    overrun->passed_over +=
        span.bytes > 0 && records_ends_span(&span, span.bytes, overrun->records);
    ring_consume(overrun->ring, overrun->reader, span.bytes);
}

/* Drops whole records, up to `position` at least. */
static void drop_records(struct overrun *overrun, uint64_t position, uint64_t complete)
{
    struct span span = span_to(overrun, complete);
    size_t bytes =
        records_reaching(&span, overrun->records, (size_t)(position - cursor_of(overrun)));
    bool ended;
    uint64_t records = records_count_span(&span, bytes, overrun->records, &ended);
    if (overrun->marks)
        unfold_marks(overrun, bytes);
    drop_to(overrun, cursor_of(overrun) + bytes, records, !ended);
}

void overrun_overtake(struct overrun *overrun, uint64_t position, uint64_t complete,
                      bool incomplete_too)
{
    if (cursor_of(overrun) >= position)
        return;
    if (overrun->records == RECORD_NONE) {
        drop_to(overrun, position, 0, false);
        return;
    }
    if (overrun->in_record)
        put_aside(overrun, complete);
    if (cursor_of(overrun) < position && cursor_of(overrun) < complete)
        drop_records(overrun, min_u64(position, complete), complete);
    if (cursor_of(overrun) < position && incomplete_too) {
        drop_to(overrun, overrun->ring->head, 0, false);
        overrun->skipping = true;
    }
}

void overrun_arrived(struct overrun *overrun, bool ended)
{
    if (!overrun->skipping)
        return;
    uint64_t end = record_end(overrun, overrun->ring->head);
    struct span span = span_to(overrun, end);
    bool whole = false;
    if (span.bytes > 0)
        records_count_span(&span, span.bytes, overrun->records, &whole);
    overrun->skipping = !whole && !ended;
    drop_to(overrun, end, whole, !overrun->skipping && !whole);
}

void overrun_drop_all(struct overrun *overrun)
{
    const struct ring *ring = overrun->ring;
    struct span span = span_to(overrun, ring->head);
    bool ended = true;
    uint64_t records = records_count_span(&span, span.bytes, overrun->records, &ended);
    if (overrun->marks && !overrun->in_record)
        unfold_marks(overrun, span.bytes);
    bool torn =
        overrun->records != RECORD_NONE && (!ended || (span.bytes == 0 && overrun->skipping));
    drop_to(overrun, ring->head, records, torn);
    overrun->skipping = false;
    count(overrun, overrun->aside_left, overrun->aside_left > 0);
    overrun->aside_left = 0;
}

bool overrun_has_beside(const struct overrun *overrun)
{
    return overrun->aside_left > 0 || overrun->mark_left > 0 ||
           (overrun->marks && overrun->gap.bytes > 0 && !overrun->skipping);
}

size_t overrun_beside_bytes(const struct overrun *overrun)
{
    if (overrun->aside_left > 0)
        return overrun->aside_left;
    return overrun->mark_left > 0 ? overrun->mark_left : overrun_has_beside(overrun);
}

struct iovec overrun_beside(struct overrun *overrun, size_t *added)
{
    *added = 0;
    if (overrun->aside_left > 0)
        return (struct iovec){overrun->aside + overrun->aside_start, overrun->aside_left};
    if (overrun->mark_left == 0 && overrun_has_beside(overrun)) {
        overrun->mark_start = 0;
        overrun->mark_left = overrun_format_mark(overrun->mark, &overrun->gap, overrun->records);
        overrun->gap = (struct overrun_count){0};
        *added = overrun->mark_left;
    }
    return (struct iovec){overrun->mark + overrun->mark_start, overrun->mark_left};
}

void overrun_sent_beside(struct overrun *overrun, size_t bytes)
{
    if (overrun->aside_left > 0) {
        overrun->aside_start += bytes;
        overrun->aside_left -= bytes;
        overrun->beside +=
            overrun->aside_left == 0 && bytes > 0 &&
            records_ends(overrun->aside + overrun->aside_start - bytes, bytes, overrun->records);
    } else {
        overrun->mark_start += bytes;
        overrun->mark_left -= bytes;
        overrun->beside += overrun->mark_left == 0 && bytes > 0;
    }
}

uint64_t overrun_records_sent(const struct overrun *overrun, uint64_t before)
{
    return before - overrun->passed_over + overrun->beside;
}
