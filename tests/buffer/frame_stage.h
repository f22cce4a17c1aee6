/*
 * frame_stage.h - shared by the tests of --frame and --unframe: texts, and the way that one takes
 * through a pipe or socket, the framing and a buffer to become another.
 *
 * Each test begins and finishes a way by itself: it says what the buffer is.
 */
#ifndef BPIPE_TESTS_FRAME_STAGE_H
#define BPIPE_TESTS_FRAME_STAGE_H

#include "base/counted_call.h"
#include "buffer/frame_stream.h"
#include "tests/tap.h"

#include <unistd.h>

enum { TEXT_MOST = 6 * 400000 };

struct text {
    size_t length;
    unsigned char bytes[TEXT_MOST];
};

static struct text original, stream, copy;

struct way {
    const struct text *from;
    struct text *to;
    size_t sent; /* bytes of `from` in the pipe; those that were not read yet are on their way */
    int writer;  /* the pipe's writing end; -1: closed */
    bool keep_open;
    struct endpoint input;
    struct frame_stream framing;
    size_t capacity; /* of the buffer */
    struct ring ring;
    uint64_t payload, added;
    uint64_t calls[COUNTED_CALLS];
    struct transfer last; /* of frame_stream_fill() */
    bool failed;          /* something was wrong */
};

static struct way way;

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline bool same(const struct text *a, const struct text *b)
{
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* The first complaint of a way is printed. */
static inline void complain(const char *what)
{
    if (!way.failed)
        tap_note("buffer of %zu, %zu of %zu sent, %zu received: %s", way.capacity, way.sent,
                 way.from->length, way.to->length, what);
    way.failed = true;
}

static inline void close_writer(void)
{
    if (way.writer >= 0)
        close(way.writer);
    way.writer = -1;
}

/* Sends up to `most` bytes more, and behind the last one the end. */
static inline void send_some(size_t most)
{
    size_t left = way.from->length - way.sent;
    if (left > 0) {
        ssize_t bytes = write(way.writer, way.from->bytes + way.sent, smaller(left, most));
        way.sent += bytes > 0 ? (size_t)bytes : 0;
    } else if (!way.keep_open) {
        close_writer();
    }
}

#endif
