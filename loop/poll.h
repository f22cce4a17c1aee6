/*
 * poll.h - the loop's poll(2): it watches only endpoints that can move bytes, and handles failures.
 *
 * Every input and output has a `watch` with the events that it waits for (a descriptor of -1:
 * none), and so have the signals and control in loop->poll. The set that poll(2) gets has an entry
 * for each watch that waits for something. It must not have an entry for each input and output:
 * poll(2) refuses a set that is larger than RLIMIT_NOFILE (EINVAL), and a run may have far more
 * inputs than it ever has open at once.
 */
#ifndef BPIPE_LOOP_POLL_H
#define BPIPE_LOOP_POLL_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Waits for at most `timeout_ns` (negative: without limit). Returns the result of poll(2), and sets
 * `revents` in all watches; they are 0 if it fails.
 *
 * A shortage of memory (ENOMEM, EAGAIN) may pass. For about a second in all, this function answers
 * it by a pause and by EINTR, which says only that nothing is known. Any other errno means that
 * poll(2) does not work and that the caller has to stop waiting.
 */
int loop_poll(struct poll_loop *loop, int64_t timeout_ns);

#endif
