/*
 * nonblock.c - see nonblock.h for the order of the ways and the reasons.
 *
 * This module never waits. Its callers use poll().
 */
#include "base/nonblock.h"

#include "base/platform.h"
#include "base/same_inode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether reads and writes never wait, as for /dev/null, zero, full and random (mem(4)). The flag
 * of these devices is left alone, although they could be polled. */
static bool never_waits(int fd, const struct stat *status)
{
    if (S_ISREG(status->st_mode) || S_ISBLK(status->st_mode) || S_ISDIR(status->st_mode))
        return true;
    struct stat null;
    return S_ISCHR(status->st_mode) && !isatty(fd) && stat("/dev/null", &null) == 0 &&
           (status->st_rdev >> 8) == (null.st_rdev >> 8);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return same_inode(a, b) && a->st_rdev == b->st_rdev;
}

/* Whether poll() reports one of these events now: 1 or 0, or -1 with errno. */
static int polls_as(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int result;
    do
        result = poll(&poll_fd, 1, 0);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -1 : (poll_fd.revents & events) != 0;
}

/*
 * Way 2. For a FIFO read through the new description, poll() reports the end only if a writer came
 * after it was opened (fifo(7); Linux compares a count of writers taken at open). The old
 * description knows whether the writers had already gone. It is asked after the new description is
 * open, so its answer cannot be out of date in the harmful direction.
 */
static bool reopen_privately(struct nonblock *nonblock, int fd, const struct stat *status)
{
    bool reopenable = S_ISFIFO(status->st_mode) ||
                      (S_ISCHR(status->st_mode) && isatty(fd) && !platform_is_pty_master(fd));
    int flags = fcntl(fd, F_GETFL);
    if (!reopenable || flags < 0)
        return false;
    int access_mode = flags & O_ACCMODE;
    int own = platform_reopen(fd, access_mode | O_NONBLOCK | O_NOCTTY);
    if (own < 0) {
        /* The kernel returns ENXIO only for a FIFO without readers. */
        if (errno == ENXIO && S_ISFIFO(status->st_mode) && access_mode == O_WRONLY) {
            nonblock->readers_gone = true;
            return true;
        }
        return false;
    }
    struct stat own_status;
    bool fifo_input = S_ISFIFO(status->st_mode) && access_mode == O_RDONLY;
    int hung_up = fifo_input ? polls_as(fd, POLLHUP) : 0;
    if (hung_up < 0 || fstat(own, &own_status) != 0 || !same_file(status, &own_status)) {
        close(own);
        return false;
    }
    nonblock->writers_gone = hung_up == 1;
    int moved = dup2(own, fd);
    close(own);
    return moved == fd;
}

/* Way 5, or its replacement for stderr. */
static void last_resort(struct nonblock *nonblock, int fd)
{
    nonblock->method = nonblock->may_share ? NONBLOCK_SHARED : NONBLOCK_POLLED;
    nonblock_reapply(nonblock, fd);
}

int nonblock_adopt(struct nonblock *nonblock, int fd, bool may_share)
{
    *nonblock = (struct nonblock){.method = NONBLOCK_NONE, .may_share = may_share};
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -1;
    if (never_waits(fd, &status))
        return 0;
    nonblock->is_socket = S_ISSOCK(status.st_mode);
    if (reopen_privately(nonblock, fd, &status))
        nonblock->method = NONBLOCK_PRIVATE;
    else if (S_ISFIFO(status.st_mode))
        nonblock->method = NONBLOCK_NOWAIT;
    else if (S_ISSOCK(status.st_mode))
        nonblock->method = NONBLOCK_MESSAGE;
    else
        last_resort(nonblock, fd);
    return 0;
}

void nonblock_own(struct nonblock *nonblock, int fd)
{
    struct stat status;
    bool waits = fstat(fd, &status) == 0 && !never_waits(fd, &status);
    *nonblock = (struct nonblock){.method = waits ? NONBLOCK_PRIVATE : NONBLOCK_NONE};
}

/* A polled descriptor gets few bytes at a time: POLLOUT promises PIPE_BUF bytes for a pipe, and
 * only some room for others. */
static struct iovec polled_piece(int fd, const struct iovec *iov)
{
    struct stat status;
    bool is_pipe = fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
    size_t limit = is_pipe ? PIPE_BUF : _POSIX_PIPE_BUF;
    struct iovec piece = *iov;
    if (piece.iov_len > limit)
        piece.iov_len = limit;
    return piece;
}

static ssize_t read_once(const struct nonblock *nonblock, int fd, struct iovec *iov, int count)
{
    switch (nonblock->method) {
    case NONBLOCK_NOWAIT:
        return platform_readv_nowait(fd, iov, count);
    case NONBLOCK_MESSAGE:
        return platform_recv_nowait(fd, iov, count);
    case NONBLOCK_SHARED:
        if (nonblock->is_socket)
            return platform_recv(fd, iov, count);
        break;
    case NONBLOCK_NONE:
    case NONBLOCK_PRIVATE:
    case NONBLOCK_POLLED:
        break;
    }
    return count == 1 ? read(fd, iov->iov_base, iov->iov_len) : readv(fd, iov, count);
}

static ssize_t write_once(const struct nonblock *nonblock, int fd, struct iovec *iov, int count)
{
    struct iovec piece;
    switch (nonblock->method) {
    case NONBLOCK_NOWAIT:
        return platform_writev_nowait(fd, iov, count);
    case NONBLOCK_MESSAGE:
        return platform_send_nowait(fd, iov, count);
    case NONBLOCK_POLLED:
        if (polls_as(fd, POLLOUT | POLLERR | POLLHUP | POLLNVAL) != 1) {
            errno = EAGAIN;
            return -1;
        }
        piece = polled_piece(fd, iov);
        return write(fd, piece.iov_base, piece.iov_len);
    case NONBLOCK_NONE:
    case NONBLOCK_PRIVATE:
    case NONBLOCK_SHARED:
        break;
    }
    return count == 1 ? write(fd, iov->iov_base, iov->iov_len) : writev(fd, iov, count);
}

/*
 * Whether to make a failed call again: it was interrupted, or the system does not support way 3 or
 * 4 for this file (RWF_NOWAIT: not for named FIFOs, for pipes only since Linux 6.5).
 */
static bool make_again(struct nonblock *nonblock, int fd)
{
    if (errno == EINTR)
        return true;
    bool per_call = nonblock->method == NONBLOCK_NOWAIT || nonblock->method == NONBLOCK_MESSAGE;
    bool unknown = errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
    if (!per_call || !unknown)
        return false;
    last_resort(nonblock, fd);
    return true;
}

/* A call that the system does not have is not counted. */
static uint64_t calls_made(ssize_t result)
{
    return result < 0 && errno == ENOSYS ? 0 : 1;
}

ssize_t nonblock_readv(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                       uint64_t *calls)
{
    ssize_t result;
    do {
        result = read_once(nonblock, fd, iov, count);
        *calls += calls_made(result);
    } while (result < 0 && make_again(nonblock, fd));
    return result;
}

ssize_t nonblock_readv_cached(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                              uint64_t *calls)
{
    ssize_t result = -1;
    errno = EINTR;
    while (!nonblock->disk_untold && result < 0 && errno == EINTR) {
        result = platform_readv_nowait(fd, iov, count);
        *calls += calls_made(result);
    }
    if (result >= 0 || errno == EAGAIN)
        return result;
    nonblock->disk_untold = true; /* a real fault shows up again in the next call */
    return nonblock_readv(nonblock, fd, iov, count, calls);
}

ssize_t nonblock_writev(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                        uint64_t *calls)
{
    if (nonblock->readers_gone) {
        errno = EPIPE;
        return -1;
    }
    ssize_t result;
    do {
        result = write_once(nonblock, fd, iov, count);
        *calls += calls_made(result);
    } while (result < 0 && make_again(nonblock, fd));
    return result;
}

void nonblock_restore(struct nonblock *nonblock, int fd)
{
    int flags = nonblock->set_by_this ? fcntl(fd, F_GETFL) : -1;
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    nonblock->set_by_this = false;
}

void nonblock_reapply(struct nonblock *nonblock, int fd)
{
    int flags = nonblock->method == NONBLOCK_SHARED ? fcntl(fd, F_GETFL) : -1;
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        nonblock->set_by_this = fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}
