/*
 * endpoints.h - inputs, outputs and taps on the command line.
 */
#ifndef BPIPE_OPTIONS_ENDPOINTS_H
#define BPIPE_OPTIONS_ENDPOINTS_H

#include "options/parser.h"

/*
 * Each adds an endpoint of its kind to the options, or refuses it. Returns OPTIONS_RUN, or
 * OPTIONS_USAGE after a message.
 */
enum options_status options_take_output(struct options *options, const char *text);
enum options_status options_take_tap(struct options *options, const char *text);
enum options_status options_take_input(struct options *options,
                                       const char *text); /* the operands */

/* Checks the FILE of a report. `text` is the whole argument, for the message. */
enum options_status options_check_report_file(const char *text, const char *file);

/* Refuses an endpoint that is named twice, but can be opened only once. Called when all endpoints
 * are known. */
enum options_status options_check_endpoints(struct parser *parser);

#endif
