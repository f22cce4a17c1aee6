/*
 * signals.h - signals as events of the loop.
 *
 * Handlers only write the signal's number into a pipe (the self-pipe), which the loop polls. They
 * catch every signal that comes from outside and ends a process by default
 * (platform_signal_ends()), so that no such signal ends bpipe before it has removed its files and
 * cleared O_NONBLOCK. A fault (SIGSEGV and so on) keeps its default action. A signal that was
 * ignored when bpipe started stays ignored (nohup(1), background jobs). A signal that a library
 * already handles at that time stays with the library (a sanitizer's SIGABRT, a profiler's
 * SIGPROF).
 *
 * bpipe installs the handlers before it creates anything, including the pidfile, and they stay
 * until the process ends. Before that, while bpipe resolves names and counts sizes, signals have
 * their default action.
 */
#ifndef BPIPE_SIGNALS_H
#define BPIPE_SIGNALS_H

#include <stdbool.h>

struct signals {
    int fd;            /* readable when a signal has arrived; for poll() */
    bool pipe_ignored; /* SIGPIPE was ignored when bpipe started */
    unsigned failures; /* failed reads of the pipe, in a row */
    int error;         /* errno: the pipe cannot be read, so signals go unnoticed; else 0 */
};

/* The first call installs the handlers; a later call only returns the same pipe. 0, or -1 with
 * errno. */
int signals_open(struct signals *signals);

/* Catches one more signal: SIGWINCH, SIGCHLD. (By default these are ignored and do not wake the
 * loop.) */
void signals_watch(int number);

/* The next signal that has arrived: SIGUSR1 (also for SIGINFO), SIGTSTP, SIGCONT, one of
 * signals_watch(), or one that ends bpipe. 0: none; or the pipe could not be read, and the function
 * has slept briefly. */
int signals_next(struct signals *signals);

/* Whether a signal that signals_next() returned must end bpipe. */
bool signals_end(int number);

/* Stops the process as SIGTSTP would have; returns when the process continues. */
void signals_stop_process(void);

/* Ends the process by the default action of `number`. Returns only if that action does not end
 * it. */
void signals_raise(int number);

#endif
