/*
 * numbers.h - the numbers in bpipe's JSON report, as far as they can be checked from outside.
 *
 * The report is read by simple scanning: names and messages have no braces, brackets or quotes
 * here.
 */
#ifndef SCHEDULE_NUMBERS_H
#define SCHEDULE_NUMBERS_H

#include "plan.h"

#include <stdint.h>

#define NO_NUMBER UINT64_MAX /* null, or not there */

struct endpoint_numbers {
    uint64_t bytes, bytes_added, bytes_dropped, records_dropped, bytes_undelivered;
    uint64_t records_out; /* not for inputs */
};

struct numbers {
    uint64_t bytes_in, records_in, exit_status;
    struct endpoint_numbers inputs[MOST_SOURCES], outputs[MOST_OUTPUTS], taps[MOST_TAPS];
    size_t input_count, output_count, tap_count; /* may be more than the arrays have room for */
};

/* False: it is no final report. */
bool numbers_read(struct numbers *numbers, const char *report);

#endif
