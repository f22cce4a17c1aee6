/*
 * default_line.c - see default_line.h.
 */
#include "display/default_line.h"

#include "display/line.h"
#include "display/parts.h"
#include "display/side.h"

#include <inttypes.h>
#include <string.h>

enum {
    FORMAT_TEXT = 128,
    MOST_DIGITS = 10000, /* from this number of records on it has a prefix */
    USUAL_WIDTH = 80,
    WIDE_BAR = 20,
    NARROW_BAR = 8,
    NAME_ROOM = 16,      /* as in reports */
    LEAST_NAME_ROOM = 9, /* the least width of %N */
    LONG_WAITING = 29,   /* "< waiting for " and any name */
    WAITING = 18,        /* "< waiting for zstd" */
    CUT_WAITING = 16,    /* the name is cut, so that the bar keeps its columns */
    SHORT_WAITING = 12,  /* "< slow: zstd" */
    SHORTEST_WAITING = 8 /* "< output" */
};

/* A format of the default line, and the least columns of its bar, of %{waiting}, and of the line.
 * The final frame is without the part in brackets: its figures are those of the whole run, and the
 * buffer is only empty by then. */
struct layout {
    const char *format;
    unsigned bar, waiting;
    bool compact;
    unsigned least_width;
};

/* From wide to narrow, in the order that display/default_line.h states. */
static const struct layout known_size[] = {
    {"%b %t %r %p %e[  buf %{buffer-bar}%{buffer-fill} ] %{waiting}", WIDE_BAR, LONG_WAITING, false,
     0},
    {"%b %t %r %p %e[ buf %{buffer-bar}] %{waiting}", WIDE_BAR, LONG_WAITING, false, 0},
    {"%b %t %r %p %e[ buf%{buffer-bar}] %{waiting}", WIDE_BAR, CUT_WAITING, true, USUAL_WIDTH},
    {"%b %t %r %p %e[ buf%{buffer-bar}] %{waiting}", NARROW_BAR, WAITING, true, 0},
    {"%b %t %r %{progress-amount-only} %e[ buf%{buffer-bar}] %{waiting}", 0, SHORT_WAITING, true,
     0},
    {"%b %t %r %{progress-amount-only} %e %{waiting}", 0, SHORT_WAITING, true, 0},
    {"%b %r %{progress-amount-only} %e %{waiting}", 0, SHORT_WAITING, true, 0},
    {"%b %r %{progress-amount-only} %e %{waiting}", 0, SHORTEST_WAITING, true, 0},
    {"%b %r %{progress-amount-only} %e", 0, 0, true, 0},
    {"%b %{progress-amount-only} %e", 0, 0, true, 0},
    {"%b %{progress-amount-only}", 0, 0, true, 0},
    {"%{progress-amount-only}", 0, 0, true, 0},
    {0},
};

static const struct layout unknown_size[] = {
    {"%b %t %r %p[  buf %{buffer-bar}%{buffer-fill} ] %{waiting}", NARROW_BAR,
     DISPLAY_WAITING_WIDTH, false, 0},
    {"%b %t %r[  buf %{buffer-bar}%{buffer-fill} ] %{waiting}", 0, LONG_WAITING, false, 0},
    {"%b %t %r[ buf %{buffer-bar}] %{waiting}", 0, LONG_WAITING, false, 0},
    {"%b %t %r[ buf%{buffer-bar}] %{waiting}", 0, SHORT_WAITING, true, 0},
    {"%b %t %r %{waiting}", 0, SHORT_WAITING, true, 0},
    {"%b %t %r %{waiting}", 0, SHORTEST_WAITING, true, 0},
    {"%b %t %r", 0, 0, true, 0},
    {"%b %r", 0, 0, true, 0},
    {"%b", 0, 0, true, 0},
    {0},
};

/* The columns of %{waiting}, if `rest` columns are left after the least ones of all parts. The bar
 * gets columns until it is wide, then the words until any name fits, then both. */
static unsigned waiting_width(const struct layout *layout, unsigned rest)
{
    const unsigned bar = layout->bar > 0 && layout->bar < WIDE_BAR ? WIDE_BAR - layout->bar : 0;
    unsigned width = layout->waiting;

    rest -= rest < bar ? rest : bar;
    const unsigned words = width < LONG_WAITING ? LONG_WAITING - width : 0;
    if (layout->bar == 0 || rest <= words)
        width += rest;
    else
        width += words + (rest - words + 1) / 2;
    return width < DISPLAY_WAITING_WIDTH ? width : DISPLAY_WAITING_WIDTH;
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
    if (columns > line->style->width || layout->least_width > line->style->width)
        return false;
    if (waiting != NULL)
        waiting->number = waiting_width(layout, line->style->width - columns);
    return true;
}

/* "(15.0MiB dropped)", or of records "(12 records dropped)"; of several outputs, what the one that
 * misses most does: "(up to 15.0MiB dropped)"; "": nothing was dropped. It becomes text of a
 * format. */
static void describe_loss(char loss[FORMAT_TEXT], const struct line *line)
{
    const struct display_values *values = line->values;
    char padded[FORMAT_TEXT];
    struct text amount = {.bytes = padded, .capacity = FORMAT_TEXT - 1, .fixed = true};
    struct text text = {.bytes = loss, .capacity = FORMAT_TEXT - 1, .fixed = true};
    struct display_unit unit = {.si = line->style->si, .bits = line->style->bits};

    if (values->dropped > 0) {
        unit.records = values->records && values->dropped_records > 0;
        text_add_string(&text, values->several_outputs ? "(up to " : "(");
        if (unit.records && values->dropped_records < MOST_DIGITS)
            text_add(&amount, "%" PRIu64, values->dropped_records);
        else
            display_add_amount(
                &amount, (double)(unit.records ? values->dropped_records : values->dropped), unit);
        padded[amount.length] = '\0';
        text_add_string(&text, padded + strspn(padded, " "));
        if (unit.records)
            text_add(&text, " record%s", text_plural(values->dropped_records));
        text_add_string(&text, " dropped)");
    }
    loss[text.length] = '\0';
}

/* Adds a blank if both texts have something to separate. */
static void join(struct text *text, const char *more)
{
    if (text->length > 0 && *more != '\0' && *more != ' ')
        text_add_string(text, " ");
    text_add_string(text, more);
}

/* The format of a layout with the name, or with the loss after the amount. */
static void compose(char composed[FORMAT_TEXT], const struct layout *layout, bool named,
                    const char *loss, bool final)
{
    static const char amount[] = "%b";
    struct text text = {.bytes = composed, .capacity = FORMAT_TEXT - 1, .fixed = true};
    const char *rest = layout->format;

    join(&text, named ? "%N" : "");
    if (strncmp(rest, amount, strlen(amount)) == 0) {
        join(&text, amount);
        rest += strlen(amount);
    }
    join(&text, loss);
    if (text.length > 0 && *rest != ' ' && *rest != '\0')
        text_add_string(&text, " ");
    for (bool left_out = false; *rest != '\0'; rest++) {
        if (*rest == '[' || *rest == ']')
            left_out = *rest == '[' && final;
        else if (!left_out)
            text_add_bytes(&text, rest, 1);
    }
    composed[text.length] = '\0';
}

/* Finds the first layout that fits. `loss` may be "". If it is `named` the line begins with the
 * name, and keeps the slow side: another layout without the name is better than one without that.
 * The parts of `format` then point into `composed`. */
static bool choose(struct line *line, struct display_format *format, char composed[FORMAT_TEXT],
                   bool named, const char *loss)
{
    const struct layout *layout = line->values->size_known ? known_size : unknown_size;

    for (; layout->format != NULL && (layout->waiting > 0 || !named); layout++) {
        compose(composed, layout, named, loss, line->values->final);
        display_format_parse(format, composed);
        if (fits(line, format, layout))
            return true;
        if (named && line->name_room == 0) /* only the widest layout has the whole name */
            return false;
    }
    return false;
}

/* The same with the name, if there is one. It is shortened before a part is left out. */
static bool choose_named(struct line *line, struct display_format *format,
                         char composed[FORMAT_TEXT], const char *loss)
{
    static const unsigned rooms[] = {0, NAME_ROOM, LEAST_NAME_ROOM};

    for (size_t i = 0; line->values->name != NULL && i < sizeof rooms / sizeof rooms[0]; i++) {
        line->name_room = rooms[i];
        if (choose(line, format, composed, true, loss))
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
    if (choose_named(&line, &format, composed, loss) ||
        choose(&line, &format, composed, false, loss))
        return line_add_parts(&line, &format);
    if (*loss != '\0') {
        display_format_parse(&format, loss);
        if (!fits(&line, &format, &(struct layout){.compact = true}))
            (void)choose(&line, &format, composed, false, "");
    }
    return line_add_parts(&line, &format);
}
