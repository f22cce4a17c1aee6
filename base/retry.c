/*
 * retry.c - see retry.h.
 */
#include "base/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int retry_open(const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = open(path, flags, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int retry_openat(int directory, const char *path, int flags)
{
    int fd;
    do
        fd = openat(directory, path, flags);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int retry_truncate(int fd, off_t size)
{
    int result;
    do
        result = ftruncate(fd, size);
    while (result != 0 && errno == EINTR);
    return result;
}

int retry_sync(int fd)
{
    int result;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

int retry_sync_data(int fd)
{
    int result;
    do
        result = fdatasync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

ssize_t retry_read_all(int fd, void *bytes, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t part = read(fd, (char *)bytes + length, size - length);
        if (part == 0)
            break;
        if (part < 0 && errno != EINTR)
            return -1;
        length += part > 0 ? (size_t)part : 0;
    }
    return (ssize_t)length;
}

ssize_t retry_write_all(int fd, const void *bytes, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t part = write(fd, (const char *)bytes + length, size - length);
        if (part == 0)
            break;
        if (part < 0 && errno != EINTR)
            return -1;
        length += part > 0 ? (size_t)part : 0;
    }
    return (ssize_t)length;
}
