/*
 * signals.h - signals as events of the loop.
 *
 * Handlers only write the signal's number into a pipe (the self-pipe), which the loop polls. What
 * was ignored when bpipe started stays ignored (nohup(1), background jobs). The handlers are
 * installed when everything is about to be opened; until then signals keep their default action.
 */
#ifndef BPIPE_SIGNALS_H
#define BPIPE_SIGNALS_H

#include <stdbool.h>

struct signals {
    int fd;            /* readable when a signal has come; for poll() */
    bool pipe_ignored; /* SIGPIPE was ignored at the start */
};

/* 0, or -1 with errno. */
int signals_open(struct signals *signals);

/* Catches one more: SIGWINCH, SIGCHLD. (Its default action is to be ignored, and it wakes nobody
 * then.) */
void signals_watch(int number);

/* The next signal that has come, or 0: SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1 (SIGINFO comes as
 * SIGUSR1), SIGTSTP, SIGCONT, SIGWINCH. */
int signals_next(struct signals *signals);

/* Stops the process as SIGTSTP would have; returns when it goes on. */
void signals_stop_process(void);

/* Ends the process by `number`'s default action. Returns only if that action is not to end. */
void signals_raise(int number);

#endif
