/*
 * report_prometheus.c - a report in Prometheus' text format, for node_exporter's textfile
 * collector.
 *
 * Each family has its HELP and TYPE once; names end in their base unit, counters in _total. The
 * names are an interface. With -N every sample has a label `name`, so that the files of several
 * runs can stand in one directory; endpoints have their index beside their name, because the same
 * path may be given twice.
 *
 * A label's value is UTF-8 without anything that nobody would see on a terminal: what is not UTF-8,
 * or not visible, is \xNN for each byte in the value (so \\xNN in the text), except a newline,
 * which the format itself has an escape for. A backslash that is followed by what looks like such
 * an escape is \x5c, so that no two names have the same value.
 */
#include "base/counted_call.h"
#include "base/platform.h"
#include "stats/report_format.h"

#include <inttypes.h>
#include <string.h>

/* RECORDS: counts that are there only where such are. */
enum kind { COUNT, SECONDS, RECORDS };

static void begin_family(struct text *text, const char *metric, const char *type, const char *help)
{
    text_add(text, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

static void add_hidden(struct text *text, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text_add(text, "\\\\x%02x", (unsigned)(unsigned char)bytes[i]);
}

static bool looks_escaped(const char *value)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    return value[0] == '\\' && value[1] == 'x' && strspn(value + 2, digits) >= 2;
}

static void add_label(struct text *text, const char *key, const char *value, char before)
{
    text_add(text, "%c%s=\"", before, key);
    while (*value != '\0') {
        size_t length = utf8_length(value), step = length > 0 ? length : 1;
        if (*value == '\n')
            text_add_string(text, "\\n");
        else if (length == 0 || !utf8_is_visible(value, length) || looks_escaped(value))
            add_hidden(text, value, step);
        else if (*value == '"' || *value == '\\')
            text_add(text, "\\%c", *value);
        else
            text_add_bytes(text, value, length);
        value += step;
    }
    text_add_string(text, "\"");
}

/* "metric{name="N",key="value"} ": without the key if there is no value. What follows is the value
 * and a newline. */
static void begin_sample(struct text *text, const struct meter *meter, const char *metric,
                         const char *key, const char *value)
{
    char before = '{';

    text_add_string(text, metric);
    if (meter->name != NULL) {
        add_label(text, "name", meter->name, before);
        before = ',';
    }
    if (value != NULL) {
        add_label(text, key, value, before);
        before = ',';
    }
    text_add_string(text, before == '{' ? " " : "} ");
}

static void add_value(struct text *text, uint64_t value, enum kind kind)
{
    if (kind == SECONDS)
        text_add_seconds(text, value);
    else
        text_add(text, "%" PRIu64, value);
    text_add_string(text, "\n");
}

/* A family of one sample. */
static void add_single(struct text *text, const struct meter *meter, const char *metric,
                       const char *type, const char *help, uint64_t value, enum kind kind)
{
    begin_family(text, metric, type, help);
    begin_sample(text, meter, metric, NULL, NULL);
    add_value(text, value, kind);
}

static void add_single_number(struct text *text, const struct meter *meter, const char *metric,
                              const char *help, double value)
{
    begin_family(text, metric, "gauge", help);
    begin_sample(text, meter, metric, NULL, NULL);
    text_add_decimal(text, value, 3);
    text_add_string(text, "\n");
}

/* --- endpoints ----------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct meter_endpoint *endpoint)
{
    return endpoint->bytes;
}

static uint64_t added_to(const struct meter_endpoint *endpoint)
{
    return endpoint->bytes_added;
}

static uint64_t dropped_for(const struct meter_endpoint *endpoint)
{
    return endpoint->bytes_dropped;
}

static uint64_t records_of(const struct meter_endpoint *endpoint)
{
    return endpoint->records_out;
}

static uint64_t records_dropped_for(const struct meter_endpoint *endpoint)
{
    return endpoint->records_dropped;
}

static uint64_t undelivered_to(const struct meter_endpoint *endpoint)
{
    return endpoint->bytes_undelivered;
}

static uint64_t unacknowledged_by(const struct meter_endpoint *endpoint)
{
    return endpoint->bytes_unacknowledged;
}

static uint64_t retries_of(const struct meter_endpoint *endpoint)
{
    return endpoint->retries;
}

static uint64_t connected_in(const struct meter_endpoint *endpoint)
{
    return endpoint->connect_ns;
}

static uint64_t waited_for(const struct meter_endpoint *endpoint)
{
    return endpoint->wait_ns;
}

static uint64_t kernel_dropped_for(const struct meter_endpoint *endpoint)
{
    return endpoint->kernel_drops;
}

static uint64_t not_allowed_for(const struct meter_endpoint *endpoint)
{
    return endpoint->strangers;
}

static uint64_t refused_by(const struct meter_endpoint *endpoint)
{
    return endpoint->refusals;
}

static uint64_t is_failed(const struct meter_endpoint *endpoint)
{
    return endpoint->error[0] != '\0';
}

/* As a shell would say it. */
static uint64_t exit_status_of(const struct meter_endpoint *endpoint)
{
    const struct meter_process *process = &endpoint->process;
    return (uint64_t)(process->signal > 0 ? 128 + process->signal : process->exit_status);
}

static uint64_t cpu_time_of(const struct meter_endpoint *endpoint)
{
    return endpoint->process.cpu_ns;
}

static uint64_t peak_memory_of(const struct meter_endpoint *endpoint)
{
    return endpoint->process.peak_memory_bytes;
}

/* --- which families an endpoint has -------------------------------------------------------- */

static bool has_datagrams(const struct meter_endpoint *endpoint)
{
    return endpoint->datagrams;
}

static bool has_ended(const struct meter_endpoint *endpoint)
{
    return endpoint->process.ended;
}

static bool has_usage(const struct meter_endpoint *endpoint)
{
    return endpoint->process.usage_known;
}

struct endpoint_family {
    const char *metric, *type, *help;
    uint64_t (*value)(const struct meter_endpoint *endpoint);
    enum kind kind;
    bool (*has)(const struct meter_endpoint *endpoint); /* NULL: any */
};

static const struct endpoint_family input_families[] = {
    {"bpipe_input_bytes_total", "counter", "Bytes read from the input.", bytes_of, COUNT, NULL},
    {"bpipe_input_added_bytes_total", "counter", "Bytes added to what was read from the input.",
     added_to, COUNT, NULL},
    {"bpipe_input_dropped_bytes_total", "counter",
     "Bytes of the input that were dropped from its share of the buffer.", dropped_for, COUNT,
     NULL},
    {"bpipe_input_dropped_records_total", "counter",
     "Records of the input that were dropped from its share of the buffer.", records_dropped_for,
     RECORDS, NULL},
    {"bpipe_input_retries_total", "counter", "Times that connecting was tried again.", retries_of,
     COUNT, NULL},
    {"bpipe_input_connect_seconds_total", "counter", "Time until the input was connected.",
     connected_in, SECONDS, NULL},
    {"bpipe_input_wait_seconds_total", "counter", "Time for which the input was waited for.",
     waited_for, SECONDS, NULL},
    {"bpipe_input_longest_stall_seconds", "gauge", "Longest time without a byte from the input.",
     meter_longest_stall, SECONDS, NULL},
    {"bpipe_input_kernel_dropped_datagrams_total", "counter",
     "Datagrams that the kernel had no room for.", kernel_dropped_for, COUNT, has_datagrams},
    {"bpipe_input_not_allowed_datagrams_total", "counter",
     "Datagrams of senders who are not allowed to send.", not_allowed_for, COUNT, has_datagrams},
    {"bpipe_input_refusals_total", "counter", "Times that the peer's system refused a datagram.",
     refused_by, COUNT, has_datagrams},
    {"bpipe_input_command_exit_status", "gauge", "Exit status of the command, or 128 + its signal.",
     exit_status_of, COUNT, has_ended},
    {"bpipe_input_command_cpu_seconds_total", "counter", "Processor time that the command used.",
     cpu_time_of, SECONDS, has_usage},
    {"bpipe_input_command_peak_memory_bytes", "gauge", "Most memory that the command had at once.",
     peak_memory_of, COUNT, has_usage},
    {"bpipe_input_failed", "gauge", "1 if the input failed.", is_failed, COUNT, NULL},
};

static const struct endpoint_family output_families[] = {
    {"bpipe_output_bytes_total", "counter", "Bytes that the output accepted.", bytes_of, COUNT,
     NULL},
    {"bpipe_output_records_total", "counter", "Records that the output accepted to their end.",
     records_of, RECORDS, NULL},
    {"bpipe_output_added_bytes_total", "counter",
     "Bytes written to the output beyond what was read.", added_to, COUNT, NULL},
    {"bpipe_output_dropped_bytes_total", "counter",
     "Bytes dropped for the output by the overflow policy.", dropped_for, COUNT, NULL},
    {"bpipe_output_dropped_records_total", "counter",
     "Records dropped for the output by the overflow policy.", records_dropped_for, RECORDS, NULL},
    {"bpipe_output_undelivered_bytes_total", "counter",
     "Bytes that were read and never reached the output.", undelivered_to, COUNT, NULL},
    {"bpipe_output_unacknowledged_bytes", "gauge",
     "Bytes that a lost connection's peer did not acknowledge.", unacknowledged_by, COUNT, NULL},
    {"bpipe_output_retries_total", "counter", "Times that connecting was tried again.", retries_of,
     COUNT, NULL},
    {"bpipe_output_connect_seconds_total", "counter", "Time until the output was connected.",
     connected_in, SECONDS, NULL},
    {"bpipe_output_wait_seconds_total", "counter", "Time for which the output was waited for.",
     waited_for, SECONDS, NULL},
    {"bpipe_output_longest_stall_seconds", "gauge",
     "Longest time in which the output accepted nothing.", meter_longest_stall, SECONDS, NULL},
    {"bpipe_output_refusals_total", "counter", "Times that the peer's system refused a datagram.",
     refused_by, COUNT, has_datagrams},
    {"bpipe_output_command_exit_status", "gauge",
     "Exit status of the command, or 128 + its signal.", exit_status_of, COUNT, has_ended},
    {"bpipe_output_command_cpu_seconds_total", "counter", "Processor time that the command used.",
     cpu_time_of, SECONDS, has_usage},
    {"bpipe_output_command_peak_memory_bytes", "gauge", "Most memory that the command had at once.",
     peak_memory_of, COUNT, has_usage},
    {"bpipe_output_failed", "gauge", "1 if the output failed.", is_failed, COUNT, NULL},
};

static const struct endpoint_family tap_families[] = {
    {"bpipe_tap_bytes_total", "counter", "Bytes that the tap accepted.", bytes_of, COUNT, NULL},
    {"bpipe_tap_records_total", "counter", "Records that the tap accepted to their end.",
     records_of, RECORDS, NULL},
    {"bpipe_tap_dropped_bytes_total", "counter", "Bytes that the tap missed.", dropped_for, COUNT,
     NULL},
    {"bpipe_tap_dropped_records_total", "counter", "Records that the tap missed.",
     records_dropped_for, RECORDS, NULL},
    {"bpipe_tap_refusals_total", "counter", "Times that the peer's system refused a datagram.",
     refused_by, COUNT, has_datagrams},
    {"bpipe_tap_failed", "gauge", "1 if the tap failed.", is_failed, COUNT, NULL},
};

struct side {
    const char *label;
    const struct endpoint_family *families;
    size_t family_count;
};

#define SIDE(label, families)                                   \
    {                                                           \
        label, families, sizeof(families) / sizeof(families)[0] \
    }
static const struct side input_side = SIDE("input", input_families);
static const struct side output_side = SIDE("output", output_families);
static const struct side tap_side = SIDE("tap", tap_families);

static void add_endpoint_family(struct text *text, const struct meter *meter,
                                const struct endpoint_family *family, const char *label,
                                const struct meter_endpoint *endpoints, size_t count)
{
    begin_family(text, family->metric, family->type, family->help);
    for (size_t i = 0; i < count; i++) {
        if (family->has != NULL && !family->has(&endpoints[i]))
            continue;
        text_add_string(text, family->metric);
        if (meter->name != NULL)
            add_label(text, "name", meter->name, '{');
        add_label(text, label, endpoints[i].name, meter->name != NULL ? ',' : '{');
        text_add(text, ",index=\"%zu\"} ", i);
        add_value(text, family->value(&endpoints[i]), family->kind);
    }
}

/* Whether any of them has it. */
static bool is_there(const struct meter *meter, const struct endpoint_family *family,
                     const struct meter_endpoint *endpoints, size_t count)
{
    if (family->has == NULL)
        return family->kind != RECORDS || meter->counts_records;
    for (size_t i = 0; i < count; i++)
        if (family->has(&endpoints[i]))
            return true;
    return false;
}

static void add_endpoints(struct text *text, const struct meter *meter, const struct side *side,
                          const struct meter_endpoint *endpoints, size_t count)
{
    for (size_t i = 0; i < side->family_count; i++)
        if (is_there(meter, &side->families[i], endpoints, count))
            add_endpoint_family(text, meter, &side->families[i], side->label, endpoints, count);
}

/* --- the whole ----------------------------------------------------------------------------- */

static void add_totals(struct text *text, const struct meter *meter)
{
    add_single(text, meter, "bpipe_elapsed_seconds", "gauge", "Time since the start of the run.",
               meter_elapsed(meter), SECONDS);
    add_single(text, meter, "bpipe_start_time_seconds", "gauge",
               "Start of the run, in seconds since 1970.", meter->start_time_ns, SECONDS);
    add_single(text, meter, "bpipe_in_bytes_total", "counter", "Bytes read from all inputs.",
               meter->bytes_in, COUNT);
    add_single(text, meter, "bpipe_passed_bytes_total", "counter", "Bytes that the output got.",
               meter->bytes_passed, COUNT);
    add_single(text, meter, "bpipe_zero_copy_bytes_total", "counter",
               "Bytes that passed without being copied.", meter->zero_copy_bytes, COUNT);
    if (meter->counts_records) {
        add_single(text, meter, "bpipe_in_records_total", "counter",
                   "Records read from all inputs.", meter->records_in, COUNT);
        add_single(text, meter, "bpipe_out_records_total", "counter",
                   "Records that end in what the output got.",
                   meter_shown_output(meter)->records_out, COUNT);
    }
    if (meter->size_known && meter->size_in_records)
        add_single(text, meter, "bpipe_expected_records", "gauge", "Records that were announced.",
                   meter->size_bytes, COUNT);
    else if (meter->size_known)
        add_single(text, meter, "bpipe_expected_bytes", "gauge", "Bytes that were announced.",
                   meter->size_bytes, COUNT);
}

static void add_rates(struct text *text, const struct meter *meter)
{
    struct meter_rate rate = meter_rate(meter);

    add_single_number(text, meter, "bpipe_rate_mean_bytes_per_second",
                      "Throughput of the whole run, without the time of connecting.", rate.mean);
    add_single_number(text, meter, "bpipe_rate_min_bytes_per_second",
                      "Throughput of the slowest second.", rate.min);
    add_single_number(text, meter, "bpipe_rate_max_bytes_per_second",
                      "Throughput of the fastest second.", rate.max);
    add_single_number(text, meter, "bpipe_rate_stddev_bytes_per_second",
                      "Standard deviation of the seconds' throughput.", rate.stddev);
}

static void add_states(struct text *text, const struct meter *meter)
{
    static const char *const time = "bpipe_state_seconds_total";
    static const char *const verdict = "bpipe_bottleneck";
    const struct meter_endpoint *endpoint;
    unsigned found = meter_verdict(meter, &endpoint);

    begin_family(text, time, "counter",
                 "Time by what the run was waiting for; the states sum to the elapsed time.");
    for (unsigned state = 0; state < METER_STATES; state++) {
        begin_sample(text, meter, time, "state", meter_state_name((enum meter_state)state));
        add_value(text, meter->state_ns[state], SECONDS);
    }
    begin_family(text, verdict, "gauge",
                 "1 for what limits the throughput, else 0; all 0 if nothing can be judged.");
    for (unsigned side = 0; side <= METER_VERDICT_BALANCED; side++) {
        begin_sample(text, meter, verdict, "side", meter_verdict_name((enum meter_verdict)side));
        add_value(text, side == found, COUNT);
    }
}

static void add_buffer(struct text *text, const struct meter *meter)
{
    add_single(text, meter, "bpipe_buffer_capacity_bytes", "gauge", "Size of the buffer.",
               meter->capacity, COUNT);
    add_single(text, meter, "bpipe_buffer_chunk_bytes", "gauge", "Most bytes per read or write.",
               meter->chunk, COUNT);
    add_single(text, meter, "bpipe_buffer_fill_bytes", "gauge", "Bytes in the buffer now.",
               meter->fill, COUNT);
    add_single(text, meter, "bpipe_buffer_peak_bytes", "gauge", "Most bytes ever in the buffer.",
               meter->peak, COUNT);
    add_single_number(text, meter, "bpipe_buffer_mean_bytes",
                      "Time-weighted mean of the bytes in the buffer.", meter_mean_fill(meter));
    add_single(text, meter, "bpipe_buffer_full_total", "counter",
               "How often the buffer became full.", meter->full_count, COUNT);
    add_single(text, meter, "bpipe_buffer_empty_total", "counter", "How often the buffer ran dry.",
               meter->empty_count, COUNT);
}

static void add_spool(struct text *text, const struct meter *meter)
{
    add_single(text, meter, "bpipe_spool_capacity_bytes", "gauge", "Size of the spool at most.",
               meter->spool_capacity, COUNT);
    add_single(text, meter, "bpipe_spool_fill_bytes", "gauge", "Bytes in the spool now.",
               meter->spool_fill, COUNT);
    add_single(text, meter, "bpipe_spool_peak_bytes", "gauge", "Most bytes ever in the spool.",
               meter->spool_peak, COUNT);
    add_single(text, meter, "bpipe_spool_written_bytes_total", "counter",
               "Bytes ever written to the spool.", meter->spool_bytes, COUNT);
}

/*
 * Observations are bytes. Their sum is the integral of the fill over time: each byte adds to both
 * just as long as it stays (so bytes that are still there count with their age so far, and those
 * that were dropped with theirs, though they are no observations).
 */
static void add_residence(struct text *text, const struct meter *meter)
{
    static const char *const metric = "bpipe_residence_seconds";
    static const struct {
        const char *quantile;
        unsigned per_mille;
    } quantiles[] = {{"0.5", 500}, {"0.9", 900}, {"0.99", 990}, {"1", 1000}};

    begin_family(text, metric, "summary",
                 "How long bytes stayed in the buffer, weighted by bytes.");
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        begin_sample(text, meter, metric, "quantile", quantiles[i].quantile);
        add_value(text, residence_percentile(&meter->residence, quantiles[i].per_mille), SECONDS);
    }
    begin_sample(text, meter, "bpipe_residence_seconds_sum", NULL, NULL);
    text_add_decimal(text, meter->fill_area / (double)NS_PER_SEC, 3);
    text_add_string(text, "\n");
    begin_sample(text, meter, "bpipe_residence_seconds_count", NULL, NULL);
    add_value(text, meter->residence.bytes, COUNT);
}

static void add_calls(struct text *text, const struct meter *meter)
{
    static const char *const metric = "bpipe_system_calls_total";
    static const char *const names[COUNTED_CALLS] = {[CALL_READ] = "read",
                                                     [CALL_WRITE] = "write",
                                                     [CALL_SPLICE] = "splice",
                                                     [CALL_POLL] = "poll"};

    begin_family(text, metric, "counter", "System calls that moved bytes or waited for them.");
    for (unsigned call = 0; call < COUNTED_CALLS; call++) {
        begin_sample(text, meter, metric, "call", names[call]);
        add_value(text, meter->calls[call], COUNT);
    }
}

void report_format_prometheus(struct text *text, const struct meter *meter,
                              const struct report_request *request)
{
    bool final = request->moment == REPORT_MOMENT_FINAL;

    add_totals(text, meter);
    add_rates(text, meter);
    add_states(text, meter);
    add_buffer(text, meter);
    if (meter->spool_capacity > 0)
        add_spool(text, meter);
    add_residence(text, meter);
    add_calls(text, meter);
    add_endpoints(text, meter, &input_side, meter->inputs, meter->input_count);
    add_endpoints(text, meter, &output_side, meter->outputs, meter->output_count);
    if (meter->tap_count > 0)
        add_endpoints(text, meter, &tap_side, meter->outputs + meter->output_count,
                      meter->tap_count);
    add_single(text, meter, "bpipe_finished", "gauge", "1 once the run has ended.", final, COUNT);
    if (!final)
        return;
    add_single(text, meter, "bpipe_end_time_seconds", "gauge",
               "End of the run, in seconds since 1970.", request->end_time_ns, SECONDS);
    add_single(text, meter, "bpipe_exit_status", "gauge",
               "Exit status of the run, 128+N for signal N.", (uint64_t)request->exit_status,
               COUNT);
}
