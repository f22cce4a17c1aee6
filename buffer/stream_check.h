/*
 * stream_check.h - whether a stream ended where it had to: --expect-size, --expect-end.
 *
 * At the end of a pipe a producer that died looks like one that has finished. Who knows how long
 * the stream is, or what its last bytes are, can have it told: a stream that ends otherwise is a
 * failure.
 */
#ifndef BPIPE_STREAM_CHECK_H
#define BPIPE_STREAM_CHECK_H

#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_CHECK_END_MOST = 64 * 1024, STREAM_CHECK_REASON = 128 };

struct stream_check {
    bool size_given;
    uint64_t size;     /* bytes */
    char *end;         /* the last bytes of the stream; owned */
    size_t end_length; /* 0: none are expected */
    char *tail;        /* those that it has had so far; owned, as long as `end` */
    size_t tail_length;
};

/* What the options ask for; an @FILE is read here. 0, or -1 after a message; then, too,
 * stream_check_destroy() is to be called. */
int stream_check_init(struct stream_check *expect, const struct options *options);
void stream_check_destroy(struct stream_check *expect);

/* The first `bytes` of the span, or of `memory`, came in. Nothing if no end is expected. */
void stream_check_saw(struct stream_check *expect, const struct span *span, size_t bytes);
void stream_check_saw_memory(struct stream_check *expect, const void *memory, size_t bytes);

/* The stream has ended after `bytes`. NULL if so it was to end; or why not, in `reason`. */
const char *stream_check_end(const struct stream_check *expect, uint64_t bytes,
                             char reason[STREAM_CHECK_REASON]);

#endif
