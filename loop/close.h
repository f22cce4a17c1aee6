/*
 * close.h - the end of a run: files and connections are closed, in the order in which each may
 * still see that another has failed.
 *
 * A tap that is a little behind when the outputs have got everything gets the rest. One that takes
 * nothing does not keep bpipe: it has TAP_PATIENCE_NS without progress, and TAP_TIME_NS in all.
 * What it has not got by then it has missed.
 */
#ifndef BPIPE_LOOP_CLOSE_H
#define BPIPE_LOOP_CLOSE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DONE: goes on with ending commands; then syncs, publishes and closes the outputs; then gives the
 * taps their rest, and settles what every one did not get. True: something has to happen first, and
 * *wait_ns is for how long that may be waited for, or 0; loop_watch_closing() says what it is. */
bool loop_close_some(struct poll_loop *loop, uint64_t *wait_ns);

/* poll() was waited in for `ns`, or has failed: what that means, and what signals came. */
void loop_closing_waited(struct poll_loop *loop, uint64_t ns, bool failed);

/* All bytes have been written: the phase becomes CONFIRMING, or DONE if nobody is waited for. */
void loop_begin_confirming(struct poll_loop *loop);

/* One look at all that are waited for: the phase becomes DONE when none is left. Returns false:
 * bytes do not move. */
bool loop_confirm(struct poll_loop *loop);

#endif
