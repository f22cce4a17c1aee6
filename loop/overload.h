/*
 * overload.h - how the loop handles bytes for which the ring has no room.
 *
 * Bytes that need not wait for the ring are read into a piece of memory first (`scratch`), so that
 * the policy can decide about them: they go to the spool, or are dropped, or take the place of
 * older bytes, or end the run (buffer/admission.h, buffer/overrun.h). If the spool is full under
 * --overflow block, the rest stays in scratch until it fits. This is only for inputs whose bytes
 * come by themselves: a file waits where it is, and holds no producer up.
 */
#ifndef BPIPE_LOOP_OVERLOAD_H
#define BPIPE_LOOP_OVERLOAD_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRATCH_SIZE = 256 * 1024 };

/* Allocates memory, and opens the spool. Returns 0, or -1 after a message. */
int loop_init_overload(struct poll_loop *loop);

/* Frees both. Harmless if there are none. */
void loop_destroy_overload(struct poll_loop *loop);

/* A turn begins: tells buffer/flow.h how many bytes each output gets before those in the ring. */
void loop_renew_overload(struct poll_loop *loop);

/* `bytes` were read into the scratch, which was empty: finds a place for them. */
void loop_took_aside(struct poll_loop *loop, size_t bytes);

/* Moves on the bytes that wait in scratch and in the spool. Returns false if nothing moved. */
bool loop_move_overload(struct poll_loop *loop);

/* `bytes` were read into the ring directly. */
void loop_note_arrival(struct poll_loop *loop, size_t bytes);

/* Makes taps let go of bytes, so that the ring has room for a read of up to `wanted` bytes, as far
 * as the outputs leave room. Returns how many bytes may be read. */
size_t loop_overtake_taps(struct poll_loop *loop, size_t wanted);

/* The run ends: counts the bytes in scratch as refused; they go nowhere. */
void loop_forget_scratch(struct poll_loop *loop);

/* There was no place for `bytes`, and the run ends (--overflow fail). `input`: the input that they
 * came from (--merge); NULL: the current one. */
void loop_overflowed(struct poll_loop *loop, struct loop_input *input, size_t bytes);

/* drop-oldest: makes the outputs let go of bytes, to make room for `wanted` bytes more. */
void loop_overtake_outputs(struct poll_loop *loop, size_t wanted);

/* --merge: moves bytes from the mixer into the ring or the spool. They were counted when they came
 * in. Returns how many there was room for. */
size_t loop_give(struct poll_loop *loop, const struct span *span);

#endif
