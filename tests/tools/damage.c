/*
 * damage - framed streams that were cut, or changed by a bit, for bpipe --unframe to refuse.
 *
 *     damage each FIRST STEP COUNT STREAM COMMAND...     cut after FIRST, FIRST + STEP ... bytes
 *     damage cut SEED COUNT STREAM COMMAND...            cut at COUNT random places
 *     damage flip SEED COUNT STREAM COMMAND...           with one of COUNT random bits changed
 *
 * STREAM is a file with a whole framed stream. COMMAND, which is bpipe -q --unframe with other
 * options, reads it from a pipe and writes to one. First COMMAND gets the stream as it is: its
 * status must be 0, and its output the payload. Then it gets each damaged stream: its status must
 * be 1, with one line of message, and its output exactly the payload that comes before the place
 * where the damage is found. A separate reader of the format, which knows no checksum, says what
 * that is: no damaged stream may be taken for whole.
 *
 * Status 0; 1 at the first failure, with a line that says which damage it was and what was wrong;
 * 127 if something cannot be run.
 */
#include "tests/random.h"
#include "tests/tools/die.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char program_name[] = "damage";
const int failure_status = 127;

enum { MOST = 4 << 20, LIMIT_MS = 20000, HEAD = 8, CHUNK_MOST = 1 << 24 };

extern char **environ;

struct bytes {
    size_t length;
    unsigned char at[MOST];
};

struct outcome {
    struct bytes output, message;
    int status; /* -1: a signal ended it, or we did when its time was up */
};

static struct bytes original, damaged, payload;
static struct outcome outcome;
static char **command;

/* --- the payload of a stream ----------------------------------------------------------------- */

/* The payload of a stream, up to where it ends or makes no sense. */
static void read_framed(const struct bytes *stream, struct bytes *out)
{
    static const unsigned char head[HEAD] = {0x89, 'b', 'p', 'f', '\r', '\n', 0x1a, 1};
    size_t at = HEAD;

    out->length = 0;
    if (stream->length < HEAD || memcmp(stream->at, head, HEAD) != 0)
        return;
    while (stream->length - at >= 4) {
        const unsigned char *field = stream->at + at;
        uint32_t chunk = (uint32_t)field[0] << 24 | (uint32_t)field[1] << 16 |
                         (uint32_t)field[2] << 8 | field[3];
        size_t left = stream->length - at - 4;

        if (chunk == 0 || chunk > CHUNK_MOST)
            return;
        left = left < chunk ? left : chunk;
        memcpy(out->at + out->length, field + 4, left);
        out->length += left;
        at += 4 + left;
    }
}

/* --- running it ------------------------------------------------------------------------------ */

/* Starts the command with these as its descriptors 0 to 2. */
static pid_t start(const int descriptors[3])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t set;
    pid_t id;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, descriptors[i], i);
    errno = posix_spawnp(&id, command[0], &actions, &attributes, command, environ);
    if (errno != 0)
        die(command[0]);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return id;
}

/* At the end of input, *fd becomes -1. */
static void take(int *fd, struct bytes *to)
{
    ssize_t count = read(*fd, to->at + to->length, sizeof to->at - to->length);

    if (count > 0) {
        to->length += (size_t)count;
    } else if (count == 0 || errno != EINTR) {
        close(*fd);
        *fd = -1;
    }
}

/* A reader that has enough may have gone. */
static void give(int *fd, const struct bytes *from, size_t *given)
{
    ssize_t count = write(*fd, from->at + *given, from->length - *given);

    if (count > 0)
        *given += (size_t)count;
    if (*given == from->length || (count < 0 && errno == EPIPE)) {
        close(*fd);
        *fd = -1;
    } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
        die("write");
    }
}

/* Returns 0 if it took too long. */
static int exchange(int fds[3], const struct bytes *stream)
{
    size_t given = 0;

    while (fds[0] >= 0 || fds[1] >= 0 || fds[2] >= 0) {
        struct pollfd polled[3] = {{.fd = fds[0], .events = POLLOUT},
                                   {.fd = fds[1], .events = POLLIN},
                                   {.fd = fds[2], .events = POLLIN}};
        int ready = poll(polled, 3, LIMIT_MS);

        if (ready == 0)
            return 0;
        if (ready < 0)
            continue;
        if (polled[0].revents != 0)
            give(&fds[0], stream, &given);
        if (polled[1].revents != 0)
            take(&fds[1], &outcome.output);
        if (polled[2].revents != 0)
            take(&fds[2], &outcome.message);
    }
    return 1;
}

static void run(const struct bytes *stream)
{
    int in[2], out[2], message[2], status;
    pid_t id;

    make_pipe(in);
    make_pipe(out);
    make_pipe(message);
    if (fcntl(in[1], F_SETFL, O_NONBLOCK) < 0)
        die("fcntl");
    id = start((int[]){in[0], out[1], message[1]});
    close(in[0]);
    close(out[1]);
    close(message[1]);
    outcome.output.length = outcome.message.length = 0;
    int fds[3] = {in[1], out[0], message[0]};
    if (!exchange(fds, stream)) {
        kill(id, SIGKILL);
        for (int i = 0; i < 3; i++)
            if (fds[i] >= 0)
                close(fds[i]);
    }
    while (waitpid(id, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- judging it ------------------------------------------------------------------------------ */

/* Returns NULL, or what is wrong with the outcome of the stream. */
static const char *judge(const struct bytes *stream, int status)
{
    const struct bytes *message = &outcome.message;

    run(stream);
    read_framed(stream, &payload);
    if (outcome.status != status)
        return "another status";
    if (outcome.output.length != payload.length ||
        memcmp(outcome.output.at, payload.at, payload.length) != 0)
        return "another payload";
    if (status == 0)
        return message->length == 0 ? NULL : "a message";
    if (message->length == 0 || memcmp(message->at, "bpipe: stdin: ", 14) != 0 ||
        memchr(message->at, '\n', message->length) != message->at + message->length - 1)
        return "not one line of message";
    return NULL;
}

static void check(const char *what, size_t place, int status)
{
    const struct bytes *stream = status == 0 ? &original : &damaged;
    const char *wrong = judge(stream, status);

    if (wrong == NULL)
        return;
    printf("damage: %s %zu: %s: status %d, %zu bytes came of %zu; message: %.*s\n", what, place,
           wrong, outcome.status, outcome.output.length, payload.length,
           (int)outcome.message.length, (const char *)outcome.message.at);
    exit(1);
}

/* bpipe must say of a cut stream that it was cut exactly there. */
static void check_cut(size_t length)
{
    char wanted[128];

    memcpy(damaged.at, original.at, length);
    damaged.length = length;
    check("cut after byte", length, 1);
    if (length == 0)
        strcpy(wanted, "bpipe: stdin: is empty: no header of a framed stream\n");
    else
        snprintf(wanted, sizeof wanted, "bpipe: stdin: cut off at byte %zu: no final record\n",
                 length);
    if (outcome.message.length == strlen(wanted) &&
        memcmp(outcome.message.at, wanted, strlen(wanted)) == 0)
        return;
    printf("damage: cut after byte %zu: message: %.*s\n", length, (int)outcome.message.length,
           (const char *)outcome.message.at);
    exit(1);
}

static void check_flipped(size_t bit)
{
    memcpy(damaged.at, original.at, original.length);
    damaged.length = original.length;
    damaged.at[bit / 8] ^= (unsigned char)(1U << bit % 8);
    check("changed bit", bit, 1);
}

/* --- arguments ------------------------------------------------------------------------------- */

static void load(const char *name)
{
    FILE *file = fopen(name, "rbe");

    if (file == NULL)
        die(name);
    original.length = fread(original.at, 1, sizeof original.at, file);
    fclose(file);
    if (original.length == 0 || original.length == sizeof original.at) {
        errno = EINVAL;
        die(name);
    }
}

int main(int argc, char *argv[])
{
    size_t numbers[3];
    int each = argc > 1 && strcmp(argv[1], "each") == 0, count = each ? 3 : 2;
    int flip = argc > 1 && strcmp(argv[1], "flip") == 0;

    if (argc < count + 4 || (!each && !flip && strcmp(argv[1], "cut") != 0)) {
        fprintf(
            stderr,
            "usage: damage { each FIRST STEP | cut SEED | flip SEED } COUNT STREAM COMMAND...\n");
        return failure_status;
    }
    for (int i = 0; i < count; i++)
        numbers[i] = strtoull(argv[2 + i], NULL, 10);
    load(argv[2 + count]);
    command = argv + 3 + count;
    random_state = numbers[0];
    signal(SIGPIPE, SIG_IGN);
    check("unchanged, of bytes", original.length, 0);
    for (size_t i = 0; i < numbers[count - 1]; i++) {
        if (flip)
            check_flipped(below(original.length * 8));
        else if (!each)
            check_cut(below(original.length));
        else if (numbers[0] + i * numbers[1] < original.length)
            check_cut(numbers[0] + i * numbers[1]);
    }
    return 0;
}
