/*
 * transfer.c - see transfer.h. It neither decides how much may move, nor counts it: the loop does
 * both.
 */
#include "buffer/transfer.h"

#include "base/counted_call.h"
#include "base/minmax.h"
#include "base/platform.h"
#include "base/records.h"
#include "net/stream_socket.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* The status of a call that moved nothing and set errno. If poll() cannot wait for the endpoint,
 * EAGAIN is a failure: waiting would spin. */
static struct transfer moved_nothing(bool can_be_waited_for)
{
    bool later = errno == EAGAIN || errno == EWOULDBLOCK;
    return (struct transfer){
        .status = later && can_be_waited_for ? TRANSFER_BLOCKED : TRANSFER_FAILED, .error = errno};
}

struct transfer transfer_readv(struct iovec *pieces, int count, struct endpoint *input,
                               bool may_wait, uint64_t *calls)
{
    size_t wanted = 0;
    for (int i = 0; i < count; i++)
        wanted += pieces[i].iov_len;
    ssize_t bytes = may_wait ? endpoint_readv(input, pieces, count, calls)
                             : endpoint_readv_cached(input, pieces, count, calls);
    if (bytes < 0)
        return moved_nothing(endpoint_pollable(input) || !may_wait);
    bool datagram = input->socket == ENDPOINT_UDP; /* another datagram may be waiting */
    if (bytes == 0 && !datagram)
        return (struct transfer){.status = TRANSFER_END};
    return (struct transfer){.status = TRANSFER_MOVED,
                             .bytes = (size_t)bytes,
                             .partial = (size_t)bytes < wanted && !datagram};
}

struct transfer transfer_fill(struct ring *ring, struct endpoint *input, size_t max, bool may_wait,
                              enum record_kind records, uint64_t *calls)
{
    struct span span = ring_write_span(ring, max);
    assert(records != RECORD_DATAGRAM || span.bytes >= RECORD_DATAGRAM_SIZE);
    struct transfer transfer = transfer_readv(span.piece, span.count, input, may_wait, calls);
    if (transfer.status != TRANSFER_MOVED)
        return transfer;
    ring_commit(ring, transfer.bytes);
    transfer.records = records == RECORD_DATAGRAM;
    if (records == RECORD_DATAGRAM && transfer.bytes > 0)
        ring_end_record(ring);
    return transfer;
}

struct transfer transfer_read(void *memory, size_t max, struct endpoint *input,
                              enum record_kind records, uint64_t *calls)
{
    struct iovec piece = {memory, max};
    struct transfer transfer = transfer_readv(&piece, 1, input, false, calls);
    if (transfer.status == TRANSFER_MOVED)
        transfer.records =
            records == RECORD_DATAGRAM ? 1 : records_count(memory, transfer.bytes, records);
    return transfer;
}

static struct transfer write_span(struct span *span, struct endpoint *output, uint64_t *calls)
{
    ssize_t bytes = endpoint_writev(output, span->piece, span->count, calls);
    if (bytes == 0) /* a device at its end may take no byte (gnulib's full_write()) */
        return (struct transfer){.status = TRANSFER_FAILED, .error = ENOSPC};
    if (bytes < 0)
        return moved_nothing(endpoint_pollable(output));
    return (struct transfer){
        .status = TRANSFER_MOVED, .bytes = (size_t)bytes, .partial = (size_t)bytes < span->bytes};
}

struct transfer transfer_drain(struct ring *ring, size_t reader, struct endpoint *output,
                               size_t max, uint64_t *calls)
{
    struct span span = ring_read_span(ring, reader, max);
    struct transfer transfer = write_span(&span, output, calls);
    if (transfer.status == TRANSFER_MOVED)
        ring_consume(ring, reader, transfer.bytes);
    return transfer;
}

struct transfer transfer_write(struct iovec piece, struct endpoint *output, uint64_t *calls)
{
    struct span span = {.piece = {piece}, .count = 1, .bytes = piece.iov_len};
    return write_span(&span, output, calls);
}

/* A pipe that was spliced refuses RWF_NOWAIT for good (Linux, pipe_clear_nowait()). The only way
 * left to read it would be O_NONBLOCK, a flag that other processes share. */
static bool can_splice(const struct endpoint *endpoint)
{
    bool pipe = endpoint->kind == ENDPOINT_PIPE && endpoint->nonblock.method != NONBLOCK_NOWAIT;
    return pipe || endpoint_on_disk(endpoint) || endpoint_is_connection(endpoint);
}

enum transfer_way transfer_way(const struct endpoint *input, const struct endpoint *output)
{
    if (output->appends || output->sync || output->direct.wanted || input->direct.wanted ||
        !can_splice(input) || !can_splice(output))
        return TRANSFER_COPY;
    if (output->kind == ENDPOINT_PIPE)
        return TRANSFER_SPLICE;
    if (endpoint_is_connection(output))
        return input->kind == ENDPOINT_PIPE      ? (output->local ? TRANSFER_COPY : TRANSFER_SPLICE)
               : input->kind == ENDPOINT_REGULAR ? TRANSFER_SENDFILE
                                                 : TRANSFER_COPY;
    return input->kind == ENDPOINT_REGULAR && output->kind == ENDPOINT_REGULAR ? TRANSFER_COPY_RANGE
                                                                               : TRANSFER_COPY;
}

bool transfer_can_relay(const struct endpoint *input)
{
    return input->kind == ENDPOINT_PIPE && can_splice(input);
}

bool transfer_wants_relay(const struct endpoint *output)
{
    return endpoint_is_connection(output) && output->local;
}

/* The result of a call that passes bytes: `bytes`, or errno. */
static struct transfer passed(ssize_t bytes)
{
    if (bytes > 0)
        return (struct transfer){.status = TRANSFER_MOVED, .bytes = (size_t)bytes};
    if (bytes == 0)
        return (struct transfer){.status = TRANSFER_END};
    return (struct transfer){.status = errno == EAGAIN ? TRANSFER_BLOCKED : TRANSFER_FAILED,
                             .error = errno};
}

struct transfer transfer_pass(enum transfer_way way, struct endpoint *input,
                              struct endpoint *output, size_t max, uint64_t *calls)
{
    ssize_t bytes;
    do {
        ++*calls;
        bytes = way == TRANSFER_SPLICE     ? platform_splice(input->fd, output->fd, max)
                : way == TRANSFER_SENDFILE ? platform_sendfile(input->fd, output->fd, max)
                                           : platform_copy_range(input->fd, output->fd, max);
    } while (bytes < 0 && errno == EINTR);
    return passed(bytes);
}

/* --- by way of the pipe queue ----------------------------------------------------------------- */

struct transfer transfer_into_queue(struct pipe_queue *queue, struct endpoint *input, size_t max,
                                    uint64_t *splices)
{
    int back = pipe_queue_back(queue);
    ssize_t bytes;
    do {
        ++*splices;
        bytes = platform_splice(input->fd, back, max);
    } while (bytes < 0 && errno == EINTR);
    if (bytes > 0)
        pipe_queue_put(queue, (size_t)bytes);
    return passed(bytes);
}

struct transfer transfer_tee(const struct pipe_queue *queue, const struct endpoint *output,
                             size_t max, uint64_t *splices)
{
    size_t held;
    int front = pipe_queue_front(queue, &held);
    ssize_t bytes;
    do {
        ++*splices;
        bytes = platform_tee(front, output->fd, min_size(held, max));
    } while (bytes < 0 && errno == EINTR);
    return passed(bytes);
}

size_t transfer_take(struct pipe_queue *queue, void *memory, size_t max, uint64_t *reads)
{
    size_t held;
    int front = pipe_queue_front(queue, &held);
    ssize_t bytes;
    do {
        ++*reads;
        bytes = read(front, memory, min_size(held, max));
    } while (bytes < 0 && (errno == EINTR || errno == EAGAIN));
    if (bytes <= 0)
        return 0;
    pipe_queue_got(queue, (size_t)bytes);
    return (size_t)bytes;
}

static size_t read_queued(struct pipe_queue *queue, size_t max, uint64_t *calls)
{
    size_t wanted = max < PIPE_QUEUE_BOUNCE_SIZE ? max : PIPE_QUEUE_BOUNCE_SIZE;
    return transfer_take(queue, queue->bounce, wanted, &calls[CALL_READ]);
}

/* Removes from the pipe queue `bytes` that the output has got, and counts the records in them. */
static struct transfer take_counted(struct pipe_queue *queue, size_t bytes,
                                    enum record_kind records, uint64_t *calls)
{
    struct transfer transfer = {.status = TRANSFER_MOVED, .bytes = bytes};
    while (bytes > 0) {
        size_t part = read_queued(queue, bytes, calls);
        if (part == 0)
            return (struct transfer){.status = TRANSFER_FAILED, .error = errno};
        transfer.records += records_count(queue->bounce, part, records);
        bytes -= part;
    }
    return transfer;
}

/* Sends queued bytes to an output that refuses pages, by copying them. */
static struct transfer copy_queued(struct pipe_queue *queue, struct endpoint *output, size_t max,
                                   enum record_kind records, uint64_t *calls)
{
    struct transfer transfer = {.status = TRANSFER_MOVED, .copied = true};
    if (pipe_queue_bounce(queue) == NULL)
        return (struct transfer){.status = TRANSFER_FAILED, .error = ENOMEM};
    if (queue->bounce_left == 0) {
        size_t bytes = read_queued(queue, max, calls);
        if (bytes == 0)
            return (struct transfer){.status = TRANSFER_FAILED, .error = errno};
        queue->bounce_start = 0;
        queue->bounce_left = bytes;
    }
    struct iovec piece = {queue->bounce + queue->bounce_start, queue->bounce_left};
    ssize_t bytes = endpoint_writev(output, &piece, 1, &calls[CALL_WRITE]);
    if (bytes <= 0)
        return moved_nothing(endpoint_pollable(output));
    transfer.records = records_count(piece.iov_base, (size_t)bytes, records);
    queue->bounce_start += (size_t)bytes;
    queue->bounce_left -= (size_t)bytes;
    transfer.bytes = (size_t)bytes;
    return transfer;
}

struct transfer transfer_from_queue(struct pipe_queue *queue, struct endpoint *output, size_t max,
                                    enum record_kind records, uint64_t *calls)
{
    if (queue->copying)
        return copy_queued(queue, output, max, records, calls);
    size_t held;
    int front = pipe_queue_front(queue, &held);
    size_t wanted = min_size(held, max);
    bool counting = records != RECORD_NONE && pipe_queue_bounce(queue) != NULL;
    ssize_t bytes;
    do {
        calls[CALL_SPLICE]++;
        bytes = counting ? platform_tee(front, output->fd, wanted)
                         : platform_splice(front, output->fd, wanted);
    } while (bytes < 0 && errno == EINTR);
    if (bytes > 0 && counting)
        return take_counted(queue, (size_t)bytes, records, calls);
    if (bytes > 0) {
        pipe_queue_got(queue, (size_t)bytes);
        return (struct transfer){.status = TRANSFER_MOVED, .bytes = (size_t)bytes};
    }
    bool broke = endpoint_is_connection(output) && stream_socket_broke(errno);
    if (bytes < 0 && (errno == EAGAIN || errno == EPIPE || broke))
        return passed(bytes);
    queue->copying = true;
    return copy_queued(queue, output, max, records, calls);
}

uint64_t transfer_count_queued(struct pipe_queue *queue, enum record_kind records, uint64_t *calls)
{
    if (records == RECORD_NONE || pipe_queue_bounce(queue) == NULL)
        return 0;
    uint64_t count =
        records_count(queue->bounce + queue->bounce_start, queue->bounce_left, records);
    for (size_t bytes = 1; bytes > 0 && queue->bytes > 0;) {
        bytes = read_queued(queue, SIZE_MAX, calls);
        count += records_count(queue->bounce, bytes, records);
    }
    return count;
}
