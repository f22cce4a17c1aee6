/*
 * report_json.c - a report as one JSON object on one line (RFC 8259).
 *
 * The keys and their order are an interface: scripts read them. Numbers are never localized, times
 * are exact to the nanosecond, strings are valid UTF-8 whatever the bytes of a file's name are. A
 * report may be shown on a terminal: what nobody would see there is escaped (utf8_is_visible()),
 * which to a program means the same.
 */
#include "base/counted_call.h"
#include "base/platform.h"
#include "stats/report_format.h"

#include <inttypes.h>
#include <stdio.h>

/* \uNNNN, or two of them, a surrogate pair, above U+FFFF. */
static void add_escaped(struct text *text, uint32_t point)
{
    if (point > 0xffff) {
        text_add(text, "\\u%04x", (unsigned)(0xd800 + ((point - 0x10000) >> 10)));
        point = 0xdc00 + (point & 0x3ff);
    }
    text_add(text, "\\u%04x", (unsigned)point);
}

static void add_string(struct text *text, const char *string)
{
    if (string == NULL) {
        text_add_string(text, "null");
        return;
    }
    text_add_string(text, "\"");
    while (*string != '\0') {
        size_t length = utf8_length(string);
        if (length == 0)
            text_add_string(text, "\\ufffd");
        else if (!utf8_is_visible(string, length))
            add_escaped(text, utf8_code_point(string, length));
        else if (*string == '"' || *string == '\\')
            text_add(text, "\\%c", *string);
        else
            text_add_bytes(text, string, length);
        string += length > 0 ? length : 1;
    }
    text_add_string(text, "\"");
}

static void add_error(struct text *text, const struct meter_endpoint *endpoint)
{
    text_add_string(text, ",\"error\":");
    add_string(text, endpoint->error[0] == '\0' ? NULL : endpoint->error);
}

static void add_count_or_null(struct text *text, const char *key, uint64_t count, bool known)
{
    text_add(text, ",\"%s\":", key);
    if (known)
        text_add(text, "%" PRIu64, count);
    else
        text_add_string(text, "null");
}

/* A list of keys and values with a comma before each but the first. */
static void add_key(struct text *text, const char *key, bool first)
{
    text_add(text, "%s\"%s\":", first ? "" : ",", key);
}

static void add_run(struct text *text, const struct meter *meter,
                    const struct report_request *request)
{
    bool final = request->moment == REPORT_MOMENT_FINAL;

    text_add(text, "{\"type\":\"%s\",\"schema\":1,\"name\":", final ? "final" : "sample");
    add_string(text, meter->name);
    text_add(text, ",\"pid\":%ld,\"start_time\":\"", meter->pid);
    text_add_time(text, meter->start_time_ns);
    text_add_string(text, final ? "\",\"end_time\":\"" : "\",\"end_time\":null");
    if (!final)
        return;
    text_add_time(text, request->end_time_ns);
    text_add_string(text, "\"");
}

static void add_totals(struct text *text, const struct meter *meter)
{
    const struct meter_endpoint *least = meter_least_output(meter);

    text_add_string(text, ",\"elapsed_seconds\":");
    text_add_seconds(text, meter_elapsed(meter));
    text_add(text,
             ",\"bytes_in\":%" PRIu64 ",\"bytes_added\":%" PRIu64 ",\"bytes_out\":%" PRIu64
             ",\"bytes_dropped\":%" PRIu64 ",\"bytes_undelivered\":%" PRIu64
             ",\"bytes_unacknowledged\":%" PRIu64,
             meter->bytes_in, least->bytes_added, least->bytes, least->bytes_dropped,
             least->bytes_undelivered, least->bytes_unacknowledged);
    add_count_or_null(text, "records_in", meter->records_in, meter->counts_records);
    add_count_or_null(text, "records_out", least->records_out, meter->counts_records);
    add_count_or_null(text, "records_dropped", least->records_dropped, meter->counts_records);
    add_count_or_null(text, "size_bytes", meter->size_bytes,
                      meter->size_known && !meter->size_in_records);
}

static void add_rate(struct text *text, const struct meter *meter,
                     const struct report_request *request)
{
    struct meter_rate rate = meter_rate(meter);
    const struct report_interval *interval = &request->interval;
    uint64_t ns = interval->ns - interval->state_ns[METER_CONNECT];
    bool sampled = request->moment == REPORT_MOMENT_SAMPLE && ns > 0;
    double current =
        sampled ? (double)interval->bytes * ((double)NS_PER_SEC / (double)ns) : rate.current;
    const struct {
        const char *key;
        double value;
    } rates[] = {{"current", current},
                 {"mean", rate.mean},
                 {"min", rate.min},
                 {"max", rate.max},
                 {"stddev", rate.stddev}};

    text_add_string(text, ",\"rate_bytes_per_second\":{");
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        add_key(text, rates[i].key, i == 0);
        text_add_decimal(text, rates[i].value, 3);
    }
    text_add_string(text, "}");
}

static void add_states(struct text *text, const struct meter *meter)
{
    const struct meter_endpoint *endpoint;
    enum meter_verdict verdict = meter_verdict(meter, &endpoint);

    text_add_string(text, ",\"state_seconds\":{");
    for (unsigned state = 0; state < METER_STATES; state++) {
        add_key(text, meter_state_name((enum meter_state)state), state == 0);
        text_add_seconds(text, meter->state_ns[state]);
    }
    text_add_string(text, "},\"bottleneck\":");
    add_string(text, meter_verdict_name(verdict));
    text_add_string(text, ",\"bottleneck_endpoint\":");
    add_string(text, endpoint == NULL ? NULL : endpoint->name);
}

static void add_buffer(struct text *text, const struct meter *meter)
{
    static const struct {
        const char *key;
        unsigned per_mille;
    } percentiles[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}};

    text_add(text,
             ",\"buffer\":{\"capacity_bytes\":%" PRIu64 ",\"chunk_bytes\":%" PRIu64
             ",\"fill_bytes\":%" PRIu64 ",\"peak_bytes\":%" PRIu64 ",\"mean_bytes\":",
             meter->capacity, meter->chunk, meter->fill, meter->peak);
    text_add_decimal(text, meter_mean_fill(meter), 3);
    text_add(text, ",\"full_count\":%" PRIu64 ",\"empty_count\":%" PRIu64 "}", meter->full_count,
             meter->empty_count);
    text_add_string(text, ",\"residence_seconds\":{");
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++) {
        add_key(text, percentiles[i].key, i == 0);
        text_add_seconds(text, residence_percentile(&meter->residence, percentiles[i].per_mille));
    }
    text_add_string(text, "}");
}

static void add_spool(struct text *text, const struct meter *meter)
{
    if (meter->spool_capacity == 0) {
        text_add_string(text, ",\"spool\":null");
        return;
    }
    text_add(text,
             ",\"spool\":{\"capacity_bytes\":%" PRIu64 ",\"fill_bytes\":%" PRIu64
             ",\"peak_bytes\":%" PRIu64 ",\"written_bytes\":%" PRIu64 "}",
             meter->spool_capacity, meter->spool_fill, meter->spool_peak, meter->spool_bytes);
}

static void add_calls(struct text *text, const struct meter *meter)
{
    text_add(text,
             ",\"zero_copy_bytes\":%" PRIu64 ",\"syscalls\":{\"read\":%" PRIu64
             ",\"write\":%" PRIu64 ",\"splice\":%" PRIu64 ",\"poll\":%" PRIu64 "}",
             meter->zero_copy_bytes, meter->calls[CALL_READ], meter->calls[CALL_WRITE],
             meter->calls[CALL_SPLICE], meter->calls[CALL_POLL]);
}

static void add_peer(struct text *text, const struct meter_endpoint *endpoint)
{
    const struct meter_peer *peer = &endpoint->peer;
    text_add_string(text, ",\"peer\":");
    if (meter_peer_name(endpoint) == NULL) {
        text_add_string(text, "null");
        return;
    }
    text_add_string(text, peer->pid > 0 ? "{\"pid\":" : "{\"pid\":null");
    if (peer->pid > 0)
        text_add(text, "%ld", peer->pid);
    text_add_string(text, ",\"command\":");
    add_string(text, peer->command[0] == '\0' ? NULL : peer->command);
    text_add_string(text, ",\"address\":");
    add_string(text, peer->address[0] == '\0' ? NULL : peer->address);
    text_add_string(text, "}");
}

static void add_process(struct text *text, const struct meter_process *process)
{
    if (!process->is_command || process->pid == 0) {
        text_add_string(text, ",\"process\":null");
        return;
    }
    text_add(text, ",\"process\":{\"pid\":%ld", process->pid);
    add_count_or_null(text, "exit_status", (uint64_t)process->exit_status,
                      process->ended && process->exit_status >= 0);
    add_count_or_null(text, "signal", (uint64_t)process->signal, process->signal > 0);
    text_add_string(text, ",\"cpu_seconds\":");
    if (process->usage_known)
        text_add_seconds(text, process->cpu_ns);
    else
        text_add_string(text, "null");
    add_count_or_null(text, "peak_memory_bytes", process->peak_memory_bytes, process->usage_known);
    text_add_string(text, "}");
}

enum side { INPUTS, OUTPUTS };

static void add_endpoint(struct text *text, const struct meter *meter, enum side side,
                         const struct meter_endpoint *endpoint)
{
    text_add_string(text, "{\"name\":");
    add_string(text, endpoint->name);
    text_add(text, ",\"bytes\":%" PRIu64 ",\"bytes_added\":%" PRIu64 ",\"bytes_dropped\":%" PRIu64,
             endpoint->bytes, endpoint->bytes_added, endpoint->bytes_dropped);
    if (side == OUTPUTS)
        add_count_or_null(text, "records_out", endpoint->records_out, meter->counts_records);
    add_count_or_null(text, "records_dropped", endpoint->records_dropped, meter->counts_records);
    if (side == OUTPUTS)
        text_add(text, ",\"bytes_undelivered\":%" PRIu64 ",\"bytes_unacknowledged\":%" PRIu64,
                 endpoint->bytes_undelivered, endpoint->bytes_unacknowledged);
    text_add(text, ",\"retries\":%" PRIu64 ",\"connect_seconds\":", endpoint->retries);
    text_add_seconds(text, endpoint->connect_ns);
    text_add_string(text, ",\"wait_seconds\":");
    text_add_seconds(text, endpoint->wait_ns);
    text_add_string(text, ",\"longest_stall_seconds\":");
    text_add_seconds(text, meter_longest_stall(endpoint));
    add_count_or_null(text, "datagrams_dropped_by_kernel", endpoint->kernel_drops,
                      endpoint->datagrams && endpoint->kernel_tells);
    add_count_or_null(text, "datagrams_not_allowed", endpoint->strangers, endpoint->datagrams);
    add_count_or_null(text, "refusals", endpoint->refusals, endpoint->datagrams);
    add_peer(text, endpoint);
    add_process(text, &endpoint->process);
    add_error(text, endpoint);
    text_add_string(text, "}");
}

static void add_endpoints(struct text *text, const struct meter *meter, const char *key,
                          enum side side, const struct meter_endpoint *endpoints, size_t count)
{
    text_add(text, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add_string(text, ",");
        add_endpoint(text, meter, side, &endpoints[i]);
    }
    text_add_string(text, "]");
}

void report_format_json(struct text *text, const struct meter *meter,
                        const struct report_request *request)
{
    bool final = request->moment == REPORT_MOMENT_FINAL;

    add_run(text, meter, request);
    add_totals(text, meter);
    add_rate(text, meter, request);
    add_states(text, meter);
    add_buffer(text, meter);
    add_spool(text, meter);
    add_calls(text, meter);
    add_endpoints(text, meter, "inputs", INPUTS, meter->inputs, meter->input_count);
    add_endpoints(text, meter, "outputs", OUTPUTS, meter->outputs, meter->output_count);
    add_endpoints(text, meter, "taps", OUTPUTS, meter->outputs + meter->output_count,
                  meter->tap_count);
    if (final)
        text_add(text, ",\"exit_status\":%d}\n", request->exit_status);
    else
        text_add_string(text, ",\"exit_status\":null}\n");
}
