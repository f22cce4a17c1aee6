/*
 * options.c - turns argv into a struct options, or prints one line that says what is wrong with it.
 *
 * There are several steps, and each may refuse. getopt_long() collects the options (collect). Then,
 * because -k affects other arguments, the arguments are parsed in their order (apply). Operands
 * become inputs. Options that exclude each other are refused. Reports get their defaults. Nothing
 * is opened here. The options are listed in options/table.c, endpoints are in options/endpoints.c,
 * and options that exclude each other are in options/check.c.
 */
#include "options/options.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "base/platform.h"
#include "base/platform_build.h"
#include "base/size.h"
#include "options/check.h"
#include "options/commands.h"
#include "options/control.h"
#include "options/display.h"
#include "options/display_format.h"
#include "options/endpoints.h"
#include "options/help.h"
#include "options/parser.h"
#include "options/table.h"
#include "options/typed.h"
#include "options/version.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CHUNK_SIZE (UINT64_C(1) << 20)
#define DEFAULT_DRAIN_NS   (10 * NS_PER_SEC)
#define DEFAULT_SPOOL_MAX  (UINT64_C(1) << 30)
#define DEFAULT_DATAGRAM   1400 /* passes Ethernet and most tunnels unfragmented */
#define DEFAULT_KILL_AFTER (5 * NS_PER_SEC)
#define NO_RESUME_FILL     100

enum { ABBREVIATION_LIST = 48, NO_FORMAT = -1 };

static enum options_status out_of_memory(void)
{
    message_print("%s", strerror(ENOMEM));
    return OPTIONS_FAILED;
}

/* --- what getopt_long() finds --------------------------------------------------------------- */

/* Refuses an unknown long option. `argument` is the word with its dashes. */
static enum options_status refuse_unknown_name(const char *argument)
{
    const char *name = argument + strlen("--");
    size_t length = strcspn(name, "=");
    char list[ABBREVIATION_LIST];
    if (option_abbreviated(name, length, list, sizeof list) > 1) {
        message_print("--%.*s: ambiguous option: %s", (int)length, name, list);
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

/* getopt_long() returned '?' or ':'. If the word is a long option optind is already after it. */
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

static enum options_status print_information(enum option_id id, bool by_name)
{
    errno = 0;
    if (id == OPTION_HELP && by_name)
        help_print_all(stdout);
    else if (id == OPTION_HELP)
        help_print_short(stdout);
    else
        printf("bpipe %s (%s)\nbuild: %s\nreport bugs to: %s\n", BPIPE_VERSION, platform_name,
               platform_build, BPIPE_BUGS);
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
    optind = 0; /* restarts the scan with any libc */
    for (;;) {
        int name = -1; /* set only if the option was given by name */
        int value = getopt_long(parser->argc, parser->argv, arrays.letters, arrays.longs, &name);
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
            return print_information(id, name >= 0);
        parser->last[id] = optarg ? optarg : "";
        if (optarg)
            parser->given[parser->given_count++] = (struct given){id, optarg};
    }
}

/* --- arguments with their own code ----------------------------------------------------------- */

/* The argument is a path, not an endpoint. */
static enum options_status take_pidfile(struct parser *parser, const struct given *given)
{
    if (address_kind_of(given->argument) != ADDRESS_NONE)
        return options_refuse("--pidfile", given->argument,
                              "must be a file (a path begins with ./)");
    return options_take_text(given, 1, &parser->options->pidfile);
}

/* The argument is a path, not an endpoint. */
static enum options_status take_spool(struct parser *parser, const struct given *given)
{
    if (descriptor_inherited_number(given->argument, 0) >= 0 ||
        address_kind_of(given->argument) != ADDRESS_NONE)
        return options_refuse("--spool", given->argument, "must be a directory or a new file");
    return options_take_text(given, 1, &parser->options->spool);
}

/* -s SIZE or -s @PATH. */
static enum options_status take_expected_size(struct parser *parser, const struct given *given)
{
    struct options *options = parser->options;
    options->size = 0;
    options->size_path = NULL;
    if (given->argument[0] != '@')
        return options_take_size(parser, given, 0, INT64_MAX, &options->size);
    if (given->argument[1] == '\0')
        return options_refuse(option_rows[given->id].name, given->argument, "missing path after @");
    options->size_path = given->argument + 1;
    return OPTIONS_RUN;
}

/* --expect-end STRING or @PATH. */
static enum options_status take_expected_end(struct parser *parser, const struct given *given)
{
    if (strcmp(given->argument, "@") == 0)
        return options_refuse("--expect-end", "@", "missing path after @");
    return options_take_text(given, 1, &parser->options->expect_end);
}

static enum options_status take_range(struct parser *parser, const struct given *given)
{
    struct net_settings *net = &parser->options->net;
    const char *wrong = address_parse_range(&net->allowed[net->allowed_count], given->argument);
    if (wrong)
        return options_refuse("--allow", given->argument, wrong);
    net->allowed_count++;
    return OPTIONS_RUN;
}

static enum options_status take_tcp_buffer(struct parser *parser, const struct given *given)
{
    uint64_t size = 0; /* at most INT_MAX / 2, since the kernel doubles it (socket(7)) */
    enum options_status status = options_take_size(parser, given, 1, INT_MAX / 2, &size);
    parser->options->net.tcp_buffer = (int)size;
    return status;
}

static enum options_status take_datagram_size(struct parser *parser, const struct given *given)
{
    uint64_t size = 0;
    enum options_status status = options_take_size(parser, given, 1, DATAGRAM_MOST, &size);
    parser->options->datagram_size = (size_t)size;
    return status;
}

static enum options_status take_error_action(struct parser *parser, const struct given *given)
{
    struct options *options = parser->options;
    const char *text = given->argument;
    options->stop_on_output_error = strcmp(text, "stop") == 0;
    if (options->stop_on_output_error || strcmp(text, "continue") == 0)
        return OPTIONS_RUN;
    return options_invalid("--on-output-error", "action", text, "choose stop or continue");
}

static enum options_status take_policy(struct parser *parser, const struct given *given)
{
    const char *text = given->argument;
    static const char *const names[] = {[OVERFLOW_BLOCK] = "block",
                                        [OVERFLOW_DROP_NEWEST] = "drop-newest",
                                        [OVERFLOW_DROP_OLDEST] = "drop-oldest",
                                        [OVERFLOW_FAIL] = "fail"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], text) == 0) {
            parser->options->overflow = (enum overflow_policy)i;
            return OPTIONS_RUN;
        }
    return options_invalid("--overflow", "policy", text,
                           "choose block, drop-newest, drop-oldest or fail");
}

/* --- reports -------------------------------------------------------------------------------- */

/* Adds a report, unless one with the same format and file was added before. */
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

/* Returns an enum report_format, or NO_FORMAT. */
static int report_format_of(const char *text, size_t length)
{
    static const char *const formats[] = {
        [REPORT_TEXT] = "text", [REPORT_JSON] = "json", [REPORT_PROMETHEUS] = "prometheus"};
    for (int i = 0; i < (int)(sizeof formats / sizeof formats[0]); i++)
        if (strlen(formats[i]) == length && strncmp(formats[i], text, length) == 0)
            return i;
    return NO_FORMAT;
}

static enum options_status take_report(struct parser *parser, const struct given *given)
{
    static const char name[] = "--report";
    const char *text = given->argument;
    size_t length = strcspn(text, ":");
    if (strcmp(text, "none") == 0) {
        parser->no_report = true;
        return OPTIONS_RUN;
    }
    if (length == strlen("none") && strncmp(text, "none", length) == 0)
        return options_refuse(name, text, "none takes no FILE");
    int format = report_format_of(text, length);
    if (format == NO_FORMAT)
        return options_invalid(name, "format", text, "choose text, json, prometheus or none");
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
                              "cannot be used with --report none");
    return OPTIONS_RUN;
}

/* --- putting it together -------------------------------------------------------------------- */

static void apply_flags(const struct parser *parser)
{
    struct options *options = parser->options;
    const char *const *last = parser->last;
    for (int id = 0; id < OPTION_COUNT; id++) {
        options->given[id] = last[id] != NULL;
        if (option_rows[id].type == TYPE_FLAG)
            *(bool *)options_field(options, &option_rows[id]) = last[id] != NULL;
    }
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

static enum options_status take_input(struct parser *parser, const struct given *given)
{
    return options_take_input(parser->options, given->argument);
}

static enum options_status take_output(struct parser *parser, const struct given *given)
{
    return options_take_output(parser->options, given->argument);
}

static enum options_status take_tap(struct parser *parser, const struct given *given)
{
    return options_take_tap(parser->options, given->argument);
}

static enum options_status apply_argument(struct parser *parser, const struct given *given)
{
    static enum options_status (*const own[OPTION_COUNT + 1])(struct parser *,
                                                              const struct given *) = {
        [GIVEN_OPERAND] = take_input,
        [OPTION_FROM] = options_take_command,
        [OPTION_TO] = options_take_command,
        [OPTION_MONITOR] = options_take_command,
        [OPTION_OUTPUT] = take_output,
        [OPTION_TAP] = take_tap,
        [OPTION_SIZE] = take_expected_size,
        [OPTION_EXPECT_END] = take_expected_end,
        [OPTION_ON_OUTPUT_ERROR] = take_error_action,
        [OPTION_ALLOW] = take_range,
        [OPTION_TCP_BUFFER] = take_tcp_buffer,
        [OPTION_DATAGRAM_SIZE] = take_datagram_size,
        [OPTION_OVERFLOW] = take_policy,
        [OPTION_SPOOL] = take_spool,
        [OPTION_REPORT] = take_report,
        [OPTION_PIDFILE] = take_pidfile,
        [OPTION_BAR_STYLE] = options_take_bar_style,
        [OPTION_EXTRA_DISPLAY] = options_take_places,
    };
    return own[given->id] != NULL ? own[given->id](parser, given)
                                  : options_take_typed(parser, given);
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
    options->display.shows_buffer = display_format_shows_buffer(&options->display);
    return OPTIONS_RUN;
}

static enum options_status allocate(struct parser *parser)
{
    struct options *options = parser->options;
    size_t count = (size_t)parser->argc + 1; /* at most one for each word, and one default */
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
