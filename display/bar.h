/*
 * bar.h - bars: how far it is, that something moves, how full the buffer is.
 *
 * All are exactly as wide as asked, without anything before or behind. A style that needs more than
 * ASCII is the caller's to avoid.
 */
#ifndef BPIPE_DISPLAY_BAR_H
#define BPIPE_DISPLAY_BAR_H

#include "base/text.h"
#include "options/options.h"

/* `fraction`: 0 to 1. */
void display_add_bar(struct text *text, enum bar_style style, unsigned width, double fraction);

/* A mark of three columns; `phase` as in display/format.h. */
void display_add_mark(struct text *text, enum bar_style style, unsigned width, unsigned phase);

/* Of the buffer: "▕██▌   ▏" or "[##    ]", eight columns. */
enum { DISPLAY_BUFFER_BAR = 8 };
void display_add_buffer_bar(struct text *text, bool utf8, double fraction);

#endif
