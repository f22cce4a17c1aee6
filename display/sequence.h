/*
 * sequence.h - the sequences of a format. Only the files of display/ use this.
 *
 * display_format_parse() is in display/sequence.c, too.
 */
#ifndef BPIPE_DISPLAY_SEQUENCE_H
#define BPIPE_DISPLAY_SEQUENCE_H

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

#endif
