/*
 * endpoint.h - inputs and outputs: opening, properties, reading, writing, closing.
 *
 * An endpoint is opened from its text on the command line: PATH, "-", or "fd://N". /dev/stdin,
 * /dev/stdout, /dev/stderr, /dev/fd/N and /proc/self/fd/N also mean the inherited descriptor.
 * (Opening these paths again would truncate a file that stdout was appended to, and fails for
 * sockets.)
 *
 * Opening an output changes nothing yet: endpoint_begin_output() truncates an existing file, when
 * everything else is known to be open, and endpoint_abandon_output() removes a file that was
 * created.
 *
 * No function here prints. A function that fails leaves the reason in endpoint->error.
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
    ENDPOINT_UNTYPED, /* stat(2) shows no type: epoll(7), eventfd(2), pidfd_open(2) and so on */
    ENDPOINT_DISCARD  /* no descriptor: accepts everything */
};

/* The kind of a socket that bpipe connected or bound itself; an inherited TCP socket is
 * ENDPOINT_TCP, too. */
enum endpoint_socket { ENDPOINT_NO_SOCKET, ENDPOINT_TCP, ENDPOINT_UNIX, ENDPOINT_UDP };

enum { ENDPOINT_ERROR_TEXT = 160 };

struct endpoint {
    const char *name; /* "stdin", "stdout", or the text that it was opened from; not owned */
    int fd;           /* -1: not open */
    enum endpoint_kind kind;
    enum endpoint_socket socket;
    struct udp_socket udp; /* ENDPOINT_UDP */
    struct nonblock nonblock;
    struct direct_io direct;
    struct pipe_relay relay; /* for an input that is a pipe */
    struct atomic_file atomic;
    bool inherited;       /* other processes may share it: never unlinked, flags are given back */
    bool is_pty_master;   /* EIO means its end of file */
    bool writes_over;     /* an output by path that would truncate or append to an existing file */
    bool appends;         /* an output in append mode, which splice(2) refuses */
    bool created;         /* bpipe created this output file */
    bool truncate;        /* endpoint_begin_output() empties it */
    bool sync;            /* fdatasync(2) after every write */
    bool local;           /* ENDPOINT_TCP: its peer is on this machine */
    bool hurried;         /* ENDPOINT_TCP: TCP_NODELAY is on */
    size_t last_write;    /* how many bytes the last write moved */
    int pipe_size_before; /* of a pipe that was grown; 0: it was not grown */
    const char *refusal;  /* the reason from descriptor_check(), or NULL */
    char error[ENDPOINT_ERROR_TEXT];
    const char *hint; /* with an error of syncing or closing: endpoint_hint() of it */
};

/* 0, or -1 with endpoint->error. A FIFO may have no writer yet. */
int endpoint_open_input(struct endpoint *endpoint, const char *text, const struct options *options);

enum endpoint_opening { ENDPOINT_OPENED, ENDPOINT_PENDING, ENDPOINT_REFUSED };

/* PENDING: a FIFO without a reader; call again later. REFUSED: the reason is in endpoint->error. */
enum endpoint_opening endpoint_open_output(struct endpoint *endpoint, const char *text,
                                           const struct options *options);

/* Opens an output that accepts everything and has no descriptor (-X). */
void endpoint_open_discard(struct endpoint *endpoint);

/* Opens a socket that was connected or bound (net/dialer.h) as an input or output; `text` is its
 * name. */
void endpoint_open_socket(struct endpoint *endpoint, const char *text, enum address_kind kind,
                          int fd);

/* Opens bpipe's own end of a pipe that bpipe made, which is nonblocking: as an input, or with
 * `output` as an output. */
void endpoint_open_pipe(struct endpoint *endpoint, const char *name, int fd,
                        const struct options *options, bool output);

/* Whether it is a connection that bpipe made itself. (For an inherited TCP socket `socket` is set,
 * too, but other processes may share it.) */
bool endpoint_is_connection(const struct endpoint *endpoint);

/* Whether the bytes of an input can wait in pipes without being copied (buffer/pipe_queue.h). */
bool endpoint_gives_pages(const struct endpoint *endpoint);

/* Whether two open endpoints refer to the same regular file. */
bool endpoint_same_regular_file(const struct endpoint *a, const struct endpoint *b);

/* Whether writing to `output` would grow or overwrite the regular file that `input` is still
 * reading (`input` is not at its end). */
bool endpoint_feeds_itself(const struct endpoint *input, const struct endpoint *output);

/* Whether writing to `output` would truncate or append to the regular file of an input that is not
 * open yet, if this file is not empty. */
bool endpoint_would_overwrite_input(const char *input_text, const struct endpoint *output);

/* To be called before the first byte is written. 0, or -1 with endpoint->error. */
int endpoint_begin_output(struct endpoint *endpoint);

/*
 * readv(2) and writev(2) without blocking (base/nonblock.h): bytes, or -1 with errno. 0 from a read
 * is the end of file; for a UDP socket it is an empty datagram (net/udp_socket.h). *calls counts
 * system calls. With -K the pieces may be shortened.
 */
ssize_t endpoint_readv(struct endpoint *endpoint, struct iovec *iov, int count, uint64_t *calls);
ssize_t endpoint_writev(struct endpoint *endpoint, struct iovec *iov, int count, uint64_t *calls);

/* The same, except that an input on a disk returns only bytes in memory, if the system can tell,
 * and EAGAIN where it would have to wait for the disk. (With -K all bytes come from the disk.) */
ssize_t endpoint_readv_cached(struct endpoint *endpoint, struct iovec *iov, int count,
                              uint64_t *calls);

/* endpoint_sent() is called after `bytes` bytes were written, endpoint_sent_all() when there is
 * nothing more to write for now. If the last write was small, it is then sent at once, without
 * waiting for an acknowledgement of earlier bytes. */
void endpoint_sent(struct endpoint *endpoint, size_t bytes);
void endpoint_sent_all(struct endpoint *endpoint);

/* What a second message says about the output after a failed write: "is incomplete", or ""
 * (base/hint.h). */
const char *endpoint_hint(const struct endpoint *endpoint, int error);

/* How many bytes written to a TCP connection its peer's system has not acknowledged; the end of the
 * stream counts as one. -1 with errno; ENOSYS if the system cannot tell. */
int64_t endpoint_unacknowledged(const struct endpoint *endpoint);

/* To be called when all bytes read from or written to this connection have arrived at their
 * destination: closing it is then no reset (net/dialer.h). Does nothing for other endpoints. */
void endpoint_keep(struct endpoint *endpoint);

/* Whether poll() can wait for it; all other endpoints are always ready. */
bool endpoint_pollable(const struct endpoint *endpoint);

/* Whether its calls can wait for a disk. */
bool endpoint_on_disk(const struct endpoint *endpoint);

/* Whether a failed write means that the reader has gone, rather than a fault: EPIPE on a pipe,
 * EPIPE or EIO on a terminal. */
bool endpoint_reader_gone(const struct endpoint *endpoint, int error);

/* Around a stop of bpipe: endpoint_restore() gives shared flags back, endpoint_reapply() sets them
 * again. */
void endpoint_restore(struct endpoint *endpoint);
void endpoint_reapply(struct endpoint *endpoint);

/* Gives flags and pipe size back and closes. Harmless if it is not open. */
void endpoint_close_input(struct endpoint *endpoint);

/* To be called when the last byte was written: syncs an atomic output, or with -Y any output. 0, or
 * -1 with endpoint->error. It comes before the first endpoint_close_output(), so that all data is
 * known to be safe before the first atomic output appears. */
int endpoint_sync_output(struct endpoint *endpoint);

/*
 * Closes. With `complete` an atomic output gets its name; without, it disappears. 0, or -1 with
 * endpoint->error if that or close() failed.
 */
int endpoint_close_output(struct endpoint *endpoint, bool complete);

/* For an output that nothing was written to, if the run is cancelled: closes it and removes the
 * file that opening created. */
void endpoint_abandon_output(struct endpoint *endpoint);

/*
 * Inherited descriptors of a kind that cannot be read or written. Without this check, bpipe would
 * wait for a listening socket in vain. For the others, the error of the read or write may be hard
 * to understand (EINVAL), or come too late (when the first report is written).
 */

/* The reason why nothing can be read from `fd`, or with `output` written to it. NULL if its kind
 * does not tell. The access mode of the descriptor is not checked. Neither reads nor writes
 * anything. */
const char *descriptor_check(int fd, bool output);

#endif
