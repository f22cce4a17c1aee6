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

/* DONE: syncs, publishes and closes the outputs, and settles what every one did not get. */
void loop_close_endpoints(struct poll_loop *loop);

/* An output's peer has sent something: that is discarded. */
void loop_discard(struct poll_loop *loop, struct loop_output *output);

/* All bytes have been written: the phase becomes CONFIRMING, or DONE if there is nobody to wait
 * for. And one look at all that are waited for; false: nothing has changed. */
void loop_begin_confirming(struct poll_loop *loop);
bool loop_confirm(struct poll_loop *loop);

#endif
