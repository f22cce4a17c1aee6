/*
 * way.h - by which way bytes go from the current input to the outputs (buffer/transfer.h).
 *
 * transfer_way() returns the way that the system offers between two endpoints. This module decides
 * whether the options permit it. While the way is not TRANSFER_COPY, bytes may pass the ring
 * (flow.passing). A call that the system refuses ends that (loop/move.c, loop/write.c), until a way
 * is chosen again.
 */
#ifndef BPIPE_LOOP_WAY_H
#define BPIPE_LOOP_WAY_H

#include "loop/loop.h"

/* Chooses how bytes of the current input go to the outputs: after the input was opened, or limits,
 * marks or the display changed. */
void loop_choose_way(struct poll_loop *loop);

#endif
