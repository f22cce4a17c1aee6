/*
 * report_details.c - see report_details.h.
 */
#include "stats/report_details.h"

#include "base/platform.h"
#include "stats/metrics.h"
#include "stats/report_line.h"

#include <inttypes.h>

/* An endpoint with its side as a line names it: "input ", "tap "; "" for an output's losses. */
struct subject {
    const char *side;
    const struct meter_endpoint *endpoint;
    bool tap;
};

static void add_for_each(struct text *text, const struct meter *meter,
                         const struct report_request *request, const char *output_side,
                         report_words *words)
{
    for (size_t i = 0; i < meter->input_count; i++) {
        struct subject subject = {"input ", &meter->inputs[i], false};
        report_add_line(text, meter, request, words, &subject);
    }
    for (size_t i = 0; i < meter->output_count + meter->tap_count; i++) {
        bool tap = i >= meter->output_count;
        struct subject subject = {tap ? "tap " : output_side, &meter->outputs[i], tap};
        report_add_line(text, meter, request, words, &subject);
    }
}

/* --- losses ---------------------------------------------------------------------------------- */

static void begin_losses(const struct report_line *line, const struct subject *subject, bool first)
{
    if (!first) {
        text_add_string(line->text, ", ");
        return;
    }
    text_add_string(line->text, subject->side);
    line_add_name(line, subject->endpoint->name);
    text_add_string(line->text, ": ");
}

static const char *loss_word(enum endpoint_metric_id id, const struct subject *subject)
{
    if (id == METRIC_DROPPED && subject->tap)
        return "missed";
    if (id == METRIC_UNACKNOWLEDGED && subject->endpoint->process.is_command)
        return "left unread";
    return endpoint_metrics[id].many;
}

/*
 * Losses and additions: "stdout: 12.0 KiB undelivered, 1.20 MiB dropped (345 records), 1 B added".
 * Only whole records are counted as dropped, so their number may be 0.
 */
static void add_losses(const struct report_line *line, const void *data)
{
    static const enum endpoint_metric_id losses[] = {METRIC_UNDELIVERED, METRIC_DROPPED,
                                                     METRIC_ADDED, METRIC_UNACKNOWLEDGED};
    const struct subject *subject = data;
    bool first = true;

    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        uint64_t bytes = endpoint_metrics[losses[i]].count(subject->endpoint);
        uint64_t records = losses[i] == METRIC_DROPPED ? subject->endpoint->records_dropped : 0;
        if (bytes == 0)
            continue;
        begin_losses(line, subject, first);
        line_add_size(line, bytes);
        text_add(line->text, " %s", loss_word(losses[i], subject));
        if (line->meter->counts_records && records > 0)
            text_add(line->text, " (%" PRIu64 " %s)", records, records == 1 ? "record" : "records");
        first = false;
    }
}

/* "input udp-listen://:9: 12 datagrams dropped by the kernel" */
static void add_datagrams(const struct report_line *line, const void *data,
                          enum endpoint_metric_id id)
{
    const struct subject *subject = data;
    const struct endpoint_metric *metric = &endpoint_metrics[id];
    uint64_t count = metric->count(subject->endpoint);
    if (count == 0)
        return;
    begin_losses(line, subject, true);
    text_add(line->text, "%" PRIu64 " %s", count, count == 1 ? metric->one : metric->many);
}

static void add_kernel_drops(const struct report_line *line, const void *data)
{
    add_datagrams(line, data, METRIC_KERNEL_DROPS);
}

static void add_not_allowed(const struct report_line *line, const void *data)
{
    add_datagrams(line, data, METRIC_NOT_ALLOWED);
}

static void add_refusals(const struct report_line *line, const void *data)
{
    add_datagrams(line, data, METRIC_REFUSALS);
}

/* "out.tar: was not created" */
static void add_aftermath(const struct report_line *line, const void *data)
{
    const struct subject *subject = data;
    if (subject->endpoint->aftermath == NULL)
        return;
    begin_losses(line, subject, true);
    text_add_string(line->text, subject->endpoint->aftermath);
}

void report_add_losses(struct text *text, const struct meter *meter,
                       const struct report_request *request)
{
    add_for_each(text, meter, request, "", add_losses);
    add_for_each(text, meter, request, "", add_kernel_drops);
    add_for_each(text, meter, request, "", add_not_allowed);
    add_for_each(text, meter, request, "", add_refusals);
    add_for_each(text, meter, request, "", add_aftermath);
}

/* --- the buffer ------------------------------------------------------------------------------ */

static void add_buffer(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    text_add_string(line->text, "buffer");
    if (line->brevity < 1) {
        text_add_string(line->text, " ");
        line_add_size(line, meter->capacity);
    }
    text_add_string(line->text, ": mean ");
    line_add_level(line, meter_mean_fill(meter), meter->capacity);
    text_add_string(line->text, ", peak ");
    line_add_level(line, (double)meter->peak, meter->capacity);
    text_add(line->text, ", full %" PRIu64 " %s", meter->full_count,
             meter->full_count == 1 ? "time" : "times");
    if (meter->residence.bytes == 0 && meter->zero_copy_bytes == 0)
        text_add_string(line->text, meter->fill == 0 ? "; held nothing" : "; nothing has left it");
    if (meter->zero_copy_bytes > 0)
        text_add(line->text, "; zero-copy %" PRIu64 "%%",
                 percent_of(meter->zero_copy_bytes, meter->bytes_passed));
}

static void add_residence(const struct report_line *line, const void *data)
{
    const struct residence *residence = data;
    if (residence->bytes == 0)
        return;
    text_add(line->text, "residence%s: p50 ", line->brevity < 1 ? " time" : "");
    line_add_duration(line, residence_percentile(residence, 500));
    text_add_string(line->text, ", p99 ");
    line_add_duration(line, residence_percentile(residence, 990));
    text_add_string(line->text, ", max ");
    line_add_duration(line, residence->max_ns);
}

static void add_spool(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    if (meter->spool_capacity == 0)
        return;
    text_add_string(line->text, "spool ");
    line_add_size(line, meter->spool_capacity);
    if (meter->spool_bytes == 0) {
        text_add_string(line->text, ": held nothing");
        return;
    }
    text_add_string(line->text, ": peak ");
    line_add_level(line, (double)meter->spool_peak, meter->spool_capacity);
    text_add_string(line->text, ", ");
    line_add_size(line, meter->spool_bytes);
    text_add_string(line->text, " written");
}

/* "skipped: 4.00 MiB of the input" */
static void add_skipped(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    if (!meter->skips)
        return;
    text_add_string(line->text, "skipped: ");
    line_add_size(line, meter->bytes_skipped);
    text_add_string(line->text, " of the input");
}

void report_add_buffer(struct text *text, const struct meter *meter,
                       const struct report_request *request)
{
    report_add_line(text, meter, request, add_skipped, meter);
    report_add_line(text, meter, request, add_buffer, meter);
    report_add_line(text, meter, request, add_residence, &meter->residence);
    report_add_line(text, meter, request, add_spool, meter);
}

/* --- the endpoints --------------------------------------------------------------------------- */

/* "output stdout: 4.00 GiB, 10.0 s connecting, waited 2.66 s (max 412 ms)"; a short line leaves out
 * the longest wait, a shorter one the time of connecting as well. */
static void add_endpoint(const struct report_line *line, const void *data)
{
    const struct subject *subject = data;
    const struct meter_endpoint *endpoint = subject->endpoint;

    text_add_string(line->text, subject->side);
    line_add_name(line, endpoint->name);
    text_add_string(line->text, ": ");
    line_add_size(line, endpoint->bytes);
    if (endpoint->connect_ns >= SHORTEST_TOLD_NS && line->brevity < 2) {
        text_add_string(line->text, ", ");
        line_add_duration(line, endpoint->connect_ns);
        text_add_string(line->text, " connecting");
    }
    text_add_string(line->text, ", waited ");
    line_add_duration(line, endpoint->wait_ns);
    if (line->brevity < 1) {
        text_add_string(line->text, " (max ");
        line_add_duration(line, meter_longest_stall(endpoint));
        text_add_string(line->text, ")");
    }
}

/* "output stdout: zstd, pid 812" */
static void add_peer(const struct report_line *line, const void *data)
{
    const struct subject *subject = data;
    if (!line_shows_peer(subject->endpoint))
        return;
    text_add_string(line->text, subject->side);
    line_add_name(line, subject->endpoint->name);
    text_add_string(line->text, ": ");
    line_add_peer(line, subject->endpoint);
}

/* "output zstd -19: pid 812, status 0, CPU 1.20 s, memory 3.40 MiB"; a short line leaves out the
 * memory, a shorter one the processor time as well. */
static void add_process(const struct report_line *line, const void *data)
{
    const struct subject *subject = data;
    const struct meter_process *process = &subject->endpoint->process;

    if (process->pid <= 0)
        return;
    text_add_string(line->text, subject->side);
    line_add_name(line, subject->endpoint->name);
    text_add(line->text, ": pid %ld", process->pid);
    if (process->signal > 0)
        text_add(line->text, ", signal %d", process->signal);
    else if (process->ended)
        text_add(line->text, ", status %d", process->exit_status);
    if (process->usage_known && line->brevity < 2) {
        text_add_string(line->text, ", CPU ");
        line_add_duration(line, process->cpu_ns);
    }
    if (process->usage_known && line->brevity < 1) {
        text_add_string(line->text, ", memory ");
        line_add_size(line, process->peak_memory_bytes);
    }
}

/* "tap copy: Broken pipe" */
static void add_error(const struct report_line *line, const void *data)
{
    const struct subject *subject = data;
    if (subject->endpoint->error[0] == '\0')
        return;
    text_add_string(line->text, subject->side);
    line_add_name(line, subject->endpoint->name);
    text_add_string(line->text, ": ");
    text_add_visible(line->text, subject->endpoint->error);
}

/* "system calls: read 32800, write 32770, splice 0, poll 411"; in a short line without those that
 * were not made. */
static void add_calls(const struct report_line *line, const void *data)
{
    const struct meter *meter = data;
    const char *comma = "";
    text_add_string(line->text, line->brevity < 2 ? "system calls: " : "calls: ");
    for (size_t call = 0; call < COUNTED_CALLS; call++) {
        if (meter->calls[call] == 0 && line->brevity > 0)
            continue;
        text_add(line->text, "%s%s %" PRIu64, comma, metric_call_names[call], meter->calls[call]);
        comma = ", ";
    }
}

void report_add_endpoints(struct text *text, const struct meter *meter,
                          const struct report_request *request)
{
    add_for_each(text, meter, request, "output ", add_endpoint);
    add_for_each(text, meter, request, "output ", add_peer);
    add_for_each(text, meter, request, "output ", add_process);
    add_for_each(text, meter, request, "output ", add_error);
    report_add_line(text, meter, request, add_calls, meter);
}
