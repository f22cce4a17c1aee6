/*
 * spool.h - bytes that wait on a disk: a bounded queue in a file.
 *
 * The file is a circle of `max` bytes, which starts over at offset 0 whenever the queue has become
 * empty: the byte at position p stands at offset (p - origin) % max. Space is given back as it
 * becomes free: a queue that has become empty truncates its file if that is longer than SPOOL_KEPT
 * (small ones that come and go cost no system call), and what was taken is punched out in steps of
 * SPOOL_PUNCH_SIZE where the system can (fallocate(2), FALLOC_FL_PUNCH_HOLE); elsewhere the file
 * just grows no further than `max`. So a file takes no more of the disk than what it holds,
 * SPOOL_PUNCH_SIZE, and a few blocks at the edges of what was punched.
 *
 * A disk that is full (ENOSPC, EDQUOT, EFBIG) makes the circle as small as the file has become by
 * then: what is taken makes room for as much, though the disk gives none. It may grow again when
 * the queue has become empty, or does not cross the circle's end at spool_try_again(). Where even
 * that fails, the spool is full until bytes were taken out of it or spool_try_again(). Calls are
 * plain pread(2) and pwrite(2): they may wait for the disk, never for anybody else. A process that
 * gets SIGXFSZ must ignore it.
 *
 * Always:
 *
 *     origin <= punched <= tail <= head        head - punched <= max <= most
 */
#ifndef BPIPE_SPOOL_H
#define BPIPE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { SPOOL_PUNCH_SIZE = 4 << 20, SPOOL_KEPT = 1 << 20 };

struct spool {
    int fd;              /* -1: no spool */
    uint64_t most;       /* what `max` is where the disk has room */
    uint64_t max;        /* the circle */
    uint64_t head, tail; /* positions: put, and taken, so far */
    uint64_t origin;     /* the position that stands at offset 0 */
    uint64_t punched;    /* up to where space was given back, or put to use again */
    uint64_t extent;     /* how far the file has been written since it was truncated */
    bool refused;        /* the disk took no more */
    bool unpunchable;    /* holes cannot be made here */
    const char *created; /* a name that is removed at the end, or NULL; not owned */
};

/*
 * Opens the spool that `path` says: in a directory, a file without a name (O_TMPFILE, or created
 * and unlinked); else a file of that name, which is created and removed at the end, unless the name
 * has come to mean something else. One that exists must be a regular file (or a symbolic link to
 * one) and empty, is emptied again at the end, and stays. A file with a name is locked (fcntl(2)),
 * so that no two processes spool in the same one; where there are no locks it goes without. Mode
 * 0600. 1 <= `max` <= INT64_MAX. 0, or -1 with *reason (text that lives for ever, or strerror()'s)
 * and nothing created.
 */
int spool_open(struct spool *spool, const char *path, uint64_t max, const char **reason);
void spool_close(struct spool *spool); /* harmless if it is not open, or a zeroed one with fd -1 */

uint64_t spool_held(const struct spool *spool); /* bytes in it */
uint64_t spool_room(const struct spool *spool); /* bytes that it takes now: 0 if refused */

/* Appends: how many bytes it took, which may be fewer than there are, and 0 if it or the disk is
 * full. -1 with errno for any other fault; nothing was taken then. *calls counts pread(2) and
 * pwrite(2): one for each piece, and one more where the circle ends. */
ssize_t spool_put(struct spool *spool, const struct iovec *pieces, int count, uint64_t *calls);

/* Takes up to the pieces' length of the oldest bytes. -1 with errno (EIO also where the file ends
 * too early: somebody truncated it). 0 only if it is empty. */
ssize_t spool_get(struct spool *spool, const struct iovec *pieces, int count, uint64_t *calls);

/* The newest `bytes` are taken back; at most spool_held(). Their space may be used again. */
void spool_retract(struct spool *spool, uint64_t bytes);

/* The disk may have room again. */
void spool_try_again(struct spool *spool);

#endif
