/*
 * control - talk to the control socket of a bpipe, well or badly (control/control.h: the protocol).
 *
 *     control send PATH MESSAGE...     sends each on a connection of its own, with the \n \\ \0 of
 *                                      printf, then prints a line for each answer, with its
 *                                      newlines as "|"; "none" if there is none
 *     control long PATH BYTES          does the same with a message of BYTES bytes
 *     control hold PATH                connects, prints "connected", and sends nothing to the bpipe
 *     control rude PATH COUNT          COUNT times: connects, asks for a report, and leaves without
 *                                      the answer
 *     control fuzz PATH COUNT SEED     sends random messages, most of them nearly right
 *
 * It gives up after 60 s. The status is 1 if there was no answer, or if fuzz got one that is not an
 * answer of the protocol; 127 if no process listens.
 */
#include "tests/random.h"
#include "tests/tools/die.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char program_name[] = "control";
const int failure_status = 127;

enum { ANSWER = 1 << 19, MESSAGE = 1 << 16, AT_ONCE = 8, DEADLINE = 60 };

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (strlen(path) >= sizeof address.sun_path)
        errno = ENAMETOOLONG;
    else if (fd >= 0) {
        memcpy(address.sun_path, path, strlen(path));
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
    }
    die(path);
}

/* --- answers --------------------------------------------------------------------------------- */

/* Puts the answer into `text`, NUL-terminated; false: there is none. Closes `fd`. */
static bool receive(int fd, char text[ANSWER])
{
    ssize_t length = recv(fd, text, ANSWER - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    close(fd);
    return length > 0;
}

static bool is_answer(const char *text)
{
    if (strncmp(text, "ok\n", 3) == 0)
        return true;
    return strncmp(text, "error: ", 7) == 0 && strchr(text, '\n') == text + strlen(text) - 1;
}

static int exchange(const char *path, const char *message, size_t length)
{
    static char text[ANSWER];
    int fd = dial(path);
    if (send(fd, message, length, MSG_NOSIGNAL) < 0)
        die("send");
    bool answered = receive(fd, text);
    for (char *end = text; (end = strchr(end, '\n')) != NULL;)
        *end = '|';
    puts(answered ? text : "none");
    return answered ? 0 : 1;
}

/* Replaces \n, \\ and \0 in `text`, in place. Returns its new length in bytes. */
static size_t unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '\\' || from[1] == '\0')
            *to++ = *from;
        else if (*++from == 'n')
            *to++ = '\n';
        else
            *to++ = *from == '0' ? '\0' : *from;
    }
    return (size_t)(to - text);
}

static int send_all(const char *path, char *messages[])
{
    int status = 0;
    for (; *messages != NULL; messages++)
        status |= exchange(path, *messages, unescape(*messages));
    return status;
}

static int send_long(const char *path, size_t length)
{
    char *message = malloc(length + 1);
    if (message == NULL)
        die("malloc");
    memset(message, 'x', length + 1);
    memcpy(message, "bpipe 1\nname ", length < 13 ? length : 13);
    if (length > 0)
        message[length - 1] = '\n';
    int status = exchange(path, message, length);
    free(message);
    return status;
}

/* --- bad clients ------------------------------------------------------------------------------ */

static int hold(const char *path)
{
    (void)dial(path);
    puts("connected");
    fflush(stdout);
    return pause() == 0; /* the alarm ends it */
}

static int be_rude(const char *path, unsigned long count)
{
    static const char message[] = "bpipe 1\nreport json\n";
    for (; count > 0; count--) {
        int fd = dial(path);
        (void)send(fd, message, strlen(message), MSG_NOSIGNAL);
        close(fd);
    }
    return 0;
}

/* --- random messages -------------------------------------------------------------------------- */

/* A message that is valid, or may be. */
static size_t compose(char message[MESSAGE])
{
    static const char *const lines[] = {"rate-limit 0\n",
                                        "rate-limit 900000000\n",
                                        "rate-limit 50000000\n",
                                        "read-rate 0\n",
                                        "read-rate 77777777\n",
                                        "size 123456789\n",
                                        "size 0\n",
                                        "interval 100000000\n",
                                        "width 80\n",
                                        "height 25\n",
                                        "start-fill 0\n",
                                        "start-fill 5\n",
                                        "resume-fill 100\n",
                                        "resume-fill 50\n",
                                        "format %b %r\n",
                                        "name x\\\\y\\n\n",
                                        "report text\n",
                                        "report json\n",
                                        "report text verbose si\n"};
    size_t length = (size_t)sprintf(message, "bpipe 1\n");
    for (size_t count = below(5); count > 0; count--)
        length +=
            (size_t)sprintf(message + length, "%s", lines[below(sizeof lines / sizeof *lines)]);
    return length;
}

static size_t mutate(char message[MESSAGE], size_t length)
{
    size_t at = below(length);
    switch (below(8)) {
    case 0:
        message[at] = (char)below(256);
        return length;
    case 1:
        message[at] ^= (char)(1 << below(8));
        return length;
    case 2: /* cut short */
        return at;
    case 3: /* from the middle on once more */
        memmove(message + length, message + at, length - at);
        return length + length - at;
    case 4: /* without some bytes */
        memmove(message, message + at, length - at);
        return length - at;
    case 5: /* much too long */
        memset(message + length, (int)below(256), MESSAGE / 2);
        return length + below(MESSAGE / 2);
    case 6: /* noise */
        for (size_t i = at; i < length; i++)
            message[i] = (char)below(256);
        return length;
    default:
        return length;
    }
}

static void fuzz_batch(const char *path, size_t count)
{
    static char message[MESSAGE], text[ANSWER];
    int fds[AT_ONCE];
    bool sent[AT_ONCE];
    for (size_t i = 0; i < count; i++) {
        size_t length = compose(message);
        length = mutate(message, length);
        fds[i] = dial(path);
        sent[i] = length > 0 && below(50) > 0;
        /* Close those to which nothing was sent: bpipe would wait for a silent client. */
        if (!sent[i])
            close(fds[i]);
        else if (send(fds[i], message, length, MSG_NOSIGNAL) < 0)
            die("send");
    }
    for (size_t i = 0; i < count; i++)
        if (sent[i] && (!receive(fds[i], text) || !is_answer(text))) {
            printf("no answer: '%s'\n", text);
            exit(1);
        }
}

static int fuzz(const char *path, unsigned long count, uint64_t seed)
{
    random_state = seed;
    for (; count >= AT_ONCE; count -= AT_ONCE)
        fuzz_batch(path, AT_ONCE);
    fuzz_batch(path, count);
    return 0;
}

int main(int argc, char *argv[])
{
    const char *verb = argc > 2 ? argv[1] : "";
    alarm(DEADLINE);
    if (strcmp(verb, "send") == 0 && argc > 3)
        return send_all(argv[2], argv + 3);
    if (strcmp(verb, "long") == 0 && argc == 4)
        return send_long(argv[2], strtoul(argv[3], NULL, 10));
    if (strcmp(verb, "hold") == 0 && argc == 3)
        return hold(argv[2]);
    if (strcmp(verb, "rude") == 0 && argc == 4)
        return be_rude(argv[2], strtoul(argv[3], NULL, 10));
    if (strcmp(verb, "fuzz") == 0 && argc == 5)
        return fuzz(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    fprintf(stderr, "usage: control send|long|hold|rude|fuzz PATH [ARGUMENT]...\n");
    return 127;
}
