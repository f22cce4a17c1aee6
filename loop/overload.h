/*
 * overload.h - what the loop does with what the ring has no room for.
 *
 * What has another way than to wait for the ring is read into a piece of memory first (`scratch`),
 * so that there is something to decide about: it goes to the spool, or is dropped, or takes the
 * place of older bytes, or ends the run (buffer/admission.h, buffer/overrun.h). Of a spool that is
 * full under --overflow block the rest stays in scratch until it fits. Only what comes by itself is
 * treated so: a file waits where it is, and nobody with it.
 */
#ifndef BPIPE_LOOP_OVERLOAD_H
#define BPIPE_LOOP_OVERLOAD_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRATCH_SIZE = 256 * 1024 };

/* Memory, and the spool. 0, or -1 after a message. */
int loop_init_overload(struct poll_loop *loop);

/* Gives both back. Harmless if there are none. */
void loop_destroy_overload(struct poll_loop *loop);

/* A turn begins: brings up to date what buffer/flow.h has to know. */
void loop_renew_overload(struct poll_loop *loop);

/* `bytes` were read into the scratch, which was empty: finds a place for them. */
void loop_took_aside(struct poll_loop *loop, size_t bytes);

/* Moves what waits in scratch and in the spool on. False: nothing moved. */
bool loop_move_overload(struct poll_loop *loop);

/* Bytes were read into the ring directly. */
void loop_note_arrival(struct poll_loop *loop, size_t bytes);

/* Makes taps let go of bytes, so that the ring has room for a read of up to `wanted` bytes that the
 * outputs leave room for. Returns how many bytes may be read. */
size_t loop_overtake_taps(struct poll_loop *loop, size_t wanted);

/* The run ends: what is in scratch gets nowhere. */
void loop_forget_scratch(struct poll_loop *loop);

/* There was no place for `bytes`, and the run ends (--overflow fail). `input`: whose they were
 * (--merge); NULL: of the current one. */
void loop_overflowed(struct poll_loop *loop, struct loop_input *input, size_t bytes);

/* drop-oldest: makes the outputs let go of what is in the way of `wanted` bytes more. */
void loop_overtake_outputs(struct poll_loop *loop, size_t wanted);

/* --merge: bytes that the mixer moves, which were counted when they came in, go on into the ring or
 * the spool. Returns how many there was room for. */
size_t loop_give(struct poll_loop *loop, const struct span *span);

#endif
