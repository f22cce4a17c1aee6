/*
 * platform_process.h - what systems tell differently about processes: this one, its children and
 * all others. The other half of base/platform.h.
 */
#ifndef BPIPE_PLATFORM_PROCESS_H
#define BPIPE_PLATFORM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What this process, which has one thread, has used so far (getrusage(2)): processor time in ns, to
 * the microsecond, and how often it gave the processor up to wait for something. (When others took
 * the processor away from it, it did not wait.)
 */
struct platform_usage {
    uint64_t cpu_ns;
    uint64_t waits;
};
struct platform_usage platform_usage(void);

/*
 * The names in a directory, some twenty with each call: to list all of /proc takes milliseconds,
 * and readdir(3) asks for a thousand at once. Opens it: 0, or -1 with errno; ENOSYS where not
 * available. The next name, which is there until the one after it is asked for; NULL: all were
 * told, or an error. Begins again. Closes. platform_list_descriptors() lists those of a
 * process, whose names are numbers.
 */
enum { PLATFORM_LISTING = 512 };
struct platform_listing {
    int fd;
    size_t at, length;
    uint64_t entries[PLATFORM_LISTING / sizeof(uint64_t)];
};
int platform_list(struct platform_listing *listing, const char *directory);
int platform_list_descriptors(struct platform_listing *listing, long pid);
const char *platform_next_name(struct platform_listing *listing);
void platform_list_again(struct platform_listing *listing);
void platform_end_list(struct platform_listing *listing);

/*
 * All processes, where there is no /proc and only ps(1) tells (POSIX): a list to be freed. NULL: it
 * cannot be had, or is not needed since there is a /proc.
 */
struct platform_process {
    pid_t pid, parent;
    bool dead; /* a zombie, as far as ps says so */
};
struct platform_process *platform_processes(size_t *count);

/* The processor time that a process has used so far, in ns; 0: unknown. */
uint64_t platform_process_time(pid_t pid);

/* /proc/pid/stat (proc(5)), with a NUL behind it. How many bytes, or -1 with errno; ENOSYS where
 * not available. */
ssize_t platform_process_stat(pid_t pid, char *text, size_t size);

/*
 * waitpid(2) with WNOHANG: `pid` if that child has ended, and now is reaped; 0 if not; -1 with
 * errno. What it and its own reaped children have used (wait4(2)), where that can be told.
 */
struct platform_child {
    bool known;
    uint64_t cpu_ns;            /* user and system time */
    uint64_t peak_memory_bytes; /* of the largest of them; at least what we had at the fork */
};
pid_t platform_wait(pid_t pid, int *status, struct platform_child *child);

/*
 * Whether a signal comes from outside, or from a timer or a limit, and its default action is to end
 * the process (signal(7), POSIX <signal.h>): SIGINT, SIGALRM, the real-time signals. Not SIGKILL,
 * which nobody can catch, and none that says that this process made a fault (SIGSEGV) or a write
 * that failed (SIGPIPE, SIGXFSZ). platform_last_signal() is the greatest number of a signal.
 */
bool platform_signal_ends(int number);
int platform_last_signal(void);

/* Closes every descriptor but these. Sorts them. */
void platform_close_all_but(int *kept, size_t count);

/* The process at the other end of a unix socket, which connected it or began to listen
 * (SO_PEERCRED); 0: unknown. */
pid_t platform_socket_process(int fd);

#endif
