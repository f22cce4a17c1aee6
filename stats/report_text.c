/*
 * report_text.c - a report as lines for people.
 *
 *     bpipe: 4.00 GiB in 3.21 s, 1.25 GiB/s
 *     bpipe: 4.00 GiB in 13.2 s (10.0 s connecting, then 1.25 GiB/s)            (the same)
 *     bpipe: slow side: output, 71% of the time (zstd, pid 812); buffer 62% full
 *     bpipe: slow side: input, 29% of the time (tar, pid 811); buffer absorbed 71%   (the same)
 *     bpipe: ended early: SIGTERM
 *     bpipe: stdout: 12.0 KiB undelivered, 1.20 MiB dropped (345 records), 61 B added
 *     bpipe: tap copy: 1.20 MiB missed
 *     bpipe: out.tar: was not created
 *
 * The slow side appears only if there is something to judge, and the lines after it only if they
 * have something to report. With -v these come before the losses, and more after them
 * (stats/report_details.h):
 *
 *     bpipe: rate: min 1.10, max 1.41, sd 0.08 GiB/s
 *     bpipe: time: input 8%, output 71%, absorb 12%, throttle 0%, busy 9%
 *     bpipe: buffer 16.0 MiB: mean 62%, peak 100%, full 41 times; zero-copy 38%
 *     bpipe: residence time: p50 3.20 ms, p99 12.0 ms, max 19.0 ms
 *
 * A sample is one line; with -v, a second line has the shares of all states since the last sample:
 *
 *     bpipe: 4.00 GiB in 3.21 s; last 1.00 s: 98.0 MiB/s, output 71%; buffer 62%
 *     bpipe: last 1.00 s: input 8%, output 71%, absorb 12%, throttle 0%, busy 9%
 *
 * The percentages of states are shares of the running time, without connecting. They are whole
 * numbers that sum to 100. All other percentages are rounded down, so that 100% means all of it. A
 * level below 1% is "<1%", so that 0% means empty. A rate that would mean nothing (of no bytes, or
 * of less than a millisecond) is left out, and so is less than a millisecond of connecting.
 */
#include "base/platform.h"
#include "base/signal_name.h"
#include "base/size.h"
#include "stats/report_details.h"
#include "stats/report_format.h"
#include "stats/report_line.h"

#include <inttypes.h>
#include <string.h>

/* The states in the order of the line: the two sides first. Connecting is shown elsewhere. */
enum { SHOWN_STATES = METER_STATES - 1 };
static const enum meter_state shown_states[SHOWN_STATES] = {METER_INPUT, METER_OUTPUT, METER_ABSORB,
                                                            METER_THROTTLE, METER_BUSY};

/* " (50%)": the part of the expected size that is done. 100 % if the size is 0 and nothing came; no
 * percentage if the size is 0 and bytes came. */
static void add_percent_done(struct text *text, uint64_t part, uint64_t whole)
{
    if (whole > 0 || part == 0)
        text_add(text, " (%" PRIu64 "%%)", whole == 0 ? 100 : percent_of(part, whole));
}

/* Whether bytes cannot move yet. */
static bool is_connecting(const struct meter *meter)
{
    return !meter->began && meter->connecting != NULL;
}

/* "input 8%, output 71%, absorb 12%, throttle 0%, busy 9%", in a short line without those of 0 %;
 * "connecting (tcp://host:9)", "waiting for a peer (fifo)". */
static void add_states(const struct report_line *line, const uint64_t state_ns[METER_STATES])
{
    unsigned percents[METER_STATES];
    const char *comma = "";

    if (is_connecting(line->meter)) {
        bool awaits = meter_awaits_peer(line->meter);
        text_add_string(line->text, awaits ? "waiting for a peer (" : "connecting (");
        line_add_name(line, line->meter->connecting->name);
        text_add_string(line->text, ")");
        return;
    }
    meter_percents(state_ns, percents);
    for (unsigned i = 0; i < SHOWN_STATES; i++) {
        unsigned percent = percents[shown_states[i]];
        if (percent == 0 && line->brevity > 0)
            continue;
        text_add(line->text, "%s%s %u%%", comma, meter_state_name(shown_states[i]), percent);
        comma = ", ";
    }
}

/* " (10.0 s connecting", which the caller closes. Returns false, and adds nothing, if it was too
 * short to be told, or goes on. */
static bool begin_connecting(const struct report_line *line, uint64_t connect_ns)
{
    if (connect_ns < SHORTEST_TOLD_NS || is_connecting(line->meter))
        return false;
    text_add_string(line->text, " (");
    line_add_duration(line, connect_ns);
    text_add_string(line->text, " connecting");
    return true;
}

/* "13.2 s (10.0 s connecting)", in a short line "13.2 s" */
static void add_time(const struct report_line *line, uint64_t ns, uint64_t connect_ns)
{
    line_add_duration(line, ns);
    if (line->brevity == 0 && begin_connecting(line, connect_ns))
        text_add_string(line->text, ")");
}

static void add_rate(const struct report_line *line, double bytes_per_sec)
{
    char buf[SIZE_TEXT];
    text_add_string(line->text, size_format_rate(buf, bytes_per_sec, line->request->si));
}

/*
 * Formats a rate like `shown`, e.g. "12.3 MiB/s", but without the unit: in the same unit, with as
 * many decimals.
 */
static void add_rate_like(struct text *text, double bytes_per_sec, const char *shown, bool si)
{
    static const char prefixes[] = "KMGTPE";
    const char *unit = strchr(shown, ' ');
    const char *point = memchr(shown, '.', (size_t)(unit - shown));
    const char *prefix = memchr(prefixes, unit[1] == 'k' ? 'K' : unit[1], sizeof prefixes - 1);
    double scale = 1;

    for (const char *p = prefixes; prefix != NULL && p <= prefix; p++)
        scale *= si ? 1000 : 1024;
    text_add_decimal(text, bytes_per_sec / scale, point == NULL ? 0 : (unsigned)(unit - point - 1));
}

/*
 * The words before the time: "4.00 GiB of 8.00 GiB (50%), 12345 records in ". If the size is in
 * records (-l), the "of" belongs to the records. A short line has neither the size nor the records:
 * "4.00 GiB (50%) in "; the shortest one has no percentage either.
 */
static void add_amount(const struct report_line *line)
{
    const struct meter *meter = line->meter;
    uint64_t size = meter->size_bytes, records = meter_shown_output(meter)->records_out;
    bool of_records = meter->size_known && meter->size_in_records;
    bool whole = line->brevity == 0;

    line_add_size(line, meter->bytes_passed);
    if (meter->size_known && !of_records && whole) {
        text_add_string(line->text, " of ");
        line_add_size(line, size);
    }
    if (meter->size_known && !of_records && line->brevity < MOST_BREVITY)
        add_percent_done(line->text, meter->bytes_passed, size);
    if (meter->counts_records && whole) {
        text_add(line->text, ", %" PRIu64, records);
        if (of_records)
            text_add(line->text, " of %" PRIu64, size);
        text_add_string(line->text, !of_records && records == 1 ? " record" : " records");
    }
    if (of_records && line->brevity < MOST_BREVITY)
        add_percent_done(line->text, records, size);
    text_add_string(line->text, " in ");
}

static bool rate_says_something(const struct meter *meter)
{
    return meter->bytes_passed > 0 && meter_running(meter) >= SHORTEST_TOLD_NS;
}

/* "rate: min 1.10, max 1.41, sd 0.08 GiB/s"; nothing if there was no more than one window. */
static void add_spread(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    struct meter_rate rate = meter_rate(meter);
    bool si = line->request->si;
    char mean[SIZE_TEXT];

    if (rate.windows < 2 || !rate_says_something(meter))
        return;
    size_format_rate(mean, rate.mean, si);
    text_add_string(line->text, "rate: min ");
    add_rate_like(line->text, rate.min, mean, si);
    text_add_string(line->text, ", max ");
    add_rate_like(line->text, rate.max, mean, si);
    text_add_string(line->text, ", sd ");
    add_rate_like(line->text, rate.stddev, mean, si);
    text_add_string(line->text, strchr(mean, ' '));
}

/* --- the lines ------------------------------------------------------------------------------- */

/* "4.00 GiB in 13.2 s so far (10.0 s connecting, then 1.25 GiB/s)": the rate is that of the time
 * after connecting. */
static void add_summary(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    bool rated = rate_says_something(meter);

    add_amount(line);
    line_add_duration(line, meter_elapsed(meter));
    if (line->request->moment == REPORT_MOMENT_NOW)
        text_add_string(line->text, " so far");
    bool connected =
        line->brevity < MOST_BREVITY && begin_connecting(line, meter->state_ns[METER_CONNECT]);
    if (rated) {
        text_add_string(line->text, connected ? ", then " : ", ");
        add_rate(line, meter_rate(meter).mean);
    }
    if (connected)
        text_add_string(line->text, ")");
}

static void add_connecting(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    if (is_connecting(meter))
        add_states(line, meter->state_ns);
}

/* The endpoint of the verdict with its peer, in the order in which bytes go: "tar, pid 811 ->
 * fifo", "fifo -> zstd, pid 812". Next to a peer, standard input and output need no name, and other
 * endpoints only where there is room. */
static void add_culprit(const struct report_line *line, const struct meter_endpoint *endpoint,
                        bool input)
{
    bool peer = line_shows_peer(endpoint);
    bool named =
        !peer || (line->brevity == 0 && strcmp(endpoint->name, input ? "stdin" : "stdout") != 0);
    if (peer && input) {
        line_add_peer(line, endpoint);
        text_add_string(line->text, named ? " -> " : "");
    }
    if (named)
        line_add_name(line, endpoint->name);
    if (peer && !input) {
        text_add_string(line->text, named ? " -> " : "");
        line_add_peer(line, endpoint);
    }
    line_add_pid(line, endpoint->process.pid);
}

/* "; buffer 62% full" */
static void add_mean_fill(const struct report_line *line)
{
    text_add_string(line->text, "; buffer ");
    line_add_level(line, meter_mean_fill(line->meter), line->meter->capacity);
    text_add_string(line->text, " full");
}

static void add_culprit_of(const struct report_line *line, const struct meter_endpoint *endpoint,
                           bool input)
{
    if (endpoint == NULL)
        return;
    text_add_string(line->text, " (");
    add_culprit(line, endpoint, input);
    text_add_string(line->text, ")");
}

/*
 * "slow side: output, 71% of the time (stdout -> zstd, pid 812); buffer 62% full"
 * "slow side: input, 29% of the time (tar, pid 811); the buffer absorbed 71%"
 * "slow side: none, the buffer absorbed 97%; buffer 10% full"
 *
 * The second and third form are for a side that kept bpipe waiting for less time than the buffer
 * made up for, so that it is not blamed alone. A short line leaves out "the", then "of the time", then
 * "buffer".
 */
static void add_slow_side(const struct report_line *line, const void *data)
{
    static const char *const sides[] = {[METER_VERDICT_INPUT] = "input",
                                        [METER_VERDICT_OUTPUT] = "output",
                                        [METER_VERDICT_THROTTLE] = "the rate limit",
                                        [METER_VERDICT_BUSY] = "bpipe itself"};
    static const char *const absorbed_words[MOST_BREVITY + 1] = {
        "the buffer absorbed", "buffer absorbed", "buffer absorbed", "absorbed"};
    const struct meter *meter = data;
    const struct meter_endpoint *endpoint;
    enum meter_verdict verdict = meter_verdict(meter, &endpoint);
    unsigned percents[METER_STATES];

    if (verdict == METER_VERDICT_NONE)
        return;
    meter_percents(meter->state_ns, percents);
    unsigned absorbed = percents[METER_ABSORB];
    text_add_string(line->text, "slow side: ");
    if (verdict == METER_VERDICT_BALANCED) {
        text_add_string(line->text, "none (balanced)");
        add_mean_fill(line);
        return;
    }
    unsigned share = percents[meter_verdict_state(verdict)];
    if (share < METER_LEAST_SIDE_PERCENT) {
        text_add(line->text, "none, the buffer absorbed %u%%", absorbed);
        add_mean_fill(line);
        return;
    }
    text_add(line->text, "%s, %u%%%s", sides[verdict], share,
             line->brevity < 2 ? " of the time" : "");
    add_culprit_of(line, endpoint, verdict == METER_VERDICT_INPUT);
    if (absorbed > share)
        text_add(line->text, "; %s %u%%", absorbed_words[line->brevity], absorbed);
    else
        add_mean_fill(line);
}

/* "ended early: SIGTERM", "ended early: stdout has no reader": if the exit status is that of a
 * signal. With any other failure a message has said why. */
static void add_early_end(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    const struct ending *ending = &line->request->ending;
    const char *name = signal_name(ending->signal);

    if (exit_signal_of(ending) == 0)
        return;
    text_add_string(line->text, "ended early: ");
    if (name != NULL) {
        text_add_string(line->text, name);
    } else if (ending->signal != 0) {
        text_add(line->text, "signal %d", ending->signal);
    } else if (meter->output_count > 1) {
        text_add_string(line->text, "no output has a reader");
    } else {
        line_add_name(line, meter->outputs[0].name);
        text_add_string(line->text, meter->outputs[0].process.is_command ? " stopped reading"
                                                                         : " has no reader");
    }
}

static void add_shares(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    if (is_connecting(meter))
        return;
    text_add_string(line->text, "time: ");
    add_states(line, meter->state_ns);
}

/* "last 1.00 s" or, where there is little room, "last": an interval. */
static void add_last(const struct report_line *line)
{
    const struct report_interval *interval = &line->request->interval;

    text_add_string(line->text, "last");
    if (line->brevity >= 2)
        return;
    text_add_string(line->text, " ");
    add_time(line, interval->ns, interval->state_ns[METER_CONNECT]);
}

/* ": 98.0 MiB/s, output 71%": the rate of an interval, and the state that took most of it. */
static void add_interval(const struct report_line *line)
{
    const struct report_interval *interval = &line->request->interval;
    uint64_t running_ns = interval->ns - interval->state_ns[METER_CONNECT];
    unsigned percents[METER_STATES];
    enum meter_state most = shown_states[0];

    if (is_connecting(line->meter)) {
        text_add_string(line->text, ": ");
        add_states(line, interval->state_ns);
        return;
    }
    if (running_ns < SHORTEST_TOLD_NS)
        return;
    text_add_string(line->text, ": ");
    add_rate(line, (double)interval->bytes * ((double)NS_PER_SEC / (double)running_ns));
    if (line->brevity == MOST_BREVITY)
        return;
    meter_percents(interval->state_ns, percents);
    for (unsigned i = 1; i < SHOWN_STATES; i++)
        if (percents[shown_states[i]] > percents[most])
            most = shown_states[i];
    text_add(line->text, ", %s %u%%", meter_state_name(most), percents[most]);
}

static void add_fill(const struct report_line *line)
{
    text_add_string(line->text, "; buffer ");
    line_add_level(line, (double)line->meter->fill, line->meter->capacity);
}

/*
 * Where the line is too long, it leaves out in this order: the size that is expected, records and
 * the time of connecting; the length of the interval and the buffer; the percentage that is done,
 * the state and the spool. Bytes that were dropped are always told.
 */
static void add_sample(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    uint64_t dropped = meter_least_output(meter)->bytes_dropped;

    add_amount(line);
    add_time(line, meter_elapsed(meter), meter->state_ns[METER_CONNECT]);
    text_add_string(line->text, "; ");
    add_last(line);
    add_interval(line);
    if (line->brevity < 2)
        add_fill(line);
    if (meter->spool_fill > 0 && line->brevity < 3) {
        text_add_string(line->text, "; spool ");
        line_add_level(line, (double)meter->spool_fill, meter->spool_capacity);
    }
    if (dropped > 0) {
        text_add_string(line->text, "; ");
        line_add_size(line, dropped);
        text_add_string(line->text, " dropped");
    }
}

/* "last 1.00 s: input 8%, output 71%, absorb 12%, throttle 0%, busy 9%" */
static void add_interval_shares(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    const struct report_interval *interval = &line->request->interval;

    if (is_connecting(meter) || interval->ns - interval->state_ns[METER_CONNECT] < SHORTEST_TOLD_NS)
        return;
    add_last(line);
    text_add_string(line->text, ": ");
    add_states(line, interval->state_ns);
}

/* "last 1.62 s: 98.0 MiB/s, output 71%; buffer 62%", for a client (-Q): a long run may have
 * another slow side now than as a whole. */
static void add_recent(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;

    if (line->request->interval.ns == 0 || is_connecting(meter))
        return;
    add_last(line);
    add_interval(line);
    add_fill(line);
}

static void add_lines(struct text *text, const struct meter *meter,
                      const struct report_request *request)
{
    if (request->moment == REPORT_MOMENT_SAMPLE) {
        report_add_line(text, meter, request, add_sample, meter);
        if (request->verbose)
            report_add_line(text, meter, request, add_interval_shares, meter);
        return;
    }
    report_add_line(text, meter, request, add_summary, meter);
    report_add_line(text, meter, request, add_connecting, meter);
    report_add_line(text, meter, request, add_slow_side, meter);
    if (request->moment == REPORT_MOMENT_NOW)
        report_add_line(text, meter, request, add_recent, meter);
    if (request->moment == REPORT_MOMENT_FINAL)
        report_add_line(text, meter, request, add_early_end, meter);
    if (request->verbose) {
        report_add_line(text, meter, request, add_spread, meter);
        report_add_line(text, meter, request, add_shares, meter);
        report_add_buffer(text, meter, request);
    }
    report_add_losses(text, meter, request);
    if (request->verbose)
        report_add_endpoints(text, meter, request);
}

void report_format_text(struct text *text, const struct meter *meter,
                        const struct report_request *request)
{
    struct report_request fitting = *request;
    size_t start = text->length;
    bool too_long;

    fitting.too_long = &too_long;
    for (size_t room = REPORT_OWN_ROOM; room >= REPORT_OWN_ROOM_LEAST; room--) {
        text->length = start;
        too_long = false;
        fitting.own_room = room;
        add_lines(text, meter, &fitting);
        if (!too_long)
            return;
    }
}
