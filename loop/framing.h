/*
 * framing.h - what the loop does for --frame and --unframe (buffer/framing.h): counts what is
 * added, and adds the final record when the end is known to be true.
 */
#ifndef BPIPE_LOOP_FRAMING_H
#define BPIPE_LOOP_FRAMING_H

#include "loop/loop.h"

/* With --frame the ring is full when no chunk fits. */
void loop_init_framing(struct poll_loop *loop);

/* An input begins: with --unframe a stream of its own. */
void loop_begin_framing(struct poll_loop *loop);

/* In place of transfer_fill(), from the current input. What is in the store goes into the ring
 * first. */
struct transfer loop_fill_framed(struct poll_loop *loop, struct loop_input *input, size_t max,
                                 bool may_wait);

/* In place of transfer_store(). */
struct transfer loop_store_framed(struct poll_loop *loop, struct loop_input *input, size_t max);

/* In place of transfer_unstore(); what was added is counted. If the output refuses pages the way is
 * given up, and all is in the ring. */
struct transfer loop_unstore_framed(struct poll_loop *loop, struct loop_output *output, size_t max);

/* Why the current input, which failed with `error`, is not a whole stream; NULL: that is not why.
 */
const char *loop_framing_reason(const struct poll_loop *loop, int error);

/* All has been written, and the end is true, whatever has become of some outputs: the final record.
 * False: there is none to be written, or not any more. */
bool loop_finish_framing(struct poll_loop *loop);

#endif
