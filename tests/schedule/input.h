/*
 * input.h - the bytes that the producers write, and the records that they are.
 *
 * Every record is another one and says so: the letter of its source, its number, a colon, and
 * letters. Some are empty, the terminator alone (of one source only where they are merged, so that
 * it is known whose they are). Bytes without records are pseudo-random; with --merge the two
 * highest bits of each are the number of its source.
 *
 * A stream is what bpipe is to keep in order: all inputs one after the other, or with --merge each
 * of them.
 */
#ifndef SCHEDULE_INPUT_H
#define SCHEDULE_INPUT_H

#include "plan.h"

struct record {
    const unsigned char *bytes;
    size_t size;   /* with its terminator */
    bool supplied; /* the terminator, by --merge, counted in size */
};

struct stream {
    unsigned char *bytes; /* with a terminator that --merge supplies behind the last one */
    size_t size;          /* without that */
    struct record *records;
    size_t record_count;
    size_t terminated; /* how many of them have a terminator of their own */
};

struct input {
    struct stream streams[MOST_SOURCES];
    size_t stream_count;
    const unsigned char *sources[MOST_SOURCES]; /* where each source's bytes begin */
};

void input_make(struct input *input, const struct plan *plan);
/* What is left of it when of each source only so many bytes came; without `sources`. */
void input_cut(struct input *cut, const struct plan *plan, const struct input *input,
               const size_t bytes[MOST_SOURCES]);

/* A record ends at that byte of the first stream, without a terminator, though more came behind it.
 * False: one ends there anyway. */
bool input_end_record(struct input *input, size_t at);

void input_free(struct input *input);

#endif
