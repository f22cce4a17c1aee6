/*
 * closing.h - the end of a run: files and connections are closed, in the order in which each
 * may still see that another has failed.
 */
#ifndef BPIPE_LOOP_CLOSING_H
#define BPIPE_LOOP_CLOSING_H

#include "loop/loop.h"

/* All has been written, or the run is over: syncs all files, and closes those that have their name
 * already. */
void loop_finish_files(struct poll_loop *loop);

/* DONE: syncs, publishes and closes the outputs, and settles what every one did not get. */
void loop_close_endpoints(struct poll_loop *loop);

#endif
