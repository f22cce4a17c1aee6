/*
 * test_display.c - the values that display/display.c takes from a meter for a frame.
 *
 * Time is the meter's own, which the test advances. stderr is a pipe that the test reads.
 */
#include "display/display.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MS (NS_PER_SEC / 1000)

enum { FRAME = 1000 };

static struct meter meter;
static struct display *display;
static struct last_written last_written;
static char frame[FRAME];
static int from_stderr;

/* Time passes in `state`; `millis` may be 0. */
static void pass(enum meter_state state, unsigned millis)
{
    meter_advance(&meter, state, meter.now_ns + millis * MS);
}

/* Reads what was written to stderr, up to the bar that ends the format. */
static const char *read_frame(void)
{
    ssize_t length = read(from_stderr, frame, sizeof frame - 1);

    frame[length < 0 ? 0 : length] = '\0';
    frame[strcspn(frame, "|\r\n")] = '\0';
    return frame;
}

static void shows(const char *line, const char *what)
{
    if (!tap_ok(strcmp(frame, line) == 0, "%s", what))
        tap_note("'%s' instead of '%s'", frame, line);
}

/* A display with this format, before its first frame. */
static void begin_display(struct options *options, const char *format)
{
    *options = (struct options){.display = {.format = format,
                                            .force = true,
                                            .width = 80,
                                            .interval_ns = NS_PER_SEC,
                                            .window_ns = NS_PER_SEC}};
    if (meter_init(&meter, 1000, 1, 1, 0) != 0)
        abort();
    display = display_open(options, &meter, &last_written);
    if (display == NULL)
        abort();
    meter.began = true;
}

/* The same after a first frame: ten seconds of waiting for the input. */
static void open_display(struct options *options, const char *format)
{
    begin_display(options, format);
    pass(METER_INPUT, 10000);
    meter_arrived(&meter, 100, 0);
    display_tick(display);
    read_frame();
}

static void close_display(void)
{
    display_close(display);
    meter_destroy(&meter);
}

/* --- the slow side ---------------------------------------------------------------------------- */

/* The interval lasts a second; the buffer absorbs the rest of it. */
static void interval(enum meter_state state, unsigned millis)
{
    pass(state, millis);
    pass(METER_ABSORB, 1000 - millis);
    display_tick(display);
    read_frame();
}

/* An interval that two states share. */
static void shared_interval(enum meter_state one, unsigned millis, enum meter_state other)
{
    pass(one, millis);
    pass(other, 1000 - millis);
    display_tick(display);
    read_frame();
}

static void test_small_shares(void)
{
    struct options options;

    open_display(&options, "%12{bottleneck}|");
    shows("> input 100%", "the first interval");
    interval(METER_BUSY, 3);
    shows("            ", "a share of 0 percent is no slow side");
    interval(METER_BUSY, 499);
    shows("            ", "nor is a share that is smaller than that of the buffer");
    interval(METER_OUTPUT, 499);
    shows("            ", "the same with an output");
    interval(METER_BUSY, 500);
    shows("busy 50%    ", "one that is as large is");
    interval(METER_OUTPUT, 600);
    shows("< output 60%", "or one that is larger");
    close_display();
}

/* A frame right after another one (^Z, a new width) has no time to judge: it shows what that
 * showed. The time counts in the next interval. */
static void test_short_interval(void)
{
    struct options options;

    open_display(&options, "%12{bottleneck}|");
    interval(METER_OUTPUT, 1000);
    shows("< output 100%", "an interval");
    pass(METER_BUSY, 9);
    display_refresh(display);
    display_tick(display);
    read_frame();
    shows("< output 100%", "a frame right after it");
    pass(METER_INPUT, 991);
    display_tick(display);
    read_frame();
    shows("> input 99% ", "and the next interval has the time of both");
    close_display();
}

/* While the buffer absorbs most of the time, the words say whether it fills. */
static void test_absorbing(void)
{
    struct options options;

    open_display(&options, "%24{waiting}|");
    shows("> waiting for input 100%", "the first interval");
    meter_arrived(&meter, 100, 100);
    interval(METER_BUSY, 80);
    shows("filling the buffer      ", "the buffer fills, and bpipe is not blamed");
    interval(METER_OUTPUT, 300);
    shows("                        ", "nor fills nor empties");
    meter_left(&meter, 50, 50);
    shared_interval(METER_ABSORB, 600, METER_INPUT);
    shows("emptying the buffer     ", "the buffer empties");
    meter_left(&meter, 50, 0);
    shared_interval(METER_ABSORB, 600, METER_INPUT);
    shows("                        ", "a buffer that is empty is not being emptied");
    meter_arrived(&meter, 150, 150);
    shared_interval(METER_ABSORB, 500, METER_INPUT);
    shows("> waiting for input 50% ", "a side that is as large as the buffer's share");
    close_display();
}

/* Before bytes can move, the words say what bpipe waits for. */
static void test_connecting_words(void)
{
    static const struct {
        const char *name, *words;
    } waits[] = {{"tcp://host:9", "connecting              "},
                 {"unix://path", "connecting              "},
                 {"tcp-listen://:9", "waiting for a peer      "},
                 {"unix-listen://path", "waiting for a peer      "},
                 {"fifo", "waiting for a peer      "}};
    struct options options;

    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        begin_display(&options, "%24{waiting}|");
        meter.began = false;
        meter.outputs[0].name = waits[i].name;
        meter.connecting = &meter.outputs[0];
        interval(METER_CONNECT, 1000);
        shows(waits[i].words, waits[i].name);
        meter.began = true;
        interval(METER_INPUT, 1000);
        shows("> waiting for input 100%", "and then the slow side");
        close_display();
    }
}

/* The words name the process or, as the report does, the endpoint. */
static void test_culprit(void)
{
    static const struct {
        const char *name, *command, *words;
    } culprits[] = {{"stdout", "", "< waiting for output 100%       "},
                    {"stdout", "cat", "< waiting for cat 100%          "},
                    {"fifo", "cat", "< waiting for cat 100%          "},
                    {"fifo", "", "< waiting for fifo 100%         "},
                    {"xz -9 >/dev/null", "", "< waiting for xz -9 >..v/null   "},
                    {"", "", "< waiting for output 100%       "}};
    struct options options;

    for (size_t i = 0; i < sizeof culprits / sizeof culprits[0]; i++) {
        begin_display(&options, "%32{waiting}|");
        meter.outputs[0].name = culprits[i].name;
        strcpy(meter.outputs[0].peer.command, culprits[i].command);
        interval(METER_OUTPUT, 1000);
        shows(culprits[i].words, culprits[i].name);
        close_display();
    }
}

/* In the whole run, too, bpipe is not blamed for less time than the buffer absorbed. */
static void test_absorbed(void)
{
    struct options options;

    begin_display(&options, "%24{waiting}|");
    pass(METER_BUSY, 1500);
    meter_arrived(&meter, 100, 100);
    interval(METER_ABSORB, 1000);
    interval(METER_ABSORB, 1000);
    display_final(display);
    read_frame();
    shows("                        ", "no slow side in the whole run");
    close_display();
    begin_display(&options, "%24{waiting}|");
    pass(METER_OUTPUT, 1500);
    meter_arrived(&meter, 100, 100);
    interval(METER_ABSORB, 1000);
    interval(METER_ABSORB, 1000);
    display_final(display);
    read_frame();
    shows("< waiting for output 43%", "an output is named, as in the report");
    close_display();
}

/* The last interval is not the run: the final frame shows the whole run, as the report below it. */
static void test_final(void)
{
    struct options options;

    open_display(&options, "%12{bottleneck}|");
    interval(METER_OUTPUT, 1000);
    shows("< output 100%", "the last interval: the output");
    display_final(display);
    read_frame();
    shows("> input 91% ", "the final frame: the input, which was slow for longer");
    close_display();
    open_display(&options, "%12{bottleneck}|");
    interval(METER_OUTPUT, 1000);
    meter.ended = meter.failed = true;
    display_final(display);
    read_frame();
    shows("            ", "a run that failed has no slow side, as in the report");
    close_display();
}

/* --- the time remaining ----------------------------------------------------------------------- */

/* The average covers a minute: it is not 0 while nothing moves. */
static void test_stalled(void)
{
    struct options options;

    begin_display(&options, "%e %{fineta}|");
    options.display.window_ns = 60 * NS_PER_SEC;
    meter.size_known = true;
    meter.size_bytes = 1000;
    meter_arrived(&meter, 1000, 1000);
    meter_left(&meter, 100, 900);
    interval(METER_INPUT, 1000);
    frame[strcspn(frame, "F")] = '\0';
    shows("ETA 0:00:09 ", "100 of 1000 bytes in a second");
    interval(METER_OUTPUT, 1000);
    shows("ETA -:--:-- FIN --:--:--", "dashes if nothing moved in the interval");
    meter_left(&meter, 100, 800);
    interval(METER_OUTPUT, 1000);
    frame[strcspn(frame, "F")] = '\0';
    shows("ETA 0:00:12 ", "an estimate once bytes move again");
    close_display();
}

int main(void)
{
    int ends[2], saved = dup(STDERR_FILENO);

    if (saved < 0 || pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0 ||
        fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        abort();
    from_stderr = ends[0];
    setenv("LC_ALL", "C", 1);
    test_small_shares();
    test_short_interval();
    test_absorbing();
    test_absorbed();
    test_culprit();
    test_connecting_words();
    test_final();
    test_stalled();
    if (dup2(saved, STDERR_FILENO) < 0)
        abort();
    return tap_done();
}
