/*
 * control.h - the options of -R and -Q, for options/options.c alone.
 */
#ifndef BPIPE_OPTIONS_CONTROL_H
#define BPIPE_OPTIONS_CONTROL_H

#include "options/parser.h"

/* Whether what is given with -R or -Q may be, and which of the settings that -R changes are given:
 * OPTIONS_RUN, or OPTIONS_USAGE with a line printed. */
enum options_status options_check_control(struct parser *parser);

#endif
