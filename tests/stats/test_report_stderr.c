/*
 * test_report_stderr.c - messages and reports on stderr: their order, and a stderr that takes
 * little or nothing.
 */
#include "base/platform.h"
#include "tests/stats/report_stage.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

/* --- messages -------------------------------------------------------------------------------- */

static void say_things(struct reporter *reporter)
{
    char large[6000];

    (void)reporter;
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    errno = EDOM;
    message_print("%s: %s", "a\nb\t\x1b[1m\xff\xc2\x9b\x7f\xc3\xa9", "reason");
    if (errno == EDOM)
        message_print("%s", large);
}

static void say_after_close(struct reporter *reporter)
{
    message_print("one");
    report_final(reporter, &meter, &(struct ending){0});
    message_print("two");
    report_close(NULL);
    message_print("three");
}

static void only_final(struct reporter *reporter)
{
    report_final(reporter, &meter, &(struct ending){.failed = true});
}

static void test_messages(void)
{
    const char *first = "bpipe: a\\nb\\t\\x1b[1m\\xff\\xc2\\x9b\\x7f\xc3\xa9: reason\n";

    tap_ok(run(SCENE(.act = say_things)) == 0 && strncmp(captured, first, strlen(first)) == 0,
           "a message is one line whatever is in it, and errno is kept");
    const char *second = captured + strlen(first);
    tap_ok(lines_of(captured) == 2 && strlen(second) > 4096 &&
               strcmp(second + strlen(second) - 5, "x...\n") == 0,
           "a very long message is cut");
    run(SCENE(SPECS({REPORT_TEXT, NULL}), .act = say_after_close));
    tap_ok(strncmp(captured, "bpipe: one\nbpipe: 4.00 KiB in", 29) == 0 &&
               strstr(captured, "\nbpipe: two\nbpipe: three\n") != NULL,
           "messages and reports in their order, also after the end");
    tap_ok(run(SCENE(SPECS({REPORT_TEXT, NULL}), .close_stderr = true)) == 0 && said(""),
           "a closed stderr is silence");
    meter.began = false;
    tap_ok(run(SCENE(SPECS({REPORT_TEXT, NULL}), .act = only_final)) == 0 && said(""),
           "no final text about a run that never began");
    meter.began = true;
}

/* --- when ------------------------------------------------------------------------------------ */

static void ask_now(struct reporter *reporter)
{
    report_now(reporter, &meter);
}

static void sample_thrice(struct reporter *reporter)
{
    struct meter running = meter;

    for (unsigned i = 0; i < 3; i++) {
        report_sample(reporter, &running);
        meter_advance(&running, METER_INPUT, running.now_ns + NS_PER_SEC / 2);
        running.bytes_passed += 1024;
    }
}

static void test_when(void)
{
    tap_ok(run(SCENE(.act = ask_now)) == 0 && lines_of(captured) == 2 &&
               strstr(captured, " so far, ") != NULL,
           "SIGUSR1 without any report: text on stderr");
    tap_ok(run(SCENE(SPECS({REPORT_JSON, NULL}), .act = ask_now)) == 0 && lines_of(captured) == 1 &&
               strncmp(captured, "{\"type\":\"sample\"", 16) == 0,
           "SIGUSR1 with a JSON report: a sample");
    tap_ok(run(SCENE(.spec_count = 0)) == 0 && said(""), "no reports: silence");
    run(SCENE(SPECS({REPORT_TEXT, NULL}, {REPORT_JSON, "/dev/stderr"})));
    tap_ok(lines_of(captured) == 5 && strncmp(captured, "bpipe: ", 7) == 0 &&
               strstr(captured, "\n{\"type\":\"sample\"") != NULL &&
               strstr(captured, "\n{\"type\":\"final\"") != NULL,
           "two formats on stderr");
    run(SCENE(SPECS({REPORT_TEXT, NULL}), .act = sample_thrice));
    tap_ok(lines_of(captured) == 3 && strstr(captured, "last 2.00 s: 2.00 KiB/s, ") != NULL &&
               strstr(captured, "last 500 ms: 2.00 KiB/s, input 100%") != NULL,
           "a sample tells of the time since the last one");
}

/* --- stderr that takes nothing, or little ---------------------------------------------------- */

/* Fills a pipe with whole lines; returns how many bytes. */
static size_t fill_pipe(int fd)
{
    size_t filled = 0;
    char line[64];

    memset(line, '#', sizeof line);
    line[sizeof line - 1] = '\n';
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, line, sizeof line) == (ssize_t)sizeof line)
        filled += sizeof line;
    fcntl(fd, F_SETFL, 0);
    return filled;
}

static void report_much(struct reporter *reporter)
{
    for (unsigned i = 0; i < 300; i++) {
        report_sample(reporter, &meter);
        message_print("message %u", i);
    }
    report_final(reporter, &meter, &(struct ending){0});
}

/* Whether `line` is whole: what this test wrote, a message, a text line, a JSON object. */
static bool is_whole(const char *line, size_t length)
{
    static const char *const beginnings[] = {"bpipe: message ", "bpipe: 4.00 KiB in",
                                             "bpipe: slow side: "};

    if (strspn(line, "#") == length)
        return length == 63;
    if (line[0] == '{')
        return length > 700 && strncmp(line, "{\"type\":\"", 9) == 0 && line[length - 1] == '}';
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strncmp(line, beginnings[i], strlen(beginnings[i])) == 0)
            return memchr(line, '{', length) == NULL && memchr(line, '#', length) == NULL;
    return false;
}

static bool all_whole(const char *text)
{
    static const char message[] = "bpipe: message ";
    unsigned long next = 0;

    for (const char *line = text, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        if (end == NULL || !is_whole(line, (size_t)(end - line))) {
            tap_note("torn: %.80s", line);
            return false;
        }
        if (strncmp(line, message, strlen(message)) == 0 &&
            strtoul(line + strlen(message), NULL, 10) != next++)
            return false;
    }
    return true;
}

/*
 * The pipe has room for two pages, and no process reads it after that. Only text where the system
 * can write to an inherited stderr without blocking in small pieces only, which cut a longer JSON
 * line.
 */
static void test_full_pipe(void)
{
    int ends[2];
    char pages[2 * 4096];
    bool small_pieces = strcmp(platform_name, "linux") != 0;

    if (pipe(ends) != 0)
        abort();
    fill_pipe(ends[1]);
    if (read(ends[0], pages, sizeof pages) != (ssize_t)sizeof pages)
        abort();
    pid_t child =
        start(SCENE(SPECS({REPORT_TEXT, NULL}, {small_pieces ? REPORT_TEXT : REPORT_JSON, NULL}),
                    .act = report_much),
              ends[1]);
    tap_ok(wait_for(child) == 0, "a full pipe as stderr, never read: the run ends");
    close(ends[1]);
    ssize_t length = 1, total = 0;
    while (length > 0 && (length = read(ends[0], captured + total, (size_t)(CAPTURED - total))) > 0)
        total += length;
    captured[total] = '\0';
    tap_ok(strchr(captured, 'b') != NULL && all_whole(captured), "and nothing was torn");
    close(ends[0]);
}

/* Reads a little at a time until the child has gone. */
static void read_slowly(int fd, uint64_t *random)
{
    ssize_t length = 1, total = 0;

    while (length > 0 && total < CAPTURED) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        poll(&ready, 1, -1);
        size_t most = 1 + (size_t)tap_below(random, 3000);
        if (most > (size_t)(CAPTURED - total))
            most = (size_t)(CAPTURED - total);
        length = read(fd, captured + total, most);
        total += length > 0 ? length : 0;
    }
    captured[total] = '\0';
}

static void test_slow_pipe(uint64_t *random)
{
    bool whole = true;
    unsigned rounds = tap_rounds(20), finals = 0;

    for (unsigned i = 0; i < rounds && whole; i++) {
        int ends[2];
        if (pipe(ends) != 0)
            abort();
        fill_pipe(ends[1]);
        pid_t child = start(
            SCENE(SPECS({REPORT_TEXT, NULL}, {REPORT_JSON, NULL}), .act = report_much), ends[1]);
        close(ends[1]);
        read_slowly(ends[0], random);
        close(ends[0]);
        whole = wait_for(child) == 0 && all_whole(captured);
        finals += strstr(captured, "bpipe: message 299\n") != NULL &&
                  strstr(captured, "\n{\"type\":\"final\"") != NULL;
    }
    tap_ok(whole, "%u slow readers: no line is torn, messages are in order", rounds);
    /* A reader that gets no CPU for MESSAGE_PATIENCE_NS loses them, rightly. */
    tap_ok(finals > 0, "a reader in time gets the last message and the final report");
}

/* Two pipes, so that parent and child take turns. */
static int to_parent[2], to_child[2];

static void pass_turn(const int held_pipes[2])
{
    if (write(held_pipes[1], "", 1) != 1)
        abort();
}

static void take_turn(const int held_pipes[2])
{
    char byte;

    if (read(held_pipes[0], &byte, 1) != 1)
        abort();
}

static void open_turns(void)
{
    if (pipe(to_parent) != 0 || pipe(to_child) != 0)
        abort();
}

static void close_turns(void)
{
    for (int i = 0; i < 2; i++) {
        close(to_parent[i]);
        close(to_child[i]);
    }
}

static void say_in_turns(struct reporter *reporter)
{
    (void)reporter;
    for (unsigned i = 0; i < 400; i++)
        message_print("message %u", i);
    pass_turn(to_parent);
    take_turn(to_child);
    message_print("message 400");
}

/* What is pending does not fit into the room that comes up, which the last message would. */
static void test_order(void)
{
    int ends[2];
    char page[4096];

    if (pipe(ends) != 0)
        abort();
    open_turns();
    fill_pipe(ends[1]);
    pid_t child = start(SCENE(.act = say_in_turns), ends[1]);
    close(ends[1]);
    take_turn(to_parent);
    if (read(ends[0], page, sizeof page) != (ssize_t)sizeof page)
        abort();
    pass_turn(to_child);
    uint64_t random = 1;
    read_slowly(ends[0], &random);
    tap_ok(wait_for(child) == 0 && all_whole(captured) && strstr(captured, "message 0\n") != NULL,
           "no message overtakes one that is pending");
    close(ends[0]);
    close_turns();
}

static void sample_and_tell(struct reporter *reporter)
{
    for (unsigned i = 0; i < 1000; i++)
        report_sample(reporter, &meter);
    pass_turn(to_parent);
}

static void test_dropped_samples(void)
{
    int ends[2];
    unsigned samples = 0;

    if (pipe(ends) != 0)
        abort();
    open_turns();
    fill_pipe(ends[1]);
    pid_t child = start(SCENE(SPECS({REPORT_TEXT, NULL}), .act = sample_and_tell), ends[1]);
    close(ends[1]);
    take_turn(to_parent);
    uint64_t random = 1;
    read_slowly(ends[0], &random);
    for (const char *at = captured; (at = strstr(at, "bpipe: ")) != NULL; at++)
        samples++;
    tap_ok(wait_for(child) == 0 && samples <= 1, "of a thousand samples at most one is kept");
    close(ends[0]);
    close_turns();
}

static void say_and_leave(void)
{
    message_print("early");
    _exit(0);
}

/* A usage error ends the program without report_close(). */
static void test_early_message(void)
{
    bool came = false;

    for (unsigned i = 0; i < 5 && !came; i++) { /* see test_slow_pipe() */
        int ends[2];
        if (pipe(ends) != 0)
            abort();
        fill_pipe(ends[1]);
        pid_t child = start(SCENE(.prepare = say_and_leave), ends[1]);
        close(ends[1]);
        uint64_t random = i;
        read_slowly(ends[0], &random);
        close(ends[0]);
        came = wait_for(child) == 0 && strstr(captured, "#\nbpipe: early\n") != NULL;
    }
    tap_ok(came, "a message before report_open() waits for a stderr that is full for a moment");
}

static void ignore_sigpipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

static void test_closed_pipe(void)
{
    int ends[2];

    if (pipe(ends) != 0)
        abort();
    close(ends[0]);
    pid_t child = start(
        SCENE(SPECS({REPORT_TEXT, NULL}), .act = report_much, .prepare = ignore_sigpipe), ends[1]);
    close(ends[1]);
    tap_ok(wait_for(child) == 0, "a stderr whose reader has gone is no error");
}

int main(void)
{
    uint64_t random = tap_seed();

    set_stage();
    test_messages();
    test_when();
    test_full_pipe();
    test_slow_pipe(&random);
    test_order();
    test_dropped_samples();
    test_early_message();
    test_closed_pipe();
    tap_ok(clear_stage(), "no file was made");
    return tap_done();
}
