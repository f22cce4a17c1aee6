/*
 * spool.c - see spool.h for the invariants, which spool_check() asserts after every change.
 *
 * Nothing is cached and nothing is written twice: the caller's bytes go straight to the file, and
 * come straight from it, with one call for each piece of the caller's memory, because both the
 * caller's ring and the circle here wrap rarely. (preadv(2) is not in POSIX.1-2008.)
 *
 * Not here: syncing (the contents of a spool are of no use after a crash), and detecting that
 * another process writes to the file.
 */
#include "buffer/spool.h"

#include "base/minmax.h"
#include "base/platform.h"
#include "base/retry.h"
#include "base/same_inode.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char wrong_kind[] = "is not a directory or a regular file";
static const char not_empty[] = "is not empty";
static const char in_use[] = "is in use by another process";

static void spool_check(const struct spool *spool)
{
    assert(spool->origin <= spool->punched && spool->punched <= spool->tail);
    assert(spool->tail <= spool->head && spool->head - spool->punched <= spool->max);
    assert(spool->extent <= spool->max && spool->max <= spool->most);
    assert(min_u64(spool->head - spool->origin, spool->max) <= spool->extent);
    (void)spool; /* with NDEBUG it is unused */
}

/* --- opening and closing ------------------------------------------------------------------- */

/* Opens a file in `directory` that has a name only for a moment. Returns a descriptor, or -1 with
 * errno. */
static int open_unlinked(const char *directory)
{
    static const char name[] = "/.bpipe-spool-XXXXXX";
    size_t size = strlen(directory) + sizeof name;
    char *path = malloc(size);
    int fd = -1;
    if (path == NULL)
        return -1;
    do {
        snprintf(path, size, "%s%s", directory, name);
        fd = mkstemp(path);
    } while (fd < 0 && errno == EINTR);
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)unlink(path);
    }
    int error = errno;
    free(path);
    errno = error;
    return fd;
}

/* Returns a descriptor, or -1 with errno. */
static int open_nameless(const char *directory)
{
    int fd = platform_open_unnamed(directory, 0600);
    return fd >= 0 ? fd : open_unlinked(directory);
}

/* Whether another process has locked the file. If not, locks it, if the file system has locks. */
static bool is_in_use(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN);
}

/* The reason why the file cannot be a spool, or NULL. Locks it. */
static const char *objection(int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return strerror(errno);
    if (!S_ISREG(info.st_mode))
        return wrong_kind;
    if (info.st_size != 0)
        return not_empty;
    return is_in_use(fd) ? in_use : NULL;
}

/* Whether the created name still belongs to this file. */
static bool still_named(const struct spool *spool)
{
    struct stat named, open;
    return lstat(spool->created, &named) == 0 && fstat(spool->fd, &open) == 0 &&
           same_inode(&named, &open);
}

int spool_open(struct spool *spool, const char *path, uint64_t max, const char **reason)
{
    assert(max >= 1 && max <= INT64_MAX);
    *spool = (struct spool){.fd = -1, .max = max, .most = max};
    struct stat info;
    bool exists = stat(path, &info) == 0;
    *reason = NULL;
    if (exists && S_ISDIR(info.st_mode)) {
        spool->fd = open_nameless(path);
    } else if (exists && !S_ISREG(info.st_mode)) {
        *reason = wrong_kind; /* others may notice that a device or a FIFO is opened */
    } else if (exists) {
        /* If it has just become a device or a FIFO, this open at least neither waits nor takes a
         * terminal. */
        spool->fd = retry_open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    } else if (errno == ENOENT) {
        spool->fd = retry_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        spool->created = spool->fd >= 0 ? path : NULL;
    }
    if (spool->fd >= 0)
        *reason = objection(spool->fd);
    else if (*reason == NULL)
        *reason = strerror(errno);
    if (*reason == NULL)
        return 0;
    spool_close(spool);
    return -1;
}

void spool_close(struct spool *spool)
{
    if (spool->fd >= 0) {
        if (spool->created != NULL && still_named(spool))
            (void)unlink(spool->created);
        if (spool->extent > 0)
            (void)retry_truncate(spool->fd, 0); /* even if its name has changed */
        close(spool->fd);
    }
    *spool = (struct spool){.fd = -1};
}

/* --- space --------------------------------------------------------------------------------- */

static uint64_t offset_of(const struct spool *spool, uint64_t position)
{
    return (position - spool->origin) % spool->max;
}

/* Makes the next byte that is put go to the start of the file. */
static void start_over(struct spool *spool)
{
    spool->origin = spool->punched = spool->tail;
    spool->max = spool->most;
    if (spool->extent > SPOOL_KEPT && retry_truncate(spool->fd, 0) == 0)
        spool->extent = 0;
}

/* Punches out the bytes that were taken, once that is worth a call. The holes end at multiples of
 * SPOOL_PUNCH_SIZE, because a block that is punched in part stays whole. */
static void punch(struct spool *spool)
{
    while (spool->tail - spool->punched >= SPOOL_PUNCH_SIZE && !spool->unpunchable) {
        uint64_t offset = offset_of(spool, spool->punched);
        uint64_t bytes = min_u64(SPOOL_PUNCH_SIZE - offset % SPOOL_PUNCH_SIZE, spool->max - offset);
        /* A hole in the middle may need space at first (ENOSPC); the next hole may not. */
        if (platform_punch(spool->fd, (off_t)offset, (off_t)bytes) != 0)
            spool->unpunchable = errno != ENOSPC;
        spool->punched += bytes;
    }
}

static void give_back(struct spool *spool)
{
    if (spool->tail == spool->head)
        start_over(spool);
    else
        punch(spool);
    spool->refused = false;
}

uint64_t spool_held(const struct spool *spool)
{
    return spool->head - spool->tail;
}

uint64_t spool_room(const struct spool *spool)
{
    return spool->refused ? 0 : spool->max - spool_held(spool);
}

/* The disk takes no more bytes at the end of the file, so the circle ends there. If the disk
 * refuses bytes in the middle, where others have taken the punched space, bpipe can only wait. */
static void shrink(struct spool *spool)
{
    bool at_end = spool->extent > 0 && spool->extent < spool->max &&
                  spool->head - spool->origin == spool->extent;
    if (at_end)
        spool->max = spool->extent;
    spool->refused = !at_end;
}

/* While the queue does not cross the end of the circle, that end may be anywhere behind the
 * queue. */
static void grow(struct spool *spool)
{
    if (spool->tail - spool->origin >= spool->max) {
        spool->origin = spool->tail - offset_of(spool, spool->tail);
        if (spool->punched < spool->origin)
            spool->punched = spool->origin;
    }
    if (spool->head - spool->origin <= spool->max)
        spool->max = spool->most;
}

void spool_try_again(struct spool *spool)
{
    if (spool->max < spool->most)
        grow(spool);
    spool->refused = false;
    spool_check(spool);
}

/* --- bytes --------------------------------------------------------------------------------- */

/* pwrite(2), but returns 0 if the disk is full. */
static ssize_t write_at(int fd, const void *memory, size_t bytes, off_t offset, uint64_t *calls)
{
    ssize_t result;
    do {
        ++*calls;
        result = pwrite(fd, memory, bytes, offset);
    } while (result < 0 && errno == EINTR);
    bool full = result < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
    return full ? 0 : result;
}

/* pread(2), but the end of the file is an error (EIO). */
static ssize_t read_at(int fd, void *memory, size_t bytes, off_t offset, uint64_t *calls)
{
    ssize_t result;
    do {
        ++*calls;
        result = pread(fd, memory, bytes, offset);
    } while (result < 0 && errno == EINTR);
    if (result != 0)
        return result;
    errno = EIO;
    return -1;
}

/* How many of `bytes` one call at `position` can move: it does not go beyond the end of the
 * circle. */
static size_t stretch(const struct spool *spool, uint64_t position, uint64_t bytes)
{
    return (size_t)min_u64(bytes, spool->max - offset_of(spool, position));
}

/* Puts as many of `bytes` as one call takes. Returns their number, 0 if the disk refuses them, or
 * -1 with errno. */
static ssize_t put_some(struct spool *spool, const void *memory, size_t bytes, uint64_t *calls)
{
    uint64_t offset = offset_of(spool, spool->head);
    bytes = stretch(spool, spool->head, min_u64(bytes, spool_room(spool)));
    ssize_t put = write_at(spool->fd, memory, bytes, (off_t)offset, calls);
    if (put < 0)
        return -1;
    spool->head += (uint64_t)put;
    if (put == 0)
        shrink(spool);
    if (offset + (uint64_t)put > spool->extent)
        spool->extent = offset + (uint64_t)put;
    if (spool->head - spool->punched > spool->max)
        spool->punched = spool->head - spool->max; /* that free space is in use again */
    spool_check(spool);
    return put;
}

ssize_t spool_put(struct spool *spool, const struct iovec *pieces, int count, uint64_t *calls)
{
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        const char *memory = pieces[i].iov_base;
        for (size_t done = 0; done < pieces[i].iov_len && spool_room(spool) > 0;) {
            ssize_t put = put_some(spool, memory + done, pieces[i].iov_len - done, calls);
            if (put < 0)
                return total > 0 ? total : -1;
            done += (size_t)put;
            total += put;
        }
    }
    return total;
}

/* Gets as many of `bytes` as one call gives. Returns their number, or -1 with errno. */
static ssize_t get_some(struct spool *spool, void *memory, size_t bytes, uint64_t *calls)
{
    uint64_t offset = offset_of(spool, spool->tail);
    bytes = stretch(spool, spool->tail, min_u64(bytes, spool_held(spool)));
    ssize_t got = read_at(spool->fd, memory, bytes, (off_t)offset, calls);
    if (got > 0)
        spool->tail += (uint64_t)got;
    return got;
}

static ssize_t get_pieces(struct spool *spool, const struct iovec *pieces, int count,
                          uint64_t *calls)
{
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        char *memory = pieces[i].iov_base;
        for (size_t done = 0; done < pieces[i].iov_len && spool_held(spool) > 0;) {
            ssize_t got = get_some(spool, memory + done, pieces[i].iov_len - done, calls);
            if (got < 0)
                return total > 0 ? total : -1;
            done += (size_t)got;
            total += got;
        }
    }
    return total;
}

ssize_t spool_get(struct spool *spool, const struct iovec *pieces, int count, uint64_t *calls)
{
    ssize_t got = get_pieces(spool, pieces, count, calls);
    if (got > 0) {
        give_back(spool);
        spool_check(spool);
    }
    return got;
}

void spool_retract(struct spool *spool, uint64_t bytes)
{
    assert(bytes <= spool_held(spool));
    if (bytes == 0)
        return;
    spool->head -= bytes;
    give_back(spool);
    spool_check(spool);
}
