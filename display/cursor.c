/*
 * cursor.c - see cursor.h.
 *
 * The file holds one `struct cursor_table`, which a member locks while it uses it. After the table
 * there is a byte that each member locks for reading while it lives. If no process has that lock,
 * all members were killed and the table is worthless, whatever the process ids in it say: they need
 * not be unique (pid_namespaces(7)). Lines are counted from the row where the first member began.
 * The line of a member that has left, or was killed, is not used again, since its last frame stays
 * there.
 */
#include "display/cursor.h"

#include "base/descriptor.h"
#include "base/platform.h"
#include "base/runtime_dir.h"
#include "stats/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the file --------------------------------------------------------------------------------- */

/* The second bpipe of a pipeline draws some milliseconds after the first, or at its own first look.
 */
#define FIRST_LOOK_NS (NS_PER_SEC / 10)
#define LAST_LOOK_NS  (4 * FIRST_LOOK_NS)

enum { TABLE_AT = 0, LIFE_AT = 1 << 16, KIND_SIZE = 32 };

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
                          .l_len = (off_t)sizeof(struct cursor_table)};
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

static void load(struct cursor *cursor)
{
    struct cursor_table *table = &cursor->table;
    if (pread(cursor->fd, table, sizeof *table, 0) != (ssize_t)sizeof *table ||
        table->count > CURSOR_MEMBERS)
        memset(table, 0, sizeof *table);
}

static bool store(const struct cursor *cursor)
{
    const ssize_t size = (ssize_t)sizeof cursor->table;
    return pwrite(cursor->fd, &cursor->table, sizeof cursor->table, 0) == size;
}

/* The position of this process in the table, or `count`. */
static unsigned find_member(const struct cursor_table *table)
{
    unsigned i = 0;
    while (i < table->count && table->members[i].pid != getpid())
        i++;
    return i;
}

static void remove_member(struct cursor_table *table, unsigned at)
{
    table->count--;
    for (unsigned i = at; i < table->count; i++)
        table->members[i] = table->members[i + 1];
}

static void remove_killed(struct cursor_table *table)
{
    for (unsigned i = table->count; i-- > 0;)
        if (kill(table->members[i].pid, 0) != 0 && errno == ESRCH)
            remove_member(table, i);
}

/* Adds a line for this process, and keeps the rows in the order of process ids, which in a shell's
 * pipeline is the order of the commands. A member whose row moved down draws its next frame in the
 * new row. */
static void take_row(struct cursor_table *table)
{
    unsigned i = table->count++;
    table->members[i].line = table->lines++;
    for (; i > 0 && table->members[i - 1].pid > getpid(); i--)
        table->members[i].pid = table->members[i - 1].pid;
    table->members[i].pid = getpid();
}

/* The only member begins to count lines: its line is the first. */
static void begin_rows(struct cursor_table *table)
{
    table->lines = 1;
    table->members[0].line = 0;
}

/* The distance from the cursor up to this process's row. 0: it has none. */
static unsigned find_row(const struct cursor_table *table)
{
    unsigned at = find_member(table);
    return at < table->count ? table->lines - table->members[at].line : 0;
}

/* --- membership ------------------------------------------------------------------------------- */

void cursor_init(struct cursor *cursor, bool always)
{
    *cursor = (struct cursor){.always = always, .fd = -1};
}

static void forget(struct cursor *cursor)
{
    bool hopeless = cursor->hopeless;
    if (cursor->fd >= 0)
        (void)close(cursor->fd); /* this also releases its locks */
    runtime_path_gone(cursor->path);
    free(cursor->path);
    cursor_init(cursor, cursor->always);
    cursor->hopeless = hopeless;
}

/* `errno` is that of the call that has failed. ENOENT: another bpipe has just removed the folder
 * as the last one in it. */
static enum cursor_status give_up(struct cursor *cursor)
{
    cursor->hopeless = errno != ENOENT;
    forget(cursor);
    return CURSOR_ALONE;
}

/* "rows-DEVICE". False: `tty` is not open. */
static bool name_kind(char *kind, size_t size, int tty)
{
    struct stat status;
    if (fstat(tty, &status) != 0)
        return false;
    snprintf(kind, size, CURSOR_KIND "-%lx", (unsigned long)status.st_rdev);
    return true;
}

/* Opens and locks the file. CURSOR_BUSY also if the last member has just removed the opened file.
 */
static enum cursor_status open_locked(struct cursor *cursor, int tty)
{
    struct stat opened, named;
    char kind[KIND_SIZE];
    errno = ENOTDIR;
    cursor->path = name_kind(kind, sizeof kind, tty) ? runtime_path(kind, (long)getpgrp()) : NULL;
    if (cursor->path == NULL)
        return give_up(cursor);
    cursor->fd = descriptor_above_standard(
        open(cursor->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (cursor->fd < 0)
        return give_up(cursor);
    if (!lock(cursor)) {
        if (errno != EAGAIN && errno != EACCES) /* not locked by another process */
            return give_up(cursor);
    } else if (fstat(cursor->fd, &opened) == 0 && stat(cursor->path, &named) == 0 &&
               opened.st_ino == named.st_ino && show_life(cursor->fd)) {
        return CURSOR_READY;
    }
    forget(cursor);
    return CURSOR_BUSY;
}

/* Adds this process to the table. False: the table is full. */
static bool enter(struct cursor *cursor)
{
    struct cursor_table *table = &cursor->table;
    remove_killed(table);
    if (table->count == CURSOR_MEMBERS)
        return false;
    if (table->count == 0 && table->lines == 0 && !cursor->always) {
        table->members[0].line = 0;
        table->members[table->count++].pid = getpid();
        return true;
    }
    if (table->count > 0 && table->lines == 0) {
        begin_rows(table);
        cursor->newlines++;
    }
    take_row(table);
    cursor->newlines++;
    return true;
}

static enum cursor_status join(struct cursor *cursor, int tty)
{
    enum cursor_status status = cursor->hopeless ? CURSOR_ALONE : open_locked(cursor, tty);
    if (status != CURSOR_READY)
        return status;
    load(cursor);
    if (!others_live(cursor->fd))
        memset(&cursor->table, 0, sizeof cursor->table);
    cursor->fresh = enter(cursor);
    if (cursor->fresh)
        return CURSOR_READY;
    forget(cursor);
    return CURSOR_ALONE;
}

/* Counts the rows that were printed. In the row of the cursor they do not count. */
static void count_owed(struct cursor *cursor)
{
    bool counts = cursor->owed > 0 && cursor->table.lines > 0;
    if (counts)
        cursor->table.lines += cursor->owed;
    if (!counts || store(cursor))
        cursor->owed = 0;
}

static enum cursor_status try_to_begin(struct cursor *cursor, int tty)
{
    if (cursor->fd < 0)
        return join(cursor, tty);
    if (!lock(cursor))
        return CURSOR_BUSY;
    load(cursor);
    count_owed(cursor);
    return CURSOR_READY;
}

/* Gives new lines, the lowest, to the members whose rows have left the screen, or would leave it
 * because of the new lines. The order of the members stays. */
static void renew_rows(struct cursor *cursor, unsigned height)
{
    struct cursor_table *table = &cursor->table;
    unsigned out = 0;
    if (table->count >= height)
        return;
    while (out < table->count && table->lines + out - table->members[out].line >= height)
        out++;
    for (unsigned i = 0; i < table->count; i++)
        table->members[i].line = i + out < table->count ? table->members[i + out].line
                                                        : table->lines + i + out - table->count;
    table->lines += out;
    cursor->newlines += out;
}

static bool find_place(struct cursor *cursor, unsigned height)
{
    cursor->single = cursor->table.lines == 0;
    if (cursor->single)
        return true;
    cursor->up = find_row(&cursor->table);
    if (cursor->up >= height) {
        renew_rows(cursor, height);
        cursor->up = find_row(&cursor->table);
    }
    return cursor->up > 0 && cursor->up < height;
}

enum cursor_status cursor_begin(struct cursor *cursor, struct text *text, int tty, unsigned height,
                                bool last)
{
    enum { TRIES = 50 };
    enum cursor_status status = try_to_begin(cursor, tty);
    for (int i = 0; i < TRIES && status == CURSOR_BUSY && last; i++) {
        platform_nap(NS_PER_SEC / 1000);
        status = try_to_begin(cursor, tty);
    }
    if (status != CURSOR_READY)
        return status;
    cursor->last = last;
    if (!find_place(cursor, height)) {
        cursor_sent(cursor, false);
        return CURSOR_BUSY;
    }
    if (cursor->single)
        return CURSOR_SINGLE;
    for (unsigned i = 0; i < cursor->newlines; i++)
        text_add_string(text, "\n");
    text_add(text, "\033[%uA\r", cursor->up);
    return CURSOR_READY;
}

void cursor_end(struct cursor *cursor, struct text *text)
{
    text_add(text, "\033[%uB\r", cursor->up);
}

/* The last frame of the only member ends the row of the cursor. What the member prints below, and
 * the row of a process that becomes a member before it leaves, are counted from there. After its
 * last frame a process is no member any more: the row of that frame must not be given to
 * another. */
void cursor_sent(struct cursor *cursor, bool sent)
{
    bool ends = cursor->single && cursor->last;
    unsigned at = find_member(&cursor->table);
    if (sent && ends)
        begin_rows(&cursor->table);
    if (sent && at < cursor->table.count)
        cursor->drawn = cursor->table.members[at].line;
    if (sent && cursor->last && at < cursor->table.count)
        remove_member(&cursor->table, at);
    if (sent && (cursor->last || cursor->fresh || cursor->newlines > 0))
        (void)store(cursor);
    cursor->newlines = 0;
    if (!sent && cursor->fresh) {
        cursor_leave(cursor); /* it is not in the file yet */
        return;
    }
    cursor->fresh = false;
    unlock(cursor);
}

void cursor_begin_looks(struct cursor_looks *looks, uint64_t now_ns)
{
    looks->began_ns = now_ns;
    looks->due_ns = now_ns < UINT64_MAX ? now_ns + FIRST_LOOK_NS : UINT64_MAX;
}

bool cursor_take_look(struct cursor_looks *looks, uint64_t now_ns)
{
    if (now_ns < looks->due_ns)
        return false;
    const uint64_t later_ns = looks->due_ns - looks->began_ns;
    looks->due_ns = later_ns < LAST_LOOK_NS ? looks->due_ns + later_ns : UINT64_MAX;
    return true;
}

bool cursor_is_displaced(struct cursor *cursor)
{
    if (cursor->hopeless || cursor->fd < 0)
        return !cursor->hopeless;
    if (!lock(cursor))
        return true;
    load(cursor);
    unlock(cursor);
    const unsigned at = find_member(&cursor->table);
    return at < cursor->table.count && cursor->table.members[at].line != cursor->drawn;
}

/* Opens the file if other members have made it. */
static void visit(struct cursor *cursor, int tty)
{
    char kind[KIND_SIZE], *path = NULL;
    if (!name_kind(kind, sizeof kind, tty))
        return;
    for (unsigned which = 0; which < RUNTIME_DIRS && path == NULL; which++)
        path = runtime_path_in(which, kind, (long)getpgrp());
    if (path != NULL)
        cursor->fd = descriptor_above_standard(open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    cursor->visiting = cursor->fd >= 0;
    free(path);
}

void cursor_printing(struct cursor *cursor, int tty)
{
    if (cursor->fd < 0 && !cursor->hopeless)
        visit(cursor, tty);
    if (cursor->fd >= 0)
        (void)lock_at_last(cursor);
}

void cursor_printed(struct cursor *cursor, unsigned rows)
{
    if (cursor->fd < 0)
        return;
    cursor->owed += rows;
    if (lock(cursor)) {
        load(cursor);
        count_owed(cursor);
        unlock(cursor);
    }
    if (cursor->visiting)
        forget(cursor);
}

void cursor_leave(struct cursor *cursor)
{
    struct cursor_table *table = &cursor->table;
    if (cursor->fd >= 0 && (cursor->fresh || lock_at_last(cursor))) {
        load(cursor);
        unsigned at = find_member(table);
        if (at < table->count) {
            remove_member(table, at);
            (void)store(cursor);
        }
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
