/*
 * piped - run commands between two pipes, and compare what comes out.
 *
 *     piped [-o FILE | -p FILE] [-c FILE | -b FILE] IN COMMAND... [-- COMMAND...]...
 *
 * Runs the commands, joined by pipes. The first one's stdin is a pipe that gets the bytes of IN.
 * The last one's stdout is a pipe; with -o it is FILE, made new. -p: what comes by the pipe is
 * written to FILE, made new. -c: the output must be that of FILE. -b: it must be the beginning of
 * FILE. Prints how many bytes came, and how many IN has.
 *
 * Ends with 0, or with the status of the last command that had another one (128 + N if signal N
 * ended it). Ends with 125, and says why, if the output is not the right one, if something cannot
 * be run, if it takes longer than LIMIT_S, or if all commands ended with 0 and did not read all of
 * IN.
 *
 * "cat IN | COMMAND | cat >FILE" with a comparison takes five processes, each forked from the large
 * process of bats; this takes one of these.
 */
#include "tests/tools/die.h"

#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

const char program_name[] = "piped";
const int failure_status = 125;

enum { MOST_COMMANDS = 8, BLOCK_SIZE = 131072, LIMIT_S = 60 };

extern char **environ;

static pid_t ids[MOST_COMMANDS + 1]; /* the process that feeds the first command, the commands */
static int id_count;
static volatile sig_atomic_t is_late;
static char block[BLOCK_SIZE], wanted[BLOCK_SIZE];

static void kill_all(int signal)
{
    (void)signal;
    is_late = 1;
    for (int i = 0; i < id_count; i++)
        kill(ids[i], SIGKILL);
}

static int open_or_die(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0666);

    if (fd < 0)
        die(path);
    return fd;
}

/* Reads until there are `size` bytes or the file ends. */
static size_t read_full(int fd, char *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = read(fd, to + done, size - done);

        if (count < 0 && errno != EINTR)
            die("read");
        if (count == 0)
            break;
        if (count > 0)
            done += (size_t)count;
    }
    return done;
}

static void write_full(int fd, const char *from, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(fd, from + done, size - done);

        if (count < 0 && errno != EINTR)
            die("write");
        if (count > 0)
            done += (size_t)count;
    }
}

/* --- starting ------------------------------------------------------------------------------- */

/* Starts the process that writes the file to a pipe. SIGPIPE ends it. Returns the other end. */
static int feed(const char *path)
{
    int ends[2], file = open_or_die(path, O_RDONLY);
    size_t size;

    make_pipe(ends);
    ids[id_count] = fork();
    if (ids[id_count] < 0)
        die("fork");
    if (ids[id_count++] > 0) {
        close(ends[1]);
        close(file);
        return ends[0];
    }
    close(ends[0]);
    while ((size = read_full(file, block, sizeof block)) > 0)
        write_full(ends[1], block, size);
    _exit(0);
}

/* Starts a command with these as its stdin and stdout, and closes them here. */
static void start_between(char **command, int in, int out)
{
    posix_spawn_file_actions_t actions;

    if (command[0] == NULL || id_count > MOST_COMMANDS) {
        errno = EINVAL;
        die("commands");
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    errno = posix_spawnp(&ids[id_count], command[0], &actions, NULL, command, environ);
    if (errno != 0)
        die(command[0]);
    id_count++;
    posix_spawn_file_actions_destroy(&actions);
    close(in);
    close(out);
}

/* Starts the commands. The last one writes to `file`, if that is not -1. Returns where to read what
   comes, or -1. */
static int start_commands(char **words, int in, int file)
{
    int ends[2] = {-1, -1};

    while (*words != NULL) {
        char **command = words;
        bool is_last;

        while (*words != NULL && strcmp(*words, "--") != 0)
            words++;
        is_last = *words == NULL;
        if (!is_last)
            *words++ = NULL;
        if (!is_last || file < 0)
            make_pipe(ends);
        start_between(command, in, is_last && file >= 0 ? file : ends[1]);
        in = ends[0];
    }
    return file >= 0 ? -1 : in;
}

/* --- ending --------------------------------------------------------------------------------- */

/* Reads all bytes, writes them to `copy` if that is not -1, and compares them with `model` if that
   is not -1: with all of it if `whole` is set. Sets *total. Returns whether they are the same. */
static bool take_all(int from, int copy, int model, bool whole, long long *total)
{
    bool same = true;
    size_t size;

    for (*total = 0; (size = read_full(from, block, sizeof block)) > 0; *total += (long long)size) {
        if (copy >= 0)
            write_full(copy, block, size);
        if (model >= 0 && same)
            same = read_full(model, wanted, size) == size && memcmp(block, wanted, size) == 0;
    }
    return same && (model < 0 || !whole || read_full(model, wanted, 1) == 0);
}

static int wait_for_all(void)
{
    int last = 0;

    for (int i = 0; i < id_count; i++) {
        int status;

        while (waitpid(ids[i], &status, 0) < 0)
            if (errno != EINTR)
                die("waitpid");
        if (status != 0 && i == 0)
            last = failure_status; /* unless a command failed, too */
        else if (status != 0)
            last = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return last;
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: piped [-o FILE | -p FILE] [-c FILE | -b FILE] IN COMMAND...\n");
    exit(failure_status);
}

int main(int argc, char *argv[])
{
    const char *output = NULL, *model = NULL;
    struct sigaction late = {.sa_handler = kill_all};
    bool by_pipe = false, whole = false, same;
    int option, status, from, file = -1, model_file = -1;
    struct stat input;
    long long total;

    while ((option = getopt(argc, argv, "+o:p:c:b:")) != -1) {
        if (option == '?')
            usage();
        if (option == 'o' || option == 'p') {
            output = optarg;
            by_pipe = option == 'p';
        } else {
            model = optarg;
            whole = option == 'c';
        }
    }
    if (argc - optind < 2)
        usage();
    if (output != NULL)
        file = open_or_die(output, O_WRONLY | O_CREAT | O_TRUNC);
    if (model != NULL)
        model_file = open_or_die(model, O_RDONLY);
    if (stat(argv[optind], &input) != 0)
        die(argv[optind]);
    sigaction(SIGALRM, &late, NULL);
    alarm(LIMIT_S);
    from = start_commands(argv + optind + 1, feed(argv[optind]), by_pipe ? -1 : file);
    if (output != NULL && !by_pipe) {
        status = wait_for_all();
        same = take_all(open_or_die(output, O_RDONLY), -1, model_file, whole, &total);
    } else {
        same = take_all(from, by_pipe ? file : -1, model_file, whole, &total);
        status = wait_for_all();
    }
    printf("%lld %lld\n", total, (long long)input.st_size);
    if (is_late) {
        fprintf(stderr, "piped: not within %d s\n", LIMIT_S);
        return failure_status;
    }
    if (!same) {
        fprintf(stderr, "piped: %lld bytes came, and they are not those of %s\n", total, model);
        return failure_status;
    }
    if (status == failure_status)
        fprintf(stderr, "piped: %s was not read to its end, or status %d\n", argv[optind], status);
    return status;
}
