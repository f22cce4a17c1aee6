/*
 * input_skip.c - see input_skip.h.
 */
#include "io/input_skip.h"

#include "base/minmax.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

/* The position where the file ends; the position of `fd` stays. Negative: unknown. */
static off_t end_of(int fd, off_t position)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -1;
    if (S_ISREG(status.st_mode))
        return status.st_size;
    off_t end = lseek(fd, 0, SEEK_END);
    return lseek(fd, position, SEEK_SET) == position ? end : -1;
}

/* Whether the byte before `position` can be read: files of sysfs(5) are shorter than they say. */
static bool reaches(int fd, off_t position)
{
    char byte;
    ssize_t count;
    do
        count = pread(fd, &byte, 1, position - 1);
    while (count < 0 && errno == EINTR);
    return count == 1 || (count < 0 && errno == EINVAL); /* O_DIRECT: not aligned */
}

/* Returns how far the position was moved; 0 if it cannot be. */
static uint64_t seek(struct endpoint *endpoint, uint64_t bytes)
{
    off_t position = lseek(endpoint->fd, 0, SEEK_CUR);
    off_t end = position < 0 ? -1 : end_of(endpoint->fd, position);
    if (end <= position)
        return 0;
    const uint64_t step = min_u64(bytes, (uint64_t)(end - position));
    const off_t target = position + (off_t)step;
    if (!reaches(endpoint->fd, target) || lseek(endpoint->fd, target, SEEK_SET) != target)
        return 0;
    direct_io_moved(&endpoint->direct, (ssize_t)step);
    return step;
}

int64_t input_skip(struct endpoint *endpoint, uint64_t bytes, uint64_t *calls)
{
    char piece[PIECE];
    if (endpoint_on_disk(endpoint)) {
        uint64_t moved = seek(endpoint, bytes);
        if (moved > 0)
            return (int64_t)moved;
    }
    struct iovec iov = {.iov_base = piece, .iov_len = (size_t)min_u64(bytes, sizeof piece)};
    return endpoint_readv(endpoint, &iov, 1, calls);
}
