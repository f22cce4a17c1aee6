/*
 * platform.c - see platform.h.
 *
 * One #ifdef selects between two blocks with the same functions: Linux, and plain POSIX. Functions
 * that are the same everywhere are outside of them.
 */
#ifdef BPIPE_LINUX
#define _GNU_SOURCE
#endif

#include "base/platform.h"

#include "base/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int platform_unavailable(void)
{
    errno = ENOSYS;
    return -1;
}

static ssize_t receive_whole(int fd, struct iovec *iov, int count, int flags)
{
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    ssize_t bytes = recvmsg(fd, &message, flags);
    if (bytes < 0 || (message.msg_flags & MSG_TRUNC) == 0)
        return bytes;
    errno = EMSGSIZE;
    return -1;
}

ssize_t platform_recv(int fd, struct iovec *iov, int count)
{
    return receive_whole(fd, iov, count, 0);
}

#ifdef BPIPE_LINUX

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#ifdef __GLIBC__

typedef unsigned long ioctl_request;

#else /* musl: POSIX's ioctl(), and preadv2() since 1.2.5, which no macro tells */

typedef int ioctl_request;

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x8
#endif
#define preadv2(fd, iov, count, offset, flags) \
    syscall(SYS_preadv2, fd, iov, (long)(count), (long)(offset), (long)(offset), flags)
#define pwritev2(fd, iov, count, offset, flags) \
    syscall(SYS_pwritev2, fd, iov, (long)(count), (long)(offset), (long)(offset), flags)

#endif

const char platform_name[] = "linux";

enum { PROC_FD_PATH = 32 };

static void proc_fd_path(char path[PROC_FD_PATH], int fd)
{
    snprintf(path, PROC_FD_PATH, "/proc/self/fd/%d", fd);
}

int platform_reopen(int fd, int flags)
{
    char path[PROC_FD_PATH];
    proc_fd_path(path, fd);
    return retry_open(path, flags | O_CLOEXEC, 0);
}

bool platform_is_pty_master(int fd)
{
    unsigned number;
    return ioctl(fd, (ioctl_request)TIOCGPTN, &number) == 0;
}

ssize_t platform_readv_nowait(int fd, const struct iovec *iov, int count)
{
    return preadv2(fd, iov, count, -1, RWF_NOWAIT);
}

ssize_t platform_writev_nowait(int fd, const struct iovec *iov, int count)
{
    return pwritev2(fd, iov, count, -1, RWF_NOWAIT);
}

ssize_t platform_recv_nowait(int fd, struct iovec *iov, int count)
{
    return receive_whole(fd, iov, count, MSG_DONTWAIT);
}

ssize_t platform_send_nowait(int fd, struct iovec *iov, int count)
{
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t platform_receive(int fd, struct iovec *iov, int count, struct platform_datagram *datagram)
{
    union {
        struct cmsghdr aligned;
        unsigned char space[256];
    } control;
    struct msghdr message = {.msg_name = &datagram->from,
                             .msg_namelen = sizeof datagram->from,
                             .msg_iov = iov,
                             .msg_iovlen = (size_t)count,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t bytes = recvmsg(fd, &message, 0);
    if (bytes < 0)
        return -1;
    datagram->from_length = message.msg_namelen;
    const struct cmsghdr *told = CMSG_FIRSTHDR(&message); /* only SO_RXQ_OVFL was requested */
    if (told != NULL && told->cmsg_level == SOL_SOCKET && told->cmsg_type == SO_RXQ_OVFL)
        memcpy(&datagram->drops, CMSG_DATA(told), sizeof datagram->drops);
    return bytes;
}

int platform_tell_drops(int fd)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
}

/* SO_MEMINFO fills in the values that SK_MEMINFO_* of <linux/sock_diag.h> name, as many as fit. */
int platform_count_drops(int fd, uint32_t *drops)
{
    enum { DROPS = 8, NUMBERS };
    uint32_t numbers[NUMBERS];
    socklen_t length = sizeof numbers;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers, &length) != 0)
        return -1;
    if (length < sizeof numbers) {
        errno = ENOSYS;
        return -1;
    }
    *drops = numbers[DROPS];
    return 0;
}

void platform_set_title(const char *title)
{
    enum { COMM = 15 }; /* the length that PR_SET_NAME keeps (proc(5), comm) */
    size_t length = strnlen(title, COMM + 1);
    char name[COMM + 1] = {0};
    if (length > COMM) /* do not cut a UTF-8 character */
        for (length = COMM; length > 0 && ((unsigned char)title[length] & 0xc0) == 0x80;)
            length--;
    memcpy(name, title, length);
    (void)prctl(PR_SET_NAME, name);
}

int64_t platform_unacknowledged(int fd)
{
    int bytes;
    return ioctl(fd, (ioctl_request)TIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

int64_t platform_unread(int fd)
{
    int bytes;
    return ioctl(fd, (ioctl_request)FIONREAD, &bytes) == 0 ? bytes : -1;
}

int platform_peer_uid(int fd, uid_t *uid)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return -1;
    *uid = peer.uid;
    return 0;
}

ssize_t platform_sendfile(int file, int socket, size_t bytes)
{
    return sendfile(socket, file, NULL, bytes);
}

int platform_pipe_size(int fd)
{
    return fcntl(fd, F_GETPIPE_SZ);
}

int platform_set_pipe_size(int fd, int bytes)
{
    return fcntl(fd, F_SETPIPE_SZ, bytes);
}

int platform_pipe(int fds[2], int bytes)
{
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0)
        return -1;
    if (bytes == 0 || fcntl(fds[0], F_SETPIPE_SZ, bytes) >= bytes)
        return 0;
    int error = errno;
    close(fds[0]);
    close(fds[1]);
    errno = error;
    return -1;
}

size_t platform_pipe_allowance(void)
{
    char line[32] = "";
    FILE *limit = fopen("/proc/sys/fs/pipe-user-pages-soft", "re");
    bool known = limit != NULL && fgets(line, sizeof line, limit) != NULL;
    if (limit != NULL)
        fclose(limit);
    size_t pages = strtoul(line, NULL, 10);
    if (known && (pages == 0 || geteuid() == 0))
        return SIZE_MAX;
    return pages / 4 * (size_t)sysconf(_SC_PAGESIZE);
}

ssize_t platform_splice(int input, int output, size_t bytes)
{
    return splice(input, NULL, output, NULL, bytes, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
}

ssize_t platform_tee(int input, int output, size_t bytes)
{
    return tee(input, output, bytes, SPLICE_F_NONBLOCK);
}

ssize_t platform_copy_range(int input, int output, size_t bytes)
{
    return copy_file_range(input, NULL, output, NULL, bytes, 0);
}

int platform_set_direct(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -1;
    if (((flags & O_DIRECT) != 0) == on)
        return 0;
    return fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) < 0 ? -1 : 1;
}

int platform_open_unnamed(const char *directory, mode_t mode)
{
    int fd = retry_open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    char link[PROC_FD_PATH];
    proc_fd_path(link, fd);
    if (fd < 0 || access(link, F_OK) == 0)
        return fd;
    close(fd); /* without /proc it could never get a name */
    errno = ENOSYS;
    return -1;
}

int platform_link_unnamed(int fd, const char *path)
{
    /* AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH; the link in /proc does not (open(2), O_TMPFILE). */
    char link[PROC_FD_PATH];
    proc_fd_path(link, fd);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

int platform_punch(int fd, off_t offset, off_t bytes)
{
    int result;
    do
        result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes);
    while (result != 0 && errno == EINTR);
    return result;
}

void platform_discard(void *pages, size_t bytes)
{
    (void)madvise(pages, bytes, MADV_DONTNEED); /* a failure wastes memory only */
}

int platform_poll(struct pollfd *fds, nfds_t count, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                               .tv_nsec = (long)(timeout_ns % 1000000000)};
    return ppoll(fds, count, timeout_ns < 0 ? NULL : &timeout, NULL);
}

/* open(2) with O_WRONLY | O_NONBLOCK fails with ENXIO only for a FIFO, not for a pipe. So it uses
 * epoll_ctl(2): EPOLLERR is reported for every write end without a reader, even if no event is
 * requested. */
bool platform_has_no_reader(int fd)
{
    struct epoll_event event = {.events = 0};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return false;
    bool none = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 &&
                epoll_wait(epoll, &event, 1, 0) == 1 && (event.events & EPOLLERR) != 0;
    (void)close(epoll);
    return none;
}

#else /* plain POSIX */

const char platform_name[] = "portable";

int platform_reopen(int fd, int flags)
{
    (void)fd, (void)flags;
    return platform_unavailable();
}

bool platform_is_pty_master(int fd)
{
    (void)fd;
    return false;
}

ssize_t platform_readv_nowait(int fd, const struct iovec *iov, int count)
{
    (void)fd, (void)iov, (void)count;
    return platform_unavailable();
}

ssize_t platform_writev_nowait(int fd, const struct iovec *iov, int count)
{
    (void)fd, (void)iov, (void)count;
    return platform_unavailable();
}

ssize_t platform_recv_nowait(int fd, struct iovec *iov, int count)
{
    (void)fd, (void)iov, (void)count;
    return platform_unavailable();
}

ssize_t platform_send_nowait(int fd, struct iovec *iov, int count)
{
    (void)fd, (void)iov, (void)count;
    return platform_unavailable();
}

ssize_t platform_receive(int fd, struct iovec *iov, int count, struct platform_datagram *datagram)
{
    struct msghdr message = {.msg_name = &datagram->from,
                             .msg_namelen = sizeof datagram->from,
                             .msg_iov = iov,
                             .msg_iovlen = 0};
    message.msg_iovlen += (unsigned)count; /* the field's type differs between systems */
    ssize_t bytes = recvmsg(fd, &message, 0);
    datagram->from_length = message.msg_namelen;
    return bytes;
}

int platform_tell_drops(int fd)
{
    (void)fd;
    return platform_unavailable();
}

void platform_set_title(const char *title)
{
    (void)title;
}

int64_t platform_unacknowledged(int fd)
{
    (void)fd;
    return platform_unavailable();
}

int64_t platform_unread(int fd)
{
    (void)fd;
    return platform_unavailable();
}

int platform_count_drops(int fd, uint32_t *drops)
{
    (void)fd, (void)drops;
    return platform_unavailable();
}

int platform_peer_uid(int fd, uid_t *uid)
{
    (void)fd, (void)uid;
    return platform_unavailable();
}

ssize_t platform_sendfile(int file, int socket, size_t bytes)
{
    (void)file, (void)socket, (void)bytes;
    return platform_unavailable();
}

int platform_pipe_size(int fd)
{
    (void)fd;
    return platform_unavailable();
}

int platform_set_pipe_size(int fd, int bytes)
{
    (void)fd, (void)bytes;
    return platform_unavailable();
}

ssize_t platform_splice(int input, int output, size_t bytes)
{
    (void)input, (void)output, (void)bytes;
    return platform_unavailable();
}

int platform_pipe(int fds[2], int bytes)
{
    (void)fds, (void)bytes;
    return platform_unavailable();
}

size_t platform_pipe_allowance(void)
{
    return 0;
}

ssize_t platform_tee(int input, int output, size_t bytes)
{
    (void)input, (void)output, (void)bytes;
    return platform_unavailable();
}

ssize_t platform_copy_range(int input, int output, size_t bytes)
{
    (void)input, (void)output, (void)bytes;
    return platform_unavailable();
}

int platform_set_direct(int fd, bool on)
{
    (void)fd, (void)on;
    return platform_unavailable();
}

int platform_open_unnamed(const char *directory, mode_t mode)
{
    (void)directory, (void)mode;
    return platform_unavailable();
}

int platform_link_unnamed(int fd, const char *path)
{
    (void)fd, (void)path;
    return platform_unavailable();
}

int platform_punch(int fd, off_t offset, off_t bytes)
{
    (void)fd, (void)offset, (void)bytes;
    return platform_unavailable();
}

void platform_discard(void *pages, size_t bytes)
{
    (void)pages, (void)bytes; /* posix_madvise() need not free anything */
}

int platform_poll(struct pollfd *fds, nfds_t count, int64_t timeout_ns)
{
    int64_t timeout_ms = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
    return poll(fds, count, timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
}

bool platform_has_no_reader(int fd)
{
    (void)fd;
    return false;
}

#endif

void platform_terminal_size(int fd, unsigned *columns, unsigned *rows)
{
#ifdef TIOCGWINSZ /* not POSIX, but it exists everywhere */
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
#else
    (void)fd, (void)columns, (void)rows;
#endif
}

int platform_poll_or_nap(struct pollfd *fds, nfds_t count, int64_t timeout_ns)
{
    enum { LONGEST_NAP_NS = 10000000 };
    int events = platform_poll(fds, count, timeout_ns);
    if (events >= 0)
        return events;
    int error = errno;
    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
    if (error != EINTR)
        platform_nap(timeout_ns < 0 || timeout_ns > LONGEST_NAP_NS ? LONGEST_NAP_NS
                                                                   : (uint64_t)timeout_ns);
    errno = error;
    return -1;
}

void platform_nap(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000),
                            .tv_nsec = (long)(ns % 1000000000)};
    (void)nanosleep(&time, NULL); /* fails only with EINTR */
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time); /* cannot fail: the clock exists */
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t platform_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t platform_time_of_day(void)
{
    return read_clock(CLOCK_REALTIME);
}
