/*
 * format.c - composes the live line from its parts.
 *
 * First each part that does not grow is measured: it is added to the end of the text and removed
 * again. The parts that grow share the remaining width. Then all parts are added, and each is cut
 * to its share. So the line is never wider than the terminal, even if a part is wider than it was
 * measured.
 */
#include "display/format.h"

#include "display/columns.h"
#include "display/parts.h"
#include "display/sequence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_WIDTH = 9,
    STATE_WIDTH = 8,         /* "throttle" */
    BOTTLENECK_WIDTH = 13,   /* "throttle 100%", "< output 100%" */
    CULPRIT_FRAME = 3,       /* " (" and ")" */
    CULPRIT_WIDTH = 15,      /* comm of proc(5) */
    LEAST_CULPRIT_WIDTH = 4, /* a shorter piece of a name is useless */
    LEAST_BAR_WIDTH = 8,     /* in the default line, between its brackets */
    FORMAT_TEXT = 128
};

struct line {
    struct text *text;
    const struct display_values *values;
    const struct display_style *style;
    const struct display_part *part; /* the part that is being added */
    unsigned room;                   /* the number of columns that it may take */
};

static struct display_unit unit_of(const struct line *line)
{
    return (struct display_unit){
        .records = line->values->records, .bits = line->style->bits, .si = line->style->si};
}

/* --- progress ------------------------------------------------------------------------------- */

uint64_t display_done(const struct display_values *values)
{
    return values->size_in_bytes ? values->bytes : values->units;
}

static void add_bar(const struct line *line, enum bar_style style, unsigned width)
{
    const struct display_values *values = line->values;

    if (!line->style->utf8)
        style = BAR_PLAIN;
    if (values->size_known)
        display_add_bar(line->text, style, width,
                        display_fraction_done(display_done(values), values->size));
    else if (line->style->gauge)
        display_add_bar(line->text, style, width,
                        display_fraction(values->rate, values->highest_rate));
    else
        display_add_mark(line->text, style, width, values->phase);
}

static void add_progress_bar(const struct line *line)
{
    add_bar(line, line->style->bar, line->room);
}

static void add_styled_bar(const struct line *line)
{
    add_bar(line, (enum bar_style)((int)BAR_PLAIN + line->part->kind - (int)SEQUENCE_BAR_PLAIN),
            line->room);
}

static void add_progress_amount(const struct line *line)
{
    if (line->values->size_known) {
        display_add_percent(
            line->text, display_percent_done(display_done(line->values), line->values->size), 100);
    } else if (line->style->gauge) {
        text_add_string(line->text, "/");
        display_add_rate(line->text, line->values->highest_rate, unit_of(line));
    }
}

/* "[===>    ]  43%". Adds nothing if the bar would have no column. */
static void add_progress(const struct line *line)
{
    struct text *text = line->text;
    const size_t start = text->length;
    unsigned behind;

    text_add_string(text, line->values->size_known ? "] " : "]");
    add_progress_amount(line);
    behind = display_columns(text, start);
    text->length = start;
    if (line->room < behind + 2)
        return;
    text_add_string(text, "[");
    add_bar(line, line->style->bar, line->room - behind - 1);
    text_add_string(text, line->values->size_known ? "] " : "]");
    add_progress_amount(line);
}

/* --- numbers -------------------------------------------------------------------------------- */

static void add_timer(const struct line *line)
{
    display_add_time(line->text, line->values->elapsed_ns);
}

/* In the final frame blanks take its place. */
static void add_eta(const struct line *line)
{
    const struct display_values *values = line->values;
    const size_t start = line->text->length;

    if (!values->size_known)
        return;
    display_add_eta(line->text, values->final ? 0 : values->eta_ns);
    if (values->final && !line->text->failed)
        memset(line->text->bytes + start, ' ', line->text->length - start);
}

/* In the final frame it is the current time, at which the run ended. */
static void add_fineta(const struct line *line)
{
    const struct display_values *values = line->values;

    if (values->size_known)
        display_add_fineta(line->text, values->now, values->final ? 0 : values->eta_ns);
}

static void add_rate(const struct line *line)
{
    text_add_string(line->text, "[");
    display_add_rate(line->text, line->values->rate, unit_of(line));
    text_add_string(line->text, "]");
}

static void add_average_rate(const struct line *line)
{
    text_add_string(line->text, "(");
    display_add_rate(line->text, line->values->average_rate, unit_of(line));
    text_add_string(line->text, ")");
}

static void add_units(const struct line *line)
{
    display_add_amount(line->text, (double)line->values->units, unit_of(line));
}

static void add_dropped(const struct line *line)
{
    struct display_unit unit = unit_of(line);

    unit.records = false;
    display_add_amount(line->text, (double)line->values->dropped, unit);
}

/* --- text ----------------------------------------------------------------------------------- */

static void add_literal(const struct line *line)
{
    display_add_clean(line->text, line->part->text, line->part->length, ' ', false);
}

static void add_name(const struct line *line)
{
    struct text *text = line->text;
    const size_t start = text->length;
    unsigned columns;

    if (line->values->name == NULL)
        return;
    display_add_visible(text, line->values->name, line->style->utf8);
    columns = display_columns(text, start);
    if (columns < NAME_WIDTH) {
        text->length = start;
        display_pad(text, NAME_WIDTH - columns);
        display_add_visible(text, line->values->name, line->style->utf8);
    }
    text_add_string(text, ":");
}

/* One column for each byte: printable ASCII, and a dot for any other byte or for a byte that has
 * not been written yet. */
static void add_last_written(const struct line *line)
{
    const struct display_values *values = line->values;
    const size_t wanted = line->part->number;
    size_t length = values->written_length < wanted ? values->written_length : wanted;
    const char *bytes = length == 0 ? "" : values->written + values->written_length - length;

    for (size_t i = length; i < wanted; i++)
        text_add_string(line->text, ".");
    display_add_printable(line->text, bytes, length);
}

/* The characters of the line, padded with blanks to the width. Invisible characters, and bytes that
 * are not UTF-8, become dots. */
static void add_previous_line(const struct line *line)
{
    const struct display_values *values = line->values;
    const size_t start = line->text->length;
    unsigned width = line->part->number > 0 ? line->part->number : line->room;

    if (line->style->utf8) {
        display_add_clean(line->text, values->line, values->line_length, '.', true);
    } else {
        for (size_t i = 0; i < values->line_length && i < width; i++)
            display_add_clean(line->text, values->line + i, 1, '.', true);
    }
    display_pad(line->text, width - display_cut(line->text, start, width));
}

/* --- the buffer, and the slow side ---------------------------------------------------------- */

static void add_buffer_percent(const struct line *line)
{
    text_add_string(line->text, "{");
    if (line->values->passes)
        text_add_string(line->text, "----");
    else
        display_add_percent(line->text, line->values->fill, line->values->capacity);
    text_add_string(line->text, "}");
}

static void add_buffer_fill(const struct line *line)
{
    display_add_percent(line->text, line->values->fill, line->values->capacity);
}

static void add_buffer_bar(const struct line *line)
{
    display_add_buffer_bar(
        line->text, line->style->utf8,
        display_fraction((double)line->values->fill, (double)line->values->capacity));
}

const char *display_state(const struct display_values *values)
{
    const uint64_t *state_ns = values->state_ns;
    unsigned most = 0;

    for (unsigned i = 1; i < METER_STATES; i++)
        if (state_ns[i] > state_ns[most])
            most = i;
    return state_ns[most] == 0 ? NULL : meter_state_name((enum meter_state)most);
}

static void add_state(const struct line *line)
{
    const char *state = display_state(line->values);

    text_add(line->text, "%-*s", STATE_WIDTH, state == NULL ? "" : state);
}

static void add_wait(const struct line *line)
{
    const uint64_t *state_ns = line->values->state_ns;

    display_add_percent(
        line->text, state_ns[line->part->kind == SEQUENCE_INPUT_WAIT ? METER_INPUT : METER_OUTPUT],
        meter_running_of(state_ns));
}

static void add_culprit(const struct line *line, unsigned room)
{
    struct text *text = line->text;
    size_t start;

    text_add_string(text, " (");
    start = text->length;
    display_add_visible(text, line->values->culprit, line->style->utf8);
    display_cut(text, start, room < CULPRIT_WIDTH ? room : CULPRIT_WIDTH);
    text_add_string(text, ")");
}

/* "< output 81% (zstd)". Padded to at least the same width for every side, so that the parts after
 * it do not move. If the format sets a width the culprit is cut to it, or left out. */
static void add_bottleneck(const struct line *line)
{
    static const char *const arrows[][2] = {[METER_VERDICT_INPUT] = {"> ", "▶ "},
                                            [METER_VERDICT_OUTPUT] = {"< ", "◀ "},
                                            [METER_VERDICT_THROTTLE] = {"", ""},
                                            [METER_VERDICT_BUSY] = {"", ""}};
    const struct display_values *values = line->values;
    const size_t start = line->text->length;
    const unsigned width = line->part->number > 0 ? line->part->number : BOTTLENECK_WIDTH;
    unsigned columns = 0, culprit = CULPRIT_WIDTH;

    if (values->side != METER_VERDICT_BALANCED) {
        text_add(line->text, "%s%s %u%%", arrows[values->side][line->style->utf8],
                 meter_verdict_name(values->side),
                 values->side_percent < 100 ? values->side_percent : 100);
        columns = display_columns(line->text, start);
        if (line->part->number > 0)
            culprit = width > columns + CULPRIT_FRAME ? width - columns - CULPRIT_FRAME : 0;
        if (values->culprit != NULL && culprit >= LEAST_CULPRIT_WIDTH) {
            add_culprit(line, culprit);
            columns = display_columns(line->text, start);
        }
    }
    if (columns < width)
        display_pad(line->text, width - columns);
}

/* --- the line ------------------------------------------------------------------------------- */

static void (*const adders[SEQUENCES])(const struct line *line) = {
    [SEQUENCE_LITERAL] = add_literal,
    [SEQUENCE_PROGRESS] = add_progress,
    [SEQUENCE_PROGRESS_BAR] = add_progress_bar,
    [SEQUENCE_PROGRESS_AMOUNT] = add_progress_amount,
    [SEQUENCE_BAR_PLAIN] = add_styled_bar,
    [SEQUENCE_BAR_BLOCK] = add_styled_bar,
    [SEQUENCE_BAR_GRANULAR] = add_styled_bar,
    [SEQUENCE_BAR_SHADED] = add_styled_bar,
    [SEQUENCE_TIMER] = add_timer,
    [SEQUENCE_ETA] = add_eta,
    [SEQUENCE_FINETA] = add_fineta,
    [SEQUENCE_RATE] = add_rate,
    [SEQUENCE_AVERAGE_RATE] = add_average_rate,
    [SEQUENCE_BYTES] = add_units,
    [SEQUENCE_BUFFER_PERCENT] = add_buffer_percent,
    [SEQUENCE_NAME] = add_name,
    [SEQUENCE_LAST_WRITTEN] = add_last_written,
    [SEQUENCE_PREVIOUS_LINE] = add_previous_line,
    [SEQUENCE_BUFFER_FILL] = add_buffer_fill,
    [SEQUENCE_BUFFER_BAR] = add_buffer_bar,
    [SEQUENCE_STATE] = add_state,
    [SEQUENCE_INPUT_WAIT] = add_wait,
    [SEQUENCE_OUTPUT_WAIT] = add_wait,
    [SEQUENCE_DROPPED] = add_dropped,
    [SEQUENCE_BOTTLENECK] = add_bottleneck,
};

static bool is_bar(const struct display_part *part)
{
    switch (part->kind) {
    case SEQUENCE_PROGRESS:
    case SEQUENCE_PROGRESS_BAR:
    case SEQUENCE_BAR_PLAIN:
    case SEQUENCE_BAR_BLOCK:
    case SEQUENCE_BAR_GRANULAR:
    case SEQUENCE_BAR_SHADED:
        return true;
    default:
        return false;
    }
}

static bool grows(const struct display_part *part)
{
    return part->number == 0 && (is_bar(part) || part->kind == SEQUENCE_PREVIOUS_LINE);
}

/* Text that does not fit may be cut; a number may not. */
static bool is_text(const struct display_part *part)
{
    return part->kind == SEQUENCE_LITERAL || part->kind == SEQUENCE_NAME ||
           part->kind == SEQUENCE_LAST_WRITTEN || part->kind == SEQUENCE_PREVIOUS_LINE;
}

/* The width of a part that does not grow. */
static unsigned measure(struct line *line, const struct display_part *part)
{
    const size_t start = line->text->length;
    unsigned columns;

    if (is_bar(part))
        return part->number;
    line->part = part;
    adders[part->kind](line);
    columns = display_columns(line->text, start);
    line->text->length = start;
    return columns;
}

/* Assigns columns to the parts from the left, until one does not fit. The parts that grow share the
 * rest. */
static void share_width(struct line *line, const struct display_format *format,
                        unsigned columns[DISPLAY_PARTS])
{
    unsigned rest = line->style->width, growing = 0;
    bool full = false;

    for (size_t i = 0; i < format->count; i++) {
        const struct display_part *part = &format->parts[i];
        columns[i] = 0;
        if (part->kind == SEQUENCE_SGR || full)
            continue;
        if (grows(part)) {
            growing++;
            continue;
        }
        unsigned wide = measure(line, part);
        if (wide <= rest)
            columns[i] = wide;
        else if (is_text(part))
            columns[i] = rest;
        full = wide > rest && !is_bar(part);
        rest -= columns[i];
    }
    for (size_t i = 0; i < format->count && growing > 0; i++) {
        if (!grows(&format->parts[i]))
            continue;
        columns[i] = rest / growing;
        rest -= columns[i];
        growing--;
    }
}

unsigned display_format_line(struct text *text, const struct display_format *format,
                             const struct display_values *values, const struct display_style *style)
{
    struct line line = {.text = text, .values = values, .style = style};
    enum display_colour colour = DISPLAY_COLOUR_NONE;
    unsigned columns[DISPLAY_PARTS] = {0}, width = 0;

    share_width(&line, format, columns);
    for (size_t i = 0; i < format->count; i++) {
        const struct display_part *part = &format->parts[i];
        const size_t start = text->length;
        if (part->kind == SEQUENCE_SGR) {
            enum display_colour now = DISPLAY_COLOUR_NONE;
            if (style->colours)
                now = display_add_colours(text, part->text, part->length);
            colour = now == DISPLAY_COLOUR_NONE ? colour : now;
        } else if (columns[i] > 0) {
            line.part = part;
            line.room = columns[i];
            adders[part->kind](&line);
            width += display_cut(text, start, columns[i]);
        }
    }
    if (colour == DISPLAY_COLOUR_SET)
        display_reset_colours(text);
    return width;
}

/* --- the default line ----------------------------------------------------------------------- */

/* From wide to narrow. %13{bottleneck} has no room for a culprit. */
static const char *const known_size[] = {
    "%b %t %r %p %e  buf %{buffer-bar}%{buffer-fill}  %31{bottleneck}",
    "%b %t %r %p %e  buf %{buffer-bar}%{buffer-fill}  %13{bottleneck}",
    "%b %t %r %p %e %{buffer-bar} %13{bottleneck}",
    "%b %t %r %p %e %13{bottleneck}",
    "%b %t %r %p %e",
    "%b %r %p %e",
    "%b %r %p",
    "%b %r %{progress-amount-only}",
    "%b %{progress-amount-only}",
    "%{progress-amount-only}",
    NULL,
};

static const char *const unknown_size[] = {
    "%b %t %r %p  buf %{buffer-bar}%{buffer-fill}  %31{bottleneck}",
    "%b %t %r %p  buf %{buffer-bar}%{buffer-fill}  %13{bottleneck}",
    "%b %t %r %p %{buffer-bar} %13{bottleneck}",
    "%b %t %r %{buffer-bar} %13{bottleneck}",
    "%b %t %r %13{bottleneck}",
    "%b %t %r %p",
    "%b %t %r",
    "%b %r",
    "%b",
    NULL,
};

/* Whether the whole format fits, with a bar that is wide enough to read. */
static bool has_room(struct line *line, const struct display_format *format)
{
    unsigned columns = 0;

    for (size_t i = 0; i < format->count; i++) {
        const struct display_part *part = &format->parts[i];
        if (!grows(part)) {
            columns += measure(line, part);
            continue;
        }
        const struct display_part amount = {.kind = SEQUENCE_PROGRESS_AMOUNT};
        columns += LEAST_BAR_WIDTH + (line->values->size_known ? 3U : 2U) + measure(line, &amount);
    }
    return columns <= line->style->width;
}

unsigned display_format_default(struct text *text, const struct display_values *values,
                                const struct display_style *style)
{
    const char *const *formats = values->size_known ? known_size : unknown_size;
    struct line line = {.text = text, .values = values, .style = style};
    struct display_format format;
    char with_name[FORMAT_TEXT];

    /* The shortest format is not tried with the name: a longer one without it is better. */
    for (size_t i = 0; values->name != NULL && formats[i + 1] != NULL; i++) {
        snprintf(with_name, sizeof with_name, "%%N %s", formats[i]);
        display_format_parse(&format, with_name);
        if (has_room(&line, &format))
            return display_format_line(text, &format, values, style);
    }
    for (size_t i = 0; formats[i] != NULL; i++) {
        display_format_parse(&format, formats[i]);
        if (has_room(&line, &format) || formats[i + 1] == NULL)
            break;
    }
    return display_format_line(text, &format, values, style);
}
