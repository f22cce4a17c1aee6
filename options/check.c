/*
 * check.c - see check.h.
 */
#include "options/check.h"

#include "base/message.h"
#include "options/endpoints.h"

enum {
    GAP_MARK_BUFFER = 256, /* room for a gap mark and a short record */
    FRAMING_BUFFER = 256,  /* room for a chunk that is worth its framing */
    /* Bytes that may stay free because no chunk fits into them. The rest has to hold a block. */
    FRAMING_FREE = OPTIONS_FRAMING,
    DATAGRAM_ROOM = 64 * 1024 /* room for any datagram */
};

static enum options_status refuse_both(const char *name, const char *other)
{
    message_print("%s: cannot be used with %s", name, other);
    return OPTIONS_USAGE;
}

/* Flags that exclude each other, or need another option. */
static enum options_status check_flags(struct parser *parser)
{
    static const enum option_id exclusive[][2] = {
        {OPTION_DISCARD, OPTION_OUTPUT}, {OPTION_DISCARD, OPTION_TO},
        {OPTION_FRAME, OPTION_UNFRAME},  {OPTION_APPEND, OPTION_NO_CLOBBER},
        {OPTION_APPEND, OPTION_ATOMIC},  {OPTION_IPV4, OPTION_IPV6},
        {OPTION_SKIP, OPTION_MERGE},     {OPTION_SKIP, OPTION_UNFRAME}};
    static const enum option_id of_outputs[] = {OPTION_APPEND, OPTION_NO_CLOBBER, OPTION_ATOMIC};
    const char *const *last = parser->last;
    for (size_t i = 0; i < sizeof exclusive / sizeof exclusive[0]; i++) {
        enum option_id a = exclusive[i][0], b = exclusive[i][1];
        if (last[a] && last[b])
            return refuse_both(option_rows[a].name, option_rows[b].name);
    }
    for (size_t i = 0; i < sizeof of_outputs / sizeof of_outputs[0]; i++) {
        if (last[of_outputs[i]] && !last[OPTION_OUTPUT]) {
            message_print("%s: needs --output", option_rows[of_outputs[i]].name);
            return OPTIONS_USAGE;
        }
    }
    return OPTIONS_RUN;
}

/* Whether sizes and rates are in records. With datagrams they are in bytes. */
static bool counts_records(const struct options *options)
{
    return options->records == RECORD_LINE || options->records == RECORD_NUL;
}

static enum options_status check_values(struct parser *parser)
{
    const struct options *options = parser->options;
    const char *const *last = parser->last;
    if (options->block_size > options->buffer_size) {
        message_print("--block-size: '%s': is larger than --buffer-size '%s'",
                      last[OPTION_BLOCK_SIZE], options_buffer_text(parser));
        return OPTIONS_USAGE;
    }
    if (options->block_size > 0 && options->rate_limit > 0 && counts_records(options)) {
        message_print("--rate-limit: cannot count records with --block-size");
        return OPTIONS_USAGE;
    }
    if (options->skip > 0 && options->size_path != NULL && counts_records(options)) {
        message_print("--skip: cannot be used with --size @PATH and -l or -0");
        return OPTIONS_USAGE;
    }
    if (last[OPTION_REPORT_EVERY] && options->report_every_ns == 0)
        return options_refuse("--report-every", last[OPTION_REPORT_EVERY], "must be more than 0");
    return OPTIONS_RUN;
}

/* Options of overload, and options that exclude them or that they need. */
static enum options_status check_overload(struct parser *parser)
{
    const struct options *options = parser->options;
    const char *const *last = parser->last;
    bool records = counts_records(options);
    const char *wrong = NULL;
    if (options->gap_mark && !records)
        wrong = "--gap-mark: needs --line-mode or --null (-l or -0)";
    else if (options->gap_mark && !options_drop(options))
        wrong = "--gap-mark: needs --overflow drop-newest or drop-oldest";
    else if (options->gap_mark && options->buffer_size < GAP_MARK_BUFFER)
        wrong = "--gap-mark: needs a --buffer-size of 256 or more";
    else if (last[OPTION_SPOOL_MAX] && !last[OPTION_SPOOL])
        wrong = "--spool-max: needs --spool";
    else if (options->merge && options->stop_at_size)
        wrong = "--merge: cannot be used with --stop-at-size";
    else if (options->merge && options->expect_end)
        wrong = "--merge: cannot be used with --expect-end";
    else if (options->block_size > 0 && records && options_drop(options))
        wrong = "--block-size: cannot be used with --overflow, which drops whole records";
    if (wrong == NULL)
        return OPTIONS_RUN;
    message_print("%s", wrong);
    return OPTIONS_USAGE;
}

/* With --merge each input needs a share of the buffer. */
static enum options_status check_merge(struct parser *parser)
{
    const struct options *options = parser->options;
    if (options->merge && options_ring_size(options) == 0)
        return options_refuse("--buffer-size", options_buffer_text(parser),
                              "is too small for this number of INPUTs (--merge)");
    return OPTIONS_RUN;
}

/* Returns the first UDP endpoint among the texts, or NULL. */
static const char *find_udp(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (address_is_datagram(address_kind_of(texts[i])))
            return texts[i];
    return NULL;
}

/* The minimum number of bytes of the buffer that one input has. */
static uint64_t share_of_input(const struct options *options)
{
    uint64_t ring = options_ring_size(options);
    return options->merge ? (options->buffer_size - ring) / options->input_count : ring;
}

/* Refuses options that would delay or cut a datagram: it is read whole or lost. */
static enum options_status check_udp(struct parser *parser)
{
    const struct options *options = parser->options;
    const char *input = find_udp(options->inputs, options->input_count);
    const char *output = find_udp(options->outputs, options->output_count);
    if (input && options->records == RECORD_NONE)
        return options_refuse("INPUT", input, "needs -l or -0 beside other INPUTs");
    if (input && share_of_input(options) < DATAGRAM_ROOM)
        return options_refuse("--buffer-size", options_buffer_text(parser),
                              options->merge ? "too small for UDP (64K per merged INPUT + 64K)"
                                             : "too small for UDP (at least 64K)");
    if (input && options->skip > 0)
        return refuse_both("--skip", input);
    if (input && options->spool)
        return refuse_both("--spool", input);
    if ((input || output) && options->block_size > 0)
        return refuse_both("--block-size", input ? input : output);
    return OPTIONS_RUN;
}

/* Framing is added or removed where the bytes of one stream enter the buffer. */
static enum options_status check_framing(struct parser *parser)
{
    const struct options *options = parser->options;
    bool frames = options->framing == FRAMING_ADD;
    const char *name = frames ? "--frame" : "--unframe";
    const char *other = NULL;
    if (options->framing == FRAMING_NONE)
        return OPTIONS_RUN;
    if (options->merge)
        other = "--merge";
    else if (options->overflow != OVERFLOW_BLOCK)
        other = "--overflow";
    else if (options->spool)
        other = "--spool";
    else if (!frames && options->stop_at_size)
        other = "--stop-at-size"; /* it would stop before the end of the framing is read */
    else if (frames && options->tap_count > 0)
        other = "--tap"; /* a tap may miss bytes */
    else if (frames && counts_records(options))
        other = options->records == RECORD_LINE ? "--line-mode" : "--null";
    else
        other = find_udp(options->inputs, options->input_count);
    if (!other && frames)
        other = find_udp(options->outputs, options->output_count);
    if (other)
        return refuse_both(name, other);
    if (options->buffer_size < FRAMING_BUFFER)
        return options_refuse("--buffer-size", options_buffer_text(parser),
                              frames ? "is too small for --frame (at least 256)"
                                     : "is too small for --unframe (at least 256)");
    if (frames && options->block_size > options->buffer_size - FRAMING_FREE)
        return options_refuse("--block-size", parser->last[OPTION_BLOCK_SIZE],
                              "is larger than --buffer-size minus 28 (--frame)");
    return OPTIONS_RUN;
}

enum options_status options_check(struct parser *parser)
{
    static enum options_status (*const checks[])(struct parser *) = {
        check_flags, check_values, check_overload, options_check_endpoints,
        check_merge, check_udp,    check_framing};
    enum options_status status = OPTIONS_RUN;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && status == OPTIONS_RUN; i++)
        status = checks[i](parser);
    return status;
}
