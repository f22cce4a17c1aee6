/*
 * input.h - the end of an input.
 */
#ifndef BPIPE_LOOP_INPUT_H
#define BPIPE_LOOP_INPUT_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An input was read to its end. */
void loop_note_input_end(struct poll_loop *loop, struct loop_input *input);

/* No more is to be read: closes the inputs, starts draining. */
void loop_end_input(struct poll_loop *loop);

/* The current input cannot be read: reports it and goes on with the next. Or reports it only. */
void loop_note_read_failure(struct poll_loop *loop, struct loop_input *input, int error);

/* Closes one, and gives back what was changed; but a connection stays (loop/close.h). Harmless if
 * it is not open. */
void loop_close_input(struct poll_loop *loop, struct loop_input *input);

/* An input was read to its end. If it left a record unfinished, and is a command that has not
 * exited, that record waits; it is known now what becomes of it. */
void loop_merge_input_at_end(struct poll_loop *loop, struct loop_input *input);
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

/* In a run that has failed, since when a record waits for a command to exit; 0: none does. It is
 * given up after COMMAND_GRACE_NS. */
void loop_give_up_pending(struct poll_loop *loop);

/* Its output has ended, and so has it. One of us has said itself why it failed, if it could. */
void loop_judge_producer(struct poll_loop *loop, struct loop_input *input);

void loop_close_current(struct poll_loop *loop);

/* An input failed, or is not read to its end: what there is of a record that has not come whole is
 * not to pass for one. If it has begun to go out that cannot be helped (`fate`). (Of one that is
 * being dropped as the oldest nothing is left to take back.) */
void loop_merge_withhold(struct poll_loop *loop, struct loop_input *input, enum record_fate fate);

void loop_merge_note_misses(struct poll_loop *loop, struct loop_input *input);

void loop_merge_end_input(struct poll_loop *loop, struct loop_input *input);

/* Bytes came into the ring, or none will any more: what they mean for those who drop a record. */
void loop_skip_rests(struct poll_loop *loop);

#endif
