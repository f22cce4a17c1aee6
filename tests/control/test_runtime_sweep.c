/*
 * test_runtime_sweep.c - the files that killed bpipes left in the runtime folder are removed, and
 * no others: not those of live processes, nor new ones, nor those of other programs.
 */
#include "base/runtime_dir.h"
#include "control/control.h"
#include "control/runtime_sweep.h"
#include "display/cursor.h"
#include "tests/files.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OPENERS = 4, SWEEPERS = 2, ROUNDS = 300, MANY = 1000000000 };

static char folder[] = "/tmp/bpipe-sweep-XXXXXX";

/* A socket of this type with this name, here. */
static int named_socket(int type, const char *name, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (listening && listen(fd, 1) != 0))
        abort();
    return fd;
}

static void abandon_socket(const char *name)
{
    close(named_socket(SOCK_SEQPACKET, name, true));
}

static void make_file(const char *name)
{
    close(open(name, O_WRONLY | O_CREAT, 0600));
}

static void make_older(const char *name, time_t seconds)
{
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    if (utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW) != 0)
        abort();
}

static void test_sockets(void)
{
    static const char *const others[] = {"bpipe-.sock",     "bpipe-1.socket", "bpipe-1x.sock",
                                         "my-bpipe-1.sock", "bpipe--1.sock",  "bpipe-x-1"};
    unsigned kept = 0, count = sizeof others / sizeof others[0];
    for (unsigned i = 0; i < count; i++)
        abandon_socket(others[i]);
    abandon_socket("bpipe-11.sock");
    abandon_socket("bpipe-12.sock");
    make_file("bpipe-13.sock");
    if (symlink("bpipe-11.sock", "bpipe-14.sock") != 0)
        abort();
    int listener = named_socket(SOCK_SEQPACKET, "bpipe-15.sock", true);
    int silent = named_socket(SOCK_SEQPACKET, "bpipe-16.sock", false);
    int stream = named_socket(SOCK_STREAM, "bpipe-17.sock", true);
    runtime_sweep(false);
    tap_ok(!exists("bpipe-11.sock") && !exists("bpipe-12.sock"), "abandoned sockets go");
    tap_ok(exists("bpipe-15.sock") && exists("bpipe-16.sock") && exists("bpipe-17.sock"),
           "sockets of live processes stay, whether they listen or not");
    struct pollfd wanted = {.fd = listener, .events = POLLIN};
    tap_ok(poll(&wanted, 1, 0) == 0, "sweeping does not connect to the sockets that stay");
    tap_ok(exists("bpipe-13.sock") && exists("bpipe-14.sock"), "files and links stay");
    for (unsigned i = 0; i < count; i++)
        kept += exists(others[i]);
    tap_ok(kept == count, "other names stay");
    close(listener);
    close(silent);
    close(stream);
    for (unsigned i = 0; i < count; i++)
        unlink(others[i]);
    unlink("bpipe-13.sock");
    unlink("bpipe-14.sock");
    runtime_sweep(false);
    tap_ok(!exists("bpipe-15.sock") && !exists("bpipe-16.sock"), "closed sockets go");
}

static void test_new_sockets(void)
{
    abandon_socket("bpipe-21.bind");
    abandon_socket("bpipe-22.bind");
    int fd = named_socket(SOCK_SEQPACKET, "bpipe-23.bind", false);
    make_older("bpipe-22.bind", SWEEP_AGE_S + 1);
    make_older("bpipe-23.bind", SWEEP_AGE_S + 1);
    runtime_sweep(false);
    tap_ok(exists("bpipe-21.bind"), "a socket that may be about to listen stays");
    tap_ok(!exists("bpipe-22.bind"), "an abandoned socket goes when it is old");
    tap_ok(exists("bpipe-23.bind"), "an old socket that a process has open stays");
    close(fd);
    unlink("bpipe-21.bind");
    unlink("bpipe-23.bind");
}

/* --- rows ------------------------------------------------------------------------------------- */

/* In a process group of its own, takes a row as a bpipe on a terminal would. */
static void take_row(int tty, int told)
{
    struct cursor cursor;
    struct text text = {0};
    cursor_init(&cursor, true);
    (void)setpgid(0, 0);
    char is_ready = cursor_begin(&cursor, &text, tty, 25, true) == CURSOR_READY;
    cursor_sent(&cursor, true);
    runtime_sweep(false); /* its own row stays */
    if (write(told, &is_ready, 1) == 1)
        for (;;)
            pause();
    _exit(1);
}

static pid_t start_member(int tty)
{
    int ends[2];
    char is_ready = 0;
    if (pipe(ends) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0)
        take_row(tty, ends[1]);
    close(ends[1]);
    if (read(ends[0], &is_ready, 1) != 1 || !is_ready)
        abort();
    close(ends[0]);
    return pid;
}

static void test_rows(void)
{
    char name[64];
    struct stat status;
    int tty = open("/dev/null", O_RDWR);
    if (tty < 0 || fstat(tty, &status) != 0)
        abort();
    pid_t pid = start_member(tty);
    snprintf(name, sizeof name, "bpipe-rows-%lx-%ld", (unsigned long)status.st_rdev, (long)pid);
    tap_ok(exists(name), "a row is taken");
    runtime_sweep(false);
    tap_ok(exists(name), "a row stays while its process lives");
    kill(pid, SIGSTOP);
    waitpid(pid, NULL, WUNTRACED);
    runtime_sweep(false);
    tap_ok(exists(name), "a row stays while its process is stopped");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    tap_ok(exists(name), "a row stays until the next sweep");
    runtime_sweep(false);
    tap_ok(!exists(name), "the file of a killed process goes");
    close(tty);
    make_file("bpipe-rows-8801-");
    make_file("bpipe-rows--1");
    make_file("bpipe-rows-8801-1x");
    runtime_sweep(false);
    tap_ok(unlink("bpipe-rows-8801-") == 0 && unlink("bpipe-rows--1") == 0 &&
               unlink("bpipe-rows-8801-1x") == 0,
           "other names stay");
}

/* --- all at once ------------------------------------------------------------------------------ */

/* Opens control again and again: its socket must be there each time, while others sweep. The
 * socket of a killed process has the number of another process, because no two processes may use
 * one name (net/unix_name.h). */
static void open_again_and_again(void)
{
    static struct control_request request;
    struct control control;
    char *path = runtime_path(NULL, (long)getpid());
    char *left = runtime_path(NULL, (long)getpid() + MANY);
    for (int i = 0; i < ROUNDS; i++) {
        struct sockaddr_un address;
        control_init(&control, 0);
        (void)control_turn(&control, MANY, &request);
        int fd = control_socket(&address, path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
            _exit(1);
        close(fd);
        if (i % 3 != 0) {
            control_close(&control);
        } else { /* killed */
            if (rename(path, left) != 0)
                _exit(1);
            close(control.listener);
            free(control.path);
        }
    }
    _exit(0);
}

static void sweep_again_and_again(void)
{
    for (;;)
        runtime_sweep(true);
}

static void test_together(void)
{
    pid_t openers[OPENERS], sweepers[SWEEPERS];
    unsigned good = 0;
    for (unsigned i = 0; i < SWEEPERS; i++)
        if ((sweepers[i] = fork()) == 0)
            sweep_again_and_again();
    for (unsigned i = 0; i < OPENERS; i++)
        if ((openers[i] = fork()) == 0)
            open_again_and_again();
    for (unsigned i = 0; i < OPENERS; i++) {
        int status;
        good += waitpid(openers[i], &status, 0) == openers[i] && status == 0;
    }
    for (unsigned i = 0; i < SWEEPERS; i++) {
        kill(sweepers[i], SIGKILL);
        waitpid(sweepers[i], NULL, 0);
    }
    tap_ok(good == OPENERS, "a socket that is being made is never removed");
    runtime_sweep(true);
    tap_ok(chdir("/") == 0 && rmdir(folder) == 0, "the folder is empty at the end");
}

int main(void)
{
    if (mkdtemp(folder) == NULL || setenv("XDG_RUNTIME_DIR", folder, 1) != 0 ||
        setenv("HOME", folder, 1) != 0 || chdir(folder) != 0)
        return 1;
    test_sockets();
    test_new_sockets();
    test_rows();
    test_together();
    return tap_done();
}
