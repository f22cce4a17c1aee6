/*
 * display.h - the options of the live line and of control, for options/options.c alone.
 */
#ifndef BPIPE_OPTIONS_DISPLAY_H
#define BPIPE_OPTIONS_DISPLAY_H

#include "options/parser.h"

/* The flags. */
void options_apply_display(struct parser *parser);

/* One that has an argument. OPTIONS_RUN with *mine false: it is none of these. */
enum options_status options_take_display(struct parser *parser, const struct given *given,
                                         bool *mine);

/* What cannot be given with -R and -Q. */
enum options_status options_check_control(struct parser *parser);

#endif
