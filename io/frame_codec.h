/*
 * frame_codec.h - the framing of --frame and --unframe: a stream that can tell whether it is whole.
 *
 *     head     89 62 70 66 0d 0a 1a 01    8 bytes: what this is; the last is the version, 1
 *     chunk    LENGTH BYTES...            LENGTH: 4 bytes, big-endian, 1 to FRAME_CHUNK_MOST
 *       ... any number of chunks
 *     final    00 00 00 00 TOTAL CRC      TOTAL: 8 bytes, big-endian, the bytes of all chunks
 *                                         CRC: 4 bytes, big-endian, their CRC-32C (base/crc32c.h)
 *
 * and nothing behind it. The first byte of the head has its top bit set, and there is a CR LF and a
 * ^Z in it: a channel that is not clean for eight bits, or that translates line ends, is found out
 * at once (as by PNG's signature). An empty stream is a head and a final record.
 *
 * Pure: bytes in, bytes out; no descriptors, no memory of its own.
 */
#ifndef BPIPE_FRAME_CODEC_H
#define BPIPE_FRAME_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_HEAD = 8,    /* bytes of the head, */
    FRAME_LENGTH = 4,  /* of what stands before a chunk, */
    FRAME_FINAL = 16,  /* of the final record */
    FRAME_REASON = 128 /* room for a reason, its NUL included */
};
#define FRAME_CHUNK_MOST (UINT32_C(1) << 24)

/* --- writing ---------------------------------------------------------------------------------- */

struct frame_writer { /* zeroed: nothing was written */
    uint64_t total;
    uint32_t crc;
};

void frame_write_head(unsigned char head[FRAME_HEAD]);

/* What stands before a chunk of `length` bytes, 1 to FRAME_CHUNK_MOST. */
void frame_write_length(unsigned char field[FRAME_LENGTH], size_t length);

/* So many bytes of a chunk, which may be told piece by piece, in their order. */
void frame_wrote(struct frame_writer *writer, const void *bytes, size_t length);

void frame_write_final(const struct frame_writer *writer, unsigned char final[FRAME_FINAL]);

/* --- reading ---------------------------------------------------------------------------------- */

enum frame_stage {
    FRAME_IN_HEAD,
    FRAME_IN_LENGTH,
    FRAME_IN_CHUNK, /* `left` > 0 bytes of it are to come */
    FRAME_IN_FINAL, /* behind its zero length */
    FRAME_COMPLETE, /* the final record came and is right */
    FRAME_CORRUPT   /* see `reason` */
};

struct frame_reader { /* zeroed: at the start */
    enum frame_stage stage;
    unsigned char field[FRAME_FINAL]; /* of a head, length or final record that has come in part */
    size_t field_length;
    uint32_t left;  /* of the chunk; 0 outside of one */
    uint64_t total; /* payload so far */
    uint64_t taken; /* bytes so far, framing included */
    uint32_t crc;
    char reason[FRAME_REASON];
};

/*
 * Takes what is not payload from the start of `bytes`, until payload comes next, all are taken, or
 * the stage is CORRUPT. Returns how many were taken. A byte behind the final record makes it
 * CORRUPT, and is not taken.
 */
size_t frame_take(struct frame_reader *reader, const void *bytes, size_t length);

/* How many bytes come next that are not payload, whatever follows: of the head and a length. 0: in
 * a chunk, and where the stream may end. */
size_t frame_surely_next(const struct frame_reader *reader);

/* IN_CHUNK: the next `length` bytes, at most `left`, are this payload. */
void frame_read(struct frame_reader *reader, const void *bytes, size_t length);

/* The same in two steps, for what is looked at later: so many bytes of payload are passed over; and
 * what they are, in their order, before the final record is taken. */
void frame_pass(struct frame_reader *reader, size_t length);
void frame_check(struct frame_reader *reader, const void *bytes, size_t length);

/*
 * The stream has ended. NULL if that was its end; else why not: `reason`, and the stage is CORRUPT.
 * A reason goes behind the name of what was read:
 *
 *     is not framed (the sender needs --frame)
 *     has framing version 2, which is not supported
 *     is empty: no header of a framed stream
 *     was truncated: it ended after 1234 bytes without its final record
 *     is corrupt: a chunk of 4294967295 bytes at byte 8
 *     is corrupt: 1000 bytes received, but the final record says 1001
 *     is corrupt: checksum mismatch
 *     continues after its final record (byte 40)
 *
 * The bytes of "was truncated" and of places are those of the stream, framing included, from 0.
 */
const char *frame_end(struct frame_reader *reader);

#endif
