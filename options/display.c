/*
 * display.c - see display.h. Letters, names and limits are those of pv(1).
 */
#include "options/display.h"

#include <stdio.h>
#include <string.h>

enum {
    UNGROWN_PIPE = 64 * 1024 /* default capacity of a pipe on Linux (pipe(7)) */
};

void options_apply_display(struct parser *parser)
{
    struct display_options *display = &parser->options->display;
    const char *const *last = parser->last;
    display->bytes |= display->bits;
    display->asked = display->progress || display->timer || display->eta || display->fineta ||
                     display->rate || display->average_rate || display->bytes ||
                     display->buffer_percent || display->numeric || last[OPTION_LAST_WRITTEN] ||
                     last[OPTION_FORMAT];
    if (display->buffer_percent || last[OPTION_LAST_WRITTEN])
        parser->options->no_splice = true;
}

/* --- arguments ------------------------------------------------------------------------------ */

enum options_status options_take_bar_style(struct parser *parser, const struct given *given)
{
    static const char *const names[BAR_STYLES] = {[BAR_PLAIN] = "plain",
                                                  [BAR_BLOCK] = "block",
                                                  [BAR_GRANULAR] = "granular",
                                                  [BAR_SHADED] = "shaded"};
    for (int i = 0; i < BAR_STYLES; i++)
        if (strcmp(names[i], given->argument) == 0) {
            parser->options->display.bar = (enum bar_style)i;
            return OPTIONS_RUN;
        }
    return options_invalid("--bar-style", "style", given->argument,
                           "choose plain, block, granular or shaded");
}

/* "windowtitle,processtitle:FORMAT". An abbreviation of four letters or more is accepted, which
 * includes pv's "window" and "process". */
enum options_status options_take_places(struct parser *parser, const struct given *given)
{
    struct display_options *display = &parser->options->display;
    const char *text = given->argument, *place = text;
    display->window_title = display->process_title = false;
    display->extra_format = NULL;
    for (;;) {
        size_t length = strcspn(place, ",:");
        if (length >= 4 && length <= 11 && strncmp(place, "windowtitle", length) == 0)
            display->window_title = true;
        else if (length >= 4 && length <= 12 && strncmp(place, "processtitle", length) == 0)
            display->process_title = true;
        else
            return options_invalid("--extra-display", "place", text,
                                   "choose windowtitle, processtitle, or both");
        place += length;
        if (place[0] == ':' && place[1] != '\0')
            display->extra_format = place + 1;
        if (*place != ',')
            return OPTIONS_RUN;
        place++;
    }
}

/* --- the format that the switches stand for -------------------------------------------------- */

const char *options_display_format(const struct options *options, char buf[DISPLAY_FORMAT_TEXT])
{
    const struct display_options *display = &options->display;
    const struct {
        bool shown;
        const char *sequence;
    } parts[] = {
        {options->name != NULL, "%N"}, {display->bytes, "%b"}, {display->buffer_percent, "%T"},
        {display->timer, "%t"},        {display->rate, "%r"},  {display->average_rate, "%a"},
        {display->progress, "%p"},     {display->eta, "%e"},   {display->fineta, "%I"},
    };
    if (display->format != NULL)
        return display->format;
    if (!display->asked)
        return NULL;
    size_t used = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].shown)
            used += (size_t)snprintf(buf + used, DISPLAY_FORMAT_TEXT - used, "%s%s",
                                     used > 0 ? " " : "", parts[i].sequence);
    if (display->last_written > 0)
        snprintf(buf + used, DISPLAY_FORMAT_TEXT - used, "%s%%%uA", used > 0 ? " " : "",
                 display->last_written);
    return buf;
}

bool options_grow_pipes(const struct options *options)
{
    if (options->given[OPTION_PIPE_BUFFER_SIZE])
        return options->pipe_size > 0;
    return options->buffer_size >= UNGROWN_PIPE && !options->display.shows_buffer;
}
