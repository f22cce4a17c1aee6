/*
 * open.h - inputs, outputs and taps are opened in the right order. They are checked to be different
 * files: outputs must differ from each other and from the inputs, and all of these from the files
 * that bpipe writes besides the data. This module also opens the next input.
 *
 * An output that is a UDP socket gets one record in each write: a datagram as it was received, a
 * line (-l) or a NUL record (-0). A record is offered when it is complete, except the last of the
 * input. A record that is longer than a datagram can be, or than the buffer, is a failure of that
 * output. A stream without records is cut into pieces of --datagram-size bytes, or of the bytes
 * that there are: bpipe does not wait for more.
 *
 * bpipe waits for no tap. It gives up a tap that cannot be written, with a message, and the run
 * continues. It tries again and again to open a FIFO that has no reader yet (no event reports a new
 * reader). The FIFO gets the bytes from then on; with -l and -0, from the next record on.
 */
#ifndef BPIPE_LOOP_OPEN_H
#define BPIPE_LOOP_OPEN_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * While OPENING: opens the endpoints that are not open yet. When all outputs are open, it opens the
 * first input, and only if that has worked does it touch the outputs' contents. The phase then is
 * RUNNING (or DRAINING, if there is nothing to read). If an output or every input is refused, the
 * run ends with nothing changed.
 */
void loop_open_endpoints(struct poll_loop *loop);

/* Input `index` was read to its end: turns to the next one. With --merge the others continue. */
void loop_input_at_end(struct poll_loop *loop, size_t index);

/* Reading the current input (not with --merge) failed with `error`: reports it, and turns to the
 * next one. */
void loop_input_failed(struct poll_loop *loop, int error);

/* Nothing was written and the run is over: closes the outputs, and removes the files that bpipe
 * created. */
void loop_abandon_outputs(struct poll_loop *loop);

/* Whether the run has begun while a tap is a FIFO without a reader: it is tried again at
 * opening.next_ns. */
bool loop_awaits_taps(const struct poll_loop *loop);

/* Tries to open the taps that are not open yet and are due: these FIFOs, and connections. */
void loop_try_taps(struct poll_loop *loop);

/* Turns to the next input if the current one was read to its end, and the next input waited
 * only until the current one's command was judged (loop_record_judged()). */
void loop_leave_input(struct poll_loop *loop);

#endif
