/*
 * bar.c - see bar.h.
 *
 * But for the plain one with its arrowhead, a bar is a row of cells that fill from the left, each
 * in so many levels.
 */
#include "display/bar.h"

enum { LEVELS_MOST = 8, MARK = 3, PHASE_END = 100, PHASES = 200 };

struct cells {
    unsigned levels; /* the last one is full */
    const char *level[LEVELS_MOST + 1];
};

static const struct cells cells_of_style[BAR_STYLES] = {
    [BAR_BLOCK] = {1, {" ", "█"}},
    [BAR_GRANULAR] = {8, {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"}},
    [BAR_SHADED] = {3, {"░", "▒", "▓", "█"}},
};

static const struct cells ascii_cells = {1, {" ", "#"}};

static void add_cells(struct text *text, const struct cells *cells, unsigned width, double fraction)
{
    unsigned filled = (unsigned)(fraction * width * cells->levels);

    for (unsigned i = 0; i < width; i++) {
        unsigned level = filled < cells->levels ? filled : cells->levels;
        text_add_string(text, cells->level[level]);
        filled -= level;
    }
}

static void add_arrow(struct text *text, unsigned width, double fraction)
{
    unsigned filled = (unsigned)(fraction * width);
    unsigned head = filled > 0 ? filled - 1 : 0;

    for (unsigned i = 0; i < width; i++)
        text_add_string(text, i < head ? "=" : i == head ? ">" : " ");
}

void display_add_bar(struct text *text, enum bar_style style, unsigned width, double fraction)
{
    if (style == BAR_PLAIN)
        add_arrow(text, width, fraction);
    else
        add_cells(text, &cells_of_style[style], width, fraction);
}

void display_add_mark(struct text *text, enum bar_style style, unsigned width, unsigned phase)
{
    static const char *const plain[MARK] = {"<", "=", ">"};
    const struct cells *cells = &cells_of_style[style];
    unsigned room = width > MARK ? width - MARK : 0;
    unsigned way = phase % PHASES;
    unsigned start = room * (way > PHASE_END ? PHASES - way : way) / PHASE_END;

    for (unsigned i = 0; i < width; i++) {
        bool marked = i >= start && i < start + MARK;
        if (style == BAR_PLAIN)
            text_add_string(text, marked ? plain[i - start] : " ");
        else
            text_add_string(text, cells->level[marked ? cells->levels : 0]);
    }
}

void display_add_buffer_bar(struct text *text, bool utf8, double fraction)
{
    const struct cells *cells = utf8 ? &cells_of_style[BAR_GRANULAR] : &ascii_cells;

    text_add_string(text, utf8 ? "▕" : "[");
    add_cells(text, cells, DISPLAY_BUFFER_BAR - 2, fraction);
    text_add_string(text, utf8 ? "▏" : "]");
}
