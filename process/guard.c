/*
 * guard.c - see guard.h.
 *
 * Messages are written whole and read whole: they are smaller than PIPE_BUF and all of one size. If
 * the pipe is full or the guard is gone there is nothing that bpipe could do about it.
 *
 * Who is to be ended is stopped first (process_tree_stop()): a shell that waits for a part of its
 * script must not see that part end, and go on, before it is told to end itself. What is started
 * after SIGTERM was sent is a process's way of ending, and is let do so until kill_after.
 *
 * bpipe says when it closes its pipe: if a bpipe is itself a command of another, the guard of that
 * has opened the pipe, too, and there is no end of file.
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
static const uint64_t patience_ns = 1000000000; /* with what should have helped */
static const uint64_t look_ns = 1000000000;     /* how often we see whether they are there yet */

enum {
    KEPT_AT_MOST = 256,
    RESTS_TO_LOOKS = 4, /* where there are many processes it takes a while to look at them */
    TIME_TO_PAUSE = 8   /* what has lasted long may be noticed a little later */
};

enum message_kind { ADD, DROP, RELEASE, END, END_AT_ONCE, CLOSE };

struct message {
    enum message_kind kind;
    pid_t pid;
};

/* --- the guard -------------------------------------------------------------------------------- */

enum state {
    HOLDING,  /* bpipe works; if it dies, the commands are to be ended */
    RELEASED, /* the commands may end by themselves */
    ENDING    /* they are being ended; when that is done we exit */
};

struct watch {
    enum state state;
    pid_t parent; /* bpipe */
    pid_t group;  /* bpipe's, and that of the commands that made none of their own */
    int pipe;     /* -1: bpipe is gone */
    struct message message;
    size_t message_bytes; /* of that, which have come */
    unsigned failures;    /* to read it, which say nothing of bpipe */
    struct held_pipes held;
    struct held_pipes kept; /* what those in the tree write to; since we are ENDING */
    struct process_tree tree;
    uint64_t kill_after_ns;
    uint64_t since_ns;   /* when SIGTERM was sent, or SIGKILL; while ENDING */
    uint64_t kill_ns;    /* when SIGKILL is sent */
    uint64_t give_up_ns; /* a time, too */
    uint64_t pause_ns;   /* until we look again */
};

static void release(struct watch *watch)
{
    watch->state = RELEASED;
    held_pipes_close(&watch->held);
}

/*
 * A group that becomes orphaned by the exit of a process gets SIGHUP and SIGCONT, if anybody in it
 * is stopped (POSIX, _exit()). It is orphaned when nobody in it has a parent who is in another
 * group of the same session; on Linux process 1 counts for no such parent. So while the commands
 * are stopped and continued, somebody is in their group who has us for a parent. 0 if that fails.
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
        (void)setpgid(pid, watch->group); /* fails where nobody is left in it */
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

/* Sends a signal that ends them to all, none of whom acts on another's end before that. None is to
 * see the end of a pipe either when another one is gone. */
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

static void end(struct watch *watch, bool at_once)
{
    uint64_t now_ns = platform_now();
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

/* How long nobody looks, when it has lasted for `time_ns` and the last look took `taken_ns`. */
static uint64_t pause_after(uint64_t time_ns, uint64_t taken_ns)
{
    uint64_t pause_ns = time_ns / TIME_TO_PAUSE;
    if (pause_ns < first_pause_ns)
        pause_ns = first_pause_ns;
    if (pause_ns < RESTS_TO_LOOKS * taken_ns)
        pause_ns = RESTS_TO_LOOKS * taken_ns;
    return pause_ns < longest_pause_ns ? pause_ns : longest_pause_ns;
}

/* Looks whom there still is, and whether it is time for SIGKILL. False: nothing is left to do. Who
 * has just ended may have a thread that reads for a moment. */
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

/* Waits until nobody reads what we hold. Between those who could not be ended there may be pipes
 * that we have kept; who else reads these, only waits for us. A child does that, as bpipe waits for
 * us: without one bpipe has to be patient. */
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

/* The exit of bpipe may make its group an orphaned one, too (see join_group()), and who exits
 * closes its descriptors before that. So nobody is stopped until the exit is over, and we are
 * another's child. Linux looks for those who are stopped a moment after it has given us away, with
 * a lock held that setpgid(2) waits for. */
static void see_it_out(const struct watch *watch)
{
    for (int looks = 0; getppid() == watch->parent && looks < LOOKS_AT_MOST; looks++)
        platform_nap(look_pause_ns);
    (void)setpgid(0, 0); /* our group already, unless bpipe died before it could make it one */
}

/* bpipe has nothing more to say: it waits for our exit; or it is gone. */
static void lose(struct watch *watch)
{
    (void)close(watch->pipe);
    watch->pipe = -1;
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
    case CLOSE:
        lose(watch);
        break;
    }
}

/* Reads what is missing of a message. */
static ssize_t read_more(struct watch *watch)
{
    char *end = (char *)&watch->message + watch->message_bytes;
    ssize_t bytes = read(watch->pipe, end, sizeof watch->message - watch->message_bytes);
    watch->message_bytes += bytes > 0 ? (size_t)bytes : 0;
    return bytes;
}

/* Waits for a message, while ENDING only as long as nothing else is to be done. */
static void listen_to_pipe(struct watch *watch)
{
    struct pollfd wanted = {.fd = watch->pipe, .events = POLLIN};
    int64_t timeout_ns = -1;
    if (watch->state == ENDING) {
        uint64_t now_ns = platform_now();
        uint64_t left_ns = watch->kill_ns > now_ns ? watch->kill_ns - now_ns : watch->pause_ns;
        timeout_ns = (int64_t)(left_ns < watch->pause_ns ? left_ns : watch->pause_ns);
    }
    if (platform_poll_or_nap(&wanted, 1, timeout_ns) == 0 || watch->pipe < 0)
        return;
    ssize_t bytes = read_more(watch); /* tells even if poll() fails */
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
        return !go_on_ending(watch);
    return watch->state == RELEASED && watch->pipe < 0;
}

/* --- becoming the guard ----------------------------------------------------------------------- */

static void set_signals(void)
{
    static const int ignored[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE};
    /* bpipe's handlers of these, and of those that end a process, would write to a descriptor that
     * is not its own here. */
    static const int plain[] = {SIGCHLD, SIGCONT, SIGWINCH};
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)sigaction(ignored[i], &action, NULL); /* cannot fail: these exist */
    for (int number = 1; number <= platform_last_signal(); number++)
        if (platform_signal_ends(number))
            (void)sigaction(number, &action, NULL);
    action.sa_handler = SIG_DFL;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        (void)sigaction(plain[i], &action, NULL);
}

/* `open` is what the guard has: the pipe is the last of it. The title keeps pkill(1) and killall(1)
 * from taking the guard for the bpipe that it is to outlive. */
static _Noreturn void be_guard(struct watch *watch, int *open, size_t count, const sigset_t *mask)
{
    struct pollfd kept[KEPT_AT_MOST];
    watch->kept = (struct held_pipes){.fds = kept, .room = KEPT_AT_MOST};
    watch->pipe = open[count - 1];
    (void)fcntl(watch->pipe, F_SETFL, O_NONBLOCK); /* cannot fail: it is open */
    for (size_t i = 0; i < count - 1; i++)
        held_pipes_add(&watch->held, open[i]);
    watch->tree.pipes = &watch->held;
    set_signals();
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    platform_close_all_but(open, count);
    platform_set_title("bpipe-guard");
    if (chdir("/") != 0) /* only so that no file system is kept busy */
        errno = 0;
    while (!is_done(watch))
        listen_to_pipe(watch);
    hold_on(watch);
    _exit(0);
}

/* --- bpipe's side ----------------------------------------------------------------------------- */

/* No handler of bpipe's must run in the child. Its pid, 0 in it, or -1 with errno. */
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

int guard_start(struct guard *guard, const int *held, size_t count, uint64_t kill_after_ns)
{
    int ends[2], *kept = malloc((count + 1) * sizeof *kept);
    struct watch watch = {.parent = getpid(), .group = getpgrp(), .kill_after_ns = kill_after_ns};
    sigset_t mask;
    *guard = (struct guard){.fd = -1};
    watch.held = (struct held_pipes){.fds = malloc((count + 1) * sizeof *watch.held.fds)};
    if (kept == NULL || watch.held.fds == NULL || descriptor_make_pipe(ends) != 0) {
        free(watch.held.fds);
        free(kept);
        return -1;
    }
    watch.held.room = count;
    if (count > 0)
        memcpy(kept, held, count * sizeof *kept);
    kept[count] = ends[0];
    pid_t pid = fork_quietly(&mask);
    if (pid == 0)
        be_guard(&watch, kept, count + 1, &mask);
    int error = errno;
    free(watch.held.fds);
    free(kept);
    (void)close(ends[0]);
    if (pid < 0) {
        (void)close(ends[1]);
        errno = error;
        return -1;
    }
    (void)setpgid(pid, pid);                   /* fails only if it is gone */
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK); /* cannot fail: it is open */
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

/* It may have been stopped, with all of its group, and we alone continued. */
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

void guard_close(struct guard *guard)
{
    tell_awake(guard, CLOSE);
    if (guard->fd >= 0)
        (void)close(guard->fd);
    guard->fd = -1;
}
