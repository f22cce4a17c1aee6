/*
 * commands.h - --from, --to and --monitor, and what stands behind "--".
 */
#ifndef BPIPE_OPTIONS_COMMANDS_H
#define BPIPE_OPTIONS_COMMANDS_H

#include "options/parser.h"

/* One of the three. */
enum options_status options_take_command(struct parser *parser, const struct given *given);

/* What getopt_long() has left: the words of a PROGRAM, if one of these waits for it, or INPUTs. */
enum options_status options_take_rest(struct parser *parser);

#endif
