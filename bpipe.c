/*
 * bpipe.c - options -> endpoints -> loop -> report -> exit status. With -R and -Q: options ->
 * request -> exit status.
 */
#include "base/descriptor.h"
#include "base/message.h"
#include "base/platform.h"
#include "base/records.h"
#include "base/signals.h"
#include "control/control_client.h"
#include "io/input_size.h"
#include "io/pidfile.h"
#include "net/resolver.h"
#include "options/options.h"
#include "options/same_file.h"
#include "poll_loop.h"
#include "process/command.h"
#include "stats/exit_status.h"
#include "stats/meter.h"
#include "stats/report.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The size at which -S stops. The size of the inputs is in bytes, so it is not used if -S counts
 * records. */
static uint64_t stopping_size(const struct options *options, uint64_t size)
{
    return records_are_units(options->records) && !options->given[OPTION_SIZE] ? INPUT_SIZE_UNKNOWN
                                                                               : size;
}

/* Finds the size of the inputs. The time that this takes is not part of the run, so it is added to
 * *start_ns. */
static int find_size(const struct options *options, uint64_t *size, uint64_t *start_ns)
{
    uint64_t before_ns = platform_now();
    if (input_size(options, size) != 0)
        return -1;
    *start_ns += platform_now() - before_ns;
    if (options->stop_at_size && stopping_size(options, *size) == INPUT_SIZE_UNKNOWN &&
        !options->quiet)
        message_print("--stop-at-size: %s unknown: copying all (use --size)",
                      records_are_units(options->records) ? "number of records" : "size");
    return 0;
}

/* Runs the loop and writes the final report. Everything else is set up. */
static void run(const struct options *options, const struct resolver *resolver,
                const struct command_standard *standard, uint64_t size, struct meter *meter,
                struct reporter *reporter, struct ending *ending)
{
    size = stopping_size(options, size);
    struct poll_loop *loop = poll_loop_open(options, resolver, standard, size, meter, reporter);
    ending->failed = true;
    if (loop != NULL) {
        poll_loop_run(loop);
        *ending = *poll_loop_ending(loop);
        report_final(reporter, meter, ending);
    }
    poll_loop_close(loop);
}

static const char *name_of(const char *text, const char *command, const char *dash)
{
    if (command != NULL)
        return command;
    return strcmp(text, "-") == 0 ? dash : text;
}

static void describe_run(struct meter *meter, const struct options *options, uint64_t size)
{
    meter->name = options->name;
    meter->pid = (long)getpid();
    meter->start_time_ns = platform_time_of_day() - (platform_now() - meter->start_ns);
    meter->size_known = size != INPUT_SIZE_UNKNOWN;
    meter->size_bytes = meter->size_known ? size : 0;
    meter->size_is_sum =
        !options->given[OPTION_SIZE] && input_size_sum(options) != INPUT_SIZE_UNKNOWN;
    meter->skips = options->skip > 0;
    meter->capacity = options->buffer_size;
    meter->chunk = options->chunk_size;
    meter->least_room = options->merge ? 1 : records_least_room(options->records);
    meter->counts_records = options->records != RECORD_NONE;
    meter->shows_records = records_are_units(options->records);
    meter->size_in_records = meter->shows_records && options->given[OPTION_SIZE];
    meter->overtaking = options->overflow == OVERFLOW_DROP_OLDEST;
    for (size_t i = 0; i < options->input_count; i++)
        meter->inputs[i].name =
            name_of(options->inputs[i], options->input_commands[i].text, "stdin");
    for (size_t i = 0; i < options->output_count; i++)
        meter->outputs[i].name =
            name_of(options->outputs[i], options->output_commands[i].text, "stdout");
    for (size_t i = 0; i < options->tap_count; i++)
        meter->outputs[options->output_count + i].name = options->taps[i];
    meter->spool_capacity = options->spool != NULL ? options->spool_max : 0;
}

/* Adds the time that it took to resolve the names of the endpoints, before the meter existed. */
static void count_resolving(struct meter *meter, struct meter_endpoint *endpoints,
                            const struct resolved *resolved, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        meter_connected(&endpoints[i], resolved[i].took_ns);
        meter_advance(meter, METER_CONNECT, meter->now_ns + resolved[i].took_ns);
    }
}

static void set_up_and_run(const struct options *options, const struct resolver *resolver,
                           const struct command_standard *standard, uint64_t size,
                           uint64_t start_ns, struct ending *ending)
{
    struct meter meter;
    ending->failed = true;
    if (meter_init(&meter, start_ns, options->input_count, options->output_count,
                   options->tap_count) != 0) {
        message_print("%s", strerror(ENOMEM));
        return;
    }
    describe_run(&meter, options, size);
    count_resolving(&meter, meter.inputs, resolver->inputs, resolver->input_count);
    count_resolving(&meter, meter.outputs, resolver->outputs, resolver->output_count);
    count_resolving(&meter, meter.outputs + meter.output_count, resolver->taps,
                    resolver->tap_count);
    struct reporter *reporter = report_open(options);
    if (reporter != NULL)
        run(options, resolver, standard, size, &meter, reporter, ending);
    report_close(reporter);
    meter_destroy(&meter);
}

/* Runs with a pidfile. Names are resolved and sizes are known. From here on signals are caught, so
 * that a signal leaves no files behind. */
static struct ending run_with_pidfile(const struct options *options,
                                      const struct resolver *resolver, uint64_t size,
                                      uint64_t start_ns)
{
    struct ending ending = {0};
    struct signals signals;
    const char *reason;
    struct command_standard standard; /* saved before bpipe replaces it or sets flags on it */
    if (command_save_standard(&standard, options) != 0) {
        message_print("%s", strerror(errno));
        ending.failed = true;
    } else if (signals_open(&signals) != 0) {
        message_print("pipe: %s", strerror(errno));
        ending.failed = true;
    } else if (pidfile_write(options, &reason) == 0) {
        set_up_and_run(options, resolver, &standard, size, start_ns, &ending);
        pidfile_remove(options);
    } else {
        message_print("--pidfile: %s: %s", options->pidfile, reason);
        ending.failed = true;
    }
    command_forget_standard(&standard);
    return ending;
}

/* First resolves names and finds sizes. Both may take long, and only a signal that kills bpipe can
 * interrupt them. */
static struct ending resolve_and_run(const struct options *options, uint64_t start_ns)
{
    struct ending ending = {.failed = true};
    struct resolver resolver;
    const struct resolver_request request = {.inputs = options->inputs,
                                             .input_count = options->input_count,
                                             .outputs = options->outputs,
                                             .output_count = options->output_count,
                                             .taps = options->taps,
                                             .tap_count = options->tap_count,
                                             .family = options->net.family};
    uint64_t size = 0;
    if (same_file_check(options) != 0)
        return ending;
    if (resolver_run(&resolver, &request) != 0)
        message_print("%s", strerror(errno));
    else if (find_size(options, &size, &start_ns) == 0)
        ending = run_with_pidfile(options, &resolver, size, start_ns);
    resolver_destroy(&resolver);
    return ending;
}

/* The exit status if options_parse() did not return OPTIONS_RUN. */
static int status_without_run(enum options_status parsed)
{
    if (parsed == OPTIONS_USAGE)
        return EXIT_USAGE;
    if (parsed == OPTIONS_DONE && descriptor_was_inherited(STDOUT_FILENO))
        return EXIT_OK;
    if (parsed == OPTIONS_DONE)
        message_print("stdout: %s", strerror(EBADF));
    return EXIT_FAILED;
}

int main(int argc, char *argv[])
{
    uint64_t start_ns = platform_now();
    descriptor_fill_standard();

    struct options options;
    enum options_status parsed = options_parse(&options, argc, argv);
    if (parsed != OPTIONS_RUN) {
        int status = status_without_run(parsed);
        report_close(NULL); /* sends the message */
        return status;
    }
    if (options.remote != 0 || options.query != 0) {
        int status = control_client_run(&options);
        options_destroy(&options);
        report_close(NULL);
        return status;
    }
    struct ending ending = resolve_and_run(&options, start_ns);
    options_destroy(&options);
    report_close(NULL);
    if (exit_signal_of(&ending) != 0)
        signals_raise(exit_signal_of(&ending));
    return exit_status_of(&ending);
}
