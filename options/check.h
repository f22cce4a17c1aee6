/*
 * check.h - options, each right by itself, that cannot be given together, or not without
 * another.
 */
#ifndef BPIPE_OPTIONS_CHECK_H
#define BPIPE_OPTIONS_CHECK_H

#include "options/parser.h"

/* With all that was given known, and the default input and output: OPTIONS_RUN, or OPTIONS_USAGE
 * after a message. */
enum options_status options_check(struct parser *parser);

#endif
