/*
 * pipe_hop.c - see pipe_hop.h.
 */
#include "io/pipe_hop.h"

#include "base/platform.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* No packet is longer: each is in a page of its own. */
static size_t longest_packet(void)
{
    long page = sysconf(_SC_PAGESIZE);
    return page > PIPE_HOP_PACKET ? (size_t)page : PIPE_HOP_PACKET;
}

/* Where descriptors are short there may be some later. */
static bool open_hop(struct pipe_hop *hop)
{
    int fds[2];
    if (hop->open || hop->refused)
        return !hop->refused;
    if (platform_pipe(fds, 0) != 0) {
        hop->refused = errno != EMFILE && errno != ENFILE;
        return false;
    }
    hop->read_fd = fds[0];
    hop->write_fd = fds[1];
    return hop->open = true;
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

/* A read of what is there may come short (POSIX; Linux's pipes do not do that), and then a stream
 * looks like packets: these have to look so LOOKS times. */
enum { LOOKS = 5 };

static enum pipe_content look(struct pipe_hop *hop, int fd)
{
    for (int i = 0; i < LOOKS; i++) {
        ++*hop->splices;
        ssize_t bytes = platform_tee(fd, hop->write_fd, 1);
        size_t together = bytes == 1 ? read_together(hop) : 0;
        if (together == 2)
            return PIPE_STREAM;
        hop->refused = bytes < 0 ? errno != EAGAIN && errno != EINTR : bytes == 1 && together == 0;
        if (together == 0)
            return PIPE_UNKNOWN;
    }
    return PIPE_PACKETS;
}

enum pipe_content pipe_hop_look(struct pipe_hop *hop, int fd)
{
    if (hop->content != PIPE_UNKNOWN || hop->splices == NULL || !open_hop(hop))
        return hop->content;
    hop->content = look(hop, fd);
    if (hop->content == PIPE_STREAM && !hop->wanted)
        pipe_hop_close(hop);
    return hop->content;
}

/* Where there are no large pipes for us an ordinary read brings more. */
static bool is_large(struct pipe_hop *hop)
{
    if (!hop->sized && open_hop(hop)) {
        hop->sized = true;
        hop->large = platform_set_pipe_size(hop->write_fd, PIPE_HOP_SIZE) >= PIPE_HOP_SIZE;
    }
    return hop->large;
}

bool pipe_hop_is_worth(struct pipe_hop *hop, int fd, size_t room)
{
    if (hop->splices == NULL || hop->refused)
        return false;
    if (hop->wanted && hop->last >= PIPE_HOP_WORTH && is_large(hop))
        return true;
    return room < longest_packet() && pipe_hop_look(hop, fd) != PIPE_STREAM && !hop->refused;
}

bool pipe_hop_would_lose(const struct pipe_hop *hop, size_t room)
{
    return hop->content == PIPE_PACKETS && hop->refused && room < longest_packet();
}

/* -1 with errno: they are lost. In one call, unless the pipe's writer made packets (pipe(2),
 * O_DIRECT): they come one by one. */
static ssize_t read_all(const struct pipe_hop *hop, const struct iovec *pieces, int count,
                        size_t bytes, uint64_t *reads)
{
    struct iovec left[PIPE_HOP_PIECES], *next = left;
    assert(count <= PIPE_HOP_PIECES);
    for (int i = 0; i < count; i++)
        left[i] = pieces[i];
    for (size_t missing = bytes; missing > 0;) {
        ++*reads;
        ssize_t part = readv(hop->read_fd, next, count);
        if (part < 0 && (errno == EINTR || errno == EAGAIN)) /* it holds what is missing */
            continue;
        if (part < 0)
            return -1;
        missing -= (size_t)part;
        for (; count > 0 && (size_t)part >= next->iov_len; next++, count--)
            part -= (ssize_t)next->iov_len;
        if (count > 0) {
            next->iov_base = (unsigned char *)next->iov_base + part;
            next->iov_len -= (size_t)part;
        }
    }
    return (ssize_t)bytes;
}

ssize_t pipe_hop_readv(struct pipe_hop *hop, int fd, const struct iovec *pieces, int count,
                       uint64_t *reads)
{
    size_t room = 0;
    for (int i = 0; i < count; i++)
        room += pieces[i].iov_len;
    if (!open_hop(hop))
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
    hop->open = hop->sized = hop->large = false;
}
