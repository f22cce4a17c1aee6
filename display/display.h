/*
 * display.h - the live line on a terminal: when it is shown, where, and for how long.
 *
 * One line on stderr, every --interval: composed by display/format.c from the meter, sent by
 * message_live(), which drops a frame that stderr does not take at once. It is shown if stderr is a
 * terminal, unless that is the controlling terminal and its foreground process group is not bpipe's
 * (tcgetpgrp(3)), looked at before each frame; or always, with -f; never with -q. With -n numbers
 * go out instead, a line each, whatever stderr is. The titles of -x are asked for by name, so that
 * -q leaves them: the process's is set whatever stderr is, the window's where the line would be
 * shown.
 *
 * The width is the terminal's at each frame (SIGWINCH brings the next one at once), or -w, else 80.
 * Beyond ASCII: where the locale's character set is UTF-8. Colours: where TERM is that of a
 * terminal that has them, and NO_COLOR (no-color.org) is not set to anything.
 *
 * A frame covers the one before and leaves the cursor at the start of the row; with -c rows are
 * display/cursor.h's. A message or a report that comes between erases the line first; the last
 * frame stays, and what follows begins below.
 */
#ifndef BPIPE_DISPLAY_H
#define BPIPE_DISPLAY_H

#include "buffer/last_written.h"
#include "options/options.h"
#include "stats/meter.h"

#include <stdbool.h>
#include <stdint.h>

struct display; /* opaque: the format, the history of the rate, the terminal */

/*
 * Makes the display that the options ask for; where it would show neither a line nor a title it is
 * there but never due. last_written->wanted becomes whether a format shows that. All three outlive
 * it. NULL: no memory.
 */
struct display *display_open(const struct options *options, const struct meter *meter,
                             struct last_written *last_written);

/* When the next frame is due: ns of the meter's clock; UINT64_MAX: never. */
uint64_t display_due(const struct display *display);

/* Shows a frame; the meter's clock has been advanced to now. */
void display_tick(struct display *display);

/* Whether it may ever show anything: then SIGWINCH is of interest, and so is who the peers are. */
bool display_is_on(const struct display *display);

/* SIGWINCH: a frame is due at once. */
void display_refresh(struct display *display);

/* SIGCONT: the same, wherever the cursor is now. */
void display_continue(struct display *display);

/* The last frame, which stays on the screen; before the final report. */
void display_final(struct display *display);

/* -R. NULL and 0 leave things as they are; the text is copied. False: no memory. */
struct display_change {
    const char *format; /* "": the default line again */
    uint64_t interval_ns;
    unsigned width, height;
};
bool display_change(struct display *display, const struct display_change *change);

void display_close(struct display *display);

#endif
