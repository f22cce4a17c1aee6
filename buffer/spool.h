/*
 * spool.h - bytes that wait on a disk: a bounded queue in a file.
 *
 * The file is a circle of `max` bytes: the byte at position p is at offset (p - origin) % max. The
 * circle starts over at offset 0 whenever the queue has become empty. Space is given back as it
 * becomes free. A queue that has become empty truncates its file if the file is longer than
 * SPOOL_KEPT, so that small queues that come and go cost no system call. Bytes that were taken are
 * punched out in steps of SPOOL_PUNCH_SIZE if the system can do that (fallocate(2),
 * FALLOC_FL_PUNCH_HOLE); elsewhere the file just never grows beyond `max`. So the file takes no
 * more of the disk than the bytes that it holds, SPOOL_PUNCH_SIZE, and a few blocks at the edges of
 * the punched ranges.
 *
 * If the disk is full (ENOSPC, EDQUOT, EFBIG), the circle shrinks to the current size of the file:
 * bytes that are taken then make room for as many new ones, although the disk gives none. The
 * circle may grow again when the queue has become empty, or at spool_try_again() if the queue does
 * not cross the end of the circle. If the circle cannot shrink either, the spool is full until
 * bytes are taken out of it or spool_try_again() is called. Calls are plain pread(2) and pwrite(2):
 * they may wait for the disk, never for another process. A process that gets SIGXFSZ must ignore
 * it.
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
    uint64_t most;       /* `max`, if the disk has room */
    uint64_t max;        /* the size of the circle */
    uint64_t head, tail; /* positions: bytes put, and bytes taken, so far */
    uint64_t origin;     /* the position that is at offset 0 */
    uint64_t punched;    /* up to here space was given back, or used again */
    uint64_t extent;     /* how far the file has been written since it was last truncated */
    bool refused;        /* the disk took no more */
    bool unpunchable;    /* holes cannot be punched in this file */
    const char *created; /* a name that is removed at the end, or NULL; not owned */
};

/*
 * Opens the spool at `path`. If `path` is a directory: a file without a name in it (O_TMPFILE, or
 * created and unlinked). Otherwise: a file with that name. If the file does not exist, it is
 * created, and removed at the end, unless the name then belongs to another file. An existing file
 * must be a regular file (or a symbolic link to one) and empty. It is emptied again at the end, and
 * stays. A file with a name is locked (fcntl(2)), so that no two processes spool in the same one.
 * If the file system has no locks, it is not locked. Mode 0600. 1 <= `max` <= INT64_MAX. Returns 0,
 * or -1 with *reason (static text, or strerror()'s) and nothing created.
 */
int spool_open(struct spool *spool, const char *path, uint64_t max, const char **reason);
void spool_close(struct spool *spool); /* harmless if not open, or zeroed with fd -1 */

uint64_t spool_held(const struct spool *spool); /* bytes in it */
uint64_t spool_room(const struct spool *spool); /* bytes that it takes now: 0 if refused */

/* Appends bytes. Returns how many the spool took: perhaps fewer than offered, and 0 if the spool or
 * the disk is full. Returns -1 with errno for any other failure; then nothing was taken. *calls
 * counts pread(2) and pwrite(2): one for each piece, and one more at the end of the circle. */
ssize_t spool_put(struct spool *spool, const struct iovec *pieces, int count, uint64_t *calls);

/* Takes the oldest bytes, at most as many as the pieces hold. Returns their number; 0 only if the
 * spool is empty. Returns -1 with errno (EIO also if the file ends too early, because another
 * process truncated it). */
ssize_t spool_get(struct spool *spool, const struct iovec *pieces, int count, uint64_t *calls);

/* Takes back the newest `bytes`, at most spool_held(). Their space may be used again. */
void spool_retract(struct spool *spool, uint64_t bytes);

/* The disk may have room again. */
void spool_try_again(struct spool *spool);

#endif
