/*
 * display.h - the options of the live line, for options/options.c alone.
 */
#ifndef BPIPE_OPTIONS_DISPLAY_H
#define BPIPE_OPTIONS_DISPLAY_H

#include "options/parser.h"

/* What follows from the display's flags, when all flags are set. */
void options_apply_display(struct parser *parser);

/* --bar-style and --extra-display: OPTIONS_RUN, or OPTIONS_USAGE with a line printed. */
enum options_status options_take_bar_style(struct parser *parser, const struct given *given);
enum options_status options_take_places(struct parser *parser, const struct given *given);

#endif
