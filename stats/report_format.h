/*
 * report_format.h - declarations that the three formats of a report share. Internal to report*.c.
 *
 * No format knows where its text goes.
 */
#ifndef BPIPE_REPORT_FORMAT_H
#define BPIPE_REPORT_FORMAT_H

#include "base/text.h"
#include "stats/exit_status.h"
#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum report_moment {
    REPORT_MOMENT_SAMPLE, /* --report-every */
    REPORT_MOMENT_NOW,    /* SIGUSR1 */
    REPORT_MOMENT_FINAL
};

/* The interval since the reporter's previous sample, or, for a client (-Q), since a mark of the
 * meter; all zeros if there is none. */
struct report_interval {
    uint64_t ns;
    uint64_t bytes;
    uint64_t state_ns[METER_STATES];
};

struct report_request {
    enum report_moment moment;
    struct ending ending; /* for a final report */
    uint64_t end_time_ns; /* for a final report: the time of day */
    bool si, verbose;
    struct report_interval interval; /* not for a final report */
    /* For text (stats/report_line.h): the room for the names at the beginning of each line, and
     * where a line tells that it is too long. */
    size_t own_room;
    bool *too_long;
};

void report_format_text(struct text *text, const struct meter *meter,
                        const struct report_request *request);
void report_format_json(struct text *text, const struct meter *meter,
                        const struct report_request *request);
void report_format_prometheus(struct text *text, const struct meter *meter,
                              const struct report_request *request);

#endif
