/*
 * columns.h - text of the live line. base/text.h measures it in columns of a terminal.
 *
 * Text from outside (a name, a line, a format) never brings a control character, or another
 * invisible one (utf8_is_visible()), to the terminal. Lengths are in bytes. display/format.h
 * defines columns.
 */
#ifndef BPIPE_DISPLAY_TEXT_H
#define BPIPE_DISPLAY_TEXT_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

void display_pad(struct text *text, unsigned columns); /* adds blanks */

/* Adds the bytes, with each invisible character replaced by `instead`. If `strict`, each byte that
 * is not UTF-8 is replaced as well; else only a byte that an 8-bit terminal takes for a control
 * character. */
void display_add_clean(struct text *text, const char *bytes, size_t length, char instead,
                       bool strict);

/* Adds one column for each byte: printable ASCII, and a dot for any other byte. */
void display_add_printable(struct text *text, const char *bytes, size_t length);

/* As text_add_visible(). If the terminal does not use UTF-8, bytes beyond ASCII are escaped. */
void display_add_visible(struct text *text, const char *string, bool utf8);

/* The same in at most `room` columns: if the name is longer, its two ends with ".." between them, as
 * in a report. */
void display_add_shortened(struct text *text, const char *string, unsigned room, bool utf8);

/* The number of rows that lines of printed text take in a terminal `width` columns wide; 0: one row
 * for each. */
unsigned display_rows(const char *bytes, size_t length, unsigned width);

#endif
