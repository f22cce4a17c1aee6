/*
 * pipe_relay.c - see pipe_relay.h.
 */
#include "io/pipe_relay.h"

#include "base/platform.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* No packet is longer, because each packet is in one page of its own. */
static size_t longest_packet(void)
{
    long page = sysconf(_SC_PAGESIZE);
    return page > PIPE_RELAY_PACKET ? (size_t)page : PIPE_RELAY_PACKET;
}

/* If descriptors are short, the relay is not refused: there may be some later. */
static bool open_relay(struct pipe_relay *relay)
{
    int fds[2];
    if (relay->open || relay->refused)
        return !relay->refused;
    if (platform_pipe(fds, 0) != 0) {
        relay->refused = errno != EMFILE && errno != ENFILE;
        return false;
    }
    relay->read_fd = fds[0];
    relay->write_fd = fds[1];
    return relay->open = true;
}

/* The relay contains one byte, which may belong to a packet. This puts another byte after it and
 * reads both. Returns how many the first read got. 0: that is not possible. */
static size_t read_together(const struct pipe_relay *relay)
{
    char bytes[2];
    size_t first = 0, left = sizeof bytes;
    if (write(relay->write_fd, "", 1) != 1)
        return 0;
    while (left > 0) {
        ssize_t part = read(relay->read_fd, bytes, left);
        if (part < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (part <= 0)
            return 0;
        first = first == 0 ? (size_t)part : first;
        left -= (size_t)part;
    }
    return first;
}

/* A read may return fewer bytes than are there (POSIX; pipes of Linux do not do that), and then a
 * stream looks like packets. So packets must be seen LOOKS times in a row. */
enum { LOOKS = 5 };

static enum pipe_content look(struct pipe_relay *relay, int fd)
{
    for (int i = 0; i < LOOKS; i++) {
        ++*relay->splices;
        ssize_t bytes = platform_tee(fd, relay->write_fd, 1);
        size_t together = bytes == 1 ? read_together(relay) : 0;
        if (together == 2)
            return PIPE_STREAM;
        relay->refused =
            bytes < 0 ? errno != EAGAIN && errno != EINTR : bytes == 1 && together == 0;
        if (together == 0)
            return PIPE_UNKNOWN;
    }
    return PIPE_PACKETS;
}

enum pipe_content pipe_relay_look(struct pipe_relay *relay, int fd)
{
    if (relay->content != PIPE_UNKNOWN || relay->splices == NULL || !open_relay(relay))
        return relay->content;
    relay->content = look(relay, fd);
    if (relay->content == PIPE_STREAM && !relay->wanted)
        pipe_relay_close(relay);
    return relay->content;
}

/* If bpipe cannot get a large pipe, an ordinary read gets more bytes. */
static bool is_large(struct pipe_relay *relay)
{
    if (!relay->sized && open_relay(relay)) {
        relay->sized = true;
        relay->large = platform_set_pipe_size(relay->write_fd, PIPE_RELAY_SIZE) >= PIPE_RELAY_SIZE;
    }
    return relay->large;
}

bool pipe_relay_is_worth(struct pipe_relay *relay, int fd, size_t room)
{
    if (relay->splices == NULL || relay->refused)
        return false;
    if (relay->wanted && relay->last >= PIPE_RELAY_WORTH && is_large(relay))
        return true;
    return room < longest_packet() && pipe_relay_look(relay, fd) != PIPE_STREAM && !relay->refused;
}

bool pipe_relay_would_lose(const struct pipe_relay *relay, size_t room)
{
    return relay->content == PIPE_PACKETS && relay->refused && room < longest_packet();
}

/* Reads `bytes` bytes out of the relay. It needs one call, unless the pipe's writer made packets
 * (pipe(2), O_DIRECT), which come one by one. -1 with errno: the bytes are lost. */
static ssize_t read_all(const struct pipe_relay *relay, const struct iovec *pieces, int count,
                        size_t bytes, uint64_t *reads)
{
    struct iovec left[PIPE_RELAY_PIECES], *next = left;
    assert(count <= PIPE_RELAY_PIECES);
    for (int i = 0; i < count; i++)
        left[i] = pieces[i];
    for (size_t missing = bytes; missing > 0;) {
        ++*reads;
        ssize_t part = readv(relay->read_fd, next, count);
        if (part < 0 && (errno == EINTR || errno == EAGAIN)) /* the relay holds the missing bytes */
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

ssize_t pipe_relay_readv(struct pipe_relay *relay, int fd, const struct iovec *pieces, int count,
                         uint64_t *reads)
{
    size_t room = 0;
    for (int i = 0; i < count; i++)
        room += pieces[i].iov_len;
    if (!open_relay(relay))
        return 0;
    ssize_t bytes;
    do {
        ++*relay->splices;
        bytes = platform_splice(fd, relay->write_fd, room);
    } while (bytes < 0 && errno == EINTR);
    if (bytes > 0)
        return read_all(relay, pieces, count, (size_t)bytes, reads);
    if (bytes < 0 && errno == EAGAIN)
        return -1;
    relay->refused = bytes < 0;
    return 0;
}

void pipe_relay_close(struct pipe_relay *relay)
{
    if (relay->open) {
        close(relay->read_fd);
        close(relay->write_fd);
    }
    relay->open = relay->sized = relay->large = false;
}
