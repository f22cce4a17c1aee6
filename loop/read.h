/*
 * read.h - bytes come in.
 */
#ifndef BPIPE_LOOP_READ_H
#define BPIPE_LOOP_READ_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With --frame the ring is full when no chunk fits. */
void loop_init_framing(struct poll_loop *loop);

/* An input begins: with --unframe a stream of its own. */
void loop_begin_framing(struct poll_loop *loop);

/* In place of transfer_into_queue(). */
struct transfer loop_queue_framed(struct poll_loop *loop, struct loop_input *input, size_t max);

/* Why the current input, which failed with `error`, is not a whole stream; NULL: that is not why.
 */
const char *loop_framing_reason(const struct poll_loop *loop, int error);

/* All has been written, and the end is true, whatever has become of some outputs: the final record.
 * False: there is none to be written, or not any more. */
bool loop_finish_framing(struct poll_loop *loop);

/* One read from `input` into a ring, or (NULL) into the scratch. */
struct transfer loop_call_transfer_in(struct poll_loop *loop, struct loop_input *input,
                                      struct ring *ring, size_t max);

#endif
