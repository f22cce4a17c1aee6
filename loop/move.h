/*
 * move.h - what the loop moves in a turn, by which way, and what is noted about it.
 *
 * There are three ways for a byte. Through the ring always works. Past it (transfer_pass()) where
 * nothing is held and nothing has to look at the bytes. And by way of the pipe queue, where bytes
 * that came by a pipe and could have passed have to wait, or are looked at on their way (records
 * are counted, a checksum is made): as long as the ring is empty. What is in the queue came before
 * what is in the ring, so it leaves first. It is looked at when it leaves the queue; with framing
 * (loop/read.h) it is moved into the ring before anything else enters that.
 */
#ifndef BPIPE_LOOP_MOVE_H
#define BPIPE_LOOP_MOVE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One turn: brings the water marks up to date; a write for each output that may get something, and
 * a read. Returns whether anything happened, so that it is worth trying again without waiting. */
bool loop_move_bytes(struct poll_loop *loop);

#endif
