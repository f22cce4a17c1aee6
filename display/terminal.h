/*
 * terminal.h - questions about the terminal on stderr. TERM and NO_COLOR (no-color.org) answer the
 * first two.
 */
#ifndef BPIPE_DISPLAY_TERMINAL_H
#define BPIPE_DISPLAY_TERMINAL_H

#include <stdbool.h>

bool terminal_has_colours(void);

/* Whether the terminal moves the cursor and erases text at escape sequences. */
bool terminal_obeys_escapes(void);

/* Whether it is the controlling terminal, and another process group is in its foreground. */
bool terminal_in_background(void);

#endif
