/*
 * endpoint.h - inputs and outputs: opening, what each can do, reading, writing, closing.
 *
 * An endpoint is opened from its text on the command line: PATH, "-", or "fd://N". /dev/stdin,
 * /dev/stdout, /dev/stderr and /dev/fd/N mean the inherited descriptor as well (opening them again
 * would truncate a file that stdout was appended to, and fails for sockets).
 *
 * Opening an output touches nothing yet: an existing file is truncated by endpoint_begin_output(),
 * once everything else is known to be open, and endpoint_abandon_output() removes what was created.
 *
 * No function here prints; where one fails it leaves the reason in endpoint->error.
 */
#ifndef BPIPE_ENDPOINT_H
#define BPIPE_ENDPOINT_H

#include "base/nonblock.h"
#include "io/atomic_file.h"
#include "io/direct_io.h"
#include "io/pipe_relay.h"
#include "net/address.h"
#include "net/udp_socket.h"
#include "options/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum endpoint_kind {
    ENDPOINT_REGULAR,
    ENDPOINT_BLOCK,
    ENDPOINT_PIPE, /* or FIFO */
    ENDPOINT_TERMINAL,
    ENDPOINT_SOCKET,
    ENDPOINT_DEVICE,  /* any other character device */
    ENDPOINT_UNTYPED, /* no type in stat(2): epoll(7), eventfd(2), pidfd_open(2) and so on */
    ENDPOINT_DISCARD  /* no descriptor: takes everything */
};

/* What kind of socket it is that bpipe itself connected or bound. */
enum endpoint_socket { ENDPOINT_NO_SOCKET, ENDPOINT_TCP, ENDPOINT_UNIX, ENDPOINT_UDP };

enum { ENDPOINT_ERROR_TEXT = 160 };

struct endpoint {
    const char *name; /* "stdin", "stdout", or the text it was opened from; not owned */
    int fd;           /* -1: not open */
    enum endpoint_kind kind;
    enum endpoint_socket socket;
    struct udp_socket udp; /* ENDPOINT_UDP */
    struct nonblock nonblock;
    struct direct_io direct;
    struct pipe_relay relay; /* of an input that is a pipe */
    struct atomic_file atomic;
    bool inherited;       /* others may share it: never unlinked, its flags are given back */
    bool is_pty_master;   /* EIO is its end of file */
    bool writes_over;     /* an output by path that would truncate, or append to, what is there */
    bool appends;         /* an output in append mode, which splice(2) refuses */
    bool created;         /* this output file did not exist before */
    bool truncate;        /* endpoint_begin_output() empties it */
    bool sync;            /* fdatasync(2) after every write */
    bool local;           /* ENDPOINT_TCP: its peer is on this machine */
    bool hurried;         /* ENDPOINT_TCP: TCP_NODELAY is on */
    size_t last_write;    /* how many bytes that was */
    int pipe_size_before; /* of a pipe that was grown; 0: it was not */
    const char *refusal;  /* what descriptor_check() says of it */
    char error[ENDPOINT_ERROR_TEXT];
};

/* 0, or -1 with endpoint->error. A FIFO may have no writer yet. */
int endpoint_open_input(struct endpoint *endpoint, const char *text, const struct options *options);

enum endpoint_opening { ENDPOINT_OPENED, ENDPOINT_PENDING, ENDPOINT_REFUSED };

/* PENDING: a FIFO without a reader; call again later. REFUSED: see endpoint->error. */
enum endpoint_opening endpoint_open_output(struct endpoint *endpoint, const char *text,
                                           const struct options *options);

/* An output that takes everything and has no descriptor (-X). */
void endpoint_open_discard(struct endpoint *endpoint);

/* A socket that was connected or bound (net/dialer.h), as an input or output; `text` is its name.
 */
void endpoint_open_socket(struct endpoint *endpoint, const char *text, enum address_kind kind,
                          int fd);

/* Our end of a pipe that bpipe made itself, nonblocking: an input, or with `output` an output. */
void endpoint_open_pipe(struct endpoint *endpoint, const char *name, int fd,
                        const struct options *options, bool output);

/* Whether it is a connection that bpipe made itself. (An inherited TCP socket has `socket`, too,
 * but others may share it.) */
bool endpoint_is_connection(const struct endpoint *endpoint);

/* Whether what an input brings can wait in pipes without being copied (buffer/pipe_queue.h). */
bool endpoint_gives_pages(const struct endpoint *endpoint);

/* Whether two open endpoints are one regular file. */
bool endpoint_same_regular_file(const struct endpoint *a, const struct endpoint *b);

/* Whether writing to `output` would grow or overwrite the regular file that `input`, which is not
 * at its end, is read from. */
bool endpoint_feeds_itself(const struct endpoint *input, const struct endpoint *output);

/* Whether writing to `output` would truncate or append to the regular file of an input that is not
 * open yet, and that file is not empty. */
bool endpoint_would_overwrite_input(const char *input_text, const struct endpoint *output);

/* The first byte is about to be written. 0, or -1 with endpoint->error. */
int endpoint_begin_output(struct endpoint *endpoint);

/*
 * readv(2) and writev(2) without blocking (base/nonblock.h): bytes, or -1 with errno. 0 from a read
 * is the end of file; or of a UDP socket an empty datagram (net/udp_socket.h). *calls counts system
 * calls. With -K the pieces may be shortened.
 */
ssize_t endpoint_readv(struct endpoint *endpoint, struct iovec *iov, int count, uint64_t *calls);
ssize_t endpoint_writev(struct endpoint *endpoint, struct iovec *iov, int count, uint64_t *calls);

/* The same; but an input on a disk gives only what is in memory, if that can be told, and EAGAIN
 * where it would have to wait for the disk. (With -K there is only the disk.) */
ssize_t endpoint_readv_cached(struct endpoint *endpoint, struct iovec *iov, int count,
                              uint64_t *calls);

/* So many bytes were written; and, there are no more for now: if those were few they are not to
 * wait for what was sent before them to be acknowledged. */
void endpoint_sent(struct endpoint *endpoint, size_t bytes);
void endpoint_sent_all(struct endpoint *endpoint);

/* How many bytes that were written to a TCP connection its peer's system has not acknowledged, the
 * end of the stream counting as one. -1 with errno; ENOSYS where that cannot be told. */
int64_t endpoint_unacknowledged(const struct endpoint *endpoint);

/* All that came by this connection, or went out by it, is where it should be: closing it is to be
 * no reset (net/dialer.h). Nothing for other endpoints. */
void endpoint_keep(struct endpoint *endpoint);

/* Whether poll() can wait for it; all others are always ready. */
bool endpoint_pollable(const struct endpoint *endpoint);

/* Whether its calls can wait for a disk. */
bool endpoint_on_disk(const struct endpoint *endpoint);

/* Whether a failed write means that the reader has gone, rather than a fault: EPIPE on a pipe or a
 * device, EIO on a terminal. */
bool endpoint_reader_gone(const struct endpoint *endpoint, int error);

/* Gives shared flags back, and takes them again: around being stopped. */
void endpoint_restore(struct endpoint *endpoint);
void endpoint_reapply(struct endpoint *endpoint);

/* Gives flags and pipe size back and closes. Harmless when it is not open. */
void endpoint_close_input(struct endpoint *endpoint);

/* The last byte was written: syncs an atomic output, or with -Y any. 0, or -1 with
 * endpoint->error. Before the first endpoint_close_output(), so that all is known to be safe before
 * the first atomic output appears. */
int endpoint_sync_output(struct endpoint *endpoint);

/*
 * Closes. With `complete` an atomic output gets its name, without it vanishes. 0, or -1 with
 * endpoint->error when that or close() failed.
 */
int endpoint_close_output(struct endpoint *endpoint, bool complete);

/* Nothing was written and the run is off: closes, and removes what opening created. */
void endpoint_abandon_output(struct endpoint *endpoint);

/*
 * Inherited descriptors of a kind that nothing can be read from or written to. Without this a
 * listening socket would be waited for in vain, and what the others say when they are read or
 * written may be hard to understand (EINVAL), or come too late (of a report).
 */

/* Why nothing can be read from `fd`, or with `output` written to it. NULL if its kind does not tell
 * that. The mode that it is open in is not looked at. Neither reads nor writes anything. */
const char *descriptor_check(int fd, bool output);

#endif
