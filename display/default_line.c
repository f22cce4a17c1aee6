/*
 * default_line.c - see default_line.h.
 */
#include "display/default_line.h"

#include "display/line.h"
#include "display/side.h"

#include <stdio.h>

enum {
    FORMAT_TEXT = 128,
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

unsigned display_format_default(struct text *text, const struct display_values *values,
                                const struct display_style *style)
{
    const struct layout *layouts = values->size_known ? known_size : unknown_size;
    struct line line = {.text = text, .values = values, .style = style};
    struct display_format format = {0};
    char with_name[FORMAT_TEXT];

    /* The shortest format is not tried with the name: a longer one without it is better. */
    for (const struct layout *at = layouts; values->name != NULL && at[1].format != NULL; at++) {
        snprintf(with_name, sizeof with_name, "%%N %s", at->format);
        display_format_parse(&format, with_name);
        if (fits(&line, &format, at))
            return line_add_parts(&line, &format);
    }
    for (const struct layout *at = layouts; at->format != NULL; at++) {
        display_format_parse(&format, at->format);
        if (fits(&line, &format, at))
            break;
    }
    return line_add_parts(&line, &format);
}
