/*
 * test_report.c - what the three formats of a report look like, byte for byte.
 *
 * Meters are built by hand and formatted in memory; where the text then goes is
 * test_report_sinks.c's subject.
 */
#include "base/size.h"
#include "stats/report_format.h"
#include "tests/tap.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <signal.h>

#define GIB UINT64_C(1073741824)
#define MS  UINT64_C(1000000)

static const struct report_request final_request = {.moment = REPORT_MOMENT_FINAL};
static const struct report_request verbose_request = {.moment = REPORT_MOMENT_FINAL,
                                                      .verbose = true};

/* The run of the man page's example: 4 GiB in 3.21 s, the output slow. */
static struct meter example_meter(void)
{
    struct meter meter;

    if (meter_init(&meter, 1000, 1, 1, 0) != 0)
        abort();
    meter.inputs[0].name = "stdin";
    meter.outputs[0].name = "stdout";
    meter.capacity = 16 << 20;
    meter.chunk = 128 << 10;
    meter.bytes_in = meter.bytes_passed = meter.inputs[0].bytes = meter.outputs[0].bytes = 4 * GIB;
    meter.now_ns = meter.start_ns + 3210 * MS;
    meter.window_start_ns = meter.start_ns + 3000 * MS;
    meter.state_ns[METER_INPUT] = 257 * MS;
    meter.state_ns[METER_OUTPUT] = 2279 * MS;
    meter.state_ns[METER_ABSORB] = 385 * MS;
    meter.state_ns[METER_BUSY] = 289 * MS;
    /* Windows of 1.10 and 1.41 GiB/s, and a last one, with the rest, of 1.20. */
    meter.windows = (struct meter_windows){.count = 2,
                                           .min = 1.10 * (double)GIB,
                                           .max = 1.41 * (double)GIB,
                                           .mean = 1.255 * (double)GIB,
                                           .square_deviations = 0.04805 * (double)(GIB * GIB)};
    meter.window_bytes = meter.bytes_passed - GIB / 5;
    meter.last_bytes = (uint64_t)(1.21 * 1.2 * (double)GIB) - GIB / 5;
    meter.inputs[0].wait_ns = 257 * MS;
    meter.inputs[0].longest_stall_ns = 12 * MS;
    meter.outputs[0].wait_ns = 2664 * MS;
    meter.outputs[0].longest_stall_ns = 412 * MS;
    meter.peak = meter.capacity;
    meter.fill_area = 0.625 * (double)meter.capacity * 3210e6;
    meter.full_count = 41;
    meter.empty_count = 2;
    meter.calls[CALL_READ] = 32800;
    meter.calls[CALL_WRITE] = 32770;
    meter.calls[CALL_POLL] = 411;
    return meter;
}

/* Bytes that stayed about 3.2 ms, 12 ms and 19 ms. */
static void hold(struct meter *meter)
{
    residence_arrived(&meter->residence, 900, 1);
    residence_left(&meter->residence, 900, 1 + 3200000);
    residence_arrived(&meter->residence, 95, 4 * MS);
    residence_left(&meter->residence, 95, 16 * MS);
    residence_arrived(&meter->residence, 5, 17 * MS);
    residence_left(&meter->residence, 5, 36 * MS);
}

/* Two merged inputs, an output and two taps, a spool, and none of them got through untouched. */
static struct meter overloaded_meter(void)
{
    struct meter meter;

    if (meter_init(&meter, 0, 2, 1, 2) != 0)
        abort();
    meter.inputs[0] = (struct meter_endpoint){.name = "a.log",
                                              .bytes = 3 << 20,
                                              .bytes_added = 1,
                                              .bytes_dropped = 61,
                                              .records_dropped = 1};
    meter.inputs[1] = (struct meter_endpoint){.name = "b.log", .bytes = 1 << 20};
    meter.outputs[0] = (struct meter_endpoint){.name = "out",
                                               .bytes = 2 << 20,
                                               .bytes_added = 62,
                                               .bytes_dropped = (2 << 20) - 12288,
                                               .records_dropped = 345,
                                               .records_out = 5000,
                                               .bytes_undelivered = 12288 + 62};
    meter.outputs[1] = (struct meter_endpoint){.name = "tap\t1",
                                               .bytes = 1 << 20,
                                               .bytes_added = 1,
                                               .bytes_dropped = (3 << 20) + 1,
                                               .records_dropped = 9000,
                                               .records_out = 3000};
    meter.outputs[2] = (struct meter_endpoint){.name = "gone",
                                               .bytes_added = 1,
                                               .bytes_undelivered = (4 << 20) + 1,
                                               .wait_ns = NS_PER_SEC,
                                               .error = "Broken pipe"};
    meter.capacity = 1 << 20;
    meter.chunk = 4096;
    meter.counts_records = meter.size_in_records = true;
    meter.records_in = 10000;
    meter.bytes_in = 4 << 20;
    meter.bytes_passed = 2 << 20;
    meter.spool_capacity = GIB;
    meter.spool_peak = GIB / 8;
    meter.spool_fill = GIB / 10;
    meter.spool_bytes = 340 << 20;
    meter.now_ns = meter.window_start_ns = NS_PER_SEC;
    meter.last_bytes = meter.window_bytes = meter.bytes_passed;
    meter.state_ns[METER_OUTPUT] = NS_PER_SEC;
    return meter;
}

typedef void format_function(struct text *, const struct meter *, const struct report_request *);

static bool formats_as(format_function *format, const struct meter *meter,
                       const struct report_request *request, const char *expected, const char *what)
{
    struct text text = {0};

    format(&text, meter, request);
    bool same = !text.failed && text.length == strlen(expected) &&
                memcmp(text.bytes, expected, text.length) == 0;
    if (!tap_ok(same, "%s", what))
        tap_note("got:\n%.*swanted:\n%s", (int)text.length, text.bytes, expected);
    text_free(&text);
    return same;
}

static bool text_is(const struct meter *meter, const struct report_request *request,
                    const char *expected, const char *what)
{
    return formats_as(report_format_text, meter, request, expected, what);
}

static bool contains(format_function *format, const struct meter *meter, const char *before,
                     const char *name, const char *after)
{
    struct text text = {0};
    char wanted[400];

    snprintf(wanted, sizeof wanted, "%s%s%s", before, name, after);
    format(&text, meter, &final_request);
    text_add_bytes(&text, "", 1);
    bool found = strstr(text.bytes, wanted) != NULL;
    if (!found)
        tap_note("%s is not in %s", wanted, text.bytes);
    text_free(&text);
    return found;
}

/* Whether the slow side is `side` "input" or "output", and `culprit` its endpoint. */
static bool verdict_is(const struct meter *meter, const char *side, const char *culprit)
{
    struct text text = {0};
    char wanted[200];
    report_format_text(&text, meter, &final_request);
    text_add_bytes(&text, "", 1);
    const char *line = strstr(text.bytes, "\nbpipe: slow side: ");
    snprintf(wanted, sizeof wanted, " (%s); buffer ", culprit);
    bool is =
        line != NULL && strncmp(line + 19, side, strlen(side)) == 0 && strstr(line, wanted) != NULL;
    if (!is)
        tap_note("%s (%s) is not in %s", side, culprit, text.bytes);
    text_free(&text);
    return is;
}

/* --- text ------------------------------------------------------------------------------------ */

static void test_text_final(void)
{
    struct meter meter = example_meter();
    char expected[800], p50[SIZE_TEXT], p99[SIZE_TEXT];

    hold(&meter);
    meter.zero_copy_bytes = 4 * GIB * 38 / 100 + 1;
    size_format_duration(p50, residence_percentile(&meter.residence, 500));
    size_format_duration(p99, residence_percentile(&meter.residence, 990));
    text_is(&meter, &final_request,
            "bpipe: 4.00 GiB in 3.21 s, 1.25 GiB/s\n"
            "bpipe: slow side: output, 71% of the time (stdout); buffer 62% full\n",
            "the text of the example");
    snprintf(expected, sizeof expected,
             "bpipe: 4.00 GiB in 3.21 s, 1.25 GiB/s\n"
             "bpipe: slow side: output, 71%% of the time (stdout); buffer 62%% full\n"
             "bpipe: rate: min 1.10, max 1.41, sd 0.13 GiB/s\n"
             "bpipe: time: input 8%%, output 71%%, absorb 12%%, throttle 0%%, busy 9%%\n"
             "bpipe: buffer 16.0 MiB: mean 62%%, peak 100%%, full 41 times; zero-copy 38%%\n"
             "bpipe: residence time: p50 %s, p99 %s, max 19.0 ms\n"
             "bpipe: input stdin: 4.00 GiB, waited 257 ms (max 12.0 ms)\n"
             "bpipe: output stdout: 4.00 GiB, waited 2.66 s (max 412 ms)\n"
             "bpipe: system calls: read 32800, write 32770, splice 0, poll 411\n",
             p50, p99);
    text_is(&meter, &verbose_request, expected, "and with -v");
    meter_destroy(&meter);
}

static void test_text_options(void)
{
    struct meter meter = example_meter();
    struct report_request verbose = {
        .moment = REPORT_MOMENT_NOW, .si = true, .verbose = true, .ending = {.signal = SIGTERM}};

    meter.name = "night\nly";
    meter.size_known = true;
    meter.size_bytes = 8 * GIB;
    meter.full_count = 1;
    meter.fill = 1;
    meter.outputs[0].bytes -= 12345;
    meter.outputs[0].bytes_undelivered = 12346;
    meter.outputs[0].bytes_added = 1;
    snprintf(meter.outputs[0].error, METER_ERROR_TEXT, "Broken pipe");
    text_is(&meter, &verbose,
            "bpipe: night\\nly: 4.29 GB of 8.59 GB (50%) in 3.21 s so far, 1.34 GB/s\n"
            "bpipe: night\\nly: slow side: output, 71% of the time (stdout); buffer 62% full\n"
            "bpipe: night\\nly: rate: min 1.18, max 1.51, sd 0.14 GB/s\n"
            "bpipe: night\\nly: time: input 8%, output 71%, absorb 12%, throttle 0%, busy 9%\n"
            "bpipe: night\\nly: buffer: mean 62%, peak 100%, full 1 time; "
            "nothing has left it\n"
            "bpipe: night\\nly: stdout: 12.3 kB undelivered, 1 B added\n"
            "bpipe: night\\nly: input stdin: 4.29 GB, waited 257 ms (max 12.0 ms)\n"
            "bpipe: night\\nly: output stdout: 4.29 GB, waited 2.66 s (max 412 ms)\n"
            "bpipe: night\\nly: output stdout: Broken pipe\n"
            "bpipe: night\\nly: system calls: read 32800, write 32770, splice 0, poll 411\n",
            "-N, -k, -v, -s, so far, undelivered, added, an error");
    meter_destroy(&meter);
}

/* What a final report says of an ending after "bpipe: ended early: "; NULL: nothing. */
static void early_end_is(struct meter *meter, struct ending ending, const char *words)
{
    const char *rest = "bpipe: 4.00 GiB in 3.21 s, 1.25 GiB/s\n"
                       "bpipe: slow side: output, 71% of the time (stdout); buffer 62% full\n";
    struct report_request request = {.moment = REPORT_MOMENT_FINAL, .ending = ending};
    char expected[400];

    snprintf(expected, sizeof expected, "%s%s%s%s", rest,
             words == NULL ? "" : "bpipe: ended early: ", words == NULL ? "" : words,
             words == NULL ? "" : "\n");
    text_is(meter, &request, expected, words == NULL ? "no word of the ending" : words);
}

/* The line is there if the exit status is that of a signal, and only then. */
static void test_text_ended_early(void)
{
    static const struct {
        int number;
        const char *words;
    } signals[] = {{SIGTERM, "SIGTERM"},
                   {SIGINT, "SIGINT"},
                   {SIGHUP, "SIGHUP"},
                   {SIGQUIT, "SIGQUIT"},
                   {63, "signal 63"}}; /* a real-time signal has no name */
    struct meter meter = example_meter();

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        for (unsigned bits = 0; bits < 16; bits++)
            early_end_is(&meter,
                         (struct ending){.signal = signals[i].number,
                                         .overflowed = (bits & 1) != 0,
                                         .timed_out = (bits & 2) != 0,
                                         .failed = (bits & 4) != 0,
                                         .departed = (bits & 8) != 0},
                         signals[i].words);
    for (unsigned bits = 0; bits < 16; bits++)
        early_end_is(&meter,
                     (struct ending){.overflowed = (bits & 1) != 0,
                                     .timed_out = (bits & 2) != 0,
                                     .failed = (bits & 4) != 0,
                                     .departed = (bits & 8) != 0},
                     bits == 8 ? "stdout has no reader" : NULL);
    meter_destroy(&meter);
}

static void test_text_departed(void)
{
    struct report_request request = {.moment = REPORT_MOMENT_FINAL, .ending = {.departed = true}};
    struct meter meter = example_meter();

    meter.bytes_passed = 0;
    meter.state_ns[METER_INPUT] = meter.state_ns[METER_OUTPUT] = 0;
    meter.outputs[0].bytes_undelivered = 1024;
    meter.outputs[0].name = "/run/a\nfifo";
    text_is(&meter, &request,
            "bpipe: 0 B in 3.21 s\n"
            "bpipe: ended early: /run/a\\nfifo has no reader\n"
            "bpipe: /run/a\\nfifo: 1.00 KiB undelivered\n",
            "the reader of a FIFO left; no verdict");
    meter.outputs[0].bytes_undelivered = 0;
    meter.outputs[0].name = "head -n 1";
    meter.outputs[0].process.is_command = true;
    meter.name = "a name that is long enough to be shortened";
    text_is(&meter, &request,
            "bpipe: a name ..ortened: 0 B in 3.21 s\n"
            "bpipe: a name ..ortened: ended early: head -n 1 stopped reading\n",
            "a command had read enough");
    meter.name = NULL;
    request.verbose = true;
    struct text text = {0};
    report_format_text(&text, &meter, &request);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "\nbpipe: ended early: head -n 1 stopped reading\nbpipe: time: ") !=
               NULL,
           "and with -v, before the details");
    text_free(&text);
    meter_destroy(&meter);
    if (meter_init(&meter, 0, 1, 2, 0) != 0)
        abort();
    request.verbose = false;
    text_is(&meter, &request, "bpipe: 0 B in 0 ns\nbpipe: ended early: no output has a reader\n",
            "all outputs have left");
    meter_destroy(&meter);
}

static void test_text_recent(void)
{
    struct meter meter = example_meter();
    struct report_request now = {
        .moment = REPORT_MOMENT_NOW,
        .interval = {.ns = 3 * NS_PER_SEC / 2,
                     .bytes = 150 * GIB / 1024,
                     .state_ns = {[METER_INPUT] = NS_PER_SEC, [METER_BUSY] = NS_PER_SEC / 2}}};
    meter.fill = meter.capacity / 4;
    text_is(&meter, &now,
            "bpipe: 4.00 GiB in 3.21 s so far, 1.25 GiB/s\n"
            "bpipe: slow side: output, 71% of the time (stdout); buffer 62% full\n"
            "bpipe: last 1.50 s: 100 MiB/s, input 67%; buffer 25%\n",
            "so far, and lately");
    now.moment = REPORT_MOMENT_FINAL;
    text_is(&meter, &now,
            "bpipe: 4.00 GiB in 3.21 s, 1.25 GiB/s\n"
            "bpipe: slow side: output, 71% of the time (stdout); buffer 62% full\n",
            "the final report has no such line");
    meter_destroy(&meter);
}

static void test_text_records(void)
{
    struct meter meter = example_meter();
    const char *rest = "bpipe: slow side: output, 71% of the time (stdout); buffer 62% full\n"
                       "bpipe: stdout: 3.00 KiB dropped\n";
    char expected[600];

    meter.counts_records = meter.size_in_records = true;
    meter.records_in = 12355;
    meter.outputs[0].records_out = 12345;
    meter.windows.count = 0;
    meter.outputs[0].bytes_dropped = 3072;
    snprintf(expected, sizeof expected, "bpipe: 4.00 GiB, 12345 records in 3.21 s, 1.25 GiB/s\n%s",
             rest);
    text_is(&meter, &final_request, expected, "records");
    meter.size_known = true;
    meter.size_bytes = 24690;
    snprintf(expected, sizeof expected,
             "bpipe: 4.00 GiB, 12345 of 24690 records (50%%) in 3.21 s, 1.25 GiB/s\n%s", rest);
    text_is(&meter, &final_request, expected, "-s with -l counts records");
    meter_destroy(&meter);
}

#define OVERLOADED_TEXT(rest)                               \
    "bpipe: 2.00 MiB, 5000 records in 1.00 s, 2.00 MiB/s\n" \
    "bpipe: slow side: output, 100% of the time (out); buffer 0% full\n" rest
#define OVERLOADED_DETAILS                                                  \
    "bpipe: time: input 0%, output 100%, absorb 0%, throttle 0%, busy 0%\n" \
    "bpipe: buffer 1.00 MiB: mean 0%, peak 0%, full 0 times; held nothing\n"

static void test_text_overload(void)
{
    struct meter meter = overloaded_meter();
    text_is(&meter, &final_request,
            OVERLOADED_TEXT("bpipe: input a.log: 61 B dropped (1 record), 1 B added\n"
                            "bpipe: out: 12.1 KiB undelivered, 1.99 MiB dropped (345 records), "
                            "62 B added\n"
                            "bpipe: tap tap\\t1: 3.00 MiB missed (9000 records), 1 B added\n"
                            "bpipe: tap gone: 4.00 MiB undelivered, 1 B added\n"),
            "inputs, outputs and taps that did not get everything");

    struct text text = {0};
    report_format_text(&text, &meter, &verbose_request);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "\nbpipe: spool 1.00 GiB: peak 12%, 340 MiB written\n") != NULL,
           "-v: a spool");
    text_free(&text);

    meter.outputs[1].records_dropped = 0;
    meter.inputs[0].bytes_added = meter.inputs[0].bytes_dropped = 0;
    meter.outputs[0].bytes_added = meter.outputs[0].bytes_dropped = 0;
    meter.outputs[0].bytes_undelivered = 0;
    meter.spool_bytes = meter.spool_fill = meter.spool_peak = 0;
    text_is(&meter, &final_request,
            OVERLOADED_TEXT("bpipe: tap tap\\t1: 3.00 MiB missed, 1 B added\n"
                            "bpipe: tap gone: 4.00 MiB undelivered, 1 B added\n"),
            "no whole record missed; a spool that was not used");
    text_is(&meter, &verbose_request,
            OVERLOADED_TEXT(OVERLOADED_DETAILS
                            "bpipe: spool 1.00 GiB: held nothing\n"
                            "bpipe: tap tap\\t1: 3.00 MiB missed, 1 B added\n"
                            "bpipe: tap gone: 4.00 MiB undelivered, 1 B added\n"
                            "bpipe: input a.log: 3.00 MiB, waited 0 ns (max 0 ns)\n"
                            "bpipe: input b.log: 1.00 MiB, waited 0 ns (max 0 ns)\n"
                            "bpipe: output out: 2.00 MiB, waited 0 ns (max 0 ns)\n"
                            "bpipe: tap tap\\t1: 1.00 MiB, waited 0 ns (max 0 ns)\n"
                            "bpipe: tap gone: 0 B, waited 1.00 s (max 0 ns)\n"
                            "bpipe: tap gone: Broken pipe\n"
                            "bpipe: system calls: read 0, write 0, splice 0, poll 0\n"),
            "-v: a line for each tap, and one for a spool that was not used");
    meter.counts_records = meter.size_in_records = false;
    meter.outputs[1].bytes_dropped = 0;
    meter.outputs[0].bytes_dropped = 1 << 10;
    meter.outputs[0].records_dropped = 7;
    meter.outputs[2].bytes_undelivered = 0;
    text_is(&meter, &final_request,
            "bpipe: 2.00 MiB in 1.00 s, 2.00 MiB/s\n"
            "bpipe: slow side: output, 100% of the time (out); buffer 0% full\n"
            "bpipe: out: 1.00 KiB dropped\n"
            "bpipe: tap tap\\t1: 1 B added\n"
            "bpipe: tap gone: 1 B added\n",
            "no records where none are counted");
    meter_destroy(&meter);
}

static void test_text_short(void)
{
    struct meter meter;

    if (meter_init(&meter, 7, 1, 1, 0) != 0)
        abort();
    meter.inputs[0].name = "stdin";
    text_is(&meter, &final_request, "bpipe: 0 B in 0 ns\n", "a run of no time at all");
    meter.capacity = 4096;
    meter.bytes_passed = 100;
    meter_advance(&meter, METER_BUSY, 7 + 250000);
    text_is(&meter, &final_request, "bpipe: 100 B in 250 us\n",
            "a run of less than a millisecond has no rate");
    meter.bytes_passed = 0;
    meter_advance(&meter, METER_THROTTLE, 7 + NS_PER_SEC);
    text_is(&meter, &final_request,
            "bpipe: 0 B in 1.00 s\n"
            "bpipe: slow side: the rate limit, 100% of the time; buffer 0% full\n",
            "no bytes have no rate");
    meter.bytes_passed = 3;
    meter_advance(&meter, METER_INPUT, 7 + 2 * NS_PER_SEC);
    text_is(&meter, &final_request,
            "bpipe: 3 B in 2.00 s, 2 B/s\n"
            "bpipe: slow side: input, 50% of the time (stdin); buffer 0% full\n",
            "plain bytes have no decimals");
    meter.outputs[0].name = "stdout";
    text_is(&meter, &verbose_request,
            "bpipe: 3 B in 2.00 s, 2 B/s\n"
            "bpipe: slow side: input, 50% of the time (stdin); buffer 0% full\n"
            "bpipe: rate: min 0, max 3, sd 2 B/s\n"
            "bpipe: time: input 50%, output 0%, absorb 0%, throttle 50%, busy 0%\n"
            "bpipe: buffer 4.00 KiB: mean 0%, peak 0%, full 0 times; held nothing\n"
            "bpipe: input stdin: 0 B, waited 0 ns (max 0 ns)\n"
            "bpipe: output stdout: 0 B, waited 0 ns (max 0 ns)\n"
            "bpipe: system calls: read 0, write 0, splice 0, poll 0\n",
            "and with -v");
    meter_destroy(&meter);
}

#define WIDE      "\xe5\xad\x97" /* a character of two columns */
#define COMBINING "\xcc\x81"     /* one of none */

/* The columns of a line that has no other such characters. */
static size_t columns_of(const char *line, const char *end)
{
    size_t columns = 0;
    for (const char *at = line; at < end; at++)
        columns += ((unsigned char)*at & 0xC0) != 0x80;
    for (const char *at = line; at < end; at++)
        if (strncmp(at, WIDE, strlen(WIDE)) == 0)
            columns++;
        else if (strncmp(at, COMBINING, strlen(COMBINING)) == 0)
            columns--;
    return columns;
}

/* Adds the lines of a report to `text`; whether each fits. */
static bool all_fit(struct text *text, const struct meter *meter,
                    const struct report_request *request)
{
    bool fit = true;
    text_clear(text);
    report_format_text(text, meter, request);
    text_add_bytes(text, "", 1);
    for (const char *line = text->bytes, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        if (columns_of(line, end) > 79)
            fit = false;
    }
    if (!fit)
        tap_note("too long: %s", text->bytes);
    return fit;
}

/* Another bpipe of the pipeline was seen, and `name` is what is at both ends. */
static void give_neighbours(struct meter *meter, const char *name)
{
    meter->beside_bpipe = true;
    snprintf(meter->inputs[0].peer.command, METER_COMMAND_TEXT, "%s", name);
    snprintf(meter->outputs[0].peer.command, METER_COMMAND_TEXT, "%s", name);
}

/* Everything that a sample can tell, with the widest numbers, beside names of all lengths. */
static void test_sample_fits(void)
{
    struct meter meter = overloaded_meter();
    struct report_request sample = {
        .moment = REPORT_MOMENT_SAMPLE,
        .verbose = true,
        .interval = {.ns = 3601 * NS_PER_SEC,
                     .bytes = (uint64_t)1023 << 40,
                     .state_ns = {600 * NS_PER_SEC, 600 * NS_PER_SEC, 600 * NS_PER_SEC,
                                  600 * NS_PER_SEC, 600 * NS_PER_SEC, 601 * NS_PER_SEC}}};
    struct text text = {0};
    char name[40] = "";
    bool fit = true;

    meter.began = true;
    meter.start_ns = 0;
    meter_advance(&meter, METER_CONNECT, 3600 * NS_PER_SEC);
    meter_advance(&meter, METER_OUTPUT, 360000 * NS_PER_SEC);
    meter.bytes_passed = (uint64_t)1023 << 30;
    meter.size_known = true;
    meter.outputs[0].records_out = UINT64_MAX;
    meter.outputs[0].bytes_dropped = (uint64_t)1023 << 30;
    meter.fill = meter.capacity;
    meter.spool_fill = meter.spool_capacity;
    for (size_t length = 0; length < sizeof name - 1 && fit; length++) {
        meter.name = length % 3 == 0 ? NULL : name;
        give_neighbours(&meter, name);
        meter.size_in_records = length % 2 == 1;
        meter.size_bytes = meter.size_in_records ? UINT64_MAX / 3 : (uint64_t)1023 << 30;
        fit = all_fit(&text, &meter, &sample) && strstr(text.bytes, "; 1023 GiB dropped\n") != NULL;
        name[length] = 'n';
    }
    tap_ok(fit, "a sample has no more than 79 columns, and tells what was dropped");
    if (!fit)
        tap_note("got: %s", text.bytes);
    text_free(&text);
    meter_destroy(&meter);
}

/* Wide and combining characters in all names, in the C locale. */
static void test_wide_names(void)
{
    static const char *const letters[] = {WIDE, "e" COMBINING, WIDE "e" COMBINING};
    struct meter meter = example_meter();
    struct text text = {0};
    char name[200] = "";
    bool fit = true, shown = true;

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        tap_ok(true, "wide names # SKIP there is no locale C.UTF-8");
        return;
    }
    setlocale(LC_CTYPE, "C");
    hold(&meter);
    meter.inputs[0].peer.pid = meter.outputs[0].peer.pid = 12352;
    for (size_t i = 0; i < (size_t)3 * 30 && fit && shown; i++) {
        if (i % 30 == 0)
            name[0] = '\0';
        strcat(name, letters[i / 30]);
        meter.outputs[0].name = meter.inputs[0].name = name;
        meter.name = i % 2 == 0 ? NULL : name;
        give_neighbours(&meter, "gzip");
        if (strlen(name) < METER_COMMAND_TEXT)
            give_neighbours(&meter, name);
        fit = all_fit(&text, &meter, &final_request) && all_fit(&text, &meter, &verbose_request);
        shown = strstr(text.bytes, letters[i / 30]) != NULL;
    }
    tap_ok(fit, "wide names: no line has more than 79 columns");
    tap_ok(shown, "wide names: they are shown");
    meter.name = WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE;
    text_clear(&text);
    report_format_text(&text, &meter, &final_request);
    static const char beginning[] =
        "bpipe: " WIDE WIDE WIDE ".." WIDE WIDE WIDE ": 4.00 GiB in 3.21 s,";
    if (!tap_ok(strncmp(text.bytes, beginning, strlen(beginning)) == 0,
                "a wide name of -N is cut in its middle, between characters"))
        tap_note("%.*s", (int)text.length, text.bytes);
    setlocale(LC_CTYPE, "C");
    text_free(&text);
    meter_destroy(&meter);
}

/* Names of all lengths: no line is longer than 79 columns, and what had to go went in order. */
static void test_text_fits(void)
{
    struct meter meter = example_meter();
    struct text text = {0};
    char name[120], letters[241] = "";
    bool fit = true;

    meter.outputs[0].peer = (struct meter_peer){.pid = 12352, .command = "zstd-with-a-long-name"};
    hold(&meter);
    for (size_t length = 1; length < sizeof name && fit; length++) {
        memset(name, 'n', length);
        name[length] = '\0';
        letters[2 * length - 2] = '\xc3';
        letters[2 * length - 1] = '\xbc';
        meter.outputs[0].name = length % 2 == 0 ? name : letters;
        meter.name = length % 3 == 0 ? NULL : length % 3 == 1 ? letters : name;
        meter.beside_bpipe = true;
        snprintf(meter.inputs[0].peer.command, METER_COMMAND_TEXT, "%.*s",
                 (int)(length % METER_COMMAND_TEXT / 2 * 2), letters);
        fit = all_fit(&text, &meter, &final_request) && all_fit(&text, &meter, &verbose_request);
    }
    tap_ok(fit, "no line has more than 79 columns");

    static const struct {
        const char *name, *command, *shown;
    } lines[] = {
        {"stdout", "gzip", "gzip, pid 12352"},
        {"fifo", "gzip", "gzip, pid 12352"}, /* "fifo -> gzip, pid 12352" does not fit */
        {"fifo", "", "fifo"},
        {"stdout", "compress", "compress, pid 12352"}, /* without "of the time" */
        {"/a/path/that/is/quite/long", "", "/a/path/that/is/quite/long"},
        {"stdout", "a-compressor-with-a-name", "a-compres..h-a-name, pid 12352"},
        {"/a/path/that/is/really/really/much/longer", "", "/a/path/that/i..ly/much/longer"},
    };
    meter.name = NULL;
    meter.beside_bpipe = false;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        meter.outputs[0].name = lines[i].name;
        meter.outputs[0].peer = (struct meter_peer){.pid = 12352};
        snprintf(meter.outputs[0].peer.command, sizeof meter.outputs[0].peer.command, "%s",
                 lines[i].command);
        if (!tap_ok(all_fit(&text, &meter, &final_request) &&
                        verdict_is(&meter, "output", lines[i].shown),
                    "shown as %s", lines[i].shown))
            tap_note("got: %s", text.bytes);
    }
    text_free(&text);
    meter_destroy(&meter);
}

/* Whether each line of the report, and of a sample, begins with `beginning` and fits. */
static bool all_begin(const struct meter *meter, const char *beginning)
{
    static const struct report_request sample = {.moment = REPORT_MOMENT_SAMPLE,
                                                 .interval = {.ns = NS_PER_SEC, .bytes = 5}};
    const struct report_request *const requests[] = {&final_request, &verbose_request, &sample};
    struct text text = {0};
    bool all = true;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        all &= all_fit(&text, meter, requests[i]);
        for (const char *line = text.bytes; *line != '\0'; line = strchr(line, '\n') + 1) {
            if (strncmp(line, beginning, strlen(beginning)) == 0)
                continue;
            all = false;
            tap_note("got: %.*s", (int)strcspn(line, "\n"), line);
        }
    }
    text_free(&text);
    return all;
}

/* Beside another bpipe the lines begin with the neighbours, unless this one has a name. */
static void test_neighbours(void)
{
    static const struct {
        const char *before, *after, *beginning;
    } lines[] = {
        {"tar", "gzip", "bpipe (tar > gzip): "},
        {"tar", "", "bpipe (tar >): "},
        {"", "gzip", "bpipe (> gzip): "},
        {"", "", "bpipe: "},
        {"cat", "bpipe", "bpipe (cat > bpipe): "},
        {"bpipe left", "wc", "bpipe (bpipe left > wc): "},
        {"tar", "a-long-compressor", "bpipe (tar > a-lon"},
        {"exactly-8", "or-eight", "bpipe (exa.."},
        {"a-long-producer", "a-long-consumer", "bpipe (a-l.."},
        {"a\n\x1b[2J", "b\xff", "bpipe (a\\n\\x1b[2J > b\\xff): "},
        {"\xc3\xbc\xc3\xbc", "gzip", "bpipe (\xc3\xbc\xc3\xbc > gzip): "},
    };
    struct meter meter = example_meter();
    hold(&meter);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct meter_peer before = {.pid = 811}, after = {.pid = 812};
        snprintf(before.command, sizeof before.command, "%s", lines[i].before);
        snprintf(after.command, sizeof after.command, "%s", lines[i].after);
        meter.inputs[0].peer = before;
        meter.outputs[0].peer = after;
        meter.beside_bpipe = true;
        tap_ok(all_begin(&meter, lines[i].beginning), "all lines begin with %s",
               lines[i].beginning);
        meter.beside_bpipe = false;
        tap_ok(all_begin(&meter, "bpipe: "), "but not if no other bpipe was seen");
    }
    meter.beside_bpipe = true;
    meter.name = "name";
    tap_ok(all_begin(&meter, "bpipe: name: "), "a name is enough");
    meter.name = NULL;
    meter.inputs[0].peer = (struct meter_peer){.address = "192.0.2.7:5"};
    meter.outputs[0].peer = (struct meter_peer){0};
    tap_ok(all_begin(&meter, "bpipe: "), "an address is no neighbour");
    meter_destroy(&meter);
}

/* What a run that failed has done to its outputs. */
static void test_aftermath(void)
{
    struct meter meter = example_meter();

    meter.outputs[0].aftermath = "was not created";
    tap_ok(contains(report_format_text, &meter, "\nbpipe: stdout: was not created\n", "", ""),
           "what is left of an output");
    meter_destroy(&meter);
}

/* The formats of a run that cannot be judged, and of one that can. */
static void test_verdict_formats(void)
{
    struct meter meter = example_meter();

    meter.ended = true;
    tap_ok(contains(report_format_text, &meter, "\nbpipe: slow side: output, ", "", "") &&
               contains(report_format_json, &meter, ",\"bottleneck\":\"output\",",
                        "\"bottleneck_endpoint\":\"stdout\",", "") &&
               contains(report_format_prometheus, &meter, "\nbpipe_bottleneck{side=\"output\"} 1\n",
                        "", ""),
           "a run that has ended well has a verdict");
    meter.failed = true;
    tap_ok(!contains(report_format_text, &meter, "slow side", "", "") &&
               contains(report_format_json, &meter, ",\"bottleneck\":null,",
                        "\"bottleneck_endpoint\":null,", "") &&
               contains(report_format_prometheus, &meter, "\nbpipe_bottleneck{side=\"input\"} 0\n",
                        "bpipe_bottleneck{side=\"output\"} 0\n", "") &&
               !contains(report_format_prometheus, &meter, "bpipe_bottleneck{side=\"balanced\"} 1",
                         "", ""),
           "one that failed has none");
    meter_destroy(&meter);

    meter = example_meter();
    meter.state_ns[METER_INPUT] = meter.state_ns[METER_OUTPUT] = meter.state_ns[METER_BUSY] =
        meter.state_ns[METER_THROTTLE] = NS_PER_SEC;
    tap_ok(contains(report_format_text, &meter, "\nbpipe: slow side: none (balanced); buffer ", "",
                    "") &&
               contains(report_format_json, &meter, ",\"bottleneck\":\"balanced\",", "", ""),
           "balanced is a verdict");
    meter.state_ns[METER_INPUT] = meter.state_ns[METER_OUTPUT] = meter.state_ns[METER_THROTTLE] = 0;
    tap_ok(contains(report_format_text, &meter,
                    "\nbpipe: slow side: bpipe itself, 72% of the time; ", "", ""),
           "and so is busy");
    meter_destroy(&meter);
}

/* The second line of the report of a run with these shares, which has no more lines. */
static void slow_side_is(struct meter *meter, const uint64_t percents[METER_STATES],
                         const char *line)
{
    char expected[200];

    for (size_t i = 0; i < METER_STATES; i++)
        meter->state_ns[i] = percents[i] * 3210 * MS / 10000;
    snprintf(expected, sizeof expected, "bpipe: 4.00 GiB in 3.21 s, 1.25 GiB/s\nbpipe: %s\n", line);
    text_is(meter, &final_request, expected, line);
}

#define HUNDREDTHS(...) ((const uint64_t[METER_STATES]){__VA_ARGS__})
static void test_text_absorbed(void)
{
    struct meter meter = example_meter();

    meter.inputs[0].peer = (struct meter_peer){.pid = 811, .command = "tar"};
    meter.outputs[0].peer = (struct meter_peer){.pid = 4194304, .command = "a program name"};
    slow_side_is(&meter, HUNDREDTHS([METER_INPUT] = 2900, [METER_ABSORB] = 7100),
                 "slow side: input, 29% of the time (tar, pid 811); buffer absorbed 71%");
    meter.inputs[0].peer = (struct meter_peer){0};
    slow_side_is(&meter, HUNDREDTHS([METER_INPUT] = 2900, [METER_ABSORB] = 7100),
                 "slow side: input, 29% of the time (stdin); the buffer absorbed 71%");
    slow_side_is(&meter, HUNDREDTHS([METER_OUTPUT] = 1200, [METER_ABSORB] = 8800),
                 "slow side: output, 12% (a program name, pid 4194304); absorbed 88%");
    slow_side_is(&meter, HUNDREDTHS([METER_THROTTLE] = 4900, [METER_ABSORB] = 5100),
                 "slow side: the rate limit, 49% of the time; the buffer absorbed 51%");
    slow_side_is(&meter, HUNDREDTHS([METER_BUSY] = 4900, [METER_ABSORB] = 5100),
                 "slow side: bpipe itself, 49% of the time; the buffer absorbed 51%");
    /* As much is not more. */
    slow_side_is(&meter, HUNDREDTHS([METER_INPUT] = 5000, [METER_ABSORB] = 5000),
                 "slow side: input, 50% of the time (stdin); buffer 62% full");
    slow_side_is(&meter,
                 HUNDREDTHS([METER_INPUT] = 4000, [METER_ABSORB] = 3000, [METER_BUSY] = 3000),
                 "slow side: input, 40% of the time (stdin); buffer 62% full");
    /* From 5 % on, and not below, of the shares as -v and the live line show them. */
    slow_side_is(&meter, HUNDREDTHS([METER_INPUT] = 500, [METER_ABSORB] = 9500),
                 "slow side: input, 5% of the time (stdin); the buffer absorbed 95%");
    slow_side_is(&meter, HUNDREDTHS([METER_INPUT] = 499, [METER_ABSORB] = 9501),
                 "slow side: input, 5% of the time (stdin); the buffer absorbed 95%");
    slow_side_is(&meter, HUNDREDTHS([METER_INPUT] = 449, [METER_ABSORB] = 9551),
                 "slow side: none, the buffer absorbed 96%; buffer 62% full");
    slow_side_is(&meter,
                 HUNDREDTHS([METER_INPUT] = 100, [METER_OUTPUT] = 350, [METER_ABSORB] = 9550),
                 "slow side: none, the buffer absorbed 95%; buffer 62% full");
    tap_ok(contains(report_format_json, &meter, ",\"bottleneck\":\"output\",",
                    "\"bottleneck_endpoint\":\"stdout\",", ""),
           "JSON has the verdict without this rule");
    /* Balanced names no side already. */
    slow_side_is(&meter,
                 HUNDREDTHS([METER_INPUT] = 900, [METER_OUTPUT] = 900, [METER_BUSY] = 900,
                            [METER_ABSORB] = 7300),
                 "slow side: none (balanced); buffer 62% full");
    meter_destroy(&meter);
}

/* The line about the last seconds names absorb if it took more of them than any side did. */
static void test_recent_absorbed(void)
{
    struct meter meter = example_meter();
    struct report_request now = {
        .moment = REPORT_MOMENT_NOW,
        .interval = {.ns = NS_PER_SEC,
                     .bytes = 98 << 20,
                     .state_ns = {[METER_INPUT] = 290 * MS, [METER_ABSORB] = 710 * MS}}};

    text_is(&meter, &now,
            "bpipe: 4.00 GiB in 3.21 s so far, 1.25 GiB/s\n"
            "bpipe: slow side: output, 71% of the time (stdout); buffer 62% full\n"
            "bpipe: last 1.00 s: 98.0 MiB/s, absorb 71%; buffer 0%\n",
            "lately the buffer absorbed most");
    meter_destroy(&meter);
}

static void test_text_sample(void)
{
    struct meter meter = example_meter();
    struct report_request sample = {
        .moment = REPORT_MOMENT_SAMPLE,
        .interval = {.ns = NS_PER_SEC,
                     .bytes = 98 << 20,
                     .state_ns = {90 * MS, 0, 80 * MS, 710 * MS, 120 * MS}}};

    meter.fill = meter.capacity * 3 / 4 - 1;
    text_is(&meter, &sample,
            "bpipe: 4.00 GiB in 3.21 s; last 1.00 s: 98.0 MiB/s, output 71%; buffer 74%\n",
            "a sample");
    sample.verbose = true;
    text_is(&meter, &sample,
            "bpipe: 4.00 GiB in 3.21 s; last 1.00 s: 98.0 MiB/s, output 71%; buffer 74%\n"
            "bpipe: last 1.00 s: input 8%, output 71%, absorb 12%, throttle 0%, busy 9%\n",
            "-v: a second line with the shares of all states");
    sample.interval = (struct report_interval){0};
    text_is(&meter, &sample, "bpipe: 4.00 GiB in 3.21 s; last 0 ns; buffer 74%\n",
            "a sample at the moment of the one before");
    sample.verbose = false;
    meter_destroy(&meter);

    meter = overloaded_meter();
    text_is(&meter, &sample,
            "bpipe: 2.00 MiB in 1.00 s; last 0 ns; buffer 0%; spool 9%; 1.99 MiB dropped\n",
            "a sample of an overloaded one");
    meter.outputs[0].bytes_dropped = 0;
    meter.spool_fill = 0;
    text_is(&meter, &sample, "bpipe: 2.00 MiB, 5000 records in 1.00 s; last 0 ns; buffer 0%\n",
            "neither what taps missed nor an empty spool is in it");
    meter_destroy(&meter);
}

/* A report of the run of the example if the buffer held `bytes` all the time. */
static void level_is(uint64_t capacity, double bytes, uint64_t peak, const char *mean,
                     const char *most)
{
    struct meter meter = example_meter();
    struct text text = {0};
    char line[200], details[200];

    meter.capacity = capacity;
    meter.fill_area = bytes * (double)meter_running(&meter);
    meter.peak = meter.fill = peak;
    snprintf(line, sizeof line, " (stdout); buffer %s full\n", mean);
    snprintf(details, sizeof details, ": mean %s, peak %s, full", mean, most);
    report_format_text(&text, &meter, &verbose_request);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, line) != NULL && strstr(text.bytes, details) != NULL,
           "%g of %" PRIu64 " bytes: %s, peak %s", bytes, capacity, mean, most);
    text_clear(&text);
    report_format_text(&text, &meter, &(struct report_request){.moment = REPORT_MOMENT_SAMPLE});
    text_add_bytes(&text, "", 1);
    snprintf(line, sizeof line, "; buffer %s\n", most);
    tap_ok(strstr(text.bytes, line) != NULL, "a sample: %s", most);
    text_free(&text);
    meter_destroy(&meter);
}

/* 0% is an empty buffer, 100% a full one. */
static void test_text_levels(void)
{
    level_is(256 << 20, 0, 0, "0%", "0%");
    level_is(256 << 20, 0.001, 1, "<1%", "<1%");
    level_is(256 << 20, 2.6e6, 2600000, "<1%", "<1%");
    level_is(100, 1, 2, "1%", "2%");
    level_is(1, 0.001, 1, "<1%", "100%");
    level_is(1, 0.5, 1, "50%", "100%");
    level_is(256 << 20, (256 << 20) - 1, 256 << 20, "99%", "100%");
    level_is(UINT64_C(1) << 46, 0x1p46, UINT64_C(1) << 46, "100%", "100%");

    struct meter meter = overloaded_meter();
    struct text text = {0};
    meter.spool_peak = meter.spool_fill = 1;
    report_format_text(&text, &meter, &verbose_request);
    report_format_text(&text, &meter, &(struct report_request){.moment = REPORT_MOMENT_SAMPLE});
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "\nbpipe: spool 1.00 GiB: peak <1%, 340 MiB written\n") != NULL &&
               strstr(text.bytes, "; spool <1%;") != NULL,
           "a byte in the spool");
    text_free(&text);
    meter_destroy(&meter);
}

static void first_line_is(const struct meter *meter, enum report_moment moment, const char *line)
{
    struct report_request request = {.moment = moment};
    struct text text = {0};

    report_format_text(&text, meter, &request);
    text_add_bytes(&text, "", 1);
    *strchr(text.bytes, '\n') = '\0';
    if (!tap_ok(strcmp(text.bytes, line) == 0, "%s", line))
        tap_note("got: %s", text.bytes);
    text_free(&text);
}

/* 3.21 s after 10 s of connecting; and before anything is connected. */
static void test_text_connecting(void)
{
    struct meter meter = example_meter();
    struct report_request sample = {
        .moment = REPORT_MOMENT_SAMPLE,
        .interval = {
            .ns = NS_PER_SEC,
            .bytes = 49 << 20,
            .state_ns = {[METER_OUTPUT] = NS_PER_SEC / 2, [METER_CONNECT] = NS_PER_SEC / 2}}};
    struct report_request now = {.moment = REPORT_MOMENT_NOW, .verbose = true};

    meter.began = true;
    meter.start_ns = 0;
    meter_advance(&meter, METER_CONNECT, meter.now_ns + 10 * NS_PER_SEC - 1000);
    meter_connected(&meter.outputs[0], 10 * NS_PER_SEC - 1000);
    meter_connected(&meter.inputs[0], 999999);
    text_is(&meter, &final_request,
            "bpipe: 4.00 GiB in 13.2 s (10.0 s connecting, then 1.25 GiB/s)\n"
            "bpipe: slow side: output, 71% of the time (stdout); buffer 62% full\n",
            "connecting is told, and is in no rate, share or mean");
    first_line_is(&meter, REPORT_MOMENT_NOW,
                  "bpipe: 4.00 GiB in 13.2 s so far (10.0 s connecting, then 1.25 GiB/s)");
    meter.counts_records = meter.size_known = true;
    meter.size_bytes = 8 * GIB;
    first_line_is(&meter, REPORT_MOMENT_FINAL,
                  "bpipe: 4.00 GiB (50%) in 13.2 s (10.0 s connecting, then 1.25 GiB/s)");
    meter.name = "a name of 16 col";
    first_line_is(&meter, REPORT_MOMENT_FINAL,
                  "bpipe: a name of 16 col: 4.00 GiB in 13.2 s, 1.25 GiB/s");
    meter.name = NULL;
    meter.counts_records = meter.size_known = false;
    meter.bytes_passed = 0;
    first_line_is(&meter, REPORT_MOMENT_FINAL, "bpipe: 0 B in 13.2 s (10.0 s connecting)");
    meter.bytes_passed = 4 * GIB;
    text_is(&meter, &sample,
            "bpipe: 4.00 GiB in 13.2 s; last 1.00 s: 98.0 MiB/s, output 100%; buffer 0%\n",
            "a sample in which connecting ended");
    struct text text = {0};
    report_format_text(&text, &meter, &now);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "bpipe: output stdout: 4.00 GiB, 10.0 s connecting, waited 2.66 s "
                              "(max 412 ms)\n") != NULL &&
               strstr(text.bytes, "bpipe: input stdin: 4.00 GiB, waited 257 ms") != NULL,
           "-v: of each endpoint, from a millisecond on");
    meter.outputs[0].name = "tcp://192.0.2.10:9001";
    text.length = 0;
    report_format_text(&text, &meter, &now);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "bpipe: output tcp://192.0.2.10:9001: 4.00 GiB, 10.0 s connecting, "
                              "waited 2.66 s\n") != NULL,
           "-v: a long name is whole; the longest wait goes first");
    text_free(&text);
    meter_destroy(&meter);
}

static void test_text_not_connected(void)
{
    struct meter meter;
    struct report_request sample = {
        .moment = REPORT_MOMENT_SAMPLE,
        .interval = {.ns = NS_PER_SEC,
                     .state_ns = {[METER_BUSY] = 2000000, [METER_CONNECT] = 998000000}}};
    struct report_request now = {.moment = REPORT_MOMENT_NOW};

    if (meter_init(&meter, 0, 1, 1, 0) != 0)
        abort();
    meter.capacity = 4096;
    meter.outputs[0].name = "fifo";
    meter.connecting = &meter.outputs[0];
    meter_advance(&meter, METER_BUSY, 2 * MS);
    meter_advance(&meter, METER_CONNECT, 3 * NS_PER_SEC);
    text_is(&meter, &sample,
            "bpipe: 0 B in 3.00 s; last 1.00 s: waiting for a peer (fifo); buffer 0%\n",
            "a sample before anything is connected");
    struct text text = {0};
    report_format_text(&text, &meter, &now);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "bpipe: 0 B in 3.00 s so far\n"
                              "bpipe: waiting for a peer (fifo)\n") == text.bytes,
           "a report asked for while connecting");
    text_free(&text);
    meter.outputs[0].name = "tcp-listen://:9";
    tap_ok(contains(report_format_text, &meter, "\nbpipe: waiting for a peer (tcp-listen://:9)\n",
                    "", ""),
           "a listener");
    meter.outputs[0].name = "tcp://host:9";
    tap_ok(contains(report_format_text, &meter, "\nbpipe: connecting (tcp://host:9)\n", "", ""),
           "an address");
    meter_destroy(&meter);
}

/* The number after `name` in text; *from moves past it. Aborts if that is not there. */
static unsigned long long number_after(const char **from, const char *name)
{
    const char *at = strstr(*from, name);

    if (at == NULL)
        abort();
    at += strlen(name);
    *from = at + strspn(at, "0123456789");
    if (*from == at)
        abort();
    return strtoull(at, NULL, 10);
}

/* Reads the five numbers of a "time:" line and checks them against the states: their shares of the
 * time that was not spent connecting. */
enum { SHOWN_STATES = 5 };

static bool percentages_hold(const struct meter *meter)
{
    static const struct {
        const char *name;
        enum meter_state state;
    } order[] = {{" time: input ", METER_INPUT},
                 {"%, output ", METER_OUTPUT},
                 {"%, absorb ", METER_ABSORB},
                 {"%, throttle ", METER_THROTTLE},
                 {"%, busy ", METER_BUSY}};
    struct text text = {0};
    unsigned long long sum = 0;
    double total = 0;
    bool hold = true;

    report_format_text(&text, meter, &verbose_request);
    text_add_bytes(&text, "", 1);
    for (unsigned i = 0; i < SHOWN_STATES; i++)
        total += (double)meter->state_ns[order[i].state];
    const char *from = text.bytes;
    for (unsigned i = 0; i < SHOWN_STATES; i++) {
        double exact = 100 * (double)meter->state_ns[order[i].state] / total;
        unsigned long long shown = number_after(&from, order[i].name);
        sum += shown;
        hold = hold && fabs((double)shown - exact) < 1.000001;
    }
    text_free(&text);
    return hold && sum == 100;
}

static void test_percentages(uint64_t *random)
{
    struct meter meter = example_meter();
    unsigned rounds = tap_rounds(20000), i;
    bool hold_all = true;

    for (i = 0; i < rounds && hold_all; i++) {
        uint64_t sum = 0;
        unsigned bits = (unsigned)tap_below(random, 62);
        for (unsigned state = 0; state < METER_STATES; state++)
            sum += meter.state_ns[state] = tap_magnitude(random, bits);
        if (sum == meter.state_ns[METER_CONNECT])
            meter.state_ns[METER_ABSORB] = 1;
        hold_all = percentages_hold(&meter);
    }
    tap_ok(hold_all, "%u times: percentages sum to 100, and each is its state's", i);
    for (unsigned state = 0; state < METER_STATES; state++)
        meter.state_ns[state] = 1;
    tap_ok(percentages_hold(&meter), "five equal states");
    meter_destroy(&meter);
}

/* --- JSON ------------------------------------------------------------------------------------ */

#define JSON_NO_DATAGRAMS                                                  \
    "\"datagrams_dropped_by_kernel\":null,\"datagrams_not_allowed\":null," \
    "\"refusals\":null,\"peer\":null,\"process\":null,"
#define JSON_MIDDLE                                                                              \
    "\"rate_bytes_per_second\":{\"current\":%s,\"mean\":1337996042.368,"                         \
    "\"min\":1181116006.400,\"max\":1513975971.840,\"stddev\":138711855.649},"                   \
    "\"state_seconds\":{\"busy\":0.289000000,\"throttle\":0.000000000,\"input\":0.257000000,"    \
    "\"output\":2.279000000,\"absorb\":0.385000000,\"connect\":0.000000000},\"bottleneck\":"     \
    "\"output\","                                                                                \
    "\"bottleneck_endpoint\":\"stdout\",\"buffer\":{\"capacity_bytes\":16777216,"                \
    "\"chunk_bytes\":131072,\"fill_bytes\":0,\"peak_bytes\":16777216,"                           \
    "\"mean_bytes\":10485760.000,\"full_count\":41,\"empty_count\":2},"                          \
    "\"residence_seconds\":{\"p50\":0.000000000,\"p90\":0.000000000,\"p99\":0.000000000,"        \
    "\"max\":0.000000000},\"spool\":null,\"zero_copy_bytes\":0,\"syscalls\":{\"read\":32800,"    \
    "\"write\":32770,"                                                                           \
    "\"splice\":0,\"poll\":411},\"inputs\":[{\"name\":\"stdin\",\"bytes\":4294967296,"           \
    "\"bytes_added\":0,\"bytes_dropped\":0,\"records_dropped\":null,\"retries\":0,"              \
    "\"connect_seconds\":0.000000000,\"wait_seconds\":0.257000000,\"longest_stall_seconds\":0."  \
    "012000000," JSON_NO_DATAGRAMS "\"error\":null}],"                                           \
    "\"outputs\":[{\"name\":\"stdout\",\"bytes\":4294967296,\"bytes_added\":0,"                  \
    "\"bytes_dropped\":0,\"records_out\":null,\"records_dropped\":null,\"bytes_undelivered\":0," \
    "\"bytes_unacknowledged\":77,\"retries\":0,"                                                 \
    "\"connect_seconds\":0.000000000,\"wait_seconds\":2.664000000,\"longest_stall_seconds\":0."  \
    "412000000," JSON_NO_DATAGRAMS "\"error\":%s}],"                                             \
    "\"taps\":[],\"exit_status\":%s}\n"

static void test_json_golden(void)
{
    struct meter meter = example_meter();
    struct report_request sample = {.moment = REPORT_MOMENT_SAMPLE,
                                    .interval = {.ns = NS_PER_SEC / 2, .bytes = 1000}};
    struct report_request final = {.moment = REPORT_MOMENT_FINAL,
                                   .ending = {.departed = true},
                                   .end_time_ns = UINT64_C(1000000004) * NS_PER_SEC};
    char expected[4000];

    meter.pid = 4711;
    meter.start_time_ns = UINT64_C(1000000000) * NS_PER_SEC + 123456789;
    meter.outputs[0].bytes_unacknowledged = 77;

    snprintf(
        expected, sizeof expected,
        "{\"type\":\"sample\",\"schema\":1,\"name\":null,\"pid\":4711,"
        "\"start_time\":\"2001-09-09T01:46:40.123456Z\",\"end_time\":null,"
        "\"elapsed_seconds\":3.210000000,"
        "\"bytes_in\":4294967296,\"bytes_skipped\":null,\"bytes_added\":0,\"bytes_out\":4294967296,"
        "\"bytes_dropped\":0,\"bytes_undelivered\":0,\"bytes_unacknowledged\":77,\"records_"
        "in\":null,"
        "\"records_out\":null,\"records_dropped\":null,\"size_bytes\":null," JSON_MIDDLE,
        "2000.000", "null", "null");
    formats_as(report_format_json, &meter, &sample, expected, "JSON: a sample");

    meter.name = "a \"b\"";
    meter.size_known = true;
    meter.size_bytes = 5 * GIB;
    snprintf(meter.outputs[0].error, METER_ERROR_TEXT, "Broken\tpipe");
    snprintf(
        expected, sizeof expected,
        "{\"type\":\"final\",\"schema\":1,\"name\":\"a \\\"b\\\"\",\"pid\":4711,"
        "\"start_time\":\"2001-09-09T01:46:40.123456Z\","
        "\"end_time\":\"2001-09-09T01:46:44.000000Z\","
        "\"elapsed_seconds\":3.210000000,"
        "\"bytes_in\":4294967296,\"bytes_skipped\":null,\"bytes_added\":0,\"bytes_out\":4294967296,"
        "\"bytes_dropped\":0,\"bytes_undelivered\":0,\"bytes_unacknowledged\":77,\"records_"
        "in\":null,"
        "\"records_out\":null,\"records_dropped\":null,\"size_bytes\":5368709120," JSON_MIDDLE,
        "1288490188.430", "\"Broken\\u0009pipe\"", "141");
    formats_as(report_format_json, &meter, &final, expected, "JSON: the final report");

    meter.counts_records = meter.size_in_records = true;
    meter.records_in = 3;
    meter.outputs[0].records_out = 2;
    struct text text = {0};
    report_format_json(&text, &meter, &final);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "\"records_in\":3,\"records_out\":2,\"records_dropped\":0,"
                              "\"size_bytes\":null,") != NULL,
           "JSON: with -l, -s is no number of bytes");
    text_free(&text);
    meter.size_in_records = false;
    report_format_json(&text, &meter, &final);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, ",\"size_bytes\":5368709120,") != NULL,
           "JSON: with -l, the size of the inputs is");
    text_free(&text);
    meter_destroy(&meter);
}

#define JSON_NO_WAITS                                                                              \
    ",\"retries\":0,\"connect_seconds\":0.000000000,\"wait_seconds\":0.000000000,\"longest_stall_" \
    "seconds\":0.000000000"

static const char overloaded_json[] =
    "{\"type\":\"final\",\"schema\":1,\"name\":null,\"pid\":0,"
    "\"start_time\":\"1970-01-01T00:00:00.000000Z\",\"end_time\":\"1970-01-01T00:00:00.000000Z\","
    "\"elapsed_seconds\":1.000000000,"
    "\"bytes_in\":4194304,\"bytes_skipped\":null,\"bytes_added\":62,\"bytes_out\":2097152,"
    "\"bytes_dropped\":2084864,\"bytes_undelivered\":12350,\"bytes_unacknowledged\":0,"
    "\"records_in\":10000,\"records_out\":5000,"
    "\"records_dropped\":345,\"size_bytes\":null,\"rate_bytes_per_second\":{"
    "\"current\":2097152.000,\"mean\":2097152.000,\"min\":2097152.000,\"max\":2097152.000,"
    "\"stddev\":0.000},\"state_seconds\":{\"busy\":0.000000000,\"throttle\":0.000000000,"
    "\"input\":0.000000000,\"output\":1.000000000,\"absorb\":0.000000000,\"connect\":0.000000000},"
    "\"bottleneck\":\"output\",\"bottleneck_endpoint\":\"out\",\"buffer\":{"
    "\"capacity_bytes\":1048576,\"chunk_bytes\":4096,\"fill_bytes\":0,\"peak_bytes\":0,"
    "\"mean_bytes\":0.000,\"full_count\":0,\"empty_count\":0},\"residence_seconds\":{"
    "\"p50\":0.000000000,\"p90\":0.000000000,\"p99\":0.000000000,\"max\":0.000000000},"
    "\"spool\":{\"capacity_bytes\":1073741824,\"fill_bytes\":107374182,"
    "\"peak_bytes\":134217728,\"written_bytes\":356515840},\"zero_copy_bytes\":0,"
    "\"syscalls\":{\"read\":0,\"write\":0,\"splice\":0,\"poll\":0},"
    "\"inputs\":[{\"name\":\"a.log\",\"bytes\":3145728,\"bytes_added\":1,\"bytes_dropped\":61,"
    "\"records_dropped\":1" JSON_NO_WAITS "," JSON_NO_DATAGRAMS "\"error\":null},"
    "{\"name\":\"b.log\",\"bytes\":1048576,\"bytes_added\":0,\"bytes_dropped\":0,"
    "\"records_dropped\":0" JSON_NO_WAITS "," JSON_NO_DATAGRAMS "\"error\":null}],"
    "\"outputs\":[{\"name\":\"out\",\"bytes\":2097152,\"bytes_added\":62,"
    "\"bytes_dropped\":2084864,\"records_out\":5000,\"records_dropped\":345,"
    "\"bytes_undelivered\":12350,\"bytes_unacknowledged\":0" JSON_NO_WAITS "," JSON_NO_DATAGRAMS
    "\"error\":null}],"
    "\"taps\":[{\"name\":\"tap\\u00091\",\"bytes\":1048576,\"bytes_added\":1,"
    "\"bytes_dropped\":3145729,\"records_out\":3000,\"records_dropped\":9000,"
    "\"bytes_undelivered\":0,\"bytes_unacknowledged\":0" JSON_NO_WAITS "," JSON_NO_DATAGRAMS
    "\"error\":null},"
    "{\"name\":\"gone\",\"bytes\":0,\"bytes_added\":1,\"bytes_dropped\":0,"
    "\"records_out\":0,\"records_dropped\":0,\"bytes_undelivered\":4194305,"
    "\"bytes_unacknowledged\":0,\"retries\":0,\"connect_seconds\":0.000000000,\"wait_seconds\":1."
    "000000000,\"longest_stall_"
    "seconds\":0.000000000," JSON_NO_DATAGRAMS "\"error\":\"Broken pipe\"}],"
    "\"exit_status\":0}\n";

static void test_json_overload(void)
{
    struct meter meter = overloaded_meter();

    formats_as(report_format_json, &meter, &final_request, overloaded_json,
               "JSON: records, dropped bytes, taps, a spool");
    meter_destroy(&meter);
}

/* "elapsed_seconds":12.345678901 as ns; *from moves past it. */
static uint64_t seconds_after(const char **from, const char *key)
{
    char quoted[64];

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    uint64_t seconds = number_after(from, quoted);
    const char *decimals = *from;
    uint64_t ns = number_after(from, ".");
    if (*from - decimals != 10)
        abort();
    return seconds * NS_PER_SEC + ns;
}

static void test_json_sums(uint64_t *random)
{
    struct meter meter = example_meter();
    bool exact = true;

    for (unsigned i = 0; i < tap_rounds(1000) && exact; i++) {
        uint64_t sum = 0;
        struct text text = {0};
        for (unsigned state = 0; state < METER_STATES; state++)
            sum += meter.state_ns[state] = tap_magnitude(random, 56);
        meter.start_ns = tap_magnitude(random, 56);
        meter.now_ns = meter.window_start_ns = meter.start_ns + sum;
        report_format_json(&text, &meter, &final_request);
        text_add_bytes(&text, "", 1);
        const char *from = text.bytes;
        exact = seconds_after(&from, "elapsed_seconds") == sum;
        for (unsigned state = 0; state < METER_STATES; state++)
            sum -= seconds_after(&from, meter_state_name((enum meter_state)state));
        exact = exact && sum == 0;
        text_free(&text);
    }
    tap_ok(exact, "JSON: the states sum to the elapsed time to the nanosecond");
    meter_destroy(&meter);
}

/* --- names ----------------------------------------------------------------------------------- */

static const struct {
    const char *name, *json, *label, *visible;
} names[] = {
    {"plain", "plain", "plain", "plain"},
    {"q\"b\\", "q\\\"b\\\\", "q\\\"b\\\\", "q\"b\\"},
    {"a\nb\tc\x01\x7f", "a\\u000ab\\u0009c\\u0001\\u007f", "a\\nb\\\\x09c\\\\x01\\\\x7f",
     "a\\nb\\tc\\x01\\x7f"},
    {"\x1b]0;x\x07", "\\u001b]0;x\\u0007", "\\\\x1b]0;x\\\\x07", "\\x1b]0;x\\x07"},
    {"\\x1b \\x1 \\x \\", "\\\\x1b \\\\x1 \\\\x \\\\", "\\\\x5cx1b \\\\x1 \\\\x \\\\",
     "\\x1b \\x1 \\x \\"},
    {"\\\x1b", "\\\\\\u001b", "\\\\\\\\x1b", "\\\\x1b"},
    {"\\\\xfF\xff", "\\\\\\\\xfF\\ufffd", "\\\\\\\\x5cxfF\\\\xff", "\\\\xfF\\xff"},
    {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
     "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
    {"\xc2\x9b"
     "31m\xc2\x80\xc2\x9f\xc2\xa0",
     "\\u009b31m\\u0080\\u009f\xc2\xa0", "\\\\xc2\\\\x9b31m\\\\xc2\\\\x80\\\\xc2\\\\x9f\xc2\xa0",
     "\\xc2\\x9b31m\\xc2\\x80\\xc2\\x9f\xc2\xa0"},
    {"\xff", "\\ufffd", "\\\\xff", "\\xff"},
    {"\xc3", "\\ufffd", "\\\\xc3", "\\xc3"},
    {"\xc0\xaf", "\\ufffd\\ufffd", "\\\\xc0\\\\xaf", "\\xc0\\xaf"},
    {"\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd", "\\\\xe0\\\\x9f\\\\xbf", "\\xe0\\x9f\\xbf"},
    {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd", "\\\\xed\\\\xa0\\\\x80", "\\xed\\xa0\\x80"},
    {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd", "\\\\xf4\\\\x90\\\\x80\\\\x80",
     "\\xf4\\x90\\x80\\x80"},
    {"\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd", "\\\\xf0\\\\x9f\\\\x98", "\\xf0\\x9f\\x98"},
    /* Text that runs the other way, a paragraph's end, what is invisible. */
    {"a\xe2\x80\xae"
     "b",
     "a\\u202eb", "a\\\\xe2\\\\x80\\\\xaeb", "a\\xe2\\x80\\xaeb"},
    {"\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c\xe2\x80\x8e", "\\u2066\\u2069\\u061c\\u200e",
     "\\\\xe2\\\\x81\\\\xa6\\\\xe2\\\\x81\\\\xa9\\\\xd8\\\\x9c\\\\xe2\\\\x80\\\\x8e",
     "\\xe2\\x81\\xa6\\xe2\\x81\\xa9\\xd8\\x9c\\xe2\\x80\\x8e"},
    {"\xe2\x80\xa8\xef\xbb\xbf", "\\u2028\\ufeff", "\\\\xe2\\\\x80\\\\xa8\\\\xef\\\\xbb\\\\xbf",
     "\\xe2\\x80\\xa8\\xef\\xbb\\xbf"},
    {"\xf3\xa0\x80\x81\xf3\xa0\x81\xbf", "\\udb40\\udc01\\udb40\\udc7f",
     "\\\\xf3\\\\xa0\\\\x80\\\\x81\\\\xf3\\\\xa0\\\\x81\\\\xbf",
     "\\xf3\\xa0\\x80\\x81\\xf3\\xa0\\x81\\xbf"},
    /* Joiners, and letters that are written from the right. */
    {"\xe2\x80\x8c\xe2\x80\x8d\xd8\xa8\xd7\x90", "\xe2\x80\x8c\xe2\x80\x8d\xd8\xa8\xd7\x90",
     "\xe2\x80\x8c\xe2\x80\x8d\xd8\xa8\xd7\x90", "\xe2\x80\x8c\xe2\x80\x8d\xd8\xa8\xd7\x90"},
    {"\xef\xbf\xbf\xf4\x8f\xbf\xbf", "\xef\xbf\xbf\xf4\x8f\xbf\xbf", "\xef\xbf\xbf\xf4\x8f\xbf\xbf",
     "\xef\xbf\xbf\xf4\x8f\xbf\xbf"},
};

static void test_names(void)
{
    struct meter meter = example_meter();
    bool right = true;

    for (size_t i = 0; i < sizeof names / sizeof names[0] && right; i++) {
        meter.outputs[0].name = meter.name = names[i].name;
        meter.outputs[0].bytes_added = 1;
        right = contains(report_format_json, &meter, "\"name\":\"", names[i].json, "\",\"pid\":") &&
                contains(report_format_json, &meter, "\"bottleneck_endpoint\":\"", names[i].json,
                         "\",") &&
                contains(report_format_prometheus, &meter, "bpipe_elapsed_seconds{name=\"",
                         names[i].label, "\"} 3.210000000\n") &&
                contains(report_format_prometheus, &meter, ",output=\"", names[i].label,
                         "\",index=\"0\"} 4294967296\n");
        meter.name = NULL;
        right = right && contains(report_format_text, &meter, "\nbpipe: ", names[i].visible,
                                  ": 1 B added\n");
    }
    tap_ok(right, "the table of names: JSON, labels, text");
    meter_destroy(&meter);
}

/* --- Prometheus ------------------------------------------------------------------------------ */

/* The metric that a line is about; "" for none. A summary's samples count for its family. */
static void family_of(const char *line, char family[100])
{
    static const char *const summary = "bpipe_residence_seconds";

    family[0] = '\0';
    (void)(sscanf(line, "# HELP %99s", family) == 1 || sscanf(line, "# TYPE %99s", family) == 1 ||
           sscanf(line, "%99[a-z_]", family) == 1);
    if (strncmp(family, summary, strlen(summary)) == 0)
        family[strlen(summary)] = '\0';
}

/* Whether a line is "# ..." or ends with a plain number. */
static bool ends_with_number(const char *line)
{
    const char *value = strrchr(line, ' ');

    return line[0] == '#' || (value != NULL && strspn(value, " 0123456789.") == strlen(value));
}

/* Each family: HELP, TYPE, then samples with values, in one block. Returns how many, 0 if not so.
 */
static unsigned count_families(char *text)
{
    char family[100], current[100] = "", entry[110];
    struct text seen = {0};
    unsigned families = 0;
    bool right = true;

    text_add_bytes(&seen, "", 1);
    for (char *line = strtok(text, "\n"); line != NULL && right; line = strtok(NULL, "\n")) {
        family_of(line, family);
        if (strncmp(line, "# HELP ", 7) == 0) {
            snprintf(entry, sizeof entry, " %s ", family);
            right = strstr(seen.bytes, entry) == NULL;
            seen.length--;
            text_add_bytes(&seen, entry, strlen(entry) + 1);
            snprintf(current, sizeof current, "%s", family);
            families++;
        }
        right = right && strcmp(family, current) == 0 && ends_with_number(line);
        if (!right)
            tap_note("%s", line);
    }
    text_free(&seen);
    return right ? families : 0;
}

static void test_prometheus(void)
{
    struct meter meter;
    struct text text = {0};

    if (meter_init(&meter, 0, 2, 3, 0) != 0)
        abort();
    for (size_t i = 0; i < 3; i++)
        meter.outputs[i].name = "same";
    meter.counts_records = meter.size_in_records = true;
    meter.size_known = true;
    meter.size_bytes = 5;
    report_format_prometheus(&text, &meter, &final_request);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "bpipe_output_bytes_total{output=\"same\",index=\"2\"} 0\n") != NULL,
           "outputs of one name have different labels");
    unsigned families = count_families(text.bytes);
    tap_ok(families == 47, "%u families, each in one block with HELP and TYPE", families);
    text_free(&text);
    meter_destroy(&meter);
}

/* Whether the samples of what there may be none of, a line each, are just these, in this order. */
static bool samples_are(const struct meter *meter, const char *expected)
{
    static const char *const optional[] = {"bpipe_spool_", "_added_", "_dropped_", "bpipe_tap_"};
    struct text all = {0}, found = {0};

    report_format_prometheus(&all, meter, &final_request);
    text_add_bytes(&all, "", 1);
    for (char *line = strtok(all.bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        bool wanted = false;
        for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
            wanted = wanted || strstr(line, optional[i]) != NULL;
        if (wanted && line[0] != '#')
            text_add(&found, "%s\n", line);
    }
    text_add_bytes(&found, "", 1);
    bool same = strcmp(found.bytes, expected) == 0;
    if (!same)
        tap_note("got:\n%swanted:\n%s", found.bytes, expected);
    text_free(&all);
    text_free(&found);
    return same;
}

static void test_prometheus_overload(void)
{
    struct meter meter = overloaded_meter();
    struct text text = {0};

    tap_ok(samples_are(&meter,
                       "bpipe_spool_capacity_bytes 1073741824\n"
                       "bpipe_spool_fill_bytes 107374182\n"
                       "bpipe_spool_peak_bytes 134217728\n"
                       "bpipe_spool_written_bytes_total 356515840\n"
                       "bpipe_input_added_bytes_total{input=\"a.log\",index=\"0\"} 1\n"
                       "bpipe_input_added_bytes_total{input=\"b.log\",index=\"1\"} 0\n"
                       "bpipe_input_dropped_bytes_total{input=\"a.log\",index=\"0\"} 61\n"
                       "bpipe_input_dropped_bytes_total{input=\"b.log\",index=\"1\"} 0\n"
                       "bpipe_input_dropped_records_total{input=\"a.log\",index=\"0\"} 1\n"
                       "bpipe_input_dropped_records_total{input=\"b.log\",index=\"1\"} 0\n"
                       "bpipe_output_added_bytes_total{output=\"out\",index=\"0\"} 62\n"
                       "bpipe_output_dropped_bytes_total{output=\"out\",index=\"0\"} 2084864\n"
                       "bpipe_output_dropped_records_total{output=\"out\",index=\"0\"} 345\n"
                       "bpipe_tap_bytes_total{tap=\"tap\\\\x091\",index=\"0\"} 1048576\n"
                       "bpipe_tap_bytes_total{tap=\"gone\",index=\"1\"} 0\n"
                       "bpipe_tap_dropped_bytes_total{tap=\"tap\\\\x091\",index=\"0\"} 3145729\n"
                       "bpipe_tap_dropped_bytes_total{tap=\"gone\",index=\"1\"} 0\n"
                       "bpipe_tap_records_total{tap=\"tap\\\\x091\",index=\"0\"} 3000\n"
                       "bpipe_tap_records_total{tap=\"gone\",index=\"1\"} 0\n"
                       "bpipe_tap_dropped_records_total{tap=\"tap\\\\x091\",index=\"0\"} 9000\n"
                       "bpipe_tap_dropped_records_total{tap=\"gone\",index=\"1\"} 0\n"
                       "bpipe_tap_failed{tap=\"tap\\\\x091\",index=\"0\"} 0\n"
                       "bpipe_tap_failed{tap=\"gone\",index=\"1\"} 1\n"),
           "dropped and added bytes, taps, a spool");
    report_format_prometheus(&text, &meter, &final_request);
    text_add_bytes(&text, "", 1);
    tap_ok(strstr(text.bytes, "bpipe_in_records_total 10000\n") != NULL &&
               strstr(text.bytes, "bpipe_out_records_total 5000\n") != NULL &&
               strstr(text.bytes, "bpipe_output_records_total{output=\"out\",index=\"0\"} 5000\n"),
           "records that came in and that an output got");
    unsigned families = count_families(text.bytes);
    tap_ok(families == 55, "%u families with them, each in one block", families);
    text_free(&text);

    meter.spool_capacity = 0;
    meter.tap_count = 0;
    meter.input_count = 1;
    meter.counts_records = meter.size_in_records = false;
    tap_ok(samples_are(&meter,
                       "bpipe_input_added_bytes_total{input=\"a.log\",index=\"0\"} 1\n"
                       "bpipe_input_dropped_bytes_total{input=\"a.log\",index=\"0\"} 61\n"
                       "bpipe_output_added_bytes_total{output=\"out\",index=\"0\"} 62\n"
                       "bpipe_output_dropped_bytes_total{output=\"out\",index=\"0\"} 2084864\n"),
           "neither taps nor a spool nor records, where there are none");
    meter_destroy(&meter);
}

/* --- datagrams ------------------------------------------------------------------------------- */

static void test_datagrams(void)
{
    struct meter meter = example_meter();

    meter.counts_records = true; /* but they are no units: a size is in bytes */
    meter.records_in = meter.outputs[0].records_out = 7;
    meter.size_known = true;
    meter.size_bytes = 8 * GIB;
    meter.inputs[0].datagrams = meter.inputs[0].kernel_tells = true;
    meter.inputs[0].name = "udp-listen://:9";
    meter.outputs[0].datagrams = true;
    meter.outputs[0].name = "udp://h:9";
    tap_ok(contains(report_format_text, &meter, "bpipe: 4.00 GiB of 8.00 GiB (50%), 7 records in",
                    "", "") &&
               !contains(report_format_text, &meter, "udp-listen://:9: ", "", "") &&
               contains(report_format_json, &meter, "\"size_bytes\":8589934592,", "", "") &&
               contains(report_format_json, &meter, "\"datagrams_dropped_by_kernel\":0,",
                        "\"datagrams_not_allowed\":0,",
                        "\"refusals\":0,\"peer\":null,\"process\":null,\"error\":null}") &&
               contains(report_format_prometheus, &meter, "\nbpipe_expected_bytes 8589934592\n", "",
                        ""),
           "datagrams of which none was lost");
    meter.inputs[0].kernel_tells = false;
    tap_ok(contains(report_format_json, &meter, "\"datagrams_dropped_by_kernel\":null,", "", "") &&
               !contains(report_format_prometheus, &meter, "kernel_dropped", "", "") &&
               contains(report_format_prometheus, &meter, "\nbpipe_input_not_allowed_datagrams", "",
                        ""),
           "what the kernel does not tell is in no format a number");
    meter.inputs[0].kernel_tells = true;

    meter.inputs[0].kernel_drops = 12;
    meter.inputs[0].strangers = 1;
    meter.outputs[0].refusals = 3;
    tap_ok(contains(report_format_text, &meter, "\nbpipe: input udp-listen://:9: 12 datagrams ",
                    "dropped by the kernel\nbpipe: input udp-listen://:9: 1 datagram not allowed\n",
                    "bpipe: udp://h:9: 3 refusals\n"),
           "text: those that were");
    tap_ok(contains(report_format_json, &meter, "\"datagrams_dropped_by_kernel\":12,",
                    "\"datagrams_not_allowed\":1,", "\"refusals\":0,") &&
               contains(report_format_json, &meter, "\"datagrams_dropped_by_kernel\":null,",
                        "\"datagrams_not_allowed\":0,", "\"refusals\":3,"),
           "JSON: those that were; of an output the kernel does not tell");
    tap_ok(contains(report_format_prometheus, &meter,
                    "\nbpipe_input_kernel_dropped_datagrams_total{input=\"udp-listen://:9\",",
                    "index=\"0\"} ", "12\n") &&
               contains(report_format_prometheus, &meter,
                        "\nbpipe_input_not_allowed_datagrams_total{input=\"udp-listen://:9\",",
                        "index=\"0\"} ", "1\n") &&
               contains(report_format_prometheus, &meter, "\nbpipe_output_refusals_total{",
                        "output=\"udp://h:9\",index=\"0\"} ", "3\n"),
           "Prometheus: those that were");
    meter_destroy(&meter);
}

/* --- peers ----------------------------------------------------------------------------------- */

static bool json_has(const struct meter *meter, const char *peer)
{
    return contains(report_format_json, meter, ",\"peer\":", peer,
                    ",\"process\":null,\"error\":null}");
}

static void test_peer_processes(void)
{
    struct meter meter = example_meter();
    struct meter_endpoint *output = &meter.outputs[0], *input = &meter.inputs[0];

    output->peer = (struct meter_peer){.pid = 812, .command = "zstd"};
    tap_ok(verdict_is(&meter, "output", "zstd, pid 812") &&
               json_has(&meter, "{\"pid\":812,\"command\":\"zstd\",\"address\":null}") &&
               json_has(&meter, "null") && strcmp(meter_peer_name(output), "zstd") == 0,
           "the process that an output goes to");
    output->peer = (struct meter_peer){.pid = 9, .command = "a\n\"b\" \xff"};
    tap_ok(verdict_is(&meter, "output", "a\\n\"b\" \\xff, pid 9") &&
               json_has(&meter, "{\"pid\":9,\"command\":\"a\\u000a\\\"b\\\" \\ufffd\","
                                "\"address\":null}"),
           "whatever bytes its command has");
    meter.state_ns[METER_INPUT] = 2 * meter.state_ns[METER_OUTPUT];
    input->peer = (struct meter_peer){.pid = 811, .command = "tar"};
    tap_ok(verdict_is(&meter, "input", "tar, pid 811"), "the one that an input comes from");
    meter_destroy(&meter);
}

static void test_peer_addresses(void)
{
    struct meter meter = example_meter();
    struct meter_endpoint *output = &meter.outputs[0], *input = &meter.inputs[0];

    output->name = "tcp://host:5";
    output->peer = (struct meter_peer){.address = "192.0.2.7:5"};
    tap_ok(verdict_is(&meter, "output", "192.0.2.7:5") &&
               json_has(&meter, "{\"pid\":null,\"command\":null,"
                                "\"address\":\"192.0.2.7:5\"}") &&
               strcmp(meter_peer_name(output), "192.0.2.7:5") == 0,
           "the address of a name");
    output->name = "tcp://192.0.2.7:5";
    tap_ok(verdict_is(&meter, "output", "tcp://192.0.2.7:5"),
           "an address that the endpoint's name says already");
    output->name = "t";
    tap_ok(verdict_is(&meter, "output", "t -> 192.0.2.7:5"), "a name that is shorter");
    meter.state_ns[METER_INPUT] = 2 * meter.state_ns[METER_OUTPUT];
    input->name = "tcp-listen://:9";
    input->peer = (struct meter_peer){.address = "[::1]:40222"};
    tap_ok(verdict_is(&meter, "input", "[::1]:40222"), "the peer that has connected");
    input->peer = (struct meter_peer){0};
    tap_ok(verdict_is(&meter, "input", "tcp-listen://:9") && meter_peer_name(input) == NULL,
           "nobody");
    meter_destroy(&meter);
}

/* --- commands -------------------------------------------------------------------------------- */

static bool json_has_process(const struct meter *meter, const char *process)
{
    return contains(report_format_json, meter, ",\"peer\":null,\"process\":", process,
                    ",\"error\":null}");
}

static void test_commands(void)
{
    struct meter meter = example_meter();
    struct meter_endpoint *output = &meter.outputs[0];

    output->name = "zstd -19";
    output->process = (struct meter_process){.is_command = true};
    tap_ok(json_has_process(&meter, "null"), "a command that was not started");
    output->process.pid = 812;
    tap_ok(verdict_is(&meter, "output", "zstd -19, pid 812") &&
               json_has_process(&meter, "{\"pid\":812,\"exit_status\":null,\"signal\":null,"
                                        "\"cpu_seconds\":null,\"peak_memory_bytes\":null}") &&
               !contains(report_format_prometheus, &meter, "_command_", "", ""),
           "one that runs");
    output->process.ended = output->process.usage_known = true;
    output->process.exit_status = 7;
    output->process.cpu_ns = 1250000000;
    output->process.peak_memory_bytes = 3 << 20;
    tap_ok(
        json_has_process(&meter, "{\"pid\":812,\"exit_status\":7,\"signal\":null,\"cpu_seconds\":"
                                 "1.250000000,\"peak_memory_bytes\":3145728}") &&
            contains(report_format_prometheus, &meter, "\nbpipe_output_command_exit_status{",
                     "output=\"zstd -19\",index=\"0\"} ", "7\n") &&
            contains(report_format_prometheus, &meter, "\nbpipe_output_command_cpu_seconds_total{",
                     "output=\"zstd -19\",index=\"0\"} ", "1.250000000\n") &&
            contains(report_format_prometheus, &meter, "\nbpipe_output_command_peak_memory_bytes{",
                     "output=\"zstd -19\",index=\"0\"} ", "3145728\n") &&
            !contains(report_format_prometheus, &meter, "bpipe_input_command_", "", ""),
        "one that has exited");
    output->process.exit_status = -1;
    output->process.signal = 9;
    output->process.usage_known = false;
    tap_ok(json_has_process(&meter, "{\"pid\":812,\"exit_status\":null,\"signal\":9,"
                                    "\"cpu_seconds\":null,\"peak_memory_bytes\":null}") &&
               contains(report_format_prometheus, &meter, "\nbpipe_output_command_exit_status{",
                        "output=\"zstd -19\",index=\"0\"} ", "137\n") &&
               !contains(report_format_prometheus, &meter, "_command_cpu", "", ""),
           "one that a signal has ended");
    meter_destroy(&meter);
}

/* --- the composing itself -------------------------------------------------------------------- */

static void test_composing(void)
{
    char memory[8];
    struct text text = {.bytes = memory, .capacity = sizeof memory, .fixed = true};
    struct text numbers = {0};

    text_add_string(&text, "12345");
    text_add_string(&text, "6789");
    text_add_string(&text, "0");
    tap_ok(text.failed && text.length == 5, "what does not fit fails, and nothing follows it");
    text_clear(&text);
    text_add_string(&text, "12345678");
    tap_ok(!text.failed && text.length == 8, "a cleared one can be used again, to the last byte");

    text_add_decimal(&numbers, NAN, 3);
    text_add_decimal(&numbers, -1, 0);
    text_add_string(&numbers, " ");
    text_add_decimal(&numbers, 1.9996, 3);
    text_add_string(&numbers, " ");
    text_add_decimal(&numbers, 1e18, 3);
    text_add_string(&numbers, " ");
    text_add_seconds(&numbers, UINT64_MAX);
    text_add_bytes(&numbers, "", 1);
    tap_ok(strcmp(numbers.bytes, "0.0000 2.000 1000000000000000000 18446744073.709551615") == 0,
           "numbers");
    text_free(&numbers);
}

static void test_locale(void)
{
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    const char *found = NULL;

    for (size_t i = 0; i < sizeof locales / sizeof locales[0] && found == NULL; i++)
        found = setlocale(LC_ALL, locales[i]);
    tap_note("locale: %s", found == NULL ? "none with a decimal comma here" : found);
    if (found != NULL)
        test_json_golden();
    setlocale(LC_ALL, "C");
}

int main(void)
{
    uint64_t random = tap_seed();

    test_text_final();
    test_text_options();
    test_text_ended_early();
    test_text_departed();
    test_text_recent();
    test_text_records();
    test_text_overload();
    test_text_short();
    test_sample_fits();
    test_text_fits();
    test_wide_names();
    test_neighbours();
    test_aftermath();
    test_verdict_formats();
    test_text_absorbed();
    test_recent_absorbed();
    test_text_sample();
    test_text_levels();
    test_text_connecting();
    test_text_not_connected();
    test_percentages(&random);
    test_json_golden();
    test_json_overload();
    test_json_sums(&random);
    test_names();
    test_prometheus();
    test_prometheus_overload();
    test_datagrams();
    test_peer_processes();
    test_peer_addresses();
    test_commands();
    test_composing();
    test_locale();
    return tap_done();
}
