/*
 * close.h - the end of a run: files and connections are closed in an order in which a failure of
 * one can still change how the others are closed.
 *
 * When the outputs have everything, a tap that is a little behind gets the rest. A tap that takes
 * nothing does not hold bpipe up: bpipe waits for TAP_PATIENCE_NS in which no tap takes anything,
 * and for TAP_TIME_NS in all. The bytes that a tap has not accepted by then count as missed. If the
 * end is not true, bpipe does not wait, and no tap counts as slow.
 */
#ifndef BPIPE_LOOP_CLOSE_H
#define BPIPE_LOOP_CLOSE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP_PATIENCE_NS UINT64_C(100000000)
#define TAP_TIME_NS     UINT64_C(1000000000)

/* DONE: does what is due of the steps of enum closing_step (loop/loop.h), and in the end counts the
 * bytes that each output did not get. Returns true if it is not finished: then
 * poll for at most *wait_ns, which may be 0, for the events that loop_watch_closing() sets, and
 * call it again. */
bool loop_close_some(struct poll_loop *loop, uint64_t *wait_ns);

/* Sets what closing waits for: signals, control, and taps that want more. */
void loop_watch_closing(struct poll_loop *loop);

/* The state that such a wait counts as. */
enum meter_state loop_closing_state(const struct poll_loop *loop);

/* The caller waited in poll() for `ns`, or poll() failed: notes that, and handles the signals that
 * came. */
void loop_closing_waited(struct poll_loop *loop, uint64_t ns, bool failed);

/* All bytes have been written, or the run is over. While the end is true, syncs the files of --sync
 * and --atomic; then closes the outputs that need nothing more: files that have their name already,
 * pipes, terminals, datagram sockets. */
void loop_finish_files(struct poll_loop *loop);

#endif
