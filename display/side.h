/*
 * side.h - the slow side of the last interval, as parts of a live line.
 *
 * Each kind of waiting has its sign. Where the terminal has only ASCII it is the one in brackets:
 *
 *   ▶ (>)  the input: bpipe waits for bytes
 *   ◀ (<)  the output: bpipe waits until it takes bytes
 *   ■ (=)  --rate-limit
 *
 * If bpipe itself is the slow side, or none is, there is no sign. No side is slow if none has 5
 * percent of the time, or if the buffer absorbed bytes for longer than any side held them up. Then
 * a note says whether the buffer fills or empties, or that bytes cannot move yet.
 */
#ifndef BPIPE_DISPLAY_SIDE_H
#define BPIPE_DISPLAY_SIDE_H

#include "display/format.h"

enum {
    DISPLAY_BOTTLENECK_WIDTH = 15, /* "= throttle 100%"; all but a culprit fits */
    DISPLAY_WAITING_WIDTH = 34     /* all that %{waiting} can show */
};

/* Sets the side, its share and its culprit, or the note, by values->state_ns, `final` and `fill`.
 * `fill_before` is the fill at the last frame. In the final frame the side is that of the whole
 * run, like the rates: that frame stays, and the report follows, which names the same side. */
void display_find_side(struct display_values *values, const struct meter *meter,
                       uint64_t fill_before);

/* %{bottleneck}: "< output 81% (zstd)". At least `width` columns wide; 0: for any side without a
 * culprit. If `width` is not 0 the culprit is cut to it, or left out. */
void display_add_bottleneck(struct text *text, const struct display_values *values,
                            const struct display_style *style, unsigned width);

/*
 * %{waiting}: exactly `width` columns; 0: DISPLAY_WAITING_WIDTH. The first of these that fits:
 *
 *   < waiting for zstd 81%     = rate limit 81%    busy 81%    filling the buffer
 *   < waiting for zstd         = rate limit        busy        (see below)
 *   < slow: zstd                                               filling
 *   < slow: zst.               in 12 columns or more; the name is cut ("…" with UTF-8)
 *   < zstd                     = limit
 *   < zs.
 *
 * The other notes are "emptying the buffer" ("emptying"), "connecting", and "waiting for a peer"
 * ("waiting").
 *
 * The name is that of the process at the other end or, if that is unknown, the endpoint's: a path,
 * an address, a command. One of more than 15 columns is shortened in its middle. Of standard input
 * and output the side takes its place ("input", "output").
 */
void display_add_waiting(struct text *text, const struct display_values *values,
                         const struct display_style *style, unsigned width);

#endif
