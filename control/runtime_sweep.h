/*
 * runtime_sweep.h - removes what killed bpipes left in the runtime folder (base/runtime_dir.h).
 *
 * SIGKILL, a crash or a power failure leaves a control socket behind (control/control.h), and the
 * file of the rows on a terminal (display/cursor.h). Every bpipe that opens the folder removes such
 * files, and so does every bpipe -R and -Q. A process id proves nothing, since it may be another
 * process's by now, and containers with process ids of their own may share the folder. The kernel
 * knows:
 *
 *   bpipe-PID.sock          refuses connections: no process has the socket open. It gets this name
 *                           when it listens already.
 *   bpipe-PID.bind          the same, before it listens. Between the creation of the name and that
 *                           of the socket it refuses, too, so it also has to be SWEEP_AGE_S old.
 *   bpipe-rows-TTY-GROUP    nobody holds the lock of those who live
 *
 * Only files of the effective user are touched, and only under these names.
 */
#ifndef BPIPE_RUNTIME_SWEEP_H
#define BPIPE_RUNTIME_SWEEP_H

#include <stdbool.h>

enum { SWEEP_AGE_S = 10 };

/* In the first folder that can be used, as runtime_path() chooses it; or in all of them. Whatever
 * cannot be removed is left alone without a word. */
void runtime_sweep(bool all);

#endif
