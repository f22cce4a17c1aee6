/*
 * cursor.h - several bpipes that share a terminal, each with a row of its own (-c).
 *
 * Rows are counted from below, so that nobody has to ask the terminal where the cursor is (pv does,
 * and may eat what is typed). A small file in the runtime folder, named after the terminal's device
 * and the process group, says who takes part. Whoever joins sends a newline, which makes room for a
 * row, and leaves the cursor below all rows; a frame goes up to its row and comes back. What is
 * printed below (a message, the report of one that has ended) is counted there in rows, since it
 * moves the rest up.
 *
 * The file is locked (fcntl(2)) while it is looked at and a frame is sent, and the lock is never
 * waited for, since who has it may have been stopped: who does not get it drops the frame.
 * Each member also holds a lock for as long as it lives, which tells one that was killed from one
 * that is silent; the last one removes the file.
 * Without a runtime folder all is as without -c.
 */
#ifndef BPIPE_DISPLAY_CURSOR_H
#define BPIPE_DISPLAY_CURSOR_H

#include "base/text.h"

#include <stdbool.h>

enum { CURSOR_MEMBERS = 64 };
#define CURSOR_KIND "rows" /* of file (base/runtime_dir.h): bpipe-rows-DEVICE-GROUP */

struct cursor {
    int fd; /* of the file; -1: no row is taken */
    char *path;
    bool fresh;    /* the row has been taken, and the newline that makes it has not been sent */
    unsigned up;   /* how far above the cursor the row of the frame is */
    unsigned owed; /* lines that were printed and not yet counted */
};

enum cursor_status { CURSOR_READY, CURSOR_BUSY, CURSOR_ALONE };

/*
 * Adds what goes up to this process's row to `text`, which is then to have the line, and
 * cursor_end(); the first time a row is taken. READY: the file is locked, until cursor_sent().
 * BUSY: this frame is to be dropped. ALONE: there can be no rows. `tty` is the terminal, of
 * `height` rows.
 */
enum cursor_status cursor_begin(struct cursor *cursor, struct text *text, int tty, unsigned height,
                                bool last);
void cursor_end(struct cursor *cursor, struct text *text);
void cursor_sent(struct cursor *cursor, bool sent);

/* Rows are going to be printed below these: until cursor_printed() nobody else draws, who would not
 * know of them yet. Then, so many more were. */
void cursor_printing(const struct cursor *cursor);
void cursor_printed(struct cursor *cursor, unsigned rows);

/* Gives the row up: what stands there stays. */
void cursor_leave(struct cursor *cursor);

/* Removes a file of rows whose members were all killed. Not to be called for a file that this
 * process has a row in: closing it once more would release the locks (fcntl(2)). */
void cursor_sweep(const char *path);

#endif
