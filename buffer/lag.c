/*
 * lag.c - see lag.h.
 */
#include "buffer/lag.h"

#include "base/records.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t lag_format_mark(char mark[LAG_MARK_SIZE], const struct lag_count *gap,
                       enum record_kind records)
{
    int length =
        snprintf(mark, LAG_MARK_SIZE, "[bpipe: %" PRIu64 " records, %" PRIu64 " bytes dropped]\n",
                 gap->records, gap->bytes);
    if (records == RECORD_NUL)
        mark[length - 1] = '\0';
    return (size_t)length;
}

int lag_init(struct lag *lag, struct ring *ring, size_t reader, enum record_kind records,
             bool marks)
{
    *lag = (struct lag){.ring = ring, .reader = reader, .records = records, .marks = marks};
    if (records == RECORD_NONE)
        return 0;
    lag->aside = malloc(ring->capacity);
    return lag->aside == NULL ? -1 : 0;
}

void lag_destroy(struct lag *lag)
{
    free(lag->aside);
    lag->aside = NULL;
}

static uint64_t cursor_of(const struct lag *lag)
{
    return lag->ring->readers[lag->reader].cursor;
}

/* The next bytes up to `position`. */
static struct span span_to(const struct lag *lag, uint64_t position)
{
    return ring_read_span(lag->ring, lag->reader, (size_t)(position - cursor_of(lag)));
}

static void count(struct lag *lag, uint64_t bytes, uint64_t records)
{
    lag->dropped.bytes += bytes;
    lag->dropped.records += records;
    lag->gap.bytes += bytes;
    lag->gap.records += records;
}

/* Drops what lies before `position`: `ended` records end in it, and one more may be given up with
 * it. */
static void drop_to(struct lag *lag, uint64_t position, uint64_t ended, bool given_up)
{
    size_t bytes = (size_t)(position - cursor_of(lag));
    count(lag, bytes, ended + given_up);
    lag->passed_over += ended;
    ring_consume(lag->ring, lag->reader, bytes);
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

/* Reads the record of `length` bytes at `offset` of a span as a mark. */
static bool parse_mark(const struct span *span, size_t offset, size_t length,
                       struct lag_count *said)
{
    char text[LAG_MARK_SIZE] = "";
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

/* The offset of the next '[' of a span, or its length. */
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

/* Marks among the whole records that are about to be dropped: in the gap they count as what they
 * say, and nowhere as records. */
static void unfold_marks(struct lag *lag, size_t bytes)
{
    struct span span = ring_read_span(lag->ring, lag->reader, bytes);
    for (size_t at = next_bracket(&span, 0); at < bytes; at = next_bracket(&span, at + 1)) {
        unsigned char before = at > 0 ? byte_at(&span, at - 1) : 0;
        struct lag_count said;
        if (at > 0 && !records_ends(&before, 1, lag->records))
            continue;
        size_t length = records_reaching(&span, lag->records, at + 1) - at;
        if (!parse_mark(&span, at, length, &said))
            continue;
        lag->gap.bytes += said.bytes - length;
        lag->gap.records += said.records - 1;
        lag->dropped.records--;
    }
}

/* Where the record that begins or goes on at the cursor ends, at `complete` at the latest. */
static uint64_t record_end(const struct lag *lag, uint64_t complete)
{
    struct span span = span_to(lag, complete);
    return cursor_of(lag) + records_span(&span, lag->records, 1);
}

/* The rest of the record of which a part was sent. */
static void put_aside(struct lag *lag, uint64_t complete)
{
    uint64_t end = record_end(lag, complete);
    struct span span = span_to(lag, end);
    assert(lag->aside_left == 0);
    lag->aside_start = 0;
    for (int i = 0; i < span.count; i++) {
        memcpy(lag->aside + lag->aside_left, span.piece[i].iov_base, span.piece[i].iov_len);
        lag->aside_left += span.piece[i].iov_len;
    }
    lag->in_record = false;
    lag->passed_over += span.bytes > 0 && records_ends_span(&span, span.bytes, lag->records);
    ring_consume(lag->ring, lag->reader, span.bytes);
}

/* The whole records that reach to `position` at least. */
static void drop_records(struct lag *lag, uint64_t position, uint64_t complete)
{
    struct span span = span_to(lag, complete);
    size_t bytes = records_reaching(&span, lag->records, (size_t)(position - cursor_of(lag)));
    bool ended;
    uint64_t records = records_count_span(&span, bytes, lag->records, &ended);
    if (lag->marks)
        unfold_marks(lag, bytes);
    drop_to(lag, cursor_of(lag) + bytes, records, !ended);
}

void lag_overtake(struct lag *lag, uint64_t position, uint64_t complete, bool incomplete_too)
{
    if (cursor_of(lag) >= position)
        return;
    if (lag->records == RECORD_NONE) {
        drop_to(lag, position, 0, false);
        return;
    }
    if (lag->in_record)
        put_aside(lag, complete);
    if (cursor_of(lag) < position && cursor_of(lag) < complete)
        drop_records(lag, position < complete ? position : complete, complete);
    if (cursor_of(lag) < position && incomplete_too) {
        drop_to(lag, lag->ring->head, 0, false);
        lag->skipping = true;
    }
}

void lag_arrived(struct lag *lag, bool ended)
{
    if (!lag->skipping)
        return;
    uint64_t end = record_end(lag, lag->ring->head);
    struct span span = span_to(lag, end);
    bool whole = false;
    if (span.bytes > 0)
        records_count_span(&span, span.bytes, lag->records, &whole);
    lag->skipping = !whole && !ended;
    drop_to(lag, end, whole, !lag->skipping && !whole);
}

void lag_drop_all(struct lag *lag)
{
    const struct ring *ring = lag->ring;
    struct span span = span_to(lag, ring->head);
    bool ended = true;
    uint64_t records = records_count_span(&span, span.bytes, lag->records, &ended);
    if (lag->marks && !lag->in_record)
        unfold_marks(lag, span.bytes);
    bool torn = lag->records != RECORD_NONE && (!ended || (span.bytes == 0 && lag->skipping));
    drop_to(lag, ring->head, records, torn);
    lag->skipping = false;
    count(lag, lag->aside_left, lag->aside_left > 0);
    lag->aside_left = 0;
}

bool lag_has_beside(const struct lag *lag)
{
    return lag->aside_left > 0 || lag->mark_left > 0 ||
           (lag->marks && lag->gap.bytes > 0 && !lag->skipping);
}

size_t lag_beside_bytes(const struct lag *lag)
{
    if (lag->aside_left > 0)
        return lag->aside_left;
    return lag->mark_left > 0 ? lag->mark_left : lag_has_beside(lag);
}

struct iovec lag_beside(struct lag *lag, size_t *added)
{
    *added = 0;
    if (lag->aside_left > 0)
        return (struct iovec){lag->aside + lag->aside_start, lag->aside_left};
    if (lag->mark_left == 0 && lag_has_beside(lag)) {
        lag->mark_start = 0;
        lag->mark_left = lag_format_mark(lag->mark, &lag->gap, lag->records);
        lag->gap = (struct lag_count){0};
        *added = lag->mark_left;
    }
    return (struct iovec){lag->mark + lag->mark_start, lag->mark_left};
}

void lag_sent_beside(struct lag *lag, size_t bytes)
{
    if (lag->aside_left > 0) {
        lag->aside_start += bytes;
        lag->aside_left -= bytes;
        lag->beside += lag->aside_left == 0 && bytes > 0 &&
                       records_ends(lag->aside + lag->aside_start - bytes, bytes, lag->records);
    } else {
        lag->mark_start += bytes;
        lag->mark_left -= bytes;
        lag->beside += lag->mark_left == 0 && bytes > 0;
    }
}

uint64_t lag_records_sent(const struct lag *lag, uint64_t before)
{
    return before - lag->passed_over + lag->beside;
}
