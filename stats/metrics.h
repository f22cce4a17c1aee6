/*
 * metrics.h - every number of a report, listed once: its name in each format, its source, and when
 * it is known.
 *
 * JSON and Prometheus walk these tables, and a text report takes the losses from them. So no format
 * can forget a number, and none shows a number that is not known. The names are an interface, and
 * so is the order of the rows with a `json` name. Help texts are for Prometheus.
 */
#ifndef BPIPE_METRICS_H
#define BPIPE_METRICS_H

#include "base/counted_call.h"
#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_kind {
    METRIC_COUNT,
    METRIC_SECONDS, /* nanoseconds, shown as seconds */
    METRIC_NUMBER   /* a double, shown with three decimals */
};

/* --- of the run ---------------------------------------------------------------------------- */

enum metric_group { METRIC_TOTALS, METRIC_RATES, METRIC_BUFFER, METRIC_SPOOL, METRIC_PAST_BUFFER };

struct run_metric {
    enum metric_group group; /* the rows of a group are adjacent */
    const char *json;        /* its key; NULL: not in JSON */
    const char *prometheus;  /* its full name; NULL: not in Prometheus */
    bool counter;            /* if false, a gauge */
    enum metric_kind kind;
    uint64_t (*count)(const struct meter *meter); /* for METRIC_COUNT and METRIC_SECONDS */
    double (*number)(const struct meter *meter);  /* for METRIC_NUMBER */
    bool (*known)(const struct meter *meter);     /* NULL: always known */
    const char *help;
};

extern const struct run_metric run_metrics[];
extern const size_t run_metric_count;

/* Percentiles of residence times. */
struct metric_percentile {
    const char *json, *prometheus;
    unsigned per_mille;
};

enum { METRIC_PERCENTILES = 4 };
extern const struct metric_percentile metric_percentiles[METRIC_PERCENTILES];

extern const char *const metric_call_names[COUNTED_CALLS];

/* --- of an endpoint ------------------------------------------------------------------------ */

enum metric_side { METRIC_INPUT, METRIC_OUTPUT, METRIC_TAP, METRIC_SIDES };

enum endpoint_metric_id {
    METRIC_BYTES,
    METRIC_ADDED,
    METRIC_DROPPED,
    METRIC_RECORDS,
    METRIC_RECORDS_DROPPED,
    METRIC_UNDELIVERED,
    METRIC_UNACKNOWLEDGED,
    METRIC_RETRIES,
    METRIC_CONNECT,
    METRIC_WAIT,
    METRIC_STALL,
    METRIC_KERNEL_DROPS,
    METRIC_NOT_ALLOWED,
    METRIC_REFUSALS,
    METRIC_EXIT_STATUS, /* JSON separates exit status and signal, Prometheus gets the status that a
                           shell would show */
    METRIC_SIGNAL,
    METRIC_SHELL_STATUS,
    METRIC_CPU,
    METRIC_PEAK_MEMORY,
    METRIC_FAILED,
    ENDPOINT_METRICS
};

/* Where JSON has the number: in every endpoint, in outputs and taps only, or in an endpoint's
 * "process". */
enum metric_place { METRIC_IN_ENDPOINTS, METRIC_IN_OUTPUTS, METRIC_IN_PROCESS };

struct endpoint_metric {
    const char *json; /* its key, or NULL */
    enum metric_place place;
    const char *prometheus; /* the name after "bpipe_input_" etc., for the sides that have a help
                               text */
    bool counter;
    enum metric_kind kind; /* METRIC_COUNT or METRIC_SECONDS */
    uint64_t (*count)(const struct meter_endpoint *endpoint);
    bool (*known)(const struct meter *meter, const struct meter_endpoint *endpoint); /* or NULL */
    const char *help[METRIC_SIDES];
    const char *one, *many; /* its names in a text report, if it is a loss; otherwise NULL */
};

extern const struct endpoint_metric endpoint_metrics[ENDPOINT_METRICS];

/* Whether the number is known. If not, JSON has null, and Prometheus no sample. */
bool run_metric_known(const struct run_metric *metric, const struct meter *meter);
bool endpoint_metric_known(const struct endpoint_metric *metric, const struct meter *meter,
                           const struct meter_endpoint *endpoint);

#endif
