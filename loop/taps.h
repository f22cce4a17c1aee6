/*
 * taps.h - the taps' part of a run: nothing waits for them.
 *
 * A tap that cannot be written is given up with a message, and the run goes on. A FIFO that has no
 * reader yet is tried again and again (no event tells that one came); it then gets what comes from
 * there on, with -l and -0 from the next record.
 *
 * A tap that is a little behind when the outputs have got everything gets the rest. One that takes
 * nothing does not keep bpipe: it has TAP_PATIENCE_NS without progress, and TAP_TIME_NS in all.
 * What it has not got by then it has missed.
 */
#ifndef BPIPE_LOOP_TAPS_H
#define BPIPE_LOOP_TAPS_H

#include "loop/loop.h"

#define TAP_PATIENCE_NS UINT64_C(100000000)
#define TAP_TIME_NS     UINT64_C(1000000000)

/* It cannot be written, or not any more. */
void loop_lose_tap(struct poll_loop *loop, struct loop_output *tap, const char *reason);

/* The run begins without those that have no reader; they are tried at loop->next_opening_ns. */
void loop_begin_taps(struct poll_loop *loop);
bool loop_awaits_taps(const struct poll_loop *loop);
void loop_try_taps(struct poll_loop *loop);

/* The outputs are closed: the taps get the rest of a run that went well, or what they take of it
 * (a signal that would end the run ends that), and are closed. */
void loop_close_taps(struct poll_loop *loop);

#endif
