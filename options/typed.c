/*
 * typed.c - see typed.h.
 */
#include "options/typed.h"

#include "base/platform.h"
#include "base/size.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum options_status refuse_number(const struct given *given, enum size_status status,
                                         const char *noun, const char *hint)
{
    const char *name = option_rows[given->id].name;
    return status == SIZE_JUNK ? options_invalid(name, noun, given->argument, hint)
                               : options_refuse(name, given->argument, size_status_text(status));
}

enum options_status options_take_size(const struct parser *parser, const struct given *given,
                                      uint64_t least, uint64_t most, uint64_t *bytes)
{
    enum size_status status = size_parse(given->argument, parser->options->si, bytes);
    if (status == SIZE_OK && *bytes > most)
        status = SIZE_OVERFLOW;
    if (status != SIZE_OK)
        return refuse_number(given, status, "size", "try 4096, 64K, 1.5G, 10MB");
    if (*bytes < least)
        return options_refuse(option_rows[given->id].name, given->argument, "must be at least 1");
    return OPTIONS_RUN;
}

enum options_status options_take_text(const struct given *given, size_t least, const char **text)
{
    if (strlen(given->argument) < least)
        return options_refuse(option_rows[given->id].name, given->argument, "is empty");
    *text = given->argument;
    return OPTIONS_RUN;
}

static enum options_status typed_size(const struct parser *parser, const struct given *given,
                                      const struct option_row *row, void *field)
{
    return options_take_size(parser, given, row->least, row->most, field);
}

static enum options_status typed_rate(const struct parser *parser, const struct given *given,
                                      const struct option_row *row, void *field)
{
    char buf[SIZE_REASON];
    enum size_status status = size_parse_rate(given->argument, parser->options->si, field);
    (void)row;
    if (status == SIZE_OK)
        return OPTIONS_RUN;
    const char *reason = status == SIZE_JUNK ? size_rate_refusal(buf, given->argument) : NULL;
    return reason ? options_refuse(option_rows[given->id].name, given->argument, reason)
                  : refuse_number(given, status, "rate", "try 500K, 10M, 80Mbit");
}

static enum options_status typed_duration(const struct parser *parser, const struct given *given,
                                          const struct option_row *row, void *field)
{
    enum size_status status = size_parse_duration(given->argument, field);
    (void)parser;
    (void)row;
    if (status == SIZE_OK)
        return OPTIONS_RUN;
    return refuse_number(given, status, "duration", "try 5, 0.25, 250ms, 2m, 1h");
}

/* A duration. ".5" is accepted as well, as pv does. */
static enum options_status typed_seconds(const struct parser *parser, const struct given *given,
                                         const struct option_row *row, void *field)
{
    char text[64];
    uint64_t *ns = field;
    enum size_status status = SIZE_JUNK;
    (void)parser;
    if (given->argument[0] != '.')
        status = size_parse_duration(given->argument, ns);
    else if (snprintf(text, sizeof text, "0%s", given->argument) < (int)sizeof text)
        status = size_parse_duration(text, ns);
    if (status != SIZE_OK)
        return refuse_number(given, status, "number of seconds", "try 0.5");
    if (*ns >= row->least && *ns <= row->most)
        return OPTIONS_RUN;
    snprintf(text, sizeof text, "must be from %g to %g seconds", (double)row->least / NS_PER_SEC,
             (double)row->most / NS_PER_SEC);
    return options_refuse(row->name, given->argument, text);
}

static enum options_status typed_percent(const struct parser *parser, const struct given *given,
                                         const struct option_row *row, void *field)
{
    enum size_status status = size_parse_percent(given->argument, field);
    (void)parser;
    (void)row;
    if (status == SIZE_OK)
        return OPTIONS_RUN;
    return refuse_number(given, status, "percentage", "try 50");
}

static enum options_status take_number(const struct given *given, const struct option_row *row,
                                       unsigned long *number)
{
    const char *text = given->argument;
    char *end = NULL, why[64];
    *number = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number >= row->least &&
        *number <= row->most)
        return OPTIONS_RUN;
    snprintf(why, sizeof why, "must be a number from %" PRIu64 " to %" PRIu64, row->least,
             row->most);
    return options_refuse(row->name, text, why);
}

static enum options_status typed_number(const struct parser *parser, const struct given *given,
                                        const struct option_row *row, void *field)
{
    unsigned long number;
    enum options_status status = take_number(given, row, &number);
    (void)parser;
    *(unsigned *)field = (unsigned)number;
    return status;
}

static enum options_status typed_pid(const struct parser *parser, const struct given *given,
                                     const struct option_row *row, void *field)
{
    unsigned long number;
    enum options_status status = take_number(given, row, &number);
    (void)parser;
    *(long *)field = (long)number;
    return status;
}

static enum options_status typed_text(const struct parser *parser, const struct given *given,
                                      const struct option_row *row, void *field)
{
    (void)parser;
    return options_take_text(given, (size_t)row->least, field);
}

void *options_field(struct options *options, const struct option_row *row)
{
    return (char *)options + row->offset;
}

enum options_status options_take_typed(struct parser *parser, const struct given *given)
{
    static enum options_status (*const takers[OPTION_TYPES])(
        const struct parser *, const struct given *, const struct option_row *,
        void *) = {[TYPE_SIZE] = typed_size,         [TYPE_RATE] = typed_rate,
                   [TYPE_DURATION] = typed_duration, [TYPE_SECONDS] = typed_seconds,
                   [TYPE_PERCENT] = typed_percent,   [TYPE_NUMBER] = typed_number,
                   [TYPE_PID] = typed_pid,           [TYPE_TEXT] = typed_text};
    const struct option_row *row = &option_rows[given->id];
    return takers[row->type](parser, given, row, options_field(parser->options, row));
}
