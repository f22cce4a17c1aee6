/*
 * colour.h - %{sgr:...}: colours, as codes of ECMA-48 ("select graphic rendition").
 */
#ifndef BPIPE_DISPLAY_COLOUR_H
#define BPIPE_DISPLAY_COLOUR_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum display_colour {
    DISPLAY_COLOUR_NONE, /* there was no code: nothing was added */
    DISPLAY_COLOUR_SET,
    DISPLAY_COLOUR_RESET /* the last code takes all back */
};

/* Adds what a list as "red,bg-blue,bold" or "38,5,208" stands for; words that mean nothing are
 * passed over. */
enum display_colour display_add_colours(struct text *text, const char *list, size_t length);

void display_reset_colours(struct text *text);

#endif
