/*
 * signals.c - see signals.h. The self-pipe is global state, because handlers need it. One byte
 * holds any signal's number: there are at most 127 (wait(2) has 7 bits for it).
 */
#include "base/signals.h"

#include "base/platform.h"
#include "base/platform_process.h"

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

static struct {
    int read_fd, write_fd; /* -1: not made yet */
    bool pipe_ignored;
} self_pipe = {.read_fd = -1, .write_fd = -1};

static void on_signal(int number)
{
    int error = errno;
    unsigned char byte = (unsigned char)number;
    /* If the pipe is full, the loop will wake up anyway. */
    while (write(self_pipe.write_fd, &byte, 1) < 0 && errno == EINTR) {
    }
    errno = error;
}

/* One handler does not interrupt another. Of several pending signals the one with the lowest number
 * runs first. So the loop gets SIGINT before the SIGCHLD of the children that the same SIGINT
 * ended. */
static void set_action(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    action.sa_handler = handler;
    sigfillset(&action.sa_mask);
    (void)sigaction(number, &action, NULL); /* fails only for numbers that do not exist */
}

/* Whether the signal's action is `handler`: SIG_IGN, SIG_DFL. */
static bool has_action(int number, void (*handler)(int))
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
           action.sa_handler == handler;
}

static int open_self_pipe(void)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    }
    self_pipe.read_fd = ends[0];
    self_pipe.write_fd = ends[1];
    return 0;
}

/* Catches the signals that report events, unless they are ignored. */
static void catch_events(void)
{
    static const int caught[] = {
        REPORT_SIGNAL,
        SIGUSR1,
        SIGTSTP,
        SIGCONT,
    };
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        if (!has_action(caught[i], SIG_IGN))
            set_action(caught[i], on_signal);
}

/* Catches the signals that end bpipe. SIGUSR1 is one of these, and has been caught already. */
static void catch_endings(void)
{
    for (int number = 1; number <= platform_last_signal(); number++)
        if (platform_signal_ends(number) && has_action(number, SIG_DFL))
            set_action(number, on_signal);
}

int signals_open(struct signals *signals)
{
    if (self_pipe.read_fd < 0) {
        if (open_self_pipe() != 0)
            return -1;
        self_pipe.pipe_ignored = has_action(SIGPIPE, SIG_IGN);
        set_action(SIGPIPE, SIG_IGN);
        set_action(SIGXFSZ, SIG_IGN);
        set_action(SIGTTOU, SIG_IGN);
        catch_events();
        catch_endings();
    }
    *signals = (struct signals){.fd = self_pipe.read_fd, .pipe_ignored = self_pipe.pipe_ignored};
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

/* The failure may pass. poll() continues to report that the pipe is readable; the nap keeps the
 * caller from spinning. */
static void note_failure(struct signals *signals, int error)
{
    enum { FAILURES_AT_MOST = 100, NAP_NS = 5000000 };
    if (++signals->failures >= FAILURES_AT_MOST)
        signals->error = error;
    platform_nap(NAP_NS);
}

int signals_next(struct signals *signals)
{
    unsigned char number;
    ssize_t result;
    do
        result = read(signals->fd, &number, 1);
    while (result < 0 && errno == EINTR);
    if (result != 1) {
        if (result < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            note_failure(signals, errno);
        return 0;
    }
    signals->failures = 0;
    return number == REPORT_SIGNAL ? SIGUSR1 : number;
}

bool signals_end(int number)
{
    return number != SIGUSR1 && platform_signal_ends(number);
}

void signals_stop_process(void)
{
    set_action(SIGTSTP, SIG_DFL);
    (void)raise(SIGTSTP); /* returns after SIGCONT, or at once in an orphaned process group */
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
