/*
 * test_control.c - the messages of control, and the socket of a bpipe that is asked.
 *
 * Each parsed message is in memory of exactly its length, so that a sanitizer sees a byte too many.
 * The test passes the time to each call, so nothing here waits.
 */
#include "base/runtime_dir.h"
#include "control/control.h"
#include "tests/tap.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { MUTATIONS = 10000, MANY = 1000000000 };

static struct control_request request, again;
static char message[CONTROL_REQUEST];

static const char *parse_exactly(const char *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, length);
    const char *wrong = control_parse(&request, copy, length);
    free(copy);
    return wrong;
}

/* --- messages --------------------------------------------------------------------------------- */

static const struct {
    const char *message, *wrong;
} malformed[] = {
    {"", "invalid request"},
    {"\n", "invalid request"},
    {"bpipe", "invalid request"},
    {"bpipe 1", "invalid request"},
    {"bpipe\n", "invalid request"},
    {"Bpipe 1\n", "invalid request"},
    {"report text\n", "invalid request"},
    {"bpipe 2\n", "unsupported version"},
    {"bpipe 11\n", "unsupported version"},
    {"bpipe \n", "unsupported version"},
    {"bpipe 1\nreport text", "invalid request"},
    {"bpipe 1\n\n", "invalid request"},
    {"bpipe 1\nbpipe 1\n", "invalid request"},
    {"bpipe 1\nrate 5\n", "invalid request"},
    {"bpipe 1\nrate-limit\n", "invalid request"},
    {"bpipe 1\n rate-limit 5\n", "invalid request"},
    {"bpipe 1\nrate-limit \n", "rate-limit: invalid rate"},
    {"bpipe 1\nrate-limit -1\n", "rate-limit: invalid rate"},
    {"bpipe 1\nrate-limit 5 \n", "rate-limit: invalid rate"},
    {"bpipe 1\nrate-limit  5\n", "rate-limit: invalid rate"},
    {"bpipe 1\nrate-limit 1M\n", "rate-limit: invalid rate"},
    {"bpipe 1\nrate-limit 9223372036854775808\n", "rate-limit: invalid rate"},
    {"bpipe 1\nread-rate 99999999999999999999999999999999\n", "read-rate: invalid rate"},
    {"bpipe 1\nsize 18446744073709551616\n", "size: invalid size"},
    {"bpipe 1\nsize 5\nsize 5\n", "duplicate setting"},
    {"bpipe 1\nname a\nsize 5\nname a\n", "duplicate setting"},
    {"bpipe 1\ninterval 99999999\n", "interval: must be from 0.1 to 600 s, in ns"},
    {"bpipe 1\ninterval 600000000001\n", "interval: must be from 0.1 to 600 s, in ns"},
    {"bpipe 1\nwidth 0\n", "width: must be a number from 1 to 9999"},
    {"bpipe 1\nheight 10000\n", "height: must be a number from 1 to 9999"},
    {"bpipe 1\nstart-fill 101\n", "start-fill: invalid percentage"},
    {"bpipe 1\nresume-fill 5%\n", "resume-fill: invalid percentage"},
    {"bpipe 1\nname \n", "name: invalid, empty or too long"},
    {"bpipe 1\nname a\\\n", "name: invalid, empty or too long"},
    {"bpipe 1\nname a\\b\n", "name: invalid, empty or too long"},
    {"bpipe 1\nformat \\\n", "format: invalid or too long"},
    {"bpipe 1\nreport\n", "invalid request"},
    {"bpipe 1\nreport \n", "report: invalid format"},
    {"bpipe 1\nreport xml\n", "report: invalid format"},
    {"bpipe 1\nreport prometheus\n", "report: invalid format"},
    {"bpipe 1\nreport text\nreport json\n", "report: duplicate"},
    {"bpipe 1\nreport text \n", "report: unexpected text after the format"},
    {"bpipe 1\nreport text si si\n", "report: unexpected text after the format"},
    {"bpipe 1\nreport text loud\n", "report: unexpected text after the format"},
};

static void test_malformed(void)
{
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
        const char *wrong = parse_exactly(malformed[i].message, strlen(malformed[i].message));
        if (!tap_ok(wrong != NULL && strcmp(wrong, malformed[i].wrong) == 0, "message %zu: %s", i,
                    malformed[i].wrong))
            tap_note("%s", wrong == NULL ? "accepted" : wrong);
    }
    tap_ok(parse_exactly("bpipe 1\nname a\0b\n", 17) != NULL, "a NUL");
    tap_ok(parse_exactly("bpipe 1\n\0", 9) != NULL, "a NUL at the end");
}

static void test_limits(void)
{
    static const char start[] = {'b', 'p', 'i', 'p', 'e', ' ', '1', '\n', 'n', 'a', 'm', 'e', ' '};
    static char longest[CONTROL_REQUEST + 1];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, start, sizeof start);
    longest[sizeof start + CONTROL_TEXT - 1] = '\n';
    tap_ok(parse_exactly(longest, sizeof start + CONTROL_TEXT) == NULL &&
               strlen(control_text(&request, CONTROL_NAME)) == CONTROL_TEXT - 1,
           "the longest name");
    longest[sizeof start + CONTROL_TEXT - 1] = 'x';
    longest[sizeof start + CONTROL_TEXT] = '\n';
    tap_ok(parse_exactly(longest, sizeof start + CONTROL_TEXT + 1) != NULL,
           "a name that is longer by a byte");
    longest[sizeof start + CONTROL_TEXT] = 'x';
    longest[CONTROL_REQUEST] = '\n';
    const char *wrong = parse_exactly(longest, sizeof longest);
    tap_ok(wrong != NULL && strcmp(wrong, "request too long") == 0, "too long a message");
    const char *largest = "bpipe 1\nrate-limit 9223372036854775807\nsize 00\nformat \n";
    tap_ok(parse_exactly(largest, strlen(largest)) == NULL &&
               request.numbers[CONTROL_RATE_LIMIT] == INT64_MAX && request.given[CONTROL_SIZE] &&
               request.numbers[CONTROL_SIZE] == 0 && request.given[CONTROL_FORMAT] &&
               !request.given[CONTROL_NAME],
           "the largest rate, a size of 0, an empty format");
    tap_ok(parse_exactly("bpipe 1\n", 8) == NULL && request.report == CONTROL_NO_REPORT,
           "a request without a report");
}

static void random_text(uint64_t *state, char text[CONTROL_TEXT], size_t most)
{
    static const char frequent[] = "\\\n% n";
    size_t length = 1 + (size_t)tap_below(state, most);
    for (size_t i = 0; i < length; i++)
        text[i] = tap_below(state, 3) == 0 ? frequent[tap_below(state, 5)]
                                           : (char)(1 + tap_below(state, 255));
    text[length] = '\0';
}

static void random_request(uint64_t *state)
{
    static const uint64_t least[] = {0, 0, 0, 100000000, 1, 1, 0, 0};
    static const uint64_t most[] = {INT64_MAX, INT64_MAX, INT64_MAX, 600000000000,
                                    9999,      9999,      100,       100};
    request = (struct control_request){0};
    for (size_t i = 0; i < CONTROL_NUMBERS; i++) {
        request.given[i] = tap_below(state, 2) == 0;
        if (request.given[i])
            request.numbers[i] = least[i] + tap_magnitude(state, 64) % (most[i] - least[i] + 1);
    }
    for (size_t i = CONTROL_NUMBERS; i < CONTROL_FIELDS; i++) {
        request.given[i] = tap_below(state, 2) == 0;
        if (request.given[i])
            random_text(state, control_text(&request, (enum control_field)i), 1500);
    }
    request.report = (enum control_report)tap_below(state, 3);
    request.verbose = request.report != CONTROL_NO_REPORT && tap_below(state, 2) == 0;
    request.si = request.report != CONTROL_NO_REPORT && tap_below(state, 2) == 0;
}

static bool same_request(void)
{
    bool same = request.report == again.report && request.verbose == again.verbose &&
                request.si == again.si &&
                memcmp(request.given, again.given, sizeof again.given) == 0;
    for (size_t i = 0; i < CONTROL_NUMBERS; i++)
        same &= request.numbers[i] == again.numbers[i];
    for (size_t i = 0; i < CONTROL_FIELDS - CONTROL_NUMBERS; i++)
        same &= strcmp(request.texts[i], again.texts[i]) == 0;
    return same;
}

/* Composes `request` and parses the result. */
static bool survives(void)
{
    again = request;
    size_t length = control_compose(message, sizeof message, &request);
    return length > 0 && parse_exactly(message, length) == NULL && same_request();
}

static void test_round_trip(uint64_t state)
{
    unsigned rounds = tap_rounds(2000), wrong = 0;
    for (unsigned i = 0; i < rounds; i++) {
        random_request(&state);
        wrong += !survives();
    }
    tap_ok(wrong == 0, "%u random requests are unchanged after composing and parsing", rounds);
    random_request(&state);
    size_t length = control_compose(message, sizeof message, &request);
    for (size_t size = 0; size < length; size++) {
        char *small = malloc(size + 1);
        wrong += small == NULL || control_compose(small, size, &request) != 0;
        free(small);
    }
    tap_ok(wrong == 0, "a request that does not fit is not composed");
}

/* The source of the mutants: the last message, changed here and there. */
static size_t mutate(uint64_t *state, char *bytes, size_t length)
{
    for (uint64_t changes = 1 + tap_below(state, 4); changes > 0; changes--) {
        size_t at = (size_t)tap_below(state, length), size = length - at;
        switch (tap_below(state, 4)) {
        case 0:
            bytes[at] = (char)tap_below(state, 256);
            break;
        case 1:
            bytes[at] = "\n \\019-"[tap_below(state, 7)];
            break;
        case 2:
            length = at > 0 ? at : 1;
            break;
        default:
            if (length + size <= sizeof message) {
                memmove(bytes + length, bytes + at, size);
                length += size;
            }
            break;
        }
    }
    return length;
}

static void test_mutations(uint64_t state)
{
    unsigned rounds = tap_rounds(MUTATIONS), accepted = 0, wrong = 0;
    for (unsigned i = 0; i < rounds; i++) {
        random_request(&state);
        size_t length = control_compose(message, sizeof message, &request);
        length = mutate(&state, message, length);
        if (parse_exactly(message, length) != NULL)
            continue;
        accepted++;
        wrong += !survives();
    }
    tap_ok(wrong == 0 && accepted > 0 && accepted < rounds,
           "%u mutants are refused, or parsed by their text", rounds);
    tap_note("%u were accepted", accepted);
}

/* --- the socket ------------------------------------------------------------------------------- */

static char folder[] = "/tmp/bpipe-control-XXXXXX";
static struct control control;

static int dial(void)
{
    struct sockaddr_un address;
    char *path = runtime_path(NULL, (long)getpid());
    int fd = path != NULL ? control_socket(&address, path) : -1;
    free(path);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool says(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static bool hears(int fd, const char *text)
{
    char answer[256];
    ssize_t length = recv(fd, answer, sizeof answer, 0);
    return length == (ssize_t)strlen(text) && memcmp(answer, text, strlen(text)) == 0;
}

static void test_opening(void)
{
    struct stat status;
    char *path = runtime_path(NULL, (long)getpid());
    control_init(&control, 1000);
    tap_ok(!control_turn(&control, 999, &request) && control_due(&control) == 1000 &&
               control_poll(&control).fd < 0 && stat(path, &status) != 0,
           "nothing is opened before it is time");
    tap_ok(!control_turn(&control, 1000, &request) && control_due(&control) == UINT64_MAX &&
               control_poll(&control).fd >= 0 && stat(path, &status) == 0 &&
               S_ISSOCK(status.st_mode) && (status.st_mode & 07777) == 0600,
           "then the socket is opened, with mode 0600, and nothing is due any more");
    control_close(&control);
    tap_ok(stat(path, &status) != 0, "the socket is removed");
    control_close(&control);
    tap_ok(control_due(&control) == UINT64_MAX && control_poll(&control).fd < 0,
           "the socket is not opened again");
    free(path);
}

static void test_asking(void)
{
    control_init(&control, 0);
    (void)control_turn(&control, MANY, &request);
    int fd = dial(), other = dial();
    tap_ok(fd >= 0 && other >= 0 && says(fd, "bpipe 1\nsize 7\n") && says(other, "bpipe 1\n"),
           "two clients send requests");
    tap_ok(control_turn(&control, MANY, &request) && request.numbers[CONTROL_SIZE] == 7,
           "the first request is read");
    control_answer(&control, NULL, "report\n", 7);
    tap_ok(hears(fd, "ok\nreport\n"), "the first client gets an answer");
    tap_ok(control_turn(&control, MANY, &request), "then the second request is read");
    control_answer(&control, "no", NULL, 0);
    tap_ok(hears(other, "error: no\n") && !control_turn(&control, MANY, &request),
           "the second client gets a refusal");
    close(fd);
    close(other);
    fd = dial();
    tap_ok(says(fd, "nonsense") && !control_turn(&control, MANY, &request) &&
               hears(fd, "error: invalid request\n"),
           "nonsense is refused");
    close(fd);
    fd = dial();
    static char space[CONTROL_ANSWER];
    tap_ok(says(fd, "bpipe 1\nreport text\n") && control_turn(&control, MANY, &request),
           "a request for a report");
    memset(space, 'r', sizeof space);
    control_answer(&control, NULL, space, sizeof space);
    tap_ok(hears(fd, "error: report too long\n"), "a report that is too long");
    close(fd);
    fd = dial();
    close(fd);
    tap_ok(!control_turn(&control, MANY, &request) && control_due(&control) == UINT64_MAX,
           "a client that has left is forgotten");
}

static void test_silence(void)
{
    int silent = dial(), fd = dial();
    tap_ok(!control_turn(&control, MANY, &request) && says(fd, "bpipe 1\n") &&
               control_due(&control) == MANY + CONTROL_SILENCE_NS,
           "a silent client is given time");
    tap_ok(!control_turn(&control, MANY + CONTROL_SILENCE_NS - 1, &request),
           "the silent client has not used up its time");
    tap_ok(control_turn(&control, MANY + CONTROL_SILENCE_NS, &request),
           "after that time the next client is heard");
    control_answer(&control, NULL, NULL, 0);
    tap_ok(hears(fd, "ok\n") && hears(silent, ""), "the silent client is disconnected");
    close(fd);
    close(silent);
    control_close(&control);
}

/* A socket that a killed process left behind, and one on which a process still listens. */
static void test_stale(void)
{
    struct control other;
    char *path = runtime_path(NULL, (long)getpid());
    control_init(&control, 0);
    (void)control_turn(&control, MANY, &request);
    control_init(&other, 0);
    tap_ok(!control_turn(&other, MANY, &request) && control_poll(&other).fd < 0 &&
               access(path, F_OK) == 0,
           "a socket on which a process listens is left alone");
    close(control.listener);
    control.listener = -1;
    control_init(&other, 0);
    (void)control_turn(&other, MANY, &request);
    int fd = dial();
    tap_ok(fd >= 0, "an abandoned socket is taken over");
    close(fd);
    control.name.path = NULL; /* it was killed */
    control_close(&control);
    control_close(&other);
    tap_ok(access(path, F_OK) != 0, "that socket is removed at the end");
    free(path);
}

static bool is_without_control(void)
{
    control_init(&control, 0);
    bool none = !control_turn(&control, MANY, &request) && control_poll(&control).fd < 0 &&
                control_due(&control) == UINT64_MAX;
    control_close(&control);
    return none;
}

static void test_no_folder(void)
{
    static char deep[256];
    tap_ok(setenv("XDG_RUNTIME_DIR", "relative", 1) == 0 && unsetenv("HOME") == 0 &&
               (is_without_control() || access("/run/user", F_OK) == 0),
           "a relative runtime folder is not used");
    snprintf(deep, sizeof deep, "%s/%0100d", folder, 0);
    tap_ok(mkdir(deep, 0700) == 0 && setenv("XDG_RUNTIME_DIR", deep, 1) == 0 &&
               is_without_control(),
           "a name that is too long for a socket");
    rmdir(deep);
    rmdir(folder);
}

int main(void)
{
    uint64_t seed = tap_seed();
    test_malformed();
    test_limits();
    test_round_trip(seed);
    test_mutations(seed);
    if (mkdtemp(folder) == NULL || setenv("XDG_RUNTIME_DIR", folder, 1) != 0)
        return 1;
    test_opening();
    test_asking();
    test_silence();
    test_stale();
    test_no_folder();
    return tap_done();
}
