/*
 * transfer.h - the moves: input -> ring -> output, and without the ring input -> output, or input
 * -> pipe queue -> output. Each is one system call (two, to count records without the ring), and
 * blocks only for a disk.
 */
#ifndef BPIPE_TRANSFER_H
#define BPIPE_TRANSFER_H

#include "buffer/pipe_queue.h"
#include "io/endpoint.h"
#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transfer_status {
    TRANSFER_MOVED,   /* `bytes` > 0 moved; 0: an empty datagram was read */
    TRANSFER_BLOCKED, /* not ready: call poll() */
    TRANSFER_END,     /* end of file */
    TRANSFER_FAILED   /* `error` is the errno */
};

struct transfer {
    enum transfer_status status;
    size_t bytes;
    bool partial;     /* fewer bytes moved than could have: not ready for more now */
    uint64_t records; /* how many records ended in these bytes, if the function says so */
    bool copied;      /* drained from the pipe queue: copied through bpipe's memory after all */
    size_t added;     /* bytes of framing that moved besides these (buffer/frame_stream.h) */
    int error;
};

/*
 * Reads up to `max` bytes into the ring, which must have room. Unless it `may_wait` for a disk, it
 * reads from a file only bytes that are in memory. TRANSFER_BLOCKED then says that the disk has to
 * be waited for, which poll() cannot do. A datagram is read alone, whole, and with its end marked;
 * the ring must have room for the longest datagram. *calls counts system calls. transfer.records is
 * 1 for a datagram. Other records are not counted here: buffer/record_index.h counts the records
 * that enter the ring.
 */
struct transfer transfer_fill(struct ring *ring, struct endpoint *input, size_t max, bool may_wait,
                              enum record_kind records, uint64_t *calls);

/* Reads up to `max` bytes into `memory`, where they wait for a place in the ring, and counts the
 * records in them. Does not wait for a disk. */
struct transfer transfer_read(void *memory, size_t max, struct endpoint *input,
                              enum record_kind records, uint64_t *calls);

/* Reads into these pieces of any memory, in one call, which may shorten them (io/endpoint.h).
 * Neither commits bytes nor counts records. */
struct transfer transfer_readv(struct iovec *pieces, int count, struct endpoint *input,
                               bool may_wait, uint64_t *calls);

/* Writes bytes that are not in the ring. */
struct transfer transfer_write(struct iovec piece, struct endpoint *output, uint64_t *calls);

/* Writes up to `max` bytes that `reader` has not consumed, in one call. */
struct transfer transfer_drain(struct ring *ring, size_t reader, struct endpoint *output,
                               size_t max, uint64_t *calls);

/* How bytes can go from an input to an output without a copy through bpipe's memory. */
enum transfer_way { TRANSFER_COPY, TRANSFER_SPLICE, TRANSFER_SENDFILE, TRANSFER_COPY_RANGE };

/*
 * The way for two open endpoints: splice(2) from a pipe, a file or a connection of bpipe's own to a
 * pipe, and from a pipe to such a connection; sendfile(2) from a file to such a connection;
 * copy_file_range(2) between regular files. TRANSFER_COPY, through the ring, is for everything that
 * behaves differently: terminals, devices, inherited sockets (splice would block), outputs in
 * append mode, and outputs that are synced or written directly. It is also for a pipe to a file:
 * there splice(2) saves no copy and writes page by page, which costs more than one large write(2)
 * (measured: 0.44 CPU seconds per GiB against 0.33, ext4, Linux 6.18). And it is for a pipe to a
 * TCP connection within this machine: with splice(2) the receiver would get the pages themselves,
 * in many small pieces; copied bytes arrive in a few large ones (measured, all processes together:
 * 0.87 CPU seconds per GiB against 0.70).
 */
enum transfer_way transfer_way(const struct endpoint *input, const struct endpoint *output);

/* transfer_can_relay(): whether the input can be read through a relay (io/pipe_relay.h).
 * transfer_wants_relay(): whether a relay makes the copy to this output faster, which it does for
 * TCP within this machine. */
bool transfer_can_relay(const struct endpoint *input);
bool transfer_wants_relay(const struct endpoint *output);

/*
 * Moves up to `max` bytes that way. TRANSFER_BLOCKED does not say which side is not ready; poll()
 * does. TRANSFER_END means that no bytes came: a read tells whether the input has ended.
 * TRANSFER_FAILED with EPIPE is a failure of the output. If one of the two is a connection, an
 * error that says that a connection broke is that connection's, and the kernel reports it only
 * once. Any other error means that this way does not work for these two endpoints. Nothing was lost
 * then, and a real failure shows up again on the way through the ring.
 */
struct transfer transfer_pass(enum transfer_way way, struct endpoint *input,
                              struct endpoint *output, size_t max, uint64_t *calls);

/*
 * Moves up to `max` bytes from a pipe (or a file) to the newest pipe of the queue, which must have
 * one (pipe_queue_back()). The statuses are those of transfer_pass(). TRANSFER_BLOCKED may also
 * mean that the newest pipe is full.
 */
struct transfer transfer_into_queue(struct pipe_queue *queue, struct endpoint *input, size_t max,
                                    uint64_t *splices);

/*
 * Moves up to `max` bytes from the queue, which must hold some, to the output. To count records, it
 * gives the output the pages (tee(2)) and then reads them: one copy, where the ring takes two. If
 * the output refuses pages, the bytes are copied from then on. transfer.records counts the records
 * that the output has got. calls: indexed by enum counted_call.
 */
struct transfer transfer_from_queue(struct pipe_queue *queue, struct endpoint *output, size_t max,
                                    enum record_kind records, uint64_t *calls);

/* transfer_from_queue() in two steps, for callers that need the bytes. This step gives the output
 * the pages of up to `max` bytes of the queue's first pipe, which keeps them. A status other than
 * TRANSFER_MOVED and TRANSFER_BLOCKED, except a failure with EPIPE, means that the output refuses
 * pages. */
struct transfer transfer_tee(const struct pipe_queue *queue, const struct endpoint *output,
                             size_t max, uint64_t *splices);

/* The second step: reads up to `max` bytes from the first pipe, and so takes them out of the queue.
 * The pipe cannot make bpipe wait. Returns 0 after a failure, with errno. */
size_t transfer_take(struct pipe_queue *queue, void *memory, size_t max, uint64_t *reads);

/* Counts the records in the bytes that the pipe queue still holds, by reading them. */
uint64_t transfer_count_queued(struct pipe_queue *queue, enum record_kind records, uint64_t *calls);

#endif
