/*
 * input.h - the end of an input.
 */
#ifndef BPIPE_LOOP_INPUT_H
#define BPIPE_LOOP_INPUT_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An input was read to its end: a command that has exited is judged by that. */
void loop_note_input_end(struct poll_loop *loop, struct loop_input *input);

/* No more is to be read: closes the inputs, starts draining. */
void loop_end_input(struct poll_loop *loop);

/* Reading an input failed with `error`: reports it, and does nothing else. */
void loop_note_read_failure(struct poll_loop *loop, struct loop_input *input, int error);

/* Closes one, and gives back what was changed; but a connection stays (loop/close.h). Harmless if
 * it is not open. */
void loop_close_input(struct poll_loop *loop, struct loop_input *input);

/* --merge: an input was read to its end. If it left a record unfinished, and is a command that has
 * not exited, that record waits. */
void loop_merge_input_at_end(struct poll_loop *loop, struct loop_input *input);

/* It is known now what becomes of that record. */
void loop_merge_judged(struct poll_loop *loop, struct loop_input *input, enum record_fate fate);

/* There is no more input. Returns whether all that has come is in the ring (or has left it), so
 * that flow->ended was set: else loop_move_overload() goes on with it. */
bool loop_settle_end(struct poll_loop *loop);

/* The current input (not with --merge) was read to its end, or failed. False: the next one has to
 * wait for what becomes of this one's last record. */
bool loop_end_record(struct poll_loop *loop, struct loop_input *input, bool failed);

/* An input that was read to its end has been judged (loop_input_verdict()). */
void loop_record_judged(struct poll_loop *loop, struct loop_input *input);

/* Reading ends before the inputs do: loop_end_input() of what is torn by that. */
void loop_cut_input(struct poll_loop *loop);

/* After flow->ended: outputs that have got everything but a torn last record are done. Returns
 * whether there was one. */
bool loop_withhold_last(struct poll_loop *loop);

/* Records that wait for a command to exit (loop_record_pending_since()) wait no longer: they are
 * taken for torn. */
void loop_give_up_pending(struct poll_loop *loop);

/* A --from command has exited, and its output has ended: if it failed, that is reported. A bpipe of
 * ours (-M both) has said itself why it failed, if it could. */
void loop_judge_producer(struct poll_loop *loop, struct loop_input *input);

/* Closes the current input, except one that a later input stands for as well ("bpipe - -"). */
void loop_close_current(struct poll_loop *loop);

/* --merge: an input failed, or is not read to its end. What there is of a record that has not come
 * whole is not to pass for one; if it has begun to go out that cannot be helped (`fate`). (Of one
 * that is being dropped as the oldest nothing is left to take back.) */
void loop_merge_withhold(struct poll_loop *loop, struct loop_input *input, enum record_fate fate);

/* --merge: counts what the mixer has missed of an input. */
void loop_merge_note_misses(struct poll_loop *loop, struct loop_input *input);

/* --merge: an input brings nothing more: its last record is settled, and it is closed. */
void loop_merge_end_input(struct poll_loop *loop, struct loop_input *input);

/* Bytes came into the ring, or none will any more: loop_note_arrived(). */
void loop_skip_rests(struct poll_loop *loop);

#endif
