/*
 * control_client.h - bpipe -R PID and bpipe -Q PID: the client of a running bpipe
 * (control/control.h).
 */
#ifndef BPIPE_CONTROL_CLIENT_H
#define BPIPE_CONTROL_CLIENT_H

#include "options/options.h"

/*
 * Makes a request from the options, sends it to the process options->remote or options->query, and
 * prints the report if one was asked for. The call takes up to CONTROL_PATIENCE_NS, so that a
 * process that has just started can begin to listen, and a busy one can answer. Files that killed
 * bpipes left in the runtime folders are removed (control/runtime_sweep.h). Returns EXIT_OK, or
 * EXIT_FAILED after a message.
 */
int control_client_run(const struct options *options);

#endif
