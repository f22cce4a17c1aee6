/*
 * display.h - the live line on a terminal: when it is shown, where, and for how long.
 *
 * The display writes one line to stderr every --interval. display/format.c composes it from the
 * meter. message_live() sends it, and drops a frame that stderr does not take at once. The line is
 * shown if stderr is a terminal. It is not shown if that is the controlling terminal and bpipe is
 * not in its foreground process group (tcgetpgrp(3)); this is checked before each frame. With -f
 * the line is always shown, with -q never. With -n the display writes numbers instead, one line for
 * each frame, to any kind of stderr. -q does not suppress the titles of -x, because the user has
 * asked for them. The process title is set with any kind of stderr, the window title only on a
 * terminal where the line may be shown.
 *
 * The width is that of -w, or of the terminal at each frame, or else 80. SIGWINCH causes a frame at
 * once. Characters beyond ASCII are used if the character set of the locale is UTF-8. Colours are
 * used if TERM names a terminal that has them, and NO_COLOR (no-color.org) is unset or empty.
 *
 * A frame covers the previous one and leaves the cursor at the start of the row. If several bpipes
 * of a process group have a line on the terminal, or with -c, display/cursor.h manages the rows.
 * A message or a report between two frames erases the line first. The last frame stays, and later
 * output begins below it.
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
 * Makes the display that the options ask for. If it would show neither a line nor a title no frame
 * is ever due. last_written->wanted becomes true if a format shows the last bytes or the last line,
 * else false. All three arguments must outlive the display. NULL: out of memory.
 */
struct display *display_open(const struct options *options, const struct meter *meter,
                             struct last_written *last_written);

/* When the next frame is due, in ns of the meter's clock. UINT64_MAX: never. */
uint64_t display_due(const struct display *display);

/* Shows a frame if one is due. The caller has advanced the meter's clock to now. */
void display_tick(struct display *display);

/* Whether the display may ever show anything. Then SIGWINCH and the names of the peers matter. */
bool display_is_on(const struct display *display);

/* SIGWINCH: a frame is due at once. */
void display_refresh(struct display *display);

/* A command is about to see the end of its input, and may write its result to the terminal: clears
 * the line. The next regular frame is due in DISPLAY_GIVE_WAY_NS at the earliest. */
#define DISPLAY_GIVE_WAY_NS NS_PER_SEC
void display_give_way(struct display *display);

/* Call this before the process stops (SIGTSTP). A last frame covers the "^Z" that the terminal
 * wrote over the line. It stays, and the shell's message begins below it. The process gives its row
 * up. */
void display_stop(struct display *display);

/* SIGCONT: a frame is due at once, and starts where the cursor is now. */
void display_continue(struct display *display);

/* Shows the last frame, which stays on the screen. Its rates and its slow side are those of the
 * whole run. Called before the final report. */
void display_final(struct display *display);

/* Changes by -R. NULL and 0 mean no change. The text is copied. False: out of memory. */
struct display_change {
    const char *format; /* "": the default line again */
    uint64_t interval_ns;
    unsigned width, height;
};
bool display_change(struct display *display, const struct display_change *change);

void display_close(struct display *display);

#endif
