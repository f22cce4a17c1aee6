/*
 * same_file.h - whether two names stand for one file, and whether what bpipe writes besides the
 * data (messages, reports, the pidfile, the spool) would go into a file of the data.
 *
 * Names are compared by what they lead to (st_dev and st_ino; of block devices st_rdev), so that
 * hard links, symbolic links, fd://N, /dev/fd/N and standard error are found as well. Nothing is
 * opened, created or changed.
 *
 * (Whether an output is an input, or another output: inputs_survive(), feeds_an_output() and
 * outputs_differ() in loop/open.c, which look at what is open.)
 */
#ifndef BPIPE_SAME_FILE_H
#define BPIPE_SAME_FILE_H

#include "options/options.h"

#include <stdbool.h>

/*
 * Whether two names stand for one regular file or block device, or neither exists and both would be
 * made in the same place. A name is a path or one of a descriptor; "-" stands for the descriptor
 * `dash`. The texts of network endpoints are no paths, and the same as nothing.
 */
bool same_file_as(const char *name, const char *other, int dash);

/*
 * Looks for a file that two would write, or one write and the other read, to the harm of either:
 *
 * - standard error: no output, tap or input. An exception are outputs and taps that it cannot
 *   overwrite, since both append (O_APPEND) or both are one open file description (2>&1): messages
 *   and data mix there, as the user has asked. Pipes, sockets and terminals are not looked at,
 * except a FIFO that is an input.
 * - a report: no output or tap, whatever that is; no input, no file of -s @FILE or --expect-end
 *   @FILE. No other report, except that several may go to standard error. One to the file of
 *   standard error shares that with the messages (stats/report.c), unless it would replace it.
 * - the pidfile and the spool: none of all these, nor each other.
 *
 * Called before anything is opened, and again when all outputs are open, since others may have
 * changed what a name leads to. 0, or -1 after a message. There is no message where it would itself
 * overwrite the data.
 */
int same_file_check(const struct options *options);

#endif
