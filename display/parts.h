/*
 * parts.h - the parts of a live line: bars, numbers as pv(1) writes them, colours.
 */
#ifndef BPIPE_DISPLAY_PARTS_H
#define BPIPE_DISPLAY_PARTS_H

#include "base/text.h"
#include "options/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Bars show the progress, that bytes move, and the fill of the buffer. Each is exactly as wide as
 * asked, with no brackets or blanks around it. The caller must not ask for a style beyond ASCII
 * where the terminal cannot show it. */

/* `fraction`: 0 to 1. */
void display_add_bar(struct text *text, enum bar_style style, unsigned width, double fraction);

/* A mark of three columns that moves over `width` columns; `phase` as in display/format.h. */
void display_add_mark(struct text *text, enum bar_style style, unsigned width, unsigned phase);

/* The bar of the buffer, with its frame: "▕██▌   ▏" or "[##    ]", eight columns. */
enum { DISPLAY_BUFFER_BAR = 8 };
void display_add_buffer_bar(struct text *text, bool utf8, double fraction);

/* The meter of the buffer in the least room: "▁" to "█", or "--" to "##". */
void display_add_buffer_level(struct text *text, bool utf8, double fraction);

/*
 * Amounts, rates and times. The number of an amount or a rate has four characters, so that the text
 * after it does not move.
 *
 *   amounts    " 103MiB"  "1.21GiB"  " 999  B"    (-8: "Mib", "  b"; -k: "MB", " B")
 *   records    "1.21M"    "12.0 "                 always in 1000s
 *   rates      the same, and "/s"
 *   times      "0:00:12"  "9:23:59:59" from one day on; rounded to the nearest second, like the
 *              durations in reports (base/size.h)
 *   short      "0:12"  "12:34"  "2h05"  "3d04h"; if `rough` "12m" from ten minutes on, as for an
 *              estimate
 */

/* The unit of an amount, and how to show it. With -8, too, the amount is passed in bytes. */
struct display_unit {
    bool records, bits, si;
};

/* A NaN or a negative amount is shown as 0. */
void display_add_amount(struct text *text, double amount, struct display_unit unit);
void display_add_rate(struct text *text, double rate, struct display_unit unit);
void display_add_time(struct text *text, uint64_t ns);
void display_add_short_time(struct text *text, uint64_t ns, bool rough);
void display_add_percent(struct text *text, uint64_t part, uint64_t whole); /* " 43%"; " --%" if
                                                                               `whole` is 0 */

/* "ETA 0:00:16"; "ETA -:--:--" if `ns` is UINT64_MAX (unknown). */
void display_add_eta(struct text *text, uint64_t ns);
/* "12:34:56", the time `ns` after `now`, with the date if that is more than 6 hours later. False:
 * the time is not known (`ns` is UINT64_MAX), and nothing was added. */
bool display_add_time_of_day(struct text *text, time_t now, uint64_t ns);
/* The same time as "FIN 12:34:56", or "FIN --:--:--" if it is not known. */
void display_add_fineta(struct text *text, time_t now, uint64_t ns);

/* Rounds a rate so that display_add_rate() shows the digits of size_format_rate(), which rounds to
 * the nearest: for the last line, above a report. */
double display_round_rate(double bytes_per_sec, bool si);

uint64_t display_seconds(uint64_t ns);                   /* rounded to the nearest, halves up */
uint64_t display_percent(uint64_t part, uint64_t whole); /* rounded down; 0 if `whole` is 0 */
double display_fraction(double part, double whole);      /* 0..1 */

/* The same for an expected size. A size of 0 is fully done. The caller does not call these with a
 * size of 0 and `units` > 0, which have no percentage (display/format.h, size_known). */
uint64_t display_percent_done(uint64_t units, uint64_t size);
double display_fraction_done(uint64_t units, uint64_t size);

/* %{sgr:...}: colours, as codes of ECMA-48 ("select graphic rendition"). */

enum display_colour {
    DISPLAY_COLOUR_NONE, /* there was no code: nothing was added */
    DISPLAY_COLOUR_SET,
    DISPLAY_COLOUR_RESET /* the last code resets all colours and attributes */
};

/* Adds the codes for a list such as "red,bg-blue,bold" or "38,5,208". Unknown words are ignored. */
enum display_colour display_add_colours(struct text *text, const char *list, size_t length);

void display_reset_colours(struct text *text);

#endif
