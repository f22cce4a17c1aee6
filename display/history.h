/*
 * history.h - what the output had got at moments of the last while, and the rates between them.
 *
 * Times are of the meter's running time, so that they stand still while the process is stopped or
 * is connecting.
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
    uint64_t bytes, records; /* that the output has got */
};

/* Never empty after history_begin(). */
struct history {
    struct moment moments[HISTORY_MOMENTS]; /* a ring: the oldest at `oldest` */
    size_t oldest, count;
};

struct moment moment_of(const struct meter *meter);

/* In records or in bytes a second; 0 if no time is between them. */
double moment_rate(const struct moment *from, const struct moment *to, bool records);

void history_begin(struct history *history, struct moment first);

/* Keeps what reaches back `window_ns`: a moment that is just older than that, and all but one of
 * HISTORY_MOMENTS since. What comes too soon after the one before is not kept. */
void history_keep(struct history *history, struct moment now, uint64_t window_ns);

struct moment history_oldest(const struct history *history);

#endif
