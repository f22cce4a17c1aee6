/*
 * typed.h - arguments that are what the type of their row says (options/table.h).
 *
 * Each gives OPTIONS_RUN, or OPTIONS_USAGE when one line was printed that says why not.
 */
#ifndef BPIPE_OPTIONS_TYPED_H
#define BPIPE_OPTIONS_TYPED_H

#include "options/parser.h"

#include <stddef.h>
#include <stdint.h>

/* The member of *options that the row's option becomes. */
void *options_field(struct options *options, const struct option_row *row);

/* The argument of an option whose type is neither TYPE_OWN nor TYPE_FLAG. */
enum options_status options_take_typed(struct parser *parser, const struct given *given);

/* For those that are a size or a text only in part: bytes from `least` (0 or 1) to `most`; and a
 * text of `least` characters or more, which points into argv. */
enum options_status options_take_size(const struct parser *parser, const struct given *given,
                                      uint64_t least, uint64_t most, uint64_t *bytes);
enum options_status options_take_text(const struct given *given, size_t least, const char **text);

#endif
