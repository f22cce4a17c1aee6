/*
 * match.c - see match.h.
 */
#include "match.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct match *match;
    const struct plan *plan;
    const struct input *input;
    enum match_kind kind;
    size_t at;                      /* in the output */
    size_t next[MOST_SOURCES];      /* record, or byte, of each stream */
    struct missing marked;          /* the sum of all marks so far */
    size_t marked_at[MOST_SOURCES]; /* marked.records at the stream's last record that was kept */
};

__attribute__((format(printf, 2, 3))) static void complain(struct reader *reader,
                                                           const char *format, ...)
{
    struct match *match = reader->match;
    va_list values;
    size_t length;

    if (match->complaint[0] != '\0')
        return;
    snprintf(match->complaint, sizeof match->complaint, "at byte %zu: ", reader->at);
    length = strlen(match->complaint);
    va_start(values, format);
    vsnprintf(match->complaint + length, sizeof match->complaint - length, format, values);
    va_end(values);
}

static bool fine(const struct reader *reader)
{
    return reader->match->complaint[0] == '\0';
}

static bool ends_anywhere(const struct reader *reader)
{
    return reader->kind == MATCH_BEGINNING || reader->kind == MATCH_TAP_BEGINNING;
}

/* --- records ------------------------------------------------------------------------------- */

static bool marks_count(const struct reader *reader)
{
    return reader->plan->gap_mark && reader->kind != MATCH_TAP &&
           reader->kind != MATCH_TAP_BEGINNING;
}

/* Without --merge it is known which records a mark stands for. */
static bool marks_are_exact(const struct reader *reader)
{
    return marks_count(reader) && reader->input->stream_count == 1;
}

/* The records from the next one up to record `number` are missing. */
static void skip_to(struct reader *reader, size_t stream, size_t number)
{
    struct missing *missing = &reader->match->missing[stream];

    for (size_t i = reader->next[stream]; i < number; i++) {
        const struct record *record = &reader->input->streams[stream].records[i];
        missing->records++;
        missing->bytes += record->size - record->supplied;
        missing->supplied += record->supplied;
    }
    reader->next[stream] = number;
}

/* Marks must be where records were skipped: between those that were kept before and after. */
static void check_hole(struct reader *reader, size_t stream, size_t records)
{
    if (!marks_count(reader))
        return;
    if (records >
        (marks_are_exact(reader) ? 0 : reader->marked.records - reader->marked_at[stream]))
        complain(reader, "%zu records of stream %zu are missing before this, and no mark says so",
                 records, stream);
    reader->marked_at[stream] = reader->marked.records;
}

static bool read_mark(const unsigned char *piece, size_t size, struct missing *mark)
{
    char text[128], again[128];

    if (size >= sizeof text)
        return false;
    memcpy(text, piece, size);
    text[size - 1] = '\0';
    *mark = (struct missing){0};
    if (sscanf(text, "[bpipe: %zu records, %zu bytes dropped]", &mark->records, &mark->bytes) != 2)
        return false;
    snprintf(again, sizeof again, "[bpipe: %zu records, %zu bytes dropped]", mark->records,
             mark->bytes);
    return strcmp(text, again) == 0;
}

static void take_mark(struct reader *reader, const struct missing *mark, size_t size)
{
    const struct missing *missing = &reader->match->missing[0];
    size_t bytes = missing->bytes;

    reader->match->added += size;
    reader->match->mark_count++;
    reader->marked.records += mark->records;
    reader->marked.bytes += mark->bytes;
    if (!marks_are_exact(reader))
        return;
    if (mark->records == 0 ||
        mark->records > reader->input->streams[0].record_count - reader->next[0]) {
        complain(reader, "a mark says %zu records, and %zu are left", mark->records,
                 reader->input->streams[0].record_count - reader->next[0]);
        return;
    }
    skip_to(reader, 0, reader->next[0] + mark->records);
    if (mark->bytes != missing->bytes - bytes)
        complain(reader, "a mark says %zu bytes, and it should be %zu", mark->bytes,
                 missing->bytes - bytes);
}

/* Whether this is the record, or its beginning. */
static bool is_record(const struct record *record, const unsigned char *piece, size_t size,
                      bool whole)
{
    return (whole ? size == record->size : size <= record->size) &&
           memcmp(piece, record->bytes, size) == 0;
}

/* The stream to which the record would belong. */
static size_t stream_of(const struct reader *reader, const unsigned char *piece, int terminator)
{
    return reader->input->stream_count == 1 || *piece == terminator ? 0 : (size_t)(*piece - 'a');
}

/* How much of a record a complaint shows. */
static int shown(size_t size)
{
    return size <= 20 ? (int)size - 1 : 20;
}

static void take_record(struct reader *reader, const unsigned char *piece, size_t size,
                        int terminator)
{
    size_t number = stream_of(reader, piece, terminator), found;
    const struct stream *stream = &reader->input->streams[number];
    bool may_be_torn = reader->kind != MATCH_WHOLE && piece[size - 1] != terminator;

    if (number >= reader->input->stream_count) {
        complain(reader, "no record begins with '%.*s'", shown(size), (const char *)piece);
        return;
    }
    /* The first record that it can be. The beginning of one may equal another, whole, if the input
     * was cut there. */
    for (found = reader->next[number]; found < stream->record_count; found++)
        if (is_record(&stream->records[found], piece, size, !may_be_torn))
            break;
    if (found == stream->record_count) {
        complain(reader, "'%.*s' is torn, doubled or out of order (%zu bytes, next is record %zu)",
                 shown(size), (const char *)piece, size, reader->next[number]);
        return;
    }
    check_hole(reader, number, found - reader->next[number]);
    skip_to(reader, number, found);
    if (size < stream->records[found].size) {
        reader->match->torn = true;
        return;
    }
    reader->next[number]++;
    reader->match->added += stream->records[found].supplied;
}

/* Whether it is a mark that is cut off. */
static bool is_torn_mark(const struct reader *reader, const unsigned char *piece)
{
    return reader->kind != MATCH_WHOLE && reader->plan->gap_mark && *piece == '[';
}

static void take_piece(struct reader *reader, const unsigned char *piece, size_t size,
                       int terminator)
{
    struct missing mark;

    if (piece[size - 1] == terminator && reader->plan->gap_mark && read_mark(piece, size, &mark))
        take_mark(reader, &mark, size);
    else if (piece[size - 1] != terminator && is_torn_mark(reader, piece)) {
        reader->match->torn = true;
        reader->match->added += size;
    } else
        take_record(reader, piece, size, terminator);
}

/* Counts the records that are left when the output has ended as missing. */
static void take_rest(struct reader *reader)
{
    struct missing all = {0};

    for (size_t i = 0; i < reader->input->stream_count; i++) {
        size_t count = reader->input->streams[i].record_count;
        check_hole(reader, i, count - reader->next[i]);
        skip_to(reader, i, count);
        all.records += reader->match->missing[i].records;
        all.bytes += reader->match->missing[i].bytes;
        all.supplied += reader->match->missing[i].supplied;
    }
    if (marks_count(reader) &&
        (reader->marked.records != all.records || reader->marked.bytes < all.bytes ||
         reader->marked.bytes > all.bytes + all.supplied))
        complain(reader, "%zu records of %zu bytes are missing, marks say %zu of %zu", all.records,
                 all.bytes, reader->marked.records, reader->marked.bytes);
}

static void match_records(struct reader *reader, const unsigned char *bytes, size_t size)
{
    int terminator = plan_terminator(reader->plan);

    while (reader->at < size && fine(reader)) {
        const unsigned char *piece = bytes + reader->at;
        const unsigned char *last = memchr(piece, terminator, size - reader->at);
        size_t length = last != NULL ? (size_t)(last - piece) + 1 : size - reader->at;
        take_piece(reader, piece, length, terminator);
        reader->at += length;
    }
    if (!ends_anywhere(reader) && fine(reader))
        take_rest(reader);
}

/* --- bytes --------------------------------------------------------------------------------- */

static void match_bytes(struct reader *reader, const unsigned char *bytes, size_t size)
{
    const struct input *input = reader->input;

    for (; reader->at < size; reader->at++) {
        size_t number = input->stream_count == 1 ? 0 : bytes[reader->at] >> 6;
        const struct stream *stream = &input->streams[number];
        const unsigned char *found = NULL;

        if (number < input->stream_count)
            found = memchr(stream->bytes + reader->next[number], bytes[reader->at],
                           stream->size - reader->next[number]);
        if (found == NULL) {
            complain(reader, "this byte of stream %zu, and what went before it, is not its input",
                     number);
            return;
        }
        reader->match->missing[number].bytes +=
            (size_t)(found - stream->bytes) - reader->next[number];
        reader->next[number] = (size_t)(found - stream->bytes) + 1;
    }
    for (size_t i = 0; i < input->stream_count && !ends_anywhere(reader); i++)
        reader->match->missing[i].bytes += input->streams[i].size - reader->next[i];
}

void match_output(struct match *match, const struct plan *plan, const struct input *input,
                  enum match_kind kind, const unsigned char *bytes, size_t size)
{
    struct reader reader = {.match = match, .plan = plan, .input = input, .kind = kind};

    *match = (struct match){0};
    if (plan->unit == UNIT_BYTES)
        match_bytes(&reader, bytes, size);
    else
        match_records(&reader, bytes, size);
    for (size_t i = 0; i < input->stream_count; i++) {
        match->all.records += match->missing[i].records;
        match->all.bytes += match->missing[i].bytes;
        match->all.supplied += match->missing[i].supplied;
    }
}
