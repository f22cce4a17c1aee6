/*
 * history.c - see history.h.
 */
#include "display/history.h"

#include "base/platform.h"

struct moment moment_of(const struct meter *meter)
{
    return (struct moment){.ns = meter_running(meter),
                           .bytes = meter->bytes_passed,
                           .records = meter_shown_output(meter)->records_out};
}

double moment_rate(const struct moment *from, const struct moment *to, bool records)
{
    uint64_t before = records ? from->records : from->bytes;
    uint64_t after = records ? to->records : to->bytes;
    if (to->ns <= from->ns || after < before)
        return 0;
    return (double)(after - before) * ((double)NS_PER_SEC / (double)(to->ns - from->ns));
}

/* The amount that the output had got, in the unit of the expected size. */
static uint64_t done_of(const struct meter *meter, const struct moment *now)
{
    return meter->size_in_records ? now->records : now->bytes;
}

bool moment_has_share(const struct meter *meter, const struct moment *now)
{
    return meter->size_known && (meter->size_bytes > 0 || done_of(meter, now) == 0);
}

uint64_t moment_time_left(const struct meter *meter, const struct moment *start,
                          const struct moment *now)
{
    enum { LONGEST_S = 360000000 }; /* 100,000 hours, as in pv: a longer time counts as unknown */
    uint64_t size = meter->size_bytes, done = done_of(meter, now);
    double rate = moment_rate(start, now, meter->size_in_records);
    if (!meter->size_known || rate <= 0 || done > size)
        return UINT64_MAX;
    double seconds = (double)(size - done) / rate;
    return seconds > LONGEST_S ? UINT64_MAX : (uint64_t)(seconds * (double)NS_PER_SEC);
}

static size_t place_of(const struct history *history, size_t index)
{
    return (history->oldest + index) % HISTORY_MOMENTS;
}

static void forget_oldest(struct history *history)
{
    history->oldest = place_of(history, 1);
    history->count--;
}

void history_begin(struct history *history, struct moment first)
{
    history->moments[0] = first;
    history->oldest = 0;
    history->count = 1;
}

void history_keep(struct history *history, struct moment now, uint64_t window_ns)
{
    uint64_t newest_ns = history->moments[place_of(history, history->count - 1)].ns;
    if (now.ns - newest_ns < window_ns / (HISTORY_MOMENTS - 2))
        return;
    if (history->count == HISTORY_MOMENTS)
        forget_oldest(history);
    history->moments[place_of(history, history->count++)] = now;
    while (history->count > 2 && now.ns - history->moments[place_of(history, 1)].ns >= window_ns)
        forget_oldest(history);
}

struct moment history_oldest(const struct history *history)
{
    return history->moments[history->oldest];
}
