/*
 * platform.h - the differences between Linux and plain POSIX, each behind one name.
 *
 * Only the .c of this module and that of base/platform_process.h, which handles processes, know the
 * difference (BPIPE_LINUX; `make PORTABLE=1` leaves the macro out). If a system lacks a feature,
 * the function fails with ENOSYS and the caller uses a portable way, or the function itself does
 * the portable thing.
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

/* Sets errno to ENOSYS: this system lacks the feature. Returns -1. */
int platform_unavailable(void);

/*
 * Opens a private description of the object that `fd` refers to, with the access mode and
 * O_NONBLOCK|O_NOCTTY of `flags` (proc(5), /proc/pid/fd). The caller checks that it is the same
 * object. Returns a new descriptor, or -1 with errno.
 */
int platform_reopen(int fd, int flags);

/* Whether `fd` is the master side of a pseudo-terminal (TIOCGPTN). False if the system cannot
 * tell. */
bool platform_is_pty_master(int fd);

/* preadv2(2) and pwritev2(2) at the current position with RWF_NOWAIT. -1 with ENOSYS or EOPNOTSUPP
 * if the system or the file does not support that. */
ssize_t platform_readv_nowait(int fd, const struct iovec *iov, int count);
ssize_t platform_writev_nowait(int fd, const struct iovec *iov, int count);

/* recvmsg(2). -1 with EMSGSIZE for a datagram that is longer than iov; its rest is lost. */
ssize_t platform_recv(int fd, struct iovec *iov, int count);

/* The same, and sendmsg(2), with MSG_DONTWAIT | MSG_NOSIGNAL. -1 with ENOSYS where not
 * available. */
ssize_t platform_recv_nowait(int fd, struct iovec *iov, int count);
ssize_t platform_send_nowait(int fd, struct iovec *iov, int count);

/*
 * platform_receive() is recvmsg(2) of one datagram, with its sender's address. It sets `drops` if
 * the socket reports how many datagrams it has ever had no room for (modulo 2^32).
 * platform_tell_drops() makes the socket report this (SO_RXQ_OVFL). platform_count_drops() gets the
 * count without receiving a datagram. Both return 0, or -1 with errno; ENOSYS where not available.
 */
struct platform_datagram {
    struct sockaddr_storage from;
    socklen_t from_length;
    uint32_t drops;
};
ssize_t platform_receive(int fd, struct iovec *iov, int count, struct platform_datagram *datagram);
int platform_tell_drops(int fd);
int platform_count_drops(int fd, uint32_t *drops);

/* TIOCGWINSZ (tty_ioctl(4)): the columns and rows of a terminal. Leaves them unchanged where not
 * available. */
void platform_terminal_size(int fd, unsigned *columns, unsigned *rows);

/* Sets the name that ps -o comm and top show for this process (PR_SET_NAME, prctl(2)): the first 15
 * bytes. Does nothing where not available. */
void platform_set_title(const char *title);

/* SIOCOUTQ, which is TIOCOUTQ (tcp(7)): the number of bytes sent and not acknowledged. -1 with
 * errno, ENOSYS where not available. */
int64_t platform_unacknowledged(int fd);

/* FIONREAD (ioctl_tty(2), pipe(7)): the number of unread bytes in a pipe. -1 with errno, ENOSYS
 * where not available. */
int64_t platform_unread(int fd);

/* The user at the other end of a connected unix socket (SO_PEERCRED, unix(7)). 0, or -1 with errno;
 * ENOSYS where not available. */
int platform_peer_uid(int fd, uid_t *uid);

/* sendfile(2) from the current position of `file`. Bytes, 0 at its end, or -1 with errno; ENOSYS
 * where not available. */
ssize_t platform_sendfile(int file, int socket, size_t bytes);

/* F_GETPIPE_SZ and F_SETPIPE_SZ (fcntl(2)): bytes, or -1 with errno. */
int platform_pipe_size(int fd);
int platform_set_pipe_size(int fd, int bytes);

/* Makes a nonblocking, close-on-exec pipe that holds at least `bytes`, or has the default size if
 * `bytes` is 0. 0, or -1 with errno; ENOSYS where a pipe's size cannot be chosen. */
int platform_pipe(int fds[2], int bytes);

/* How many bytes of pipes a program may take without harm to its user's other pipes (pipe(7),
 * pipe-user-pages-soft): a quarter of the limit. SIZE_MAX for the superuser, or if there is no
 * limit; 0 if the limit is unknown. */
size_t platform_pipe_allowance(void);

/* splice(2) and tee(2) with SPLICE_F_NONBLOCK, and copy_file_range(2), at the current positions of
 * the descriptors. Bytes, 0, or -1 with errno; ENOSYS where not available. */
ssize_t platform_splice(int input, int output, size_t bytes);
ssize_t platform_tee(int input, int output, size_t bytes);
ssize_t platform_copy_range(int input, int output, size_t bytes);

/* Turns O_DIRECT (open(2)) on or off. 1; 0 if it already was; -1 with errno. */
int platform_set_direct(int fd, bool on);

/* Opens an unnamed file (O_TMPFILE, open(2)) in `directory` for reading and writing. A descriptor,
 * or -1 with errno; ENOSYS also where platform_link_unnamed() could not work. */
int platform_open_unnamed(const char *directory, mode_t mode);
/* Gives an unnamed file a name that must not exist yet (linkat(2)). 0, or -1 with errno. */
int platform_link_unnamed(int fd, const char *path);

/* Punches a hole into a file (fallocate(2), FALLOC_FL_PUNCH_HOLE): these bytes then read as zeros
 * and take no space. The file's size does not change. 0, or -1 with errno, never EINTR; ENOSYS
 * where not available. */
int platform_punch(int fd, off_t offset, off_t bytes);

/* Tells the system that the contents of these pages, which malloc() gave, are not needed: it may
 * take the memory until they are written again. Does nothing where not available. */
void platform_discard(void *pages, size_t bytes);

/*
 * poll(2) with a timeout in ns; a negative timeout means none. The portable version rounds up to
 * whole milliseconds, so that it never returns early and makes its caller spin.
 */
int platform_poll(struct pollfd *fds, nfds_t count, int64_t timeout_ns);

/*
 * The same for a caller that checks everything again in any case and does not care why poll(2)
 * failed. On any error except EINTR it sleeps for `timeout_ns`, at most 10 ms, so that the caller
 * does not spin. After an error all `revents` are 0.
 */
int platform_poll_or_nap(struct pollfd *fds, nfds_t count, int64_t timeout_ns);

/* Whether no process can read from the pipe or FIFO whose write end is `fd`. It uses epoll(7), for
 * a caller whose poll(2) fails. False if the system cannot tell. */
bool platform_has_no_reader(int fd);

/* nanosleep(2): sleeps for `ns`, or until a signal arrives. */
void platform_nap(uint64_t ns);

#define NS_PER_SEC UINT64_C(1000000000)

/* CLOCK_MONOTONIC, in ns. */
uint64_t platform_now(void);

/* CLOCK_REALTIME: the time of day, in ns since 1970-01-01 UTC. It can be set, and so can go
 * back. */
uint64_t platform_time_of_day(void);

#endif
