/*
 * nonblock.h - reads and writes that do not block, and do not disturb other users of the file.
 *
 * O_NONBLOCK belongs to the open file description (open(2)), which a shell, a terminal and other
 * commands share. If bpipe left it set, their next read or write would fail with EAGAIN. So for an
 * inherited descriptor bpipe takes the first of these ways that works:
 *
 *   1. nothing, where a call does not wait: regular files, block devices, /dev/null and similar
 *      devices
 *   2. a pipe, a FIFO or the slave side of a terminal is reopened through /proc/self/fd, and the
 *      new, private description takes the descriptor's number (never a pty master: opening one
 *      gives another pty)
 *   3. an anonymous pipe that bpipe may not open (another user's): RWF_NOWAIT at each call
 *   4. a socket: MSG_DONTWAIT at each call
 *      (if the system refuses 3 or 4 at the first call, bpipe changes to way 5)
 *   5. the flag is set on the shared description. bpipe clears it at the end, before a fatal signal
 *      ends bpipe, and while bpipe is stopped
 */
#ifndef BPIPE_NONBLOCK_H
#define BPIPE_NONBLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum nonblock_method {
    NONBLOCK_NONE,    /* calls do not wait, or only for a disk; do not poll() it */
    NONBLOCK_PRIVATE, /* O_NONBLOCK on a private description */
    NONBLOCK_NOWAIT,  /* RWF_NOWAIT at each call */
    NONBLOCK_MESSAGE, /* MSG_DONTWAIT at each call */
    NONBLOCK_SHARED,  /* O_NONBLOCK on a description that others may share */
    NONBLOCK_POLLED   /* poll() before each call, and small writes: best for a shared stderr */
};

struct nonblock {
    enum nonblock_method method;
    bool is_socket;   /* an inherited socket, which may carry datagrams (platform_recv()) */
    bool may_share;   /* way 5 is allowed */
    bool set_by_this; /* NONBLOCK_SHARED: the flag was clear before */
    /* A FIFO whose writers had all gone when it was reopened: poll() will never report the end, so
     * read without poll() until read() returns 0. */
    bool writers_gone;
    /* A FIFO open for writing whose readers had all gone: every write fails with EPIPE. */
    bool readers_gone;
    /* A file or disk that does not support RWF_NOWAIT: tmpfs, procfs, an old system. */
    bool disk_untold;
};

/*
 * Chooses the way for an inherited `fd`. If `may_share` is false (stderr), way 5 becomes
 * NONBLOCK_POLLED. Returns 0, or -1 with errno: EBADF if fd is not open.
 */
int nonblock_adopt(struct nonblock *nonblock, int fd, bool may_share);

/* Sets the way for a descriptor that bpipe has just opened, with O_NONBLOCK. */
void nonblock_own(struct nonblock *nonblock, int fd);

/*
 * readv(2) and writev(2) that do not block and are not interrupted. Return the bytes moved, or -1
 * with errno (EAGAIN: nothing can be moved now). *calls grows by the number of system calls made.
 */
ssize_t nonblock_readv(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                       uint64_t *calls);
ssize_t nonblock_writev(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                        uint64_t *calls);

/*
 * readv(2) of a file or disk (NONBLOCK_NONE) that returns only bytes in memory. It fails with
 * EAGAIN where it would have to wait for the disk; by then Linux has begun to read ahead
 * (preadv2(2), RWF_NOWAIT). It waits if the system cannot tell.
 */
ssize_t nonblock_readv_cached(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                              uint64_t *calls);

/* nonblock_restore() clears a flag that bpipe set on a shared description. nonblock_reapply() sets
 * it again if it is clear. */
void nonblock_restore(struct nonblock *nonblock, int fd);
void nonblock_reapply(struct nonblock *nonblock, int fd);

#endif
