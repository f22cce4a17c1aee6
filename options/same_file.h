/*
 * same_file.h - whether two names stand for one file, and whether bpipe would write messages,
 * reports, the pidfile or the spool into a file that holds the data.
 *
 * Names are compared by the file that they lead to (st_dev and st_ino; st_rdev for block devices),
 * so that hard links, symbolic links, fd://N, /dev/fd/N and standard error are found as well.
 * Nothing is opened, created or changed.
 *
 * Whether an output is also an input or another output is checked in loop/open.c, on open files:
 * inputs_survive(), feeds_an_output() and outputs_differ().
 */
#ifndef BPIPE_SAME_FILE_H
#define BPIPE_SAME_FILE_H

#include "options/options.h"

#include <stdbool.h>

/*
 * Whether two names stand for one regular file or block device, or whether neither exists and both
 * would be created in the same place. A name is a path, or names a descriptor. In `other` "-" is
 * the descriptor `dash`, in `name` it is standard output. The text of a unix socket stands for its
 * path. The text of any other network endpoint is not a path, and never the same as another name.
 */
bool same_file_as(const char *name, const char *other, int dash);

/*
 * Looks for a file that bpipe would use for two purposes, so that data would be overwritten or
 * mixed:
 *
 * - Standard error must not be the file of an output, tap or input. Exception: an output or tap
 *   that messages cannot overwrite, because both append (O_APPEND) or both are one open file
 *   description (2>&1). Messages and data mix there, as the user has asked. Pipes, sockets and
 *   terminals are not checked, except a FIFO that is an input.
 * - A report must not go to an output or tap of any kind, to an input, or to the file of -s @FILE
 *   or --expect-end @FILE. Two reports must not go to one file, but several may go to standard
 *   error. A report to the file of standard error shares it with the messages (stats/report.c),
 *   unless the report would replace the file.
 * - The pidfile and the spool must not be any of these, nor the same file.
 *
 * Called before anything is opened, and again when all outputs are open, since another process may
 * have changed the file that a name leads to. Returns 0, or -1 after a message. No message is
 * printed if the message itself would overwrite the data.
 */
int same_file_check(const struct options *options);

#endif
