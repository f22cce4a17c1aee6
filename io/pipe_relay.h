/*
 * pipe_relay.h - reading a pipe by way of one of our own: a relay between it and our memory.
 *
 * A full pipe, without holding its writer up: read(2) keeps a pipe locked while it copies, and
 * wakes its writer when it is done; with a large pipe and a large read the two take turns, though
 * there is a processor for each. splice(2) of the same bytes into a pipe of our own moves
 * references only, and the writer goes on while they are copied from there. (Measured from a pipe
 * to a TCP connection with this machine, 11 interleaved runs of 2 GiB: 1.67 GiB/s by way of a
 * relay, 1.50 without. Into a file there is no gain.)
 *
 * And a pipe of packets (pipe(2), O_DIRECT), without losing any: what of a packet, which has
 * PIPE_BUF bytes at most, a read(2) has no room for is discarded, where splice(2) leaves it in its
 * place. No flag tells the reader which pipes are of that kind. But where a packet is duplicated
 * (tee(2)) and something written behind it, one read(2) does not get both. (Spliced on to an
 * output, packets stay packets, and somebody who reads them behind other bytes loses a part of one,
 * however much he reads at a time. So they are copied.)
 *
 * Nothing ever stays in the relay: what a call has spliced it has read.
 */
#ifndef BPIPE_PIPE_RELAY_H
#define BPIPE_PIPE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
    PIPE_RELAY_SIZE = 1 << 20,
    PIPE_RELAY_WORTH = 256 * 1024, /* a pipe that had less than this when it was read is not full */
    PIPE_RELAY_PACKET = 4096,      /* or a page, if that is more: no packet is longer */
    PIPE_RELAY_PIECES = 4
};

/* What comes by a pipe: unknown until something has. */
enum pipe_content { PIPE_UNKNOWN, PIPE_STREAM, PIPE_PACKETS };

struct pipe_relay {
    uint64_t *splices; /* counts splice(2), tee(2); NULL: not for this input. Set by the loop */
    bool wanted;       /* for what a full pipe holds. Set by the loop */
    size_t last;       /* how many bytes came when the input was read last */
    enum pipe_content content;
    bool open, refused;
    int read_fd, write_fd; /* if it is open */
    bool sized, large;     /* whether it was tried to make it PIPE_RELAY_SIZE, and has been */
};

/* Looks what comes by the pipe `fd`, unless that is known. It stays unknown while nothing has come,
 * and where a relay is refused. */
enum pipe_content pipe_relay_look(struct pipe_relay *relay, int fd);

/* Whether the next read of `fd`, into so many bytes of room, is to go by way of the relay. */
bool pipe_relay_is_worth(struct pipe_relay *relay, int fd, size_t room);

/* Whether what comes are packets, the relay was refused since that was known, and an ordinary read
 * into so little room could lose a part of one. */
bool pipe_relay_would_lose(const struct pipe_relay *relay, size_t room);

/*
 * Reads what `fd` has, up to what the pieces hold: bytes; -1 with errno, EAGAIN if it has none; or
 * 0, if only an ordinary read can tell: at the end, or where a relay is refused (and then is not
 * worth it any more). Any other error is one of our own pipe, and the bytes in it are lost. *reads
 * counts the reads. There are PIPE_RELAY_PIECES at most.
 */
ssize_t pipe_relay_readv(struct pipe_relay *relay, int fd, const struct iovec *pieces, int count,
                         uint64_t *reads);

/* Harmless twice, or on a zeroed one. */
void pipe_relay_close(struct pipe_relay *relay);

#endif
