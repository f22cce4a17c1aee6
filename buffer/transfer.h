/*
 * transfer.h - the moves: input -> ring -> output, and past the ring input -> output, or input ->
 * pipe queue -> output. One system call each (two to count records on their way), never blocking
 * but for a disk.
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
    TRANSFER_BLOCKED, /* not ready: poll() */
    TRANSFER_END,     /* end of file */
    TRANSFER_FAILED   /* `error` is the errno */
};

struct transfer {
    enum transfer_status status;
    size_t bytes;
    bool partial;     /* fewer bytes moved than could have: it is not ready for more now */
    uint64_t records; /* how many records ended in these bytes, where the function says so */
    bool copied;      /* drained from the pipe queue: they went through our memory after all */
    size_t added;     /* bytes of framing that moved beside these (buffer/frame_stream.h) */
    int error;
};

/*
 * Reads up to `max` bytes; the ring must have room. Unless it `may_wait` for a disk it reads what
 * is in memory of a file, and TRANSFER_BLOCKED then says that the disk has to be waited for; poll()
 * cannot do that. A datagram comes alone, whole and with its end marked, if there is room for the
 * longest. *calls counts system calls. transfer.records is 1 for a datagram; other records are not
 * counted here: buffer/record_index.h counts what enters the ring.
 */
struct transfer transfer_fill(struct ring *ring, struct endpoint *input, size_t max, bool may_wait,
                              enum record_kind records, uint64_t *calls);

/* Reads up to `max` bytes into `memory`, where they wait for a place, and counts the records in
 * them. Does not wait for a disk. */
struct transfer transfer_read(void *memory, size_t max, struct endpoint *input,
                              enum record_kind records, uint64_t *calls);

/* Reads into these pieces of any memory, in one call; they may be shortened then (io/endpoint.h).
 * Neither commits anything nor counts records. */
struct transfer transfer_readv(struct iovec *pieces, int count, struct endpoint *input,
                               bool may_wait, uint64_t *calls);

/* Writes bytes that are not in the ring. */
struct transfer transfer_write(struct iovec piece, struct endpoint *output, uint64_t *calls);

/* Writes up to `max` bytes that `reader` has not consumed, in one call. */
struct transfer transfer_drain(struct ring *ring, size_t reader, struct endpoint *output,
                               size_t max, uint64_t *calls);

/* How bytes can go from an input to an output without passing through our memory. */
enum transfer_way { TRANSFER_COPY, TRANSFER_SPLICE, TRANSFER_SENDFILE, TRANSFER_COPY_RANGE };

/*
 * The way for two open endpoints: splice(2) to a pipe from another, from a file or from a
 * connection that bpipe made, and from a pipe to such; sendfile(2) from a file to it;
 * copy_file_range(2) between regular files. TRANSFER_COPY, through the ring, for everything that
 * behaves otherwise: terminals, devices, inherited sockets (splice would block), outputs in append
 * mode, outputs that are synced or written directly. And from a pipe to a file: there splice(2)
 * saves no copy and writes page by page, which costs more than one large write(2) (measured: 0.44
 * CPU seconds per GiB against 0.33, ext4, Linux 6.18). And from a pipe to a TCP connection with
 * this machine: its receiver would get the pages themselves, many small pieces, where the copy
 * comes in few large ones (measured, all processes together: 0.87 CPU seconds per GiB against
 * 0.70).
 */
enum transfer_way transfer_way(const struct endpoint *input, const struct endpoint *output);

/* Whether the input can be read by way of a relay (io/pipe_relay.h), and whether that makes the
 * copy to this output faster: one to TCP with this machine. */
bool transfer_can_relay(const struct endpoint *input);
bool transfer_wants_relay(const struct endpoint *output);

/*
 * Moves up to `max` bytes that way. TRANSFER_BLOCKED does not say which side is not ready; poll()
 * does. TRANSFER_END means that nothing came: a read tells whether that is the end. TRANSFER_FAILED
 * with EPIPE is the output's. If one of the two is a connection, an error that says that a
 * connection broke is that one's, and was told for the only time. With any other error the way is
 * not for these two, nothing was lost, and a real fault shows up again on the way through the ring.
 */
struct transfer transfer_pass(enum transfer_way way, struct endpoint *input,
                              struct endpoint *output, size_t max, uint64_t *calls);

/*
 * Moves up to `max` bytes from a pipe (or a file) to the newest pipe of the queue, which must have
 * one (pipe_queue_back()). The statuses are those of transfer_pass(); TRANSFER_BLOCKED may also
 * mean that that pipe is full.
 */
struct transfer transfer_into_queue(struct pipe_queue *queue, struct endpoint *input, size_t max,
                                    uint64_t *splices);

/*
 * Moves up to `max` bytes from the queue, which must hold some, to the output. To count records it
 * gives the output the pages (tee(2)) and reads them, one copy where the ring takes two. If the
 * output refuses pages the bytes are copied from then on. transfer.records are those that the
 * output has got. calls: by enum counted_call.
 */
struct transfer transfer_from_queue(struct pipe_queue *queue, struct endpoint *output, size_t max,
                                    enum record_kind records, uint64_t *calls);

/* The two halves of that for whom the bytes are: gives the output the pages of up to `max` bytes of
 * the queue's first pipe, which keeps them; any status but MOVED and BLOCKED, if it is not EPIPE,
 * means that the output refuses pages. */
struct transfer transfer_tee(const struct pipe_queue *queue, const struct endpoint *output,
                             size_t max, uint64_t *splices);

/* Reads up to `max` of the bytes of the first pipe, which cannot make us wait, and takes them out
 * of the pipe queue. 0: failed, with errno. */
size_t transfer_take(struct pipe_queue *queue, void *memory, size_t max, uint64_t *reads);

/* The records in what the pipe queue still holds, which is read for that. */
uint64_t transfer_count_queued(struct pipe_queue *queue, enum record_kind records, uint64_t *calls);

#endif
