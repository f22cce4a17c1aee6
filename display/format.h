/*
 * format.h - what the live line says: pv's format language, made into text.
 *
 * Pure: what was counted goes in, a line comes out; when it is shown, and where, is
 * display/display.c's. The sequences are those of pv(1) 1.6 to 1.10, "Formatting", and a few of our
 * own:
 *
 *   %p  %{progress}        bar with what follows it: "[===>    ]  43%"
 *   %{progress-bar-only}   the bar without brackets and number
 *   %{progress-amount-only}   the number: " 43%", or with -g the highest rate
 *   %{bar-plain} %{bar-block} %{bar-granular} %{bar-shaded}      the bar alone, in that style
 *   %t  %{timer}           0:00:12
 *   %e  %{eta}             ETA 0:00:16          %I  %{fineta}    FIN 12:34:56
 *   %r  %{rate}            [ 103MiB/s]          %a  %{average-rate}  ( 103MiB/s)
 *   %b  %{bytes} %{transferred}   1.21GiB (-8: bits; -l, -0: records)
 *   %T  %{buffer-percent}  { 74%}               %N  %{name}      "     name:"
 *   %nA %n{last-written}   the last n bytes     %nL %n{previous-line}   n columns of the last line
 *   %{sgr:red,bold}        colours (where the terminal has them)                 %%  a percent sign
 *
 *   %{buffer-fill}         " 74%"               %{buffer-bar}    how full it is, in 8 columns
 *   %{state}               what most of the last interval was: input, output, absorb ...
 *   %{input-wait} %{output-wait}   how much of it was spent waiting for that side: " 81%"
 *   %{dropped}             bytes dropped by the user's own policy
 *   %{bottleneck}          the side that holds it up, how much, and who: "< output 81% (zstd)"
 *
 * Bars and %L grow into the width that is left; a number between % and the rest is the width that
 * they are to have instead, and that %{bottleneck} is filled up to (a culprit that does not fit is
 * cut or left out). All else is as wide in every frame, as far as that can be, so that a line does
 * not jitter: what is unknown is written with dashes, and what is over with blanks.
 *
 * What is no sequence is passed through as it is, but for control characters, which become blanks.
 * What does not fit the width is left out from the right, numbers as a whole, while text is cut; a
 * bar that has no room is left out alone. Colours are always written, and taken back at the end if
 * the format does not.
 *
 * All widths are columns of a terminal: one for each character of UTF-8 (two for a wide one, by
 * wcwidth(3), where the locale knows), none for colours.
 */
#ifndef BPIPE_DISPLAY_FORMAT_H
#define BPIPE_DISPLAY_FORMAT_H

#include "base/text.h"
#include "options/options.h"
#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* What a line is made of: taken together at one moment. "Units" are what -b counts: bytes, or
 * records with -l and -0. */
struct display_values {
    uint64_t units;  /* that the output has got so far */
    bool size_known; /* how many are expected, which may be none if none came */
    uint64_t size;
    bool size_in_bytes;      /* the size is in bytes, while units are records: */
    uint64_t bytes;          /* of these the output has got so many */
    bool records;            /* units are records */
    uint64_t elapsed_ns;     /* since the start, or with -W since the first byte */
    double rate;             /* units a second, of the last interval; of the whole run when final */
    double average_rate;     /* of the last -m seconds; of the whole run when final */
    double highest_rate;     /* of all intervals: the end of the scale of -g */
    uint64_t eta_ns;         /* UINT64_MAX: unknown */
    unsigned phase;          /* of the moving mark: 0 to 199, 100 is the right end */
    time_t now;              /* for %I */
    bool final;              /* the run is over */
    uint64_t fill, capacity; /* of the buffer, bytes */
    bool passes;             /* nothing of the last interval went through the buffer */
    uint64_t state_ns[METER_STATES]; /* of the last interval */
    enum meter_verdict side; /* of the last interval: METER_VERDICT_BALANCED if none holds it up */
    unsigned side_percent;   /* of that interval */
    const char *culprit;     /* who is at that side's other end, or NULL */
    uint64_t dropped;        /* bytes */
    const char *name;        /* -N, or NULL */
    const char *written;     /* the last bytes written, the newest last; for %nA */
    size_t written_length;
    const char *line; /* the last whole line written, without its end; for %nL */
    size_t line_length;
};

/* How it is to look. */
struct display_style {
    unsigned width;     /* columns, >= 1 */
    bool utf8;          /* characters beyond ASCII may be used */
    bool colours;       /* the terminal has them */
    bool si, bits;      /* -k, -8 */
    bool gauge;         /* -g: where the size is unknown the bar is the rate */
    enum bar_style bar; /* -u */
};

/* A format, parsed. Points into the text that it was made from. */
struct display_part {
    int kind;         /* enum display_sequence */
    const char *text; /* of what is passed through, or a sequence's parameter */
    size_t length;
    unsigned number; /* between % and the sequence; 0: none */
};

enum { DISPLAY_PARTS = 100 };

struct display_format {
    struct display_part parts[DISPLAY_PARTS]; /* more are passed over, as in pv */
    size_t count;
    size_t written;                        /* the largest n of %nA; 0: none */
    bool lines;                            /* %nL is there */
    bool buffer, timer, bytes, rate, name; /* so are %T, %{buffer-fill} or
                                              %{buffer-bar}; %t; %b; %r; %N */
};

/* How much of the size the output has got. */
uint64_t display_done(const struct display_values *values);

/* The name of the state that most of the last interval was; NULL: it has not lasted yet. */
const char *display_state(const struct display_values *values);

void display_format_parse(struct display_format *format, const char *text);

/* Whether what is asked for (-T, -F, -x) shows how full the buffer is. */
bool display_format_shows_buffer(const struct display_options *asked);

/* Adds the line to `text`, without anything before or behind it. Returns its width in columns. */
unsigned display_format_line(struct text *text, const struct display_format *format,
                             const struct display_values *values,
                             const struct display_style *style);

/*
 * The same for -n: "0.2510 1048576 4194304\n" of the time, the units and the rate, each where the
 * format has it, or a percentage if it has neither of the last two. What is not known is left out,
 * and if nothing is left there is no line. A format with other text than blanks is filled in as it
 * stands instead (pv 1.9.31), with plain numbers for the sequences that are numbers, bare text for
 * those that are words, times of day or text, "null" for whatever is not known, and nothing for
 * bars and colours.
 */
void display_format_numeric(struct text *text, const struct display_format *format,
                            const struct display_values *values);

/* The default line (no display switch): the first of several that has room in the width, with the
 * name before it, if there is room for that. In less than 7 columns it may be empty. */
unsigned display_format_default(struct text *text, const struct display_values *values,
                                const struct display_style *style);

#endif
