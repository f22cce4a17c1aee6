/*
 * metrics.c - see metrics.h.
 */
#include "stats/metrics.h"

/* --- of the run ---------------------------------------------------------------------------- */

/* A function that returns a member of the meter. */
#define MEMBER(function, member)                        \
    static uint64_t function(const struct meter *meter) \
    {                                                   \
        return meter->member;                           \
    }
MEMBER(start_time, start_time_ns)
MEMBER(bytes_skipped, bytes_skipped)
MEMBER(bytes_in, bytes_in)
MEMBER(bytes_passed, bytes_passed)
MEMBER(records_in, records_in)
MEMBER(size, size_bytes)
MEMBER(capacity, capacity)
MEMBER(chunk, chunk)
MEMBER(fill, fill)
MEMBER(peak, peak)
MEMBER(full_count, full_count)
MEMBER(empty_count, empty_count)
MEMBER(spool_capacity, spool_capacity)
MEMBER(spool_fill, spool_fill)
MEMBER(spool_peak, spool_peak)
MEMBER(spool_bytes, spool_bytes)
MEMBER(zero_copy, zero_copy_bytes)

/* A function that returns a member of the output that has got the least. */
#define OF_LEAST(function, member)                      \
    static uint64_t function(const struct meter *meter) \
    {                                                   \
        return meter_least_output(meter)->member;       \
    }
OF_LEAST(least_added, bytes_added)
OF_LEAST(least_bytes, bytes)
OF_LEAST(least_dropped, bytes_dropped)
OF_LEAST(least_undelivered, bytes_undelivered)
OF_LEAST(least_unacknowledged, bytes_unacknowledged)
OF_LEAST(least_records, records_out)
OF_LEAST(least_records_dropped, records_dropped)

static uint64_t shown_records(const struct meter *meter)
{
    return meter_shown_output(meter)->records_out;
}

#define RATE(function, member)                        \
    static double function(const struct meter *meter) \
    {                                                 \
        return meter_rate(meter).member;              \
    }
RATE(rate_mean, mean)
RATE(rate_min, min)
RATE(rate_max, max)
RATE(rate_stddev, stddev)

static bool skips(const struct meter *meter)
{
    return meter->skips;
}

static bool counts_records(const struct meter *meter)
{
    return meter->counts_records;
}

static bool size_is_bytes(const struct meter *meter)
{
    return meter->size_known && !meter->size_in_records;
}

static bool size_is_records(const struct meter *meter)
{
    return meter->size_known && meter->size_in_records;
}

static bool has_spool(const struct meter *meter)
{
    return meter->spool_capacity > 0;
}

#define COUNTED(function) METRIC_COUNT, function, NULL
#define TIMED(function)   METRIC_SECONDS, function, NULL
#define NUMBER(function)  METRIC_NUMBER, NULL, function

const struct run_metric run_metrics[] = {
    {METRIC_TOTALS, "elapsed_seconds", "bpipe_elapsed_seconds", false, TIMED(meter_elapsed), NULL,
     "Time since the start of the run."},
    {METRIC_TOTALS, NULL, "bpipe_start_time_seconds", false, TIMED(start_time), NULL,
     "Start of the run, in seconds since 1970."},
    {METRIC_TOTALS, "bytes_in", "bpipe_in_bytes_total", true, COUNTED(bytes_in), NULL,
     "Bytes read from all inputs."},
    {METRIC_TOTALS, "bytes_skipped", "bpipe_skipped_bytes_total", true, COUNTED(bytes_skipped),
     skips, "Bytes at the start of the inputs that were left out."},
    {METRIC_TOTALS, NULL, "bpipe_passed_bytes_total", true, COUNTED(bytes_passed), NULL,
     "Bytes accepted by the output."},
    {METRIC_TOTALS, "bytes_added", NULL, false, COUNTED(least_added), NULL, NULL},
    {METRIC_TOTALS, "bytes_out", NULL, false, COUNTED(least_bytes), NULL, NULL},
    {METRIC_TOTALS, "bytes_dropped", NULL, false, COUNTED(least_dropped), NULL, NULL},
    {METRIC_TOTALS, "bytes_undelivered", NULL, false, COUNTED(least_undelivered), NULL, NULL},
    {METRIC_TOTALS, "bytes_unacknowledged", NULL, false, COUNTED(least_unacknowledged), NULL, NULL},
    {METRIC_TOTALS, "records_in", "bpipe_in_records_total", true, COUNTED(records_in),
     counts_records, "Records read from all inputs."},
    {METRIC_TOTALS, NULL, "bpipe_out_records_total", true, COUNTED(shown_records), counts_records,
     "Records that end in the bytes accepted by the output."},
    {METRIC_TOTALS, "records_out", NULL, false, COUNTED(least_records), counts_records, NULL},
    {METRIC_TOTALS, "records_dropped", NULL, false, COUNTED(least_records_dropped), counts_records,
     NULL},
    {METRIC_TOTALS, "size_bytes", "bpipe_expected_bytes", false, COUNTED(size), size_is_bytes,
     "Expected number of bytes."},
    {METRIC_TOTALS, NULL, "bpipe_expected_records", false, COUNTED(size), size_is_records,
     "Expected number of records."},
    {METRIC_RATES, "mean", "bpipe_rate_mean_bytes_per_second", false, NUMBER(rate_mean), NULL,
     "Throughput of the whole run, except the time spent connecting."},
    {METRIC_RATES, "min", "bpipe_rate_min_bytes_per_second", false, NUMBER(rate_min), NULL,
     "Throughput of the slowest second."},
    {METRIC_RATES, "max", "bpipe_rate_max_bytes_per_second", false, NUMBER(rate_max), NULL,
     "Throughput of the fastest second."},
    {METRIC_RATES, "stddev", "bpipe_rate_stddev_bytes_per_second", false, NUMBER(rate_stddev), NULL,
     "Standard deviation of the seconds' throughput."},
    {METRIC_BUFFER, "capacity_bytes", "bpipe_buffer_capacity_bytes", false, COUNTED(capacity), NULL,
     "Size of the buffer."},
    {METRIC_BUFFER, "chunk_bytes", "bpipe_buffer_chunk_bytes", false, COUNTED(chunk), NULL,
     "Most bytes per read or write."},
    {METRIC_BUFFER, "fill_bytes", "bpipe_buffer_fill_bytes", false, COUNTED(fill), NULL,
     "Current number of bytes in the buffer."},
    {METRIC_BUFFER, "peak_bytes", "bpipe_buffer_peak_bytes", false, COUNTED(peak), NULL,
     "Largest number of bytes in the buffer so far."},
    {METRIC_BUFFER, "mean_bytes", "bpipe_buffer_mean_bytes", false, NUMBER(meter_mean_fill), NULL,
     "Time-weighted mean of the bytes in the buffer."},
    {METRIC_BUFFER, "full_count", "bpipe_buffer_full_total", true, COUNTED(full_count), NULL,
     "Number of times the buffer became full."},
    {METRIC_BUFFER, "empty_count", "bpipe_buffer_empty_total", true, COUNTED(empty_count), NULL,
     "Number of times the buffer became empty."},
    {METRIC_SPOOL, "capacity_bytes", "bpipe_spool_capacity_bytes", false, COUNTED(spool_capacity),
     has_spool, "Maximum size of the spool."},
    {METRIC_SPOOL, "fill_bytes", "bpipe_spool_fill_bytes", false, COUNTED(spool_fill), has_spool,
     "Current number of bytes in the spool."},
    {METRIC_SPOOL, "peak_bytes", "bpipe_spool_peak_bytes", false, COUNTED(spool_peak), has_spool,
     "Largest number of bytes in the spool so far."},
    {METRIC_SPOOL, "written_bytes", "bpipe_spool_written_bytes_total", true, COUNTED(spool_bytes),
     has_spool, "Bytes ever written to the spool."},
    {METRIC_PAST_BUFFER, "zero_copy_bytes", "bpipe_zero_copy_bytes_total", true, COUNTED(zero_copy),
     NULL, "Bytes that passed without being copied."},
};
const size_t run_metric_count = sizeof run_metrics / sizeof run_metrics[0];

const struct metric_percentile metric_percentiles[METRIC_PERCENTILES] = {
    {"p50", "0.5", 500}, {"p90", "0.9", 900}, {"p99", "0.99", 990}, {"max", "1", 1000}};

const char *const metric_call_names[COUNTED_CALLS] = {
    [CALL_READ] = "read", [CALL_WRITE] = "write", [CALL_SPLICE] = "splice", [CALL_POLL] = "poll"};

bool run_metric_known(const struct run_metric *metric, const struct meter *meter)
{
    return metric->known == NULL || metric->known(meter);
}

/* --- of an endpoint ------------------------------------------------------------------------ */

#define ENDPOINT_MEMBER(function, member)                           \
    static uint64_t function(const struct meter_endpoint *endpoint) \
    {                                                               \
        return endpoint->member;                                    \
    }
ENDPOINT_MEMBER(bytes, bytes)
ENDPOINT_MEMBER(added, bytes_added)
ENDPOINT_MEMBER(dropped, bytes_dropped)
ENDPOINT_MEMBER(records, records_out)
ENDPOINT_MEMBER(records_dropped, records_dropped)
ENDPOINT_MEMBER(undelivered, bytes_undelivered)
ENDPOINT_MEMBER(unacknowledged, bytes_unacknowledged)
ENDPOINT_MEMBER(retries, retries)
ENDPOINT_MEMBER(connecting, connect_ns)
ENDPOINT_MEMBER(waiting, wait_ns)
ENDPOINT_MEMBER(kernel_drops, kernel_drops)
ENDPOINT_MEMBER(strangers, strangers)
ENDPOINT_MEMBER(refusals, refusals)
ENDPOINT_MEMBER(cpu, process.cpu_ns)
ENDPOINT_MEMBER(peak_memory, process.peak_memory_bytes)

static uint64_t exit_status(const struct meter_endpoint *endpoint)
{
    return (uint64_t)endpoint->process.exit_status;
}

static uint64_t signal_of(const struct meter_endpoint *endpoint)
{
    return (uint64_t)endpoint->process.signal;
}

/* The status that a shell would show. */
static uint64_t shell_status(const struct meter_endpoint *endpoint)
{
    const struct meter_process *process = &endpoint->process;
    return (uint64_t)(process->signal > 0 ? 128 + process->signal : process->exit_status);
}

static uint64_t is_failed(const struct meter_endpoint *endpoint)
{
    return endpoint->error[0] != '\0';
}

static bool with_records(const struct meter *meter, const struct meter_endpoint *endpoint)
{
    (void)endpoint;
    return meter->counts_records;
}

static bool is_datagrams(const struct meter *meter, const struct meter_endpoint *endpoint)
{
    (void)meter;
    return endpoint->datagrams;
}

static bool kernel_tells(const struct meter *meter, const struct meter_endpoint *endpoint)
{
    return is_datagrams(meter, endpoint) && endpoint->kernel_tells;
}

static bool has_ended(const struct meter *meter, const struct meter_endpoint *endpoint)
{
    (void)meter;
    return endpoint->process.ended;
}

static bool has_exited(const struct meter *meter, const struct meter_endpoint *endpoint)
{
    return has_ended(meter, endpoint) && endpoint->process.exit_status >= 0;
}

static bool has_signal(const struct meter *meter, const struct meter_endpoint *endpoint)
{
    (void)meter;
    return endpoint->process.signal > 0;
}

static bool has_usage(const struct meter *meter, const struct meter_endpoint *endpoint)
{
    (void)meter;
    return endpoint->process.usage_known;
}

#define HELP(input, output, tap) \
    {                            \
        input, output, tap       \
    }

const struct endpoint_metric endpoint_metrics[ENDPOINT_METRICS] = {
    [METRIC_BYTES] = {"bytes", METRIC_IN_ENDPOINTS, "bytes_total", true, METRIC_COUNT, bytes, NULL,
                      HELP("Bytes read from the input.", "Bytes that the output accepted.",
                           "Bytes that the tap accepted."),
                      NULL, NULL},
    [METRIC_ADDED] = {"bytes_added", METRIC_IN_ENDPOINTS, "added_bytes_total", true, METRIC_COUNT,
                      added, NULL,
                      HELP("Bytes added to what was read from the input.",
                           "Bytes written to the output beyond what was read.", NULL),
                      "added", "added"},
    [METRIC_DROPPED] = {"bytes_dropped", METRIC_IN_ENDPOINTS, "dropped_bytes_total", true,
                        METRIC_COUNT, dropped, NULL,
                        HELP("Bytes of the input that were dropped from its share of the buffer.",
                             "Bytes dropped for the output by the overflow policy.",
                             "Bytes that the tap missed."),
                        "dropped", "dropped"},
    [METRIC_RECORDS] = {"records_out", METRIC_IN_OUTPUTS, "records_total", true, METRIC_COUNT,
                        records, with_records,
                        HELP(NULL, "Records that the output accepted to their end.",
                             "Records that the tap accepted to their end."),
                        NULL, NULL},
    [METRIC_RECORDS_DROPPED] =
        {"records_dropped", METRIC_IN_ENDPOINTS, "dropped_records_total", true, METRIC_COUNT,
         records_dropped, with_records,
         HELP("Records of the input that were dropped from its share of the buffer.",
              "Records dropped for the output by the overflow policy.",
              "Records that the tap missed."),
         NULL, NULL},
    [METRIC_UNDELIVERED] = {"bytes_undelivered", METRIC_IN_OUTPUTS, "undelivered_bytes_total", true,
                            METRIC_COUNT, undelivered, NULL,
                            HELP(NULL, "Bytes that were read and never reached the output.", NULL),
                            "undelivered", "undelivered"},
    [METRIC_UNACKNOWLEDGED] = {"bytes_unacknowledged", METRIC_IN_OUTPUTS, "unacknowledged_bytes",
                               false, METRIC_COUNT, unacknowledged, NULL,
                               HELP(NULL,
                                    "Bytes that the peer of a lost connection did not acknowledge.",
                                    NULL),
                               "not acknowledged", "not acknowledged"},
    [METRIC_RETRIES] =
        {"retries", METRIC_IN_ENDPOINTS, "retries_total", true, METRIC_COUNT, retries, NULL,
         HELP("Number of connection retries.", "Number of connection retries.", NULL), NULL, NULL},
    [METRIC_CONNECT] = {"connect_seconds", METRIC_IN_ENDPOINTS, "connect_seconds_total", true,
                        METRIC_SECONDS, connecting, NULL,
                        HELP("Time until the input was connected.",
                             "Time until the output was connected.", NULL),
                        NULL, NULL},
    [METRIC_WAIT] = {"wait_seconds", METRIC_IN_ENDPOINTS, "wait_seconds_total", true,
                     METRIC_SECONDS, waiting, NULL,
                     HELP("Time spent waiting for the input.", "Time spent waiting for the output.",
                          NULL),
                     NULL, NULL},
    [METRIC_STALL] = {"longest_stall_seconds", METRIC_IN_ENDPOINTS, "longest_stall_seconds", false,
                      METRIC_SECONDS, meter_longest_stall, NULL,
                      HELP("Longest time without a byte from the input.",
                           "Longest time in which the output accepted nothing.", NULL),
                      NULL, NULL},
    [METRIC_KERNEL_DROPS] = {"datagrams_dropped_by_kernel", METRIC_IN_ENDPOINTS,
                             "kernel_dropped_datagrams_total", true, METRIC_COUNT, kernel_drops,
                             kernel_tells,
                             HELP("Datagrams dropped by the kernel for lack of room.", NULL, NULL),
                             "datagram dropped by the kernel", "datagrams dropped by the kernel"},
    [METRIC_NOT_ALLOWED] = {"datagrams_not_allowed", METRIC_IN_ENDPOINTS,
                            "not_allowed_datagrams_total", true, METRIC_COUNT, strangers,
                            is_datagrams,
                            HELP("Datagrams from senders that --allow does not include.", NULL,
                                 NULL),
                            "datagram not allowed", "datagrams not allowed"},
    [METRIC_REFUSALS] = {"refusals", METRIC_IN_ENDPOINTS, "refusals_total", true, METRIC_COUNT,
                         refusals, is_datagrams,
                         HELP("Number of datagrams refused by the peer's system.",
                              "Number of datagrams refused by the peer's system.",
                              "Number of datagrams refused by the peer's system."),
                         "refusal", "refusals"},
    [METRIC_EXIT_STATUS] = {"exit_status", METRIC_IN_PROCESS, NULL, false, METRIC_COUNT,
                            exit_status, has_exited, HELP(NULL, NULL, NULL), NULL, NULL},
    [METRIC_SIGNAL] = {"signal", METRIC_IN_PROCESS, NULL, false, METRIC_COUNT, signal_of,
                       has_signal, HELP(NULL, NULL, NULL), NULL, NULL},
    [METRIC_SHELL_STATUS] = {NULL, METRIC_IN_ENDPOINTS, "command_exit_status", false, METRIC_COUNT,
                             shell_status, has_ended,
                             HELP("Exit status of the command, or 128 + its signal.",
                                  "Exit status of the command, or 128 + its signal.", NULL),
                             NULL, NULL},
    [METRIC_CPU] = {"cpu_seconds", METRIC_IN_PROCESS, "command_cpu_seconds_total", true,
                    METRIC_SECONDS, cpu, has_usage,
                    HELP("Processor time used by the command.",
                         "Processor time used by the command.", NULL),
                    NULL, NULL},
    [METRIC_PEAK_MEMORY] = {"peak_memory_bytes", METRIC_IN_PROCESS, "command_peak_memory_bytes",
                            false, METRIC_COUNT, peak_memory, has_usage,
                            HELP("Peak memory of the command.", "Peak memory of the command.",
                                 NULL),
                            NULL, NULL},
    [METRIC_FAILED] = {NULL, METRIC_IN_ENDPOINTS, "failed", false, METRIC_COUNT, is_failed, NULL,
                       HELP("1 if the input failed.", "1 if the output failed.",
                            "1 if the tap failed."),
                       NULL, NULL},
};

bool endpoint_metric_known(const struct endpoint_metric *metric, const struct meter *meter,
                           const struct meter_endpoint *endpoint)
{
    return metric->known == NULL || metric->known(meter, endpoint);
}
