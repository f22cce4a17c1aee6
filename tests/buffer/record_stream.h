/*
 * record_stream.h - numbered records, all different, and a check of those that arrived: for the
 * tests of the modules that drop records (buffer/overrun.h, buffer/admission.h).
 */
#ifndef BPIPE_TESTS_RECORD_STREAM_H
#define BPIPE_TESTS_RECORD_STREAM_H

#include "buffer/overrun.h"
#include "tests/tap.h"

enum { STREAM_BYTES = 1 << 16, STREAM_RECORDS = 1 << 14, GOT_BYTES = 1 << 20 };

struct record_stream {
    unsigned char bytes[STREAM_BYTES];
    size_t length;
    size_t start[STREAM_RECORDS + 1]; /* of each, and where the last one ends */
    size_t count;
    unsigned char terminator;
};

/* The bytes that a reader got, and the results of stream_judge(). */
struct record_got {
    unsigned char bytes[GOT_BYTES];
    size_t length;
    uint64_t missing_bytes, missing_records, mark_bytes;
};

/* Records of at most `longest` bytes, about `length` bytes of them; the last one may lack its
 * end. */
static inline void stream_make(struct record_stream *stream, size_t length, size_t longest,
                               unsigned char terminator, uint64_t *random)
{
    stream->length = stream->count = 0;
    stream->terminator = terminator;
    while (stream->length < length && stream->count < STREAM_RECORDS) {
        unsigned char *next = stream->bytes + stream->length;
        size_t most = longest < 8 ? 8 : longest;
        size_t size = (size_t)snprintf((char *)next, 8, "%zu:", stream->count);
        size_t pad = (size_t)tap_below(random, most - size);
        memset(next + size, '.', pad);
        next[size + pad] = terminator;
        stream->start[stream->count++] = stream->length;
        stream->length += size + pad + 1;
    }
    if (stream->count > 0 && tap_below(random, 2) == 0)
        stream->length--;
    stream->start[stream->count] = stream->length;
}

static inline void stream_got(struct record_got *got, const void *memory, size_t bytes)
{
    if (got->length + bytes > GOT_BYTES)
        abort();
    memcpy(got->bytes + got->length, memory, bytes);
    got->length += bytes;
}

/* Whether the received bytes are the stream without some whole records, in order, and (`marks`)
 * whether a mark describes each gap. */
static inline bool stream_judge(const struct record_stream *stream, struct record_got *got,
                                bool marks)
{
    size_t next = 0; /* the record that comes if none is missing */
    unsigned long long marked_records = 0, marked_bytes = 0;
    got->missing_bytes = got->missing_records = got->mark_bytes = 0;
    for (size_t at = 0; at <= got->length;) {
        const unsigned char *text = got->bytes + at;
        size_t left = got->length - at, number = stream->count, size = 0;
        const unsigned char *end = left > 0 ? memchr(text, stream->terminator, left) : NULL;
        char head[OVERRUN_MARK_SIZE] = "";
        unsigned long long records, bytes;

        memcpy(head, text, left < sizeof head - 1 ? left : sizeof head - 1);
        size = end == NULL ? left : (size_t)(end - text) + 1;
        if (marks &&
            sscanf(head, "[bpipe: %llu records, %llu bytes dropped]", &records, &bytes) == 2) {
            marked_records += records;
            marked_bytes += bytes;
            got->mark_bytes += size;
            at += size;
            continue;
        }
        if (left > 0)
            number = strtoul(head, NULL, 10);
        if (number < next || number > stream->count || (left > 0 && number == stream->count))
            return false;
        if (left > 0 && (size != stream->start[number + 1] - stream->start[number] ||
                         memcmp(text, stream->bytes + stream->start[number], size) != 0)) {
            tap_note("torn: %.60s", head);
            return false;
        }
        uint64_t hole = stream->start[number] - stream->start[next];
        if (marks && (marked_records != number - next || marked_bytes != hole)) {
            tap_note("before %zu: %llu records, %llu bytes marked, %zu and %" PRIu64 " missing",
                     number, marked_records, marked_bytes, number - next, hole);
            return false;
        }
        marked_records = marked_bytes = 0;
        got->missing_records += number - next;
        got->missing_bytes += hole;
        next = number + 1;
        at += size;
        if (left == 0)
            break;
    }
    return true;
}

#endif
