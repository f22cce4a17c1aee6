/*
 * signals.c - see signals.h. The self-pipe's descriptor is the program's only global that changes.
 */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* BSD's ^T */
#ifdef SIGINFO
#define REPORT_SIGNAL SIGINFO
#else
#define REPORT_SIGNAL SIGUSR1
#endif

static int self_pipe_write_fd = -1;

static void on_signal(int number)
{
    int error = errno;
    unsigned char byte = (unsigned char)number;
    /* A full pipe means that the loop has enough to wake up for. */
    while (write(self_pipe_write_fd, &byte, 1) < 0 && errno == EINTR) {
    }
    errno = error;
}

/* One handler does not interrupt another: of several that are pending the one with the lowest
 * number runs first, and SIGINT is heard of before the SIGCHLD of those whom it has ended, too. */
static void set_action(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    action.sa_handler = handler;
    sigfillset(&action.sa_mask);
    (void)sigaction(number, &action, NULL); /* fails only for numbers that do not exist */
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int open_self_pipe(int *read_fd)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    }
    *read_fd = ends[0];
    self_pipe_write_fd = ends[1];
    return 0;
}

int signals_open(struct signals *signals)
{
    static const int caught[] = {
        SIGINT,  SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGTSTP, SIGCONT,
#ifdef SIGINFO
        SIGINFO,
#endif
    };
    if (open_self_pipe(&signals->fd) != 0)
        return -1;
    signals->pipe_ignored = is_ignored(SIGPIPE);
    set_action(SIGPIPE, SIG_IGN);
    set_action(SIGXFSZ, SIG_IGN);
    set_action(SIGTTOU, SIG_IGN);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        if (!is_ignored(caught[i]))
            set_action(caught[i], on_signal);
    return 0;
}

void signals_watch(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    set_action(number, on_signal);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* it may have been blocked at the start */
}

int signals_next(struct signals *signals)
{
    unsigned char number;
    ssize_t result;
    do
        result = read(signals->fd, &number, 1);
    while (result < 0 && errno == EINTR);
    if (result != 1)
        return 0;
    return number == REPORT_SIGNAL ? SIGUSR1 : number;
}

void signals_stop_process(void)
{
    set_action(SIGTSTP, SIG_DFL);
    (void)raise(SIGTSTP); /* comes back after SIGCONT, or at once in an orphaned process group */
    set_action(SIGTSTP, on_signal);
}

void signals_raise(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    set_action(number, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(number);
}
