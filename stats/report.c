/*
 * report.c - which report goes where and when.
 *
 * Invariants: a sample is sent whole or not at all; from report_open() on, nothing waits except
 * report_close(). report_close() and the messages before and after it wait for at most
 * MESSAGE_PATIENCE_NS in all. stats/report_text.c, stats/report_json.c and
 * stats/report_prometheus.c define the look of a report; base/report_sink.c sends it.
 */
#include "stats/report.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "base/platform.h"
#include "base/report_sink.h"
#include "io/endpoint.h"
#include "stats/report_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct report {
    enum report_format format;
    const char *path;
    struct sink *sink; /* stderr's, or &own; NULL: the file is replaced */
    struct sink own;
    struct replaced_file file;
    bool failed; /* it failed, and the warning was printed */
};

struct reporter {
    struct report *reports;
    size_t count;
    struct sink **sinks; /* of the reports that have their own; with room for stderr's */
    size_t sink_count;
    struct text text;
    bool si, verbose;
    struct report_interval sampled; /* from the start to the last sample */
};

/* --- opening ------------------------------------------------------------------------------- */

/* A report cannot be written: prints a warning, once for each report. */
static void fail(struct report *report, int error)
{
    if (!report->failed && error == EAGAIN)
        message_print("%s: writing the report timed out", report->path);
    else if (!report->failed)
        message_print("%s: the report cannot be written: %s", report->path, strerror(error));
    report->failed = true;
}

/* Whether the report replaces its file. Only a Prometheus report to a regular file, or to a path
 * that does not exist, does. Pipes, devices, descriptors and files of other formats are written
 * to. */
static bool is_replaced(const struct report *report)
{
    struct stat status;

    return report->format == REPORT_PROMETHEUS &&
           (stat(report->path, &status) != 0 || S_ISREG(status.st_mode));
}

/* The sink that already writes to the file of `own`, or NULL. Two sinks for one file would
 * overwrite each other, or cut into each other's lines. */
static struct sink *find_sink(const struct reporter *reporter, const struct sink *own)
{
    if (sink_same_file(message_sink(), own))
        return message_sink();
    for (size_t i = 0; i < reporter->sink_count; i++)
        if (sink_same_file(reporter->sinks[i], own))
            return reporter->sinks[i];
    return NULL;
}

/* Opens `report->path`. Returns 0, or -1 with errno. */
static int open_path(struct reporter *reporter, struct report *report, int fd)
{
    if (fd < 0 && is_replaced(report))
        return replaced_file_open(&report->file, report->path);
    if (fd >= 0 && !descriptor_was_inherited(fd))
        return -1;
    int opened = fd >= 0 ? sink_open_descriptor(&report->own, fd)
                         : sink_open_path(&report->own, report->path);
    if (opened != 0)
        return -1;
    report->sink = find_sink(reporter, &report->own);
    if (report->sink != NULL) {
        (void)sink_close(&report->own); /* nothing was written to it */
        return 0;
    }
    report->sink = &report->own;
    reporter->sinks[reporter->sink_count++] = &report->own;
    return 0;
}

/* Opens the next report. Returns 0, or -1 after a message. */
static int open_report(struct reporter *reporter, const struct report_spec *spec)
{
    struct report *report = &reporter->reports[reporter->count];
    int fd =
        spec->path == NULL ? STDERR_FILENO : descriptor_inherited_number(spec->path, STDOUT_FILENO);

    *report = (struct report){.format = spec->format, .path = spec->path, .own = {.fd = -1}};
    if (fd == STDERR_FILENO) {
        report->path = "stderr";
        report->sink = message_sink();
        reporter->count++;
        return 0;
    }
    const char *refusal = fd < 0 ? NULL : descriptor_check(fd, true);
    if (refusal == NULL && open_path(reporter, report, fd) != 0)
        refusal = strerror(errno);
    if (refusal != NULL) {
        message_print("%s: %s", report->path, refusal);
        return -1;
    }
    reporter->count++;
    return 0;
}

/* Closes and frees everything. A failure at this point is a warning as well. */
static void destroy(struct reporter *reporter)
{
    for (size_t i = 0; i < reporter->count; i++) {
        struct report *report = &reporter->reports[i];
        int error = sink_close(&report->own);
        if (error != 0)
            fail(report, error);
        replaced_file_close(&report->file);
    }
    free(reporter->reports);
    free(reporter->sinks);
    text_free(&reporter->text);
    free(reporter);
}

struct reporter *report_open(const struct options *options)
{
    enum { USUAL_LENGTH = 1 << 14 }; /* with more, the first report makes room for the others */
    struct reporter *reporter = calloc(1, sizeof *reporter);

    if (reporter != NULL) {
        reporter->si = options->si;
        reporter->verbose = options->verbose;
        reporter->reports = calloc(options->report_count + 1, sizeof *reporter->reports);
        reporter->sinks = calloc(options->report_count + 1, sizeof(struct sink *));
    }
    if (reporter == NULL || reporter->reports == NULL || reporter->sinks == NULL ||
        !text_reserve(&reporter->text, USUAL_LENGTH)) {
        message_print("%s", strerror(ENOMEM));
        if (reporter != NULL)
            destroy(reporter);
        return NULL;
    }
    for (size_t i = 0; i < options->report_count; i++) {
        if (open_report(reporter, &options->reports[i]) != 0) {
            destroy(reporter);
            return NULL;
        }
    }
    message_run_begins();
    return reporter;
}

/* --- reporting ----------------------------------------------------------------------------- */

static void (*const formats[])(struct text *, const struct meter *,
                               const struct report_request *) = {
    [REPORT_TEXT] = report_format_text,
    [REPORT_JSON] = report_format_json,
    [REPORT_PROMETHEUS] = report_format_prometheus,
};

static void send_report(struct reporter *reporter, struct report *report, const struct meter *meter,
                        const struct report_request *request)
{
    struct sink *sink = report->sink;

    if (sink != NULL && !sink_usable(sink))
        return;
    /* If the run never began, a message has said all that a person wants to read, except after a
     * signal. */
    if (report->format == REPORT_TEXT && request->moment == REPORT_MOMENT_FINAL && !meter->began &&
        exit_signal_of(&request->ending) == 0)
        return;
    if (sink != NULL && !sink_flush(sink) && request->moment != REPORT_MOMENT_FINAL)
        return;
    text_clear(&reporter->text);
    bool on_stderr = sink == message_sink();
    if (on_stderr && report->format == REPORT_TEXT)
        message_erase_line(&reporter->text);
    else if (on_stderr)
        message_end_line(&reporter->text);
    formats[report->format](&reporter->text, meter, request);
    if (reporter->text.failed) {
        fail(report, ENOMEM);
        return;
    }
    if (sink == NULL) {
        if (replaced_file_write(&report->file, reporter->text.bytes, reporter->text.length) != 0)
            fail(report, errno);
        return;
    }
    if (on_stderr)
        message_send(&reporter->text);
    else
        sink_write(sink, reporter->text.bytes, reporter->text.length);
    if (sink->error != 0 && sink == &report->own)
        fail(report, sink->error);
}

static void send_all(struct reporter *reporter, const struct meter *meter,
                     struct report_request *request)
{
    request->si = reporter->si;
    request->verbose = reporter->verbose;
    for (size_t i = 0; i < reporter->count; i++)
        send_report(reporter, &reporter->reports[i], meter, request);
}

void report_sample(struct reporter *reporter, const struct meter *meter)
{
    const struct report_interval *before = &reporter->sampled;
    struct report_interval total = {.ns = meter_elapsed(meter), .bytes = meter->bytes_passed};
    struct report_request request = {
        .moment = REPORT_MOMENT_SAMPLE,
        .interval = {.ns = total.ns - before->ns, .bytes = total.bytes - before->bytes}};

    for (size_t i = 0; i < METER_STATES; i++) {
        total.state_ns[i] = meter->state_ns[i];
        request.interval.state_ns[i] = total.state_ns[i] - before->state_ns[i];
    }
    send_all(reporter, meter, &request);
    reporter->sampled = total;
}

void report_now(struct reporter *reporter, const struct meter *meter)
{
    struct report_request request = {.moment = REPORT_MOMENT_NOW};
    struct report on_stderr = {.format = REPORT_TEXT, .path = "stderr", .sink = message_sink()};

    send_all(reporter, meter, &request);
    if (reporter->count == 0)
        send_report(reporter, &on_stderr, meter, &request);
}

/* What happened lately, for a client. */
static struct report_interval recent_interval(const struct meter *meter)
{
    const struct meter_mark *mark = meter_recently(meter);
    struct report_interval recent = {0};

    if (mark == NULL)
        return recent;
    recent.bytes = meter->bytes_passed > mark->bytes ? meter->bytes_passed - mark->bytes : 0;
    for (size_t i = 0; i < METER_STATES; i++) {
        recent.state_ns[i] = meter->state_ns[i] - mark->state_ns[i];
        recent.ns += recent.state_ns[i];
    }
    return recent;
}

const char *report_compose(struct reporter *reporter, const struct meter *meter,
                           const struct report_look *look, size_t *length)
{
    struct report_request request = {.moment = REPORT_MOMENT_NOW,
                                     .interval = recent_interval(meter),
                                     .si = look->si || reporter->si,
                                     .verbose = look->verbose || reporter->verbose};

    text_clear(&reporter->text);
    formats[look->format](&reporter->text, meter, &request);
    *length = reporter->text.length;
    return reporter->text.failed ? NULL : reporter->text.bytes;
}

void report_final(struct reporter *reporter, const struct meter *meter, const struct ending *ending)
{
    struct report_request request = {
        .moment = REPORT_MOMENT_FINAL, .ending = *ending, .end_time_ns = platform_time_of_day()};

    send_all(reporter, meter, &request);
}

void report_close(struct reporter *reporter)
{
    struct sink *sink = message_sink();

    message_run_ends();
    if (reporter != NULL) {
        reporter->sinks[reporter->sink_count] = sink;
        message_drain(reporter->sinks, reporter->sink_count + 1);
        destroy(reporter);
    }
    message_drain(&sink, 1);
    if (sink_pending(sink) == 0)
        text_free(&sink->pending);
}
