/*
 * report_json.c - a report as one JSON object on one line (RFC 8259).
 *
 * The keys and their order are an interface: scripts read them. Numbers are never localized, times
 * are exact to the nanosecond, and strings are valid UTF-8 for any bytes in a file's name. A report
 * may be shown on a terminal, so characters that would be invisible there are escaped
 * (utf8_is_visible()). To a program an escaped character means the same.
 */
#include "base/platform.h"
#include "stats/metrics.h"
#include "stats/report_format.h"

#include <inttypes.h>
#include <stdio.h>

/* \uNNNN, or a surrogate pair of two of them above U+FFFF. */
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

/* Adds a key, with a comma before it unless it is the `first`. */
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

static void add_count(struct text *text, uint64_t count, enum metric_kind kind)
{
    if (kind == METRIC_SECONDS)
        text_add_seconds(text, count);
    else
        text_add(text, "%" PRIu64, count);
}

/* The numbers of a group, with a comma before each; with `first`, before each except the first. */
static void add_group(struct text *text, const struct meter *meter, enum metric_group group,
                      bool first)
{
    for (size_t i = 0; i < run_metric_count; i++) {
        const struct run_metric *metric = &run_metrics[i];
        if (metric->group != group || metric->json == NULL)
            continue;
        add_key(text, metric->json, first);
        first = false;
        if (!run_metric_known(metric, meter))
            text_add_string(text, "null");
        else if (metric->kind == METRIC_NUMBER)
            text_add_decimal(text, metric->number(meter), 3);
        else
            add_count(text, metric->count(meter), metric->kind);
    }
}

static void add_rate(struct text *text, const struct meter *meter,
                     const struct report_request *request)
{
    const struct report_interval *interval = &request->interval;
    uint64_t ns = interval->ns - interval->state_ns[METER_CONNECT];
    bool sampled = request->moment == REPORT_MOMENT_SAMPLE && ns > 0;

    text_add_string(text, ",\"rate_bytes_per_second\":{\"current\":");
    text_add_decimal(text,
                     sampled ? (double)interval->bytes * ((double)NS_PER_SEC / (double)ns)
                             : meter_rate(meter).current,
                     3);
    add_group(text, meter, METRIC_RATES, false);
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

static void add_residence(struct text *text, const struct meter *meter)
{
    text_add_string(text, ",\"residence_seconds\":{");
    for (size_t i = 0; i < METRIC_PERCENTILES; i++) {
        add_key(text, metric_percentiles[i].json, i == 0);
        text_add_seconds(text,
                         residence_percentile(&meter->residence, metric_percentiles[i].per_mille));
    }
    text_add_string(text, "}");
}

static void add_spool(struct text *text, const struct meter *meter)
{
    if (meter->spool_capacity == 0) {
        text_add_string(text, ",\"spool\":null");
        return;
    }
    text_add_string(text, ",\"spool\":{");
    add_group(text, meter, METRIC_SPOOL, true);
    text_add_string(text, "}");
}

static void add_calls(struct text *text, const struct meter *meter)
{
    text_add_string(text, ",\"syscalls\":{");
    for (size_t call = 0; call < COUNTED_CALLS; call++) {
        add_key(text, metric_call_names[call], call == 0);
        text_add(text, "%" PRIu64, meter->calls[call]);
    }
    text_add_string(text, "}");
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

/* The numbers that are in a place, with a comma before each. */
static void add_metrics(struct text *text, const struct meter *meter, enum metric_place place,
                        const struct meter_endpoint *endpoint, enum metric_side side)
{
    for (size_t i = 0; i < ENDPOINT_METRICS; i++) {
        const struct endpoint_metric *metric = &endpoint_metrics[i];
        bool of_output = metric->place == METRIC_IN_OUTPUTS && side != METRIC_INPUT;
        if (metric->json == NULL ||
            (metric->place != place && !(of_output && place == METRIC_IN_ENDPOINTS)))
            continue;
        add_key(text, metric->json, false);
        if (endpoint_metric_known(metric, meter, endpoint))
            add_count(text, metric->count(endpoint), metric->kind);
        else
            text_add_string(text, "null");
    }
}

static void add_process(struct text *text, const struct meter *meter,
                        const struct meter_endpoint *endpoint, enum metric_side side)
{
    if (!endpoint->process.is_command || endpoint->process.pid == 0) {
        text_add_string(text, ",\"process\":null");
        return;
    }
    text_add(text, ",\"process\":{\"pid\":%ld", endpoint->process.pid);
    add_metrics(text, meter, METRIC_IN_PROCESS, endpoint, side);
    text_add_string(text, "}");
}

static void add_endpoint(struct text *text, const struct meter *meter, enum metric_side side,
                         const struct meter_endpoint *endpoint)
{
    text_add_string(text, "{\"name\":");
    add_string(text, endpoint->name);
    add_metrics(text, meter, METRIC_IN_ENDPOINTS, endpoint, side);
    add_peer(text, endpoint);
    add_process(text, meter, endpoint, side);
    add_error(text, endpoint);
    text_add_string(text, "}");
}

static void add_endpoints(struct text *text, const struct meter *meter, const char *key,
                          enum metric_side side, const struct meter_endpoint *endpoints,
                          size_t count)
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
    add_group(text, meter, METRIC_TOTALS, false);
    add_rate(text, meter, request);
    add_states(text, meter);
    text_add_string(text, ",\"buffer\":{");
    add_group(text, meter, METRIC_BUFFER, true);
    text_add_string(text, "}");
    add_residence(text, meter);
    add_spool(text, meter);
    add_group(text, meter, METRIC_PAST_BUFFER, false);
    add_calls(text, meter);
    add_endpoints(text, meter, "inputs", METRIC_INPUT, meter->inputs, meter->input_count);
    add_endpoints(text, meter, "outputs", METRIC_OUTPUT, meter->outputs, meter->output_count);
    add_endpoints(text, meter, "taps", METRIC_TAP, meter->outputs + meter->output_count,
                  meter->tap_count);
    if (final)
        text_add(text, ",\"exit_status\":%d}\n", exit_status_of(&request->ending));
    else
        text_add_string(text, ",\"exit_status\":null}\n");
}
