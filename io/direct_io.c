/*
 * direct_io.c - see direct_io.h. This module tracks the position itself instead of asking for it at
 * each call. The position of an output in append mode starts at the end of its file.
 */
#include "io/direct_io.h"

#include "base/platform.h"

#include <fcntl.h>
#include <unistd.h>

void direct_io_init(struct direct_io *direct, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int whence = flags >= 0 && (flags & O_APPEND) != 0 ? SEEK_END : SEEK_CUR;
    off_t position = lseek(fd, 0, whence);
    *direct = (struct direct_io){.wanted = position >= 0, .position = (uint64_t)position};
}

void direct_io_set(struct direct_io *direct, int fd, bool on)
{
    if (direct->on == on)
        return;
    int changed = platform_set_direct(fd, on);
    if (changed < 0)
        direct->wanted = false;
    else
        direct->on = on;
}

static bool aligned(uintptr_t value)
{
    return value % DIRECT_IO_ALIGNMENT == 0;
}

/* How many bytes at the start of the pieces can be moved in one aligned call. Every piece except
 * the last must also end aligned; otherwise the next one would not begin aligned in the file. */
static size_t aligned_bytes(const struct iovec *iov, int count)
{
    size_t bytes = 0;
    for (int i = 0; i < count && aligned((uintptr_t)iov[i].iov_base); i++) {
        bytes += iov[i].iov_len - iov[i].iov_len % DIRECT_IO_ALIGNMENT;
        if (!aligned(iov[i].iov_len))
            break;
    }
    return bytes;
}

static void shorten(struct iovec *iov, int *count, size_t bytes)
{
    int used = 0;
    for (; used < *count && bytes > 0; used++) {
        if (iov[used].iov_len > bytes)
            iov[used].iov_len = bytes;
        bytes -= iov[used].iov_len;
    }
    *count = used;
}

void direct_io_prepare(struct direct_io *direct, int fd, struct iovec *iov, int *count)
{
    size_t bytes = aligned((uintptr_t)direct->position) ? aligned_bytes(iov, *count) : 0;
    direct_io_set(direct, fd, bytes > 0);
    if (direct->on)
        shorten(iov, count, bytes);
}

bool direct_io_refused(struct direct_io *direct, int fd)
{
    bool was_on = direct->on;
    direct_io_set(direct, fd, false);
    direct->wanted = false;
    return was_on;
}

void direct_io_moved(struct direct_io *direct, ssize_t bytes)
{
    if (bytes > 0)
        direct->position += (uint64_t)bytes;
}
