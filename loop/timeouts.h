/*
 * timeouts.h - the loop's actions when time is up: --idle-timeout, --stall-timeout,
 * --drain-timeout, the ring's patience, samples, and memory that has not been needed for
 * RING_TRIM_NS; and how long poll() may wait until the next of them.
 *
 * For each cause that keeps bpipe waiting, the loop notes since when it waits (loop/loop.h), on the
 * meter's clock.
 */
#ifndef BPIPE_LOOP_TIMEOUTS_H
#define BPIPE_LOOP_TIMEOUTS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long poll() may wait: ns, or -1 without limit. */
int64_t loop_time_to_wait(const struct poll_loop *loop);

/* Does the actions that are due at meter->now_ns. An input that poll() has just found ready is not
 * too late. */
void loop_enforce_timeouts(struct poll_loop *loop);

/* bpipe was stopped until now: that time counts for no timeout. */
void loop_restart_timeouts(struct poll_loop *loop);

#endif
