/*
 * moves.h - what the loop moves in a turn, by which way, and what is noted about it.
 *
 * There are three ways for a byte. Through the ring always works. Past it (transfer_pass()) where
 * nothing is held and nothing has to look at the bytes. And by way of the pipe store, where bytes
 * that came by a pipe and could have passed have to wait, or are looked at on their way (records
 * are counted, a checksum is made): as long as the ring is empty. What is in the store came before
 * what is in the ring, so it leaves first. It is looked at when it leaves the store; with framing
 * (loop/framing.h) it is moved into the ring before anything else enters that.
 */
#ifndef BPIPE_LOOP_MOVES_H
#define BPIPE_LOOP_MOVES_H

#include "loop/loop.h"

/* One turn: brings the water marks up to date; a write for each output that may get something, and
 * a read. Returns whether anything happened, so that it is worth trying again without waiting. */
bool loop_move_bytes(struct poll_loop *loop);

/* One write to output `index`, if it may get something. False: nothing moved. */
bool loop_write_output(struct poll_loop *loop, size_t index);

/* One read from `input` into a ring, or (NULL) into loop->scratch. */
struct transfer loop_call_transfer_in(struct poll_loop *loop, struct loop_input *input,
                                      struct ring *ring, size_t max);

/* Bytes that came in and have not left: in the ring and in the store.
 * What only taps have not got does not count. */
size_t loop_held(const struct poll_loop *loop);

/* The current input may be read into what holds bytes; or that, or pass bytes on. */
bool loop_may_read(const struct poll_loop *loop);
bool loop_may_take(const struct poll_loop *loop);

/* Input `index` is open, and is the one that is read, or one of those with --merge; and it may be
 * read now, or be passed on. */
bool loop_is_current(const struct poll_loop *loop, size_t index);
bool loop_may_take_from(const struct poll_loop *loop, size_t index);

/* It may have bytes: it is worth a try before poll() is asked. */
bool loop_input_is_ready(const struct loop_input *input);

#endif
