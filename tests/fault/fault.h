/*
 * fault.h - the interface between the parts of the fault shim.
 *
 * shim.c   defines the functions that take the place of libc's; says how to use the shim
 * plan.c   turns the variables into struct fault_plan
 * dice.c   decides what happens to a call: a rule of the script, or the dice; writes the log
 */
#ifndef BPIPE_FAULT_H
#define BPIPE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum group {
    GROUP_READ,
    GROUP_WRITE,
    GROUP_POLL,
    GROUP_OPEN,
    GROUP_CLOSE,
    GROUP_FSYNC,
    GROUP_FCNTL,
    GROUP_LINK,
    GROUP_RENAME,
    GROUP_FTRUNCATE,
    GROUP_SPLICE,
    GROUP_FALLOCATE,
    GROUP_SOCKET,
    GROUP_CONNECT,
    GROUP_ACCEPT,
    GROUP_SHUTDOWN,
    GROUP_GETSOCKOPT,
    GROUP_MALLOC
};

enum kind {
    KIND_SHORT = 1,
    KIND_EINTR = 2,
    KIND_EAGAIN = 4,
    KIND_DELAY = 8,
    KIND_WAKEUP = 16,
    KIND_NOSYS = 32,
    KIND_PIPE = 64,
    KIND_ALL = 127
};

enum {
    MOVES = KIND_SHORT | KIND_EINTR | KIND_EAGAIN | KIND_DELAY,
    INTERRUPTIBLE = KIND_EINTR | KIND_DELAY
};

/* function, group, the kinds of random fault that it can get */
#define CALLS(X)                                              \
    X(read, GROUP_READ, MOVES)                                \
    X(readv, GROUP_READ, MOVES)                               \
    X(pread, GROUP_READ, MOVES)                               \
    X(preadv2, GROUP_READ, MOVES | KIND_NOSYS)                \
    X(recv, GROUP_READ, MOVES)                                \
    X(recvmsg, GROUP_READ, MOVES)                             \
    X(write, GROUP_WRITE, MOVES)                              \
    X(writev, GROUP_WRITE, MOVES)                             \
    X(pwrite, GROUP_WRITE, MOVES)                             \
    X(pwritev2, GROUP_WRITE, MOVES | KIND_NOSYS)              \
    X(send, GROUP_WRITE, MOVES)                               \
    X(sendmsg, GROUP_WRITE, MOVES)                            \
    X(poll, GROUP_POLL, INTERRUPTIBLE | KIND_WAKEUP)          \
    X(ppoll, GROUP_POLL, INTERRUPTIBLE | KIND_WAKEUP)         \
    X(open, GROUP_OPEN, INTERRUPTIBLE)                        \
    X(openat, GROUP_OPEN, INTERRUPTIBLE)                      \
    X(close, GROUP_CLOSE, KIND_DELAY)                         \
    X(fsync, GROUP_FSYNC, INTERRUPTIBLE)                      \
    X(fdatasync, GROUP_FSYNC, INTERRUPTIBLE)                  \
    X(fcntl, GROUP_FCNTL, KIND_PIPE)                          \
    X(link, GROUP_LINK, KIND_DELAY)                           \
    X(linkat, GROUP_LINK, KIND_DELAY)                         \
    X(rename, GROUP_RENAME, KIND_DELAY)                       \
    X(renameat, GROUP_RENAME, KIND_DELAY)                     \
    X(ftruncate, GROUP_FTRUNCATE, INTERRUPTIBLE)              \
    X(splice, GROUP_SPLICE, MOVES | KIND_NOSYS)               \
    X(tee, GROUP_SPLICE, MOVES | KIND_NOSYS)                  \
    X(copy_file_range, GROUP_SPLICE, MOVES | KIND_NOSYS)      \
    X(fallocate, GROUP_FALLOCATE, INTERRUPTIBLE | KIND_NOSYS) \
    X(sendfile, GROUP_SPLICE, MOVES | KIND_NOSYS)             \
    X(socket, GROUP_SOCKET, KIND_DELAY)                       \
    X(connect, GROUP_CONNECT, INTERRUPTIBLE)                  \
    X(accept, GROUP_ACCEPT, INTERRUPTIBLE | KIND_EAGAIN)      \
    X(shutdown, GROUP_SHUTDOWN, KIND_DELAY)                   \
    X(getsockopt, GROUP_GETSOCKOPT, KIND_DELAY)               \
    X(malloc, GROUP_MALLOC, 0)                                \
    X(calloc, GROUP_MALLOC, 0)                                \
    X(realloc, GROUP_MALLOC, 0)                               \
    X(posix_memalign, GROUP_MALLOC, 0)                        \
    X(aligned_alloc, GROUP_MALLOC, 0)                         \
    X(getaddrinfo, GROUP_MALLOC, 0)

#define CALL_ENUM(name, group, kinds) CALL_##name,
enum call { CALLS(CALL_ENUM) CALL_COUNT };

struct fault_call {
    const char *name;
    enum group group;
    int kinds;
};
extern const struct fault_call fault_calls[CALL_COUNT];

enum when { WHEN_ALWAYS, WHEN_NTH, WHEN_FROM_NTH, WHEN_AFTER_BYTES };
enum what { WHAT_ERROR, WHAT_ZERO, WHAT_SHORT, WHAT_DELAY, WHAT_RAISE };

struct rule {
    bool whole_group;
    int call; /* an enum call, or an enum group */
    int fd;   /* or -1: then `pattern` applies */
    const char *pattern;
    enum when when;
    unsigned long long threshold;
    enum what what;
    int error;
    unsigned long long argument;
    atomic_ullong matches, moved;
};

enum { MAX_RULES = 32, SLOTS = 256, MAX_STUCK = 3, PATH_TEXT = 512 };

/* What the variables ask for. Read-only after fault_read_plan(), except for the rules' counters. */
struct fault_plan {
    bool active;
    uint64_t seed;
    unsigned rate_percent;
    int kinds;
    bool some_fds;
    bool fds[SLOTS];
    unsigned delay_us;
    const char *log;
    struct rule rules[MAX_RULES];
    int rule_count;
};
extern struct fault_plan fault_plan;

/* Reads the variables. If one makes no sense, ends the process with 126. */
void fault_read_plan(void);

const char *fault_error_name(int error);

/* One call; fault_decide() fills in the last three. */
struct attempt {
    enum call call;
    int fd;           /* or -1 */
    const char *path; /* or NULL */
    size_t asked;     /* bytes; 0 if the call has none */
    bool nowait;      /* a flag of the call says so */
    unsigned number;  /* of this function on this descriptor, from 1 */
    uint32_t matched; /* the rules that count its bytes */
    int error;        /* to fail with, or 0 */
    bool zero;        /* return 0 */
    size_t limit;     /* otherwise: at most this many bytes */
};

/* Fills in the verdict. Leaves errno alone. */
void fault_decide(struct attempt *attempt);

/* For calls that move bytes: counts the bytes for the rules with a threshold. Returns `bytes`. */
ssize_t fault_moved(const struct attempt *attempt, ssize_t bytes);

#endif
