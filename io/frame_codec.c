/*
 * frame_codec.c - see frame_codec.h. Reading is a state machine that gets the bytes that are not
 * payload one by one. So it may get a stream in pieces of any size. Only take_byte() changes the
 * stage, except at the end of a chunk (frame_pass()) and of the stream (frame_end()).
 *
 * Every byte of a stream belongs to the head, which is fixed; to a length or the total, which must
 * agree with the bytes; to the checksum; or to the bytes that the checksum covers. So no byte can
 * change unnoticed.
 */
#include "io/frame_codec.h"

#include "base/crc32c.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { VERSION_AT = FRAME_HEAD - 1, VERSION = 1, TOTAL_AT = FRAME_LENGTH, CRC_AT = TOTAL_AT + 8 };

static const unsigned char the_head[FRAME_HEAD] = {0x89, 'b', 'p', 'f', '\r', '\n', 0x1a, VERSION};

static void put_number(unsigned char *field, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, number >>= 8)
        field[i] = (unsigned char)(number & 0xff);
}

static uint64_t number_in(const unsigned char *field, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number = number << 8 | field[i];
    return number;
}

/* --- writing ---------------------------------------------------------------------------------- */

void frame_write_head(unsigned char head[FRAME_HEAD])
{
    memcpy(head, the_head, FRAME_HEAD);
}

void frame_write_length(unsigned char field[FRAME_LENGTH], size_t length)
{
    assert(length >= 1 && length <= FRAME_CHUNK_MOST);
    put_number(field, length, FRAME_LENGTH);
}

void frame_wrote(struct frame_writer *writer, const void *bytes, size_t length)
{
    writer->crc = crc32c(writer->crc, bytes, length);
    writer->total += length;
}

void frame_write_final(const struct frame_writer *writer, unsigned char final[FRAME_FINAL])
{
    put_number(final, 0, FRAME_LENGTH);
    put_number(final + TOTAL_AT, writer->total, CRC_AT - TOTAL_AT);
    put_number(final + CRC_AT, writer->crc, FRAME_FINAL - CRC_AT);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3)))
fail(struct frame_reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->reason, sizeof reader->reason, format, arguments);
    va_end(arguments);
    reader->stage = FRAME_CORRUPT;
}

static void begin_length(struct frame_reader *reader)
{
    reader->stage = FRAME_IN_LENGTH;
    reader->field_length = 0;
}

/* The head has one more byte. A stream without a head is detected at its first wrong byte, because
 * it may have no more bytes. */
static void check_head(struct frame_reader *reader)
{
    size_t at = reader->field_length - 1;
    unsigned char byte = reader->field[at];
    if (at == VERSION_AT && byte > VERSION)
        fail(reader, "has framing version %d, which is not supported", byte);
    else if (byte != the_head[at])
        fail(reader, "is not framed (the sender needs --frame)");
    else if (at == FRAME_HEAD - 1)
        begin_length(reader);
}

/* A length is complete. The length of the final record stays in the field, and the rest of the
 * record follows it. */
static void take_length(struct frame_reader *reader)
{
    uint32_t length = (uint32_t)number_in(reader->field, FRAME_LENGTH);
    if (length > FRAME_CHUNK_MOST) {
        fail(reader, "is corrupt: a chunk of %" PRIu32 " bytes at byte %" PRIu64, length,
             reader->taken - FRAME_LENGTH);
        return;
    }
    reader->left = length;
    reader->stage = length > 0 ? FRAME_IN_CHUNK : FRAME_IN_FINAL;
}

static void check_final(struct frame_reader *reader)
{
    uint64_t total = number_in(reader->field + TOTAL_AT, CRC_AT - TOTAL_AT);
    uint64_t crc = number_in(reader->field + CRC_AT, FRAME_FINAL - CRC_AT);
    if (total != reader->total)
        fail(reader, "is corrupt: %" PRIu64 " bytes came, %" PRIu64 " were sent", reader->total,
             total);
    else if (crc != reader->crc)
        fail(reader, "is corrupt: checksum mismatch");
    else
        reader->stage = FRAME_COMPLETE;
}

static void take_byte(struct frame_reader *reader, unsigned char byte)
{
    if (reader->stage == FRAME_COMPLETE) {
        fail(reader, "continues after its final record (byte %" PRIu64 ")", reader->taken);
        return;
    }
    reader->field[reader->field_length++] = byte;
    reader->taken++;
    if (reader->stage == FRAME_IN_HEAD)
        check_head(reader);
    else if (reader->stage == FRAME_IN_LENGTH && reader->field_length == FRAME_LENGTH)
        take_length(reader);
    else if (reader->stage == FRAME_IN_FINAL && reader->field_length == FRAME_FINAL)
        check_final(reader);
}

size_t frame_take(struct frame_reader *reader, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes, *end = byte + length;
    uint64_t before = reader->taken;
    while (byte < end && reader->stage != FRAME_IN_CHUNK && reader->stage != FRAME_CORRUPT)
        take_byte(reader, *byte++);
    return (size_t)(reader->taken - before);
}

size_t frame_surely_next(const struct frame_reader *reader)
{
    if (reader->stage == FRAME_IN_HEAD)
        return FRAME_HEAD + FRAME_LENGTH - reader->field_length;
    return reader->stage == FRAME_IN_LENGTH ? FRAME_LENGTH - reader->field_length : 0;
}

void frame_pass(struct frame_reader *reader, size_t length)
{
    assert(reader->stage == FRAME_IN_CHUNK && length <= reader->left);
    reader->taken += length;
    reader->left -= (uint32_t)length;
    if (reader->left == 0)
        begin_length(reader);
}

void frame_check(struct frame_reader *reader, const void *bytes, size_t length)
{
    reader->crc = crc32c(reader->crc, bytes, length);
    reader->total += length;
}

void frame_read(struct frame_reader *reader, const void *bytes, size_t length)
{
    frame_pass(reader, length);
    frame_check(reader, bytes, length);
}

const char *frame_end(struct frame_reader *reader)
{
    if (reader->stage == FRAME_COMPLETE)
        return NULL;
    if (reader->taken == 0 && reader->stage == FRAME_IN_HEAD)
        fail(reader, "is empty: no header of a framed stream");
    else if (reader->stage != FRAME_CORRUPT)
        fail(reader, "cut off at byte %" PRIu64 ": no final record", reader->taken);
    return reader->reason;
}
