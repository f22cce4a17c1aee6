/*
 * merge.h - --merge: all inputs at once, in fair turns.
 *
 * Each input has a share of the buffer, a ring of its own. The input is read into it as long as the
 * share has room. --overflow drops bytes there, so that an input that is too fast loses its own
 * bytes. The mixer moves whole records (-l, -0), or whatever there is, from the shares into the
 * ring that serves the outputs. Of the inputs that have something for it, it always turns to the
 * one from which it has taken the fewest bytes. An input that had nothing for a while has no claim
 * to catch up (start-time fair queueing: Goyal, Vin, Cheng 1996). The mixer keeps no more than
 * MERGE_WINDOW waiting in the ring, since a record of an input that seldom sends cannot overtake
 * bytes that are in the ring already.
 *
 * A record that is longer than its share passes in parts, and the other inputs have to wait until
 * it ends. There is no such record under a policy that drops.
 *
 * If an input fails, the part of a record that it left is withheld (loop/records.h). If the record
 * has passed in part already, it is too late for that: the record ends the stream without a
 * terminator, or gets a terminator when another input's record follows it.
 */
#ifndef BPIPE_LOOP_MERGE_H
#define BPIPE_LOOP_MERGE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MERGE_TURN = 8 * 1024 };

/* Returns 0, or -1 with errno ENOMEM. Harmless without --merge. */
int loop_init_merge(struct poll_loop *loop);
void loop_destroy_merge(struct poll_loop *loop);

/* Reads once from each input that may be read and may have something. Returns false if nothing
 * happened. */
bool loop_merge_read(struct poll_loop *loop);

/* Moves all that the mixer can move from the shares into the ring. Returns false if nothing
 * moved. */
bool loop_merge_mix(struct poll_loop *loop);

#endif
