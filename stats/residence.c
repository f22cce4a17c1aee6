/*
 * residence.c - see residence.h for the idea and for why merging always makes room.
 *
 * Invariants: the marks are in order of time, oldest first, and no two cover the same moment. The
 * bytes in the histogram add up to `bytes`. A merged mark was at most as wide as 1/64 of the age of
 * its youngest byte when it was made, and therefore still is.
 *
 * Not here: clocks (the caller gives the time) and the ring (bytes are only counted).
 */
#include "stats/residence.h"

#include "base/minmax.h"

#include <assert.h>
#include <stdlib.h>

enum { HISTOGRAM_BUCKETS = RESIDENCE_OCTAVES * RESIDENCE_STEPS };

_Static_assert((RESIDENCE_MARKS & (RESIDENCE_MARKS - 1)) == 0, "marks are found by masking");

int residence_init(struct residence *residence)
{
    *residence = (struct residence){0};
    residence->marks = malloc(RESIDENCE_MARKS * sizeof(*residence->marks));
    residence->histogram = calloc(HISTOGRAM_BUCKETS, sizeof(*residence->histogram));
    if (residence->marks == NULL || residence->histogram == NULL) {
        residence_destroy(residence); /* malloc() and calloc() set errno; free() keeps it */
        return -1;
    }
    return 0;
}

void residence_destroy(struct residence *residence)
{
    free(residence->marks);
    free(residence->histogram);
    *residence = (struct residence){0};
}

/* The mark at `place` in the queue; 0 is the oldest. */
static struct residence_mark *mark_at(const struct residence *residence, size_t place)
{
    return &residence->marks[(residence->first + place) & (RESIDENCE_MARKS - 1)];
}

/* Merges all neighbours that may be merged, starting with the oldest. Runs only when the queue is
 * full: over 8192 marks, but at most once in 2500 arrivals. */
static void merge_marks(struct residence *residence, uint64_t now_ns)
{
    size_t kept = 0;

    for (size_t i = 1; i < residence->count; i++) {
        struct residence_mark *older = mark_at(residence, kept);
        const struct residence_mark *younger = mark_at(residence, i);
        uint64_t width_ns = younger->youngest_ns - older->oldest_ns;

        if (width_ns <= (now_ns - younger->youngest_ns) / RESIDENCE_STEPS) {
            older->bytes += younger->bytes;
            older->youngest_ns = younger->youngest_ns;
        } else {
            *mark_at(residence, ++kept) = *younger;
        }
    }
    residence->count = kept + 1;
    assert(residence->count < RESIDENCE_MARKS);
}

void residence_arrived(struct residence *residence, uint64_t bytes, uint64_t now_ns)
{
    if (bytes == 0)
        return;
    if (residence->count > 0) {
        struct residence_mark *newest = mark_at(residence, residence->count - 1);

        assert(newest->youngest_ns <= now_ns);
        if (newest->youngest_ns == now_ns) {
            newest->bytes += bytes;
            return;
        }
    }
    if (residence->count == RESIDENCE_MARKS)
        merge_marks(residence, now_ns);
    *mark_at(residence, residence->count++) = (struct residence_mark){bytes, now_ns, now_ns};
}

/* Ages below 2 * RESIDENCE_STEPS have a bucket each. Above that, an octave has RESIDENCE_STEPS
 * buckets. */
static size_t bucket_of(uint64_t age_ns)
{
    unsigned octave = 0;
    size_t bucket;

    while (age_ns >> octave >= UINT64_C(2) * RESIDENCE_STEPS)
        octave++;
    bucket = octave * (size_t)RESIDENCE_STEPS + (size_t)(age_ns >> octave);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket: wrong by at most half a step. */
static uint64_t bucket_age(size_t bucket)
{
    unsigned octave;

    if (bucket < 2 * (size_t)RESIDENCE_STEPS)
        return bucket;
    octave = (unsigned)(bucket / RESIDENCE_STEPS) - 1;
    return ((uint64_t)(bucket - octave * (size_t)RESIDENCE_STEPS) << octave) +
           (UINT64_C(1) << octave) / 2;
}

static void count_ages(struct residence *residence, const struct residence_mark *mark,
                       uint64_t bytes, uint64_t now_ns)
{
    uint64_t middle_ns = mark->oldest_ns + (mark->youngest_ns - mark->oldest_ns) / 2;

    assert(mark->youngest_ns <= now_ns);
    residence->histogram[bucket_of(now_ns - middle_ns)] += bytes;
    residence->bytes += bytes;
    if (now_ns - mark->oldest_ns > residence->max_ns)
        residence->max_ns = now_ns - mark->oldest_ns;
}

/* Takes up to `bytes` from the oldest mark, which must exist; returns how many. */
static uint64_t take_oldest(struct residence *residence, uint64_t bytes)
{
    struct residence_mark *oldest = mark_at(residence, 0);
    uint64_t part = min_u64(bytes, oldest->bytes);

    oldest->bytes -= part;
    if (oldest->bytes == 0) {
        residence->first = (residence->first + 1) & (RESIDENCE_MARKS - 1);
        residence->count--;
    }
    if (residence->count == 0)
        residence->first = 0; /* as in the ring: reuses the same cache lines */
    return part;
}

void residence_left(struct residence *residence, uint64_t bytes, uint64_t now_ns)
{
    while (bytes > 0 && residence->count > 0) {
        struct residence_mark oldest = *mark_at(residence, 0);
        uint64_t part = take_oldest(residence, bytes);

        count_ages(residence, &oldest, part, now_ns);
        bytes -= part;
    }
    assert(bytes == 0);
}

void residence_drop_oldest(struct residence *residence, uint64_t bytes)
{
    while (bytes > 0 && residence->count > 0)
        bytes -= take_oldest(residence, bytes);
    assert(bytes == 0);
}

void residence_drop_newest(struct residence *residence, uint64_t bytes)
{
    while (bytes > 0 && residence->count > 0) {
        struct residence_mark *newest = mark_at(residence, residence->count - 1);
        uint64_t part = min_u64(bytes, newest->bytes);

        newest->bytes -= part;
        bytes -= part;
        if (newest->bytes == 0)
            residence->count--;
    }
    assert(bytes == 0);
}

void residence_skip(struct residence *residence, uint64_t ns)
{
    for (size_t i = 0; i < residence->count; i++) {
        mark_at(residence, i)->oldest_ns += ns;
        mark_at(residence, i)->youngest_ns += ns;
    }
}

uint64_t residence_percentile(const struct residence *residence, unsigned per_mille)
{
    uint64_t rest = residence->bytes % 1000 * per_mille;
    uint64_t rank = residence->bytes / 1000 * per_mille + rest / 1000 + (rest % 1000 != 0);
    uint64_t seen = 0;

    if (residence->bytes == 0)
        return 0;
    if (rank == 0)
        rank = 1;
    if (rank >= residence->bytes) /* the greatest age, which is known more exactly than its
                                     bucket */
        return residence->max_ns;
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += residence->histogram[bucket];
        if (seen >= rank) {
            uint64_t age_ns = bucket_age(bucket);

            return min_u64(age_ns, residence->max_ns);
        }
    }
    return residence->max_ns;
}
