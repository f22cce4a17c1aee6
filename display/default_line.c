/*
 * default_line.c - see default_line.h.
 */
#include "display/default_line.h"

#include "display/line.h"
#include "display/parts.h"
#include "display/side.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    FORMAT_TEXT = 128,
    MOST_DIGITS = 10000, /* from this number of records on it has a prefix */
    WIDE_BAR = 20,
    NARROW_BAR = 8,
    WAITING = 18,        /* "< waiting for zstd" */
    CUT_WAITING = 16,    /* the name is cut, so that the bar keeps its columns */
    SHORT_WAITING = 12,  /* "< slow: zstd" */
    SHORTEST_WAITING = 8 /* "< output" */
};

/* A format of the default line, and the least columns of its bar and of %{waiting}. */
struct layout {
    const char *format;
    unsigned bar, waiting;
    bool compact;
};

/* From wide to narrow, in the order that display/default_line.h states. */
static const struct layout known_size[] = {
    {"%b %t %r %p %e  buf %{buffer-bar}%{buffer-fill}  %{waiting}", WIDE_BAR, WAITING, false},
    {"%b %t %r %p %e buf %{buffer-bar} %{waiting}", WIDE_BAR, WAITING, false},
    {"%b %t %r %p %e buf%{buffer-bar} %{waiting}", WIDE_BAR, CUT_WAITING, true},
    {"%b %t %r %p %e buf%{buffer-bar} %{waiting}", NARROW_BAR, WAITING, true},
    {"%b %t %r %{progress-amount-only} %e buf%{buffer-bar} %{waiting}", 0, SHORT_WAITING, true},
    {"%b %t %r %{progress-amount-only} %e %{waiting}", 0, SHORT_WAITING, true},
    {"%b %r %{progress-amount-only} %e %{waiting}", 0, SHORT_WAITING, true},
    {"%b %r %{progress-amount-only} %e %{waiting}", 0, SHORTEST_WAITING, true},
    {"%b %r %{progress-amount-only} %e", 0, 0, true},
    {"%b %{progress-amount-only} %e", 0, 0, true},
    {"%b %{progress-amount-only}", 0, 0, true},
    {"%{progress-amount-only}", 0, 0, true},
    {0},
};

static const struct layout unknown_size[] = {
    {"%b %t %r %p  buf %{buffer-bar}%{buffer-fill}  %{waiting}", NARROW_BAR, WAITING, false},
    {"%b %t %r %p buf %{buffer-bar} %{waiting}", NARROW_BAR, WAITING, false},
    {"%b %t %r buf %{buffer-bar} %{waiting}", 0, WAITING, false},
    {"%b %t %r buf%{buffer-bar} %{waiting}", 0, SHORT_WAITING, true},
    {"%b %t %r %{waiting}", 0, SHORT_WAITING, true},
    {"%b %t %r %{waiting}", 0, SHORTEST_WAITING, true},
    {"%b %t %r", 0, 0, true},
    {"%b %r", 0, 0, true},
    {"%b", 0, 0, true},
    {0},
};

/* The part of the columns that are left which %{waiting} gets: first two, for "< waiting for
 * output", then every other one. The bar gets the rest. */
static unsigned share_of_waiting(unsigned rest, bool has_bar)
{
    return rest <= 2 || !has_bar ? rest : 1 + rest / 2;
}

/* Whether the layout fits, with the least columns. If it does, the width of %{waiting} is set. */
static bool fits(struct line *line, struct display_format *format, const struct layout *layout)
{
    struct display_part *waiting = NULL;
    unsigned columns = 0;

    line->compact = layout->compact;
    for (size_t i = 0; i < format->count; i++) {
        struct display_part *part = &format->parts[i];
        if (part->kind == SEQUENCE_WAITING) {
            waiting = part;
            waiting->number = layout->waiting;
        }
        columns += line_grows(part) ? layout->bar + line_bar_frame(line) : line_measure(line, part);
    }
    if (columns > line->style->width)
        return false;
    if (waiting != NULL) {
        waiting->number += share_of_waiting(line->style->width - columns, layout->bar > 0);
        if (waiting->number > DISPLAY_WAITING_WIDTH)
            waiting->number = DISPLAY_WAITING_WIDTH;
    }
    return true;
}

/* "dropped 15.0MiB", or of records "dropped 12 records"; "": nothing was dropped. It becomes text of
 * a format. */
static void describe_loss(char loss[FORMAT_TEXT], const struct line *line)
{
    const struct display_values *values = line->values;
    struct text text = {.bytes = loss, .capacity = FORMAT_TEXT - 1, .fixed = true};
    struct display_unit unit = {.si = line->style->si, .bits = line->style->bits};

    if (values->dropped > 0) {
        unit.records = values->records && values->dropped_records > 0;
        text_add_string(&text, "dropped ");
        if (!unit.records)
            display_add_amount(&text, (double)values->dropped, unit);
        else if (values->dropped_records < MOST_DIGITS)
            text_add(&text, "%" PRIu64, values->dropped_records);
        else
            display_add_amount(&text, (double)values->dropped_records, unit);
        if (unit.records)
            text_add(&text, " record%s", text_plural(values->dropped_records));
    }
    loss[text.length] = '\0';
}

/* Finds the first layout that fits together with the name and the loss. Those may be "". The parts
 * of `format` then point into `composed`. */
static bool choose(struct line *line, struct display_format *format, char composed[FORMAT_TEXT],
                   const char *name, const char *loss)
{
    static const char amount[] = "%b";
    const struct layout *layout = line->values->size_known ? known_size : unknown_size;

    for (; layout->format != NULL; layout++) {
        /* The shortest format is not tried with the name: a longer one without it is better. */
        const bool shortest = layout[1].format == NULL;
        const bool has_amount = strncmp(layout->format, amount, strlen(amount)) == 0;
        const char *rest = layout->format + (has_amount ? strlen(amount) : 0);
        if (shortest && *name != '\0')
            break;
        snprintf(composed, FORMAT_TEXT, "%s%s%s%s%s%s", name, has_amount ? amount : "",
                 has_amount && *loss != '\0' ? " " : "", loss,
                 !has_amount && *loss != '\0' ? " " : "", rest);
        display_format_parse(format, composed);
        if (fits(line, format, layout))
            return true;
    }
    return false;
}

unsigned display_format_default(struct text *text, const struct display_values *values,
                                const struct display_style *style)
{
    struct line line = {.text = text, .values = values, .style = style};
    struct display_format format = {0};
    char composed[FORMAT_TEXT], loss[FORMAT_TEXT];

    describe_loss(loss, &line);
    if ((values->name != NULL && choose(&line, &format, composed, "%N ", loss)) ||
        choose(&line, &format, composed, "", loss))
        return line_add_parts(&line, &format);
    if (*loss != '\0') {
        display_format_parse(&format, loss);
        if (!fits(&line, &format, &(struct layout){.compact = true}))
            (void)choose(&line, &format, composed, "", "");
    }
    return line_add_parts(&line, &format);
}
