/*
 * test_display.c - the values that display/display.c takes from a meter for a frame.
 *
 * Time is the meter's own, which the test advances. stderr is a pipe that the test reads.
 */
#include "display/display.h"
#include "tests/tap.h"

#include <fcntl.h>
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

static void test_small_shares(void)
{
    struct options options;

    open_display(&options, "%12{bottleneck}|");
    shows("> input 100%", "the first interval");
    interval(METER_BUSY, 3);
    shows("            ", "a share of 0 percent is no slow side");
    interval(METER_BUSY, 49);
    shows("            ", "nor is one of 4 percent");
    interval(METER_BUSY, 50);
    shows("busy 5%     ", "one of 5 percent is");
    interval(METER_OUTPUT, 49);
    shows("            ", "the same with an output");
    interval(METER_OUTPUT, 50);
    shows("< output 5% ", "from 5 percent on");
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
    shows("> input 90% ", "the final frame: the input, which was slow for longer");
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
    test_final();
    test_stalled();
    if (dup2(saved, STDERR_FILENO) < 0)
        abort();
    return tap_done();
}
