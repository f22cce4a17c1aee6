/*
 * numeric.c - -n: numbers for a program to read, one line for each frame.
 *
 * There are two cases. A format of only sequences and blanks selects the numbers. Their order is
 * fixed, as in pv(1) with -n and -t, -b and -r. A format with other text is filled in as it is,
 * which can make lines of JSON, for example, as in pv 1.9.31 and later.
 *
 * An unknown value (for example a percentage or an ETA without a size) is left out in the first
 * case, and is null in the second. In the second case words and text are values as well. (pv writes
 * the position of its moving mark, or 0. A program cannot tell these from a real value.)
 */
#include "display/format.h"

#include "base/platform.h"
#include "display/columns.h"
#include "display/parts.h"

#include <inttypes.h>
#include <string.h>

/* "0.2510", rounded. */
static void add_seconds(struct text *text, uint64_t ns)
{
    const uint64_t unit = NS_PER_SEC / 10000;
    uint64_t parts = ns / unit + (ns % unit >= unit / 2);

    text_add(text, "%" PRIu64 ".%04" PRIu64, parts / 10000, parts % 10000);
}

static bool add_percentage(struct text *text, const struct display_values *values)
{
    if (!values->size_known)
        return false;
    text_add(text, "%" PRIu64, display_percent_done(display_done(values), values->size));
    return true;
}

static bool add_eta(struct text *text, const struct display_values *values)
{
    if (!values->size_known || (!values->final && values->eta_ns == UINT64_MAX))
        return false;
    text_add(text, "%" PRIu64, values->final ? 0 : display_seconds(values->eta_ns));
    return true;
}

static bool add_end(struct text *text, const struct display_values *values)
{
    return values->size_known &&
           display_add_time_of_day(text, values->now, values->final ? 0 : values->eta_ns);
}

static bool add_rate(struct text *text, const struct display_values *values, double rate)
{
    if (values->elapsed_ns == 0)
        return false;
    text_add_decimal(text, rate, 0);
    return true;
}

static bool add_wait(struct text *text, const struct display_values *values, enum meter_state state)
{
    uint64_t running_ns = meter_running_of(values->state_ns);

    if (running_ns == 0)
        return false;
    text_add(text, "%" PRIu64, display_percent(values->state_ns[state], running_ns));
    return true;
}

/* A word, or NULL: unknown. */
static bool add_word(struct text *text, const char *word)
{
    if (word == NULL)
        return false;
    text_add_visible(text, word);
    return true;
}

static bool add_last_written(struct text *text, const struct display_values *values, size_t most)
{
    size_t length = values->written_length < most ? values->written_length : most;

    if (length == 0)
        return false;
    display_add_printable(text, values->written + values->written_length - length, length);
    return true;
}

/* Adds the first `columns` columns of the last line; 0: all of it. */
static bool add_previous_line(struct text *text, const struct display_values *values,
                              unsigned columns)
{
    const size_t start = text->length;

    if (values->line_length == 0)
        return false;
    display_add_clean(text, values->line, values->line_length, '.', true);
    if (columns > 0)
        text_cut(text, start, columns);
    return true;
}

/* Adds the value of a part. A bar or a colour adds nothing. False: the value is not known, and
 * nothing was added. */
static bool add_value(struct text *text, const struct display_part *part,
                      const struct display_values *values)
{
    switch (part->kind) {
    case SEQUENCE_PROGRESS:
    case SEQUENCE_PROGRESS_AMOUNT:
        return add_percentage(text, values);
    case SEQUENCE_ETA:
        return add_eta(text, values);
    case SEQUENCE_RATE:
        return add_rate(text, values, values->rate);
    case SEQUENCE_AVERAGE_RATE:
        return add_rate(text, values, values->average_rate);
    case SEQUENCE_FINETA:
        return add_end(text, values);
    case SEQUENCE_NAME:
        return add_word(text, values->name);
    case SEQUENCE_STATE:
        return add_word(text, display_state(values));
    case SEQUENCE_BOTTLENECK:
    case SEQUENCE_WAITING:
        return add_word(
            text, values->side == METER_VERDICT_BALANCED ? NULL : meter_verdict_name(values->side));
    case SEQUENCE_LAST_WRITTEN:
        return add_last_written(text, values, part->number);
    case SEQUENCE_PREVIOUS_LINE:
        return add_previous_line(text, values, part->number);
    case SEQUENCE_INPUT_WAIT:
        return add_wait(text, values, METER_INPUT);
    case SEQUENCE_OUTPUT_WAIT:
        return add_wait(text, values, METER_OUTPUT);
    case SEQUENCE_LITERAL:
        display_add_clean(text, part->text, part->length, ' ', false);
        break;
    case SEQUENCE_TIMER:
        add_seconds(text, values->elapsed_ns);
        break;
    case SEQUENCE_BYTES:
        text_add(text, "%" PRIu64, values->units);
        break;
    case SEQUENCE_BUFFER_PERCENT:
    case SEQUENCE_BUFFER_FILL:
        text_add(text, "%" PRIu64, display_percent(values->fill, values->capacity));
        break;
    case SEQUENCE_DROPPED:
        text_add(text, "%" PRIu64, values->dropped);
        break;
    case SEQUENCE_PROGRESS_BAR:
    case SEQUENCE_BAR_PLAIN:
    case SEQUENCE_BAR_BLOCK:
    case SEQUENCE_BAR_GRANULAR:
    case SEQUENCE_BAR_SHADED:
    case SEQUENCE_BUFFER_BAR:
    case SEQUENCE_SGR:
        break;
    }
    return true;
}

static bool has_text(const struct display_format *format)
{
    for (size_t i = 0; i < format->count; i++) {
        const struct display_part *part = &format->parts[i];
        for (size_t j = 0; part->kind == SEQUENCE_LITERAL && j < part->length; j++)
            if (part->text[j] != ' ')
                return true;
    }
    return false;
}

void display_format_numeric(struct text *text, const struct display_format *format,
                            const struct display_values *values)
{
    const struct {
        bool there;
        enum display_sequence kind;
    } numbers[] = {{format->timer, SEQUENCE_TIMER},
                   {format->bytes, SEQUENCE_BYTES},
                   {format->rate, SEQUENCE_RATE},
                   {!format->bytes && !format->rate, SEQUENCE_PROGRESS_AMOUNT}};
    const size_t start = text->length;
    const char *separator = "";

    if (has_text(format)) {
        for (size_t i = 0; i < format->count; i++)
            if (!add_value(text, &format->parts[i], values))
                text_add_string(text, "null");
        text_add_string(text, "\n");
        return;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!numbers[i].there)
            continue;
        const size_t before = text->length;
        text_add_string(text, separator);
        if (add_value(text, &(struct display_part){.kind = (int)numbers[i].kind}, values))
            separator = " ";
        else
            text->length = before;
    }
    if (text->length > start)
        text_add_string(text, "\n");
}
