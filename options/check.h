/*
 * check.h - options that are valid alone, but exclude each other or need another option.
 */
#ifndef BPIPE_OPTIONS_CHECK_H
#define BPIPE_OPTIONS_CHECK_H

#include "options/parser.h"

/* Called when all options are parsed and the default input and output are set. Returns OPTIONS_RUN,
 * or OPTIONS_USAGE after a message. */
enum options_status options_check(struct parser *parser);

#endif
