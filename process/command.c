/*
 * command.c - see command.h.
 *
 * It uses fork(2) and exec(2), not posix_spawn(3), which can neither set a signal back to SIG_IGN
 * nor tell the guard. SIGCHLD may have to be SIG_IGN again in the command (bpipe must catch it, or
 * children leave no status). The reason why exec failed comes through a pipe that a successful exec
 * closes.
 */
#include "process/command.h"

#include "base/descriptor.h"
#include "base/platform_process.h"
#include "base/retry.h"
#include "base/signal_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OURS, ITS_OWN }; /* command->pipe */

enum { NOT_RUNNABLE = 126, NOT_FOUND = 127, SIGNAL_BASE = 128 }; /* exit statuses of sh(1) */

/* --- what bpipe was started with -------------------------------------------------------------- */

static bool reads_stdin(const struct options *options)
{
    for (size_t i = 0; i < options->input_count; i++)
        if (descriptor_inherited_number(options->inputs[i], STDIN_FILENO) == STDIN_FILENO)
            return true;
    return false;
}

static void save_ignored(sigset_t *ignored)
{
    struct sigaction action;
    sigemptyset(ignored);
    for (int number = 1; number <= platform_last_signal(); number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            sigaddset(ignored, number);
}

int command_save_standard(struct command_standard *standard, const struct options *options)
{
    *standard = (struct command_standard){.fd = {-1, -1, -1}, .options = options};
    if (options->command_count == 0)
        return 0;
    save_ignored(&standard->ignored);
    (void)sigprocmask(SIG_BLOCK, NULL, &standard->mask);
    if (reads_stdin(options))
        standard->fd[STDIN_FILENO] = COMMAND_NOTHING;
    for (int fd = 0; fd < 3; fd++) {
        if (standard->fd[fd] == COMMAND_NOTHING || !descriptor_was_inherited(fd))
            continue;
        standard->fd[fd] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (standard->fd[fd] < 0) {
            int error = errno;
            command_forget_standard(standard);
            errno = error;
            return -1;
        }
    }
    return 0;
}

void command_forget_standard(struct command_standard *standard)
{
    for (int fd = 0; fd < 3; fd++) {
        if (standard->fd[fd] >= 0)
            (void)close(standard->fd[fd]);
        standard->fd[fd] = -1;
    }
}

/* --- the new process, until it runs the program ----------------------------------------------- */

/* Makes descriptor `number` a copy of `fd` (special values: process/command.h). Returns 0, or -1
 * with errno. */
static int put(int fd, int number)
{
    if (fd == -1) {
        (void)close(number); /* closes bpipe's substitute for it */
        return 0;
    }
    int source = fd == COMMAND_NOTHING ? open("/dev/null", O_RDWR | O_CLOEXEC) : fd;
    if (source < 0 || source == number)
        return source < 0 ? -1 : 0;
    return dup2(source, number) < 0 ? -1 : 0;
}

static int put_standard(const struct command *command, const struct command_standard *standard)
{
    for (int number = 0; number < 3; number++) {
        bool is_pipe = number == (command->writes ? STDIN_FILENO : STDOUT_FILENO);
        if (put(is_pipe ? command->pipe[ITS_OWN] : standard->fd[number], number) != 0)
            return -1;
    }
    return 0;
}

/* Descriptors that the user gave to bpipe (fd://N) are not for the command. The descriptor may have
 * been closed by now, and its number reused: the new one is closed on exec anyway. */
static void keep_one(const char *text)
{
    int fd = text == NULL ? -1 : descriptor_inherited_number(text, -1);
    if (fd > STDERR_FILENO)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void keep_ours(const struct options *options)
{
    for (size_t i = 0; i < options->input_count; i++)
        keep_one(options->inputs[i]);
    for (size_t i = 0; i < options->output_count; i++)
        keep_one(options->outputs[i]);
    for (size_t i = 0; i < options->tap_count; i++)
        keep_one(options->taps[i]);
    for (size_t i = 0; i < options->report_count; i++)
        keep_one(options->reports[i].path);
}

static void reset_signals(const sigset_t *ignored)
{
    struct sigaction action = {.sa_flags = 0};
    sigemptyset(&action.sa_mask);
    for (int number = 1; number <= platform_last_signal(); number++) {
        action.sa_handler = sigismember(ignored, number) == 1 ? SIG_IGN : SIG_DFL;
        (void)sigaction(number, &action, NULL); /* fails for numbers that cannot be set */
    }
}

static void run(const struct command_spec *spec)
{
    if (spec->argv == NULL)
        (void)execl("/bin/sh", "sh", "-c", spec->text, (char *)NULL);
    else
        (void)execvp(spec->argv[0], spec->argv);
}

/* Called with all signals blocked. The guard is told while SIGPIPE is still ignored. */
static _Noreturn void become(const struct command *command, const struct command_standard *standard,
                             const struct guard *guard, int failure)
{
    guard_add(guard, getpid());
    if (put_standard(command, standard) == 0) {
        keep_ours(standard->options);
        reset_signals(&standard->ignored);
        (void)sigprocmask(SIG_SETMASK, &standard->mask, NULL);
        run(command->spec);
    }
    int error = errno;
    while (write(failure, &error, sizeof error) < 0 && errno == EINTR)
        continue;
    _exit(NOT_FOUND);
}

/* --- a command -------------------------------------------------------------------------------- */

void command_init(struct command *command, const struct command_spec *spec, bool writes)
{
    *command = (struct command){.spec = spec, .writes = writes, .pipe = {-1, -1}};
}

int command_open(struct command *command)
{
    int ends[2];
    if (descriptor_make_pipe(ends) != 0)
        return -1;
    command->pipe[OURS] = ends[command->writes ? 1 : 0];
    command->pipe[ITS_OWN] = ends[command->writes ? 0 : 1];
    (void)fcntl(command->pipe[OURS], F_SETFL, O_NONBLOCK); /* cannot fail: the descriptor is open */
    return 0;
}

static void close_end(struct command *command, int end)
{
    if (command->pipe[end] >= 0)
        (void)close(command->pipe[end]);
    command->pipe[end] = -1;
}

/* The errno of the failed exec; 0: the program runs. */
static int read_failure(int fd)
{
    int error;
    return retry_read_all(fd, &error, sizeof error) == (ssize_t)sizeof error ? error : 0;
}

static void reap_failure(pid_t pid, const struct guard *guard)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    guard_drop(guard, pid);
}

int command_start(struct command *command, const struct command_standard *standard,
                  const struct guard *guard)
{
    int failure[2];
    sigset_t all, mask;
    if (descriptor_make_pipe(failure) != 0)
        return -1;
    sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &mask); /* no handler of bpipe's may run in the child */
    pid_t pid = fork();
    if (pid == 0)
        become(command, standard, guard, failure[1]);
    int error = errno;
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    (void)close(failure[1]);
    if (pid > 0) {
        error = read_failure(failure[0]);
        if (error != 0)
            reap_failure(pid, guard);
    }
    (void)close(failure[0]);
    if (error != 0) {
        errno = error;
        return -1;
    }
    command->pid = pid;
    close_end(command, ITS_OWN);
    return 0;
}

int command_take(struct command *command)
{
    int fd = command->pipe[OURS];
    command->pipe[OURS] = -1;
    return fd;
}

bool command_runs(const struct command *command)
{
    return command->pid != 0 && !command->ended;
}

bool command_has_ended(struct command *command)
{
    struct platform_child child;
    if (command->ended || command->pid == 0)
        return command->ended;
    pid_t pid = platform_wait(command->pid, &command->status, &child);
    if (pid == 0)
        return false;
    if (pid < 0)
        command->status = -1; /* ECHILD; -1 is neither an exit nor a signal */
    command->ended = true;
    command->usage_known = child.known;
    command->cpu_ns = child.cpu_ns;
    command->peak_memory_bytes = child.peak_memory_bytes;
    return true;
}

bool command_succeeded(const struct command *command)
{
    return command->ended && WIFEXITED(command->status) && WEXITSTATUS(command->status) == 0;
}

bool command_broke_pipe(const struct command *command)
{
    int status = command->status;
    return command->ended && ((WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) ||
                              (WIFEXITED(status) && WEXITSTATUS(status) == SIGNAL_BASE + SIGPIPE));
}

const char *command_ending(const struct command *command, char text[COMMAND_ENDING_TEXT])
{
    int status = command->status, code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    bool implied = code > SIGNAL_BASE && code <= SIGNAL_BASE + platform_last_signal();
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : implied ? code - SIGNAL_BASE : 0;
    const char *name = signal_name(number);
    if (WIFSIGNALED(status) && name != NULL)
        snprintf(text, COMMAND_ENDING_TEXT, "killed by signal %d (%s)", number, name);
    else if (WIFSIGNALED(status))
        snprintf(text, COMMAND_ENDING_TEXT, "killed by signal %d", number);
    else if (!WIFEXITED(status))
        snprintf(text, COMMAND_ENDING_TEXT, "ended with unknown status");
    else if (code == NOT_FOUND || code == NOT_RUNNABLE)
        snprintf(text, COMMAND_ENDING_TEXT, "exited with status %d (%s)", code,
                 code == NOT_FOUND ? "not found" : "cannot be executed");
    else if (implied)
        snprintf(text, COMMAND_ENDING_TEXT, "exited with status %d (%d + signal %d%s%s)", code,
                 SIGNAL_BASE, number, name != NULL ? ": " : "", name != NULL ? name : "");
    else
        snprintf(text, COMMAND_ENDING_TEXT, "exited with status %d", code);
    return text;
}

void command_close(struct command *command)
{
    close_end(command, OURS);
    close_end(command, ITS_OWN);
}
