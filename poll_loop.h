/*
 * poll_loop.h - the run: inputs -> ring -> outputs, one poll(2), one thread.
 *
 * A turn moves the bytes that may move (loop/move.h), with at most one write for each output and
 * one read. While turns move bytes the loop calls poll() only every POLL_INTERVAL_NS, for signals,
 * readers that have gone, and timers. When nothing can move the loop waits in poll() until
 * something can. The poll set follows from what may move. An input that may not be read is not
 * watched at all, because POLLHUP cannot be masked and would make the loop spin. An output with
 * nothing to send is watched only for the departure of its reader. While an output has bytes to
 * take, bpipe reads only those parts of a file that are in memory, so that the disk does not delay
 * a write. When the ring is empty the read may wait for the disk.
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

struct poll_loop; /* defined in loop/loop.h, which only the loop includes */

/*
 * Makes a loop: its memory and signals. Everything that the arguments point to must outlive it.
 * `resolver` has the addresses of the network endpoints (NULL: there are none). `standard` has the
 * descriptors and signal settings for commands (NULL: there are none). `meter` was initialized with
 * the numbers of inputs, outputs and taps in `options`. `total_size` is the size at which -S stops,
 * in bytes or records, or INPUT_SIZE_UNKNOWN. Returns NULL after a message. The caller closes the
 * loop with poll_loop_close().
 */
struct poll_loop *poll_loop_open(const struct options *options, const struct resolver *resolver,
                                 const struct command_standard *standard, uint64_t total_size,
                                 struct meter *meter, struct reporter *reporter);

/* Opens the endpoints, moves the bytes, and closes the endpoints. Reports failures itself. */
void poll_loop_run(struct poll_loop *loop);

/* One turn of the run, with the wait at its end. False: it was the last turn. */
bool poll_loop_turn(struct poll_loop *loop);

/* How the run ended. The counters are in the meter. */
const struct ending *poll_loop_ending(const struct poll_loop *loop);

void poll_loop_close(struct poll_loop *loop); /* NULL is harmless */

#endif
