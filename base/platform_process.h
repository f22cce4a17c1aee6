/*
 * platform_process.h - facts about processes that systems report differently: this process, its
 * children and all others. The other half of base/platform.h.
 */
#ifndef BPIPE_PLATFORM_PROCESS_H
#define BPIPE_PLATFORM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The resources that this process, which has one thread, has used so far (getrusage(2)): processor
 * time in ns, exact to the microsecond, and how often it gave up the processor to wait for
 * something. (It did not wait when other processes took the processor away from it.)
 */
struct platform_usage {
    uint64_t cpu_ns;
    uint64_t waits;
};
struct platform_usage platform_usage(void);

/*
 * Lists the names in a directory, some twenty per system call: listing all of /proc takes
 * milliseconds, and readdir(3) asks for a thousand names at once.
 *
 * platform_list() opens the directory: 0, or -1 with errno; ENOSYS where not available.
 * platform_list_descriptors() does the same for the descriptors of a process, whose names are
 * numbers. platform_next_name() returns the next name, valid until the following call; NULL: there
 * are no more, or an error. platform_list_again() starts from the first name again.
 * platform_end_list() closes the directory.
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
 * All processes, on a system without /proc where only ps(1) lists them (POSIX). The caller frees
 * the list. NULL if it is unavailable, or not needed because there is a /proc.
 */
struct platform_process {
    pid_t pid, parent;
    bool dead; /* a zombie, if ps reports that */
};
struct platform_process *platform_processes(size_t *count);

/* The processor time that a process has used so far, in ns; 0 if unknown. */
uint64_t platform_process_time(pid_t pid);

/* Reads /proc/pid/stat (proc(5)) and appends a NUL. Returns the number of bytes, or -1 with errno;
 * ENOSYS where not available. */
ssize_t platform_process_stat(pid_t pid, char *text, size_t size);

/*
 * waitpid(2) with WNOHANG: `pid` if that child has ended, and is now reaped; 0 if not; -1 with
 * errno. *child holds the resources used by the child and the children that it has reaped itself
 * (wait4(2)), if the system reports them.
 */
struct platform_child {
    bool known;
    uint64_t cpu_ns;            /* user and system time */
    uint64_t peak_memory_bytes; /* of the largest of them; at least what bpipe used at the fork */
};
pid_t platform_wait(pid_t pid, int *status, struct platform_child *child);

/*
 * Whether a signal comes from outside, or from a timer or a limit, and its default action ends the
 * process (signal(7), POSIX <signal.h>): SIGINT, SIGALRM, the real-time signals. Not SIGKILL, which
 * no process can catch, and not the signals for a fault of this process (SIGSEGV) or for its failed
 * write (SIGPIPE, SIGXFSZ). platform_last_signal() is the highest signal number.
 */
bool platform_signal_ends(int number);
int platform_last_signal(void);

/* Closes every descriptor except the `count` in `kept`. Sorts `kept`. */
void platform_close_all_but(int *kept, size_t count);

/* The process that connected the other end of a unix socket, or began to listen on it
 * (SO_PEERCRED); 0 if unknown. */
pid_t platform_socket_process(int fd);

#endif
