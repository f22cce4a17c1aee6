/*
 * pidfile.h - a file with the process ID while bpipe runs (-P).
 */
#ifndef BPIPE_PIDFILE_H
#define BPIPE_PIDFILE_H

#include "options/options.h"

/*
 * Writes options->pidfile, replacing an existing regular file; does nothing without this option.
 * Refuses a file that is not regular. 0, or -1 with *reason. Call it after same_file_check().
 */
int pidfile_write(const struct options *options, const char **reason);

/* Removes the file if it still contains this process's ID. A symbolic link to it stays. */
void pidfile_remove(const struct options *options);

#endif
