/*
 * merge.h - --merge: all inputs at once, in fair turns.
 *
 * Each input has its share of the buffer, a ring of its own, into which it is read as long as that
 * has room; what --overflow drops is dropped there, so that an input that is too fast loses its own
 * bytes. From the shares the mixer takes whole records (-l, -0), or whatever there is, to the ring
 * from which the outputs are served. It always turns to the input that it has taken the fewest
 * bytes from, among those that have something for it; one that had nothing for a while has no
 * claim to catch up (start-time fair queueing: Goyal, Vin, Cheng 1996). And it keeps no more than
 * MERGE_WINDOW waiting in that ring, since what is there already cannot be overtaken by a
 * record of an input that is seldom heard.
 *
 * A record that is longer than its share passes in parts, and the others have to wait until it
 * ends. Under a drop policy there is no such record.
 *
 * What an input that failed has left of a record is withheld (loop/records.h). Of one that has
 * passed in part that is too late: it ends the stream without a terminator, or gets one when
 * another input's record comes behind it.
 */
#ifndef BPIPE_LOOP_MERGE_H
#define BPIPE_LOOP_MERGE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MERGE_TURN = 8 * 1024 };

/* 0, or -1 with errno ENOMEM. Harmless without --merge. */
int loop_init_merge(struct poll_loop *loop);
void loop_destroy_merge(struct poll_loop *loop);

/* A read of each input that may be read and may have something. False: nothing happened. */
bool loop_merge_read(struct poll_loop *loop);

/* Moves what the mixer can move from the shares into the ring. False: nothing moved. */
bool loop_merge_mix(struct poll_loop *loop);

#endif
