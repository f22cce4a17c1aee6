/*
 * frame_stream.h - what goes into the ring with --frame and --unframe, in place of transfer_fill().
 *
 * --frame: each read becomes a chunk, and its length is put before it; the final record is appended
 * when the end is known to be true. --unframe: chunks are read into the ring where they stay, with
 * the framing between them aside, in the same call.
 *
 * Or payload goes by way of the pipe queue, without the framing, which is added, or was taken off,
 * in calls of its own. It is read there for the checksum as it leaves, and so before what goes into
 * the ring behind it: frame_stream_pour() comes first.
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
    /* What a chunk of one byte may need in the ring, if the final record is to fit behind it. */
    FRAMING_ROOM = FRAME_HEAD + FRAME_LENGTH + 1 + FRAME_FINAL,
    FRAMING_AHEAD = 4096, /* bytes that may be read ahead of a chunk's end */
    FRAMING_FIELD = FRAME_HEAD + FRAME_LENGTH
};

struct frame_stream {
    enum framing_kind kind; /* options/options.h: FRAMING_NONE, FRAMING_ADD, FRAMING_REMOVE */
    struct frame_writer writer;
    bool begun, finished;               /* ADD: the head has gone its way; the final record has */
    unsigned char field[FRAMING_FIELD]; /* ADD: what goes before the bytes of the queue, */
    size_t field_left;                  /* of which so many bytes have not gone yet */
    size_t chunk_left;                  /* ADD: bytes of the queue whose chunk has begun */
    struct frame_reader reader;
    unsigned char ahead[FRAMING_AHEAD]; /* REMOVE: what was read and not looked at yet */
    size_t ahead_start, ahead_length;
};

/*
 * As transfer_fill() (without datagrams): up to `max` > 0 bytes of payload; transfer.bytes counts
 * these, and they are the newest in the ring. transfer.added is how many bytes of
 * framing went into the ring before them (ADD; else 0). The ring has room for FRAMING_ROOM (ADD) or
 * a byte (REMOVE).
 *
 * REMOVE: TRANSFER_END only at the end of a stream that is whole. Otherwise TRANSFER_FAILED with
 * error EBADMSG, and framing->reader.reason says why; with an error of the input itself that is
 * empty. Payload that came before is handed over first, so the reason may be there before the
 * failure is told. `partial` is false while there is more to come that poll() does not know of
 * (frame_stream_has_ahead()).
 */
struct transfer frame_stream_fill(struct frame_stream *framing, struct ring *ring,
                                  struct endpoint *input, size_t max, bool may_wait,
                                  uint64_t *calls);

/* ADD: the end is true. Appends the final record, and the head of a stream that had no byte.
 * The ring has room for them: frame_stream_fill() leaves
 * it. Returns how many bytes that were; 0 if they are there already. */
size_t frame_stream_finish(struct frame_stream *framing, struct ring *ring);

/*
 * As transfer_into_queue(), in one call or two more. REMOVE: TRANSFER_END also means that what
 * comes is for frame_stream_fill(): what was read ahead, the final record, or what is no framing.
 */
struct transfer frame_stream_into_queue(struct frame_stream *framing, struct pipe_queue *queue,
                                        struct endpoint *input, size_t max, uint64_t *calls);

/*
 * Sends up to `max` bytes of payload of the queue, which holds some and has a bounce buffer, in
 * chunks of what its first pipe holds (ADD). transfer.added, bytes of framing that were written
 * before, is > 0 also where nothing else moved, whatever the status; TRANSFER_MOVED says that more
 * may, or that there was only that. TRANSFER_END: the output refuses pages.
 */
struct transfer frame_stream_from_queue(struct frame_stream *framing, struct pipe_queue *queue,
                                        struct endpoint *output, size_t max, uint64_t *calls);

/* Moves all that the pipe queue holds into the ring, which is empty, and has room for that and
 * frame_stream_least_room() - 1 bytes more. TRANSFER_MOVED, with `added` of framing, or _FAILED. */
struct transfer frame_stream_pour(struct frame_stream *framing, struct pipe_queue *queue,
                                  struct ring *ring, uint64_t *calls);

/* ADD: with less room than this the buffer is full: what one more chunk, the final record, and
 * frame_stream_pour() may need. */
size_t frame_stream_least_room(const struct pipe_queue *queue);

/* REMOVE: whether bytes wait that were read ahead, or the failure that the stream is corrupt. */
bool frame_stream_has_ahead(const struct frame_stream *framing);

#endif
