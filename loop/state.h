/*
 * state.h - tests of whether bytes may move, and whether a buffer is full.
 *
 * No function here changes anything.
 */
#ifndef BPIPE_LOOP_STATE_H
#define BPIPE_LOOP_STATE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the end of an input that was read to its end is its true end: it is, it is not, or its
 * command has not exited yet. */
enum input_verdict { INPUT_WELL, INPUT_ILL, INPUT_UNJUDGED };
enum input_verdict loop_input_verdict(const struct loop_input *input);

/* Whether all outputs have been opened. Taps do not count. */
bool loop_outputs_are_open(const struct poll_loop *loop);

/* With --merge: whether input `index` may be read now. */
bool loop_merge_may_read(const struct poll_loop *loop, size_t index);

/* The bytes in the shares, and whether no byte of them is left to be mixed. */
size_t loop_merge_held(const struct poll_loop *loop);
bool loop_merge_is_empty(const struct poll_loop *loop);

/* Whether the run has gone well so far, so that outputs may be told that the stream is complete. */
bool loop_end_is_true(const struct poll_loop *loop);

/* Bytes that came in and have not left: in the ring, in the pipe queue, in the shares of --merge.
 * Bytes that only taps have not got do not count. */
size_t loop_held(const struct poll_loop *loop);

/* Whether the current input may be read now; with --merge, whether any input may be. */
bool loop_may_read(const struct poll_loop *loop);

/* Whether input `index` is the current one; with --merge, whether it is open. */
bool loop_is_current(const struct poll_loop *loop, size_t index);

/* Whether input `index` may be read now, or its bytes may be passed on. */
bool loop_may_take_from(const struct poll_loop *loop, size_t index);

/* Whether an input may have bytes, so that a read is worth a try before poll() is called. */
bool loop_input_is_ready(const struct loop_input *input);

/* Whether --stop-at-size lets no more in. */
bool loop_wants_nothing(const struct poll_loop *loop);

/* Whether an input is not connected yet. */
bool loop_is_dialling(const struct loop_input *input);

/* Whether incoming bytes cannot go to the ring, because it is full, or because other bytes wait for
 * it already. */
bool loop_is_overloaded(const struct poll_loop *loop);

/* Whether neither the ring nor the spool takes more, so that incoming bytes are dropped or wait. */
bool loop_is_full(const struct poll_loop *loop);

/* Whether the next bytes, if they may be read, have to go into the scratch (loop/overload.h). */
bool loop_must_read_aside(const struct poll_loop *loop);

/* The farthest position in the ring that an output (not a tap) has reached. */
uint64_t loop_farthest(const struct poll_loop *loop);

/* Whether all bytes that came in have left bpipe, marks included. */
bool loop_is_empty(const struct poll_loop *loop);

/* Whether a producer that has ended did so without a failure. A producer that is a bpipe of our own
 * (-M both) may also have ended because its reader had gone. */
bool loop_input_is_complete(const struct command *command);

/* How many bytes may be read into the share: 0 if the room is too small for what may come. */
size_t loop_merge_room(const struct loop_input *input);

/* How many bytes of the share the mixer may take. */
size_t loop_merge_offered(const struct loop_input *input);

/* Whether the mixer has to end a record that has no terminator. The record has passed in part,
 * because it was longer than the share; and either it is whole, or another record follows it. */
bool loop_merge_lacks_terminator(const struct poll_loop *loop, const struct loop_input *input);

/* Whether the mixer finds something to take from an input. */
bool loop_merge_has_something(const struct poll_loop *loop, const struct loop_input *input);

/* Whether bytes that have to wait may wait in the pipe queue. */
bool loop_may_queue(const struct poll_loop *loop);

/* How many bytes are in the spool; 0 without a spool. */
uint64_t loop_spooled(const struct poll_loop *loop);

/* Whether --overflow is drop-oldest. */
bool loop_drops_oldest(const struct poll_loop *loop);

/* Whether --overflow is drop-newest. */
bool loop_drops_newest(const struct poll_loop *loop);

/* The position in the ring up to which all outputs have got or skipped the bytes. Taps may be
 * behind. */
uint64_t loop_main_tail(const struct poll_loop *loop);

/* Whether the ring is full of a part of a record, which must not be offered, so that no room can
 * come. */
bool loop_is_stuck(const struct poll_loop *loop);

/* Whether tap `index` is open, and there are bytes that may be sent to it. */
bool loop_tap_wants_more(const struct poll_loop *loop, size_t index);

#endif
