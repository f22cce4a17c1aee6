/*
 * format.c - composes the live line from its parts; default_line.c chooses those of the default
 * line.
 *
 * First each part that does not grow is measured: it is added to the end of the text and removed
 * again. The parts that grow share the remaining width. Then all parts are added, and each is cut
 * to its share. So the line is never wider than the terminal, even if a part is wider than it was
 * measured.
 */
#include "display/format.h"

#include "display/columns.h"
#include "display/line.h"
#include "display/parts.h"
#include "display/side.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

enum {
    NAME_WIDTH = 9,
    STATE_WIDTH = 8,    /* "throttle" */
    SHORT_ETA_WIDTH = 4 /* "2h05" */
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

static const char *bar_begin(const struct line *line)
{
    return line->compact ? "" : "[";
}

static const char *bar_end(const struct line *line)
{
    if (line->compact)
        return "";
    return line->values->size_known ? "] " : "]";
}

unsigned line_bar_frame(const struct line *line)
{
    struct text *text = line->text;
    const size_t start = text->length;

    text_add_string(text, bar_begin(line));
    text_add_string(text, bar_end(line));
    add_progress_amount(line);
    unsigned columns = text_columns(text, start);
    text->length = start;
    return columns;
}

/* A bar without brackets shows its end with dots. */
static void dot_blanks(struct text *text, size_t start)
{
    for (size_t i = start; i < text->length; i++)
        if (text->bytes[i] == ' ')
            text->bytes[i] = '.';
}

/* Whether a compact bar would touch its percentage, because that begins without a blank. */
static bool touches_percent(const struct line *line)
{
    const struct display_values *values = line->values;

    return line->compact && values->size_known &&
           display_percent_done(display_done(values), values->size) >= 100;
}

/* "[===>    ]  43%", or compact "===>.... 43%". A compact bar gives one of its columns away for the
 * blank before "100%". Adds nothing if the bar would have no column. */
static void add_progress(const struct line *line)
{
    struct text *text = line->text;
    const unsigned frame = line_bar_frame(line);

    if (line->room <= frame)
        return;
    const unsigned blank = touches_percent(line) && line->room > frame + 1;
    text_add_string(text, bar_begin(line));
    const size_t start = text->length;
    add_bar(line, line->style->bar, line->room - frame - blank);
    if (line->compact)
        dot_blanks(text, start);
    text_add_string(text, bar_end(line));
    display_pad(text, blank);
    add_progress_amount(line);
}

/* --- numbers -------------------------------------------------------------------------------- */

static void add_timer(const struct line *line)
{
    if (line->compact)
        display_add_short_time(line->text, line->values->elapsed_ns, false);
    else
        display_add_time(line->text, line->values->elapsed_ns);
}

/* "ETA 0:16", always as wide. */
static void add_short_eta(struct text *text, uint64_t ns)
{
    text_add_string(text, "ETA ");
    const size_t start = text->length;
    if (ns == UINT64_MAX)
        text_add_string(text, "-:--");
    else
        display_add_short_time(text, ns, true);
    unsigned columns = text_columns(text, start);
    if (columns < SHORT_ETA_WIDTH)
        display_pad(text, SHORT_ETA_WIDTH - columns);
}

/* In the final frame blanks take its place. */
static void add_eta(const struct line *line)
{
    const struct display_values *values = line->values;
    const size_t start = line->text->length;

    if (!values->size_known)
        return;
    (line->compact ? add_short_eta : display_add_eta)(line->text,
                                                      values->final ? 0 : values->eta_ns);
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
    if (!line->compact)
        text_add_string(line->text, "[");
    display_add_rate(line->text, line->values->rate, unit_of(line));
    if (!line->compact)
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
    const char *name = line->values->name;
    const unsigned room = line->name_room > 0 ? line->name_room : UINT_MAX;
    const bool utf8 = line->style->utf8;
    struct text *text = line->text;
    const size_t start = text->length;

    if (name == NULL)
        return;
    display_add_shortened(text, name, room, utf8);
    const unsigned columns = text_columns(text, start);
    if (columns < NAME_WIDTH) {
        text->length = start;
        display_pad(text, NAME_WIDTH - columns);
        display_add_shortened(text, name, room, utf8);
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
    display_pad(line->text, width - text_cut(line->text, start, width));
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
    (line->compact ? display_add_buffer_level : display_add_buffer_bar)(
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

/* In its usual width, or in the room that there is. */
static void add_side(const struct line *line,
                     void (*add)(struct text *, const struct display_values *,
                                 const struct display_style *, unsigned width))
{
    const size_t start = line->text->length;

    add(line->text, line->values, line->style, line->part->number);
    if (text_columns(line->text, start) <= line->room)
        return;
    line->text->length = start;
    add(line->text, line->values, line->style, line->room);
}

static void add_bottleneck(const struct line *line)
{
    add_side(line, display_add_bottleneck);
}

static void add_waiting(const struct line *line)
{
    add_side(line, display_add_waiting);
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
    [SEQUENCE_WAITING] = add_waiting,
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

bool line_grows(const struct display_part *part)
{
    return part->number == 0 && (is_bar(part) || part->kind == SEQUENCE_PREVIOUS_LINE);
}

/* Text that does not fit may be cut or shortened; a number may not. */
static bool is_text(const struct display_part *part)
{
    return part->kind == SEQUENCE_LITERAL || part->kind == SEQUENCE_NAME ||
           part->kind == SEQUENCE_LAST_WRITTEN || part->kind == SEQUENCE_PREVIOUS_LINE ||
           part->kind == SEQUENCE_BOTTLENECK || part->kind == SEQUENCE_WAITING;
}

unsigned line_measure(struct line *line, const struct display_part *part)
{
    const size_t start = line->text->length;
    unsigned columns;

    if (is_bar(part))
        return part->number;
    line->part = part;
    line->room = line->style->width;
    adders[part->kind](line);
    columns = text_columns(line->text, start);
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
        if (line_grows(part)) {
            growing++;
            continue;
        }
        unsigned wide = line_measure(line, part);
        if (wide <= rest)
            columns[i] = wide;
        else if (is_text(part))
            columns[i] = rest;
        full = wide > rest && !is_bar(part);
        rest -= columns[i];
    }
    for (size_t i = 0; i < format->count && growing > 0; i++) {
        if (!line_grows(&format->parts[i]))
            continue;
        columns[i] = rest / growing;
        rest -= columns[i];
        growing--;
    }
}

unsigned line_add_parts(struct line *line, const struct display_format *format)
{
    struct text *text = line->text;
    enum display_colour colour = DISPLAY_COLOUR_NONE;
    unsigned columns[DISPLAY_PARTS] = {0}, width = 0;

    share_width(line, format, columns);
    for (size_t i = 0; i < format->count; i++) {
        const struct display_part *part = &format->parts[i];
        const size_t start = text->length;
        if (part->kind == SEQUENCE_SGR) {
            enum display_colour now = DISPLAY_COLOUR_NONE;
            if (line->style->colours)
                now = display_add_colours(text, part->text, part->length);
            colour = now == DISPLAY_COLOUR_NONE ? colour : now;
        } else if (columns[i] > 0) {
            line->part = part;
            line->room = columns[i];
            adders[part->kind](line);
            width += text_cut(text, start, columns[i]);
        }
    }
    if (colour == DISPLAY_COLOUR_SET)
        display_reset_colours(text);
    return width;
}

unsigned display_format_line(struct text *text, const struct display_format *format,
                             const struct display_values *values, const struct display_style *style)
{
    return line_add_parts(&(struct line){.text = text, .values = values, .style = style}, format);
}
