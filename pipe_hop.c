/*
 * pipe_hop.c - see pipe_hop.h.
 */
#include "pipe_hop.h"

#include "platform.h"

#include <errno.h>
#include <unistd.h>

static bool is_open(struct pipe_hop *hop)
{
    int fds[2];
    if (hop->open || hop->refused)
        return hop->open && !hop->refused;
    hop->open = platform_pipe(fds, 0) == 0;
    hop->refused = !hop->open;
    if (hop->open) {
        hop->read_fd = fds[0];
        hop->write_fd = fds[1];
    }
    return hop->open;
}

/* There is a byte in the hop, which may be of a packet. Puts another behind it, and takes both out:
 * how many with the first read. 0: that is not possible. */
static size_t read_together(const struct pipe_hop *hop)
{
    char bytes[2];
    size_t first = 0, left = sizeof bytes;
    if (write(hop->write_fd, "", 1) != 1)
        return 0;
    while (left > 0) {
        ssize_t part = read(hop->read_fd, bytes, left);
        if (part < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (part <= 0)
            return 0;
        first = first == 0 ? (size_t)part : first;
        left -= (size_t)part;
    }
    return first;
}

enum pipe_content pipe_hop_look(struct pipe_hop *hop, int fd)
{
    if (hop->content != PIPE_UNKNOWN || hop->splices == NULL || !is_open(hop))
        return hop->content;
    ++*hop->splices;
    ssize_t bytes = platform_tee(fd, hop->write_fd, 1);
    if (bytes == 1) {
        size_t together = read_together(hop);
        hop->refused = together == 0;
        hop->content = together == 0 ? PIPE_UNKNOWN : together == 1 ? PIPE_PACKETS : PIPE_STREAM;
    } else if (bytes < 0) {
        hop->refused = errno != EAGAIN && errno != EINTR;
    }
    if (hop->content == PIPE_STREAM && !hop->wanted)
        pipe_hop_close(hop);
    return hop->content;
}

/* Where there are no large pipes for us an ordinary read brings more. */
static bool is_large(struct pipe_hop *hop)
{
    if (hop->size == 0 && is_open(hop)) {
        bool grown = platform_set_pipe_size(hop->write_fd, PIPE_HOP_SIZE) >= PIPE_HOP_SIZE;
        hop->size = grown ? PIPE_HOP_SIZE : 1;
    }
    return hop->size == PIPE_HOP_SIZE;
}

bool pipe_hop_is_worth(struct pipe_hop *hop, int fd, size_t room)
{
    if (hop->splices == NULL || hop->refused)
        return false;
    if (hop->wanted && hop->last >= PIPE_HOP_WORTH && is_large(hop))
        return true;
    return room < PIPE_HOP_PACKET && pipe_hop_look(hop, fd) != PIPE_STREAM && !hop->refused;
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
    if (!is_open(hop))
        return 0;
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
