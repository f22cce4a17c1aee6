/*
 * cursor.c - see cursor.h.
 *
 * The file holds one `struct table`, which a member locks while it uses it. After the table there
 * is a byte that each member locks for reading while it lives. This tells a live member from a
 * killed one, even if process ids are not unique (pid_namespaces(7)). Lines are counted from the
 * row where the first member began. A member that leaves keeps its line, since its last frame stays
 * there.
 */
#include "display/cursor.h"

#include "base/descriptor.h"
#include "base/platform.h"
#include "base/runtime_dir.h"
#include "stats/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct table {
    unsigned lines; /* lines above the cursor: rows, and lines that were printed below them */
    unsigned count;
    struct {
        pid_t pid;     /* 0: the member has left */
        unsigned line; /* in rising order */
    } members[CURSOR_MEMBERS];
};

/* --- the file --------------------------------------------------------------------------------- */

enum { TABLE_AT = 0, LIFE_AT = 1 << 16 };

/* fcntl(2) with a lock, repeated if a signal interrupted it. */
static int call_lock(int fd, int command, struct flock *lock)
{
    int result;
    do
        result = fcntl(fd, command, lock);
    while (result != 0 && errno == EINTR);
    return result;
}

static bool lock_table(int fd, short type)
{
    struct flock table = {.l_type = type,
                          .l_whence = SEEK_SET,
                          .l_start = TABLE_AT,
                          .l_len = (off_t)sizeof(struct table)};
    return call_lock(fd, F_SETLK, &table) == 0;
}

static struct flock life_lock(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = LIFE_AT, .l_len = 1};
}

/* Makes this process visible to others_live(), until it closes the file or ends. */
static bool show_life(int fd)
{
    struct flock life = life_lock(F_RDLCK);
    return call_lock(fd, F_SETLK, &life) == 0;
}

/* Whether another process has the file open as a member. */
static bool others_live(int fd)
{
    struct flock life = life_lock(F_WRLCK);
    return call_lock(fd, F_GETLK, &life) != 0 || life.l_type != F_UNLCK;
}

static bool lock(const struct cursor *cursor)
{
    return lock_table(cursor->fd, F_WRLCK);
}

/* Waits a little for members that are drawing. That is acceptable before a message, and when this
 * process leaves. */
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
    (void)lock_table(cursor->fd, F_UNLCK);
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

/* Adds a line for this process, and keeps the rows in the order of process ids, which in a shell's
 * pipeline is the order of the commands. A member whose row moved down draws its next frame in the
 * new row. */
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

/* The distance from the cursor up to this process's row. 0: it has none. */
static unsigned find_row(const struct table *table)
{
    for (unsigned i = 0; i < table->count; i++)
        if (table->members[i].pid == getpid())
            return table->lines - table->members[i].line;
    return 0;
}

/* --- membership ------------------------------------------------------------------------------- */

static void forget(struct cursor *cursor)
{
    if (cursor->fd >= 0)
        (void)close(cursor->fd); /* this also releases its locks */
    free(cursor->path);
    *cursor = (struct cursor){.fd = -1};
}

static char *path_for(int tty)
{
    struct stat status;
    char kind[32];
    if (fstat(tty, &status) != 0)
        return NULL;
    snprintf(kind, sizeof kind, CURSOR_KIND "-%lx", (unsigned long)status.st_rdev);
    return runtime_path(kind, (long)getpgrp());
}

/* Opens and locks the file. CURSOR_BUSY also if the last member has just removed the opened file.
 */
static enum cursor_status open_locked(struct cursor *cursor, int tty)
{
    struct stat opened, named;
    cursor->path = path_for(tty);
    if (cursor->path == NULL)
        return CURSOR_ALONE;
    cursor->fd = descriptor_above_standard(
        open(cursor->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (cursor->fd < 0) {
        forget(cursor);
        return CURSOR_ALONE;
    }
    if (lock(cursor) && fstat(cursor->fd, &opened) == 0 && stat(cursor->path, &named) == 0 &&
        opened.st_ino == named.st_ino && show_life(cursor->fd))
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
    if (!others_live(cursor->fd))
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
    if (cursor->up == 0 || cursor->up >= height) { /* the row has left the screen */
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
        cursor_leave(cursor); /* the newline was not sent: the row, the lowest, is given back */
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
        if (!others_live(cursor->fd))
            (void)unlink(cursor->path);
    }
    forget(cursor);
}

void cursor_sweep(const char *path)
{
    struct stat opened, named;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    if (fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) && lock_table(fd, F_WRLCK) &&
        !others_live(fd) && stat(path, &named) == 0 && opened.st_ino == named.st_ino)
        (void)unlink(path); /* open_locked() in another process notices that the name is gone */
    (void)close(fd);
}
