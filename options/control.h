/*
 * control.h - the options of -R and -Q. Only options/options.c uses this.
 */
#ifndef BPIPE_OPTIONS_CONTROL_H
#define BPIPE_OPTIONS_CONTROL_H

#include "options/parser.h"

/* Refuses options that cannot be used with -R or -Q. Returns OPTIONS_RUN, or OPTIONS_USAGE after a
 * message. */
enum options_status options_check_control(struct parser *parser);

#endif
