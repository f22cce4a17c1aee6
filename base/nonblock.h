/*
 * nonblock.h - reading and writing without blocking, and without hurting whoever shares the file.
 *
 * O_NONBLOCK belongs to the open file description (open(2)), which a shell, a terminal and other
 * commands share; left set it makes their next read or write fail with EAGAIN. So an inherited
 * descriptor gets the first of these that works:
 *
 *   1. nothing, where a call does not wait: regular files, block devices, /dev/null and its kind
 *   2. a pipe, a FIFO or a terminal's slave is opened once more through /proc/self/fd, privately,
 *      and the private description takes the descriptor's number (never a pty master: opening that
 *      gives another pty)
 *   3. an anonymous pipe that may not be opened (another user's): RWF_NOWAIT at each call
 *   4. a socket: MSG_DONTWAIT at each call
 *      (where the system refuses 3 or 4 at the first call, way 5 is taken then)
 *   5. the flag is set on the shared description, and taken back at the end, before a fatal signal
 *      ends bpipe, and while it is stopped
 */
#ifndef BPIPE_NONBLOCK_H
#define BPIPE_NONBLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum nonblock_method {
    NONBLOCK_NONE,    /* calls do not wait, or only for a disk; not for poll() */
    NONBLOCK_PRIVATE, /* O_NONBLOCK on a description of our own */
    NONBLOCK_NOWAIT,  /* RWF_NOWAIT */
    NONBLOCK_MESSAGE, /* MSG_DONTWAIT */
    NONBLOCK_SHARED,  /* O_NONBLOCK on a description that others may share */
    NONBLOCK_POLLED   /* poll() before each call, and small writes: the best for a shared stderr */
};

struct nonblock {
    enum nonblock_method method;
    bool is_socket;   /* an inherited one, which may have datagrams (platform_recv()) */
    bool may_share;   /* way 5 is allowed */
    bool set_by_this; /* NONBLOCK_SHARED: the flag was clear before */
    /* A FIFO whose writers had all gone when it was opened again: poll() will never tell the end,
     * so read on without it until read() answers 0. */
    bool writers_gone;
    /* A FIFO open for writing whose readers had all gone: every write is EPIPE. */
    bool readers_gone;
    /* A file or disk that does not know RWF_NOWAIT: tmpfs, procfs, an old system. */
    bool disk_untold;
};

/*
 * Chooses the way for an inherited `fd`. With `may_share` false (stderr), way 5 becomes
 * NONBLOCK_POLLED. Returns 0, or -1 with errno EBADF when fd is not open.
 */
int nonblock_adopt(struct nonblock *nonblock, int fd, bool may_share);

/* The way for a descriptor that bpipe has just opened itself, with O_NONBLOCK. */
void nonblock_own(struct nonblock *nonblock, int fd);

/*
 * readv(2) and writev(2) that do not block and are not interrupted: bytes moved, or -1 with errno
 * (EAGAIN: not now). *calls grows by the number of system calls made.
 */
ssize_t nonblock_readv(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                       uint64_t *calls);
ssize_t nonblock_writev(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                        uint64_t *calls);

/*
 * readv(2) of a file or disk (NONBLOCK_NONE), but only of what is in memory: EAGAIN where the disk
 * would have to be waited for, and Linux has then begun to read ahead (preadv2(2), RWF_NOWAIT).
 * Where that cannot be told it waits.
 */
ssize_t nonblock_readv_cached(struct nonblock *nonblock, int fd, struct iovec *iov, int count,
                              uint64_t *calls);

/* Takes a flag that was set on a shared description back; sets it again, where it is clear. */
void nonblock_restore(struct nonblock *nonblock, int fd);
void nonblock_reapply(struct nonblock *nonblock, int fd);

#endif
