/*
 * pipe_hop.c - see pipe_hop.h.
 */
#include "pipe_hop.h"

#include "platform.h"

#include <errno.h>
#include <unistd.h>

bool pipe_hop_is_worth(const struct pipe_hop *hop)
{
    return hop->splices != NULL && !hop->refused && hop->last >= PIPE_HOP_WORTH;
}

static bool is_open(struct pipe_hop *hop)
{
    int fds[2];
    if (hop->open)
        return true;
    if (platform_pipe(fds, PIPE_HOP_SIZE) != 0)
        return false;
    hop->read_fd = fds[0];
    hop->write_fd = fds[1];
    return hop->open = true;
}

/* The pieces without their first `bytes` bytes. */
static void skip(struct iovec **pieces, int *count, size_t bytes)
{
    while (*count > 0 && bytes >= (*pieces)->iov_len) {
        bytes -= (*pieces)->iov_len;
        ++*pieces;
        --*count;
    }
    if (*count > 0) {
        (*pieces)->iov_base = (unsigned char *)(*pieces)->iov_base + bytes;
        (*pieces)->iov_len -= bytes;
    }
}

/* -1 with errno: they are lost. In one call, unless the pipe's writer made packets (pipe(2),
 * O_DIRECT): they come one by one. */
static ssize_t read_all(const struct pipe_hop *hop, struct iovec *pieces, int count, size_t bytes,
                        uint64_t *reads)
{
    for (size_t left = bytes; left > 0;) {
        ++*reads;
        ssize_t part = readv(hop->read_fd, pieces, count);
        if (part < 0 && (errno == EINTR || errno == EAGAIN)) /* it holds `left` bytes */
            continue;
        if (part < 0)
            return -1;
        left -= (size_t)part;
        skip(&pieces, &count, (size_t)part);
    }
    return (ssize_t)bytes;
}

ssize_t pipe_hop_readv(struct pipe_hop *hop, int fd, struct iovec *pieces, int count,
                       uint64_t *reads)
{
    size_t room = 0;
    for (int i = 0; i < count; i++)
        room += pieces[i].iov_len;
    if (!is_open(hop)) {
        hop->refused = true;
        return 0;
    }
    ssize_t bytes;
    do {
        ++*hop->splices;
        bytes = platform_splice(fd, hop->write_fd, room);
    } while (bytes < 0 && errno == EINTR);
    if (bytes > 0)
        return read_all(hop, pieces, count, (size_t)bytes, reads);
    if (bytes < 0 && errno == EAGAIN)
        return -1;
    hop->refused = bytes < 0;
    return 0;
}

void pipe_hop_close(struct pipe_hop *hop)
{
    if (hop->open) {
        close(hop->read_fd);
        close(hop->write_fd);
    }
    hop->open = false;
}
