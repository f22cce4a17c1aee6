/*
 * frame_stream.c - see frame_stream.h.
 *
 * --frame: the length of a chunk is known only when the chunk has been read. So room is left for
 * the length, and taken back if nothing was read. Room for the final record is always left, too.
 *
 * --unframe: one call reads the rest of a chunk to its place in the ring, and the bytes behind it
 * into `ahead`. Framing is taken from `ahead`, and small chunks are copied from it. Payload that
 * came before a failure is handed over first; the next call reports the failure.
 *
 * Through the pipe queue, the length of a chunk is written when the chunk is there, so nothing
 * waits for it. A chunk that has begun to leave that way may have to go on in the ring
 * (frame_stream_pour()): the rest of it goes there unchanged.
 */
#include "buffer/frame_stream.h"

#include "base/counted_call.h"
#include "base/minmax.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

_Static_assert(OPTIONS_FRAMING == FRAME_HEAD + FRAME_LENGTH + FRAME_FINAL,
               "what options/check.c has");

/* --- --frame ---------------------------------------------------------------------------------- */

/* Overwrites the first `bytes` of a span, which may be in both of its pieces. */
static void overwrite(const struct span *span, const unsigned char *memory, size_t bytes)
{
    for (int i = 0; bytes > 0; i++) {
        size_t part = min_size(bytes, span->piece[i].iov_len);
        memcpy(span->piece[i].iov_base, memory, part);
        memory += part;
        bytes -= part;
    }
}

/* The length of the framing before the next chunk; before the first one it includes the head. */
static size_t field_length(const struct frame_stream *framing)
{
    return (framing->begun ? 0 : FRAME_HEAD) + FRAME_LENGTH;
}

static void write_field(struct frame_stream *framing, unsigned char *field, size_t bytes)
{
    size_t length = field_length(framing);
    if (!framing->begun)
        frame_write_head(field);
    framing->begun = true;
    frame_write_length(field + length - FRAME_LENGTH, bytes);
}

/* The newest `bytes` of the ring are a chunk, and the `before` bytes before them were left for its
 * framing. */
static void complete_chunk(struct frame_stream *framing, const struct ring *ring, size_t before,
                           size_t bytes)
{
    unsigned char field[FRAMING_FIELD];
    write_field(framing, field, bytes);
    struct span span = ring_newest(ring, before + bytes);
    overwrite(&span, field, before);
    span = ring_newest(ring, bytes);
    for (int i = 0; i < span.count; i++)
        frame_wrote(&framing->writer, span.piece[i].iov_base, span.piece[i].iov_len);
}

static struct transfer fill_chunk(struct frame_stream *framing, struct ring *ring,
                                  struct endpoint *input, size_t max, bool may_wait,
                                  uint64_t *calls)
{
    size_t before = field_length(framing);
    assert(ring_room(ring) > before + FRAME_FINAL && !framing->finished);
    size_t room = min_size(ring_room(ring) - before - FRAME_FINAL, FRAME_CHUNK_MOST);
    ring_commit(ring, before); /* complete_chunk() fills it in */
    struct transfer transfer =
        transfer_fill(ring, input, min_size(max, room), may_wait, RECORD_NONE, calls);
    if (transfer.bytes == 0) {
        ring_retract(ring, before);
        return transfer;
    }
    complete_chunk(framing, ring, before, transfer.bytes);
    transfer.added = before;
    return transfer;
}

size_t frame_stream_finish(struct frame_stream *framing, struct ring *ring)
{
    unsigned char end[FRAME_HEAD + FRAME_FINAL];
    size_t length = framing->begun ? 0 : FRAME_HEAD;
    if (framing->finished)
        return 0;
    if (!framing->begun)
        frame_write_head(end);
    frame_write_final(&framing->writer, end + length);
    length += FRAME_FINAL;
    ring_append(ring, end, length);
    framing->begun = framing->finished = true;
    return length;
}

/* --- --unframe -------------------------------------------------------------------------------- */

/* Parses the bytes that were read ahead, and copies up to `max` bytes of payload into the ring, as
 * far as it has room. Returns how many. */
static size_t take_ahead(struct frame_stream *framing, struct ring *ring, size_t max)
{
    struct frame_reader *reader = &framing->reader;
    size_t moved = 0;
    while (framing->ahead_length > 0 && reader->stage != FRAME_CORRUPT) {
        const unsigned char *next = framing->ahead + framing->ahead_start;
        size_t part;
        if (reader->stage == FRAME_IN_CHUNK) {
            part = min_size(min_size(reader->left, framing->ahead_length),
                            min_size(max - moved, ring_room(ring)));
            if (part == 0)
                break;
            ring_append(ring, next, part);
            frame_read(reader, next, part);
            moved += part;
        } else {
            part = frame_take(reader, next, framing->ahead_length);
        }
        framing->ahead_start += part;
        framing->ahead_length -= part;
    }
    return moved;
}

/* Reads up to `max` bytes of the chunk into the ring. If they include the rest of the chunk, or
 * there is no chunk, the same call reads the following bytes into `ahead`, which must be empty. The
 * transfer's bytes are those of both; *payload becomes the number of bytes that went into the
 * ring. */
static struct transfer read_on(struct frame_stream *framing, struct ring *ring,
                               struct endpoint *input, size_t max, bool may_wait, size_t *payload,
                               uint64_t *calls)
{
    struct frame_reader *reader = &framing->reader;
    struct span span = ring_write_span(ring, min_size(reader->left, max));
    struct iovec pieces[SPAN_PIECES + 1];
    int count = 0;
    for (; count < span.count; count++)
        pieces[count] = span.piece[count];
    if (span.bytes == reader->left)
        pieces[count++] = (struct iovec){framing->ahead, sizeof framing->ahead};
    struct transfer transfer = transfer_readv(pieces, count, input, may_wait, calls);
    *payload = min_size(transfer.bytes, span.bytes);
    framing->ahead_start = 0;
    framing->ahead_length = transfer.bytes - *payload;
    ring_commit(ring, *payload);
    span = ring_newest(ring, *payload);
    for (int i = 0; i < span.count; i++)
        frame_read(reader, span.piece[i].iov_base, span.piece[i].iov_len);
    return transfer;
}

/* Handles the end of the input, or a stream that is already corrupt. */
static struct transfer end_stream(struct frame_stream *framing)
{
    if (frame_end(&framing->reader) == NULL)
        return (struct transfer){.status = TRANSFER_END};
    return (struct transfer){.status = TRANSFER_FAILED, .error = EBADMSG};
}

static struct transfer fill_payload(struct frame_stream *framing, struct ring *ring,
                                    struct endpoint *input, size_t max, bool may_wait,
                                    uint64_t *calls)
{
    struct transfer transfer = {.status = TRANSFER_MOVED};
    size_t moved = take_ahead(framing, ring, max);
    /* At most FRAME_HEAD + FRAME_FINAL bytes, and so calls, without payload come in a row. */
    while (moved == 0 && framing->reader.stage != FRAME_CORRUPT) {
        transfer = read_on(framing, ring, input, max, may_wait, &moved, calls);
        if (transfer.status == TRANSFER_END)
            return end_stream(framing);
        if (transfer.bytes == 0) /* not ready, failed, or an empty datagram */
            return transfer;
        moved += take_ahead(framing, ring, max - moved);
    }
    if (moved == 0)
        return end_stream(framing);
    transfer.bytes = moved;
    transfer.partial = transfer.partial && !frame_stream_has_ahead(framing);
    return transfer;
}

bool frame_stream_has_ahead(const struct frame_stream *framing)
{
    return framing->ahead_length > 0 || framing->reader.stage == FRAME_CORRUPT;
}

/* --- by way of the pipe queue ----------------------------------------------------------------- */

size_t frame_stream_least_room(const struct pipe_queue *queue)
{
    /* One length more than there are pipes: part of the first pipe may have begun to leave. */
    return FRAMING_ROOM + (queue->limit + 1) * FRAME_LENGTH;
}

/* Reads framing until payload comes next. */
static struct transfer reach_payload(struct frame_stream *framing, struct endpoint *input,
                                     uint64_t *calls)
{
    struct frame_reader *reader = &framing->reader;
    unsigned char bytes[FRAMING_FIELD];
    size_t wanted;
    if (framing->ahead_length > 0)
        return (struct transfer){.status = TRANSFER_END};
    while ((wanted = frame_surely_next(reader)) > 0) {
        struct iovec piece = {bytes, wanted};
        struct transfer transfer = transfer_readv(&piece, 1, input, true, &calls[CALL_READ]);
        if (transfer.status != TRANSFER_MOVED)
            return transfer;
        frame_take(reader, bytes, transfer.bytes);
    }
    bool payload = reader->stage == FRAME_IN_CHUNK;
    return (struct transfer){.status = payload ? TRANSFER_MOVED : TRANSFER_END};
}

struct transfer frame_stream_into_queue(struct frame_stream *framing, struct pipe_queue *queue,
                                        struct endpoint *input, size_t max, uint64_t *calls)
{
    if (framing->kind == FRAMING_ADD)
        return transfer_into_queue(queue, input, max, &calls[CALL_SPLICE]);
    struct transfer transfer = reach_payload(framing, input, calls);
    if (transfer.status != TRANSFER_MOVED)
        return transfer;
    max = min_size(max, framing->reader.left);
    transfer = transfer_into_queue(queue, input, max, &calls[CALL_SPLICE]);
    if (transfer.status == TRANSFER_MOVED)
        frame_pass(&framing->reader, transfer.bytes);
    return transfer;
}

/* ADD: begins a chunk with the bytes of the first pipe, unless a chunk has begun. The framing to
 * write before it is then the last `field_left` bytes of `field`. */
static void begin_chunk(struct frame_stream *framing, const struct pipe_queue *queue)
{
    if (framing->chunk_left > 0)
        return;
    size_t held, length = field_length(framing);
    pipe_queue_front(queue, &held);
    framing->chunk_left = min_size(held, FRAME_CHUNK_MOST);
    framing->field_left = length;
    write_field(framing, framing->field + FRAMING_FIELD - length, framing->chunk_left);
}

static unsigned char *rest_of_field(struct frame_stream *framing)
{
    return framing->field + FRAMING_FIELD - framing->field_left;
}

/* Checksums bytes that have left the pipe queue. */
static void saw_queued(struct frame_stream *framing, const void *bytes, size_t length)
{
    if (framing->kind == FRAMING_REMOVE) {
        frame_check(&framing->reader, bytes, length);
        return;
    }
    frame_wrote(&framing->writer, bytes, length);
    framing->chunk_left -= length;
}

/* Writes the framing before the chunk, which a pipe takes whole or not at all. */
static struct transfer write_rest_of_field(struct frame_stream *framing, struct endpoint *output,
                                           uint64_t *calls)
{
    struct iovec piece = {rest_of_field(framing), framing->field_left};
    struct transfer transfer = transfer_write(piece, output, &calls[CALL_WRITE]);
    framing->field_left -= transfer.bytes;
    transfer.added = transfer.bytes;
    transfer.bytes = 0;
    return transfer;
}

/* Removes from the pipe queue `bytes` that the output has got. */
static struct transfer take_sent(struct frame_stream *framing, struct pipe_queue *queue,
                                 size_t bytes, uint64_t *calls)
{
    for (size_t left = bytes, part; left > 0; left -= part) {
        part = transfer_take(queue, queue->bounce, min_size(left, PIPE_QUEUE_BOUNCE_SIZE),
                             &calls[CALL_READ]);
        if (part == 0)
            return (struct transfer){.status = TRANSFER_FAILED, .error = errno};
        saw_queued(framing, queue->bounce, part);
    }
    return (struct transfer){.status = TRANSFER_MOVED, .bytes = bytes};
}

struct transfer frame_stream_from_queue(struct frame_stream *framing, struct pipe_queue *queue,
                                        struct endpoint *output, size_t max, uint64_t *calls)
{
    struct transfer transfer = {.status = TRANSFER_MOVED};
    if (framing->kind == FRAMING_ADD) {
        begin_chunk(framing, queue);
        if (framing->field_left > 0)
            transfer = write_rest_of_field(framing, output, calls);
        if (framing->field_left > 0)
            return transfer;
        max = min_size(max, framing->chunk_left);
    }
    size_t added = transfer.added;
    transfer = transfer_tee(queue, output, max, &calls[CALL_SPLICE]);
    if (transfer.status == TRANSFER_MOVED)
        transfer = take_sent(framing, queue, transfer.bytes, calls);
    else if (transfer.status == TRANSFER_FAILED && transfer.error != EPIPE)
        transfer.status = TRANSFER_END;
    transfer.added = added;
    return transfer;
}

struct transfer frame_stream_pour(struct frame_stream *framing, struct pipe_queue *queue,
                                  struct ring *ring, uint64_t *calls)
{
    struct transfer transfer = {.status = TRANSFER_MOVED};
    size_t max;
    while (pipe_queue_held(queue) > 0) {
        pipe_queue_front(queue, &max);
        if (framing->kind == FRAMING_ADD) {
            begin_chunk(framing, queue);
            ring_append(ring, rest_of_field(framing), framing->field_left);
            transfer.added += framing->field_left;
            framing->field_left = 0;
            max = min_size(max, framing->chunk_left);
        }
        struct span span = ring_write_span(ring, max);
        size_t bytes =
            transfer_take(queue, span.piece[0].iov_base, span.piece[0].iov_len, &calls[CALL_READ]);
        if (bytes == 0)
            return (struct transfer){
                .status = TRANSFER_FAILED, .error = errno, .added = transfer.added};
        ring_commit(ring, bytes);
        saw_queued(framing, span.piece[0].iov_base, bytes);
    }
    return transfer;
}

/* --- either ----------------------------------------------------------------------------------- */

struct transfer frame_stream_fill(struct frame_stream *framing, struct ring *ring,
                                  struct endpoint *input, size_t max, bool may_wait,
                                  uint64_t *calls)
{
    assert(framing->kind != FRAMING_NONE && max > 0);
    return framing->kind == FRAMING_ADD ? fill_chunk(framing, ring, input, max, may_wait, calls)
                                        : fill_payload(framing, ring, input, max, may_wait, calls);
}
