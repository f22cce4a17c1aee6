/*
 * requests.h - what -R changes in a run, and what -Q is told of it (control/control.h).
 *
 * It is looked at after poll(): a full-speed transfer calls that every POLL_INTERVAL_NS. What is
 * changed counts from the next turn on. All of a request is checked before any of it is done.
 */
#ifndef BPIPE_LOOP_REQUESTS_H
#define BPIPE_LOOP_REQUESTS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does what is due, and with `ready` answers those who have come. */
void loop_attend_control(struct poll_loop *loop, bool ready);

/* Ends control, and gives back the name that it gave. */
void loop_destroy_control(struct poll_loop *loop);

#endif
