/*
 * stream.h - the bytes of the benchmarks: gen makes them, sink checks them.
 *
 * A stream is a block of STREAM_BLOCK pseudo-random bytes, repeated. Each page of STREAM_PAGE bytes
 * begins with its own number, counted from the start of the stream. So every byte is known from its
 * offset, compression gains nothing, and the number shows a page that is lost, doubled, or out of
 * order. Yet it costs only a few stores for each page.
 *
 * This module also parses sizes from the command line and tells the time, for both programs. They
 * give up through tests/tools/die.h; the messages here begin with its program_name, too.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The block is small enough to stay in a processor's own cache, so that making and checking bytes
 * is not what the benchmarks measure. */
enum { STREAM_PAGE = 4096, STREAM_BLOCK = 256 * 1024 };

/* Twice the block, so that a piece of up to STREAM_BLOCK bytes is contiguous wherever it begins. */
struct stream {
    unsigned char bytes[2 * STREAM_BLOCK];
    bool text;
};

/* `text`: lines of letters and digits, 64 bytes on average, instead of arbitrary bytes. They have
 * no NUL: pv -l looks for newlines with strchr(3), and counts none after the first NUL. */
void stream_init(struct stream *stream, bool text);

/* Returns the bytes [offset, offset + size) of the stream; size <= STREAM_BLOCK. They belong to the
 * stream and are valid until the next call. */
const unsigned char *stream_at(struct stream *stream, uint64_t offset, size_t size);

/*
 * Whether `bytes` are the bytes [offset, offset + size) of the stream, for any size. Compares all
 * page numbers, and one page in 16 as a whole; with `every_byte` everything. If they differ, prints
 * on stderr where and how, and returns false.
 */
bool stream_check(struct stream *stream, uint64_t offset, const unsigned char *bytes, size_t size,
                  bool every_byte);

/* A size in bytes, or with K, M, G in units of 1024. Ends the program with status 2 if `text` is no
 * size, or is larger than `most`. */
uint64_t parse_size(const char *text, uint64_t most);
/* Seconds, with a fraction, in ns. Ends the program with status 2 if `text` is no such number. */
uint64_t parse_seconds(const char *text);

/* CLOCK_MONOTONIC in ns, and a sleep until that time. */
uint64_t now_ns(void);
void sleep_until_ns(uint64_t when);

#endif
