/*
 * pidfile.h - the process ID in a file while bpipe runs (-P).
 */
#ifndef BPIPE_PIDFILE_H
#define BPIPE_PIDFILE_H

#include "options/options.h"

/*
 * Writes options->pidfile, replacing a regular file that is there; nothing without one. Refuses
 * what is no regular file. 0, or -1 with *reason. Call it after same_file_check().
 */
int pidfile_write(const struct options *options, const char **reason);

/* Removes the file if it still holds this process's ID. A symbolic link to it stays. */
void pidfile_remove(const struct options *options);

#endif
