/*
 * display_cursor.c - see display_cursor.h.
 *
 * The file holds one `struct table`. Lines are counted from wherever the first member was; who
 * leaves keeps his, since what he has shown last stays there.
 */
#include "display_cursor.h"

#include "endpoint.h"
#include "meter.h"
#include "platform.h"
#include "runtime_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct table {
    unsigned lines; /* above the cursor: rows, and what was printed below them */
    unsigned count;
    struct {
        pid_t pid;     /* 0: has left */
        unsigned line; /* rising */
    } members[CURSOR_MEMBERS];
};

/* --- the file ----------------------------------------------------------------------------------
 */

static bool lock(const struct cursor *cursor)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int result;
    do
        result = fcntl(cursor->fd, F_SETLK, &whole);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

/* At the end nothing is held up by waiting, a little, for those who are drawing. */
static bool lock_at_last(const struct cursor *cursor)
{
    enum { TRIES = 50 };
    for (int i = 0; i < TRIES; i++) {
        if (lock(cursor))
            return true;
        platform_nap(NS_PER_SEC / 1000);
    }
    return false;
}

static void unlock(const struct cursor *cursor)
{
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    (void)fcntl(cursor->fd, F_SETLK, &whole);
}

static void load(const struct cursor *cursor, struct table *table)
{
    memset(table, 0, sizeof *table);
    if (pread(cursor->fd, table, sizeof *table, 0) != (ssize_t)sizeof *table ||
        table->count > CURSOR_MEMBERS)
        memset(table, 0, sizeof *table);
}

static bool store(const struct cursor *cursor, const struct table *table)
{
    return pwrite(cursor->fd, table, sizeof *table, 0) == (ssize_t)sizeof *table;
}

static bool is_alive(pid_t pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

static bool any_alive(const struct table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (is_alive(table->members[i].pid))
            return true;
    return false;
}

/* Takes a new line, and the rows in the order of process ids, which in a shell's pipeline is that
 * of the commands. (Whose row moves down draws there the next time.) */
static void take_row(struct table *table)
{
    unsigned i = table->count++;
    table->members[i].line = table->lines++;
    for (; i > 0 && table->members[i - 1].pid > getpid(); i--)
        table->members[i].pid = table->members[i - 1].pid;
    table->members[i].pid = getpid();
}

static void give_row_back(struct table *table)
{
    bool found = false;
    for (unsigned i = 0; i < table->count; i++) {
        found |= table->members[i].pid == getpid();
        if (found && i + 1 < table->count)
            table->members[i].pid = table->members[i + 1].pid;
    }
    if (found) {
        table->count--;
        table->lines--;
    }
}

static void leave_row(struct table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->members[i].pid == getpid())
            table->members[i].pid = 0;
}

/* How far above the cursor this process's row is; 0: it has none. */
static unsigned find_row(const struct table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->members[i].pid == getpid())
            return table->lines - table->members[i].line;
    return 0;
}

/* --- taking part -------------------------------------------------------------------------------
 */

static void forget(struct cursor *cursor)
{
    if (cursor->fd >= 0)
        (void)close(cursor->fd); /* and so unlocks it */
    free(cursor->path);
    *cursor = (struct cursor){.fd = -1};
}

static char *path_for(int tty)
{
    struct stat status;
    char kind[32];
    if (fstat(tty, &status) != 0)
        return NULL;
    snprintf(kind, sizeof kind, "rows-%lx", (unsigned long)status.st_rdev);
    return runtime_path(kind, (long)getpgrp());
}

/* Opens the file that the name leads to, and not one that the last member has just removed. */
static enum cursor_status open_locked(struct cursor *cursor, int tty)
{
    struct stat opened, named;
    cursor->path = path_for(tty);
    if (cursor->path == NULL)
        return CURSOR_ALONE;
    cursor->fd = endpoint_above_standard(
        open(cursor->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (cursor->fd < 0) {
        forget(cursor);
        return CURSOR_ALONE;
    }
    if (lock(cursor) && fstat(cursor->fd, &opened) == 0 && stat(cursor->path, &named) == 0 &&
        opened.st_ino == named.st_ino)
        return CURSOR_READY;
    forget(cursor);
    return CURSOR_BUSY;
}

static enum cursor_status join(struct cursor *cursor, int tty)
{
    struct table table;
    enum cursor_status status = open_locked(cursor, tty);
    if (status != CURSOR_READY)
        return status;
    load(cursor, &table);
    if (!any_alive(&table))
        memset(&table, 0, sizeof table);
    bool room = table.count < CURSOR_MEMBERS;
    if (room)
        take_row(&table);
    cursor->fresh = room && store(cursor, &table);
    if (cursor->fresh)
        return CURSOR_READY;
    forget(cursor);
    return CURSOR_ALONE;
}

static enum cursor_status try_to_begin(struct cursor *cursor, int tty)
{
    if (cursor->fd < 0)
        return join(cursor, tty);
    return lock(cursor) ? CURSOR_READY : CURSOR_BUSY;
}

enum cursor_status cursor_begin(struct cursor *cursor, struct text *text, int tty, unsigned height,
                                bool last)
{
    enum { TRIES = 50 };
    struct table table;
    enum cursor_status status = try_to_begin(cursor, tty);
    for (int i = 0; i < TRIES && status == CURSOR_BUSY && last; i++) {
        platform_nap(NS_PER_SEC / 1000);
        status = try_to_begin(cursor, tty);
    }
    if (status != CURSOR_READY)
        return status;
    load(cursor, &table);
    table.lines += cursor->owed;
    if (cursor->owed > 0 && store(cursor, &table))
        cursor->owed = 0;
    cursor->up = find_row(&table);
    if (cursor->up == 0 || cursor->up >= height) { /* it has left the screen */
        cursor_sent(cursor, false);
        return CURSOR_BUSY;
    }
    text_add(text, "%s\033[%uA\r", cursor->fresh ? "\n" : "", cursor->up);
    return CURSOR_READY;
}

void cursor_end(struct cursor *cursor, struct text *text)
{
    text_add(text, "\033[%uB\r", cursor->up);
}

void cursor_sent(struct cursor *cursor, bool sent)
{
    if (cursor->fresh && !sent) {
        cursor_leave(cursor); /* the row was not made: it is the last one, and goes again */
        return;
    }
    cursor->fresh = false;
    unlock(cursor);
}

void cursor_printing(const struct cursor *cursor)
{
    if (cursor->fd >= 0)
        (void)lock_at_last(cursor);
}

void cursor_printed(struct cursor *cursor, unsigned rows)
{
    struct table table;
    cursor->owed += rows;
    if (cursor->fd < 0 || !lock(cursor))
        return;
    load(cursor, &table);
    table.lines += cursor->owed;
    if (store(cursor, &table))
        cursor->owed = 0;
    unlock(cursor);
}

void cursor_leave(struct cursor *cursor)
{
    struct table table;
    if (cursor->fd >= 0 && (cursor->fresh || lock_at_last(cursor))) {
        load(cursor, &table);
        if (cursor->fresh)
            give_row_back(&table);
        else
            leave_row(&table);
        (void)store(cursor, &table);
        if (!any_alive(&table))
            (void)unlink(cursor->path);
    }
    forget(cursor);
}
