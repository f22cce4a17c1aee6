/*
 * stream.c - see stream.h.
 */
#include "stream.h"

#include "tests/random.h"
#include "tests/tools/die.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STAMP = 8, SAMPLED = 16 /* one page in this many is compared as a whole */ };

/* --- the bytes ---------------------------------------------------------------------------- */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .";

void stream_init(struct stream *stream, bool text)
{
    uint64_t state = 0, word = 0;

    stream->text = text;
    for (size_t i = 0; i < STREAM_BLOCK; i++) {
        unsigned char byte;

        word = i % 8 == 0 ? random_next(&state) : word >> 8;
        byte = (unsigned char)word;
        if (text) /* 4 in 256: a line is 64 bytes long on average */
            byte = byte < 4 ? '\n' : (unsigned char)letters[byte % 64];
        stream->bytes[i] = byte;
    }
    memcpy(stream->bytes + STREAM_BLOCK, stream->bytes, STREAM_BLOCK);
}

/* The number of a page, the lowest digit first: in bytes, or in a text as 64 letters. */
static void write_stamp(unsigned char stamp[STAMP], uint64_t page, bool text)
{
    for (int i = 0; i < STAMP; i++)
        stamp[i] =
            text ? (unsigned char)letters[page >> (6 * i) & 63] : (unsigned char)(page >> (8 * i));
}

/* Bytes that are no stamp read as some number, too. */
static uint64_t read_stamp(const unsigned char stamp[STAMP], bool text)
{
    uint64_t page = 0;

    for (int i = STAMP - 1; i >= 0; i--) {
        const char *letter = strchr(letters, stamp[i]);

        page = !text            ? page << 8 | stamp[i]
               : letter == NULL ? page << 6
                                : page << 6 | (uint64_t)(letter - letters);
    }
    return page;
}

const unsigned char *stream_at(struct stream *stream, uint64_t offset, size_t size)
{
    size_t start = (size_t)(offset % STREAM_BLOCK);
    uint64_t page = offset / STREAM_PAGE;

    for (size_t at = start - start % STREAM_PAGE; at < start + size; at += STREAM_PAGE)
        write_stamp(stream->bytes + at, page++, stream->text);
    return stream->bytes + start;
}

/* --- checking ----------------------------------------------------------------------------- */

static size_t first_difference(const unsigned char *a, const unsigned char *b, size_t size)
{
    size_t i = 0;

    while (i < size && a[i] == b[i])
        i++;
    return i;
}

/* Checks a part of one page: from `within` its start, up to its end or less. */
static bool check_part(struct stream *stream, uint64_t offset, const unsigned char *bytes,
                       size_t size, bool every_byte)
{
    size_t within = (size_t)(offset % STREAM_PAGE);
    uint64_t page = offset / STREAM_PAGE;
    size_t compared = size;
    const unsigned char *expected;

    if (!every_byte && page % SAMPLED != 0)
        compared = within >= STAMP ? 0 : size < STAMP - within ? size : STAMP - within;
    if (compared == 0)
        return true;
    expected = stream_at(stream, offset, compared);
    if (memcmp(bytes, expected, compared) == 0)
        return true;

    fprintf(stderr, "%s: byte %" PRIu64 " is wrong", program_name,
            offset + first_difference(bytes, expected, compared));
    if (within == 0 && size >= STAMP)
        fprintf(stderr, ", in a page numbered %" PRIu64 " at the place of page %" PRIu64,
                read_stamp(bytes, stream->text), page);
    fputc('\n', stderr);
    return false;
}

bool stream_check(struct stream *stream, uint64_t offset, const unsigned char *bytes, size_t size,
                  bool every_byte)
{
    while (size > 0) {
        size_t part = STREAM_PAGE - (size_t)(offset % STREAM_PAGE);

        if (part > size)
            part = size;
        if (!check_part(stream, offset, bytes, part, every_byte))
            return false;
        offset += part;
        bytes += part;
        size -= part;
    }
    return true;
}

/* --- the command line, time, giving up ---------------------------------------------------- */

static _Noreturn void refuse(const char *text, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program_name, text, why);
    exit(2);
}

uint64_t parse_size(const char *text, uint64_t most)
{
    static const char units[] = "KMG";
    char *end;
    uint64_t size = strtoull(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;

    if (end == text || (*end != '\0' && (unit == NULL || end[1] != '\0')))
        refuse(text, "not a size");
    if (unit != NULL)
        size <<= 10 * (unit - units + 1);
    if (size > most)
        refuse(text, "too large");
    return size;
}

uint64_t parse_seconds(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds >= 0 && seconds < 1e6))
        refuse(text, "not a number of seconds");
    return (uint64_t)(seconds * 1e9);
}

uint64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void sleep_until_ns(uint64_t when)
{
    struct timespec time = {.tv_sec = (time_t)(when / 1000000000),
                            .tv_nsec = (long)(when % 1000000000)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        continue;
}
