/*
 * pingpong - requests and replies through a command that should pass bytes on at once.
 *
 *     pingpong [-n] [-t SECONDS] ROUNDS SIZE COMMAND [ARGUMENT]...
 *
 * Writes SIZE bytes to the command's stdin and waits until exactly these have come from its stdout,
 * ROUNDS times. Then it closes stdin and waits for the command to end. The status is 0 if all that
 * happened and the command ended with 0; 1, with a message, if a reply was wrong; 2 if all of it
 * took more than SECONDS (60): then the command is killed.
 *
 * -n prints how long the rounds took, from before the request to after the reply, except for the
 * first tenth of them (the command is still starting):
 *
 *     rounds=9000 p50_ns=11822 p99_ns=20310 max_ns=184033
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 };

static volatile sig_atomic_t current_round;
static pid_t child;
static uint64_t *took_ns; /* by each round */

static void too_late(int number)
{
    static const char text[] = "pingpong: no reply in time\n";

    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    kill(-child, SIGKILL);
    _exit(2);
}

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "pingpong: round %d: ", (int)current_round);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    kill(-child, SIGKILL);
    return 1;
}

static void compose(char *message, size_t size)
{
    for (size_t i = 0; i < size; i++)
        message[i] = (char)((size_t)current_round * 31 + i);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int play(int to, int from, int rounds, size_t size)
{
    char ping[MOST], pong[MOST + 1];

    for (current_round = 0; current_round < rounds; current_round++) {
        size_t got = 0;
        uint64_t start;

        compose(ping, size);
        start = now();
        if (write(to, ping, size) != (ssize_t)size)
            return fail("write: %s", strerror(errno));
        while (got < size) {
            ssize_t count = read(from, pong + got, sizeof pong - got);
            if (count <= 0)
                return fail("%s", count == 0 ? "end of the replies" : strerror(errno));
            got += (size_t)count;
        }
        took_ns[current_round] = now() - start;
        if (got != size || memcmp(ping, pong, size) != 0)
            return fail("another reply than the request");
    }
    close(to);
    if (read(from, pong, 1) != 0)
        return fail("more than the replies");
    return 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

static void print_times(size_t rounds)
{
    size_t count = rounds - rounds / 10;
    uint64_t *took = took_ns + rounds / 10;

    qsort(took, count, sizeof *took, compare);
    printf("rounds=%zu p50_ns=%llu p99_ns=%llu max_ns=%llu\n", count,
           (unsigned long long)took[(count - 1) / 2],
           (unsigned long long)took[(count - 1) * 99 / 100], (unsigned long long)took[count - 1]);
}

static int run(char *command[], int to_child[2], int from_child[2])
{
    setpgid(0, 0);
    dup2(to_child[0], STDIN_FILENO);
    dup2(from_child[1], STDOUT_FILENO);
    for (int i = 0; i < 2; i++) {
        close(to_child[i]);
        close(from_child[i]);
    }
    execvp(command[0], command);
    fprintf(stderr, "pingpong: %s: %s\n", command[0], strerror(errno));
    return 127;
}

int main(int argc, char *argv[])
{
    int to_child[2], from_child[2], option, rounds, status;
    unsigned seconds = 60;
    bool times = false;
    size_t size;

    while ((option = getopt(argc, argv, "+nt:")) != -1) {
        if (option == 'n')
            times = true;
        else
            seconds = option == 't' ? (unsigned)strtoul(optarg, NULL, 10) : 0;
    }
    rounds = argc - optind < 3 ? 0 : (int)strtol(argv[optind], NULL, 10);
    size = rounds == 0 ? 0 : strtoul(argv[optind + 1], NULL, 10);
    if (rounds < 1 || size < 1 || size > MOST || seconds < 1) {
        fprintf(stderr, "usage: pingpong [-n] [-t SECONDS] ROUNDS SIZE COMMAND [ARGUMENT]...\n");
        return 127;
    }
    took_ns = malloc((size_t)rounds * sizeof *took_ns);
    if (took_ns == NULL || pipe(to_child) < 0 || pipe(from_child) < 0 || (child = fork()) < 0) {
        fprintf(stderr, "pingpong: %s\n", strerror(errno));
        return 127;
    }
    if (child == 0)
        return run(argv + optind + 2, to_child, from_child);
    setpgid(child, child); /* parent and child both call it, whichever comes first */
    close(to_child[0]);
    close(from_child[1]);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, too_late);
    alarm(seconds);
    if (play(to_child[1], from_child[0], rounds, size) != 0)
        return 1;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail("status %d", status);
    if (times)
        print_times((size_t)rounds);
    return 0;
}
