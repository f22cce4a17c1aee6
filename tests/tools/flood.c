/*
 * flood - a producer that is not held up, and a consumer that comes late.
 *
 *     flood COMMAND [ARGUMENT]...
 *
 * Runs COMMAND in the current directory, with a pipe as its stdin, a pipe as its stdout, and ./err
 * as its stderr. Writes ./in into the first pipe. Takes nothing from the second pipe until COMMAND
 * has read all: until the last line of ./report, which COMMAND writes, has the size of ./in as its
 * "bytes_in", or ./err says that COMMAND gives up. Then writes all that comes to ./out. Old files
 * ./report, ./err and ./out are removed first. Prints how many bytes, newlines and NUL bytes came:
 *
 *     bytes=700000 lines=2773 nuls=2699
 *
 * Ends with the status of COMMAND, or with 128 + N if signal N ended it. Ends with 127, after it
 * has killed COMMAND, if COMMAND does not read all or does not end, each within LIMIT_S, or if it
 * closes its stdin early without giving up.
 */
#include "tests/tools/die.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

const char program_name[] = "flood";
const int failure_status = 127;

enum { LIMIT_S = 60, LOOK_EVERY_MS = 5, TAIL = 65536 };

static pid_t child = -1;
static char block[TAIL + 1];

static long long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Ends COMMAND and this program. */
static _Noreturn void give_up(const char *why)
{
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    fprintf(stderr, "flood: %s\n", why);
    exit(failure_status);
}

/* Reads the last bytes of the file into block, as a string. An empty string if there is no file. */
static void read_tail(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size;
    ssize_t count = 0;

    block[0] = '\0';
    if (fd < 0)
        return;
    size = lseek(fd, 0, SEEK_END);
    if (size > 0)
        count = pread(fd, block, TAIL, size > TAIL ? size - TAIL : 0);
    block[count > 0 ? count : 0] = '\0';
    close(fd);
}

/* Whether the last whole line of the report says that this many bytes came in. */
static bool all_came(long long want)
{
    static const char key[] = "\"bytes_in\":";
    char *end, *line, *found;

    read_tail("report");
    end = strrchr(block, '\n');
    if (end == NULL)
        return false;
    *end = '\0';
    line = strrchr(block, '\n');
    found = strstr(line != NULL ? line : block, key);
    return found != NULL && strtoll(found + sizeof key - 1, NULL, 10) == want;
}

static bool gives_up(void)
{
    char *spool;

    read_tail("err");
    spool = strstr(block, "--spool: ");
    return strstr(block, "giving up") != NULL ||
           (spool != NULL && strstr(spool, ": read failed") != NULL);
}

/* Starts COMMAND. Sets *in and *out to the other ends of its pipes. */
static void start(char **command, int *in, int *out)
{
    int input[2], output[2], err;

    make_pipe(input);
    make_pipe(output);
    child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        err = open("err", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (err < 0 || dup2(input[0], STDIN_FILENO) < 0 || dup2(output[1], STDOUT_FILENO) < 0 ||
            dup2(err, STDERR_FILENO) < 0)
            die("err");
        execvp(command[0], command);
        die(command[0]);
    }
    close(input[0]);
    close(output[1]);
    *in = input[1];
    *out = output[0];
    if (fcntl(*in, F_SETFL, O_WRONLY | O_NONBLOCK) != 0)
        give_up("cannot make the pipe nonblocking");
}

/* Writes ./in to the pipe until COMMAND has read all, has given up, or has closed its stdin. */
static void produce(int in)
{
    static char bytes[131072];
    long long deadline = now_ms() + LIMIT_S * 1000LL, look_at = 0;
    int file = open("in", O_RDONLY | O_CLOEXEC);
    size_t held = 0, sent = 0;
    struct stat status;
    bool ended = false, refused = false;

    if (file < 0 || fstat(file, &status) != 0)
        give_up("cannot read ./in");
    for (;;) {
        if (now_ms() >= look_at) {
            if (gives_up() || (ended && all_came((long long)status.st_size)))
                break;
            if (refused)
                give_up("the input was closed early");
            look_at = now_ms() + LOOK_EVERY_MS;
        }
        if (now_ms() > deadline)
            give_up(ended ? "not all was read" : "the producer was held up");
        if (!ended && sent == held) {
            ssize_t count = read(file, bytes, sizeof bytes);

            if (count < 0)
                give_up("cannot read ./in");
            held = (size_t)count;
            sent = 0;
            if (count == 0) {
                ended = true;
                close(in);
            }
        }
        if (ended) {
            poll(NULL, 0, LOOK_EVERY_MS);
        } else {
            ssize_t count = write(in, bytes + sent, held - sent);
            struct pollfd room = {.fd = in, .events = POLLOUT};

            if (count > 0)
                sent += (size_t)count;
            else if (errno == EAGAIN)
                poll(&room, 1, LOOK_EVERY_MS);
            else if (errno == EPIPE) {
                refused = true;
                look_at = 0; /* it must have said why */
            } else
                give_up("cannot write to the pipe");
        }
    }
    if (!ended)
        close(in);
    close(file);
}

/* Writes all that comes to ./out, and prints how much it is. */
static void consume(int out)
{
    int file = open("out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    long long bytes = 0, lines = 0, nuls = 0, deadline = now_ms() + LIMIT_S * 1000LL;

    if (file < 0)
        give_up("cannot write ./out");
    for (;;) {
        struct pollfd input = {.fd = out, .events = POLLIN};
        ssize_t count;

        if (poll(&input, 1, LIMIT_S * 1000) <= 0 || now_ms() > deadline)
            give_up("the output does not end");
        count = read(out, block, TAIL);
        if (count < 0 || (count > 0 && write(file, block, (size_t)count) != count))
            give_up("cannot write ./out");
        if (count == 0)
            break;
        bytes += count;
        for (ssize_t i = 0; i < count; i++) {
            lines += block[i] == '\n';
            nuls += block[i] == '\0';
        }
    }
    close(file);
    close(out);
    printf("bytes=%lld lines=%lld nuls=%lld\n", bytes, lines, nuls);
}

int main(int argc, char *argv[])
{
    int in = -1, out = -1, status;
    pid_t ended;
    long long deadline;

    if (argc < 2) {
        fprintf(stderr, "usage: flood COMMAND [ARGUMENT]...\n");
        return failure_status;
    }
    unlink("report");
    unlink("err");
    unlink("out");
    start(argv + 1, &in, &out);
    signal(SIGPIPE, SIG_IGN);
    produce(in);
    consume(out);
    deadline = now_ms() + LIMIT_S * 1000LL;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0) {
        if (now_ms() > deadline)
            give_up("the command does not end");
        poll(NULL, 0, 1);
    }
    if (ended < 0)
        die("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
