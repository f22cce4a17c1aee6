/*
 * signals.h - signals as events of the loop.
 *
 * Handlers only write the signal's number into a pipe (the self-pipe), which the loop polls. They
 * catch every signal that comes from outside and ends a process by default
 * (platform_signal_ends()), so that no such signal can end bpipe before it has removed its files
 * and taken O_NONBLOCK back. A fault (SIGSEGV and so on) keeps its default action. A signal that
 * was ignored when bpipe started stays ignored (nohup(1), background jobs), and one that a library
 * handles by then stays with it (a sanitizer's SIGABRT, a profiler's SIGPROF).
 *
 * The handlers are installed before anything is created, the pidfile included, and stay to the end
 * of the process; before that, while names are resolved and sizes counted, signals keep their
 * default action.
 */
#ifndef BPIPE_SIGNALS_H
#define BPIPE_SIGNALS_H

#include <stdbool.h>

struct signals {
    int fd;            /* readable when a signal has come; for poll() */
    bool pipe_ignored; /* SIGPIPE was ignored at the start */
    unsigned failures; /* to read the pipe, in a row */
    int error;         /* errno: it cannot be read, and no signal is heard any more; else 0 */
};

/* The first call installs the handlers; a later one only gives the same pipe. 0, or -1 with errno.
 */
int signals_open(struct signals *signals);

/* Catches one more: SIGWINCH, SIGCHLD. (Its default action is to be ignored, and it wakes nobody
 * then.) */
void signals_watch(int number);

/* The next signal that has come: SIGUSR1 (SIGINFO comes as SIGUSR1), SIGTSTP, SIGCONT, those of
 * signals_watch(), or one that ends bpipe. 0: none, or, after a nap, the pipe cannot be read. */
int signals_next(struct signals *signals);

/* Whether a signal that signals_next() gave is to end bpipe. */
bool signals_end(int number);

/* Stops the process as SIGTSTP would have; returns when it goes on. */
void signals_stop_process(void);

/* Ends the process by `number`'s default action. Returns only if that action is not to end. */
void signals_raise(int number);

#endif
