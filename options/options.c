/*
 * options.c - argv becomes a struct options, or one line that says what is wrong with it.
 *
 * In steps, each of which may refuse: getopt_long() collects what was given (collect); with all of
 * it known, and -k among it, the arguments are parsed in their order (apply); operands become
 * inputs; what cannot go together is refused; reports get their defaults. Nothing is opened here.
 * Which options there are is in options/table.c, endpoints are in options/endpoints.c, what cannot
 * go together is in options/check.c.
 */
#include "options/options.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "base/platform.h"
#include "base/size.h"
#include "options/check.h"
#include "options/commands.h"
#include "options/display.h"
#include "options/endpoints.h"
#include "options/parser.h"
#include "options/table.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CHUNK_SIZE (UINT64_C(1) << 20)
#define DEFAULT_DRAIN_NS   (10 * NS_PER_SEC)
#define DEFAULT_SPOOL_MAX  (UINT64_C(1) << 30)
#define DEFAULT_DATAGRAM   1400  /* passes an Ethernet, and most tunnels, in one piece */
#define DATAGRAM_MOST      65507 /* of IPv4: 65535 less the headers */
#define DEFAULT_KILL_AFTER (5 * NS_PER_SEC)
#define RETRIES_MOST       1000000
#define NO_RESUME_FILL     100

enum { ABBREVIATION_LIST = 256, NO_FORMAT = -1 };

static enum options_status out_of_memory(void)
{
    message_print("%s", strerror(ENOMEM));
    return OPTIONS_FAILED;
}

/* --- what getopt_long() finds --------------------------------------------------------------- */

/* An option that has no name here: `argument` is the word with its dashes. */
static enum options_status refuse_unknown_name(const char *argument)
{
    const char *name = argument + strlen("--");
    size_t length = strcspn(name, "=");
    char list[ABBREVIATION_LIST];
    if (option_abbreviated(name, length, list, sizeof list) > 1) {
        message_print("--%.*s: is ambiguous: %s", (int)length, name, list);
        return OPTIONS_USAGE;
    }
    const struct option_row *nearest = option_nearest(name, length);
    if (nearest)
        message_print("--%.*s: unknown option; did you mean %s?", (int)length, name, nearest->name);
    else
        message_print("--%.*s: unknown option (see bpipe --help)", (int)length, name);
    return OPTIONS_USAGE;
}

static enum options_status refuse_unknown_letter(int letter)
{
    if (letter > ' ' && letter <= '~')
        message_print("-%c: unknown option (see bpipe --help)", letter);
    else
        message_print("-\\x%02x: unknown option (see bpipe --help)", (unsigned char)letter);
    return OPTIONS_USAGE;
}

/* getopt_long() answered '?' or ':'. It has stepped over the word if that was a long option. */
static enum options_status refuse_malformed(const struct parser *parser)
{
    enum option_id id = option_of_value(optopt);
    const char *word = parser->argv[optind - 1];
    if (optopt == 0)
        return refuse_unknown_name(word);
    if (id == OPTION_COUNT)
        return refuse_unknown_letter(optopt);
    const struct option_row *row = &option_rows[id];
    if (!row->argument)
        return options_refuse(row->name, word + strcspn(word, "=") + 1, "takes no argument");
    message_print("%s: needs an argument: %s", row->name, row->argument);
    return OPTIONS_USAGE;
}

static enum options_status print_information(enum option_id id)
{
    errno = 0;
    if (id == OPTION_HELP)
        option_print_help(stdout);
    else
        printf("bpipe %s (%s)\n", BPIPE_VERSION, platform_name);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return OPTIONS_DONE;
    message_print("stdout: %s", strerror(errno));
    return OPTIONS_FAILED;
}

static enum options_status collect(struct parser *parser)
{
    struct option_arrays arrays = {.letters = ""};
    option_arrays_fill(&arrays);
    opterr = 0;
    optind = 0; /* start over, with any libc */
    for (;;) {
        int value = getopt_long(parser->argc, parser->argv, arrays.letters, arrays.longs, NULL);
        if (value == -1)
            return OPTIONS_RUN;
        if (value == '?' || value == ':')
            return refuse_malformed(parser);
        if (value == OPTION_OPERAND) {
            parser->given[parser->given_count++] =
                (struct given){GIVEN_OPERAND, parser->argv[optind - 1]};
            continue;
        }
        enum option_id id = option_of_value(value);
        if (id == OPTION_HELP || id == OPTION_VERSION)
            return print_information(id);
        parser->last[id] = optarg ? optarg : "";
        if (optarg)
            parser->given[parser->given_count++] = (struct given){id, optarg};
    }
}

/* --- arguments ------------------------------------------------------------------------------ */

static enum options_status refuse_number(const struct given *given, enum size_status status,
                                         const char *junk)
{
    return options_refuse(option_rows[given->id].name, given->argument,
                          status == SIZE_JUNK ? junk : size_status_text(status));
}

static enum options_status take_size(const struct parser *parser, const struct given *given,
                                     uint64_t least, uint64_t most, uint64_t *bytes)
{
    enum size_status status = size_parse(given->argument, parser->options->si, bytes);
    if (status == SIZE_OK && *bytes > most)
        status = SIZE_OVERFLOW;
    if (status != SIZE_OK)
        return refuse_number(given, status, "is not a size (try 4096, 64K, 1.5G, 10MB)");
    if (*bytes < least)
        return options_refuse(option_rows[given->id].name, given->argument, "must be at least 1");
    return OPTIONS_RUN;
}

static enum options_status take_duration(const struct given *given, uint64_t *ns)
{
    enum size_status status = size_parse_duration(given->argument, ns);
    if (status == SIZE_OK)
        return OPTIONS_RUN;
    return refuse_number(given, status, "is not a duration (try 5, 0.25, 250ms, 2m, 1h)");
}

static enum options_status take_rate(const struct parser *parser, const struct given *given,
                                     uint64_t *rate)
{
    char reason[SIZE_REASON];
    enum size_status status = size_parse_rate(given->argument, parser->options->si, rate);
    if (status == SIZE_OK)
        return OPTIONS_RUN;
    return refuse_number(given, status, size_rate_refusal(reason, given->argument));
}

static enum options_status take_percent(const struct given *given, unsigned *percent)
{
    enum size_status status = size_parse_percent(given->argument, percent);
    if (status == SIZE_OK)
        return OPTIONS_RUN;
    return refuse_number(given, status, "is not a percentage (try 50)");
}

static enum options_status take_text(const struct given *given, const char **text)
{
    if (*given->argument == '\0')
        return options_refuse(option_rows[given->id].name, "", "is empty");
    *text = given->argument;
    return OPTIONS_RUN;
}

/* A path, not an endpoint. */
static enum options_status take_pidfile(struct options *options, const struct given *given)
{
    if (address_kind_of(given->argument) != ADDRESS_NONE)
        return options_refuse("--pidfile", given->argument, "is not a file (./ before it: a path)");
    return take_text(given, &options->pidfile);
}

/* The same. */
static enum options_status take_spool(struct options *options, const struct given *given)
{
    if (descriptor_inherited_number(given->argument, 0) >= 0 ||
        address_kind_of(given->argument) != ADDRESS_NONE)
        return options_refuse("--spool", given->argument, "is not a directory or a new file");
    return take_text(given, &options->spool);
}

/* -s SIZE or -s @PATH. */
static enum options_status take_expected_size(const struct parser *parser,
                                              const struct given *given)
{
    struct options *options = parser->options;
    options->size = 0;
    options->size_path = NULL;
    if (given->argument[0] != '@')
        return take_size(parser, given, 0, INT64_MAX, &options->size);
    if (given->argument[1] == '\0')
        return options_refuse(option_rows[given->id].name, given->argument, "names no file");
    options->size_path = given->argument + 1;
    return OPTIONS_RUN;
}

/* --expect-end STRING or @PATH. */
static enum options_status take_expected_end(struct options *options, const struct given *given)
{
    if (strcmp(given->argument, "@") == 0)
        return options_refuse("--expect-end", "@", "names no file");
    return take_text(given, &options->expect_end);
}

/* --retry. */
static enum options_status take_retries(const struct given *given, unsigned *retries)
{
    const char *text = given->argument;
    unsigned long number = strtoul(text, NULL, 10);
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || number > RETRIES_MOST)
        return options_refuse("--retry", text, "is not a number from 0 to 1000000");
    *retries = (unsigned)number;
    return OPTIONS_RUN;
}

static enum options_status take_range(struct options *options, const char *text)
{
    const char *wrong =
        address_parse_range(&options->net.allowed[options->net.allowed_count], text);
    if (wrong)
        return options_refuse("--allow", text, wrong);
    options->net.allowed_count++;
    return OPTIONS_RUN;
}

static enum options_status take_tcp_buffer(const struct parser *parser, const struct given *given)
{
    uint64_t size = 0; /* the kernel doubles it (socket(7)) */
    enum options_status status = take_size(parser, given, 1, INT_MAX / 2, &size);
    parser->options->net.tcp_buffer = (int)size;
    return status;
}

static enum options_status take_datagram_size(const struct parser *parser,
                                              const struct given *given)
{
    uint64_t size = 0;
    enum options_status status = take_size(parser, given, 1, DATAGRAM_MOST, &size);
    parser->options->datagram_size = (size_t)size;
    return status;
}

static enum options_status take_error_action(struct options *options, const char *text)
{
    options->stop_on_output_error = strcmp(text, "stop") == 0;
    if (options->stop_on_output_error || strcmp(text, "continue") == 0)
        return OPTIONS_RUN;
    return options_refuse("--on-output-error", text, "is no action (choose stop or continue)");
}

static enum options_status take_policy(struct options *options, const char *text)
{
    static const char *const names[] = {[OVERFLOW_BLOCK] = "block",
                                        [OVERFLOW_DROP_NEWEST] = "drop-newest",
                                        [OVERFLOW_DROP_OLDEST] = "drop-oldest",
                                        [OVERFLOW_FAIL] = "fail"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], text) == 0) {
            options->overflow = (enum overflow_policy)i;
            return OPTIONS_RUN;
        }
    return options_refuse("--overflow", text,
                          "is no policy (choose block, drop-newest, drop-oldest or fail)");
}

/* --- reports -------------------------------------------------------------------------------- */

/* The same report on the same file is written once. */
static void add_report(struct options *options, enum report_format format, const char *path)
{
    for (size_t i = 0; i < options->report_count; i++) {
        const struct report_spec *old = &options->reports[i];
        bool same_path = old->path && path ? strcmp(old->path, path) == 0 : old->path == path;
        if (old->format == format && same_path)
            return;
    }
    options->reports[options->report_count++] = (struct report_spec){format, path};
}

/* An enum report_format, or NO_FORMAT. */
static int report_format_of(const char *text, size_t length)
{
    static const char *const formats[] = {
        [REPORT_TEXT] = "text", [REPORT_JSON] = "json", [REPORT_PROMETHEUS] = "prometheus"};
    for (int i = 0; i < (int)(sizeof formats / sizeof formats[0]); i++)
        if (strlen(formats[i]) == length && strncmp(formats[i], text, length) == 0)
            return i;
    return NO_FORMAT;
}

static enum options_status take_report(struct parser *parser, const char *text)
{
    static const char name[] = "--report";
    size_t length = strcspn(text, ":");
    if (strcmp(text, "none") == 0) {
        parser->no_report = true;
        return OPTIONS_RUN;
    }
    if (length == strlen("none") && strncmp(text, "none", length) == 0)
        return options_refuse(name, text, "none takes no FILE");
    int format = report_format_of(text, length);
    if (format == NO_FORMAT)
        return options_refuse(name, text, "is no format (choose text, json, prometheus or none)");
    const char *path = NULL;
    if (text[length] != '\0') {
        path = text + length + 1;
        enum options_status status = options_check_report_file(text, path);
        if (status != OPTIONS_RUN)
            return status;
        if (descriptor_inherited_number(path, 1) == 2)
            path = NULL;
    }
    add_report(parser->options, (enum report_format)format, path);
    return OPTIONS_RUN;
}

static bool has_text_on_stderr(const struct options *options)
{
    for (size_t i = 0; i < options->report_count; i++)
        if (options->reports[i].format == REPORT_TEXT && options->reports[i].path == NULL)
            return true;
    return false;
}

static enum options_status complete_reports(struct parser *parser)
{
    struct options *options = parser->options;
    bool every = parser->last[OPTION_REPORT_EVERY] != NULL;
    bool by_default = options->report_count == 0 && !parser->no_report;
    bool silent = options->quiet || options->display.asked;
    bool wanted = options->verbose || (by_default && (every || !silent));
    if (wanted && !has_text_on_stderr(options))
        add_report(options, REPORT_TEXT, NULL);
    if (every && options->report_count == 0)
        return options_refuse("--report-every", parser->last[OPTION_REPORT_EVERY],
                              "there is nothing to report with --report none");
    return OPTIONS_RUN;
}

/* --- putting it together -------------------------------------------------------------------- */

static void apply_flags(const struct parser *parser)
{
    struct options *options = parser->options;
    const char *const *last = parser->last;
    options->si = last[OPTION_SI] != NULL;
    options->atomic = last[OPTION_ATOMIC] != NULL;
    options->sync = last[OPTION_SYNC] != NULL;
    options->direct_io = last[OPTION_DIRECT_IO] != NULL;
    options->discard = last[OPTION_DISCARD] != NULL;
    options->no_splice = last[OPTION_NO_SPLICE] != NULL;
    options->stop_at_size = last[OPTION_STOP_AT_SIZE] != NULL;
    options->gap_mark = last[OPTION_GAP_MARK] != NULL;
    options->merge = last[OPTION_MERGE] != NULL;
    options->quiet = last[OPTION_QUIET] != NULL;
    options->verbose = last[OPTION_STATS] != NULL;
    options->size_given = last[OPTION_SIZE] != NULL;
    options->expect_size_given = last[OPTION_EXPECT_SIZE] != NULL;
    options->pipe_size_given = last[OPTION_PIPE_BUFFER_SIZE] != NULL;
    options->drain_timeout_given = last[OPTION_DRAIN_TIMEOUT] != NULL;
    if (last[OPTION_FRAME])
        options->framing = FRAMING_ADD;
    if (last[OPTION_UNFRAME])
        options->framing = FRAMING_REMOVE;
    if (last[OPTION_APPEND])
        options->file_mode = FILE_APPEND;
    if (last[OPTION_NO_CLOBBER])
        options->file_mode = FILE_NO_CLOBBER;
    if (last[OPTION_IPV4])
        options->net.family = AF_INET;
    if (last[OPTION_IPV6])
        options->net.family = AF_INET6;
    if (last[OPTION_LINE_MODE])
        options->records = RECORD_LINE;
    if (last[OPTION_NULL])
        options->records = RECORD_NUL;
}

/* An argument that is a duration. False: it is none. */
static bool apply_duration(struct options *options, const struct given *given,
                           enum options_status *status)
{
    const struct {
        enum option_id id;
        uint64_t *ns;
    } durations[] = {{OPTION_CONNECT_TIMEOUT, &options->net.connect_timeout_ns},
                     {OPTION_IDLE_TIMEOUT, &options->idle_timeout_ns},
                     {OPTION_STALL_TIMEOUT, &options->stall_timeout_ns},
                     {OPTION_DRAIN_TIMEOUT, &options->drain_timeout_ns},
                     {OPTION_KILL_AFTER, &options->kill_after_ns},
                     {OPTION_REPORT_EVERY, &options->report_every_ns}};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        if (durations[i].id == given->id) {
            *status = take_duration(given, durations[i].ns);
            return true;
        }
    return false;
}

/* As apply_duration(), of one that is a size with least and greatest values. */
static bool apply_size(struct parser *parser, const struct given *given,
                       enum options_status *status)
{
    struct options *options = parser->options;
    const struct {
        enum option_id id;
        uint64_t least, most;
        uint64_t *bytes;
    } sizes[] = {{OPTION_BUFFER_SIZE, 1, SSIZE_MAX, &options->buffer_size},
                 {OPTION_CHUNK_SIZE, 1, SSIZE_MAX, &options->chunk_size},
                 {OPTION_BLOCK_SIZE, 1, SSIZE_MAX, &options->block_size},
                 {OPTION_PIPE_BUFFER_SIZE, 0, INT_MAX, &options->pipe_size},
                 {OPTION_BURST, 1, INT64_MAX, &options->burst},
                 {OPTION_EXPECT_SIZE, 0, INT64_MAX, &options->expect_size},
                 {OPTION_SPOOL_MAX, 1, INT64_MAX, &options->spool_max}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (sizes[i].id == given->id) {
            *status = take_size(parser, given, sizes[i].least, sizes[i].most, sizes[i].bytes);
            return true;
        }
    return false;
}

static enum options_status apply_argument(struct parser *parser, const struct given *given)
{
    struct options *options = parser->options;
    bool done;
    enum options_status status = options_take_display(parser, given, &done);
    if (done || apply_duration(options, given, &status) || apply_size(parser, given, &status))
        return status;
    switch (given->id) {
    case GIVEN_OPERAND:
        return options_take_input(options, given->argument);
    case OPTION_FROM:
    case OPTION_TO:
    case OPTION_MONITOR:
        return options_take_command(parser, given);
    case OPTION_RATE_LIMIT:
        return take_rate(parser, given, &options->rate_limit);
    case OPTION_READ_RATE:
        return take_rate(parser, given, &options->read_rate);
    case OPTION_SIZE:
        return take_expected_size(parser, given);
    case OPTION_EXPECT_END:
        return take_expected_end(options, given);
    case OPTION_START_FILL:
        return take_percent(given, &options->start_fill_percent);
    case OPTION_RESUME_FILL:
        return take_percent(given, &options->resume_fill_percent);
    case OPTION_ON_OUTPUT_ERROR:
        return take_error_action(options, given->argument);
    case OPTION_RETRY:
        return take_retries(given, &options->net.retries);
    case OPTION_ALLOW:
        return take_range(options, given->argument);
    case OPTION_TCP_BUFFER:
        return take_tcp_buffer(parser, given);
    case OPTION_DATAGRAM_SIZE:
        return take_datagram_size(parser, given);
    case OPTION_OUTPUT:
        return options_take_output(options, given->argument);
    case OPTION_TAP:
        return options_take_tap(options, given->argument);
    case OPTION_OVERFLOW:
        return take_policy(options, given->argument);
    case OPTION_SPOOL:
        return take_spool(options, given);
    case OPTION_REPORT:
        return take_report(parser, given->argument);
    case OPTION_NAME:
        return take_text(given, &options->name);
    default: /* the last one that has an argument */
        return take_pidfile(options, given);
    }
}

static enum options_status apply(struct parser *parser)
{
    apply_flags(parser);
    options_apply_display(parser);
    enum options_status status = OPTIONS_RUN;
    for (size_t i = 0; i < parser->given_count && status == OPTIONS_RUN; i++)
        status = apply_argument(parser, &parser->given[i]);
    return status;
}

static bool all_inputs_are_udp(const struct options *options)
{
    for (size_t i = 0; i < options->input_count; i++)
        if (!address_is_datagram(address_kind_of(options->inputs[i])))
            return false;
    return true;
}

static enum options_status apply_defaults(struct parser *parser)
{
    struct options *options = parser->options;
    if (options->input_count == 0)
        options->inputs[options->input_count++] = "-";
    if (options->output_count == 0)
        options->outputs[options->output_count++] = "-";
    if (!parser->last[OPTION_ON_OUTPUT_ERROR])
        options->stop_on_output_error = options->output_count == 1;
    if (options->records == RECORD_NONE && all_inputs_are_udp(options))
        options->records = RECORD_DATAGRAM;
    return OPTIONS_RUN;
}

static enum options_status allocate(struct parser *parser)
{
    struct options *options = parser->options;
    size_t count = (size_t)parser->argc + 1; /* each word brings one at most, each list a default */
    parser->given = calloc(count, sizeof *parser->given);
    options->inputs = calloc(count, sizeof *options->inputs);
    options->outputs = calloc(count, sizeof *options->outputs);
    options->taps = calloc(count, sizeof *options->taps);
    options->reports = calloc(count, sizeof *options->reports);
    options->net.allowed = calloc(count, sizeof *options->net.allowed);
    options->input_commands = calloc(count, sizeof *options->input_commands);
    options->output_commands = calloc(count, sizeof *options->output_commands);
    if (!parser->given || !options->inputs || !options->outputs || !options->taps ||
        !options->reports || !options->net.allowed || !options->input_commands ||
        !options->output_commands)
        return out_of_memory();
    return OPTIONS_RUN;
}

enum options_status options_parse(struct options *options, int argc, char *argv[])
{
    static enum options_status (*const steps[])(struct parser *) = {allocate,
                                                                    collect,
                                                                    apply,
                                                                    options_take_rest,
                                                                    apply_defaults,
                                                                    options_check,
                                                                    options_check_control,
                                                                    complete_reports};
    *options = (struct options){
        .buffer_size = OPTIONS_BUFFER_SIZE,
        .chunk_size = DEFAULT_CHUNK_SIZE,
        .resume_fill_percent = NO_RESUME_FILL,
        .spool_max = DEFAULT_SPOOL_MAX,
        .drain_timeout_ns = DEFAULT_DRAIN_NS,
        .kill_after_ns = DEFAULT_KILL_AFTER,
        .net.family = AF_UNSPEC,
        .datagram_size = DEFAULT_DATAGRAM,
        .display = {.interval_ns = NS_PER_SEC, .window_ns = 30 * NS_PER_SEC},
    };
    struct parser parser = {.options = options, .argc = argc, .argv = argv};
    enum options_status status = OPTIONS_RUN;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == OPTIONS_RUN; i++)
        status = steps[i](&parser);
    free(parser.given);
    if (status != OPTIONS_RUN)
        options_destroy(options);
    return status;
}

void options_destroy(struct options *options)
{
    free(options->inputs);
    free(options->outputs);
    free(options->taps);
    free(options->reports);
    free(options->net.allowed);
    free(options->input_commands);
    free(options->output_commands);
    free(options->program_text);
    for (size_t i = 0; options->program_argv != NULL && options->program_argv[i] != NULL; i++)
        free(options->program_argv[i]);
    free(options->program_argv);
    *options = (struct options){0};
}
