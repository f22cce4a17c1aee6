/*
 * pidfile.c - see pidfile.h. The file is opened so that bpipe never waits for a FIFO or a device.
 */
#include "io/pidfile.h"

#include "base/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIDFILE_LINE = 32, PIDFILE_FLAGS = O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

/* Returns a descriptor of a regular file, or -1 with *reason. */
static int open_regular(const char *path, int flags, const char **reason)
{
    struct stat status;
    int fd = retry_open(path, flags | PIDFILE_FLAGS, 0666);
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    *reason = fd >= 0 || errno == ENXIO ? "is not a regular file" : strerror(errno);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The path of the file itself: `path`, or if it is a symbolic link, the link's target, in `target`.
 * NULL if the link cannot be followed. */
static const char *follow(const char *path, char target[PATH_MAX])
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISLNK(status.st_mode))
        return path;
    return realpath(path, target);
}

int pidfile_write(const struct options *options, const char **reason)
{
    if (options->pidfile == NULL)
        return 0;
    int fd = open_regular(options->pidfile, O_WRONLY | O_CREAT, reason);
    if (fd < 0)
        return -1;
    char line[PIDFILE_LINE];
    int length = snprintf(line, sizeof line, "%ld\n", (long)getpid());
    bool written =
        retry_truncate(fd, 0) == 0 && retry_write_all(fd, line, (size_t)length) == length;
    *reason = strerror(errno);
    if (close(fd) == 0 && written)
        return 0;
    char target[PATH_MAX];
    const char *path = follow(options->pidfile, target);
    if (path != NULL)
        (void)unlink(path);
    return -1;
}

void pidfile_remove(const struct options *options)
{
    const char *reason;
    char target[PATH_MAX];
    const char *path = options->pidfile == NULL ? NULL : follow(options->pidfile, target);
    int fd = path == NULL ? -1 : open_regular(path, O_RDONLY, &reason);
    if (fd < 0)
        return;
    char line[PIDFILE_LINE] = "";
    ssize_t length = retry_read_all(fd, line, sizeof line - 1);
    close(fd);
    if (length > 0 && strtol(line, NULL, 10) == (long)getpid())
        (void)unlink(path);
}
