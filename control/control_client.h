/*
 * control_client.h - bpipe -R PID and bpipe -Q PID: whoever asks a running bpipe
 * (control/control.h).
 */
#ifndef BPIPE_CONTROL_CLIENT_H
#define BPIPE_CONTROL_CLIENT_H

#include "options/options.h"

/*
 * Sends the request that the options stand for to the bpipe of options->remote or options->query,
 * and prints its report, if that was asked for. It takes up to CONTROL_PATIENCE_NS: so long a
 * process that has just started is given to listen, and a busy one to answer. What killed bpipes
 * left in the runtime folders is removed (control/runtime_sweep.h). EXIT_OK, or EXIT_FAILED after a
 * message.
 */
int control_client_run(const struct options *options);

#endif
