/*
 * The framing of streams: written payload is read again, in pieces of any size. A stream that was
 * cut, changed or made longer never passes for a whole one.
 */
#include "io/frame_codec.h"

#include "tests/tap.h"

enum { PAYLOAD_MOST = 200000, STREAM_MOST = 5 * PAYLOAD_MOST + FRAME_HEAD + FRAME_FINAL };

struct stream {
    size_t payload_length, length;
    unsigned char payload[PAYLOAD_MOST];
    unsigned char bytes[STREAM_MOST];
};

static struct stream stream;
static unsigned char result[STREAM_MOST]; /* the payload that was read */
static size_t result_length;
static struct frame_reader reader;

/* --- making ----------------------------------------------------------------------------------- */

/* A stream of random bytes in chunks of random lengths, about 2^bits at most. */
static void make(size_t payload_length, unsigned bits)
{
    struct frame_writer writer = {0};
    unsigned char *next = stream.bytes;

    stream.payload_length = payload_length;
    for (size_t i = 0; i < payload_length; i++)
        stream.payload[i] = (unsigned char)tap_random(&random_state);
    frame_write_head(next);
    next += FRAME_HEAD;
    for (size_t at = 0; at < payload_length;) {
        size_t chunk = tap_some(&random_state, bits, payload_length - at), first = below(chunk + 1);
        frame_write_length(next, chunk);
        memcpy(next + FRAME_LENGTH, stream.payload + at, chunk);
        frame_wrote(&writer, stream.payload + at, first);
        frame_wrote(&writer, stream.payload + at + first, chunk - first);
        next += FRAME_LENGTH + chunk;
        at += chunk;
    }
    frame_write_final(&writer, next);
    stream.length = (size_t)(next + FRAME_FINAL - stream.bytes);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void read_begin(void)
{
    reader = (struct frame_reader){0};
    result_length = 0;
}

static void read_more(const unsigned char *bytes, size_t length)
{
    while (length > 0 && reader.stage != FRAME_CORRUPT) {
        size_t part = length;
        if (reader.stage == FRAME_IN_CHUNK) {
            part = reader.left < length ? reader.left : length;
            memcpy(result + result_length, bytes, part);
            frame_read(&reader, bytes, part);
            result_length += part;
        } else {
            part = frame_take(&reader, bytes, length);
        }
        bytes += part;
        length -= part;
    }
}

/* Reads all of it, in pieces of about 2^bits at most; 0: at once. Returns why the stream is not
 * whole, or NULL. */
static const char *read_all(const unsigned char *bytes, size_t length, unsigned bits)
{
    read_begin();
    for (size_t at = 0; at < length;) {
        size_t part = bits == 0 ? length : tap_some(&random_state, bits, length - at);
        read_more(bytes + at, part);
        at += part;
    }
    return frame_end(&reader);
}

static bool same_payload(void)
{
    return result_length == stream.payload_length &&
           memcmp(result, stream.payload, result_length) == 0;
}

/* --- what is whole ---------------------------------------------------------------------------- */

static void test_layout(void)
{
    static const unsigned char expected[] = {
        0x89, 'b',  'p',  'f',  '\r', '\n', 0x1a, 1,             /* head */
        0,    0,    0,    3,    '1',  '2',  '3',                 /* a chunk of 3 bytes */
        0,    0,    0,    6,    '4',  '5',  '6',  '7', '8', '9', /* of 6 */
        0,    0,    0,    0,    0,    0,    0,    0,   0,   0,
        0,                             /* the final record: a total of */
        9,    0xe3, 0x06, 0x92, 0x83}; /* 9, and the CRC */
    unsigned char bytes[sizeof expected];
    struct frame_writer writer = {0};

    frame_write_head(bytes);
    frame_write_length(bytes + 8, 3);
    memcpy(bytes + 12, "123", 3);
    frame_wrote(&writer, "123", 3);
    frame_write_length(bytes + 15, 6);
    memcpy(bytes + 19, "456789", 6);
    frame_wrote(&writer, "456789", 6);
    frame_write_final(&writer, bytes + 25);
    tap_ok(memcmp(bytes, expected, sizeof expected) == 0, "the bytes of a stream");
    tap_ok(read_all(expected, sizeof expected, 0) == NULL && result_length == 9 &&
               memcmp(result, "123456789", 9) == 0 && reader.taken == sizeof expected,
           "those bytes are read");
}

static void test_round_trips(void)
{
    unsigned wrong = 0, rounds = tap_rounds(300);
    for (unsigned i = 0; i < rounds; i++) {
        make(i == 0 ? 0 : (size_t)tap_magnitude(&random_state, 17), (unsigned)below(18));
        const char *reason = read_all(stream.bytes, stream.length, (unsigned)below(18));
        wrong += reason != NULL || !same_payload() || reader.stage != FRAME_COMPLETE ||
                 reader.taken != stream.length;
    }
    tap_ok(wrong == 0, "written payload is read, chunks and pieces at random (%u of %u wrong)",
           wrong, rounds);
}

/* --- what is not ------------------------------------------------------------------------------ */

/* Whether it is noticed that the stream was cut there. */
static bool knows_cut(size_t length, unsigned bits)
{
    char expected[FRAME_REASON] = "is empty: no header of a framed stream";
    if (length > 0)
        snprintf(expected, sizeof expected, "cut off at byte %zu: no final record", length);
    const char *reason = read_all(stream.bytes, length, bits);
    bool known = reason != NULL && strcmp(reason, expected) == 0 && reader.stage == FRAME_CORRUPT &&
                 result_length <= stream.payload_length &&
                 memcmp(result, stream.payload, result_length) == 0;
    if (!known)
        tap_note("cut after %zu of %zu: %s", length, stream.length, reason ? reason : "whole");
    return known;
}

static void test_cut(void)
{
    unsigned wrong = 0;
    make(5000, 9);
    for (size_t length = 0; length < stream.length && wrong < 5; length++)
        wrong += !knows_cut(length, 12);
    tap_ok(wrong == 0 && stream.length > 5000, "cut at any of %zu bytes", stream.length);
    make(PAYLOAD_MOST, 14);
    for (unsigned i = 0; i < tap_rounds(1000) && wrong < 5; i++)
        wrong += !knows_cut(below(stream.length), 17);
    tap_ok(wrong == 0, "cut at random places of %zu bytes", stream.length);
}

static void test_flipped(void)
{
    unsigned unnoticed = 0, rounds = tap_rounds(10000);
    make(20000, 7); /* many lengths */
    for (unsigned i = 0; i < rounds; i++) {
        size_t at = below(stream.length);
        unsigned char mask = (unsigned char)(1 << below(8));
        stream.bytes[at] ^= mask;
        const char *reason = read_all(stream.bytes, stream.length, i % 2 == 0 ? 0 : 14);
        if (reason == NULL || reason[0] == '\0') {
            unnoticed++;
            tap_note("byte %zu, mask %02x", at, mask);
        }
        stream.bytes[at] ^= mask;
    }
    tap_ok(unnoticed == 0 && read_all(stream.bytes, stream.length, 0) == NULL,
           "%u single bits flipped, %u of them unnoticed", rounds, unnoticed);
}

/* As often as not the beginning is a head and a length. */
static void test_garbage(void)
{
    unsigned char garbage[2000];
    unsigned unnoticed = 0, rounds = tap_rounds(20000);
    for (unsigned i = 0; i < rounds; i++) {
        size_t length = tap_some(&random_state, 11, sizeof garbage);
        for (size_t j = 0; j < length; j++)
            garbage[j] = (unsigned char)(below(4) == 0 ? tap_random(&random_state) : 0);
        if (i % 2 == 0 && length > FRAME_HEAD + FRAME_LENGTH) {
            frame_write_head(garbage);
            frame_write_length(garbage + FRAME_HEAD, tap_some(&random_state, 8, 200));
        }
        unnoticed += read_all(garbage, length, (unsigned)below(11)) == NULL;
    }
    tap_ok(unnoticed == 0, "garbage is never whole (%u of %u)", unnoticed, rounds);
}

/* --- reasons ---------------------------------------------------------------------------------- */

static void expect_reason(const unsigned char *bytes, size_t length, const char *expected)
{
    bool same = true;
    const char *reason = "";
    for (unsigned bits = 0; bits < 4 && same; bits++) {
        reason = read_all(bytes, length, bits);
        same = reason != NULL && strcmp(reason, expected) == 0;
    }
    tap_ok(same && reader.stage == FRAME_CORRUPT, "%s", expected);
    if (!same)
        tap_note("but: %s", reason ? reason : "whole");
}

static void test_head(void)
{
    unsigned char *bytes = stream.bytes;
    const char *not_framed = "is not framed (the sender needs --frame)";

    expect_reason(bytes, 0, "is empty: no header of a framed stream");
    make(10, 4);
    expect_reason((const unsigned char *)"hello\n", 6, not_framed);
    expect_reason((const unsigned char *)"x", 1, not_framed);
    bytes[0] = 0x09; /* a channel of seven bits */
    expect_reason(bytes, stream.length, not_framed);
    bytes[0] = 0x89;
    bytes[4] = '\n'; /* a channel that changes line ends */
    expect_reason(bytes, stream.length, not_framed);
    bytes[4] = '\r';
    bytes[7] = 0;
    expect_reason(bytes, stream.length, not_framed);
    bytes[7] = 2;
    expect_reason(bytes, stream.length, "has framing version 2, which is not supported");
    expect_reason(bytes, 5, "cut off at byte 5: no final record");
}

static void set_length(unsigned char *field, uint32_t length)
{
    for (int i = 0; i < FRAME_LENGTH; i++)
        field[i] = (unsigned char)(length >> (24 - 8 * i) & 0xff);
}

static void test_lengths(void)
{
    unsigned char bytes[FRAME_HEAD + FRAME_LENGTH + 1] = {0};

    frame_write_head(bytes);
    set_length(bytes + FRAME_HEAD, FRAME_CHUNK_MOST);
    read_begin();
    read_more(bytes, FRAME_HEAD + FRAME_LENGTH);
    tap_ok(reader.stage == FRAME_IN_CHUNK && reader.left == FRAME_CHUNK_MOST,
           "a chunk of the greatest length");
    set_length(bytes + FRAME_HEAD, FRAME_CHUNK_MOST + 1);
    expect_reason(bytes, sizeof bytes, "is corrupt: a chunk of 16777217 bytes at byte 8");
    set_length(bytes + FRAME_HEAD, UINT32_MAX);
    expect_reason(bytes, sizeof bytes, "is corrupt: a chunk of 4294967295 bytes at byte 8");
    set_length(bytes + FRAME_HEAD, 0);
    read_begin();
    read_more(bytes, sizeof bytes);
    tap_ok(reader.stage == FRAME_IN_FINAL && reader.left == 0, "a length of 0: the final record");
    tap_ok(frame_take(&reader, bytes, 0) == 0 && reader.stage == FRAME_IN_FINAL,
           "taking 0 bytes changes nothing");
}

static void test_final(void)
{
    make(1000, 8);
    unsigned char *final = stream.bytes + stream.length - FRAME_FINAL;

    final[11]++;
    expect_reason(stream.bytes, stream.length, "is corrupt: 1000 bytes came, 1001 were sent");
    memset(final + 4, 0xff, 8);
    expect_reason(stream.bytes, stream.length,
                  "is corrupt: 1000 bytes came, 18446744073709551615 were sent");
    make(1000, 8);
    final = stream.bytes + stream.length - FRAME_FINAL;
    final[13] ^= 1;
    expect_reason(stream.bytes, stream.length, "is corrupt: checksum mismatch");
    final[13] ^= 1;
    stream.bytes[FRAME_HEAD + FRAME_LENGTH] ^= 0x80;
    expect_reason(stream.bytes, stream.length, "is corrupt: checksum mismatch");
}

static void test_behind(void)
{
    char expected[FRAME_REASON];
    make(100, 5);
    snprintf(expected, sizeof expected, "continues after its final record (byte %zu)",
             stream.length);
    memcpy(stream.bytes + stream.length, "\n\n\n", 3);
    expect_reason(stream.bytes, stream.length + 1, expected);
    expect_reason(stream.bytes, stream.length + 3, expected);
    read_begin();
    read_more(stream.bytes, stream.length);
    tap_ok(reader.stage == FRAME_COMPLETE && frame_take(&reader, "x", 1) == 0 &&
               reader.stage == FRAME_CORRUPT && frame_take(&reader, "x", 1) == 0,
           "bytes after the end, and after a fault, are not taken");
    tap_ok(frame_end(&reader) == reader.reason && strcmp(frame_end(&reader), expected) == 0,
           "the reason stays");
}

int main(void)
{
    random_state = tap_seed();
    test_layout();
    test_round_trips();
    test_cut();
    test_flipped();
    test_garbage();
    test_head();
    test_lengths();
    test_final();
    test_behind();
    return tap_done();
}
