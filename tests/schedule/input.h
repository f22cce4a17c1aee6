/*
 * input.h - the bytes that the producers write, and the records in them.
 *
 * Every record is different and says which one it is: the letter of its source, its number, a
 * colon, and letters. Some records are empty, with only the terminator (with --merge only those of
 * one source, so that it is known whose they are). Bytes without records are pseudo-random; with
 * --merge the two highest bits of each byte are the number of its source.
 *
 * A stream is a sequence that bpipe has to keep in order: all inputs one after the other, or with
 * --merge each input.
 */
#ifndef SCHEDULE_INPUT_H
#define SCHEDULE_INPUT_H

#include "plan.h"

struct record {
    const unsigned char *bytes;
    size_t size;   /* with its terminator */
    bool supplied; /* --merge supplies the terminator; it is counted in size */
};

struct stream {
    unsigned char *bytes; /* followed by a terminator if --merge supplies one at the end */
    size_t size;          /* without that terminator */
    struct record *records;
    size_t record_count;
    size_t terminated; /* how many records have a terminator of their own */
};

struct input {
    struct stream streams[MOST_SOURCES];
    size_t stream_count;
    const unsigned char *sources[MOST_SOURCES]; /* where the bytes of each source begin */
};

void input_make(struct input *input, const struct plan *plan);
/* What is left of the input if only that many bytes of each source came; without `sources`. */
void input_cut(struct input *cut, const struct plan *plan, const struct input *input,
               const size_t bytes[MOST_SOURCES]);

/* Ends a record at that byte of the first stream, without a terminator, although more came behind
 * it. False: a record ends there anyway. */
bool input_end_record(struct input *input, size_t at);

void input_free(struct input *input);

#endif
