/*
 * timeouts.h - what the loop does when time is up: --idle-timeout, --stall-timeout,
 * --drain-timeout, the ring's patience, samples, memory that has not been needed for RING_TRIM_NS;
 * and how long poll() may wait until then.
 *
 * Everything that has kept bpipe waiting has a time since when (poll_loop.h), on the meter's clock.
 */
#ifndef BPIPE_LOOP_TIMEOUTS_H
#define BPIPE_LOOP_TIMEOUTS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long poll() may wait: ns, or -1 for ever. */
int64_t loop_time_to_wait(const struct poll_loop *loop);

/* Does what is due at meter->now_ns. What poll() has just found ready is not too late. */
void loop_enforce_timeouts(struct poll_loop *loop);

/* bpipe was stopped until now: that counts against nobody's timeout. */
void loop_restart_timeouts(struct poll_loop *loop);

#endif
