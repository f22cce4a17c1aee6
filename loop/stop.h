/*
 * stop.h - bpipe is stopped (SIGTSTP, ^Z), and goes on (SIGCONT, fg).
 *
 * While bpipe is stopped, its descriptors have the flags that they had before bpipe, and the
 * terminal's line belongs to the shell. The time counts neither for the rates nor against a
 * timeout, not even against --kill-after. SIGSTOP cannot be caught, and only SIGCONT is seen after
 * it. So the timeouts leave out that time, but the rates and --kill-after count it.
 */
#ifndef BPIPE_LOOP_STOP_H
#define BPIPE_LOOP_STOP_H

#include "loop/loop.h"

/* SIGTSTP came: stops the process, and returns when it goes on. */
void loop_stop(struct poll_loop *loop);

/* SIGCONT came: leaves out the time since poll.start_ns, in which bpipe may have been stopped. */
void loop_continued(struct poll_loop *loop);

#endif
