/*
 * stream_check.h - whether a stream ended correctly: --expect-size, --expect-end.
 *
 * At the end of a pipe, a producer that died looks like one that has finished. A user who knows the
 * length of the stream, or its last bytes, can give them to bpipe. A stream that ends otherwise is
 * a failure.
 */
#ifndef BPIPE_STREAM_CHECK_H
#define BPIPE_STREAM_CHECK_H

#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_CHECK_END_MOST = 64 * 1024, STREAM_CHECK_REASON = 160 };

struct stream_check {
    bool size_given;
    uint64_t size;     /* bytes */
    char *end;         /* the last bytes of the stream; owned */
    size_t end_length; /* 0: no end is expected */
    char *tail;        /* the last bytes so far; owned, as long as `end` */
    size_t tail_length;
};

/* Sets up the checks that the options ask for, and reads an @FILE. Returns 0, or -1 after a
 * message. Call stream_check_destroy() also after a failure. */
int stream_check_init(struct stream_check *expect, const struct options *options);
void stream_check_destroy(struct stream_check *expect);

/* The first `bytes` of the span, or of `memory`, came in. Does nothing if no end is expected. */
void stream_check_saw(struct stream_check *expect, const struct span *span, size_t bytes);
void stream_check_saw_memory(struct stream_check *expect, const void *memory, size_t bytes);

/* The stream has ended after `bytes`. Returns NULL if it ended as expected, otherwise why not, in
 * `reason`. */
const char *stream_check_end(const struct stream_check *expect, uint64_t bytes,
                             char reason[STREAM_CHECK_REASON]);

#endif
