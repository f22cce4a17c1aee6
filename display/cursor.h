/*
 * cursor.h - lets several bpipes share a terminal, each with its own row (-c).
 *
 * Rows are counted from below, so that no bpipe has to ask the terminal for the cursor position (pv
 * asks, and may swallow typed characters). A small file in the runtime folder, named after the
 * terminal's device and the process group, lists the members. A new member sends a newline, which
 * makes room for a row, and leaves the cursor below all rows. A frame moves up to its row and back.
 * Lines that are printed below the rows (a message, the report of a bpipe that has ended) move the
 * rows up, so the file also counts them, in rows.
 *
 * A member locks the file (fcntl(2)) while it reads it and sends a frame. If another process has
 * the lock the frame is dropped, because that process may have been stopped. Only for its last
 * frame, before it prints, and when it leaves, a member waits for the lock, for about 50 ms.
 * Each member also holds a second lock while it lives, which tells a killed member from a silent
 * one. The last member removes the file. Without a runtime folder -c has no effect.
 */
#ifndef BPIPE_DISPLAY_CURSOR_H
#define BPIPE_DISPLAY_CURSOR_H

#include "base/text.h"

#include <stdbool.h>

enum { CURSOR_MEMBERS = 64 };
#define CURSOR_KIND "rows" /* kind of file (base/runtime_dir.h): bpipe-rows-DEVICE-GROUP */

struct cursor {
    int fd; /* the file; -1: this process has no row */
    char *path;
    bool fresh;    /* the row is taken, but the newline that makes it has not been sent */
    unsigned up;   /* the distance from the cursor up to the row of the frame */
    unsigned owed; /* rows that were printed, but not yet counted in the file */
};

enum cursor_status { CURSOR_READY, CURSOR_BUSY, CURSOR_ALONE };

/*
 * Adds the escape sequence that moves up to this process's row to `text`. Then the caller adds the
 * line, and calls cursor_end(). The first call takes a row. CURSOR_READY: the file is locked until
 * cursor_sent(). CURSOR_BUSY: the caller drops this frame. CURSOR_ALONE: rows are not possible.
 * `tty` is the terminal, which has `height` rows. `last`: this is the last frame.
 */
enum cursor_status cursor_begin(struct cursor *cursor, struct text *text, int tty, unsigned height,
                                bool last);
void cursor_end(struct cursor *cursor, struct text *text);
void cursor_sent(struct cursor *cursor, bool sent);

/* Call cursor_printing() before printing below the rows. Until cursor_printed() no other member
 * draws, because it would not know the new distance. `rows` is the number of printed rows. */
void cursor_printing(const struct cursor *cursor);
void cursor_printed(struct cursor *cursor, unsigned rows);

/* Gives the row up. Its last frame stays on the terminal. */
void cursor_leave(struct cursor *cursor);

/* Removes a file of rows whose members were all killed. Must not be called for a file in which this
 * process has a row: closing a second descriptor of it would release the locks (fcntl(2)). */
void cursor_sweep(const char *path);

#endif
