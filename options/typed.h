/*
 * typed.h - parses an argument by the type in the row of its option (options/table.h).
 *
 * Each function returns OPTIONS_RUN, or OPTIONS_USAGE after a message.
 */
#ifndef BPIPE_OPTIONS_TYPED_H
#define BPIPE_OPTIONS_TYPED_H

#include "options/parser.h"

#include <stddef.h>
#include <stdint.h>

/* The member of *options that holds the value of the row's option. */
void *options_field(struct options *options, const struct option_row *row);

/* Parses the argument of an option whose type is neither TYPE_OWN nor TYPE_FLAG. */
enum options_status options_take_typed(struct parser *parser, const struct given *given);

/* For options with their own code, if the argument is a size or a text. A size is in bytes, from
 * `least` (0 or 1) to `most`. A text has `least` characters or more, and points into argv. */
enum options_status options_take_size(const struct parser *parser, const struct given *given,
                                      uint64_t least, uint64_t most, uint64_t *bytes);
enum options_status options_take_text(const struct given *given, size_t least, const char **text);

#endif
