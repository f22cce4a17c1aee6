/*
 * history.h - the amounts that the output had got at recent moments, and the rates between them.
 *
 * Times are in the meter's running time, which does not advance while the process is stopped or
 * connecting.
 */
#ifndef BPIPE_DISPLAY_HISTORY_H
#define BPIPE_DISPLAY_HISTORY_H

#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTORY_MOMENTS = 64 };

struct moment {
    uint64_t ns;
    uint64_t bytes, records; /* the amounts that the output has got */
};

/* Never empty after history_begin(). */
struct history {
    struct moment moments[HISTORY_MOMENTS]; /* a ring: the oldest at `oldest` */
    size_t oldest, count;
};

struct moment moment_of(const struct meter *meter);

/* The rate in bytes or records per second. 0 if no time is between the moments. */
double moment_rate(const struct moment *from, const struct moment *to, bool records);

/* Whether a share of the expected size is possible. With a size of 0 it is possible only until
 * something came. */
bool moment_has_share(const struct meter *meter, const struct moment *now);

/* The estimated time from `now` until the output has the expected size, in ns, at the rate since
 * `start`. UINT64_MAX: unknown, also if more than that size came, because still more may follow.
 * (The caller makes it unknown while nothing moves.) */
uint64_t moment_time_left(const struct meter *meter, const struct moment *start,
                          const struct moment *now);

void history_begin(struct history *history, struct moment first);

/* Adds `now`, and keeps the moments of the last `window_ns`: the newest one that is at least that
 * old, and at most HISTORY_MOMENTS - 1 later ones. A moment that follows the previous one too soon
 * is not added. */
void history_keep(struct history *history, struct moment now, uint64_t window_ns);

struct moment history_oldest(const struct history *history);

#endif
