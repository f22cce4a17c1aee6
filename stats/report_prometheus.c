/*
 * report_prometheus.c - a report in Prometheus' text format, for node_exporter's textfile
 * collector.
 *
 * Each family has its HELP and TYPE once. Names end in their base unit, counters in _total. The
 * names are an interface. With -N every sample has a label `name`, so that the files of several
 * runs can be in one directory. Endpoints have their index beside their name, because the same path
 * may be given twice.
 *
 * A label's value is UTF-8, and contains only characters that are visible on a terminal. Each byte
 * that is not UTF-8, or belongs to an invisible character, becomes \xNN in the value (so \\xNN in
 * the text). The exception is a newline, for which the format itself has an escape. A backslash
 * followed by text that looks like the rest of such an escape is \x5c, so that no two names have
 * the same value.
 */
#include "base/platform.h"
#include "stats/metrics.h"
#include "stats/report_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FAMILY_NAME = 80 };

static void begin_family(struct text *text, const char *metric, const char *type, const char *help)
{
    text_add(text, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

static const char *type_of(bool counter)
{
    return counter ? "counter" : "gauge";
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

/* "metric{name="N",key="value"} "; without the key if there is no value. The caller appends the
 * sample's value and a newline. */
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

static void add_value(struct text *text, uint64_t value, enum metric_kind kind)
{
    if (kind == METRIC_SECONDS)
        text_add_seconds(text, value);
    else
        text_add(text, "%" PRIu64, value);
    text_add_string(text, "\n");
}

/* A gauge with one sample. */
static void add_single(struct text *text, const struct meter *meter, const char *metric,
                       const char *help, uint64_t value, enum metric_kind kind)
{
    begin_family(text, metric, "gauge", help);
    begin_sample(text, meter, metric, NULL, NULL);
    add_value(text, value, kind);
}

static void add_group(struct text *text, const struct meter *meter, enum metric_group group)
{
    for (size_t i = 0; i < run_metric_count; i++) {
        const struct run_metric *metric = &run_metrics[i];
        if (metric->group != group || metric->prometheus == NULL ||
            !run_metric_known(metric, meter))
            continue;
        begin_family(text, metric->prometheus, type_of(metric->counter), metric->help);
        begin_sample(text, meter, metric->prometheus, NULL, NULL);
        if (metric->kind == METRIC_NUMBER) {
            text_add_decimal(text, metric->number(meter), 3);
            text_add_string(text, "\n");
        } else {
            add_value(text, metric->count(meter), metric->kind);
        }
    }
}

/* --- endpoints ----------------------------------------------------------------------------- */

/* The endpoints of one kind, and their label. */
struct side {
    enum metric_side side;
    const char *label; /* also part of the names: "bpipe_input_" */
    const struct meter_endpoint *endpoints;
    size_t count;
};

static void add_endpoint_family(struct text *text, const struct meter *meter,
                                const struct endpoint_metric *metric, const struct side *side)
{
    char name[FAMILY_NAME];
    snprintf(name, sizeof name, "bpipe_%s_%s", side->label, metric->prometheus);
    begin_family(text, name, type_of(metric->counter), metric->help[side->side]);
    for (size_t i = 0; i < side->count; i++) {
        if (!endpoint_metric_known(metric, meter, &side->endpoints[i]))
            continue;
        text_add_string(text, name);
        if (meter->name != NULL)
            add_label(text, "name", meter->name, '{');
        add_label(text, side->label, side->endpoints[i].name, meter->name != NULL ? ',' : '{');
        text_add(text, ",index=\"%zu\"} ", i);
        add_value(text, metric->count(&side->endpoints[i]), metric->kind);
    }
}

/* Whether the metric is known for any of the endpoints. */
static bool is_known(const struct meter *meter, const struct endpoint_metric *metric,
                     const struct side *side)
{
    bool known = metric->known == NULL;
    for (size_t i = 0; i < side->count; i++)
        known |= endpoint_metric_known(metric, meter, &side->endpoints[i]);
    return known;
}

static void add_endpoints(struct text *text, const struct meter *meter, struct side side)
{
    for (size_t i = 0; i < ENDPOINT_METRICS; i++) {
        const struct endpoint_metric *metric = &endpoint_metrics[i];
        if (metric->help[side.side] != NULL && is_known(meter, metric, &side))
            add_endpoint_family(text, meter, metric, &side);
    }
}

/* --- the whole ----------------------------------------------------------------------------- */

static void add_states(struct text *text, const struct meter *meter)
{
    static const char *const time = "bpipe_state_seconds_total";
    static const char *const verdict = "bpipe_bottleneck";
    const struct meter_endpoint *endpoint;
    unsigned found = meter_verdict(meter, &endpoint);

    begin_family(text, time, "counter",
                 "Time spent in each state; the states sum to the elapsed time.");
    for (unsigned state = 0; state < METER_STATES; state++) {
        begin_sample(text, meter, time, "state", meter_state_name((enum meter_state)state));
        add_value(text, meter->state_ns[state], METRIC_SECONDS);
    }
    begin_family(text, verdict, "gauge",
                 "1 for the bottleneck, else 0; all 0 if there is no verdict.");
    for (unsigned side = 0; side <= METER_VERDICT_BALANCED; side++) {
        begin_sample(text, meter, verdict, "side", meter_verdict_name((enum meter_verdict)side));
        add_value(text, side == found, METRIC_COUNT);
    }
}

/*
 * Observations are bytes. Their sum is the integral of the fill over time: each byte adds the time
 * that it stays to both. (So bytes still in the buffer count with their age so far. Dropped bytes
 * count with their age, too, although they are no observations.)
 */
static void add_residence(struct text *text, const struct meter *meter)
{
    static const char *const metric = "bpipe_residence_seconds";

    begin_family(text, metric, "summary",
                 "Time that bytes stayed in the buffer, weighted by bytes.");
    for (size_t i = 0; i < METRIC_PERCENTILES; i++) {
        begin_sample(text, meter, metric, "quantile", metric_percentiles[i].prometheus);
        add_value(text, residence_percentile(&meter->residence, metric_percentiles[i].per_mille),
                  METRIC_SECONDS);
    }
    begin_sample(text, meter, "bpipe_residence_seconds_sum", NULL, NULL);
    text_add_decimal(text, meter->fill_area / (double)NS_PER_SEC, 3);
    text_add_string(text, "\n");
    begin_sample(text, meter, "bpipe_residence_seconds_count", NULL, NULL);
    add_value(text, meter->residence.bytes, METRIC_COUNT);
}

static void add_calls(struct text *text, const struct meter *meter)
{
    static const char *const metric = "bpipe_system_calls_total";

    begin_family(text, metric, "counter", "System calls that moved bytes or waited for them.");
    for (unsigned call = 0; call < COUNTED_CALLS; call++) {
        begin_sample(text, meter, metric, "call", metric_call_names[call]);
        add_value(text, meter->calls[call], METRIC_COUNT);
    }
}

void report_format_prometheus(struct text *text, const struct meter *meter,
                              const struct report_request *request)
{
    bool final = request->moment == REPORT_MOMENT_FINAL;

    add_group(text, meter, METRIC_TOTALS);
    add_group(text, meter, METRIC_PAST_BUFFER);
    add_group(text, meter, METRIC_RATES);
    add_states(text, meter);
    add_group(text, meter, METRIC_BUFFER);
    add_group(text, meter, METRIC_SPOOL);
    add_residence(text, meter);
    add_calls(text, meter);
    add_endpoints(text, meter,
                  (struct side){METRIC_INPUT, "input", meter->inputs, meter->input_count});
    add_endpoints(text, meter,
                  (struct side){METRIC_OUTPUT, "output", meter->outputs, meter->output_count});
    if (meter->tap_count > 0)
        add_endpoints(text, meter,
                      (struct side){METRIC_TAP, "tap", meter->outputs + meter->output_count,
                                    meter->tap_count});
    add_single(text, meter, "bpipe_finished", "1 once the run has ended.", final, METRIC_COUNT);
    if (!final)
        return;
    add_single(text, meter, "bpipe_end_time_seconds", "End of the run, in seconds since 1970.",
               request->end_time_ns, METRIC_SECONDS);
    add_single(text, meter, "bpipe_exit_status", "Exit status of the run, 128+N for signal N.",
               (uint64_t)exit_status_of(&request->ending), METRIC_COUNT);
}
