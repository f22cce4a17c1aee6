/*
 * move.h - the bytes that the loop moves in a turn: by which way they go, and how they are counted.
 *
 * A byte can go three ways. The way through the ring always works. The way past the ring
 * (transfer_pass()) works where no byte is held and nothing has to look at the bytes. The way
 * through the pipe queue is for bytes that came by a pipe and could have gone past the ring, but
 * have to wait, or are looked at on their way (records are counted, a checksum is made). It works
 * as long as the ring is empty. The bytes in the queue came before the bytes in the ring, so they
 * leave first. A byte is looked at when it leaves the queue. With framing (loop/read.h) the queue
 * is moved into the ring before anything else enters the ring.
 */
#ifndef BPIPE_LOOP_MOVE_H
#define BPIPE_LOOP_MOVE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One turn: brings the water marks up to date, writes once to each output that may get something,
 * and reads once. Returns whether anything happened, so that it is worth trying again without
 * waiting. */
bool loop_move_bytes(struct poll_loop *loop);

#endif
