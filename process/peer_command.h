/*
 * peer_command.h - what a process is called (proc(5)): its command, and which bpipe it is.
 */
#ifndef BPIPE_PEER_COMMAND_H
#define BPIPE_PEER_COMMAND_H

#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>

/* Its command; of another bpipe that has a name (-N) "bpipe NAME". False: there is no such process,
 * or no /proc. */
bool peer_command(long pid, char command[METER_COMMAND_TEXT]);

/*
 * What -N, --name or an abbreviation of it gives on a command line as /proc/PID/cmdline shows it:
 * each word with a NUL after it; `words` of `length` has a NUL at its end. Points into it; NULL:
 * nothing.
 */
const char *peer_name_option(const char *words, size_t length);

#endif
