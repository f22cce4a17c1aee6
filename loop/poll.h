/*
 * poll.h - the loop's poll(2): only what is open and wanted, and what happens if it fails.
 *
 * Every input and output says in its `watch` what it waits for (a descriptor of -1: nothing), and
 * so do the watches in loop->poll. The set that poll(2) gets has an entry for
 * each of these that waits for something. It must not have one for each input and output: poll(2)
 * refuses a set that is larger than RLIMIT_NOFILE (EINVAL), and a run may have far more inputs than
 * it ever has open at once.
 */
#ifndef BPIPE_LOOP_POLL_H
#define BPIPE_LOOP_POLL_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Waits, at most `timeout_ns` (negative: without limit). Returns what poll(2) does, with `revents`
 * in all watches; they are 0 if it fails.
 *
 * A shortage of memory (ENOMEM, EAGAIN) may pass: for about a second in all it is answered by a
 * pause and by EINTR, which only says that nothing is known. Any other errno means that poll(2)
 * does not work and that the caller has to stop waiting.
 */
int loop_poll(struct poll_loop *loop, int64_t timeout_ns);

#endif
