/*
 * line.h - a line while its parts are measured and added. Internal to display/format.c, which
 * defines these functions, and display/default_line.c.
 */
#ifndef BPIPE_DISPLAY_LINE_H
#define BPIPE_DISPLAY_LINE_H

#include "display/format.h"

struct line {
    struct text *text;
    const struct display_values *values;
    const struct display_style *style;
    const struct display_part *part; /* the part that is being added */
    unsigned room;                   /* the number of columns that it may take */
    bool compact;                    /* short forms, see display/default_line.h */
    unsigned name_room;              /* a longer name is shortened to it; 0: no limit */
};

/* Whether a part takes all columns that the others leave. */
bool line_grows(const struct display_part *part);

/* The width of a part that does not grow. */
unsigned line_measure(struct line *line, const struct display_part *part);

/* What %p adds to its bar. */
unsigned line_bar_frame(const struct line *line);

/* Adds the parts, and cuts what does not fit. Returns the width. */
unsigned line_add_parts(struct line *line, const struct display_format *format);

#endif
