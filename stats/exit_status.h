/*
 * exit_status.h - how a run ended, and the exit status that this makes.
 *
 * Several things can go wrong in one run; each is noted, and the precedence is decided in one
 * place.
 */
#ifndef BPIPE_EXIT_STATUS_H
#define BPIPE_EXIT_STATUS_H

#include <stdbool.h>

struct ending {
    int signal;      /* the first signal that was to end it (signals_end()); 0: none */
    bool overflowed; /* --overflow fail: the buffer was full */
    bool timed_out;  /* idle, stall, or drain after the end of input */
    bool failed;     /* an input or output failed */
    bool departed;   /* the reader of the sole output went away */
};

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_OVERFLOW = 3,
    EXIT_TIMEOUT = 4,
    EXIT_SIGNAL_BASE = 128
};

/* The status that a shell sees: signal, overflow, timeout, failure, departure (128+SIGPIPE), 0; in
 * that order of precedence. */
int exit_status_of(const struct ending *ending);

/* The signal that bpipe is to die by, or 0. */
int exit_signal_of(const struct ending *ending);

#endif
