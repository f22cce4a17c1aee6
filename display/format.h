/*
 * format.h - composes the text of the live line from a format in the language of pv.
 *
 * The functions have no side effects: they turn counted values into a line. display/display.c
 * decides when and where it is shown. The sequences are those of pv(1) 1.6 to 1.10, "Formatting",
 * and the last group, which only bpipe has:
 *
 *   %p  %{progress}        bar and number: "[===>    ]  43%"
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
 *   %{buffer-fill}         " 74%"               %{buffer-bar}    the fill as a bar of 8 columns
 *   %{state}               the longest state of the last interval: input, output, absorb ...
 *   %{input-wait} %{output-wait}   share of the interval spent waiting for that side: " 81%"
 *   %{dropped}             bytes dropped by the user's own policy
 *   %{bottleneck}          the slow side, its share of the time, the process: "< output 81% (zstd)"
 *   %{waiting}             the same in words: "< waiting for zstd 81%" (see display/side.h)
 *
 * Bars and %L grow into the remaining width. A number between % and the rest of the sequence sets
 * their width instead. %{bottleneck} is padded to that number, and a culprit that does not fit is
 * cut or left out. %{waiting} is padded or shortened to it. Every other part has the same width in
 * every frame, as far as possible, so that the line does not jitter: an unknown value is written as
 * dashes, and an ETA at the end as blanks.
 *
 * Text that is not a sequence is copied, with control characters replaced by blanks. If the line is
 * too wide parts are left out from the right; a number is left out as a whole, text is cut. A bar
 * without room is left out alone. Colours take no room: they are always written, and reset at the
 * end if the format does not reset them.
 *
 * All widths are columns of a terminal (base/text.h); colours take none.
 */
#ifndef BPIPE_DISPLAY_FORMAT_H
#define BPIPE_DISPLAY_FORMAT_H

#include "base/text.h"
#include "options/display_format.h"
#include "options/options.h"
#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* What %{waiting} says if no side is slow. */
enum display_note {
    DISPLAY_NOTE_NONE,
    DISPLAY_NOTE_FILLING,    /* the buffer takes bytes that the output does not take */
    DISPLAY_NOTE_EMPTYING,   /* the output takes them */
    DISPLAY_NOTE_CONNECTING, /* an endpoint connects, and no byte can move yet */
    DISPLAY_NOTE_AWAITING    /* the same of a listener, or of a FIFO, which waits for its peer */
};

/* The values for a line, all taken at one moment. "Units" are the units that -b counts: bytes, or
 * records with -l and -0. */
struct display_values {
    uint64_t units;  /* units that the output has got so far */
    bool size_known; /* the expected `size` is known; it may be 0 only if no units came */
    uint64_t size;
    bool size_in_bytes;      /* `size` is in bytes, while units are records */
    uint64_t bytes;          /* bytes that the output has got so far */
    bool records;            /* units are records */
    uint64_t elapsed_ns;     /* since the start, or with -W since the first byte */
    double rate;             /* units per second in the last interval; in the whole run if final */
    double average_rate;     /* in the last -m seconds; in the whole run if final */
    double highest_rate;     /* of all intervals: the end of the scale of -g */
    uint64_t eta_ns;         /* UINT64_MAX: unknown, also if nothing moved in the last interval */
    unsigned phase;          /* position of the moving mark: 0 to 199, 100 is the right end */
    time_t now;              /* for %I */
    bool final;              /* the run is over */
    uint64_t fill, capacity; /* bytes of the buffer */
    bool passes;             /* the buffer is empty, and bytes bypassed it in the last interval */
    uint64_t state_ns[METER_STATES]; /* in the last interval; in the whole run if final */
    enum meter_verdict side;         /* slow side in that time (display/side.h); else
                                METER_VERDICT_BALANCED */
    unsigned side_percent;           /* its share of that time */
    const char *culprit; /* the process at the other end of that side, or the endpoint; or NULL */
    enum display_note note;   /* only if no side is slow */
    uint64_t dropped;         /* bytes */
    uint64_t dropped_records; /* the records in these; 0: unknown */
    bool several_outputs;     /* then what was dropped is shown as "up to": it is that of the output
                                 which missed most */
    const char *name;         /* -N, or NULL */
    const char *written;      /* the last bytes written, the newest last; for %nA */
    size_t written_length;
    const char *line; /* the last whole line written, without its end; for %nL */
    size_t line_length;
};

/* The appearance of the line. */
struct display_style {
    unsigned width;     /* columns, >= 1 */
    bool utf8;          /* characters beyond ASCII may be used */
    bool colours;       /* the terminal has them */
    bool si, bits;      /* -k, -8 */
    bool gauge;         /* -g: the bar shows the rate if the size is unknown */
    enum bar_style bar; /* -u */
};

/* The part of the size that the output has got, in the unit of the size. */
uint64_t display_done(const struct display_values *values);

/* The name of the longest state of the last interval. NULL: no time has passed in it. */
const char *display_state(const struct display_values *values);

/* Adds only the line to `text`. Returns its width in columns. */
unsigned display_format_line(struct text *text, const struct display_format *format,
                             const struct display_values *values,
                             const struct display_style *style);

/*
 * The line of -n: "0.2510 1048576 4194304\n" are the time, the units and the rate, each only if the
 * format contains it. If the format contains neither units nor rate a percentage takes their place.
 * An unknown value is left out. If no value remains there is no line. A format that contains text
 * other than blanks is filled in instead (pv 1.9.31): a sequence that is a number becomes a plain
 * number; a word, a time of day or text becomes bare text; an unknown value becomes "null"; bars
 * and colours become nothing.
 */
void display_format_numeric(struct text *text, const struct display_format *format,
                            const struct display_values *values);

#endif
