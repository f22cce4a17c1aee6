/*
 * test_held_pipes.c - which pipes are read, and by which process; and the pipes that are kept.
 */
#include "base/platform_process.h"
#include "process/held_pipes.h"
#include "tests/process/process_stage.h"

#include <sys/resource.h>

static struct pollfd room[4];

static struct held_pipes nobody(size_t count)
{
    return (struct held_pipes){.fds = room, .room = count};
}

static void test_own(void)
{
    int a[2], b[2], more[2];
    struct held_pipes ends = nobody(2);
    tap_ok(!held_pipes_are_read(&ends), "an empty set has no pipe that is read");
    held_pipes_close_unread(&ends);
    stage_pipe(a), stage_pipe(b), stage_pipe(more);
    held_pipes_add(&ends, a[1]);
    held_pipes_add(&ends, b[1]);
    held_pipes_add(&ends, more[1]);
    tap_ok(ends.count == 2 && stage_is_ended(more[0]),
           "pipes for which there is no room are closed");
    tap_ok(held_pipes_are_read(&ends), "two pipes that are read");
    close(a[0]);
    tap_ok(held_pipes_are_read(&ends), "one pipe that is read");
    held_pipes_close_unread(&ends);
    tap_ok(ends.count == 1 && fcntl(a[1], F_GETFD) < 0, "the pipe without a reader is closed");
    tap_ok(stage_is_held(b[0]), "no other pipe is closed");
    held_pipes_close(&ends);
    tap_ok(ends.count == 0 && stage_is_ended(b[0]), "all are closed");
    close(b[0]), close(more[0]);
}

/* poll(2) fails if it gets more than RLIMIT_NOFILE allows. The limit leaves one descriptor free. */
static void test_poll_fails(void)
{
    enum { ROOM = 64 };
    struct pollfd fds[ROOM];
    struct held_pipes ends = {.fds = fds};
    struct rlimit limit, low;
    int a[2], b[2];
    stage_pipe(a), stage_pipe(b);
    int free_fd = fcntl(b[1], F_DUPFD, 0);
    close(free_fd);
    if (free_fd + 2 > ROOM || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        abort();
    low = limit;
    low.rlim_cur = (rlim_t)free_fd + 1;
    ends.room = (size_t)free_fd + 2;
    while (ends.count < ends.room - 1)
        held_pipes_add(&ends, fcntl(a[1], F_DUPFD, free_fd + 1));
    held_pipes_add(&ends, b[1]);
    if (setrlimit(RLIMIT_NOFILE, &low) != 0)
        abort();
    tap_ok(platform_poll(fds, ends.count, 0) < 0 && errno == EINVAL, "poll() fails");
    close(a[1]);
    close(a[0]);
    tap_ok(held_pipes_are_read(&ends),
           "one of many pipes is read, and that is known without poll()");
    held_pipes_close_unread(&ends);
    tap_ok(ends.count == (stage_has_proc() ? 1 : ends.room) && stage_is_held(b[0]),
           "the others are closed, if /proc shows that they have no reader");
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        abort();
    close(b[0]);
    held_pipes_close_unread(&ends);
    tap_ok(ends.count == 0, "when poll() works again, all are closed");
}

/* A process that has these descriptors of ours, and no others. */
static pid_t start(int *fds, size_t count)
{
    int up[2];
    char byte;
    stage_pipe(up);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(STAGE_SECONDS);
        platform_close_all_but(fds, count);
        for (;;)
            pause();
    }
    close(up[1]);
    if (read(up[0], &byte, 1) != 0)
        abort();
    close(up[0]);
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    (void)stage_status(pid);
}

static void test_readers(void)
{
    int pipe[2];
    struct held_pipes ends = nobody(4);
    stage_pipe(pipe);
    pid_t reader = start(&pipe[0], 1), writer = start(&pipe[1], 1);
    tap_ok(!held_pipes_are_read_by(&ends, reader), "a process does not read an empty set");
    held_pipes_add(&ends, pipe[1]);
    tap_ok(held_pipes_are_read_by(&ends, reader), "a process that reads");
    tap_ok(!held_pipes_are_read_by(&ends, writer), "a process that only writes");
    close(pipe[0]);
    stop(reader);
    tap_ok(!held_pipes_are_read_by(&ends, reader), "a process that is gone");
    stop(writer);
    held_pipes_close(&ends);
}

static void test_keeping(void)
{
    int a[2], b[2], but[2];
    struct held_pipes ends = nobody(4);
    stage_pipe(a), stage_pipe(b), stage_pipe(but);
    int writes[] = {a[1], b[0], but[1], dup(a[1])};
    pid_t pid = start(writes, 4);
    close(writes[3]);
    held_pipes_keep(&ends, pid, but[0]);
    tap_ok(ends.count == 1, "only the pipe that is written to is kept, once");
    held_pipes_keep(&ends, pid, but[0]);
    tap_ok(ends.count == 1 && (fcntl(ends.fds[0].fd, F_GETFD) & FD_CLOEXEC) != 0 &&
               (fcntl(ends.fds[0].fd, F_GETFL) & O_NONBLOCK) != 0,
           "it is kept once, even if asked again");
    stop(pid);
    close(a[1]), close(but[1]), close(b[1]);
    tap_ok(stage_is_held(a[0]), "its reader sees no end");
    tap_ok(stage_is_ended(but[0]), "the reader of a pipe that was left out sees the end");
    held_pipes_close(&ends);
    tap_ok(stage_is_ended(a[0]), "its reader sees the end when it is closed");
    ends = nobody(0);
    close(a[0]), close(b[0]), close(but[0]);
    stage_pipe(a);
    pid = start(&a[1], 1);
    held_pipes_keep(&ends, pid, -1);
    close(a[1]);
    stop(pid);
    tap_ok(stage_is_ended(a[0]), "without room no pipe is kept");
    close(a[0]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    size_t open_files = stage_open_files();
    test_own();
    test_poll_fails();
    if (stage_has_proc()) {
        test_readers();
        test_keeping();
    } else {
        tap_ok(true, "# SKIP pipes of other processes: needs Linux's /proc");
    }
    tap_ok(stage_has_no_children() && stage_open_files() == open_files, "nothing is left open");
    return tap_done();
}
