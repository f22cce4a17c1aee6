/*
 * display_format.h - the FORMAT of -F and -x: a text with sequences, parsed into a list of parts.
 *
 * display/format.h tells what each sequence shows, and makes the line.
 */
#ifndef BPIPE_OPTIONS_DISPLAY_FORMAT_H
#define BPIPE_OPTIONS_DISPLAY_FORMAT_H

#include "options/options.h"

#include <stdbool.h>
#include <stddef.h>

/* The `kind` of a struct display_part. */
enum display_sequence {
    SEQUENCE_LITERAL, /* text that is not a sequence */
    SEQUENCE_PROGRESS,
    SEQUENCE_PROGRESS_BAR,
    SEQUENCE_PROGRESS_AMOUNT,
    SEQUENCE_BAR_PLAIN,
    SEQUENCE_BAR_BLOCK,
    SEQUENCE_BAR_GRANULAR,
    SEQUENCE_BAR_SHADED,
    SEQUENCE_TIMER,
    SEQUENCE_ETA,
    SEQUENCE_FINETA,
    SEQUENCE_RATE,
    SEQUENCE_AVERAGE_RATE,
    SEQUENCE_BYTES,
    SEQUENCE_BUFFER_PERCENT,
    SEQUENCE_NAME,
    SEQUENCE_LAST_WRITTEN,
    SEQUENCE_PREVIOUS_LINE,
    SEQUENCE_SGR,
    SEQUENCE_BUFFER_FILL,
    SEQUENCE_BUFFER_BAR,
    SEQUENCE_STATE,
    SEQUENCE_INPUT_WAIT,
    SEQUENCE_OUTPUT_WAIT,
    SEQUENCE_DROPPED,
    SEQUENCE_BOTTLENECK,
    SEQUENCE_WAITING,
    SEQUENCES
};

/* A part of a parsed format. It points into the text of the format. */
struct display_part {
    int kind;         /* enum display_sequence */
    const char *text; /* literal text, or the parameter of a sequence */
    size_t length;
    unsigned number; /* between % and the sequence; 0: none */
};

enum { DISPLAY_PARTS = 100 };

struct display_format {
    struct display_part parts[DISPLAY_PARTS]; /* further parts are ignored, as in pv */
    size_t count;
    size_t written;                        /* the largest n of %nA; 0: none */
    bool lines;                            /* the format contains %nL */
    bool buffer, timer, bytes, rate, name; /* it contains %T, %{buffer-fill} or
                                              %{buffer-bar}; %t; %b; %r; %N */
};

void display_format_parse(struct display_format *format, const char *text);

/* Whether the options (-T, -F, -x) show the fill of the buffer. */
bool display_format_shows_buffer(const struct display_options *asked);

#endif
