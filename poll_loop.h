/*
 * poll_loop.h - the run: inputs -> ring -> outputs, one poll(2), one thread.
 *
 * A turn moves what may move (loop/move.h): at most one write for every output, and one read.
 * While turns move bytes, poll() is called only every POLL_INTERVAL_NS, to see signals, departures
 * and timers; when nothing can move it waits in poll() until something can. What poll() is asked
 * follows from what may move: an input that may not be read is not watched at all (POLLHUP cannot
 * be masked and would make the loop spin), an output with nothing to send is watched for its
 * reader's departure only. While an output has bytes to take, a file is read only as far as it is
 * in memory: the disk must not delay a write. Once the ring is empty the read may wait.
 */
#ifndef BPIPE_POLL_LOOP_H
#define BPIPE_POLL_LOOP_H

#include "net/resolver.h"
#include "options/options.h"
#include "process/command.h"
#include "stats/exit_status.h"
#include "stats/meter.h"
#include "stats/report.h"

#include <stdbool.h>
#include <stdint.h>

struct poll_loop; /* loop/loop.h, which is for the loop alone */

/*
 * Makes a loop ready: memory and signals. Everything pointed to must outlive it; `resolver` has
 * what the names of these options mean (NULL: no endpoint is of the network), `standard` what
 * commands get (NULL: there are none), `meter` has been initialized with options' numbers of inputs
 * and outputs, `total_size` is the size that -S stops at, in bytes or records (or
 * INPUT_SIZE_UNKNOWN). NULL after a message. To be closed.
 */
struct poll_loop *poll_loop_open(const struct options *options, const struct resolver *resolver,
                                 const struct command_standard *standard, uint64_t total_size,
                                 struct meter *meter, struct reporter *reporter);

/* Opens the endpoints, moves the bytes, closes the endpoints. Failures have been reported. */
void poll_loop_run(struct poll_loop *loop);

/* One turn of that, with the wait at its end. False: the last one. */
bool poll_loop_turn(struct poll_loop *loop);

/* How it ended; the rest is in the meter. */
const struct ending *poll_loop_ending(const struct poll_loop *loop);

void poll_loop_close(struct poll_loop *loop); /* NULL is fine */

#endif
