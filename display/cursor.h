/*
 * cursor.h - lets several bpipes share a terminal, each with its own row.
 *
 * Each bpipe with a live line is a member of a small file in the runtime folder, which is named
 * after the terminal's device and the process group. The only member draws its line in the row of
 * the cursor, as if there were no file. From the second member on, or with -c, each has a row.
 *
 * Rows are counted from below, so that no bpipe has to ask the terminal for the cursor position (pv
 * asks, and may swallow typed characters). A new member sends a newline, which makes room for a
 * row, and leaves the cursor below all rows. If the other member is still drawing in the row of the
 * cursor, the new one sends a newline for that row, too; the other one notices it at its next
 * frame. A frame moves up to its row and back. A member whose row has left the screen takes a new
 * one. Lines that are printed below the rows (a message, the report of a bpipe that has ended) move
 * the rows up, so the file also counts them, in rows.
 *
 * A member locks the file (fcntl(2)) while it reads it and sends a frame. If another process has
 * the lock the frame is dropped, because that process may have been stopped. Only for its last
 * frame, before it prints, and when it leaves, a member waits for the lock, for about 50 ms.
 * Each member also holds a second lock while it lives, which tells a killed member from a silent
 * one. The last member removes the file. Without a runtime folder there are no rows.
 */
#ifndef BPIPE_DISPLAY_CURSOR_H
#define BPIPE_DISPLAY_CURSOR_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CURSOR_MEMBERS = 64 };
#define CURSOR_KIND "rows" /* kind of file (base/runtime_dir.h): bpipe-rows-DEVICE-GROUP */

/* The content of the file. */
struct cursor_table {
    unsigned lines; /* lines above the cursor: rows, and lines that were printed below them. 0: at
                       most one member, which draws in the row of the cursor */
    unsigned count;
    struct {
        pid_t pid;     /* in rising order */
        unsigned line; /* in rising order */
    } members[CURSOR_MEMBERS];
};

struct cursor {
    bool always;   /* -c: this process takes a row even if it is the only member */
    bool hopeless; /* there is no folder, or it has no locks: not tried again */
    int fd;        /* the file; -1: not open */
    char *path;
    bool visiting;     /* not a member: the file is open only while this process prints */
    bool fresh;        /* a member since this frame, which has not been sent; not in the file */
    bool single;       /* this frame is drawn in the row of the cursor */
    bool last;         /* this frame ends that row */
    unsigned newlines; /* to be sent with this frame: they make the rows */
    unsigned up;       /* the distance from the cursor up to the row of the frame */
    unsigned drawn;    /* the line of the last frame that was sent */
    unsigned owed;     /* rows that were printed, but not yet counted in the file */
    struct cursor_table table; /* while the file is locked */
};

void cursor_init(struct cursor *cursor, bool always);

enum cursor_status { CURSOR_READY, CURSOR_SINGLE, CURSOR_BUSY, CURSOR_ALONE };

/*
 * Begins a frame; the first one makes this process a member.
 *
 *   CURSOR_READY   It has a row. The escape sequence that moves up to it was added to `text`. The
 *                  caller adds the line, calls cursor_end(), sends the text, and calls
 *                  cursor_sent().
 *   CURSOR_SINGLE  It is the only member. The caller sends the line in the row of the cursor, and
 *                  calls cursor_sent().
 *   CURSOR_BUSY    The caller drops this frame.
 *   CURSOR_ALONE   There is no file. The caller sends the line in the row of the cursor.
 *
 * With the first two the file is locked until cursor_sent(). `tty` is the terminal, which has
 * `height` rows. `last`: the frame stays, and if it is in the row of the cursor it ends with a
 * newline. After it this process is no member any more, but its messages below the rows count.
 */
enum cursor_status cursor_begin(struct cursor *cursor, struct text *text, int tty, unsigned height,
                                bool last);
void cursor_end(struct cursor *cursor, struct text *text);
void cursor_sent(struct cursor *cursor, bool sent);

/*
 * Bpipes that start, or go on, together: the first frame of one may take the row in which another
 * has just drawn, or was dropped since that one was drawing. So each looks three times soon after
 * its first frame, and draws again if its line is not on the screen. Each look is twice as late as
 * the one before. Times are in ns, of any clock.
 */
struct cursor_looks {
    uint64_t began_ns, due_ns; /* due_ns: of the next look; UINT64_MAX: there are no more */
};

/* `now_ns` may be UINT64_MAX: no looks. */
void cursor_begin_looks(struct cursor_looks *looks, uint64_t now_ns);

/* Whether a look is due. If it is, the next one is due later. */
bool cursor_take_look(struct cursor_looks *looks, uint64_t now_ns);

/* Whether the last frame is not on the screen, or perhaps not: it was dropped, or its row was given
 * to a bpipe that came later. Does not wait for the lock. */
bool cursor_is_displaced(struct cursor *cursor);

/* Call cursor_printing() before printing below the rows. Until cursor_printed() no other member
 * draws, because it would not know the new distance. `rows` is the number of printed rows. A
 * process that is not a member, since it has shown no frame yet, looks whether there are rows on
 * `tty`. */
void cursor_printing(struct cursor *cursor, int tty);
void cursor_printed(struct cursor *cursor, unsigned rows);

/* Ends the membership. The last frame stays on the terminal. */
void cursor_leave(struct cursor *cursor);

/* Removes a file of rows whose members were all killed. Must not be called for a file in which this
 * process has a row: closing a second descriptor of it would release the locks (fcntl(2)). */
void cursor_sweep(const char *path);

#endif
