/*
 * input.h - the end of an input.
 */
#ifndef BPIPE_LOOP_INPUT_H
#define BPIPE_LOOP_INPUT_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An input was read to its end: notes it. If the input is a command that has exited, judges it by
 * its exit status. */
void loop_note_input_end(struct poll_loop *loop, struct loop_input *input);

/* bpipe will read no more input: closes the inputs, and starts draining. */
void loop_end_input(struct poll_loop *loop);

/* Reading an input failed with `error`: reports it, and does nothing else. */
void loop_note_read_failure(struct poll_loop *loop, struct loop_input *input, int error);

/* Closes an input, and restores the flags that bpipe changed on its descriptor. A connection stays
 * open (loop/close.h). Harmless if the input is not open. */
void loop_close_input(struct poll_loop *loop, struct loop_input *input);

/* --merge: an input was read to its end. If it left a record unfinished, and is a command that has
 * not exited, that record waits. */
void loop_merge_input_at_end(struct poll_loop *loop, struct loop_input *input);

/* It is known now what happens to that record: `fate`. */
void loop_merge_judged(struct poll_loop *loop, struct loop_input *input, enum record_fate fate);

/* There is no more input. Returns whether all the input is in the ring (or has left it): then
 * flow->ended was set. Otherwise loop_move_overload() moves the rest. */
bool loop_settle_end(struct poll_loop *loop);

/* The current input (not with --merge) was read to its end, or failed. Returns false if the next
 * input has to wait until it is known what happens to this input's last record. */
bool loop_end_record(struct poll_loop *loop, struct loop_input *input, bool failed);

/* The command of an input that was read to its end has been judged (loop_input_verdict()). */
void loop_record_judged(struct poll_loop *loop, struct loop_input *input);

/* Reading ends before the inputs do: calls loop_end_input(), and marks the records torn that are
 * cut off by that. */
void loop_cut_input(struct poll_loop *loop);

/* After flow->ended: outputs that have got everything except a torn last record are done. Returns
 * whether there was such an output. */
bool loop_withhold_last(struct poll_loop *loop);

/* Records that wait for a command to exit (loop_record_pending_since()) wait no longer: they count
 * as torn. */
void loop_give_up_pending(struct poll_loop *loop);

/* A --from command has exited, and its output has ended: if the command failed, reports that. A
 * command that is a bpipe of our own (-M both) has reported its failure itself, if it could. */
void loop_judge_producer(struct poll_loop *loop, struct loop_input *input);

/* Closes the current input, unless a later input is the same descriptor ("bpipe - -"). */
void loop_close_current(struct poll_loop *loop);

/* --merge: an input failed, or is not read to its end. The part of a record that has come must not
 * pass for a whole record, so it is taken back. If a part has gone out already, that cannot be
 * undone, and `fate` is noted. (If the record is being dropped as the oldest, no part of it is left
 * to take back.) */
void loop_merge_withhold(struct poll_loop *loop, struct loop_input *input, enum record_fate fate);

/* --merge: counts the bytes and records that the mixer has missed of an input. */
void loop_merge_note_misses(struct poll_loop *loop, struct loop_input *input);

/* --merge: no more bytes come from an input: settles its last record, and closes the input. */
void loop_merge_end_input(struct poll_loop *loop, struct loop_input *input);

/* Bytes came into the ring, or no more will come: calls loop_note_arrived(). */
void loop_skip_rests(struct poll_loop *loop);

#endif
