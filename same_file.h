/*
 * same_file.h - whether two names stand for one file, so that a report, a pidfile or a spool
 * does not replace an input or an output.
 */
#ifndef BPIPE_SAME_FILE_H
#define BPIPE_SAME_FILE_H

#include "options.h"

#include <stdbool.h>

/*
 * Whether a path is the regular file that an endpoint names (`dash`: the descriptor that "-" stands
 * for there), or neither exists and both would be made in the same place. The texts of network
 * endpoints are no paths, and the same as nothing.
 */
bool same_file_as(const char *path, const char *endpoint, int dash);

/* Whether that is so of any input, output, tap or report. */
bool same_file_as_any(const char *path, const struct options *options);

#endif
