/*
 * skip.h - leaves out the first bytes of the inputs (--skip), before any byte enters the buffer.
 *
 * They count neither as read nor for --size, --read-rate and --expect-size. They may span several
 * inputs.
 */
#ifndef BPIPE_SKIP_H
#define BPIPE_SKIP_H

#include "loop/loop.h"

/* Whether bytes still have to be left out, and an input is open. */
bool loop_is_skipping(const struct poll_loop *loop);

/* Leaves out what the current input has, in one call. Returns false if it has nothing now. */
bool loop_skip(struct poll_loop *loop);

#endif
