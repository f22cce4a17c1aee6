/*
 * residence.h - how long bytes stayed in the buffer, as percentiles.
 *
 * Bytes leave in the order in which they came, so a queue of marks ("so many bytes came at time t")
 * gives the age of every byte that leaves, and a log-linear histogram (64 steps an octave, as in
 * HdrHistogram) keeps the ages weighted by bytes. Nothing is allocated after residence_init().
 *
 * The queue is bounded. When it is full, neighbouring marks are merged where the times they then
 * span, from their oldest byte to their youngest, differ by at most 1/64 of the youngest's age.
 * Ages only grow, so that is true of a merged mark for good. Its bytes count as old as the middle
 * of the span: half of 1/64 off at most, as is the middle of a histogram step. Together that keeps
 * a percentile within 2 % of the truth.
 *
 * Merging always makes room. Afterwards no two neighbours could be merged, so that the oldest byte
 * of a mark is more than 65/64 times as old as the youngest of the next mark, and therefore as the
 * oldest of the next but one. From 1 ns to 2^63 ns (292 years) that factor fits 2817 times, which
 * makes 5640 marks at the very most. The other 2500 are free again: this is how many arrivals, at
 * least, lie between two merges of the whole queue.
 */
#ifndef BPIPE_RESIDENCE_H
#define BPIPE_RESIDENCE_H

#include <stddef.h>
#include <stdint.h>

enum { RESIDENCE_MARKS = 8192, RESIDENCE_STEPS = 64, RESIDENCE_OCTAVES = 58 };

struct residence_mark {
    uint64_t bytes;
    uint64_t oldest_ns, youngest_ns; /* when its first and last byte came */
};

struct residence {
    struct residence_mark *marks; /* a circular queue of RESIDENCE_MARKS */
    size_t first, count;
    uint64_t *histogram; /* bytes by age, RESIDENCE_OCTAVES * RESIDENCE_STEPS of them */
    uint64_t bytes;      /* that have left */
    uint64_t max_ns;     /* the age of the oldest: exact, but for merged marks up to 1/64 above */
};

int residence_init(struct residence *residence); /* 0, or -1 with errno ENOMEM */
void residence_destroy(struct residence *residence);

/* `bytes` (0: nothing happens) came in at `now_ns`; times must not go back, here and below. Bytes
 * of the same moment share a mark. */
void residence_arrived(struct residence *residence, uint64_t bytes, uint64_t now_ns);

/* The oldest `bytes` left at `now_ns`; at most as many as have arrived and not left. */
void residence_left(struct residence *residence, uint64_t bytes, uint64_t now_ns);

/* The oldest, or the newest, `bytes` are dropped: they count nowhere. */
void residence_drop_oldest(struct residence *residence, uint64_t bytes);
void residence_drop_newest(struct residence *residence, uint64_t bytes);

/* `ns` passed that do not count: all that is here came that much later. */
void residence_skip(struct residence *residence, uint64_t ns);

/*
 * The age in ns that `per_mille` of the bytes that left did not exceed (500: the median; 1000: all,
 * which is max_ns). 0 when none has left. Never above max_ns.
 */
uint64_t residence_percentile(const struct residence *residence, unsigned per_mille);

#endif
