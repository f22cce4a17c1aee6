/*
 * residence.h - how long bytes stayed in the buffer, as percentiles.
 *
 * Bytes leave in the order in which they came. So a queue of marks ("this many bytes came at time
 * t") gives the age of every byte that leaves. A log-linear histogram (64 steps an octave, as in
 * HdrHistogram) keeps the ages, weighted by bytes. Nothing is allocated after residence_init().
 *
 * The queue is bounded. When it is full, neighbouring marks are merged if the time that they then
 * span, from their oldest byte to their youngest, is at most 1/64 of the age of the youngest. Ages
 * only grow, so a merged mark keeps this property for good. All its bytes count with the age of the
 * middle of the span, which is wrong by at most half of 1/64, as is the middle of a histogram step.
 * Together that keeps a percentile within 2 % of the truth.
 *
 * Merging always makes room. After it no two neighbours could be merged. So the oldest byte of a
 * mark is more than 65/64 times as old as the youngest byte of the next mark, and therefore as the
 * oldest byte of the next mark but one. From 1 ns to 2^63 ns (292 years) that factor fits 2817
 * times, which makes at most 5640 marks. At least 2500 marks are free again: this many arrivals, at
 * least, lie between two merges of the whole queue.
 */
#ifndef BPIPE_RESIDENCE_H
#define BPIPE_RESIDENCE_H

#include <stddef.h>
#include <stdint.h>

enum { RESIDENCE_MARKS = 8192, RESIDENCE_STEPS = 64, RESIDENCE_OCTAVES = 58 };

struct residence_mark {
    uint64_t bytes;
    uint64_t oldest_ns, youngest_ns; /* the arrival times of its first and last byte */
};

struct residence {
    struct residence_mark *marks; /* a circular queue of RESIDENCE_MARKS */
    size_t first, count;
    uint64_t *histogram; /* bytes by age, RESIDENCE_OCTAVES * RESIDENCE_STEPS of them */
    uint64_t bytes;      /* bytes that have left */
    uint64_t max_ns;     /* the greatest age: exact, except for merged marks, up to 1/64 too high */
};

int residence_init(struct residence *residence); /* 0, or -1 with errno ENOMEM */
void residence_destroy(struct residence *residence);

/* `bytes` (0: nothing happens) came in at `now_ns`. Times must not go back, here and below. Bytes
 * that arrive at the same moment share a mark. */
void residence_arrived(struct residence *residence, uint64_t bytes, uint64_t now_ns);

/* The oldest `bytes` left at `now_ns`; at most the bytes that have arrived and not left. */
void residence_left(struct residence *residence, uint64_t bytes, uint64_t now_ns);

/* The oldest, or the newest, `bytes` are dropped: they are not counted anywhere. */
void residence_drop_oldest(struct residence *residence, uint64_t bytes);
void residence_drop_newest(struct residence *residence, uint64_t bytes);

/* `ns` passed that do not count: all arrival times in the queue move forward by `ns`. */
void residence_skip(struct residence *residence, uint64_t ns);

/*
 * The age in ns that `per_mille` of the bytes that left did not exceed (500: the median; 1000: all,
 * which is max_ns). 0 if no byte has left. Never above max_ns.
 */
uint64_t residence_percentile(const struct residence *residence, unsigned per_mille);

#endif
