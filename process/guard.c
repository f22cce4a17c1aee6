/*
 * guard.c - see guard.h.
 *
 * Messages are written whole: they are smaller than PIPE_BUF and all of one size. If the pipe is
 * full or the guard is gone, bpipe can do nothing about it. A read can be short.
 *
 * Processes that must end are stopped first (process_tree_stop()): a shell that waits for a part of
 * its script must not see that part end, and go on, before it is told to end itself. Processes that
 * are started after SIGTERM are a process's way of ending, and may run until kill_after.
 *
 * bpipe tells the guard when it closes its pipe. If bpipe is itself a command of another bpipe, the
 * guard of that one has opened the pipe, too, and there is no end of file.
 */
#include "process/guard.h"

#include "base/descriptor.h"
#include "base/platform.h"
#include "base/platform_process.h"
#include "process/held_pipes.h"
#include "process/process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOKS_AT_MOST = 10000, FAILURES_AT_MOST = 100 };
static const uint64_t look_pause_ns = 100000;
static const uint64_t first_pause_ns = 5000000, longest_pause_ns = 1000000000;
static const uint64_t patience_ns = 1000000000; /* time for the last attempt to take effect */
static const uint64_t look_ns = 1000000000;     /* between looks at the processes that are left */

enum {
    KEPT_AT_MOST = 256,
    RESTS_TO_LOOKS = 4, /* least pause, in look times: many processes take long to look at */
    TIME_TO_PAUSE = 8   /* pause for this part of the time so far: later looks may be rarer */
};

enum message_kind { ADD, DROP, RELEASE, END, END_AT_ONCE, PAUSE, RESUME, CLOSE };

struct message {
    enum message_kind kind;
    pid_t pid;
};

/* --- the guard -------------------------------------------------------------------------------- */

enum state {
    HOLDING,  /* bpipe runs; if it dies, the guard ends the commands */
    RELEASED, /* the commands may end by themselves */
    ENDING    /* the commands are being ended; then the guard exits */
};

struct watch {
    enum state state;
    pid_t parent; /* bpipe */
    pid_t group;  /* bpipe's, and that of the commands without a group of their own */
    int pipe;     /* -1: bpipe is gone */
    struct message message;
    size_t message_bytes; /* bytes of `message` that have come */
    unsigned failures;    /* failed reads of the pipe, which say nothing about bpipe */
    struct held_pipes held;
    struct held_pipes kept; /* pipes that processes of the tree write to; since ENDING */
    struct process_tree tree;
    uint64_t kill_after_ns;
    uint64_t stopped_since_ns; /* since when bpipe and the commands are; 0: they are not */
    uint64_t since_ns;         /* when SIGTERM or SIGKILL was sent; while ENDING */
    uint64_t kill_ns;          /* when SIGKILL is sent */
    uint64_t give_up_ns;       /* when the guard gives up */
    uint64_t pause_ns;         /* until the next look */
};

static void release(struct watch *watch)
{
    watch->state = RELEASED;
    held_pipes_close(&watch->held);
}

/*
 * If the exit of a process orphans a group, and any process in the group is stopped, the group gets
 * SIGHUP and SIGCONT (POSIX, _exit()). A group is orphaned when no process in it has a parent that
 * is in another group of the same session; on Linux process 1 is not such a parent. So while the
 * commands are stopped and continued, a child of the guard is in their group. Returns its process
 * id, or 0 after a failure.
 */
static pid_t join_group(const struct watch *watch)
{
    pid_t self = getpid(), pid = fork();
    if (pid == 0) {
        while (getppid() == self)
            platform_nap(first_pause_ns);
        _exit(0);
    }
    if (pid > 0)
        (void)setpgid(pid, watch->group); /* fails if no process is left in it */
    return pid > 0 ? pid : 0;
}

static void leave_group(pid_t member)
{
    if (member == 0)
        return;
    (void)kill(member, SIGKILL);
    while (waitpid(member, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* Sends a signal that ends them to all processes, and lets none react before that to the end of
 * another. Nor may a process see the end of a pipe when another one is gone. */
static void end_all(struct watch *watch, int signal)
{
    pid_t member = join_group(watch);
    process_tree_stop(&watch->tree);
    for (size_t i = 0; i < watch->tree.count; i++)
        held_pipes_keep(&watch->kept, watch->tree.processes[i].pid, watch->pipe);
    process_tree_kill(&watch->tree, signal);
    if (signal != SIGKILL)
        process_tree_continue(&watch->tree);
    leave_group(member);
}

/* The time, which stands still while the commands are stopped. */
static uint64_t clock_of(const struct watch *watch)
{
    return watch->stopped_since_ns != 0 ? watch->stopped_since_ns : platform_now();
}

static uint64_t put_off(uint64_t deadline_ns, uint64_t ns)
{
    return deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns + ns;
}

static void pause_clock(struct watch *watch)
{
    watch->stopped_since_ns = clock_of(watch);
}

static void resume_clock(struct watch *watch)
{
    uint64_t ns = platform_now() - clock_of(watch);
    watch->stopped_since_ns = 0;
    if (watch->state != ENDING)
        return;
    watch->since_ns += ns;
    watch->kill_ns = put_off(watch->kill_ns, ns);
    watch->give_up_ns = put_off(watch->give_up_ns, ns);
}

static void end(struct watch *watch, bool at_once)
{
    if (at_once)
        resume_clock(watch);
    uint64_t now_ns = clock_of(watch);
    watch->state = ENDING;
    watch->since_ns = now_ns;
    watch->pause_ns = first_pause_ns;
    watch->give_up_ns = UINT64_MAX;
    watch->kill_ns = watch->kill_after_ns == 0 ? UINT64_MAX : now_ns + watch->kill_after_ns;
    if (at_once) {
        watch->kill_ns = now_ns;
        return;
    }
    end_all(watch, SIGTERM);
}

/* The pause until the next look, when ending has lasted for `time_ns` and the last look took
 * `taken_ns`. */
static uint64_t pause_after(uint64_t time_ns, uint64_t taken_ns)
{
    uint64_t pause_ns = time_ns / TIME_TO_PAUSE;
    if (pause_ns < first_pause_ns)
        pause_ns = first_pause_ns;
    if (pause_ns < RESTS_TO_LOOKS * taken_ns)
        pause_ns = RESTS_TO_LOOKS * taken_ns;
    return pause_ns < longest_pause_ns ? pause_ns : longest_pause_ns;
}

/* Looks which processes still exist, and whether it is time for SIGKILL. False: nothing is left to
 * do. The pipes are checked, too, because a process that has just ended may have a thread that
 * reads for a moment. */
static bool go_on_ending(struct watch *watch)
{
    uint64_t now_ns = platform_now();
    process_tree_update(&watch->tree);
    bool any = watch->tree.count > 0;
    if ((!any && !held_pipes_are_read(&watch->held)) || now_ns >= watch->give_up_ns)
        return false;
    if (any && now_ns < watch->kill_ns) {
        watch->give_up_ns = UINT64_MAX;
    } else if (watch->give_up_ns == UINT64_MAX) {
        watch->give_up_ns = now_ns + patience_ns;
        watch->since_ns = now_ns;
    }
    if (any && now_ns >= watch->kill_ns)
        end_all(watch, SIGKILL);
    watch->pause_ns = pause_after(now_ns - watch->since_ns, platform_now() - now_ns);
    return true;
}

/* Waits until no process reads the held pipes. Processes that could not be ended may be connected
 * by pipes that the guard has kept; any other reader of these pipes only waits for the guard. A
 * child of the guard does the waiting, because bpipe waits for the guard's exit. If the fork fails,
 * bpipe has to be patient. */
static void hold_on(struct watch *watch)
{
    for (bool forked = false;; forked = true) {
        if (watch->tree.count == 0)
            held_pipes_close(&watch->kept);
        held_pipes_close_unread(&watch->held);
        held_pipes_close_unread(&watch->kept);
        if (watch->held.count + watch->kept.count == 0)
            return;
        if (!forked && fork() > 0)
            _exit(GUARD_HOLDS_ON);
        if (watch->pipe >= 0)
            (void)close(watch->pipe);
        watch->pipe = -1;
        (void)platform_poll_or_nap(watch->held.fds, watch->held.count,
                                   watch->kept.count == 0 ? -1 : (int64_t)look_ns);
        if (watch->kept.count > 0)
            process_tree_update(&watch->tree);
    }
}

/* Waits until bpipe's exit is over. The exit may orphan bpipe's group, too (see join_group()), and
 * a process that exits closes its descriptors before that. So the guard stops no process until the
 * exit is over and the guard has another parent. Linux looks for stopped processes a moment after
 * it has reparented the guard, while it holds a lock that setpgid(2) waits for. */
static void see_it_out(const struct watch *watch)
{
    for (int looks = 0; getppid() == watch->parent && looks < LOOKS_AT_MOST; looks++)
        platform_nap(look_pause_ns);
    (void)setpgid(0, 0); /* already so, unless bpipe died before it could do this */
}

/* bpipe has nothing more to say: it waits for the guard's exit, or it is gone. */
static void lose(struct watch *watch)
{
    (void)close(watch->pipe);
    watch->pipe = -1;
    resume_clock(watch);
    if (watch->state == HOLDING)
        end(watch, false);
}

static void obey(struct watch *watch, const struct message *message)
{
    switch (message->kind) {
    case ADD:
        (void)process_tree_add(&watch->tree, message->pid); /* ENOMEM: the others are guarded */
        break;
    case DROP:
        process_tree_drop(&watch->tree, message->pid);
        break;
    case RELEASE:
        if (watch->state == HOLDING)
            release(watch);
        break;
    case END:
        if (watch->state != ENDING)
            end(watch, false);
        break;
    case END_AT_ONCE:
        end(watch, true);
        break;
    case PAUSE:
        pause_clock(watch);
        break;
    case RESUME:
        resume_clock(watch);
        break;
    case CLOSE:
        lose(watch);
        break;
    }
}

/* Reads the missing part of a message. */
static ssize_t read_more(struct watch *watch)
{
    char *end = (char *)&watch->message + watch->message_bytes;
    ssize_t bytes = read(watch->pipe, end, sizeof watch->message - watch->message_bytes);
    watch->message_bytes += bytes > 0 ? (size_t)bytes : 0;
    return bytes;
}

/* Waits for a message; while ENDING, only until something else must be done. Nothing must while the
 * commands are stopped. */
static void listen_to_pipe(struct watch *watch)
{
    struct pollfd wanted = {.fd = watch->pipe, .events = POLLIN};
    int64_t timeout_ns = -1;
    if (watch->state == ENDING && watch->stopped_since_ns == 0) {
        uint64_t now_ns = platform_now();
        uint64_t left_ns = watch->kill_ns > now_ns ? watch->kill_ns - now_ns : watch->pause_ns;
        timeout_ns = (int64_t)(left_ns < watch->pause_ns ? left_ns : watch->pause_ns);
    }
    if (platform_poll_or_nap(&wanted, 1, timeout_ns) == 0 || watch->pipe < 0)
        return;
    ssize_t bytes = read_more(watch); /* gives the answer even if poll() fails */
    if (bytes > 0 && watch->message_bytes == sizeof watch->message) {
        watch->message_bytes = 0;
        obey(watch, &watch->message);
    } else if (bytes < 0 && errno != EINTR && errno != EAGAIN &&
               watch->failures++ < FAILURES_AT_MOST) {
        platform_nap(first_pause_ns);
    } else if (bytes == 0 || (bytes < 0 && errno != EINTR && errno != EAGAIN)) {
        see_it_out(watch);
        lose(watch);
    }
}

static bool is_done(struct watch *watch)
{
    if (watch->state == ENDING)
        return watch->stopped_since_ns == 0 && !go_on_ending(watch);
    return watch->state == RELEASED && watch->pipe < 0;
}

/* --- becoming the guard ----------------------------------------------------------------------- */

static void set_signals(void)
{
    static const int ignored[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE};
    /* bpipe's handlers of these signals, and of those that end a process, would write to a
     * descriptor that is not bpipe's own here. */
    static const int plain[] = {SIGCHLD, SIGCONT, SIGWINCH};
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)sigaction(ignored[i], &action, NULL); /* cannot fail: these signals exist */
    for (int number = 1; number <= platform_last_signal(); number++)
        if (platform_signal_ends(number))
            (void)sigaction(number, &action, NULL);
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        (void)sigaction(plain[i], &action, NULL);
}

/* `stay_open` lists the guard's descriptors; the last one is the pipe. The title keeps pkill(1) and
 * killall(1) from taking the guard for the bpipe that it must outlive. */
static _Noreturn void be_guard(struct watch *watch, int *stay_open, size_t count,
                               const sigset_t *mask)
{
    struct pollfd kept[KEPT_AT_MOST];
    watch->kept = (struct held_pipes){.fds = kept, .room = KEPT_AT_MOST};
    watch->pipe = stay_open[count - 1];
    (void)fcntl(watch->pipe, F_SETFL, O_NONBLOCK); /* cannot fail: the descriptor is open */
    for (size_t i = 0; i < count - 1; i++)
        held_pipes_add(&watch->held, stay_open[i]);
    watch->tree.pipes = &watch->held;
    set_signals();
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    platform_close_all_but(stay_open, count);
    platform_set_title("bpipe-guard");
    if (chdir("/") != 0) /* only to keep no file system busy */
        errno = 0;
    while (!is_done(watch))
        listen_to_pipe(watch);
    hold_on(watch);
    _exit(0);
}

/* --- bpipe's side ----------------------------------------------------------------------------- */

/* Forks with all signals blocked, because no handler of bpipe's may run in the child. Returns the
 * child's pid, 0 in the child, or -1 with errno. */
static pid_t fork_quietly(sigset_t *mask)
{
    sigset_t all;
    sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, mask);
    pid_t pid = fork();
    int error = errno;
    if (pid != 0)
        (void)sigprocmask(SIG_SETMASK, mask, NULL);
    errno = error;
    return pid;
}

/* Waits until the guard has closed its copy of the pipe's other end, or is gone. */
static void await_closed(const int ready[2])
{
    char byte;
    if (ready[0] < 0)
        return;
    (void)close(ready[1]);
    while (read(ready[0], &byte, sizeof byte) < 0 && errno == EINTR)
        continue;
    (void)close(ready[0]);
}

int guard_start(struct guard *guard, const int *held, size_t count, uint64_t kill_after_ns)
{
    int ends[2], ready[2], *stay_open = malloc((count + 1) * sizeof *stay_open);
    struct watch watch = {.parent = getpid(), .group = getpgrp(), .kill_after_ns = kill_after_ns};
    sigset_t mask;
    *guard = (struct guard){.fd = -1};
    watch.held = (struct held_pipes){.fds = malloc((count + 1) * sizeof *watch.held.fds)};
    if (stay_open == NULL || watch.held.fds == NULL || descriptor_make_pipe(ends) != 0) {
        free(watch.held.fds);
        free(stay_open);
        return -1;
    }
    watch.held.room = count;
    if (count > 0)
        memcpy(stay_open, held, count * sizeof *stay_open);
    stay_open[count] = ends[0];
    if (descriptor_make_pipe(ready) != 0)
        ready[0] = -1; /* then bpipe does not wait */
    pid_t pid = fork_quietly(&mask);
    if (pid == 0)
        be_guard(&watch, stay_open, count + 1, &mask);
    int error = errno;
    await_closed(ready);
    free(watch.held.fds);
    free(stay_open);
    (void)close(ends[0]);
    if (pid < 0) {
        (void)close(ends[1]);
        errno = error;
        return -1;
    }
    (void)setpgid(pid, pid);                   /* fails only if the guard is gone */
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK); /* cannot fail: the descriptor is open */
    *guard = (struct guard){.pid = pid, .fd = ends[1]};
    return 0;
}

static void tell(const struct guard *guard, enum message_kind kind, pid_t pid)
{
    struct message message = {.kind = kind, .pid = pid};
    if (guard->fd < 0)
        return;
    while (write(guard->fd, &message, sizeof message) < 0 && errno == EINTR)
        continue;
}

void guard_add(const struct guard *guard, pid_t pid)
{
    tell(guard, ADD, pid);
}

void guard_drop(const struct guard *guard, pid_t pid)
{
    tell(guard, DROP, pid);
}

/* Also continues the guard: it may have been stopped with all of its group, and bpipe alone
 * continued. */
static void tell_awake(const struct guard *guard, enum message_kind kind)
{
    tell(guard, kind, 0);
    if (guard->fd >= 0 && guard->pid > 0)
        (void)kill(guard->pid, SIGCONT);
}

void guard_release(const struct guard *guard)
{
    tell_awake(guard, RELEASE);
}

void guard_end(const struct guard *guard, bool at_once)
{
    tell_awake(guard, at_once ? END_AT_ONCE : END);
}

void guard_pause(const struct guard *guard)
{
    tell_awake(guard, PAUSE);
}

void guard_resume(const struct guard *guard)
{
    tell_awake(guard, RESUME);
}

void guard_close(struct guard *guard)
{
    tell_awake(guard, CLOSE);
    if (guard->fd >= 0)
        (void)close(guard->fd);
    guard->fd = -1;
}
