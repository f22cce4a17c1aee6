/*
 * frame_stream.h - fills the ring with --frame and --unframe, in place of transfer_fill().
 *
 * --frame: each read becomes a chunk, and its length is put before it. The final record is appended
 * when the end of the input is known to be a true end. --unframe: chunks are read into the ring,
 * where they stay. The same call reads the framing between them into a separate buffer.
 *
 * Alternatively, payload moves through the pipe queue without its framing, which separate calls
 * write (--frame) or have read before (--unframe). For the checksum, payload is read as it leaves
 * the queue. The payload in the queue must therefore enter the checksum before payload that goes
 * into the ring behind it: call frame_stream_pour() first.
 */
#ifndef BPIPE_FRAME_STREAM_H
#define BPIPE_FRAME_STREAM_H

#include "buffer/transfer.h"
#include "io/endpoint.h"
#include "io/frame_codec.h"
#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* The room in the ring that a chunk of one byte may need, with the final record behind it. */
    FRAMING_ROOM = FRAME_HEAD + FRAME_LENGTH + 1 + FRAME_FINAL,
    FRAMING_AHEAD = 4096, /* bytes that may be read ahead, beyond a chunk's end */
    FRAMING_FIELD = FRAME_HEAD + FRAME_LENGTH
};

struct frame_stream {
    enum framing_kind kind; /* options/options.h: FRAMING_NONE, FRAMING_ADD, FRAMING_REMOVE */
    struct frame_writer writer;
    bool begun, finished;               /* ADD: the head is on its way; the final record is */
    unsigned char field[FRAMING_FIELD]; /* ADD: the framing before the bytes of the queue, */
    size_t field_left;                  /* of which this many bytes have not been written yet */
    size_t chunk_left;                  /* ADD: bytes in the queue that belong to the current
                                         * chunk */
    struct frame_reader reader;
    unsigned char ahead[FRAMING_AHEAD]; /* REMOVE: bytes that were read and not parsed yet */
    size_t ahead_start, ahead_length;
};

/*
 * Like transfer_fill() (without datagrams), for up to `max` > 0 bytes of payload. transfer.bytes
 * counts the payload, which is the newest in the ring. transfer.added is the number of bytes of
 * framing that entered the ring before it (ADD; otherwise 0). The ring must have room for
 * FRAMING_ROOM bytes (ADD) or one byte (REMOVE).
 *
 * REMOVE: TRANSFER_END is returned only at the end of a stream that is whole. Otherwise the result
 * is TRANSFER_FAILED with error EBADMSG, and framing->reader.reason says why; if the input itself
 * failed, the reason is empty. Payload that came before the failure is handed over first, so the
 * reason may be set before the failure is reported. `partial` is false while more payload, or the
 * failure, waits where poll() cannot see it (frame_stream_has_ahead()).
 */
struct transfer frame_stream_fill(struct frame_stream *framing, struct ring *ring,
                                  struct endpoint *input, size_t max, bool may_wait,
                                  uint64_t *calls);

/* ADD: the end of the input is a true end. Appends the final record, and before it the head if the
 * stream had no byte. The ring has room for both, because frame_stream_fill() leaves it. Returns
 * the number of bytes appended; 0 if the final record was appended before. */
size_t frame_stream_finish(struct frame_stream *framing, struct ring *ring);

/*
 * Like transfer_into_queue(), with up to two calls more. REMOVE: TRANSFER_END also means that the
 * next bytes are for frame_stream_fill(): bytes that were read ahead, the final record, or bytes
 * that are not valid framing.
 */
struct transfer frame_stream_into_queue(struct frame_stream *framing, struct pipe_queue *queue,
                                        struct endpoint *input, size_t max, uint64_t *calls);

/*
 * Sends up to `max` bytes of payload from the queue, which must hold some and have a bounce buffer.
 * ADD: in chunks, each with the bytes of the first pipe. transfer.added is the number of bytes of
 * framing that were written before the payload. It may be > 0 with any status, even if no payload
 * moved. TRANSFER_MOVED says that more may move, or that only framing moved. TRANSFER_END: the
 * output refuses pages.
 */
struct transfer frame_stream_from_queue(struct frame_stream *framing, struct pipe_queue *queue,
                                        struct endpoint *output, size_t max, uint64_t *calls);

/* Moves everything in the pipe queue into the ring. The ring must be empty, with room for these
 * bytes and frame_stream_least_room() - 1 more. Returns TRANSFER_MOVED, with the bytes of framing
 * in `added`, or TRANSFER_FAILED. */
struct transfer frame_stream_pour(struct frame_stream *framing, struct pipe_queue *queue,
                                  struct ring *ring, uint64_t *calls);

/* ADD: with less room than this the buffer is full. It is the room that one more chunk, the final
 * record, and frame_stream_pour() may need. */
size_t frame_stream_least_room(const struct pipe_queue *queue);

/* REMOVE: whether bytes that were read ahead wait, or the failure that the stream is corrupt. */
bool frame_stream_has_ahead(const struct frame_stream *framing);

#endif
