/*
 * platform.h - what differs between Linux and plain POSIX, each behind one name.
 *
 * This module, with base/platform_process.h for what concerns processes, is the only one whose .c
 * knows the difference (BPIPE_LINUX; `make PORTABLE=1` leaves the macro out). Where a system lacks
 * a thing the function fails with ENOSYS and the caller goes the portable way, or the function does
 * the portable thing itself.
 */
#ifndef BPIPE_PLATFORM_H
#define BPIPE_PLATFORM_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

/* "linux" or "portable", for --version. */
extern const char platform_name[];

/* Sets errno to ENOSYS: what was asked for is not available here. -1. */
int platform_unavailable(void);

/*
 * Opens a private description of what `fd` refers to, with access mode and O_NONBLOCK|O_NOCTTY as
 * `flags` say (proc(5), /proc/pid/fd). The caller checks that it is the same object. A new
 * descriptor, or -1 with errno.
 */
int platform_reopen(int fd, int flags);

/* Whether `fd` is the master side of a pseudo-terminal (TIOCGPTN). False where that is unknown. */
bool platform_is_pty_master(int fd);

/* preadv2(2) and pwritev2(2) at the current position with RWF_NOWAIT. -1 with ENOSYS or EOPNOTSUPP
 * where the system or the file cannot. */
ssize_t platform_readv_nowait(int fd, const struct iovec *iov, int count);
ssize_t platform_writev_nowait(int fd, const struct iovec *iov, int count);

/* recvmsg(2). -1 with EMSGSIZE for a datagram that is longer than iov: the rest of it is lost. */
ssize_t platform_recv(int fd, struct iovec *iov, int count);

/* The same, and sendmsg(2), with MSG_DONTWAIT | MSG_NOSIGNAL. -1 with ENOSYS where not available.
 */
ssize_t platform_recv_nowait(int fd, struct iovec *iov, int count);
ssize_t platform_send_nowait(int fd, struct iovec *iov, int count);

/*
 * recvmsg(2): one datagram, with who sent it. If the socket tells how many datagrams it had no room
 * for, ever (modulo 2^32), `drops` is set. platform_tell_drops() makes it do so (SO_RXQ_OVFL);
 * platform_count_drops() asks without receiving any. Both 0, or -1 with errno; ENOSYS where not
 * available.
 */
struct platform_datagram {
    struct sockaddr_storage from;
    socklen_t from_length;
    uint32_t drops;
};
ssize_t platform_receive(int fd, struct iovec *iov, int count, struct platform_datagram *datagram);
int platform_tell_drops(int fd);
int platform_count_drops(int fd, uint32_t *drops);

/* TIOCGWINSZ (tty_ioctl(4)): the columns and rows of a terminal; left alone where not available. */
void platform_terminal_size(int fd, unsigned *columns, unsigned *rows);

/* The name that ps -o comm and top show for this process (PR_SET_NAME, prctl(2)): its first 15
 * bytes. Nothing where not available. */
void platform_set_title(const char *title);

/* SIOCOUTQ, which is TIOCOUTQ (tcp(7)): bytes that were sent and not acknowledged. -1 with errno,
 * ENOSYS where not available. */
int64_t platform_unacknowledged(int fd);

/* FIONREAD (ioctl_tty(2), pipe(7)): bytes in a pipe that nobody has read. -1 with errno, ENOSYS
 * where not available. */
int64_t platform_unread(int fd);

/* The user at the other end of a connected unix socket (SO_PEERCRED, unix(7)). 0, or -1 with errno;
 * ENOSYS where not available. */
int platform_peer_uid(int fd, uid_t *uid);

/* sendfile(2) from where `file` stands. Bytes, 0 at its end, or -1 with errno; ENOSYS where not
 * available. */
ssize_t platform_sendfile(int file, int socket, size_t bytes);

/* F_GETPIPE_SZ and F_SETPIPE_SZ (fcntl(2)): bytes, or -1 with errno. */
int platform_pipe_size(int fd);
int platform_set_pipe_size(int fd, int bytes);

/* A nonblocking pipe that holds `bytes`, or 0: anything, closed on exec. 0, or -1 with errno;
 * ENOSYS where a pipe's size cannot be chosen. */
int platform_pipe(int fds[2], int bytes);

/* How many such bytes a program may take without hurting its user's other pipes (pipe(7),
 * pipe-user-pages-soft): a quarter of the limit, or without limit for the superuser. */
size_t platform_pipe_allowance(void);

/* splice(2) and tee(2) with SPLICE_F_NONBLOCK, and copy_file_range(2), from and to where the
 * descriptors stand. Bytes, 0, or -1 with errno; ENOSYS where not available. */
ssize_t platform_splice(int input, int output, size_t bytes);
ssize_t platform_tee(int input, int output, size_t bytes);
ssize_t platform_copy_range(int input, int output, size_t bytes);

/* Turns O_DIRECT (open(2)) on or off. 1; 0 if it was so already; -1 with errno. */
int platform_set_direct(int fd, bool on);

/* O_TMPFILE (open(2)) in `directory`, for reading and writing: a descriptor, or -1 with errno;
 * ENOSYS also where platform_link_unnamed() could not work. */
int platform_open_unnamed(const char *directory, mode_t mode);
/* Gives an unnamed file a name that must not exist yet (linkat(2)). 0, or -1 with errno. */
int platform_link_unnamed(int fd, const char *path);

/* Makes a hole of these bytes of a file, which then read as zeros and take no space (fallocate(2),
 * FALLOC_FL_PUNCH_HOLE); its size stays. 0, or -1 with errno, never EINTR; ENOSYS where not
 * available. */
int platform_punch(int fd, off_t offset, off_t bytes);

/* The contents of these pages, which malloc() gave, are not needed any more: the system may have
 * them back until they are written again. Nothing where that cannot be said. */
void platform_discard(void *pages, size_t bytes);

/*
 * poll(2) with a timeout in ns, or a negative one for none; the portable one rounds up to whole
 * milliseconds, so that it never returns early and spins.
 */
int platform_poll(struct pollfd *fds, nfds_t count, int64_t timeout_ns);

/*
 * The same for a caller that looks again in any case, and to which it does not matter why poll(2)
 * failed: with any error but EINTR it sleeps, for `timeout_ns` but not longer than 10 ms, so that
 * the caller does not spin. `revents` are 0 then.
 */
int platform_poll_or_nap(struct pollfd *fds, nfds_t count, int64_t timeout_ns);

/* Whether no process can read from the pipe or FIFO that `fd` is the write end of. This asks
 * epoll(7), for a caller whose poll(2) fails. False where that cannot be told. */
bool platform_has_no_reader(int fd);

/* nanosleep(2): sleeps for `ns`, or until a signal comes. */
void platform_nap(uint64_t ns);

#define NS_PER_SEC UINT64_C(1000000000)

/* CLOCK_MONOTONIC, in ns. */
uint64_t platform_now(void);

/* CLOCK_REALTIME: the time of day, in ns since 1970-01-01 UTC. It can be set, and so go back. */
uint64_t platform_time_of_day(void);

#endif
