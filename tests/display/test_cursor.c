/*
 * test_cursor.c - two bpipes that draw their first lines on one terminal (display/cursor.h).
 *
 * The terminal is a pseudo-terminal, which the test reads. The two are this process and its child,
 * each with a display and a meter of its own. Time is the meters', which the test advances, and the
 * two take turns by way of pipes: nothing depends on how fast they are.
 */
#include "display/display.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS (NS_PER_SEC / 1000)

enum { SEEN = 8192, PATIENCE_MS = 20000 };

static struct meter meter;
static struct display *display;
static struct last_written last_written;
static int terminal;    /* the master side */
static char seen[SEEN]; /* what was written to the terminal since the last forget_seen() */
static size_t seen_length;

static void forget_seen(void)
{
    seen_length = 0;
    seen[0] = '\0';
}

/* Waits until `text` is on the terminal. */
static bool sees(const char *text)
{
    while (strstr(seen, text) == NULL) {
        struct pollfd entry = {.fd = terminal, .events = POLLIN};
        if (seen_length == SEEN - 1 || poll(&entry, 1, PATIENCE_MS) <= 0)
            return false;
        ssize_t length = read(terminal, seen + seen_length, SEEN - 1 - seen_length);
        if (length <= 0)
            return false;
        seen_length += (size_t)length;
        seen[seen_length] = '\0';
    }
    return true;
}

/* Whether nothing was written before this call. */
static bool sees_nothing(void)
{
    return write(STDERR_FILENO, "mark", 4) == 4 && sees("mark") && strcmp(seen, "mark") == 0;
}

static void open_display(struct options *options, const char *format)
{
    *options = (struct options){.display = {.format = format,
                                            .force = true,
                                            .width = 80,
                                            .height = 24,
                                            .interval_ns = NS_PER_SEC,
                                            .window_ns = NS_PER_SEC}};
    if (meter_init(&meter, 1000, 1, 1, 0) != 0)
        abort();
    display = display_open(options, &meter, &last_written);
    if (display == NULL)
        abort();
    meter.began = true;
}

/* Time passes; the display draws if it wants to. */
static void pass(unsigned millis)
{
    meter_advance(&meter, METER_INPUT, meter.now_ns + millis * MS);
    display_tick(display);
}

static void end_display(void)
{
    display_close(display);
    meter_destroy(&meter);
}

/* --- taking turns ----------------------------------------------------------------------------- */

static int to_child[2], to_parent[2];

static void give_turn(int fd)
{
    if (write(fd, "", 1) != 1)
        abort();
}

static void await_turn(int fd)
{
    char byte;
    if (read(fd, &byte, 1) != 1)
        abort();
}

/* The child: the one below, since its process id is higher. It draws its first frame, and at each
 * later turn 100 ms have passed. */
static void be_lower(unsigned turns)
{
    struct options options;
    open_display(&options, "lower|");
    await_turn(to_child[0]);
    pass(1000);
    give_turn(to_parent[1]);
    while (turns-- > 0) {
        await_turn(to_child[0]);
        pass(100);
        give_turn(to_parent[1]);
    }
    await_turn(to_child[0]);
    end_display();
    _exit(0);
}

/* Starts a child with a higher process id: they begin again at 1 after the largest. */
static pid_t start_lower(unsigned turns)
{
    if (pipe(to_child) != 0 || pipe(to_parent) != 0)
        abort();
    for (;;) {
        pid_t child = fork();
        if (child < 0)
            abort();
        if (child == 0 && getpid() < getppid())
            _exit(0);
        if (child == 0)
            be_lower(turns);
        if (child > getpid())
            return child;
        (void)waitpid(child, NULL, 0);
    }
}

static void turn_of_lower(void)
{
    give_turn(to_child[1]);
    await_turn(to_parent[0]);
}

static void end_lower(pid_t child)
{
    int status;
    give_turn(to_child[1]);
    if (waitpid(child, &status, 0) != child || status != 0)
        abort();
    for (int i = 0; i < 2; i++) {
        close(to_child[i]);
        close(to_parent[i]);
    }
}

/* --- the tests -------------------------------------------------------------------------------- */

static void test_taken_row(void)
{
    struct options options;
    pid_t child = start_lower(3);

    turn_of_lower();
    tap_ok(sees("lower"), "the first one draws in the row of the cursor");
    tap_ok(strchr(seen, '\033') == NULL, "without an escape sequence");
    open_display(&options, "upper|");
    forget_seen();
    pass(1000);
    tap_ok(sees("\033[2A\rupper"), "the second one, which is before it, takes that row");
    forget_seen();
    turn_of_lower();
    tap_ok(sees("\033[1A\rlower"), "0.1 s later the first one draws in its new row");
    forget_seen();
    turn_of_lower();
    turn_of_lower();
    tap_ok(sees_nothing(), "and does not draw again while it stays there");
    forget_seen();
    pass(100);
    tap_ok(sees_nothing(), "nor does the second one");
    forget_seen();
    pass(900);
    tap_ok(sees("\033[2A\rupper"), "before its next frame is due");
    end_display();
    end_lower(child);
    forget_seen();
}

/* The path of the file in which this process and its child have their rows. */
static void name_file(char *path, size_t size)
{
    struct stat status;
    if (fstat(STDERR_FILENO, &status) != 0)
        abort();
    snprintf(path, size, "%s/bpipe-rows-%lx-%ld", getenv("XDG_RUNTIME_DIR"),
             (unsigned long)status.st_rdev, (long)getpgrp());
}

static void set_lock(int fd, short type)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};
    if (fcntl(fd, F_SETLK, &whole) != 0)
        abort();
}

static void test_dropped_frame(void)
{
    char path[200];
    pid_t child = start_lower(2);

    name_file(path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    set_lock(fd, F_WRLCK);
    turn_of_lower();
    tap_ok(sees_nothing(), "a first frame is dropped while another bpipe draws");
    forget_seen();
    set_lock(fd, F_UNLCK);
    turn_of_lower();
    tap_ok(sees("lower"), "and comes 0.1 s later");
    forget_seen();
    turn_of_lower();
    tap_ok(sees_nothing(), "once");
    close(fd);
    end_lower(child);
    forget_seen();
    tap_ok(access(path, F_OK) != 0, "the file is removed");
}

/* A terminal as standard error, and an empty runtime folder. */
static bool make_terminal(char *folder)
{
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0 ||
        mkdtemp(folder) == NULL)
        return false;
    int slave = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    return slave >= 0 && dup2(slave, STDERR_FILENO) >= 0 && close(slave) == 0;
}

int main(void)
{
    const char *base = getenv("TMPDIR");
    char folder[200];
    int saved = dup(STDERR_FILENO);

    snprintf(folder, sizeof folder, "%s/cursor.XXXXXX", base != NULL ? base : "/tmp");
    if (saved < 0 || !make_terminal(folder))
        abort();
    setenv("XDG_RUNTIME_DIR", folder, 1);
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C", 1);
    test_taken_row();
    test_dropped_frame();
    tap_ok(rmdir(folder) == 0, "nothing is left in the runtime folder");
    if (dup2(saved, STDERR_FILENO) < 0)
        abort();
    return tap_done();
}
