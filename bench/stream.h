/*
 * stream.h - the bytes of the benchmarks: gen makes them, sink checks them.
 *
 * A stream is a block of STREAM_BLOCK pseudo-random bytes over and over, where each page of
 * STREAM_PAGE bytes begins with its own number, counted from the start of the stream. So every byte
 * is known from its offset, compression gains nothing, and a page that is lost, doubled, or out of
 * order shows in its number; yet it costs no more than a few stores for each page.
 *
 * Also what both programs need besides: sizes from the command line, and time. They give up by
 * tests/tools/die.h, whose program_name the messages here begin with, too.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The block is small enough to stay in a processor's own cache: making and checking bytes is not
 * what is to be measured. */
enum { STREAM_PAGE = 4096, STREAM_BLOCK = 256 * 1024 };

/* Twice the block, so that a piece of up to STREAM_BLOCK bytes is in one place wherever it begins.
 */
struct stream {
    unsigned char bytes[2 * STREAM_BLOCK];
    bool text;
};

/* `text`: lines of letters and digits, 64 bytes on average, instead of any bytes. Without a NUL
 * anywhere: pv -l looks for newlines with strchr(3), and counts none after the first NUL. */
void stream_init(struct stream *stream, bool text);

/* The bytes [offset, offset + size) of the stream; size <= STREAM_BLOCK. They are the stream's
 * own and valid until the next call. */
const unsigned char *stream_at(struct stream *stream, uint64_t offset, size_t size);

/*
 * Whether `bytes` are the bytes [offset, offset + size) of the stream, any size. All page numbers
 * are compared, and one page in 16 as a whole; all of it with `every_byte`. If not, says on stderr
 * where and what it looks like, and returns false.
 */
bool stream_check(struct stream *stream, uint64_t offset, const unsigned char *bytes, size_t size,
                  bool every_byte);

/* A size: bytes, or with K, M, G (1024s). Ends the program with status 2 where `text` is none, or
 * larger than `most`. */
uint64_t parse_size(const char *text, uint64_t most);
/* Seconds, with a fraction, as ns. Ends the program with status 2 where `text` is none. */
uint64_t parse_seconds(const char *text);

/* CLOCK_MONOTONIC in ns, and a sleep until then. */
uint64_t now_ns(void);
void sleep_until_ns(uint64_t when);

#endif
