/*
 * endpoints.h - the loop's inputs and outputs as they come and go: opening them in the right
 * order, the next input, one that fails, the reader that leaves, closing them all.
 */
#ifndef BPIPE_LOOP_ENDPOINTS_H
#define BPIPE_LOOP_ENDPOINTS_H

#include "loop/loop.h"

/*
 * While OPENING: opens what is not open yet. When all outputs are open it opens the first input,
 * and only when that has worked touches the outputs' contents; the phase then is RUNNING (or
 * DRAINING, if there is nothing to read). Whatever is refused ends the run with nothing changed.
 */
void loop_open_endpoints(struct poll_loop *loop);

/* The command line's text of output or tap `index`. */
const char *loop_output_text(const struct poll_loop *loop, size_t index);

/* Whether all outputs are open; the taps do not count. */
bool loop_outputs_are_open(const struct poll_loop *loop);

/* Opens output or tap `index` (io/endpoint.h), or goes on with connecting it; and when those that
 * wait for a reader are to be tried again. */
enum endpoint_opening loop_open_output(struct poll_loop *loop, size_t index);
void loop_postpone_opening(struct poll_loop *loop);

/* 0, or -1 with output->endpoint.error (endpoint_close_output()). */
int loop_close_output(struct poll_loop *loop, struct loop_output *output, bool complete);

/* Takes the flags back that were set on what others share, and sets them again: around being
 * stopped. Again, too, after an endpoint was closed that had set one for several of them ("bpipe
 * <tty >tty"): it has taken it back from all. */
void loop_restore_flags(struct poll_loop *loop);
void loop_reapply_flags(struct poll_loop *loop);

/* How bytes of the current input go to the outputs: after it was opened, or limits changed. */
void loop_choose_way(struct poll_loop *loop);

/* The current input has ended: goes on with the next one that can be opened, or starts draining. */
void loop_next_input(struct poll_loop *loop);

/* Input `index` was read to its end: the same, or with --merge the others go on. */
void loop_input_at_end(struct poll_loop *loop, size_t index);

/* No more is to be read: closes the inputs, starts draining. */
void loop_end_input(struct poll_loop *loop);

/* The current input cannot be read: reports it and goes on with the next. Or reports it only. */
void loop_input_failed(struct poll_loop *loop, int error);
void loop_note_read_failure(struct poll_loop *loop, struct loop_input *input, int error);

/* An input cannot be opened: reports it. */
void loop_input_refused(struct poll_loop *loop, struct loop_input *input, const char *reason);

/* Closes one, and gives back what was changed; but a connection stays (loop/network.h). Harmless if
 * it is not open. */
void loop_close_input(struct poll_loop *loop, struct loop_input *input);

/* Writing to an output failed with `error`: its reader has gone, or it broke. The others go on. */
void loop_output_failed(struct poll_loop *loop, struct loop_output *output, int error);

/*
 * The reader of an output is seen to have gone, and it is not known that there is more to write. If
 * it is the sole one, or the last command of several, and has got everything, that may have been
 * all: a tar(1) leaves when it has read the end of its archive, which is sooner than the end of the
 * stream comes by a network. So the input is given LEAVING_NS to end. The first byte that comes, or
 * the end of that time, is the end of bpipe. A command that exited with 0 while other outputs go on
 * has got what it wanted: that is no failure.
 */
void loop_reader_left(struct poll_loop *loop, struct loop_output *output, int error);

/* Gives one output up for `reason`, which is reported; the run is DONE when none is left. */
void loop_give_up_output(struct poll_loop *loop, struct loop_output *output, const char *reason);

/* An endpoint failed, and so has the run: says so, or leaves that to others. */
void loop_mark_failed(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason);
void loop_note_failure(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason);

/* What was written to a connection and may never have got there: bytes. */
uint64_t loop_in_doubt(const struct loop_output *output);

/* Nothing was written and the run is over: closes the outputs, and removes what was created. */
void loop_abandon_outputs(struct poll_loop *loop);

#endif
