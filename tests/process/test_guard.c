/*
 * test_guard.c - consumers must not see a false end, even if bpipe is killed.
 *
 * "bpipe" is a child here, which starts a command by sh -c, guarded, in a directory of its own, and
 * then plays a scene. All of them have the write end of a pipe, the lifeline. Its end of file shows
 * that they are gone, so that no file can appear any more.
 */
#include "base/signals.h"
#include "process/command.h"
#include "process/guard.h"
#include "tests/process/process_stage.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/resource.h>

#define MS UINT64_C(1000000)

static char directory[] = "/tmp/bpipe-guard-XXXXXX";
static char program[4096]; /* this one */

/* --- a guard of our own ----------------------------------------------------------------------- */

/* A pipe of which the guard has the only write end. */
static int start_guard(struct guard *guard)
{
    int ends[2];
    stage_pipe(ends);
    if (guard_start(guard, &ends[1], 1, 0) != 0)
        abort();
    close(ends[1]);
    return ends[0];
}

static void test_holding(void)
{
    struct guard guard;
    int fd = start_guard(&guard);
    tap_ok(guard.pid > 0 && guard.fd > 2 && (fcntl(guard.fd, F_GETFD) & FD_CLOEXEC) != 0,
           "a guard, and a pipe to it that is closed on exec");
    tap_ok(stage_is_held(fd), "a pipe that the guard holds is not at its end");
    static const int harmless[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGTSTP, SIGTTIN,
                                   SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT};
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        kill(guard.pid, harmless[i]);
    guard_add(&guard, getpid());
    guard_drop(&guard, getpid());
    stage_nap(20 * MS);
    tap_ok(stage_is_held(fd), "signals that end or stop a job do not end the guard");
    guard_release(&guard);
    tap_ok(stage_is_ended(fd), "the guard closes the pipe when bpipe tells it to");
    tap_ok(stage_is_alive(guard.pid), "the guard stays after that");
    guard_close(&guard);
    tap_ok(guard.fd == -1 && stage_status(guard.pid) == 0, "the guard ends when bpipe closes it");
    guard_close(&guard);
    guard_end(&guard, true);
    close(fd);
}

/* A command may exit as soon as it was started. Then bpipe looks whether any process can still read
 * its pipe: the guard must not be one. */
static void test_is_no_reader(void)
{
    bool gone = true;
    for (unsigned i = 0; i < 50 && gone; i++) {
        struct guard guard;
        int ends[2];
        stage_pipe(ends);
        if (guard_start(&guard, &ends[1], 1, 0) != 0)
            abort();
        close(ends[0]);
        gone = write(ends[1], "x", 1) < 0 && errno == EPIPE;
        close(ends[1]);
        guard_release(&guard);
        guard_close(&guard);
        gone = gone && stage_status(guard.pid) == 0;
    }
    tap_ok(gone, "once it was started, the guard is no reader of a pipe that it holds");
}

static void test_nothing_to_guard(void)
{
    struct guard guard;
    int fd = start_guard(&guard);
    close(fd);
    guard_close(&guard);
    tap_ok(stage_status(guard.pid) == 0, "a guard without commands ends when it is closed at once");
    fd = start_guard(&guard);
    close(fd);
    guard_end(&guard, false);
    tap_ok(stage_status(guard.pid) == 0, "or when it ends its commands");
    guard_add(&guard, 1);
    guard_close(&guard);
    tap_ok(guard_start(&guard, NULL, 0, 0) == 0, "a guard that holds no pipe");
    guard_release(&guard);
    guard_close(&guard);
    tap_ok(stage_status(guard.pid) == 0, "ends when it is closed, too");
}

static void test_dropped(void)
{
    struct guard guard;
    close(start_guard(&guard));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(STAGE_SECONDS);
        for (;;)
            pause();
    }
    guard_add(&guard, pid);
    guard_drop(&guard, pid);
    guard_end(&guard, true);
    tap_ok(stage_status(guard.pid) == 0, "a guard that has ended its task");
    tap_ok(stage_is_alive(pid), "has not ended a command that was dropped before");
    kill(pid, SIGKILL);
    (void)stage_status(pid);
    guard_close(&guard);
}

/* Whether no process has the FIFO open for writing. Readers come and go. */
static bool is_left(const char *fifo)
{
    char byte;
    int fd = open(fifo, O_RDONLY | O_NONBLOCK);
    bool left = fd >= 0 && read(fd, &byte, 1) == 0;
    close(fd);
    return left;
}

static void stays_while_read(const int *held, size_t count, int reader)
{
    struct guard guard;
    if (guard_start(&guard, held, count, 0) != 0)
        abort();
    for (size_t i = 0; i < count; i++)
        close(held[i]);
    guard_end(&guard, false);
    tap_ok(stage_status(guard.pid) == GUARD_HOLDS_ON,
           "a guard reports that a pipe still has a reader");
    guard_close(&guard);
    tap_ok(stage_is_held(reader), "that reader sees no end");
    close(reader);
    uint64_t deadline = stage_deadline();
    while (!is_left("fifo") && stage_again(deadline))
        continue;
    tap_ok(is_left("fifo"), "the pipe is held only as long as it is read");
    (void)unlink("fifo");
}

static int open_fifo(void)
{
    int fd = mkfifo("fifo", 0600) == 0 ? open("fifo", O_RDONLY | O_NONBLOCK) : -1;
    if (fd < 0)
        abort();
    return fd;
}

/* We are the reader, and must not be ended. */
static void test_still_read(void)
{
    int other[2], reader = open_fifo();
    stage_pipe(other);
    close(other[0]);
    stays_while_read((const int[]){open("fifo", O_WRONLY), other[1]}, 2, reader);
}

/* poll(2) fails by EINVAL in the guard, which holds more pipes than it may have descriptors. */
static void test_still_read_without_poll(void)
{
    enum { LOW = 32, HELD };
    struct rlimit limit, low;
    int held[HELD], reader = open_fifo(), writer = open("fifo", O_WRONLY);
    for (int i = 0; i < HELD; i++)
        held[i] = fcntl(writer, F_DUPFD, LOW);
    close(writer);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        abort();
    low = (struct rlimit){.rlim_cur = LOW, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &low) != 0)
        abort();
    stays_while_read(held, HELD, reader);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        abort();
}

static void stop_guard(const struct guard *guard)
{
    uint64_t deadline = stage_deadline();
    kill(guard->pid, SIGSTOP);
    while (stage_has_proc() && stage_state(guard->pid) != 'T' && stage_again(deadline))
        continue;
}

static void test_stopped_guard(void)
{
    struct guard guard;
    int fd = start_guard(&guard);
    stop_guard(&guard);
    guard_release(&guard);
    tap_ok(stage_is_ended(fd), "a guard that was stopped closes the pipe");
    stop_guard(&guard);
    guard_close(&guard);
    tap_ok(stage_status(guard.pid) == 0, "that guard ends when it is closed");
    close(fd);
    close(start_guard(&guard));
    stop_guard(&guard);
    guard_end(&guard, false);
    tap_ok(stage_status(guard.pid) == 0, "the guard ends the commands");
    guard_close(&guard);
}

static int count_files(pid_t pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *files = opendir(path);
    for (const struct dirent *file; files != NULL && (file = readdir(files)) != NULL;)
        count += file->d_name[0] != '.';
    if (files != NULL)
        closedir(files);
    return count;
}

static bool comes_to(pid_t pid, int files)
{
    uint64_t deadline = stage_deadline();
    while (count_files(pid) != files && stage_again(deadline))
        continue;
    return count_files(pid) == files;
}

static void test_shares_nothing(void)
{
    struct guard guard;
    char path[64], where[64] = "";
    if (count_files(getpid()) == 0) {
        tap_ok(true, "# SKIP the descriptors of a guard: needs /proc");
        return;
    }
    int high = fcntl(STDERR_FILENO, F_DUPFD, 200);
    int fd = start_guard(&guard);
    tap_ok(comes_to(guard.pid, 2), "a guard has two descriptors");
    snprintf(path, sizeof path, "/proc/%ld/cwd", (long)guard.pid);
    uint64_t deadline = stage_deadline();
    while (readlink(path, where, sizeof where - 1) > 0 && strcmp(where, "/") != 0 &&
           stage_again(deadline))
        memset(where, 0, sizeof where);
    tap_ok(strcmp(where, "/") == 0,
           "a guard runs in the root directory, and keeps no other in use");
    guard_release(&guard);
    tap_ok(comes_to(guard.pid, 1), "after a release it has one descriptor");
    guard_close(&guard);
    tap_ok(stage_status(guard.pid) == 0, "then it ends");
    close(high);
    close(fd);
}

static void leave_mark(void)
{
    close(open("mark", O_CREAT | O_WRONLY, 0600));
}

/* Buffered output of stdio is written once, by bpipe, and functions of atexit(3) run only there. */
static void test_is_quiet(void)
{
    struct guard guard;
    struct stat status = {0};
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        atexit(leave_mark);
        if (freopen("out", "w", stdout) == NULL)
            _exit(1);
        printf("unwritten");
        close(start_guard(&guard));
        guard_close(&guard);
        (void)stage_status(guard.pid);
        _exit(0);
    }
    tap_ok(stage_status(pid) == 0 && stat("out", &status) == 0 && status.st_size == 0,
           "a guard does not flush bpipe's streams");
    tap_ok(!stage_exists("mark"), "nor run functions of atexit(3)");
}

/* --- scenes ----------------------------------------------------------------------------------- */

enum deed {
    STAY,       /* until the test kills us */
    RELEASE,    /* then stay */
    END,        /* then wait for the command and the guard */
    END_NOW,    /* at once */
    END_STAY,   /* then stay */
    END_PAUSED, /* the clock of kill_after_ns stands still until the command has made "later" */
    END_PAUSED_STAY, /* it stands still; then stay */
    GIVE_RIGHT       /* the end is true: closes, releases, waits */
};

struct scene {
    const char *text;
    enum deed deed;
    uint64_t kill_after_ns;
};

struct play {
    enum deed deed;
    pid_t bpipe, guard;
    int lifeline;
    int told; /* bpipe writes the pid of its guard here, and at the end how the command ended */
};

/* Waits for the command and the guard, and tells the test how the command ended. */
static _Noreturn void wait_for_ending(struct command *command, struct guard *guard, int told)
{
    char text[COMMAND_ENDING_TEXT] = "";
    while (!command_has_ended(command))
        stage_nap(MS);
    guard_drop(guard, command->pid);
    guard_close(guard);
    int status = stage_status(guard->pid);
    command_ending(command, text);
    bool right = status == 0 || (status == GUARD_HOLDS_ON && !stage_has_proc());
    _exit(right && write(told, text, sizeof text) > 0 ? 0 : 1);
}

static _Noreturn void be_bpipe(const struct scene *scene, int told)
{
    const struct options options = {.command_count = 1};
    struct command_spec spec = {.text = scene->text};
    struct command_standard standard;
    struct signals signals;
    struct command command;
    struct guard guard;
    alarm(STAGE_SECONDS);
    setpgid(0, 0);
    command_init(&command, &spec, true);
    if (command_save_standard(&standard, &options) != 0 || signals_open(&signals) != 0 ||
        command_open(&command) != 0 ||
        guard_start(&guard, &command.pipe[0], 1, scene->kill_after_ns) != 0 ||
        command_start(&command, &standard, &guard) != 0 || write(command.pipe[0], "data\n", 5) != 5)
        _exit(1);
    while (scene->deed != STAY && !stage_exists("up"))
        stage_nap(MS);
    if (scene->deed == GIVE_RIGHT)
        command_close(&command);
    if (scene->deed == GIVE_RIGHT || scene->deed == RELEASE)
        guard_release(&guard);
    if (scene->deed == END_PAUSED || scene->deed == END_PAUSED_STAY)
        guard_pause(&guard);
    if (scene->deed != GIVE_RIGHT && scene->deed != RELEASE && scene->deed != STAY)
        guard_end(&guard, scene->deed == END_NOW);
    while (scene->deed == END_PAUSED && !stage_exists("later"))
        stage_nap(MS);
    if (scene->deed == END_PAUSED)
        guard_resume(&guard);
    if (write(told, &guard.pid, sizeof guard.pid) != (ssize_t)sizeof guard.pid)
        _exit(1);
    while (scene->deed == STAY || scene->deed == END_STAY || scene->deed == END_PAUSED_STAY ||
           scene->deed == RELEASE)
        pause();
    command_forget_standard(&standard);
    wait_for_ending(&command, &guard, told);
}

static struct play begin(const struct scene *scene)
{
    int lifeline[2], told[2];
    stage_pipe(lifeline);
    stage_pipe(told);
    fcntl(told[1], F_SETFD, FD_CLOEXEC);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        be_bpipe(scene, told[1]);
    close(lifeline[1]);
    close(told[1]);
    return (struct play){
        .deed = scene->deed, .bpipe = pid, .lifeline = lifeline[0], .told = told[0]};
}

static void learn_guard(struct play *play)
{
    if (read(play->told, &play->guard, sizeof play->guard) != (ssize_t)sizeof play->guard)
        abort();
}

static void kill_bpipe(const struct play *play)
{
    kill(play->bpipe, SIGKILL);
    (void)stage_status(play->bpipe);
}

/* Without /proc the children of a shell remain, with an input that does not end. */
static void sweep(const struct play *play)
{
    struct pollfd fd = {.fd = play->lifeline, .events = POLLIN};
    if (!stage_has_proc() && play->deed != RELEASE && play->deed != GIVE_RIGHT &&
        poll(&fd, 1, 200) == 0)
        (void)kill(-play->bpipe, SIGKILL);
}

/* Whether all are gone within the deadline. */
static bool finish(const struct play *play)
{
    sweep(play);
    bool gone = stage_is_ended(play->lifeline);
    close(play->lifeline);
    close(play->told);
    return gone && (play->guard == 0 || stage_goes_away(play->guard));
}

static void clear(void)
{
    static const char *const names[] = {"f", "g", "x", "y", "up", "cleaned", "out", "daemon"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(names[i]);
}

/* --- bpipe is killed -------------------------------------------------------------------------- */

/* Without /proc a zombie is not told from a process, and it may take init a second to reap it. */
static void test_killed_at_any_time(uint64_t *seed, const char *text)
{
    bool gone = true;
    unsigned false_ends = 0, rounds = tap_rounds(stage_has_proc() ? 50 : 2), begun = 0;
    for (unsigned i = 0; i < rounds; i++) {
        struct play play = begin(&(struct scene){.text = text});
        stage_nap(tap_below(seed, 8 * MS));
        kill_bpipe(&play);
        gone &= finish(&play);
        begun += stage_exists("f") || stage_exists("x");
        false_ends += stage_exists("g") || stage_exists("y");
        clear();
    }
    tap_note("%u of %u had begun", begun, rounds);
    tap_ok(gone, "bpipe is killed: all are ended: %s", text);
    tap_ok(false_ends == 0, "%u saw a false end", false_ends);
}

/* Kills bpipe when the command is up; `text` makes a file then. */
static uint64_t kill_when_up(const struct scene *scene, struct play *play)
{
    *play = begin(scene);
    learn_guard(play);
    (void)stage_appears("up");
    uint64_t start_ns = platform_now();
    kill_bpipe(play);
    return start_ns;
}

static void test_ignores_sigterm(void)
{
    struct play play;
    struct scene scene = {.text = "trap '' TERM; echo >up; cat >f; echo >g; cat >x; echo >y",
                          .kill_after_ns = 100 * MS};
    uint64_t start_ns = kill_when_up(&scene, &play);
    bool gone = finish(&play);
    tap_ok(gone && platform_now() - start_ns >= 100 * MS,
           "a command that ignores SIGTERM is killed by SIGKILL, later");
    tap_ok(!stage_exists("g"), "and there is no false end");
    clear();
}

static void test_stopped(void)
{
    struct play play = begin(&(struct scene){.text = "echo >up; kill -STOP $$; cat >f; echo >g"});
    learn_guard(&play);
    tap_ok(stage_appears("up"), "a command that stops itself");
    kill_bpipe(&play);
    tap_ok(finish(&play) && !stage_exists("g"), "a command that has stopped itself is ended, too");
    clear();
}

static void say_up(void)
{
    FILE *file = fopen("up.new", "w");
    if (file == NULL || fprintf(file, "%ld\n", (long)getpid()) < 0 || fclose(file) != 0 ||
        rename("up.new", "up") != 0)
        _exit(1);
}

static pid_t who_is_up(void)
{
    char number[32] = "";
    FILE *file = fopen("up", "r");
    if (file == NULL || fgets(number, sizeof number, file) == NULL)
        abort();
    fclose(file);
    return (pid_t)strtol(number, NULL, 10);
}

static void lose_parent(pid_t parent)
{
    alarm(STAGE_SECONDS);
    while (getppid() == parent)
        stage_nap(MS);
}

/* This program as a command: leaves a daemon behind, which writes its pid. */
static int leave_daemon(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid < 0;
    setsid();
    close(STDIN_FILENO);
    lose_parent(parent);
    say_up();
    for (;;)
        pause();
}

/* Or reads to the end, after its parent has gone. */
static int read_alone(pid_t parent)
{
    char bytes[256];
    setsid();
    lose_parent(parent);
    say_up();
    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0)
        continue;
    close(open("g", O_CREAT | O_WRONLY, 0600));
    return 0;
}

/* Or runs a script in a session of its own, or a process group. */
static int run_apart(bool in_session, const char *script)
{
    if (in_session)
        setsid();
    else
        setpgid(0, 0);
    (void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
    return 1;
}

static void test_daemon(void)
{
    struct play play;
    char text[sizeof program + 64];
    snprintf(text, sizeof text, "'%s' --daemon; cat >f; echo >g", program);
    kill_when_up(&(struct scene){.text = text}, &play);
    pid_t pid = who_is_up();
    tap_ok(stage_goes_away(play.guard), "the guard does not wait for a daemon");
    tap_ok(stage_is_alive(pid) && kill(pid, SIGKILL) == 0, "the daemon is not ended");
    tap_ok(finish(&play) && !stage_exists("g"), "and there is no false end");
    clear();
}

/* If the guard cannot find the process, the process remains, with an input that does not end. */
static void test_reads_alone(void)
{
    struct play play;
    char text[sizeof program + 64];
    snprintf(text, sizeof text, "exec 3<&0; '%s' --read $$ <&3 &", program);
    kill_when_up(&(struct scene){.text = text}, &play);
    tap_ok(stage_goes_away(play.guard),
           "a command reads after its parent has gone: the guard ends");
    pid_t pid = who_is_up();
    tap_ok(stage_has_proc() || stage_is_alive(pid),
           "the guard ends such a command if it can find it");
    if (!stage_has_proc())
        kill(pid, SIGKILL);
    tap_ok(finish(&play) && !stage_exists("g"), "such a command sees no end in any case");
    clear();
}

static void test_session(void)
{
    struct play play;
    char text[sizeof program + 64];
    if (stage_skip("other sessions"))
        return;
    snprintf(text, sizeof text, "'%s' --apart 'echo >up; cat >f; echo >g'; echo >y", program);
    kill_when_up(&(struct scene){.text = text}, &play);
    tap_ok(finish(&play) && !stage_exists("g") && !stage_exists("y"),
           "a descendant in another session is ended");
    clear();
}

/* SIGTERM ends the first process of a pipeline, the last only later. */
static void test_pipeline(void)
{
    struct play play;
    struct scene scene = {.text = "cat | (trap '' TERM; echo >up; cat >f; echo >g; cat >x)",
                          .kill_after_ns = 200 * MS};
    if (stage_skip("pipelines"))
        return;
    uint64_t start_ns = kill_when_up(&scene, &play);
    tap_ok(finish(&play) && platform_now() - start_ns >= 200 * MS, "a pipeline is ended");
    tap_ok(!stage_exists("g"), "its last process sees no end when the first one is gone");
    clear();
}

/* SIGTERM ends the shell, its child in a group of its own only later: not by SIGHUP, even
 * though the exit of the shell orphans that group. */
static void test_group(void)
{
    bool late = true, false_end = false;
    char text[sizeof program + 128];
    if (stage_skip("other groups"))
        return;
    snprintf(text, sizeof text,
             "'%s' --group \"trap '' TERM; echo >up; cat >f; echo >g; cat >x\"; echo >y", program);
    for (int i = 0; i < 5; i++) {
        struct play play;
        uint64_t start_ns =
            kill_when_up(&(struct scene){.text = text, .kill_after_ns = 100 * MS}, &play);
        late &= finish(&play) && platform_now() - start_ns >= 100 * MS;
        false_end |= stage_exists("g") || stage_exists("y");
        clear();
    }
    tap_ok(late, "a process of another group that ignores SIGTERM is ended late");
    tap_ok(!false_end, "without a false end");
}

enum { PROCESSES = 10 }; /* one is bpipe, and SIGTERM ends one */

static pid_t start_reader(const struct guard *guard, int lifeline, bool patient)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    close(guard->fd);
    signal(SIGTERM, patient ? SIG_IGN : SIG_DFL);
    if (write(lifeline, "u", 1) != 1)
        _exit(1);
    alarm(2 * STAGE_SECONDS); /* after the test has given up */
    for (;;)
        pause();
}

/* As bpipe with two commands: it is the parent of both. */
static _Noreturn void be_bpipe_of_two(int lifeline)
{
    struct guard guard;
    alarm(STAGE_SECONDS);
    setpgid(0, 0);
    if (guard_start(&guard, NULL, 0, 100 * MS) != 0)
        _exit(1);
    guard_add(&guard, start_reader(&guard, lifeline, false));
    for (int i = 2; i < PROCESSES; i++)
        guard_add(&guard, start_reader(&guard, lifeline, true));
    if (write(lifeline, "u", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

/* If process 1 is in our session (an initramfs, some containers and virtual machines), the exit of
 * the first process orphans the group while its other processes are still stopped. */
static void test_two(void)
{
    bool late = true;
    for (int i = 0; i < 5; i++) {
        int lifeline[2];
        char said;
        stage_pipe(lifeline);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            be_bpipe_of_two(lifeline[1]);
        close(lifeline[1]);
        for (int j = 0; j < PROCESSES; j++)
            if (read(lifeline[0], &said, 1) != 1)
                abort();
        uint64_t start_ns = platform_now();
        kill(pid, SIGKILL);
        (void)stage_status(pid);
        late &= stage_is_ended(lifeline[0]) && platform_now() - start_ns >= 100 * MS;
        close(lifeline[0]);
    }
    tap_ok(late, "of several commands, those that ignore SIGTERM are ended late");
}

/* The shell waits for its cat when the signal comes. (Earlier, the shell might still start the cat,
 * which would then run until kill_after_ns.) */
static void test_cleans_up(void)
{
    struct play play;
    struct scene scene = {
        .text = "exec 2>/dev/null; trap 'cat /dev/null; sleep 0.1; echo >cleaned; exit 1' TERM\n"
                "(echo >up; exec cat >f); echo >g",
        .kill_after_ns = 10000 * MS};
    if (stage_skip("how a command cleans up"))
        return;
    kill_when_up(&scene, &play);
    tap_ok(finish(&play) && stage_exists("cleaned"), "a command may clean up");
    tap_ok(!stage_exists("g"), "a command that cleans up sees no end of its input");
    clear();
}

static void test_killed_after_release(void)
{
    struct play play = begin(&(struct scene){.text = "echo >up; cat >f; echo >g", .deed = RELEASE});
    learn_guard(&play);
    kill_bpipe(&play);
    tap_ok(finish(&play) && stage_exists("g"), "killed after the true end: nothing is ended");
    clear();
}

static void test_killed_while_ending(void)
{
    struct play play;
    struct scene scene = {.text = "trap '' TERM; echo >up; cat >f; echo >g; cat >x; echo >y",
                          .deed = END_STAY,
                          .kill_after_ns = 200 * MS};
    play = begin(&scene);
    learn_guard(&play);
    kill_bpipe(&play);
    tap_ok(finish(&play) && !stage_exists("g"), "killed while it is ending them: goes on");
    clear();
}

/* It lives on after SIGTERM, until SIGKILL comes. */
static const char slow_to_end[] =
    "trap ': >term' TERM; echo >up; until [ -e term ]; do sleep 0.01; done; sleep 0.2; echo >later;"
    "while :; do sleep 0.01; done";

static void test_killed_while_paused(void)
{
    struct scene scene = {.text = slow_to_end, .deed = END_PAUSED_STAY, .kill_after_ns = 100 * MS};
    struct play play = begin(&scene);
    learn_guard(&play);
    tap_ok(stage_appears("later"), "while the clock stands still, no SIGKILL comes");
    kill_bpipe(&play);
    tap_ok(finish(&play), "killed while the clock stands still: it goes on");
    clear();
}

/* --- bpipe lives ------------------------------------------------------------------------------ */

static void plays(const struct scene *scene, const char *wanted, const char *what)
{
    char ending[COMMAND_ENDING_TEXT] = "";
    struct play play = begin(scene);
    learn_guard(&play);
    ssize_t bytes = read(play.told, ending, sizeof ending - 1);
    bool right = stage_status(play.bpipe) == 0 && bytes > 0 && strcmp(ending, wanted) == 0;
    if (!right)
        tap_note("%s", ending);
    tap_ok(finish(&play) && right, "%s", what);
}

static void test_exit_status(void)
{
    const char *text = "echo >up; cat >f; echo >g";
    const char *stubborn = "trap '' TERM; echo >up; cat >f; echo >g; cat >x; echo >y";
    plays(&(struct scene){.text = text, .deed = GIVE_RIGHT}, "exited with status 0",
          "the end is true");
    tap_ok(stage_exists("g"), "the true end is seen");
    clear();
    plays(&(struct scene){.text = text, .deed = END}, "killed by signal 15 (SIGTERM)", "ended");
    tap_ok(!stage_exists("g"), "before its input was");
    clear();
    plays(&(struct scene){.text = text, .deed = END_NOW}, "killed by signal 9 (SIGKILL)",
          "ended at once");
    tap_ok(!stage_exists("g"), "before its input was");
    clear();
    plays(&(struct scene){.text = stubborn, .deed = END, .kill_after_ns = 50 * MS},
          "killed by signal 9 (SIGKILL)", "ended after a while");
    tap_ok(!stage_exists("g"), "before its input was");
    clear();
    plays(&(struct scene){.text = slow_to_end, .deed = END_PAUSED, .kill_after_ns = MS},
          "killed by signal 9 (SIGKILL)", "stopped meanwhile, and ended after a while");
    tap_ok(!stage_exists("g"), "before its input was");
    clear();
}

/* ---------------------------------------------------------------------------------------------- */

static int remove_file(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

int main(int argc, char *argv[])
{
    if (argc > 1 && strcmp(argv[1], "--daemon") == 0)
        return leave_daemon();
    if (argc > 2 && strcmp(argv[1], "--read") == 0)
        return read_alone((pid_t)strtol(argv[2], NULL, 10));
    if (argc > 2)
        return run_apart(strcmp(argv[1], "--apart") == 0, argv[2]);
    if (realpath(argv[0], program) == NULL || mkdtemp(directory) == NULL || chdir(directory) != 0)
        abort();
    signal(SIGPIPE, SIG_IGN);
    uint64_t seed = tap_seed();
    size_t open_files = stage_open_files();
    test_holding();
    test_nothing_to_guard();
    test_dropped();
    test_still_read();
    if (!stage_skip("a guard whose poll() fails"))
        test_still_read_without_poll();
    test_is_no_reader();
    test_stopped_guard();
    test_shares_nothing();
    test_is_quiet();
    test_exit_status();
    test_killed_at_any_time(&seed, "cat >f && mv f g");
    test_killed_at_any_time(&seed, "cat | cat >x; echo done >y");
    if (!stage_skip("a shell below a shell")) {
        test_killed_at_any_time(&seed, "cat | { cat >f && mv f g; }");
        test_killed_at_any_time(&seed, "(cat >f && mv f g); echo done >y");
        test_killed_at_any_time(&seed, "exec 3<&0; (cat <&3 >f && mv f g) &");
    }
    test_ignores_sigterm();
    test_stopped();
    test_daemon();
    test_reads_alone();
    test_session();
    test_pipeline();
    test_group();
    test_two();
    test_cleans_up();
    test_killed_after_release();
    test_killed_while_ending();
    test_killed_while_paused();
    tap_ok(stage_has_no_children() && stage_open_files() == open_files, "nothing is left open");
    tap_ok(chdir("/") == 0 && nftw(directory, remove_file, 8, FTW_DEPTH | FTW_PHYS) == 0,
           "the directory can be removed");
    return tap_done();
}
