/*
 * input.c - see input.h.
 */
#include "input.h"

#include "dice.h"

#include <stdlib.h>
#include <string.h>

enum { SHORTEST_RECORD = 8, ORDINARY_RECORD = 200, LABEL = 32 };

/* Writes a record without its terminator, cut to `size` bytes. */
static void write_record(unsigned char *bytes, size_t size, struct dice *dice, size_t source,
                         size_t number)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char label[LABEL];
    size_t length =
        (size_t)snprintf(label, sizeof label, "%c%zu:", (char)('a' + (int)source), number);

    for (size_t i = 0; i < size; i++)
        bytes[i] =
            (unsigned char)(i < length ? label[i] : letters[dice_below(dice, sizeof letters - 1)]);
}

/* Chooses a length without the terminator. */
static size_t choose_length(struct dice *dice, const struct plan *plan, bool may_be_empty)
{
    if (may_be_empty && dice_one_in(dice, 20))
        return 0;
    if (dice_one_in(dice, 40))
        return SHORTEST_RECORD + dice_magnitude(dice, 1, plan->longest_record);
    return SHORTEST_RECORD + dice_magnitude(dice, 1, ORDINARY_RECORD);
}

static void write_records(unsigned char *bytes, const struct plan *plan, struct dice *dice,
                          size_t source)
{
    const struct source *of = &plan->sources[source];
    bool may_be_empty = !plan->merge || (source == 0 && !plan->gap_mark);
    int terminator = plan_terminator(plan);
    size_t at = 0, number = 0;

    while (at < of->bytes) {
        size_t length = choose_length(dice, plan, may_be_empty);
        size_t left = of->bytes - at;

        if (length >= left) /* the last one */
            length = of->unterminated || (left == 1 && !may_be_empty) ? left : left - 1;
        write_record(bytes + at, length, dice, source, number++);
        at += length;
        if (at < of->bytes)
            bytes[at++] = (unsigned char)terminator;
    }
}

static void write_bytes(unsigned char *bytes, const struct plan *plan, struct dice *dice,
                        size_t source)
{
    for (size_t i = 0; i < plan->sources[source].bytes; i++) {
        unsigned char byte = (unsigned char)dice_next(dice);
        bytes[i] = plan->merge ? (unsigned char)((byte & 63) | source << 6) : byte;
    }
}

/* Finds the records of a stream. */
static void split(struct stream *stream, int terminator, bool merge)
{
    unsigned char *at = stream->bytes, *end = stream->bytes + stream->size;
    size_t room = 1;

    for (size_t i = 0; i < stream->size; i++)
        room += stream->bytes[i] == terminator;
    stream->records = calloc(room, sizeof *stream->records);
    if (stream->records == NULL)
        abort();
    while (at < end) {
        unsigned char *last = memchr(at, terminator, (size_t)(end - at));
        struct record *record = &stream->records[stream->record_count++];

        *record = (struct record){.bytes = at};
        if (last != NULL) {
            record->size = (size_t)(last - at) + 1;
            stream->terminated++;
        } else {
            record->size = (size_t)(end - at) + merge;
            record->supplied = merge;
            *end = (unsigned char)terminator;
        }
        at += record->size;
    }
}

/* The stream of a source, with room for the bytes of that source and a terminator. */
static struct stream *stream_for(struct input *input, const struct plan *plan, size_t source)
{
    struct stream *stream = &input->streams[plan->merge ? source : 0];

    input->stream_count = plan->merge ? plan->source_count : 1;
    if (stream->bytes == NULL)
        stream->bytes = calloc(1, plan_bytes(plan) + 1);
    if (stream->bytes == NULL)
        abort();
    return stream;
}

static void split_all(struct input *input, const struct plan *plan)
{
    for (size_t i = 0; i < input->stream_count && plan->unit != UNIT_BYTES; i++)
        split(&input->streams[i], plan_terminator(plan), plan->merge);
}

void input_make(struct input *input, const struct plan *plan)
{
    struct dice dice = {~plan->seed};

    *input = (struct input){0};
    for (size_t i = 0; i < plan->source_count; i++) {
        struct stream *stream = stream_for(input, plan, i);
        input->sources[i] = stream->bytes + stream->size;
        if (plan->unit == UNIT_BYTES)
            write_bytes(stream->bytes + stream->size, plan, &dice, i);
        else
            write_records(stream->bytes + stream->size, plan, &dice, i);
        stream->size += plan->sources[i].bytes;
    }
    split_all(input, plan);
}

void input_cut(struct input *cut, const struct plan *plan, const struct input *input,
               const size_t bytes[MOST_SOURCES])
{
    *cut = (struct input){0};
    for (size_t i = 0; i < plan->source_count; i++) {
        struct stream *stream = stream_for(cut, plan, i);
        memcpy(stream->bytes + stream->size, input->sources[i], bytes[i]);
        stream->size += bytes[i];
    }
    split_all(cut, plan);
}

bool input_end_record(struct input *input, size_t at)
{
    struct stream *stream = &input->streams[0];
    size_t i = 0, end = 0;

    while (i < stream->record_count && end + stream->records[i].size <= at)
        end += stream->records[i++].size;
    if (i == stream->record_count || end == at)
        return false;
    struct record *records = realloc(stream->records, (stream->record_count + 1) * sizeof *records);
    if (records == NULL)
        abort();
    memmove(records + i + 1, records + i, (stream->record_count - i) * sizeof *records);
    records[i].size = at - end;
    records[i].supplied = false;
    records[i + 1].bytes += at - end;
    records[i + 1].size -= at - end;
    stream->records = records;
    stream->record_count++;
    return true;
}

void input_free(struct input *input)
{
    for (size_t i = 0; i < input->stream_count; i++) {
        free(input->streams[i].bytes);
        free(input->streams[i].records);
    }
}
