/*
 * identity.h - whether the files of a run are different ones: outputs from each other and from
 * the inputs, and all of these from what bpipe writes besides the data.
 */
#ifndef BPIPE_LOOP_IDENTITY_H
#define BPIPE_LOOP_IDENTITY_H

#include "loop/loop.h"

/* Whether no two new files would get one name (--atomic): before the outputs are opened. False
 * after a message; the run has failed. */
bool loop_names_differ(struct poll_loop *loop);

/* The rest: when all outputs are open, and before any of them is changed. False after a message;
 * the run has failed. Inputs that are opened later are looked at then (endpoint_feeds_itself()). */
bool loop_files_differ(struct poll_loop *loop);

#endif
