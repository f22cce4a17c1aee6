/*
 * parts.h - what a live line is made of: bars, numbers as pv(1) writes them, colours.
 */
#ifndef BPIPE_DISPLAY_PARTS_H
#define BPIPE_DISPLAY_PARTS_H

#include "base/text.h"
#include "options/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Bars: how far it is, that something moves, how full the buffer is. All are exactly as wide as
 * asked, without anything before or behind. A style that needs more than ASCII is the caller's to
 * avoid. */

/* `fraction`: 0 to 1. */
void display_add_bar(struct text *text, enum bar_style style, unsigned width, double fraction);

/* A mark of three columns; `phase` as in display/format.h. */
void display_add_mark(struct text *text, enum bar_style style, unsigned width, unsigned phase);

/* Of the buffer: "▕██▌   ▏" or "[##    ]", eight columns. */
enum { DISPLAY_BUFFER_BAR = 8 };
void display_add_buffer_bar(struct text *text, bool utf8, double fraction);

/*
 * Amounts, rates and times: four characters of number, so that what stands behind them does not
 * move.
 *
 *   amounts    " 103MiB"  "1.21GiB"  " 999  B"    (-8: "Mib", "  b"; -k: "MB", " B")
 *   records    "1.21M"    "12.0 "                 always in 1000s
 *   rates      the same and "/s"
 *   times      "0:00:12"  "9:23:59:59" from a day on; rounded to the nearest second, as the
 *              durations of reports are (base/size.h)
 */

/* What is counted and how it is to be shown. Amounts are in bytes for -8 as well. */
struct display_unit {
    bool records, bits, si;
};

/* What is no amount (a NaN, less than 0) is 0. */
void display_add_amount(struct text *text, double amount, struct display_unit unit);
void display_add_rate(struct text *text, double rate, struct display_unit unit);
void display_add_time(struct text *text, uint64_t ns);
void display_add_percent(struct text *text, uint64_t part, uint64_t whole); /* " 43%", or " --%" of
                                                                               no whole */

/* "ETA 0:00:16": ns of UINT64_MAX are unknown, "ETA -:--:--". */
void display_add_eta(struct text *text, uint64_t ns);
/* "12:34:56", `ns` after `now`, with the date if that is more than 6 hours ahead. False if it is
 * not known, and nothing was added. */
bool display_add_time_of_day(struct text *text, time_t now, uint64_t ns);
/* The same as "FIN 12:34:56", or "FIN --:--:--". */
void display_add_fineta(struct text *text, time_t now, uint64_t ns);

uint64_t display_seconds(uint64_t ns);                   /* rounded to the nearest, halves up */
uint64_t display_percent(uint64_t part, uint64_t whole); /* rounded down; 0 if there is no whole */
double display_fraction(double part, double whole);      /* 0..1 */

/* The same of a size that is expected: if that is 0 all of it is done, provided that `units` are 0;
 * else there is no percentage, which is the caller's to know (display/format.h, size_known). */
uint64_t display_percent_done(uint64_t units, uint64_t size);
double display_fraction_done(uint64_t units, uint64_t size);

/* %{sgr:...}: colours, as codes of ECMA-48 ("select graphic rendition"). */

enum display_colour {
    DISPLAY_COLOUR_NONE, /* there was no code: nothing was added */
    DISPLAY_COLOUR_SET,
    DISPLAY_COLOUR_RESET /* the last code takes all back */
};

/* Adds what a list as "red,bg-blue,bold" or "38,5,208" stands for; words that mean nothing are
 * passed over. */
enum display_colour display_add_colours(struct text *text, const char *list, size_t length);

void display_reset_colours(struct text *text);

#endif
