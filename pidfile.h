/*
 * pidfile.h - the process ID in a file while bpipe runs (-P).
 */
#ifndef BPIPE_PIDFILE_H
#define BPIPE_PIDFILE_H

/* Writes it, replacing what is there. 0, or -1 with errno. */
int pidfile_write(const char *path);

/* Removes the file if it still holds this process's ID. */
void pidfile_remove(const char *path);

#endif
