/*
 * columns.h - text of the live line, measured in a terminal's columns.
 *
 * What comes from outside (a name, a line, a format) never gets a control character to the
 * terminal, nor another one that cannot be seen (utf8_is_visible()). Lengths are bytes; columns are
 * what display/format.h says they are.
 */
#ifndef BPIPE_DISPLAY_TEXT_H
#define BPIPE_DISPLAY_TEXT_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* How wide the text is from byte `start` on; a byte that is not UTF-8 is one column. */
unsigned display_columns(const struct text *text, size_t start);

/* Takes so much off the end of what the text has from byte `start` on that it is no wider than
 * `columns`, whole characters at a time. Returns how wide it is. */
unsigned display_cut(struct text *text, size_t start, unsigned columns);

void display_pad(struct text *text, unsigned columns); /* adds blanks */

/* As it is, except characters that are not visible: they become `instead`, as what is not UTF-8
 * does where `strict` (else only the bytes that a terminal of 8 bits takes for control characters).
 */
void display_add_clean(struct text *text, const char *bytes, size_t length, char instead,
                       bool strict);

/* Bytes, each a column: dots for all but printable ASCII. */
void display_add_printable(struct text *text, const char *bytes, size_t length);

/* text_add_visible(); where the terminal is not one of UTF-8, all but ASCII is escaped. */
void display_add_visible(struct text *text, const char *string, bool utf8);

#endif
