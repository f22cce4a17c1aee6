/*
 * report_details.h - the lines of a text report after the first two. Internal to report*.c.
 */
#ifndef BPIPE_REPORT_DETAILS_H
#define BPIPE_REPORT_DETAILS_H

#include "base/text.h"
#include "stats/meter.h"
#include "stats/report_format.h"

/* A line for each endpoint that did not get all bytes, or got bytes that were added, or whose file
 * or command did not come to its end. It is in every report. */
void report_add_losses(struct text *text, const struct meter *meter,
                       const struct report_request *request);

/* With -v: the buffer, the residence time, the spool. */
void report_add_buffer(struct text *text, const struct meter *meter,
                       const struct report_request *request);

/* With -v: every input, output and tap, and the system calls. */
void report_add_endpoints(struct text *text, const struct meter *meter,
                          const struct report_request *request);

#endif
