/*
 * endpoint.c - see endpoint.h.
 *
 * All inputs and outputs are opened here (report files in stats/report.c, by
 * descriptor_inherited_number() or by path; atomic outputs in io/atomic_file.c; sockets in
 * net/dialer.c). This module does not wait, print, or decide what an error means for the run.
 */
#include "io/endpoint.h"

#include "base/descriptor.h"
#include "base/hint.h"
#include "base/platform.h"
#include "base/retry.h"
#include "base/same_inode.h"
#include "net/address.h"
#include "net/stream_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIPE_SIZE_WANTED = 1 << 20, PIPE_SIZE_ELSE = 1 << 18, SMALL_WRITE = 64 * 1024 };

static void set_error(struct endpoint *endpoint, const char *what, int error)
{
    snprintf(endpoint->error, sizeof endpoint->error, "%s%s", what, strerror(error));
}

const char *endpoint_hint(const struct endpoint *endpoint, int error)
{
    bool file = endpoint->kind == ENDPOINT_REGULAR && endpoint->atomic.target == NULL;
    return file ? hint_for(HINT_FILE, error) : "";
}

/* --- inherited descriptors ------------------------------------------------------------------ */

/* Whether `fd` was inherited and is open for `access_mode`; otherwise errno is EBADF, as with
 * read(2) and write(2). */
static bool usable(int fd, int access_mode)
{
    if (!descriptor_was_inherited(fd))
        return false;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return false;
    errno = EBADF;
    return (flags & O_ACCMODE) == O_RDWR || (flags & O_ACCMODE) == access_mode;
}

/* --- properties of a descriptor ------------------------------------------------------------- */

static enum endpoint_kind kind_of(int fd, mode_t mode)
{
    if (S_ISREG(mode))
        return ENDPOINT_REGULAR;
    if (S_ISBLK(mode))
        return ENDPOINT_BLOCK;
    if (S_ISFIFO(mode))
        return ENDPOINT_PIPE;
    if (S_ISSOCK(mode))
        return ENDPOINT_SOCKET;
    if (!S_ISCHR(mode))
        return ENDPOINT_UNTYPED;
    return isatty(fd) ? ENDPOINT_TERMINAL : ENDPOINT_DEVICE;
}

/* The kernel may refuse to grow a pipe (fcntl(2), F_SETPIPE_SZ): this is never an error. */
static void size_pipe(struct endpoint *endpoint, const struct options *options)
{
    if (endpoint->kind != ENDPOINT_PIPE || !options_grow_pipes(options))
        return;
    int before = platform_pipe_size(endpoint->fd);
    if (before <= 0)
        return;
    bool given = options->given[OPTION_PIPE_BUFFER_SIZE];
    const int most = given ? (int)options->pipe_size : PIPE_SIZE_WANTED;
    const int sizes[] = {most, PIPE_SIZE_WANTED, PIPE_SIZE_ELSE};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i] <= before || (i > 0 && sizes[i] >= most))
            continue;
        if (platform_set_pipe_size(endpoint->fd, sizes[i]) > 0) {
            endpoint->pipe_size_before = before;
            return;
        }
    }
}

/* Bytes that wait in a large pipe cannot be dropped or overtaken any more: they become old. */
static bool wants_fresh_output(const struct options *options)
{
    return !options->given[OPTION_PIPE_BUFFER_SIZE] && (options_drop(options) || options->merge);
}

/* Fills in the properties of an endpoint whose descriptor has just been opened or found. */
static int describe(struct endpoint *endpoint, const struct options *options)
{
    struct stat status;
    if (fstat(endpoint->fd, &status) != 0)
        return -1;
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    endpoint->kind = kind_of(endpoint->fd, status.st_mode);
    if (endpoint->kind == ENDPOINT_SOCKET && stream_socket_is_tcp(endpoint->fd))
        endpoint->socket = ENDPOINT_TCP;
    endpoint->is_pty_master =
        endpoint->kind == ENDPOINT_TERMINAL && platform_is_pty_master(endpoint->fd);
    int flags = fcntl(endpoint->fd, F_GETFL);
    endpoint->appends = flags >= 0 && (flags & O_APPEND) != 0;
    if (options->direct_io && !endpoint->inherited && endpoint_on_disk(endpoint))
        direct_io_init(&endpoint->direct, endpoint->fd);
    return 0;
}

static int adopt(struct endpoint *endpoint, int access_mode, const struct options *options)
{
    endpoint->inherited = true;
    if (!usable(endpoint->fd, access_mode)) {
        endpoint->fd = -1; /* do not close it: it may be open for something else */
        return -1;
    }
    endpoint->refusal = descriptor_check(endpoint->fd, access_mode == O_WRONLY);
    if (endpoint->refusal != NULL) {
        endpoint->fd = -1;
        errno = ENOTCONN;
        return -1;
    }
    if (nonblock_adopt(&endpoint->nonblock, endpoint->fd, true) != 0)
        return -1;
    return describe(endpoint, options);
}

/* Writes the reason why it cannot be opened: its refusal, or the text of errno. */
static void set_opening_error(struct endpoint *endpoint)
{
    if (endpoint->refusal != NULL)
        snprintf(endpoint->error, sizeof endpoint->error, "%s", endpoint->refusal);
    else
        set_error(endpoint, "", errno);
}

static int refuse(struct endpoint *endpoint)
{
    set_opening_error(endpoint);
    if (!endpoint->inherited && endpoint->fd >= 0)
        close(endpoint->fd);
    endpoint->fd = -1;
    return -1;
}

/* --- inputs --------------------------------------------------------------------------------- */

/* There is no such file, and the text looks like an address. */
static int refuse_address(struct endpoint *endpoint, const char *text)
{
    snprintf(endpoint->error, sizeof endpoint->error, "%s (tcp://%s?)", strerror(ENOENT), text);
    return -1;
}

int endpoint_open_input(struct endpoint *endpoint, const char *text, const struct options *options)
{
    *endpoint = (struct endpoint){.name = strcmp(text, "-") == 0 ? "stdin" : text,
                                  .fd = descriptor_inherited_number(text, STDIN_FILENO)};
    if (endpoint->fd >= 0) {
        if (adopt(endpoint, O_RDONLY, options) != 0)
            return refuse(endpoint);
        size_pipe(endpoint, options);
        return 0;
    }
    endpoint->fd = retry_open(text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (endpoint->fd < 0 && errno == ENOENT && address_lacks_scheme(text))
        return refuse_address(endpoint, text);
    if (endpoint->fd < 0)
        return refuse(endpoint);
    nonblock_own(&endpoint->nonblock, endpoint->fd);
    if (describe(endpoint, options) != 0)
        return refuse(endpoint);
    size_pipe(endpoint, options);
    if (endpoint->kind == ENDPOINT_REGULAR)
        (void)posix_fadvise(endpoint->fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* only advice */
    return 0;
}

/* --- outputs -------------------------------------------------------------------------------- */

void endpoint_open_discard(struct endpoint *endpoint)
{
    *endpoint = (struct endpoint){.name = "discard", .fd = -1, .kind = ENDPOINT_DISCARD};
}

/* --- pipes to commands ---------------------------------------------------------------------- */

void endpoint_open_pipe(struct endpoint *endpoint, const char *name, int fd,
                        const struct options *options, bool output)
{
    *endpoint = (struct endpoint){.name = name, .fd = fd, .kind = ENDPOINT_PIPE};
    nonblock_own(&endpoint->nonblock, fd);
    if (!output || !wants_fresh_output(options))
        size_pipe(endpoint, options);
    endpoint->pipe_size_before = 0; /* the pipe disappears with bpipe */
}

/* --- sockets -------------------------------------------------------------------------------- */

static enum endpoint_socket socket_of(enum address_kind kind)
{
    switch (kind) {
    case ADDRESS_UDP:
    case ADDRESS_UDP_LISTEN:
        return ENDPOINT_UDP;
    case ADDRESS_UNIX:
    case ADDRESS_UNIX_LISTEN:
        return ENDPOINT_UNIX;
    case ADDRESS_TCP:
    case ADDRESS_TCP_LISTEN:
    case ADDRESS_NONE: /* cannot happen: it is not a socket */
        break;
    }
    return ENDPOINT_TCP;
}

void endpoint_open_socket(struct endpoint *endpoint, const char *text, enum address_kind kind,
                          int fd)
{
    *endpoint = (struct endpoint){.name = text, .fd = fd, .kind = ENDPOINT_SOCKET};
    endpoint->socket = socket_of(kind);
    endpoint->local = endpoint->socket == ENDPOINT_TCP && stream_socket_is_local(fd);
    nonblock_own(&endpoint->nonblock, fd);
}

bool endpoint_is_connection(const struct endpoint *endpoint)
{
    return !endpoint->inherited &&
           (endpoint->socket == ENDPOINT_TCP || endpoint->socket == ENDPOINT_UNIX);
}

bool endpoint_gives_pages(const struct endpoint *endpoint)
{
    return endpoint->kind == ENDPOINT_PIPE || endpoint_is_connection(endpoint);
}

static void hurry(struct endpoint *endpoint, bool on)
{
    if (endpoint->socket != ENDPOINT_TCP || endpoint->inherited || endpoint->hurried == on)
        return;
    stream_socket_hurry(endpoint->fd, on); /* turning it on also sends bytes that wait */
    endpoint->hurried = on;
}

void endpoint_sent(struct endpoint *endpoint, size_t bytes)
{
    endpoint->last_write = bytes;
    if (bytes >= SMALL_WRITE)
        hurry(endpoint, false);
}

void endpoint_sent_all(struct endpoint *endpoint)
{
    if (endpoint->last_write > 0 && endpoint->last_write < SMALL_WRITE)
        hurry(endpoint, true);
}

int64_t endpoint_unacknowledged(const struct endpoint *endpoint)
{
    return platform_unacknowledged(endpoint->fd);
}

void endpoint_keep(struct endpoint *endpoint)
{
    if (endpoint->fd >= 0 && endpoint_is_connection(endpoint))
        stream_socket_keep(endpoint->fd);
}

/* --- output files --------------------------------------------------------------------------- */

/* Opens a file that exists, or the target of a dangling symbolic link. */
static int open_existing(struct endpoint *endpoint, const char *path, int flags,
                         const struct options *options)
{
    endpoint->fd = retry_open(path, flags, 0);
    if (endpoint->fd < 0 && errno == ENOENT) {
        if (options->file_mode != FILE_NO_CLOBBER)
            endpoint->fd = retry_open(path, flags | O_CREAT, 0666);
        else
            errno = EEXIST; /* the link itself exists */
    }
    struct stat status;
    if (endpoint->fd < 0 || fstat(endpoint->fd, &status) != 0 || !S_ISREG(status.st_mode))
        return endpoint->fd < 0 ? -1 : 0;
    endpoint->writes_over = true;
    endpoint->truncate = options->file_mode == FILE_TRUNCATE;
    if (options->file_mode != FILE_NO_CLOBBER)
        return 0;
    errno = EEXIST;
    return -1;
}

static int open_path(struct endpoint *endpoint, const char *path, const struct options *options)
{
    if (options->atomic) {
        endpoint->fd =
            atomic_file_open(&endpoint->atomic, path, options->file_mode == FILE_NO_CLOBBER);
        return endpoint->fd < 0 ? -1 : 0;
    }
    int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    if (options->file_mode == FILE_APPEND)
        flags |= O_APPEND;
    endpoint->fd = retry_open(path, flags | O_CREAT | O_EXCL, 0666);
    endpoint->created = endpoint->fd >= 0;
    if (endpoint->created || errno != EEXIST)
        return endpoint->created ? 0 : -1;
    return open_existing(endpoint, path, flags, options);
}

static bool is_fifo(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

enum endpoint_opening endpoint_open_output(struct endpoint *endpoint, const char *text,
                                           const struct options *options)
{
    *endpoint = (struct endpoint){.name = strcmp(text, "-") == 0 ? "stdout" : text,
                                  .sync = options->sync,
                                  .fd = descriptor_inherited_number(text, STDOUT_FILENO)};
    int result;
    if (endpoint->fd >= 0) {
        result = adopt(endpoint, O_WRONLY, options);
    } else {
        result = open_path(endpoint, text, options);
        /* open(2): ENXIO for a FIFO opened with O_WRONLY | O_NONBLOCK that no process reads. */
        if (result != 0 && errno == ENXIO && is_fifo(text))
            return ENDPOINT_PENDING;
        if (result == 0) {
            nonblock_own(&endpoint->nonblock, endpoint->fd);
            result = describe(endpoint, options);
        }
    }
    if (result == 0) {
        if (!wants_fresh_output(options))
            size_pipe(endpoint, options);
        return ENDPOINT_OPENED;
    }
    if (options->atomic && errno == EINVAL)
        snprintf(endpoint->error, sizeof endpoint->error,
                 "is not a regular file (required by --atomic)");
    else
        set_opening_error(endpoint);
    endpoint_abandon_output(endpoint);
    return ENDPOINT_REFUSED;
}

int endpoint_begin_output(struct endpoint *endpoint)
{
    if (endpoint->truncate && retry_truncate(endpoint->fd, 0) != 0) {
        set_error(endpoint, "cannot be truncated: ", errno);
        return -1;
    }
    endpoint->truncate = false;
    return 0;
}

/* --- an output that is its own input -------------------------------------------------------- */

static bool same_regular_file(const struct stat *a, const struct stat *b)
{
    return S_ISREG(a->st_mode) && S_ISREG(b->st_mode) && same_inode(a, b);
}

bool endpoint_same_regular_file(const struct endpoint *a, const struct endpoint *b)
{
    struct stat a_status, b_status;
    return a->fd >= 0 && b->fd >= 0 && fstat(a->fd, &a_status) == 0 &&
           fstat(b->fd, &b_status) == 0 && same_regular_file(&a_status, &b_status);
}

bool endpoint_feeds_itself(const struct endpoint *input, const struct endpoint *output)
{
    struct stat status;
    return endpoint_same_regular_file(input, output) && fstat(input->fd, &status) == 0 &&
           lseek(input->fd, 0, SEEK_CUR) < status.st_size;
}

bool endpoint_would_overwrite_input(const char *input_text, const struct endpoint *output)
{
    struct stat in, out;
    if (address_kind_of(input_text) != ADDRESS_NONE)
        return false;
    if (!output->writes_over || fstat(output->fd, &out) != 0 || out.st_size == 0)
        return false;
    int fd = descriptor_inherited_number(input_text, STDIN_FILENO);
    int result = fd >= 0 ? fstat(fd, &in) : stat(input_text, &in);
    return result == 0 && same_regular_file(&in, &out);
}

/* --- moving bytes --------------------------------------------------------------------------- */

ssize_t endpoint_readv(struct endpoint *endpoint, struct iovec *iov, int count, uint64_t *calls)
{
    if (endpoint->socket == ENDPOINT_UDP)
        return udp_receive(&endpoint->udp, endpoint->fd, iov, count, calls);
    if (!endpoint->direct.wanted) {
        ssize_t result = 0;
        size_t room = 0;
        for (int i = 0; i < count; i++)
            room += iov[i].iov_len;
        if (pipe_relay_is_worth(&endpoint->relay, endpoint->fd, room))
            result = pipe_relay_readv(&endpoint->relay, endpoint->fd, iov, count, calls);
        if (result == 0 && pipe_relay_would_lose(&endpoint->relay, room)) {
            errno = EMSGSIZE;
            return -1;
        }
        if (result == 0)
            result = nonblock_readv(&endpoint->nonblock, endpoint->fd, iov, count, calls);
        if (result > 0)
            endpoint->relay.last = (size_t)result;
        /* Reading a pty's master fails with EIO once no slave is open (pty(7) does not say
         * this). */
        return result < 0 && errno == EIO && endpoint->is_pty_master ? 0 : result;
    }
    direct_io_prepare(&endpoint->direct, endpoint->fd, iov, &count);
    ssize_t result = nonblock_readv(&endpoint->nonblock, endpoint->fd, iov, count, calls);
    if (result < 0 && errno == EINVAL && direct_io_refused(&endpoint->direct, endpoint->fd))
        result = nonblock_readv(&endpoint->nonblock, endpoint->fd, iov, count, calls);
    direct_io_moved(&endpoint->direct, result);
    return result;
}

ssize_t endpoint_readv_cached(struct endpoint *endpoint, struct iovec *iov, int count,
                              uint64_t *calls)
{
    if (!endpoint_on_disk(endpoint) || endpoint->direct.wanted)
        return endpoint_readv(endpoint, iov, count, calls);
    return nonblock_readv_cached(&endpoint->nonblock, endpoint->fd, iov, count, calls);
}

static ssize_t write_direct(struct endpoint *endpoint, struct iovec *iov, int count,
                            uint64_t *calls)
{
    direct_io_prepare(&endpoint->direct, endpoint->fd, iov, &count);
    ssize_t result = nonblock_writev(&endpoint->nonblock, endpoint->fd, iov, count, calls);
    if (result < 0 && errno == EINVAL && direct_io_refused(&endpoint->direct, endpoint->fd))
        result = nonblock_writev(&endpoint->nonblock, endpoint->fd, iov, count, calls);
    direct_io_moved(&endpoint->direct, result);
    return result;
}

ssize_t endpoint_writev(struct endpoint *endpoint, struct iovec *iov, int count, uint64_t *calls)
{
    if (endpoint->kind == ENDPOINT_DISCARD) {
        ssize_t bytes = 0;
        for (int i = 0; i < count; i++)
            bytes += (ssize_t)iov[i].iov_len;
        return bytes;
    }
    if (endpoint->socket == ENDPOINT_UDP)
        return udp_send(&endpoint->udp, endpoint->fd, iov, count, calls);
    ssize_t result = endpoint->direct.wanted
                         ? write_direct(endpoint, iov, count, calls)
                         : nonblock_writev(&endpoint->nonblock, endpoint->fd, iov, count, calls);
    if (result > 0 && endpoint->sync && endpoint_on_disk(endpoint) &&
        retry_sync_data(endpoint->fd) != 0 && errno != EINVAL)
        return -1;
    return result;
}

bool endpoint_pollable(const struct endpoint *endpoint)
{
    return endpoint->fd >= 0 && endpoint->nonblock.method != NONBLOCK_NONE;
}

bool endpoint_on_disk(const struct endpoint *endpoint)
{
    return endpoint->kind == ENDPOINT_REGULAR || endpoint->kind == ENDPOINT_BLOCK;
}

bool endpoint_reader_gone(const struct endpoint *endpoint, int error)
{
    if (endpoint->kind == ENDPOINT_TERMINAL)
        return error == EPIPE || error == EIO;
    return error == EPIPE && endpoint->kind == ENDPOINT_PIPE;
}

/* --- giving back and closing ---------------------------------------------------------------- */

void endpoint_restore(struct endpoint *endpoint)
{
    if (endpoint->fd < 0)
        return;
    nonblock_restore(&endpoint->nonblock, endpoint->fd);
}

void endpoint_reapply(struct endpoint *endpoint)
{
    if (endpoint->fd >= 0)
        nonblock_reapply(&endpoint->nonblock, endpoint->fd);
}

/* close(2) that first gives back everything. EINTR is not an error: the descriptor is closed, and
 * no data is known to be lost (close(2), "Dealing with error returns"). Standard error stays open
 * for messages, and so that no other file gets its number. */
static int give_back_and_close(struct endpoint *endpoint)
{
    if (endpoint->fd < 0)
        return 0;
    endpoint_restore(endpoint);
    if (endpoint->pipe_size_before > 0)
        (void)platform_set_pipe_size(endpoint->fd, endpoint->pipe_size_before); /* best effort */
    udp_end(&endpoint->udp);
    int result = endpoint->fd == STDERR_FILENO ? 0 : close(endpoint->fd);
    endpoint->fd = -1;
    return result == 0 || errno == EINTR ? 0 : -1;
}

void endpoint_close_input(struct endpoint *endpoint)
{
    pipe_relay_close(&endpoint->relay);
    (void)give_back_and_close(endpoint); /* everything needed has been read */
}

static void set_closing_error(struct endpoint *endpoint, const char *what, int error)
{
    set_error(endpoint, what, error);
    endpoint->hint = endpoint_hint(endpoint, error);
}

int endpoint_sync_output(struct endpoint *endpoint)
{
    int result = 0;
    if (endpoint->atomic.target != NULL)
        result = atomic_file_sync(&endpoint->atomic, endpoint->fd);
    else if (endpoint->sync && endpoint->fd >= 0 && endpoint_on_disk(endpoint))
        result = retry_sync(endpoint->fd);
    if (result == 0 || errno == EINVAL) /* fsync(2): EINVAL if it does not support syncing */
        return 0;
    set_closing_error(endpoint, "sync failed: ", errno);
    return -1;
}

int endpoint_close_output(struct endpoint *endpoint, bool complete)
{
    endpoint->error[0] = '\0';
    endpoint->hint = "";
    if (endpoint->fd < 0)
        return 0;
    if (complete)
        endpoint_keep(endpoint);
    if (complete && endpoint->atomic.target != NULL &&
        atomic_file_publish(&endpoint->atomic, endpoint->fd) != 0)
        set_closing_error(endpoint, "cannot be put in place: ", errno);
    if (give_back_and_close(endpoint) != 0 && endpoint->error[0] == '\0')
        set_closing_error(endpoint, "close failed: ", errno);
    atomic_file_close(&endpoint->atomic);
    return endpoint->error[0] == '\0' ? 0 : -1;
}

void endpoint_abandon_output(struct endpoint *endpoint)
{
    if (endpoint->created)
        (void)unlink(endpoint->name);
    (void)give_back_and_close(endpoint);
    atomic_file_close(&endpoint->atomic);
}

/* --- inherited descriptors ------------------------------------------------------------------ */

/* Whether an object without a type in stat(2), such as epoll(7), cannot be read, or written. With
 * no bytes, readv(2) and writev(2) only check this: they fail with EINVAL, or do nothing. */
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
