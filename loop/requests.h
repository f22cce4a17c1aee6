/*
 * requests.h - how -R changes a run, and how -Q gets its report (control/control.h).
 *
 * The loop looks for requests after poll(); during a transfer at full speed it calls poll() every
 * POLL_INTERVAL_NS. A change takes effect from the next turn on. All of a request is checked before
 * any of it is done.
 */
#ifndef BPIPE_LOOP_REQUESTS_H
#define BPIPE_LOOP_REQUESTS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does the work of control that is due. With `ready` it also answers the clients that have come. */
void loop_attend_control(struct poll_loop *loop, bool ready);

/* Ends control, and frees the name that it gave. */
void loop_destroy_control(struct poll_loop *loop);

#endif
