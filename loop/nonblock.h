/*
 * nonblock.h - O_NONBLOCK of the run's inputs and outputs, where bpipe shares it with others.
 *
 * base/nonblock.h tells how bpipe avoids setting the flag on a description that others share. Where
 * it cannot avoid that, it has to clear the flag while it is stopped, and when it closes the
 * endpoint (io/endpoint.h).
 */
#ifndef BPIPE_LOOP_NONBLOCK_H
#define BPIPE_LOOP_NONBLOCK_H

#include "loop/loop.h"

/* Clears the flags that bpipe has set on descriptions that others share: before bpipe is
 * stopped. */
void loop_restore_flags(struct poll_loop *loop);

/* Sets these flags again. Call it when bpipe goes on after being stopped, and when an endpoint was
 * closed: the close may have cleared a flag that other endpoints still need ("bpipe <tty >tty"). */
void loop_reapply_flags(struct poll_loop *loop);

#endif
