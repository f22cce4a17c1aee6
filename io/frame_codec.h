/*
 * frame_codec.h - the framing of --frame and --unframe: a stream that can tell whether it is
 * complete.
 *
 *     head     89 62 70 66 0d 0a 1a 01    8 bytes: the signature; the last is the version, 1
 *     chunk    LENGTH BYTES...            LENGTH: 4 bytes, big-endian, 1 to FRAME_CHUNK_MOST
 *       ... any number of chunks
 *     final    00 00 00 00 TOTAL CRC      TOTAL: 8 bytes, big-endian, the bytes of all chunks
 *                                         CRC: 4 bytes, big-endian, their CRC-32C (base/crc32c.h)
 *
 * Nothing follows the final record. The head's first byte has its top bit set, and the head
 * contains a CR LF and a ^Z. So a channel that does not pass eight bits, or that translates line
 * ends, is detected at once (as with PNG's signature). An empty stream is a head and a final
 * record.
 *
 * The functions are pure: bytes in, bytes out; no descriptors, no memory of their own.
 */
#ifndef BPIPE_FRAME_CODEC_H
#define BPIPE_FRAME_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_HEAD = 8,    /* bytes of the head, */
    FRAME_LENGTH = 4,  /* of the length before a chunk, */
    FRAME_FINAL = 16,  /* of the final record */
    FRAME_REASON = 128 /* room for a reason, including its NUL */
};
#define FRAME_CHUNK_MOST (UINT32_C(1) << 24)

/* --- writing ---------------------------------------------------------------------------------- */

struct frame_writer { /* zeroed: nothing has been written */
    uint64_t total;
    uint32_t crc;
};

void frame_write_head(unsigned char head[FRAME_HEAD]);

/* Writes the field before a chunk of `length` bytes, 1 to FRAME_CHUNK_MOST. */
void frame_write_length(unsigned char field[FRAME_LENGTH], size_t length);

/* Adds `length` bytes of a chunk to the total and the CRC. A chunk may come in pieces, in order. */
void frame_wrote(struct frame_writer *writer, const void *bytes, size_t length);

void frame_write_final(const struct frame_writer *writer, unsigned char final[FRAME_FINAL]);

/* --- reading ---------------------------------------------------------------------------------- */

enum frame_stage {
    FRAME_IN_HEAD,
    FRAME_IN_LENGTH,
    FRAME_IN_CHUNK, /* `left` > 0 bytes of it are still to come */
    FRAME_IN_FINAL, /* after its zero length */
    FRAME_COMPLETE, /* the final record was read and is right */
    FRAME_CORRUPT   /* see `reason` */
};

struct frame_reader { /* zeroed: at the start of the stream */
    enum frame_stage stage;
    unsigned char field[FRAME_FINAL]; /* a head, length or final record that has arrived in part */
    size_t field_length;
    uint32_t left;  /* rest of the chunk; 0 outside of one */
    uint64_t total; /* payload so far */
    uint64_t taken; /* bytes so far, framing included */
    uint32_t crc;
    char reason[FRAME_REASON];
};

/*
 * Takes the bytes that are not payload from the start of `bytes`, until payload comes next, all are
 * taken, or the stage is CORRUPT. Returns how many were taken. A byte after the final record makes
 * the stage CORRUPT and is not taken.
 */
size_t frame_take(struct frame_reader *reader, const void *bytes, size_t length);

/* How many bytes certainly come next that are not payload: those of the head and of a length. 0
 * inside a chunk, and where the stream may end. */
size_t frame_surely_next(const struct frame_reader *reader);

/* In stage IN_CHUNK: the next `length` bytes, at most `left`, are this payload. */
void frame_read(struct frame_reader *reader, const void *bytes, size_t length);

/* The same in two steps, if payload is examined later: frame_pass() skips `length` bytes of
 * payload. frame_check() gets those bytes, in order, before the final record is taken. */
void frame_pass(struct frame_reader *reader, size_t length);
void frame_check(struct frame_reader *reader, const void *bytes, size_t length);

/*
 * To be called when the stream has ended. Returns NULL if that was its end. Otherwise returns
 * `reason`, and the stage is CORRUPT. A reason is printed after the name of the input:
 *
 *     is not framed (the sender needs --frame)
 *     has framing version 2, which is not supported
 *     is empty: no header of a framed stream
 *     cut off at byte 1234: no final record
 *     is corrupt: a chunk of 4294967295 bytes at byte 8
 *     is corrupt: 1000 bytes came, 1001 were sent
 *     is corrupt: checksum mismatch
 *     continues after its final record (byte 40)
 *
 * The byte counts and positions in these reasons are those of the stream, including the framing,
 * from 0, except in "N bytes received", which counts payload.
 */
const char *frame_end(struct frame_reader *reader);

#endif
