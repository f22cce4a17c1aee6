/*
 * exit_status.h - how a run ended, and the exit status that follows.
 *
 * Several things can go wrong in one run. Each is noted, and the precedence is decided in one
 * place.
 */
#ifndef BPIPE_EXIT_STATUS_H
#define BPIPE_EXIT_STATUS_H

#include <stdbool.h>

struct ending {
    int signal;      /* the first signal that asked bpipe to end (signals_end()); 0: none */
    bool overflowed; /* --overflow fail: the buffer was full */
    bool timed_out;  /* idle, stall or drain timeout */
    bool failed;     /* an input or output failed */
    bool departed;   /* the reader of the only output went away */
};

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_OVERFLOW = 3,
    EXIT_TIMEOUT = 4,
    EXIT_SIGNAL_BASE = 128
};

/* The status that a shell sees. The precedence is: signal, overflow, timeout, failure, departure
 * (128+SIGPIPE), 0. */
int exit_status_of(const struct ending *ending);

/* The signal by which bpipe must die, or 0. */
int exit_signal_of(const struct ending *ending);

#endif
