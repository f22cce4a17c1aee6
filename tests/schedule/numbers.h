/*
 * numbers.h - what bpipe's JSON report says, as far as it can be checked from outside.
 *
 * Read by simple scanning: names and messages hold no braces, brackets or quotes here.
 */
#ifndef SCHEDULE_NUMBERS_H
#define SCHEDULE_NUMBERS_H

#include "plan.h"

#include <stdint.h>

#define NO_NUMBER UINT64_MAX /* null, or not there */

struct endpoint_numbers {
    uint64_t bytes, bytes_added, bytes_dropped, records_dropped, bytes_undelivered;
    uint64_t records_out; /* not of inputs */
};

struct numbers {
    uint64_t bytes_in, records_in, exit_status;
    struct endpoint_numbers inputs[MOST_SOURCES], outputs[MOST_OUTPUTS], taps[MOST_TAPS];
    size_t input_count, output_count, tap_count; /* which may be more than there is room for */
};

/* false: it is no final report. */
bool numbers_read(struct numbers *numbers, const char *report);

#endif
