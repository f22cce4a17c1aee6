/*
 * commands.h - --from, --to and --monitor, and the words after "--".
 */
#ifndef BPIPE_OPTIONS_COMMANDS_H
#define BPIPE_OPTIONS_COMMANDS_H

#include "options/parser.h"

/* Takes one --from, --to or --monitor. */
enum options_status options_take_command(struct parser *parser, const struct given *given);

/* Takes the words that getopt_long() has left. They are a PROGRAM and its arguments if one of the
 * three options asked for a PROGRAM, else INPUTs. */
enum options_status options_take_rest(struct parser *parser);

#endif
