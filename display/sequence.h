/*
 * sequence.h - the sequences of a format. Internal to display_*.c.
 *
 * display_format_parse() is in display/sequence.c as well.
 */
#ifndef BPIPE_DISPLAY_SEQUENCE_H
#define BPIPE_DISPLAY_SEQUENCE_H

/* What a struct display_part's `kind` is. */
enum display_sequence {
    SEQUENCE_LITERAL, /* text that is passed through */
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
    SEQUENCES
};

#endif
