/*
 * report_text.c - a report as lines for people.
 *
 *     bpipe: 4.00 GiB in 3.21 s: 1.25 GiB/s (min 1.10, max 1.41, sd 0.08)
 *     bpipe: 4.00 GiB in 13.2 s (10.0 s connecting): 1.25 GiB/s                 (the same)
 *     bpipe: time: input 8%, output 71%, absorb 12%, throttle 0%, busy 9%
 *     bpipe: bottleneck: output (stdout -> zstd, pid 812), longest stall 412 ms
 *     bpipe: buffer 16.0 MiB: mean 62%, peak 100%, full 41 times; held p50 3.20 ms, p99 12.0 ms,
 *            max 19.0 ms; zero-copy 38%                                     (all one line)
 *     bpipe: spool 1.00 GiB: peak 12%, 340 MiB written
 *     bpipe: input b.log: 61 B dropped (1 record)
 *     bpipe: stdout: 12.0 KiB undelivered, 1.20 MiB dropped (345 records), 61 B added
 *     bpipe: tap copy: 1.20 MiB missed
 *
 * The last four lines appear only if they have something to report, and the bottleneck only if
 * there is something to judge.
 *
 * The percentages of states are shares of the running time, without connecting. They are whole
 * numbers that sum to 100. All other percentages are rounded down, so that 100% means all of it. A
 * rate that would mean nothing (of no bytes, or of less than a millisecond) is left out, and so is
 * less than a millisecond of connecting.
 */
#include "base/platform.h"
#include "base/size.h"
#include "stats/metrics.h"
#include "stats/report_format.h"

#include <inttypes.h>
#include <string.h>

static const uint64_t shortest_told_ns = NS_PER_SEC / 1000;

/* The states in the order of the line: the two sides first. Connecting is shown elsewhere. */
enum { SHOWN_STATES = METER_STATES - 1 };
static const enum meter_state shown_states[SHOWN_STATES] = {METER_INPUT, METER_OUTPUT, METER_ABSORB,
                                                            METER_THROTTLE, METER_BUSY};

static void begin_line(struct text *text, const struct meter *meter)
{
    text_add_string(text, "bpipe: ");
    if (meter->name != NULL) {
        text_add_visible(text, meter->name);
        text_add_string(text, ": ");
    }
}

static void add_size(struct text *text, uint64_t bytes, const struct report_request *request)
{
    char buf[SIZE_TEXT];
    text_add_string(text, size_format(buf, bytes, request->si));
}

static void add_duration(struct text *text, uint64_t ns)
{
    char buf[SIZE_TEXT];
    text_add_string(text, size_format_duration(buf, ns));
}

static void add_rate(struct text *text, double bytes_per_sec, const struct report_request *request)
{
    char buf[SIZE_TEXT];
    text_add_string(text, size_format_rate(buf, bytes_per_sec, request->si));
}

/* `part` in percent of `whole`, rounded down; 0 if `whole` is 0. */
static uint64_t percent(uint64_t part, uint64_t whole)
{
    while (part > UINT64_MAX / 100 || whole > UINT64_MAX / 100) {
        part /= 2;
        whole /= 2;
    }
    return whole == 0 ? 0 : part * 100 / whole;
}

/* " (50%)": the part of the expected size that is done. 100 % if the size is 0 and nothing came; no
 * percentage if the size is 0 and bytes came. */
static void add_percent_done(struct text *text, uint64_t part, uint64_t whole)
{
    if (whole > 0 || part == 0)
        text_add(text, " (%" PRIu64 "%%)", whole == 0 ? 100 : percent(part, whole));
}

/*
 * The shares of the shown states in their sum, in whole percent that sum to 100 (by the largest
 * remainder), in the order of shown_states; all 0 if no time has passed.
 */
static void state_percents(const uint64_t state_ns[METER_STATES], uint64_t percents[SHOWN_STATES])
{
    uint64_t rest[SHOWN_STATES];
    uint64_t sum = meter_running_of(state_ns), missing = 100;
    unsigned shift = 0; /* only for runs of years: makes a hundred times the sum fit */

    for (unsigned i = 0; i < SHOWN_STATES; i++)
        percents[i] = 0;
    if (sum == 0)
        return;
    while (sum >> shift > UINT64_MAX / 100)
        shift++;
    sum = 0;
    for (unsigned i = 0; i < SHOWN_STATES; i++)
        sum += state_ns[shown_states[i]] >> shift;
    for (unsigned i = 0; i < SHOWN_STATES; i++) {
        percents[i] = (state_ns[shown_states[i]] >> shift) * 100 / sum;
        rest[i] = (state_ns[shown_states[i]] >> shift) * 100 % sum;
        missing -= percents[i];
    }
    for (; missing > 0; missing--) {
        unsigned largest = 0;
        for (unsigned i = 1; i < SHOWN_STATES; i++)
            if (rest[i] > rest[largest])
                largest = i;
        percents[largest]++;
        rest[largest] = 0;
    }
}

/* Whether bytes cannot move yet. */
static bool is_connecting(const struct meter *meter)
{
    return !meter->began && meter->connecting != NULL;
}

/* "input 8%, output 71%, absorb 12%, throttle 0%, busy 9%"; "connecting (tcp://host:9)". */
static void add_states(struct text *text, const struct meter *meter,
                       const uint64_t state_ns[METER_STATES])
{
    uint64_t percents[SHOWN_STATES];

    if (is_connecting(meter)) {
        text_add_string(text, "connecting (");
        text_add_visible(text, meter->connecting->name);
        text_add_string(text, ")");
        return;
    }
    state_percents(state_ns, percents);
    for (unsigned i = 0; i < SHOWN_STATES; i++)
        text_add(text, "%s%s %" PRIu64 "%%", i == 0 ? "" : ", ", meter_state_name(shown_states[i]),
                 percents[i]);
}

/* "13.2 s (10.0 s connecting)" */
static void add_time(struct text *text, const struct meter *meter, uint64_t ns, uint64_t connect_ns)
{
    add_duration(text, ns);
    if (connect_ns < shortest_told_ns || is_connecting(meter))
        return;
    text_add_string(text, " (");
    add_duration(text, connect_ns);
    text_add_string(text, " connecting)");
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

static void add_rates(struct text *text, const struct meter *meter,
                      const struct report_request *request)
{
    struct meter_rate rate = meter_rate(meter);
    char mean[SIZE_TEXT];

    size_format_rate(mean, rate.mean, request->si);
    text_add(text, ": %s", mean);
    if (rate.windows < 2)
        return;
    text_add_string(text, " (min ");
    add_rate_like(text, rate.min, mean, request->si);
    text_add_string(text, ", max ");
    add_rate_like(text, rate.max, mean, request->si);
    text_add_string(text, ", sd ");
    add_rate_like(text, rate.stddev, mean, request->si);
    text_add_string(text, ")");
}

/* "4.00 GiB of 8.00 GiB (50%), 12345 records in 3.21 s". If the size is in records (-l), the "of"
 * belongs to the records. */
static void add_amount(struct text *text, const struct meter *meter,
                       const struct report_request *request)
{
    uint64_t size = meter->size_bytes, records = meter_shown_output(meter)->records_out;
    bool of_records = meter->size_known && meter->size_in_records;

    add_size(text, meter->bytes_passed, request);
    if (meter->size_known && !meter->size_in_records) {
        text_add_string(text, " of ");
        add_size(text, size, request);
        add_percent_done(text, meter->bytes_passed, size);
    }
    if (meter->counts_records) {
        text_add(text, ", %" PRIu64, records);
        if (of_records)
            text_add(text, " of %" PRIu64, size);
        text_add_string(text, !of_records && records == 1 ? " record" : " records");
        if (of_records)
            add_percent_done(text, records, size);
    }
    text_add_string(text, " in ");
    add_time(text, meter, meter_elapsed(meter), meter->state_ns[METER_CONNECT]);
}

static bool rate_says_something(const struct meter *meter)
{
    return meter->bytes_passed > 0 && meter_running(meter) >= shortest_told_ns;
}

/* Whether the peer's name says more than the endpoint's name does. */
static bool has_shown_peer(const struct meter_endpoint *endpoint)
{
    const char *peer = meter_peer_name(endpoint);
    size_t length = strlen(endpoint->name), end = peer == NULL ? 0 : strlen(peer);
    return end > 0 && (end > length || strcmp(endpoint->name + length - end, peer) != 0);
}

/* "zstd, pid 812", or an address. */
static void add_peer(struct text *text, const struct meter_endpoint *endpoint)
{
    text_add_visible(text, meter_peer_name(endpoint));
    if (endpoint->peer.pid > 0)
        text_add(text, ", pid %ld", endpoint->peer.pid);
}

/* "pid 812, exit status 0, CPU 1.20 s, peak memory 3.40 MiB" */
static void add_process(struct text *text, const struct meter_process *process,
                        const struct report_request *request)
{
    text_add(text, "pid %ld", process->pid);
    if (process->signal > 0)
        text_add(text, ", signal %d", process->signal);
    else if (process->ended)
        text_add(text, ", exit status %d", process->exit_status);
    if (!process->usage_known)
        return;
    text_add_string(text, ", CPU ");
    add_duration(text, process->cpu_ns);
    text_add_string(text, ", peak memory ");
    add_size(text, process->peak_memory_bytes, request);
}

/* An endpoint of the verdict with its peer, in the order in which bytes go: "tar, pid 811 ->
 * stdin", "stdout -> zstd, pid 812". */
static void add_culprit(struct text *text, const struct meter_endpoint *endpoint, bool input)
{
    bool peer = has_shown_peer(endpoint);
    if (peer && input) {
        add_peer(text, endpoint);
        text_add_string(text, " -> ");
    }
    text_add_visible(text, endpoint->name);
    if (peer && !input) {
        text_add_string(text, " -> ");
        add_peer(text, endpoint);
    }
    if (endpoint->process.pid > 0)
        text_add(text, ", pid %ld", endpoint->process.pid);
}

static void add_verdict_line(struct text *text, const struct meter *meter)
{
    const struct meter_endpoint *endpoint;
    enum meter_verdict verdict = meter_verdict(meter, &endpoint);

    if (verdict == METER_VERDICT_NONE)
        return;
    begin_line(text, meter);
    text_add_string(text, "bottleneck: ");
    switch (verdict) {
    case METER_VERDICT_INPUT:
    case METER_VERDICT_OUTPUT:
        text_add(text, "%s (", meter_verdict_name(verdict));
        add_culprit(text, endpoint, verdict == METER_VERDICT_INPUT);
        text_add_string(text, "), longest stall ");
        add_duration(text, meter_longest_stall(endpoint));
        text_add_string(text, "\n");
        break;
    case METER_VERDICT_THROTTLE:
        text_add_string(text, "throttle (the rate limit)\n");
        break;
    case METER_VERDICT_BUSY:
        text_add_string(text, "busy (bpipe itself)\n");
        break;
    case METER_VERDICT_BALANCED:
        text_add_string(text, "none (balanced)\n");
        break;
    case METER_VERDICT_NONE:
        break;
    }
}

static void add_buffer_line(struct text *text, const struct meter *meter,
                            const struct report_request *request)
{
    const struct residence *residence = &meter->residence;

    begin_line(text, meter);
    text_add_string(text, "buffer ");
    add_size(text, meter->capacity, request);
    text_add(text, ": mean %" PRIu64 "%%, peak %" PRIu64 "%%, full %" PRIu64 " %s; ",
             percent((uint64_t)meter_mean_fill(meter), meter->capacity),
             percent(meter->peak, meter->capacity), meter->full_count,
             meter->full_count == 1 ? "time" : "times");
    if (residence->bytes == 0) {
        text_add_string(text, meter->fill == 0 ? "held nothing" : "nothing has left it");
    } else {
        text_add_string(text, "held p50 ");
        add_duration(text, residence_percentile(residence, 500));
        text_add_string(text, ", p99 ");
        add_duration(text, residence_percentile(residence, 990));
        text_add_string(text, ", max ");
        add_duration(text, residence->max_ns);
    }
    if (meter->zero_copy_bytes > 0)
        text_add(text, "; zero-copy %" PRIu64 "%%",
                 percent(meter->zero_copy_bytes, meter->bytes_passed));
    text_add_string(text, "\n");
}

static void add_spool_line(struct text *text, const struct meter *meter,
                           const struct report_request *request)
{
    begin_line(text, meter);
    text_add_string(text, "spool ");
    add_size(text, meter->spool_capacity, request);
    if (meter->spool_bytes == 0) {
        text_add_string(text, ": held nothing\n");
        return;
    }
    text_add(text, ": peak %" PRIu64 "%%, ", percent(meter->spool_peak, meter->spool_capacity));
    add_size(text, meter->spool_bytes, request);
    text_add_string(text, " written\n");
}

static void begin_losses(struct text *text, const struct meter *meter, const char *side,
                         const struct meter_endpoint *endpoint)
{
    begin_line(text, meter);
    text_add_string(text, side);
    text_add_visible(text, endpoint->name);
}

static const char *loss_word(enum endpoint_metric_id id, const struct meter_endpoint *endpoint,
                             bool tap)
{
    if (id == METRIC_DROPPED && tap)
        return "missed";
    if (id == METRIC_UNACKNOWLEDGED && endpoint->process.is_command)
        return "left unread";
    return endpoint_metrics[id].many;
}

/*
 * Losses and additions: "stdout: 12.0 KiB undelivered, 1.20 MiB dropped (345 records), 1 B added".
 * `side` is put before the name; it is empty for an output. Only whole records are counted as
 * dropped, so their number may be 0.
 */
static void add_exception_line(struct text *text, const struct meter *meter, const char *side,
                               const struct meter_endpoint *endpoint, bool tap,
                               const struct report_request *request)
{
    static const enum endpoint_metric_id exceptions[] = {METRIC_UNDELIVERED, METRIC_DROPPED,
                                                         METRIC_ADDED, METRIC_UNACKNOWLEDGED};
    const char *separator = ": ";

    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        uint64_t bytes = endpoint_metrics[exceptions[i]].count(endpoint);
        uint64_t records = exceptions[i] == METRIC_DROPPED ? endpoint->records_dropped : 0;
        if (bytes == 0)
            continue;
        if (separator[0] == ':')
            begin_losses(text, meter, side, endpoint);
        text_add_string(text, separator);
        add_size(text, bytes, request);
        text_add(text, " %s", loss_word(exceptions[i], endpoint, tap));
        if (meter->counts_records && records > 0)
            text_add(text, " (%" PRIu64 " %s)", records, records == 1 ? "record" : "records");
        separator = ", ";
    }
    if (separator[0] != ':')
        text_add_string(text, "\n");
}

/* "input udp-listen://:9: 12 datagrams dropped by the kernel, 3 refusals". */
static void add_datagram_line(struct text *text, const struct meter *meter, const char *side,
                              const struct meter_endpoint *endpoint)
{
    static const enum endpoint_metric_id losses[] = {METRIC_KERNEL_DROPS, METRIC_NOT_ALLOWED,
                                                     METRIC_REFUSALS};
    const char *separator = ": ";

    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        const struct endpoint_metric *metric = &endpoint_metrics[losses[i]];
        uint64_t count = metric->count(endpoint);
        if (count == 0)
            continue;
        if (separator[0] == ':')
            begin_losses(text, meter, side, endpoint);
        text_add(text, "%s%" PRIu64 " %s", separator, count,
                 count == 1 ? metric->one : metric->many);
        separator = ", ";
    }
    if (separator[0] != ':')
        text_add_string(text, "\n");
}

static void add_exception_lines(struct text *text, const struct meter *meter,
                                const struct report_request *request)
{
    const struct meter_endpoint *taps = meter->outputs + meter->output_count;

    for (size_t i = 0; i < meter->input_count; i++)
        add_exception_line(text, meter, "input ", &meter->inputs[i], false, request);
    for (size_t i = 0; i < meter->output_count; i++)
        add_exception_line(text, meter, "", &meter->outputs[i], false, request);
    for (size_t i = 0; i < meter->tap_count; i++)
        add_exception_line(text, meter, "tap ", &taps[i], true, request);
    for (size_t i = 0; i < meter->input_count; i++)
        add_datagram_line(text, meter, "input ", &meter->inputs[i]);
    for (size_t i = 0; i < meter->output_count; i++)
        add_datagram_line(text, meter, "", &meter->outputs[i]);
    for (size_t i = 0; i < meter->tap_count; i++)
        add_datagram_line(text, meter, "tap ", &taps[i]);
}

static void add_endpoint_line(struct text *text, const struct meter *meter, const char *side,
                              const struct meter_endpoint *endpoint,
                              const struct report_request *request)
{
    begin_line(text, meter);
    text_add(text, "%s ", side);
    text_add_visible(text, endpoint->name);
    if (has_shown_peer(endpoint)) {
        text_add_string(text, " (");
        add_peer(text, endpoint);
        text_add_string(text, ")");
    } else if (endpoint->process.pid > 0) {
        text_add_string(text, " (");
        add_process(text, &endpoint->process, request);
        text_add_string(text, ")");
    }
    text_add_string(text, ": ");
    add_size(text, endpoint->bytes, request);
    if (endpoint->connect_ns >= shortest_told_ns) {
        text_add_string(text, ", ");
        add_duration(text, endpoint->connect_ns);
        text_add_string(text, " connecting");
    }
    text_add_string(text, ", waited ");
    add_duration(text, endpoint->wait_ns);
    text_add_string(text, ", longest stall ");
    add_duration(text, meter_longest_stall(endpoint));
    if (endpoint->error[0] != '\0') {
        text_add_string(text, ": ");
        text_add_visible(text, endpoint->error);
    }
    text_add_string(text, "\n");
}

static void add_verbose_lines(struct text *text, const struct meter *meter,
                              const struct report_request *request)
{
    for (size_t i = 0; i < meter->input_count; i++)
        add_endpoint_line(text, meter, "input", &meter->inputs[i], request);
    for (size_t i = 0; i < meter->output_count; i++)
        add_endpoint_line(text, meter, "output", &meter->outputs[i], request);
    for (size_t i = 0; i < meter->tap_count; i++)
        add_endpoint_line(text, meter, "tap", &meter->outputs[meter->output_count + i], request);
    begin_line(text, meter);
    text_add_string(text, "system calls: ");
    for (size_t call = 0; call < COUNTED_CALLS; call++)
        text_add(text, "%s%s %" PRIu64, call == 0 ? "" : ", ", metric_call_names[call],
                 meter->calls[call]);
    text_add_string(text, "\n");
}

static void add_sample_line(struct text *text, const struct meter *meter,
                            const struct report_request *request)
{
    const struct report_interval *interval = &request->interval;
    uint64_t running_ns = interval->ns - interval->state_ns[METER_CONNECT];
    uint64_t dropped = meter_least_output(meter)->bytes_dropped;

    begin_line(text, meter);
    add_amount(text, meter, request);
    if (rate_says_something(meter)) {
        text_add_string(text, ": ");
        add_rate(text, meter_rate(meter).mean, request);
    }
    text_add_string(text, "; last ");
    add_time(text, meter, interval->ns, interval->state_ns[METER_CONNECT]);
    text_add_string(text, ": ");
    if (running_ns >= shortest_told_ns && !is_connecting(meter)) {
        add_rate(text, (double)interval->bytes * ((double)NS_PER_SEC / (double)running_ns),
                 request);
        text_add_string(text, ", ");
    }
    add_states(text, meter, interval->state_ns);
    text_add(text, "; buffer %" PRIu64 "%%", percent(meter->fill, meter->capacity));
    if (meter->spool_fill > 0)
        text_add(text, "; spool %" PRIu64 "%%", percent(meter->spool_fill, meter->spool_capacity));
    if (dropped > 0) {
        text_add_string(text, "; ");
        add_size(text, dropped, request);
        text_add_string(text, " dropped so far");
    }
    text_add_string(text, "\n");
}

void report_format_text(struct text *text, const struct meter *meter,
                        const struct report_request *request)
{
    if (request->moment == REPORT_MOMENT_SAMPLE) {
        add_sample_line(text, meter, request);
        return;
    }
    begin_line(text, meter);
    add_amount(text, meter, request);
    if (request->moment == REPORT_MOMENT_NOW)
        text_add_string(text, " so far");
    if (rate_says_something(meter))
        add_rates(text, meter, request);
    text_add_string(text, "\n");

    begin_line(text, meter);
    text_add_string(text, "time: ");
    add_states(text, meter, meter->state_ns);
    text_add_string(text, "\n");
    add_verdict_line(text, meter);
    add_buffer_line(text, meter, request);
    if (meter->spool_bytes > 0 || (request->verbose && meter->spool_capacity > 0))
        add_spool_line(text, meter, request);
    add_exception_lines(text, meter, request);
    if (request->verbose)
        add_verbose_lines(text, meter, request);
}
