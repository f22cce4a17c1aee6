/*
 * read.h - bytes come in.
 */
#ifndef BPIPE_LOOP_READ_H
#define BPIPE_LOOP_READ_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets up framing. With --frame the ring is full when a chunk does not fit. */
void loop_init_framing(struct poll_loop *loop);

/* An input begins: with --unframe it is a stream of its own. */
void loop_begin_framing(struct poll_loop *loop);

/* Moves bytes to the pipe queue with framing, in place of transfer_into_queue(). */
struct transfer loop_queue_framed(struct poll_loop *loop, struct loop_input *input, size_t max);

/* Why the current input, which failed with `error`, is not a whole stream. NULL: that is not the
 * reason for the failure. */
const char *loop_framing_reason(const struct poll_loop *loop, int error);

/* All bytes have been written, and the end is true, even if some outputs have failed: puts the
 * final record into the ring. Returns false if there is none to write, or if it was written
 * already. */
bool loop_finish_framing(struct poll_loop *loop);

/* Reads once from `input` into a ring, or (NULL) into the scratch. */
struct transfer loop_call_transfer_in(struct poll_loop *loop, struct loop_input *input,
                                      struct ring *ring, size_t max);

#endif
