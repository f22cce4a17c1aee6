/*
 * descriptor.c - see descriptor.h.
 */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void descriptor_fill_standard(void)
{
    /* open() returns the lowest free number, and all lower ones are in use. */
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            /* cppcheck-suppress leakReturnValNotUsed; the descriptor is fd */
            (void)open("/dev/null", O_RDWR | O_CLOEXEC);
}

int descriptor_above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), error = errno;
    (void)close(fd);
    errno = error;
    return copy;
}

int descriptor_keep(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -1;
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int descriptor_make_pipe(int ends[2])
{
    if (pipe(ends) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC); /* cannot fail: it is open */
    for (int i = 0; i < 2; i++) {
        ends[i] = descriptor_above_standard(ends[i]);
        if (ends[i] < 0) {
            int error = errno;
            (void)close(ends[1 - i]);
            errno = error;
            return -1;
        }
    }
    return 0;
}

bool descriptor_was_inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
        return true;
    errno = EBADF;
    return false;
}

/* The value of `text`, if all of it is a number, or -1. */
static int descriptor_number(const char *text)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9' && *end == '\0';
    return digits && errno == 0 && number <= INT_MAX ? (int)number : -1;
}

int descriptor_inherited_number(const char *text, int dash)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    static const char *const prefixes[] = {"fd://", "/dev/fd/", "/proc/self/fd/"};

    if (strcmp(text, "-") == 0)
        return dash;
    for (int fd = 0; fd < 3; fd++)
        if (strcmp(text, names[fd]) == 0)
            return fd;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], length) == 0)
            return descriptor_number(text + length);
    }
    return -1;
}
