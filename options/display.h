/*
 * display.h - the options of the live line. Only options/options.c uses this.
 */
#ifndef BPIPE_OPTIONS_DISPLAY_H
#define BPIPE_OPTIONS_DISPLAY_H

#include "options/parser.h"

/* Sets the options that follow from the display's flags. Called when all flags are set. */
void options_apply_display(struct parser *parser);

/* --bar-style and --extra-display. Each returns OPTIONS_RUN, or OPTIONS_USAGE after a message. */
enum options_status options_take_bar_style(struct parser *parser, const struct given *given);
enum options_status options_take_places(struct parser *parser, const struct given *given);

#endif
