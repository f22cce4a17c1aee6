/*
 * shim.c - makes system calls fail, do less than asked, or take their time, as tests ask for.
 *
 *     LD_PRELOAD=build/fault.so FAULT_RATE=20 FAULT_SEED=7 bpipe ...
 *
 * The shim touches only a process whose name (argv[0] without directories) is FAULT_ONLY. A
 * variable that makes no sense ends the process with status 126 and a message: no test may pass
 * because there were no faults.
 *
 * Which          FAULT_ONLY=bpipe
 * Random faults  FAULT_RATE=0        percent of the calls that get one
 *                FAULT_SEED=1        the same seed gives the same faults: whether call n of a
 *                                    function on a descriptor gets one, and which, depends on
 *                                    nothing else
 *                FAULT_KINDS=short,eintr,eagain,delay,wakeup,nosys,pipe
 *                FAULT_FDS=          only on these descriptors ("0,1"), and calls that have none
 *                FAULT_DELAY_US=500  the longest delay, in microseconds
 * Directed ones  FAULT_SCRIPT=       see below
 * Evidence       FAULT_LOG=          a file; a line is appended for each fault:
 *                                    call=write fd=1 n=17 fault=short asked=4096 bytes=12
 *                                    call=open fd=-1 n=2 fault=EACCES path=/proc/self/fd/0
 *
 * Kinds
 *   short   of n > 1 bytes asked for, 1 to n - 1 are done (whole blocks with O_DIRECT); only
 *           streams
 *   eintr   EINTR: read, write, poll, open, fsync, ftruncate, splice, fallocate, their relatives;
 *           connect, accept. Not close: Linux has closed the descriptor then, and it is
 *           unknown whether the data is safe.
 *   eagain  EAGAIN, where a real call could return it: O_NONBLOCK on a pipe, socket or terminal,
 *           RWF_NOWAIT, MSG_DONTWAIT, SPLICE_F_NONBLOCK
 *   delay   the call starts late
 *   wakeup  poll() returns 0, early
 *   nosys   preadv2, pwritev2, splice, tee, copy_file_range, sendfile, fallocate: each is missing
 *           (ENOSYS, EOPNOTSUPP or EINVAL) from the first call to the last, in half of the seeds,
 *           independent of the rate
 *   pipe    F_SETPIPE_SZ is refused (EPERM, EBUSY)
 * After three faults without progress on the same descriptor and function, a call goes through. So
 * everything ends, even at 100 percent.
 *
 * Scripts are rules separated by ";", each CALL:ON:WHEN:WHAT, e.g.
 *
 *     write:1:3:ENOSPC             the third write to descriptor 1
 *     read:0:@1000:EIO             reads of 0, once they have got 1000 bytes
 *     close:1:1:EIO                closed, but close() returns EIO
 *     open:/proc/self/fd/0:*:EACCES
 *     read:*.tar:*:delay=20        each read of such a file takes 20 ms longer
 *     poll:*:5:raise=15            SIGTERM arrives as the fifth poll() begins
 *
 *   CALL  a function as the log names it, or a group: read (readv, preadv2, pread, recv, recvmsg),
 *         write (writev, pwritev2, pwrite, send, sendmsg), poll (ppoll), open (openat), close,
 *         fsync (fdatasync), fcntl (F_SETPIPE_SZ), link (linkat), rename (renameat), ftruncate,
 *         splice (tee, copy_file_range, sendfile; ON is the input), fallocate, socket, connect,
 *         accept, shutdown, getsockopt, malloc (calloc, realloc, posix_memalign, aligned_alloc,
 *         getaddrinfo)
 *   ON    a descriptor; or a pattern (fnmatch(3), "*" matches "/") for the path in the call, or for
 *         the path of the descriptor in /proc/self/fd; no ":" or ";" in it
 *   WHEN  N: the Nth call that matches; N+: from the Nth on; *: all; @BYTES: all calls after the
 *         matching calls have moved that many bytes; a call that would go beyond that is short
 *   WHAT  an errno name; zero (returns 0: end of file, or a poll that timed out); short=BYTES (at
 *         most); delay=MS; raise=SIGNAL (a number). The last three do the call. The first rule that
 *         fires decides, but delays and signals add up.
 *
 * Allocations get no random faults, only directed ones: "malloc:*:7:ENOMEM". All allocations after
 * the start of the program count, including those that libc makes itself (strdup(), fopen()).
 * getaddrinfo() counts as one and fails with EAI_MEMORY, because glibc crashes if an allocation
 * within it fails (glibc 2.36, nss_database.c). A program that has its own allocator (ASan) is not
 * touched.
 *
 * One call is exempt from everything, and from the counts: write() to a pipe that the process made
 * itself with pipe(). bpipe's signal handler writes to its self-pipe that way, and a fault there
 * would be a lost signal, which does not exist. Apart from that, signal handlers may call the shim:
 * it takes no locks, allocates nothing, and keeps no descriptor open.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS /* open() and open64() are both defined here */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Other names of the same functions, for 64-bit offsets; and functions that are only watched. */
#define OTHER_CALLS(X) \
    X(pread64)         \
    X(preadv64v2)      \
    X(pwrite64)        \
    X(pwritev64v2)     \
    X(open64)          \
    X(openat64)        \
    X(ftruncate64)     \
    X(fallocate64)     \
    X(fcntl64)         \
    X(sendfile64)      \
    X(pipe2)           \
    X(free)

/* libc's own functions, or ASan's. */
static struct {
#define NEXT_FIELD(name, group, kinds) __typeof__(name) *name;
#define OTHER_FIELD(name)              __typeof__(name) *name;
    CALLS(NEXT_FIELD)
    OTHER_CALLS(OTHER_FIELD)
} next;

static void find_next(void *function, const char *name)
{
    void *address = dlsym(RTLD_NEXT, name);

    memcpy(function, &address, sizeof address); /* ISO C has no conversion */
}

static atomic_bool resolved, resolving;

static void resolve(void)
{
    if (atomic_load_explicit(&resolved, memory_order_relaxed))
        return;
    atomic_store_explicit(&resolving, true, memory_order_relaxed);
#define NEXT_FIND(name, group, kinds) find_next(&next.name, #name);
#define OTHER_FIND(name)              find_next(&next.name, #name);
    CALLS(NEXT_FIND)
    OTHER_CALLS(OTHER_FIND)
    atomic_store_explicit(&resolved, true, memory_order_relaxed);
}

__attribute__((constructor)) static void start(void)
{
    const char *only = getenv("FAULT_ONLY");

    resolve();
    if (strcmp(program_invocation_short_name, only != NULL ? only : "bpipe") == 0)
        fault_read_plan();
}

/* The result of a call without bytes. `result` makes the call; it is evaluated only if the call
 * shall be made. */
#define ANSWER(attempt, result) \
    ((attempt).error != 0 ? (errno = (attempt).error, -1) : (attempt).zero ? 0 : (result))

/* --- the functions: bytes ------------------------------------------------------------------ */

enum { MOST_PIECES = 16 };

static size_t total_bytes(const struct iovec *iov, size_t count)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += iov[i].iov_len;
    return total;
}

/* Puts the first `limit` bytes of iov into `shorter`. Returns the number of pieces. */
static size_t shorten(struct iovec shorter[MOST_PIECES], const struct iovec *iov, size_t count,
                      size_t limit)
{
    size_t i;

    for (i = 0; i < count && i < MOST_PIECES && (limit > 0 || i == 0); i++) {
        shorter[i] = iov[i];
        if (shorter[i].iov_len > limit)
            shorter[i].iov_len = limit;
        limit -= shorter[i].iov_len;
    }
    return i;
}

/* Defines the function `name` with `parameters`: the attempt, then `doing`, in which `bytes` is the
 * count to pass. */
#define BYTES_CALL(name, id, parameters, fd_, asked_, nowait_, doing)                \
    ssize_t name parameters                                                          \
    {                                                                                \
        struct attempt attempt = {                                                   \
            .call = CALL_##id, .fd = (fd_), .asked = (asked_), .nowait = (nowait_)}; \
        size_t bytes;                                                                \
                                                                                     \
        resolve();                                                                   \
        fault_decide(&attempt);                                                      \
        bytes = attempt.limit;                                                       \
        return ANSWER(attempt, fault_moved(&attempt, (doing)));                      \
    }

/* The same for a struct iovec: `doing` uses `pieces` and `pieces_count`. */
#define PIECES_CALL(name, id, parameters, fd_, iov, count, nowait_, doing)               \
    ssize_t name parameters                                                              \
    {                                                                                    \
        struct attempt attempt = {.call = CALL_##id,                                     \
                                  .fd = (fd_),                                           \
                                  .asked = total_bytes((iov), (size_t)(count)),          \
                                  .nowait = (nowait_)};                                  \
        struct iovec shorter[MOST_PIECES];                                               \
        const struct iovec *pieces = (iov);                                              \
        int pieces_count = (int)(count);                                                 \
                                                                                         \
        resolve();                                                                       \
        fault_decide(&attempt);                                                          \
        if (attempt.limit < attempt.asked) {                                             \
            pieces_count = (int)shorten(shorter, (iov), (size_t)(count), attempt.limit); \
            pieces = shorter;                                                            \
        }                                                                                \
        return ANSWER(attempt, fault_moved(&attempt, (doing)));                          \
    }

BYTES_CALL(read, read, (int fd, void *buf, size_t count), fd, count, false,
           next.read(fd, buf, bytes))
BYTES_CALL(pread, pread, (int fd, void *buf, size_t count, off_t at), fd, count, false,
           next.pread(fd, buf, bytes, at))
BYTES_CALL(pread64, pread, (int fd, void *buf, size_t count, off64_t at), fd, count, false,
           next.pread64(fd, buf, bytes, at))
BYTES_CALL(pwrite, pwrite, (int fd, const void *buf, size_t count, off_t at), fd, count, false,
           next.pwrite(fd, buf, bytes, at))
BYTES_CALL(pwrite64, pwrite, (int fd, const void *buf, size_t count, off64_t at), fd, count, false,
           next.pwrite64(fd, buf, bytes, at))
BYTES_CALL(recv, recv, (int fd, void *buf, size_t count, int flags), fd, count,
           (flags & MSG_DONTWAIT) != 0, next.recv(fd, buf, bytes, flags))
BYTES_CALL(send, send, (int fd, const void *buf, size_t count, int flags), fd, count,
           (flags & MSG_DONTWAIT) != 0, next.send(fd, buf, bytes, flags))
BYTES_CALL(splice, splice,
           (int in, off64_t *in_at, int out, off64_t *out_at, size_t count, unsigned flags), in,
           count, (flags & SPLICE_F_NONBLOCK) != 0,
           next.splice(in, in_at, out, out_at, bytes, flags))
BYTES_CALL(tee, tee, (int in, int out, size_t count, unsigned flags), in, count,
           (flags & SPLICE_F_NONBLOCK) != 0, next.tee(in, out, bytes, flags))
BYTES_CALL(copy_file_range, copy_file_range,
           (int in, off64_t *in_at, int out, off64_t *out_at, size_t count, unsigned flags), in,
           count, false, next.copy_file_range(in, in_at, out, out_at, bytes, flags))

BYTES_CALL(sendfile, sendfile, (int out, int in, off_t *at, size_t count), in, count, false,
           next.sendfile(out, in, at, bytes))
BYTES_CALL(sendfile64, sendfile, (int out, int in, off64_t *at, size_t count), in, count, false,
           next.sendfile64(out, in, at, bytes))

PIECES_CALL(readv, readv, (int fd, const struct iovec *iov, int count), fd, iov, count, false,
            next.readv(fd, pieces, pieces_count))
PIECES_CALL(writev, writev, (int fd, const struct iovec *iov, int count), fd, iov, count, false,
            next.writev(fd, pieces, pieces_count))
PIECES_CALL(preadv2, preadv2, (int fd, const struct iovec *iov, int count, off_t at, int flags), fd,
            iov, count, (flags & RWF_NOWAIT) != 0,
            next.preadv2(fd, pieces, pieces_count, at, flags))
PIECES_CALL(pwritev2, pwritev2, (int fd, const struct iovec *iov, int count, off_t at, int flags),
            fd, iov, count, (flags & RWF_NOWAIT) != 0,
            next.pwritev2(fd, pieces, pieces_count, at, flags))
PIECES_CALL(preadv64v2, preadv2,
            (int fd, const struct iovec *iov, int count, off64_t at, int flags), fd, iov, count,
            (flags & RWF_NOWAIT) != 0, next.preadv64v2(fd, pieces, pieces_count, at, flags))
PIECES_CALL(pwritev64v2, pwritev2,
            (int fd, const struct iovec *iov, int count, off64_t at, int flags), fd, iov, count,
            (flags & RWF_NOWAIT) != 0, next.pwritev64v2(fd, pieces, pieces_count, at, flags))

/* The descriptors of pipes that the process made itself. */
static atomic_bool own_pipes[SLOTS];

static void set_own_pipe(int fd, bool own)
{
    if (fd >= 0 && fd < SLOTS)
        atomic_store_explicit(&own_pipes[fd], own, memory_order_relaxed);
}

static bool is_own_pipe(int fd)
{
    return fd >= 0 && fd < SLOTS && atomic_load_explicit(&own_pipes[fd], memory_order_relaxed);
}

int pipe2(int ends[2], int flags)
{
    int result;

    resolve();
    result = next.pipe2(ends, flags);
    if (result == 0) {
        set_own_pipe(ends[0], true);
        set_own_pipe(ends[1], true);
    }
    return result;
}

int pipe(int ends[2])
{
    return pipe2(ends, 0);
}

static ssize_t write_faulty(int fd, const void *buf, size_t count)
{
    struct attempt attempt = {.call = CALL_write, .fd = fd, .asked = count};

    fault_decide(&attempt);
    return ANSWER(attempt, fault_moved(&attempt, next.write(fd, buf, attempt.limit)));
}

ssize_t write(int fd, const void *buf, size_t count)
{
    resolve();
    return is_own_pipe(fd) ? next.write(fd, buf, count) : write_faulty(fd, buf, count);
}

static struct msghdr shorten_message(const struct msghdr *message, struct iovec pieces[MOST_PIECES],
                                     const struct attempt *attempt)
{
    struct msghdr shorter = *message;

    if (attempt->limit < attempt->asked) {
        shorter.msg_iovlen = shorten(pieces, message->msg_iov, message->msg_iovlen, attempt->limit);
        shorter.msg_iov = pieces;
    }
    return shorter;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct attempt attempt = {.call = CALL_sendmsg,
                              .fd = fd,
                              .asked = total_bytes(message->msg_iov, message->msg_iovlen),
                              .nowait = (flags & MSG_DONTWAIT) != 0};
    struct iovec pieces[MOST_PIECES];
    struct msghdr shorter;

    resolve();
    fault_decide(&attempt);
    shorter = shorten_message(message, pieces, &attempt);
    return ANSWER(attempt, fault_moved(&attempt, next.sendmsg(fd, &shorter, flags)));
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct attempt attempt = {.call = CALL_recvmsg,
                              .fd = fd,
                              .asked = total_bytes(message->msg_iov, message->msg_iovlen),
                              .nowait = (flags & MSG_DONTWAIT) != 0};
    struct iovec pieces[MOST_PIECES];
    struct msghdr shorter;
    ssize_t result;

    resolve();
    fault_decide(&attempt);
    shorter = shorten_message(message, pieces, &attempt);
    result = ANSWER(attempt, fault_moved(&attempt, next.recvmsg(fd, &shorter, flags)));
    message->msg_namelen = shorter.msg_namelen;
    message->msg_controllen = shorter.msg_controllen;
    message->msg_flags = shorter.msg_flags;
    return result;
}

/* --- the functions: all others ------------------------------------------------------------- */

static void no_events(struct pollfd *fds, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    struct attempt attempt = {.call = CALL_poll, .fd = -1};

    resolve();
    fault_decide(&attempt);
    if (attempt.zero)
        no_events(fds, count);
    return ANSWER(attempt, next.poll(fds, count, timeout));
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    struct attempt attempt = {.call = CALL_ppoll, .fd = -1};

    resolve();
    fault_decide(&attempt);
    if (attempt.zero)
        no_events(fds, count);
    return ANSWER(attempt, next.ppoll(fds, count, timeout, mask));
}

/* The mode is passed only if a file can be made; reading it otherwise is harmless in every ABI. */
#define OPEN_MODE(mode, flags)            \
    do {                                  \
        va_list arguments;                \
                                          \
        va_start(arguments, flags);       \
        mode = va_arg(arguments, mode_t); \
        va_end(arguments);                \
    } while (0)

#define OPEN_CALL(name, id, parameters, flags, path_, doing)                     \
    int name parameters                                                          \
    {                                                                            \
        struct attempt attempt = {.call = CALL_##id, .fd = -1, .path = (path_)}; \
        mode_t mode;                                                             \
                                                                                 \
        OPEN_MODE(mode, flags);                                                  \
        resolve();                                                               \
        fault_decide(&attempt);                                                  \
        return ANSWER(attempt, doing);                                           \
    }

OPEN_CALL(open, open, (const char *path, int flags, ...), flags, path, next.open(path, flags, mode))
OPEN_CALL(open64, open, (const char *path, int flags, ...), flags, path,
          next.open64(path, flags, mode))
OPEN_CALL(openat, openat, (int at, const char *path, int flags, ...), flags, path,
          next.openat(at, path, flags, mode))
OPEN_CALL(openat64, openat, (int at, const char *path, int flags, ...), flags, path,
          next.openat64(at, path, flags, mode))

/* As on Linux, the descriptor is closed even if close() fails. */
int close(int fd)
{
    struct attempt attempt = {.call = CALL_close, .fd = fd};
    int result;

    resolve();
    fault_decide(&attempt);
    set_own_pipe(fd, false);
    result = next.close(fd);
    return result < 0 ? result : ANSWER(attempt, result);
}

#define PLAIN_CALL(name, id, parameters, fd_, path_, doing)                         \
    int name parameters                                                             \
    {                                                                               \
        struct attempt attempt = {.call = CALL_##id, .fd = (fd_), .path = (path_)}; \
                                                                                    \
        resolve();                                                                  \
        fault_decide(&attempt);                                                     \
        return ANSWER(attempt, doing);                                              \
    }

PLAIN_CALL(fsync, fsync, (int fd), fd, NULL, next.fsync(fd))
PLAIN_CALL(fdatasync, fdatasync, (int fd), fd, NULL, next.fdatasync(fd))
PLAIN_CALL(ftruncate, ftruncate, (int fd, off_t size), fd, NULL, next.ftruncate(fd, size))
PLAIN_CALL(ftruncate64, ftruncate, (int fd, off64_t size), fd, NULL, next.ftruncate64(fd, size))
PLAIN_CALL(fallocate, fallocate, (int fd, int mode, off_t at, off_t size), fd, NULL,
           next.fallocate(fd, mode, at, size))
PLAIN_CALL(fallocate64, fallocate, (int fd, int mode, off64_t at, off64_t size), fd, NULL,
           next.fallocate64(fd, mode, at, size))
PLAIN_CALL(link, link, (const char *from, const char *to), -1, to, next.link(from, to))
PLAIN_CALL(linkat, linkat, (int from_at, const char *from, int to_at, const char *to, int flags),
           -1, to, next.linkat(from_at, from, to_at, to, flags))
PLAIN_CALL(rename, rename, (const char *from, const char *to), -1, to, next.rename(from, to))
PLAIN_CALL(renameat, renameat, (int from_at, const char *from, int to_at, const char *to), -1, to,
           next.renameat(from_at, from, to_at, to))

PLAIN_CALL(socket, socket, (int family, int type, int protocol), -1, NULL,
           next.socket(family, type, protocol))
PLAIN_CALL(connect, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), fd, NULL,
           next.connect(fd, address, size))
PLAIN_CALL(accept, accept, (int fd, __SOCKADDR_ARG address, socklen_t *size), fd, NULL,
           next.accept(fd, address, size))
PLAIN_CALL(shutdown, shutdown, (int fd, int how), fd, NULL, next.shutdown(fd, how))
PLAIN_CALL(getsockopt, getsockopt, (int fd, int level, int name, void *value, socklen_t *size), fd,
           NULL, next.getsockopt(fd, level, name, value, size))

/* A pointer can hold any type of the third argument. */
#define FCNTL_CALL(name)                                          \
    int name(int fd, int command, ...)                            \
    {                                                             \
        struct attempt attempt = {.call = CALL_fcntl, .fd = fd};  \
        va_list arguments;                                        \
        void *argument;                                           \
                                                                  \
        va_start(arguments, command);                             \
        argument = va_arg(arguments, void *);                     \
        va_end(arguments);                                        \
        resolve();                                                \
        if (command == F_SETPIPE_SZ)                              \
            fault_decide(&attempt);                               \
        return ANSWER(attempt, next.name(fd, command, argument)); \
    }

FCNTL_CALL(fcntl)
FCNTL_CALL(fcntl64)

/* --- the functions: memory ----------------------------------------------------------------- */

/* Memory that dlsym(3) may need while libc's functions are looked up; never given back. */
static _Alignas(16) unsigned char early[4096];
static size_t early_used;

static bool is_too_early(void)
{
    return !atomic_load_explicit(&resolved, memory_order_relaxed) &&
           atomic_load_explicit(&resolving, memory_order_relaxed);
}

static void *allocate_early(size_t size)
{
    void *memory = early + early_used;

    size = (size + 15) / 16 * 16;
    if (size > sizeof early - early_used)
        abort();
    early_used += size;
    return memory;
}

/* Set while a function of libc runs that counts as one call. */
static _Thread_local bool exempt;

/* Whether the call must fail; then errno is set. */
static bool is_refused(enum call call)
{
    struct attempt attempt = {.call = call, .fd = -1};

    resolve();
    if (exempt)
        return false;
    fault_decide(&attempt);
    if (attempt.error != 0)
        errno = attempt.error;
    return attempt.error != 0;
}

void *malloc(size_t size)
{
    if (is_too_early())
        return allocate_early(size);
    return is_refused(CALL_malloc) ? NULL : next.malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (is_too_early())
        return allocate_early(count * size);
    return is_refused(CALL_calloc) ? NULL : next.calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return is_refused(CALL_realloc) ? NULL : next.realloc(old, size);
}

void free(void *memory)
{
    unsigned char *byte = memory;

    if (byte >= early && byte < early + sizeof early)
        return;
    resolve();
    next.free(memory);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    int saved = errno, error;

    if (is_refused(CALL_posix_memalign)) {
        error = errno;
        errno = saved; /* posix_memalign(3) need not set it */
        return error;
    }
    return next.posix_memalign(memory, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return is_refused(CALL_aligned_alloc) ? NULL : next.aligned_alloc(alignment, size);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    int result;

    if (is_refused(CALL_getaddrinfo))
        return EAI_MEMORY;
    exempt = true;
    result = next.getaddrinfo(host, service, hints, list);
    exempt = false;
    return result;
}

/* --- the names that _FORTIFY_SOURCE uses --------------------------------------------------- */

ssize_t __read_chk(int fd, void *buf, size_t count, size_t size);
ssize_t __pread_chk(int fd, void *buf, size_t count, off_t at, size_t size);
ssize_t __pread64_chk(int fd, void *buf, size_t count, off64_t at, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t count, size_t size, int flags);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

ssize_t __read_chk(int fd, void *buf, size_t count, size_t size)
{
    return count > size ? (abort(), -1) : read(fd, buf, count);
}

ssize_t __pread_chk(int fd, void *buf, size_t count, off_t at, size_t size)
{
    return count > size ? (abort(), -1) : pread(fd, buf, count, at);
}

ssize_t __pread64_chk(int fd, void *buf, size_t count, off64_t at, size_t size)
{
    return count > size ? (abort(), -1) : pread64(fd, buf, count, at);
}

ssize_t __recv_chk(int fd, void *buf, size_t count, size_t size, int flags)
{
    return count > size ? (abort(), -1) : recv(fd, buf, count, flags);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    return count > size / sizeof *fds ? (abort(), -1) : poll(fds, count, timeout);
}

int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                const sigset_t *mask, size_t size)
{
    return count > size / sizeof *fds ? (abort(), -1) : ppoll(fds, count, timeout, mask);
}

int __open_2(const char *path, int flags)
{
    return open(path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open64(path, flags, 0);
}
