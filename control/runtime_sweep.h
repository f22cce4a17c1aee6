/*
 * runtime_sweep.h - removes files of killed bpipes from the runtime folder (base/runtime_dir.h).
 *
 * SIGKILL, a crash or a power failure leaves a control socket (control/control.h) and the file of
 * the rows on a terminal (display/cursor.h) behind. A bpipe removes such files when it opens its
 * control socket, and each bpipe -R and -Q does. The process id in a name proves nothing: another
 * process may have it now, and containers with their own process ids may share the folder. The
 * kernel shows that a file is unused:
 *
 *   bpipe-PID.sock          A connection is refused: no process has the socket open. A socket gets
 *                           this name only after it has begun to listen.
 *   bpipe-PID.bind          The same; a socket has this name before it listens. bind(2) creates the
 *                           name before the socket has it, and in between a connection is refused,
 *                           too. So the file also has to be SWEEP_AGE_S old.
 *   bpipe-rows-TTY-GROUP    No process holds the lock that each live member holds.
 *
 * Only files of the effective user with these names are removed.
 */
#ifndef BPIPE_RUNTIME_SWEEP_H
#define BPIPE_RUNTIME_SWEEP_H

#include <stdbool.h>

enum { SWEEP_AGE_S = 10 };

/* Sweeps the first folder that can be used, as runtime_path() chooses it, or all folders if `all`.
 * A file that cannot be removed is left without a message. */
void runtime_sweep(bool all);

#endif
