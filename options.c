/*
 * options.c - argv becomes a struct options, or one line that says what is wrong with it.
 *
 * In steps, each of which may refuse: getopt_long() collects what was given (collect); with all of
 * it known, and -k among it, the arguments are parsed in their order (apply); operands become
 * inputs; what cannot go together is refused; reports get their defaults. Nothing is opened here.
 * Which options there are is in options_table.c.
 */
#include "options.h"

#include "endpoint.h"
#include "options_table.h"
#include "platform.h"
#include "report.h"
#include "size.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BUFFER_SIZE (UINT64_C(16) << 20)
#define DEFAULT_BUFFER_TEXT "16M"
#define DEFAULT_CHUNK_SIZE  (UINT64_C(1) << 20)
#define DEFAULT_DRAIN_NS    (10 * NS_PER_SEC)
#define DEFAULT_SPOOL_MAX   (UINT64_C(1) << 30)
#define NO_RESUME_FILL      100
#define GAP_MARK_BUFFER     256 /* a gap mark and a short record fit */

enum { ABBREVIATION_LIST = 256, NO_FORMAT = -1 };

/* An option that has an argument, as it was given. */
struct given {
    enum option_id id;
    const char *argument;
};

struct parser {
    struct options *options;
    int argc;
    char **argv;
    struct given *given; /* in the order of the command line */
    size_t given_count;
    const char *last[OPTION_COUNT]; /* its last argument, "" for a flag; NULL: not given */
    bool no_report;                 /* --report none */
};

static enum options_status refuse(const char *name, const char *text, const char *why)
{
    report_message("%s: '%s': %s", name, text, why);
    return OPTIONS_USAGE;
}

static enum options_status out_of_memory(void)
{
    report_message("%s", strerror(ENOMEM));
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
        report_message("--%.*s: is ambiguous: %s", (int)length, name, list);
        return OPTIONS_USAGE;
    }
    const struct option_row *nearest = option_nearest(name, length);
    if (nearest)
        report_message("--%.*s: unknown option; did you mean %s?", (int)length, name,
                       nearest->name);
    else
        report_message("--%.*s: unknown option (see bpipe --help)", (int)length, name);
    return OPTIONS_USAGE;
}

static enum options_status refuse_unknown_letter(int letter)
{
    if (letter > ' ' && letter <= '~')
        report_message("-%c: unknown option (see bpipe --help)", letter);
    else
        report_message("-\\x%02x: unknown option (see bpipe --help)", (unsigned char)letter);
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
        return refuse(row->name, word + strcspn(word, "=") + 1, "takes no argument");
    report_message("%s: needs an argument: %s", row->name, row->argument);
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
    report_message("stdout: %s", strerror(errno));
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
        if (value == OPTION_RESERVED)
            return refuse_unknown_name(parser->argv[optind - 1]);
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
    return refuse(option_rows[given->id].name, given->argument,
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
        return refuse(option_rows[given->id].name, given->argument, "must be at least 1");
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
    enum size_status status = size_parse_rate(given->argument, parser->options->si, rate);
    if (status == SIZE_OK)
        return OPTIONS_RUN;
    return refuse_number(given, status, "is not a rate (try 500K, 10M, 80Mbit)");
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
        return refuse(option_rows[given->id].name, "", "is empty");
    *text = given->argument;
    return OPTIONS_RUN;
}

/* A path, not an endpoint. */
static enum options_status take_spool(struct options *options, const struct given *given)
{
    if (endpoint_inherited_number(given->argument, 0) >= 0)
        return refuse("--spool", given->argument, "is not a directory or a new file");
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
        return refuse(option_rows[given->id].name, given->argument, "names no file");
    options->size_path = given->argument + 1;
    return OPTIONS_RUN;
}

/* --- endpoints ------------------------------------------------------------------------------ */

static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* `text` is the argument that `endpoint` was found in, for the message. */
static enum options_status check_endpoint(const char *name, const char *text, const char *endpoint)
{
    static const char *const later[] = {"tcp://",         "tcp-listen://", "unix://",
                                        "unix-listen://", "udp://",        "udp-listen://"};
    if (*endpoint == '\0')
        return refuse(name, text, "names no file");
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        if (after(endpoint, later[i]))
            return refuse(name, text, "is not supported by this version (./ before it: a path)");
    if (after(endpoint, "fd://") && endpoint_inherited_number(endpoint, 0) < 0)
        return refuse(name, text, "is not a descriptor (try fd://3)");
    return OPTIONS_RUN;
}

static enum options_status take_output(struct options *options, const char *text)
{
    enum options_status status = check_endpoint("--output", text, text);
    if (status != OPTIONS_RUN)
        return status;
    int fd = endpoint_inherited_number(text, 1);
    for (size_t i = 0; i < options->output_count; i++)
        if (fd >= 0 && endpoint_inherited_number(options->outputs[i], 1) == fd)
            return refuse("--output", text, "is the same descriptor as an --output before it");
    options->outputs[options->output_count++] = text;
    return OPTIONS_RUN;
}

static enum options_status take_tap(struct options *options, const char *text)
{
    enum options_status status = check_endpoint("--tap", text, text);
    if (status != OPTIONS_RUN)
        return status;
    int fd = endpoint_inherited_number(text, 1);
    for (size_t i = 0; i < options->tap_count; i++)
        if (fd >= 0 && endpoint_inherited_number(options->taps[i], 1) == fd)
            return refuse("--tap", text, "is the same descriptor as a --tap before it");
    options->taps[options->tap_count++] = text;
    return OPTIONS_RUN;
}

uint64_t options_ring_size(const struct options *options)
{
    uint64_t buffer = options->buffer_size, inputs = options->input_count;
    bool whole = options->records != RECORD_NONE &&
                 (options->overflow != OVERFLOW_BLOCK || options->tap_count > 0);
    if (!options->merge)
        return buffer;
    uint64_t ring = buffer / 2 < MERGE_WINDOW ? buffer / 2 : MERGE_WINDOW;
    if (whole)
        ring = buffer - buffer / (inputs + 1) * inputs;
    if (ring < options->block_size)
        ring = options->block_size;
    return ring > 0 && ring < buffer && (buffer - ring) / inputs > 0 ? ring : 0;
}

/* With all inputs known: each is read once, and has a share of the buffer. */
static enum options_status check_merge(struct parser *parser)
{
    const struct options *options = parser->options;
    for (size_t i = 1; options->merge && i < options->input_count; i++) {
        int fd = endpoint_inherited_number(options->inputs[i], 0);
        for (size_t j = 0; fd >= 0 && j < i; j++)
            if (endpoint_inherited_number(options->inputs[j], 0) == fd)
                return refuse("INPUT", options->inputs[i],
                              "is the same descriptor as an INPUT before it (--merge)");
    }
    if (options->merge && options_ring_size(options) == 0)
        return refuse("--buffer-size",
                      parser->last[OPTION_BUFFER_SIZE] ? parser->last[OPTION_BUFFER_SIZE]
                                                       : DEFAULT_BUFFER_TEXT,
                      "is too small for so many INPUTs (--merge)");
    return OPTIONS_RUN;
}

/* With all outputs known, the default among them. */
static enum options_status check_taps(struct parser *parser)
{
    const struct options *options = parser->options;
    for (size_t i = 0; i < options->tap_count; i++) {
        int fd = endpoint_inherited_number(options->taps[i], 1);
        for (size_t j = 0; fd >= 0 && !options->discard && j < options->output_count; j++)
            if (endpoint_inherited_number(options->outputs[j], 1) == fd)
                return refuse("--tap", options->taps[i], "is the same descriptor as an output");
    }
    return OPTIONS_RUN;
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
    return refuse("--overflow", text,
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
    if (length == strlen("none") && after(text, "none"))
        return refuse(name, text, "none takes no FILE");
    int format = report_format_of(text, length);
    if (format == NO_FORMAT)
        return refuse(name, text, "is no format (choose text, json, prometheus or none)");
    const char *path = NULL;
    if (text[length] != '\0') {
        path = text + length + 1;
        enum options_status status = check_endpoint(name, text, path);
        if (status != OPTIONS_RUN)
            return status;
        if (endpoint_inherited_number(path, 1) == 2)
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
    bool wanted = options->verbose || (by_default && (every || !options->quiet));
    if (wanted && !has_text_on_stderr(options))
        add_report(options, REPORT_TEXT, NULL);
    if (every && options->report_count == 0)
        return refuse("--report-every", parser->last[OPTION_REPORT_EVERY],
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
    options->pipe_size_given = last[OPTION_PIPE_BUFFER_SIZE] != NULL;
    options->drain_timeout_given = last[OPTION_DRAIN_TIMEOUT] != NULL;
    if (last[OPTION_APPEND])
        options->file_mode = FILE_APPEND;
    if (last[OPTION_NO_CLOBBER])
        options->file_mode = FILE_NO_CLOBBER;
    if (last[OPTION_LINE_MODE])
        options->records = RECORD_LINE;
    if (last[OPTION_NULL])
        options->records = RECORD_NUL;
}

static enum options_status apply_argument(struct parser *parser, const struct given *given)
{
    struct options *options = parser->options;
    switch (given->id) {
    case OPTION_BUFFER_SIZE:
        return take_size(parser, given, 1, SSIZE_MAX, &options->buffer_size);
    case OPTION_CHUNK_SIZE:
        return take_size(parser, given, 1, SSIZE_MAX, &options->chunk_size);
    case OPTION_BLOCK_SIZE:
        return take_size(parser, given, 1, SSIZE_MAX, &options->block_size);
    case OPTION_PIPE_BUFFER_SIZE:
        return take_size(parser, given, 0, INT_MAX, &options->pipe_size);
    case OPTION_RATE_LIMIT:
        return take_rate(parser, given, &options->rate_limit);
    case OPTION_READ_RATE:
        return take_rate(parser, given, &options->read_rate);
    case OPTION_BURST:
        return take_size(parser, given, 1, INT64_MAX, &options->burst);
    case OPTION_SIZE:
        return take_expected_size(parser, given);
    case OPTION_START_FILL:
        return take_percent(given, &options->start_fill_percent);
    case OPTION_RESUME_FILL:
        return take_percent(given, &options->resume_fill_percent);
    case OPTION_IDLE_TIMEOUT:
        return take_duration(given, &options->idle_timeout_ns);
    case OPTION_STALL_TIMEOUT:
        return take_duration(given, &options->stall_timeout_ns);
    case OPTION_DRAIN_TIMEOUT:
        return take_duration(given, &options->drain_timeout_ns);
    case OPTION_REPORT_EVERY:
        return take_duration(given, &options->report_every_ns);
    case OPTION_OUTPUT:
        return take_output(options, given->argument);
    case OPTION_TAP:
        return take_tap(options, given->argument);
    case OPTION_OVERFLOW:
        return take_policy(options, given->argument);
    case OPTION_SPOOL:
        return take_spool(options, given);
    case OPTION_SPOOL_MAX:
        return take_size(parser, given, 1, INT64_MAX, &options->spool_max);
    case OPTION_REPORT:
        return take_report(parser, given->argument);
    case OPTION_NAME:
        return take_text(given, &options->name);
    default: /* the last one that has an argument */
        return take_text(given, &options->pidfile);
    }
}

static enum options_status apply(struct parser *parser)
{
    apply_flags(parser);
    enum options_status status = OPTIONS_RUN;
    for (size_t i = 0; i < parser->given_count && status == OPTIONS_RUN; i++)
        status = apply_argument(parser, &parser->given[i]);
    return status;
}

static enum options_status take_inputs(struct parser *parser)
{
    struct options *options = parser->options;
    for (int i = optind; i < parser->argc; i++) {
        const char *text = parser->argv[i];
        enum options_status status = check_endpoint("INPUT", text, text);
        if (status != OPTIONS_RUN)
            return status;
        options->inputs[options->input_count++] = text;
    }
    return OPTIONS_RUN;
}

/* Flags that cannot be given together, or not without another. */
static enum options_status check_flags(struct parser *parser)
{
    static const enum option_id exclusive[][2] = {{OPTION_DISCARD, OPTION_OUTPUT},
                                                  {OPTION_APPEND, OPTION_NO_CLOBBER},
                                                  {OPTION_APPEND, OPTION_ATOMIC}};
    static const enum option_id of_outputs[] = {OPTION_APPEND, OPTION_NO_CLOBBER, OPTION_ATOMIC};
    const char *const *last = parser->last;
    for (size_t i = 0; i < sizeof exclusive / sizeof exclusive[0]; i++) {
        enum option_id a = exclusive[i][0], b = exclusive[i][1];
        if (last[a] && last[b]) {
            report_message("%s: cannot be used with %s", option_rows[a].name, option_rows[b].name);
            return OPTIONS_USAGE;
        }
    }
    for (size_t i = 0; i < sizeof of_outputs / sizeof of_outputs[0]; i++) {
        if (last[of_outputs[i]] && !last[OPTION_OUTPUT]) {
            report_message("%s: needs --output", option_rows[of_outputs[i]].name);
            return OPTIONS_USAGE;
        }
    }
    return OPTIONS_RUN;
}

static bool drops(const struct options *options)
{
    return options->overflow == OVERFLOW_DROP_NEWEST || options->overflow == OVERFLOW_DROP_OLDEST;
}

/* What the options of overload ask of each other. */
static enum options_status check_overload(struct parser *parser)
{
    const struct options *options = parser->options;
    const char *const *last = parser->last;
    bool records = options->records != RECORD_NONE;
    const char *wrong = NULL;
    if (options->gap_mark && !records)
        wrong = "--gap-mark: needs records: -l or -0";
    else if (options->gap_mark && !drops(options))
        wrong = "--gap-mark: needs --overflow drop-newest or drop-oldest";
    else if (options->gap_mark && options->buffer_size < GAP_MARK_BUFFER)
        wrong = "--gap-mark: needs a --buffer-size of 256 or more";
    else if (last[OPTION_SPOOL_MAX] && !last[OPTION_SPOOL])
        wrong = "--spool-max: needs --spool";
    else if (options->merge && options->stop_at_size)
        wrong = "--merge: cannot be used with --stop-at-size";
    else if (options->block_size > 0 && records && drops(options))
        wrong = "--block-size: cannot be used with --overflow, which drops whole records";
    if (wrong == NULL)
        return OPTIONS_RUN;
    report_message("%s", wrong);
    return OPTIONS_USAGE;
}

static enum options_status check_values(struct parser *parser)
{
    const struct options *options = parser->options;
    const char *const *last = parser->last;
    if (options->block_size > options->buffer_size) {
        report_message("--block-size: '%s': is larger than --buffer-size '%s'",
                       last[OPTION_BLOCK_SIZE],
                       last[OPTION_BUFFER_SIZE] ? last[OPTION_BUFFER_SIZE] : DEFAULT_BUFFER_TEXT);
        return OPTIONS_USAGE;
    }
    if (options->block_size > 0 && options->rate_limit > 0 && options->records != RECORD_NONE) {
        report_message("--rate-limit: is in records, and cannot be used with --block-size");
        return OPTIONS_USAGE;
    }
    if (last[OPTION_REPORT_EVERY] && options->report_every_ns == 0)
        return refuse("--report-every", last[OPTION_REPORT_EVERY], "must be more than 0");
    return OPTIONS_RUN;
}

static enum options_status apply_defaults(struct parser *parser)
{
    struct options *options = parser->options;
    if (options->input_count == 0)
        options->inputs[options->input_count++] = "-";
    if (options->output_count == 0)
        options->outputs[options->output_count++] = "-";
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
    if (!parser->given || !options->inputs || !options->outputs || !options->taps ||
        !options->reports)
        return out_of_memory();
    return OPTIONS_RUN;
}

enum options_status options_parse(struct options *options, int argc, char *argv[])
{
    static enum options_status (*const steps[])(struct parser *) = {
        allocate,       collect,        apply,      take_inputs, check_flags,     check_values,
        check_overload, apply_defaults, check_taps, check_merge, complete_reports};
    *options = (struct options){
        .buffer_size = DEFAULT_BUFFER_SIZE,
        .chunk_size = DEFAULT_CHUNK_SIZE,
        .resume_fill_percent = NO_RESUME_FILL,
        .spool_max = DEFAULT_SPOOL_MAX,
        .drain_timeout_ns = DEFAULT_DRAIN_NS,
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
    *options = (struct options){0};
}
