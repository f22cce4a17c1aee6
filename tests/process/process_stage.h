/*
 * process_stage.h - shared by the tests of processes: waits for other processes, with a deadline.
 *
 *   uint64_t deadline = stage_deadline();
 *   while (!CONDITION && stage_again(deadline))
 *       continue;
 */
#ifndef BPIPE_TESTS_PROCESS_STAGE_H
#define BPIPE_TESTS_PROCESS_STAGE_H

#include "base/platform.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* No process of a test lives longer. */
enum { STAGE_SECONDS = 20 };

/* Whether the build under test knows processes by /proc. */
static inline bool stage_has_proc(void)
{
    return strcmp(platform_name, "linux") == 0;
}

/* Whether the test of `what` must be skipped because there is no /proc; then reports the skip. */
static inline bool stage_skip(const char *what)
{
    if (stage_has_proc())
        return false;
    tap_ok(true, "# SKIP %s: needs Linux's /proc", what);
    return true;
}

static inline uint64_t stage_deadline(void)
{
    return platform_now() + STAGE_SECONDS * UINT64_C(1000000000);
}

static inline void stage_nap(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000),
                            .tv_nsec = (long)(ns % 1000000000)};
    while (nanosleep(&time, &time) != 0 && errno == EINTR)
        continue;
}

static inline bool stage_again(uint64_t deadline)
{
    stage_nap(1000000);
    return platform_now() < deadline;
}

/* Its state by proc(5), on the portable build, too; '?' where it cannot be read. */
static inline char stage_state(pid_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return '?';
    size_t bytes = fread(text, 1, sizeof text - 1, file);
    const char *after = strrchr(text, ')');
    fclose(file);
    return bytes > 0 && after != NULL && strlen(after) > 2 ? after[2] : '?';
}

/* Whether there is such a process, and it is no zombie. (Not every init reaps orphans.) */
static inline bool stage_is_alive(pid_t pid)
{
    return kill(pid, 0) == 0 && stage_state(pid) != 'Z';
}

static inline bool stage_goes_away(pid_t pid)
{
    uint64_t deadline = stage_deadline();
    while (stage_is_alive(pid) && stage_again(deadline))
        continue;
    return !stage_is_alive(pid);
}

static inline bool stage_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static inline bool stage_appears(const char *path)
{
    uint64_t deadline = stage_deadline();
    while (!stage_exists(path) && stage_again(deadline))
        continue;
    return stage_exists(path);
}

/* A pipe whose read end says when all processes that have the write end are gone. */
static inline void stage_pipe(int ends[2])
{
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0)
        abort();
}

/* Whether the end of file comes, perhaps after some bytes. */
static inline bool stage_is_ended(int fd)
{
    char bytes[256];
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    for (;;) {
        if (poll(&wanted, 1, STAGE_SECONDS * 1000) <= 0)
            return false;
        ssize_t count = read(fd, bytes, sizeof bytes);
        if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
            return count == 0;
    }
}

/* Whether there is nothing to read, but not the end of file either. */
static inline bool stage_is_held(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    return poll(&wanted, 1, 0) == 0;
}

/* The exit status of a child, waited for; -1: a signal ended it, or it is none. */
static inline int stage_status(pid_t pid)
{
    int status;
    pid_t ended;
    do
        ended = waitpid(pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool stage_has_no_children(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static inline size_t stage_open_files(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#endif
