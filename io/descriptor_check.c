/*
 * descriptor_check.c - see descriptor_check.h.
 */
#include "io/descriptor_check.h"

#include "net/stream_socket.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* Whether an object that has no type in stat(2) cannot be read, or written, at all: epoll(7), say.
 * With no bytes readv(2) and writev(2) only check that: they fail by EINVAL, or do nothing. */
static bool is_unsuitable(int fd, bool output)
{
    struct stat status;
    char byte = 0;
    const struct iovec nothing = {.iov_base = &byte, .iov_len = 0};
    if (fstat(fd, &status) != 0 || (status.st_mode & S_IFMT) != 0)
        return false;
    return (output ? writev(fd, &nothing, 1) : readv(fd, &nothing, 1)) < 0 && errno == EINVAL;
}

const char *descriptor_check(int fd, bool output)
{
    if (stream_socket_is_listening(fd))
        return output ? "a listening socket cannot be written"
                      : "a listening socket cannot be read";
    if (stream_socket_is_unconnected(fd))
        return "the socket is not connected";
    if (is_unsuitable(fd, output))
        return output ? "a descriptor of this kind cannot be written"
                      : "a descriptor of this kind cannot be read";
    return NULL;
}
