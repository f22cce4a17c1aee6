/*
 * platform_process.c - see platform_process.h. Two blocks with the same functions, as in
 * base/platform.c.
 */
#ifdef BPIPE_LINUX
#define _GNU_SOURCE
#endif

#include "base/platform_process.h"

#include "base/platform.h"
#include "base/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

#ifdef BPIPE_LINUX

#include <sys/syscall.h>

#ifndef SYS_close_range /* the same number on every machine */
#define SYS_close_range 436
#endif

enum { PROC_PATH = 32 };

/* Real-time signals end a process, too. Some machines have no SIGSTKFLT. */
static bool ends_on_this_system(int number)
{
#ifdef SIGSTKFLT
    if (number == SIGSTKFLT)
        return true;
#endif
    return number == SIGIO || number == SIGPWR || (number >= SIGRTMIN && number <= SIGRTMAX);
}

int platform_last_signal(void)
{
    return SIGRTMAX;
}

int platform_list(struct platform_listing *listing, const char *directory)
{
    *listing = (struct platform_listing){0};
    listing->fd = retry_open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    return listing->fd < 0 ? -1 : 0;
}

/* The structure that getdents64(2) fills in. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

const char *platform_next_name(struct platform_listing *listing)
{
    if (listing->at == listing->length) {
        long bytes =
            syscall(SYS_getdents64, listing->fd, listing->entries, sizeof listing->entries);
        listing->at = 0;
        listing->length = bytes > 0 ? (size_t)bytes : 0;
        if (bytes <= 0)
            return NULL;
    }
    const struct entry *entry =
        (const struct entry *)((const char *)listing->entries + listing->at);
    listing->at += entry->length;
    return entry->name;
}

void platform_list_again(struct platform_listing *listing)
{
    (void)lseek(listing->fd, 0, SEEK_SET); /* cannot fail: it is a directory */
    listing->at = listing->length = 0;
}

void platform_end_list(struct platform_listing *listing)
{
    close(listing->fd);
}

uint64_t platform_process_time(pid_t pid)
{
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0;
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

pid_t platform_socket_process(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

ssize_t platform_process_stat(pid_t pid, char *text, size_t size)
{
    char path[PROC_PATH];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = retry_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    ssize_t bytes = retry_read_all(fd, text, size - 1);
    int error = errno;
    close(fd);
    errno = error;
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes;
}

pid_t platform_wait(pid_t pid, int *status, struct platform_child *child)
{
    struct rusage usage;
    pid_t ended;
    *child = (struct platform_child){0};
    do
        ended = wait4(pid, status, WNOHANG, &usage);
    while (ended < 0 && errno == EINTR);
    if (ended > 0)
        *child = (struct platform_child){
            .known = true,
            .cpu_ns = timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime),
            .peak_memory_bytes = (uint64_t)usage.ru_maxrss * 1024,
        };
    return ended;
}

struct platform_process *platform_processes(size_t *count)
{
    *count = 0;
    return NULL;
}

/* close_range(2) exists since Linux 5.9. */
static int close_range_at_once(unsigned first, unsigned last)
{
    return (int)syscall(SYS_close_range, first, last, 0);
}

#else /* plain POSIX */

/* SIGPOLL is obsolescent, and real-time signals are optional in older systems. (Other signals of a
 * system are left alone: some systems ignore SIGPWR or SIGIO by default.) */
static bool ends_on_this_system(int number)
{
#ifdef SIGPOLL
    if (number == SIGPOLL)
        return true;
#endif
#ifdef SIGRTMAX
    if (number >= SIGRTMIN && number <= SIGRTMAX)
        return true;
#endif
    return number == 0;
}

int platform_last_signal(void)
{
#ifdef SIGRTMAX
    return SIGRTMAX;
#else
    return 64;
#endif
}

int platform_list(struct platform_listing *listing, const char *directory)
{
    (void)listing, (void)directory;
    return platform_unavailable();
}

const char *platform_next_name(struct platform_listing *listing)
{
    (void)listing;
    return NULL;
}

void platform_list_again(struct platform_listing *listing)
{
    (void)listing;
}

void platform_end_list(struct platform_listing *listing)
{
    (void)listing;
}

uint64_t platform_process_time(pid_t pid)
{
    (void)pid;
    return 0;
}

pid_t platform_socket_process(int fd)
{
    (void)fd;
    return 0;
}

/* A line is "  PID  PPID COMMAND"; a zombie's command ends with "<defunct>". */
static bool read_process(FILE *ps, struct platform_process *process)
{
    char line[256];
    if (fgets(line, sizeof line, ps) == NULL)
        return false;
    char *end = line;
    process->pid = (pid_t)strtol(line, &end, 10);
    process->parent = (pid_t)strtol(end, NULL, 10);
    process->dead = strstr(end, "<defunct>") != NULL;
    for (int c = '\n'; strchr(line, '\n') == NULL && (c = getc(ps)) != '\n' && c != EOF;)
        continue; /* skips the rest of a long line */
    return true;
}

struct platform_process *platform_processes(size_t *count)
{
    struct platform_process process, *list = NULL;
    FILE *ps = popen("exec ps -A -o pid= -o ppid= -o args= 2>/dev/null", "r");
    *count = 0;
    while (ps != NULL && read_process(ps, &process)) {
        struct platform_process *longer = realloc(list, (*count + 1) * sizeof *list);
        if (longer == NULL)
            break;
        list = longer;
        list[(*count)++] = process;
    }
    if (ps != NULL)
        (void)pclose(ps);
    return list;
}

ssize_t platform_process_stat(pid_t pid, char *text, size_t size)
{
    (void)pid, (void)text, (void)size;
    return platform_unavailable();
}

pid_t platform_wait(pid_t pid, int *status, struct platform_child *child)
{
    pid_t ended;
    *child = (struct platform_child){0};
    do
        ended = waitpid(pid, status, WNOHANG);
    while (ended < 0 && errno == EINTR);
    return ended;
}

static int close_range_at_once(unsigned first, unsigned last)
{
    (void)first, (void)last;
    return platform_unavailable();
}

#endif

int platform_list_descriptors(struct platform_listing *listing, long pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    return platform_list(listing, path);
}

bool platform_signal_ends(int number)
{
    static const int everywhere[] = {SIGHUP,  SIGINT,  SIGQUIT,   SIGABRT, SIGUSR1, SIGUSR2,
                                     SIGALRM, SIGTERM, SIGVTALRM, SIGPROF, SIGXCPU};
    for (size_t i = 0; i < sizeof everywhere / sizeof everywhere[0]; i++)
        if (number == everywhere[i])
            return true;
    return ends_on_this_system(number);
}

struct platform_usage platform_usage(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage); /* cannot fail: the address and the name are valid */
    return (struct platform_usage){.cpu_ns =
                                       timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime),
                                   .waits = (uint64_t)usage.ru_nvcsw};
}

/* Closes the descriptors from `first` to `last`. Without close_range(2) it tries only the numbers
 * below OPEN_MAX and CLOSED_AT_MOST. There can be a descriptor above OPEN_MAX only if that limit
 * was lowered meanwhile. */
static void close_range_of(int first, int last)
{
    enum { CLOSED_AT_MOST = 65536 };
    if (first > last || close_range_at_once((unsigned)first, (unsigned)last) == 0)
        return;
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > CLOSED_AT_MOST)
        limit = CLOSED_AT_MOST;
    for (int fd = first; fd <= last && fd < limit; fd++)
        (void)close(fd);
}

static int compare_numbers(const void *a, const void *b)
{
    int left = *(const int *)a, right = *(const int *)b;
    return (left > right) - (left < right);
}

void platform_close_all_but(int *kept, size_t count)
{
    int first = 0;
    qsort(kept, count, sizeof *kept, compare_numbers);
    for (size_t i = 0; i < count; i++) {
        close_range_of(first, kept[i] - 1);
        first = kept[i] + 1;
    }
    close_range_of(first, INT_MAX);
}
