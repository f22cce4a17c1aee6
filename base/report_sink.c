/*
 * report_sink.c - see report_sink.h.
 *
 * Invariants: bytes leave a sink in the order in which they were given. `pending` is empty or
 * `sent` < its length. A sink with an error has nothing pending and accepts nothing any more. The
 * temporary file beside a replaced file exists only inside replaced_file_open() and _write().
 *
 * Only sink_drain() waits; but a regular file may block on its disk.
 */

#include "base/report_sink.h"

#include "base/platform.h"
#include "base/retry.h"
#include "base/same_inode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* close(2) that keeps errno. */
static int close_quietly(int fd)
{
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

int sink_open_descriptor(struct sink *sink, int fd)
{
    *sink = (struct sink){.fd = -1};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -1;
    if ((flags & O_ACCMODE) == O_RDONLY) {
        errno = EBADF;
        return -1;
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy < 0)
        return -1;
    if (nonblock_adopt(&sink->nonblock, copy, false) != 0)
        return close_quietly(copy);
    sink->fd = copy;
    return 0;
}

void sink_open_stderr(struct sink *sink)
{
    *sink = (struct sink){.fd = STDERR_FILENO};
    if (nonblock_adopt(&sink->nonblock, STDERR_FILENO, false) != 0)
        sink->fd = -1;
}

int sink_open_path(struct sink *sink, const char *path)
{
    struct stat status;
    int fd = retry_open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);

    *sink = (struct sink){.fd = -1};
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) != 0)
        return close_quietly(fd);
    nonblock_own(&sink->nonblock, fd);
    sink->fd = fd;
    sink->truncate = S_ISREG(status.st_mode);
    return 0;
}

bool sink_same_file(const struct sink *a, const struct sink *b)
{
    struct stat a_status, b_status;

    return a->fd >= 0 && b->fd >= 0 && fstat(a->fd, &a_status) == 0 &&
           fstat(b->fd, &b_status) == 0 && same_inode(&a_status, &b_status);
}

bool sink_at_line_start(const struct sink *sink)
{
    struct stat status;
    int flags = fcntl(sink->fd, F_GETFL);
    char last;

    if (flags < 0 || fstat(sink->fd, &status) != 0 || !S_ISREG(status.st_mode))
        return true;
    off_t end = (flags & O_APPEND) != 0 ? status.st_size : lseek(sink->fd, 0, SEEK_CUR);
    if (end <= 0)
        return true;
    ssize_t count = pread(sink->fd, &last, 1, end - 1);
    if (count < 0) { /* it is open for writing only */
        const struct sink readable = {.fd = platform_reopen(sink->fd, O_RDONLY)};
        if (sink_same_file(sink, &readable))
            count = pread(readable.fd, &last, 1, end - 1);
        if (readable.fd >= 0)
            (void)close(readable.fd);
    }
    return count != 1 || last == '\n';
}

/* --- writing ------------------------------------------------------------------------------- */

/* `whole` is the end of the lines that were written before: a torn line is cut off. */
static void give_up(struct sink *sink, int error, uint64_t whole)
{
    if (sink->truncate && sink->written > whole && retry_truncate(sink->fd, (off_t)whole) == 0)
        sink->written = whole;
    sink->error = error;
    sink->sent = 0;
    text_clear(&sink->pending);
}

/*
 * How many bytes to write at once: whole lines that a pipe accepts as one piece, or one longer
 * line. (NONBLOCK_POLLED of base/nonblock.h has a lower limit.)
 */
static size_t piece_of(const struct sink *sink, const char *bytes, size_t length)
{
    size_t most = sink->nonblock.method == NONBLOCK_POLLED ? _POSIX_PIPE_BUF : PIPE_BUF;
    size_t piece = most;

    if (length <= most)
        return length;
    while (piece > 0 && bytes[piece - 1] != '\n')
        piece--;
    if (piece > 0)
        return piece;
    const char *end = memchr(bytes, '\n', length);
    return end == NULL ? length : (size_t)(end - bytes) + 1;
}

/* Returns how many bytes were written: fewer than `length` if no more are accepted now, or the sink
 * failed. */
static size_t write_now(struct sink *sink, const char *bytes, size_t length)
{
    uint64_t whole = sink->written, calls = 0;
    size_t sent = 0;

    if (sink->truncate && sink->written == 0 && retry_truncate(sink->fd, 0) != 0) {
        give_up(sink, errno, 0);
        return 0;
    }
    while (sent < length) {
        struct iovec iov = {(char *)bytes + sent, piece_of(sink, bytes + sent, length - sent)};
        ssize_t count = nonblock_writev(&sink->nonblock, sink->fd, &iov, 1, &calls);
        if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            give_up(sink, errno, whole);
        if (count <= 0)
            break;
        sent += (size_t)count;
        sink->written += (uint64_t)count;
    }
    return sent;
}

size_t sink_pending(const struct sink *sink)
{
    return sink->pending.length - sink->sent;
}

bool sink_usable(const struct sink *sink)
{
    return sink->fd >= 0 && sink->error == 0;
}

bool sink_flush(struct sink *sink)
{
    if (!sink_usable(sink) || sink_pending(sink) == 0)
        return true;
    sink->sent += write_now(sink, sink->pending.bytes + sink->sent, sink_pending(sink));
    if (sink_pending(sink) > 0)
        return false;
    sink->sent = 0;
    text_clear(&sink->pending);
    return true;
}

/* Keeps lines after those that are pending. */
static void keep(struct sink *sink, const char *bytes, size_t length)
{
    struct text *pending = &sink->pending;

    if (sink->sent > 0) {
        memmove(pending->bytes, pending->bytes + sink->sent, sink_pending(sink));
        pending->length -= sink->sent;
        sink->sent = 0;
    }
    text_add_bytes(pending, bytes, length);
    if (pending->failed)
        give_up(sink, ENOMEM, sink->written);
}

void sink_write(struct sink *sink, const char *bytes, size_t length)
{
    size_t sent = 0;

    if (sink_flush(sink) && sink_usable(sink))
        sent = write_now(sink, bytes, length);
    if (sent < length && sink_usable(sink))
        keep(sink, bytes + sent, length - sent);
}

/* --- waiting ------------------------------------------------------------------------------- */

static bool flush_all(struct sink *const sinks[], size_t count)
{
    bool all = true;

    for (size_t i = 0; i < count; i++)
        all = sink_flush(sinks[i]) && all;
    return all;
}

/*
 * Tries again every few milliseconds. This happens once, at the end of a run with a stuck reader.
 * poll() for POLLOUT would not be better: a socket or terminal that reports POLLOUT may still
 * refuse a line, at once and for ever.
 */
void sink_drain(struct sink *const sinks[], size_t count, uint64_t *patience_ns)
{
    static const uint64_t nap_ns = NS_PER_SEC / 200;
    const uint64_t start_ns = platform_now();
    uint64_t used_ns = 0;

    while (!flush_all(sinks, count) && used_ns < *patience_ns) {
        uint64_t left_ns = *patience_ns - used_ns;
        platform_nap(left_ns < nap_ns ? left_ns : nap_ns);
        used_ns = platform_now() - start_ns;
    }
    *patience_ns -= used_ns < *patience_ns ? used_ns : *patience_ns;
}

int sink_close(struct sink *sink)
{
    int error = sink->error;

    if (error == 0 && sink_pending(sink) > 0)
        error = EAGAIN;
    /* After EINTR the descriptor is closed, and the bytes count as written. */
    if (sink->fd >= 0 && close(sink->fd) != 0 && errno != EINTR && error == 0)
        error = errno;
    text_free(&sink->pending);
    *sink = (struct sink){.fd = -1};
    return error;
}

/* --- a file that is replaced --------------------------------------------------------------- */

/* A symbolic link is kept: its target is replaced. */
static char *resolved(const char *path)
{
    struct stat status;

    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        return realpath(path, NULL);
    return strdup(path);
}

enum { TEMPORARY_TRIES = 100, TEMPORARY_SUFFIX = 64 };

/*
 * Opens a temporary file with an unused name: PATH.PID.tmp, or PATH.PID.N.tmp if an earlier run
 * with the same process ID left the first one behind. A descriptor, or -1 with errno.
 */
static int open_temporary(struct replaced_file *file)
{
    size_t size = strlen(file->path) + TEMPORARY_SUFFIX;
    long pid = (long)getpid();
    int fd = -1;

    for (int i = 0; fd < 0 && i < TEMPORARY_TRIES; i++) {
        if (i == 0)
            snprintf(file->temporary, size, "%s.%ld.tmp", file->path, pid);
        else
            snprintf(file->temporary, size, "%s.%ld.%d.tmp", file->path, pid, i);
        fd = retry_open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static int remove_temporary(const struct replaced_file *file)
{
    int error = errno;
    (void)unlink(file->temporary);
    errno = error;
    return -1;
}

int replaced_file_open(struct replaced_file *file, const char *path)
{
    *file = (struct replaced_file){.path = resolved(path)};
    if (file->path != NULL)
        file->temporary = malloc(strlen(file->path) + TEMPORARY_SUFFIX);
    int fd = file->temporary == NULL ? -1 : open_temporary(file);
    if (fd < 0) {
        int error = errno;
        replaced_file_close(file);
        errno = error;
        return -1;
    }
    (void)close(fd);
    (void)remove_temporary(file);
    return 0;
}

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(fd, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        bytes += count;
        length -= (size_t)count;
    }
    return 0;
}

int replaced_file_write(struct replaced_file *file, const char *bytes, size_t length)
{
    int fd = open_temporary(file);
    if (fd < 0)
        return -1;
    if (write_all(fd, bytes, length) != 0) {
        (void)close_quietly(fd);
        return remove_temporary(file);
    }
    if ((close(fd) != 0 && errno != EINTR) || rename(file->temporary, file->path) != 0)
        return remove_temporary(file);
    return 0;
}

void replaced_file_close(struct replaced_file *file)
{
    free(file->path);
    free(file->temporary);
    *file = (struct replaced_file){0};
}
