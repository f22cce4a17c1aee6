/*
 * residence.h - how long bytes stayed in the buffer, as percentiles.
 *
 * Bytes leave in the order in which they came, so a queue of marks ("so many bytes came at time t")
 * gives the age of every byte that leaves, and a log-linear histogram (64 steps an octave, as in
 * HdrHistogram) keeps the ages weighted by bytes. Nothing is allocated after residence_init().
 *
 * The queue is bounded. When it is full, neighbouring marks are merged where their times differ by
 * at most 1/64 of the younger one's age. Ages only grow, so that stays the largest error for good,
 * and a geometric row of ages from 1 ns to a century has fewer than RESIDENCE_MARKS steps, so that
 * merging always makes room. With the histogram's step the error of a percentile is below 3 %.
 */
#ifndef BPIPE_RESIDENCE_H
#define BPIPE_RESIDENCE_H

#include <stddef.h>
#include <stdint.h>

enum { RESIDENCE_MARKS = 8192, RESIDENCE_STEPS = 64, RESIDENCE_OCTAVES = 58 };

struct residence_mark {
    uint64_t bytes;
    uint64_t arrived_ns;
};

struct residence {
    struct residence_mark *marks; /* a circular queue of RESIDENCE_MARKS */
    size_t first, count;
    uint64_t *histogram; /* bytes by age, RESIDENCE_OCTAVES * RESIDENCE_STEPS of them */
    uint64_t bytes;      /* that have left */
    uint64_t max_ns;     /* the oldest of them: exact but for merged marks */
};

int residence_init(struct residence *residence); /* 0, or -1 with errno ENOMEM */
void residence_destroy(struct residence *residence);

/* `bytes` came in at `now_ns`; times must not go back. Bytes of the same moment share a mark. */
void residence_arrived(struct residence *residence, uint64_t bytes, uint64_t now_ns);

/* The oldest `bytes` left at `now_ns`; at most as many as have arrived and not left. */
void residence_left(struct residence *residence, uint64_t bytes, uint64_t now_ns);

/*
 * The age in ns that `per_mille` of the bytes that left did not exceed (500: the median). 0 when
 * none has left. Never above max_ns.
 */
uint64_t residence_percentile(const struct residence *residence, unsigned per_mille);

#endif
