/*
 * expect.h - whether a stream ended where it had to: --expect-size, --expect-end.
 *
 * At the end of a pipe a producer that died looks like one that has finished. Who knows how long
 * the stream is, or what its last bytes are, can have it told: a stream that ends otherwise is a
 * failure.
 */
#ifndef BPIPE_EXPECT_H
#define BPIPE_EXPECT_H

#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPECT_END_MOST = 64 * 1024, EXPECT_REASON = 128 };

struct expect {
    bool size_given;
    uint64_t size;     /* bytes */
    char *end;         /* the last bytes of the stream; owned */
    size_t end_length; /* 0: none are expected */
    char *tail;        /* those that it has had so far; owned, as long as `end` */
    size_t tail_length;
};

/* What the options ask for; an @FILE is read here. 0, or -1 after a message; then, too,
 * expect_destroy() is to be called. */
int expect_init(struct expect *expect, const struct options *options);
void expect_destroy(struct expect *expect);

/* The first `bytes` of the span, or of `memory`, came in. Nothing if no end is expected. */
void expect_saw(struct expect *expect, const struct span *span, size_t bytes);
void expect_saw_memory(struct expect *expect, const void *memory, size_t bytes);

/* The stream has ended after `bytes`. NULL if so it was to end; or why not, in `reason`. */
const char *expect_end(const struct expect *expect, uint64_t bytes, char reason[EXPECT_REASON]);

#endif
