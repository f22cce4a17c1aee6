/*
 * test_command.c - programs that bpipe starts: what they inherit, and how they end.
 *
 * This program is also the command: with --look it prints on stdout which signals are ignored and
 * blocked, and what its descriptors are. The test compares that with the output of the program when
 * exec(2) alone starts it, under the same conditions.
 */
#include "base/signals.h"
#include "process/command.h"
#include "tests/process/process_stage.h"

enum { SEEN_TEXT = 4096, INHERITED = 20 };

static char program[4096]; /* this one */
static char *const look[] = {program, "--look", NULL};
static const struct command_spec look_spec = {.text = "look", .argv = look};

/* --- the program that looks ------------------------------------------------------------------- */

static bool is_null(int fd)
{
    struct stat file, null;
    return fstat(fd, &file) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(file.st_mode) &&
           file.st_rdev == null.st_rdev;
}

static int say_what_is_seen(void)
{
    char text[SEEN_TEXT];
    size_t at = 0;
    sigset_t mask;
    struct sigaction action;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            at += (size_t)snprintf(text + at, sizeof text - at, "ignored %d\n", number);
        if (sigismember(&mask, number) == 1)
            at += (size_t)snprintf(text + at, sizeof text - at, "blocked %d\n", number);
    }
    for (int fd = 0; fd < 1024 && at < SEEN_TEXT / 2; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if (flags >= 0)
            at += (size_t)snprintf(text + at, sizeof text - at, "%d is open%s%s\n", fd,
                                   (flags & O_NONBLOCK) != 0 ? ", nonblocking" : "",
                                   is_null(fd) ? ", null" : "");
    }
    _exit(write(STDOUT_FILENO, text, at) == (ssize_t)at ? 0 : 1);
}

/* --- what it inherits ------------------------------------------------------------------------- */

enum way { BY_EXEC, FROM, TO };

struct scene {
    const char *what;
    int ignored[4], blocked[4];
    bool named;       /* descriptors that were given to bpipe */
    bool reads_stdin; /* whether bpipe does */
    bool closed[3];
};

static void set_scene(const struct scene *scene, enum way way)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < 4 && scene->ignored[i] != 0; i++)
        signal(scene->ignored[i], SIG_IGN);
    for (int i = 0; i < 4 && scene->blocked[i] != 0; i++)
        sigaddset(&set, scene->blocked[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int fd = 0; fd < 3; fd++)
        if (scene->closed[fd])
            dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd);
    for (int fd = 0; fd < 3;
         fd++) /* as descriptor_fill_standard() does: closed in the program that we exec */
        if (scene->closed[fd])
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (scene->reads_stdin && way == BY_EXEC)
        dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDIN_FILENO);
    dup2(STDERR_FILENO, INHERITED);
    for (int i = 1; i <= 5 && scene->named && way != BY_EXEC; i++)
        dup2(STDERR_FILENO, INHERITED + i);
}

/* Passes on what a command writes. */
static void relay(int from, int to)
{
    char bytes[SEEN_TEXT];
    struct pollfd wanted = {.fd = from, .events = POLLIN};
    ssize_t count = 1;
    while (count > 0) {
        (void)poll(&wanted, 1, STAGE_SECONDS * 1000);
        count = read(from, bytes, sizeof bytes);
        if (count > 0 && write(to, bytes, (size_t)count) != count)
            abort();
    }
}

static int wait_for(struct command *command)
{
    uint64_t deadline = stage_deadline();
    while (!command_has_ended(command) && stage_again(deadline))
        continue;
    return command_succeeded(command) ? 0 : 1;
}

static int start_looking(const struct scene *scene, enum way way, int result)
{
    struct report_spec report = {.path = "fd://25"};
    const struct options options = {.inputs = (const char *[]){"", scene->named ? "fd://21" : "",
                                                               scene->reads_stdin ? "-" : ""},
                                    .input_count = 3,
                                    .outputs = (const char *[]){"", "/dev/fd/22", "fd://24"},
                                    .output_count = scene->named ? 3 : 1,
                                    .taps = (const char *[]){"/proc/self/fd/23"},
                                    .tap_count = scene->named ? 1 : 0,
                                    .reports = &report,
                                    .report_count = scene->named ? 1 : 0,
                                    .command_count = 1};
    const struct guard no_guard = {.fd = -1};
    struct command_standard standard;
    struct signals signals;
    struct command command;
    command_init(&command, &look_spec, way == TO);
    if (command_save_standard(&standard, &options) != 0 || signals_open(&signals) != 0)
        return 1;
    signals_watch(SIGCHLD);
    signals_watch(SIGWINCH);
    sigset_t before, after;
    sigprocmask(SIG_SETMASK, NULL, &before);
    if (command_open(&command) != 0 || command_start(&command, &standard, &no_guard) != 0)
        return 1;
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number <= SIGRTMAX; number++)
        if (sigismember(&before, number) != sigismember(&after, number))
            return 1;
    if (way == FROM)
        relay(command.pipe[0], result);
    command_forget_standard(&standard);
    int status = wait_for(&command);
    command_close(&command);
    return status;
}

/* Starts a program in a scene, and puts its output into `seen`. Returns whether all went well. */
static bool look_from(const struct scene *scene, enum way way, char seen[SEEN_TEXT])
{
    int result[2];
    size_t length = 0;
    ssize_t count;
    stage_pipe(result);
    fcntl(result[1], F_SETFD, FD_CLOEXEC);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(STAGE_SECONDS);
        int told = fcntl(result[1], F_DUPFD_CLOEXEC, 100);
        if (way != FROM && !scene->closed[1])
            dup2(told, STDOUT_FILENO);
        set_scene(scene, way);
        if (way == BY_EXEC)
            execv(program, look);
        _exit(start_looking(scene, way, told));
    }
    close(result[1]);
    while ((count = read(result[0], seen + length, SEEN_TEXT - 1 - length)) > 0)
        length += (size_t)count;
    seen[length] = '\0';
    close(result[0]);
    return stage_status(pid) == 0;
}

/* Removes the line of descriptor 0 from `seen`. Returns whether that line described a pipe. */
static bool cut_pipe(char seen[SEEN_TEXT])
{
    char *line = strstr(seen, "0 is open"), *end = line == NULL ? NULL : strchr(line, '\n');
    if (end == NULL || (line > seen && line[-1] != '\n'))
        return false;
    bool is_pipe = strncmp(line, "0 is open\n", (size_t)(end + 1 - line)) == 0;
    memmove(line, end + 1, strlen(end + 1) + 1);
    return is_pipe;
}

static void test_scene(const struct scene *scene)
{
    char wanted[SEEN_TEXT], seen[SEEN_TEXT];
    for (enum way way = FROM; way <= TO; way++) {
        bool right = look_from(scene, BY_EXEC, wanted) && look_from(scene, way, seen);
        if (way == TO) {
            (void)cut_pipe(wanted);
            right &= cut_pipe(seen);
        }
        right &= strcmp(seen, wanted) == 0 && strstr(seen, "nonblocking") == NULL;
        if (!right)
            tap_note("saw:\n%s\ninstead of:\n%s", seen, wanted);
        tap_ok(right, "%s: what a command %s bpipe finds", scene->what,
               way == TO ? "behind" : "before");
    }
}

static void test_scenes(void)
{
    static const struct scene scenes[] = {
        {.what = "plain"},
        {.what = "SIGINT ignored", .ignored = {SIGINT}},
        {.what = "SIGPIPE ignored", .ignored = {SIGPIPE}},
        {.what = "SIGCHLD ignored", .ignored = {SIGCHLD}},
        {.what = "SIGHUP, SIGXFSZ, SIGTTOU ignored", .ignored = {SIGHUP, SIGXFSZ, SIGTTOU}},
        {.what = "SIGINT, SIGCHLD, SIGTERM blocked", .blocked = {SIGINT, SIGCHLD, SIGTERM}},
        {.what = "SIGPIPE ignored and blocked", .ignored = {SIGPIPE}, .blocked = {SIGPIPE}},
        {.what = "descriptors that are bpipe's", .named = true},
        {.what = "bpipe reads stdin", .reads_stdin = true},
        {.what = "stderr closed", .closed = {[2] = true}},
        {.what = "stdin and stderr closed", .closed = {[0] = true, [2] = true}},
    };
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        test_scene(&scenes[i]);
}

/* --- how they end ----------------------------------------------------------------------------- */

static const struct options one_command = {.command_count = 1};
static const struct guard nobody = {.fd = -1};

static int start(struct command *command, const struct command_spec *spec, bool writes)
{
    struct command_standard standard;
    if (command_save_standard(&standard, &one_command) != 0)
        abort();
    command_init(command, spec, writes);
    int result = command_open(command) == 0 ? command_start(command, &standard, &nobody) : -1;
    int error = errno;
    command_forget_standard(&standard);
    errno = error;
    return result;
}

static int start_text(struct command *command, const char *text, bool writes)
{
    static struct command_spec spec;
    spec = (struct command_spec){.text = text};
    return start(command, &spec, writes);
}

static void test_exit_status(const char *text, const char *ending)
{
    struct command command;
    char told[COMMAND_ENDING_TEXT] = "";
    bool started = start_text(&command, text, false) == 0;
    (void)wait_for(&command);
    command_close(&command);
    command_ending(&command, told);
    if (!tap_ok(started && command.ended && strcmp(told, ending) == 0, "%s: %s", text, ending))
        tap_note("%s", told);
    if (command_succeeded(&command) != (strcmp(ending, "exited with status 0") == 0))
        tap_ok(false, "only status 0 is success");
}

static void test_endings(void)
{
    test_exit_status("exit 0", "exited with status 0");
    test_exit_status("exit 3", "exited with status 3");
    test_exit_status("exit 126", "exited with status 126 (cannot be executed)");
    test_exit_status("exec 2>/dev/null; nothing-of-this-name",
                     "exited with status 127 (not found)");
    test_exit_status("exit 128", "exited with status 128");
    test_exit_status("exit 137", "exited with status 137 (128 + signal 9: SIGKILL)");
    test_exit_status("exit 255", "exited with status 255");
    test_exit_status("kill -9 $$", "killed by signal 9 (SIGKILL)");
    test_exit_status("kill -TERM $$", "killed by signal 15 (SIGTERM)");
    test_exit_status("kill -40 $$", "killed by signal 40"); /* a real-time signal has no name */
}

static void test_not_ended(void)
{
    struct command command;
    char byte;
    tap_ok(start_text(&command, "read line; exit 4", true) == 0 && command.pid > 0, "started");
    tap_ok(!command_has_ended(&command) && !command_succeeded(&command), "has not ended");
    kill(command.pid, SIGSTOP);
    uint64_t deadline = stage_deadline();
    while (stage_has_proc() && stage_state(command.pid) != 'T' && stage_again(deadline))
        continue;
    tap_ok(!command_has_ended(&command), "it has not ended when it is stopped");
    kill(command.pid, SIGCONT);
    int fd = command_take(&command);
    tap_ok(command.pipe[0] == -1 && command.pipe[1] == -1 && fd > 2, "our end is taken");
    tap_ok(write(fd, "\n", 1) == 1 && wait_for(&command) == 1 && WIFEXITED(command.status) &&
               WEXITSTATUS(command.status) == 4,
           "it has ended");
    tap_ok(command_has_ended(&command), "it stays ended");
    tap_ok(write(fd, "x", 1) == -1 && errno == EPIPE, "no other process has the other end");
    close(fd);
    tap_ok(start_text(&command, "printf x", false) == 0 && wait_for(&command) == 0 &&
               read(command.pipe[0], &byte, 1) == 1 && byte == 'x' &&
               read(command.pipe[0], &byte, 1) == 0,
           "its output can be read, and then the end");
    command_close(&command);
}

static void test_reaped_by_others(void)
{
    struct command command;
    char told[COMMAND_ENDING_TEXT];
    command_init(&command, &look_spec, true);
    tap_ok(!command_has_ended(&command), "a command that was not started has not ended");
    tap_ok(start_text(&command, "exit 0", true) == 0 && stage_status(command.pid) == 0 &&
               command_has_ended(&command) && !command_succeeded(&command) &&
               strcmp(command_ending(&command, told), "ended with unknown status") == 0,
           "a command that was reaped elsewhere has not succeeded");
    command_close(&command);
}

static void test_usage(void)
{
    struct command command;
    tap_ok(start_text(&command, "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done", true) == 0 &&
               wait_for(&command) == 0,
           "a command that uses the processor");
    command_close(&command);
    tap_ok(command.usage_known == stage_has_proc(), "its usage is known where the system tells it");
    if (command.usage_known)
        tap_ok(command.cpu_ns >= 1000000 && command.cpu_ns < 5000000000 &&
                   command.peak_memory_bytes >= 100000 && command.peak_memory_bytes < 1000000000,
               "%" PRIu64 " ns and %" PRIu64 " bytes", command.cpu_ns, command.peak_memory_bytes);
}

/* --- what cannot be started ------------------------------------------------------------------- */

static void test_refused(const char *path, int error)
{
    char *argv[] = {(char *)path, NULL};
    struct command_spec spec = {.text = path, .argv = argv};
    struct command command;
    size_t open_files = stage_open_files();
    int result = start(&command, &spec, true), why = errno;
    tap_ok(result == -1 && why == error && command.pid == 0, "%s: %s", path, strerror(why));
    command_close(&command);
    tap_ok(stage_has_no_children() && stage_open_files() == open_files, "nothing is left of it");
}

static void test_refusals(void)
{
    char file[] = "/tmp/bpipe-command-XXXXXX";
    int fd = mkstemp(file);
    test_refused("/nonexistent/program", ENOENT);
    test_refused("nothing-of-this-name", ENOENT);
    test_refused(file, EACCES);
    test_refused("/tmp", EACCES);
    test_refused("/dev/null/program", ENOTDIR);
    close(fd);
    unlink(file);
}

static void test_program(void)
{
    char *argv[] = {"sh", "-c", "test \"$0\" = 'a b' && test \"$1\" = ''", "a b", "", NULL};
    struct command_spec spec = {.text = "sh", .argv = argv};
    struct command command;
    tap_ok(start(&command, &spec, true) == 0 && wait_for(&command) == 0,
           "a program is looked for in PATH, its arguments are as they were");
    command_close(&command);
}

static void test_many(void)
{
    size_t open_files = stage_open_files();
    bool right = true;
    for (int i = 0; i < 100; i++) {
        struct command command;
        right &= start_text(&command, "exit 0", i % 2 == 0) == 0 && wait_for(&command) == 0;
        command_close(&command);
    }
    tap_ok(right, "a hundred commands");
    tap_ok(stage_has_no_children() && stage_open_files() == open_files, "leave nothing behind");
}

static void test_none(void)
{
    const struct options options = {.command_count = 0};
    struct command_standard standard;
    size_t open_files = stage_open_files();
    tap_ok(command_save_standard(&standard, &options) == 0 && stage_open_files() == open_files,
           "without commands nothing is kept");
    command_forget_standard(&standard);
}

int main(int argc, char *argv[])
{
    if (argc > 1)
        return say_what_is_seen();
    if (realpath(argv[0], program) == NULL)
        abort();
    test_scenes(); /* with the dispositions of the start */
    signal(SIGPIPE, SIG_IGN);
    test_endings();
    test_not_ended();
    test_reaped_by_others();
    test_usage();
    test_refusals();
    test_program();
    test_many();
    test_none();
    return tap_done();
}
