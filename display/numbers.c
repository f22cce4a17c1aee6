/*
 * numbers.c - see numbers.h.
 *
 * Two things are not as in pv 1.6: a missing prefix is as wide as one that is there (pv 1.7.17 did
 * the same, so that the line keeps its length at low rates), and what is below 1 is a decimal and
 * not in thousandths, whose "m" reads like a million.
 */
#include "display/numbers.h"

#include "base/platform.h"
#include "stats/meter.h"

#include <inttypes.h>

static const uint64_t hour = 3600;
static const uint64_t day = 86400;

/* The three significant digits of "%#.3g" up to 99.9, and then no decimals; rounded down there, so
 * that it is never 1024 of what has a larger unit. */
static void add_number(struct text *text, double number)
{
    if (number > 99.9)
        text_add(text, "%4" PRIu64, (uint64_t)number);
    else
        text_add_decimal(text, number, number < 9.995 ? 2 : 1);
}

void display_add_amount(struct text *text, double amount, struct display_unit unit)
{
    static const char prefixes[] = " KMGTPEZY";
    const bool binary = !unit.records && !unit.si;
    const double base = binary ? 1024 : 1000;
    size_t prefix = 0;

    if (!(amount > 0))
        amount = 0;
    if (unit.bits && !unit.records)
        amount *= 8;
    for (; amount >= base && prefixes[prefix + 1] != '\0'; prefix++)
        amount /= base;
    add_number(text, amount < 9999 ? amount : 9999);
    text_add(text, "%c", prefixes[prefix] == 'K' && !binary ? 'k' : prefixes[prefix]);
    if (binary)
        text_add_string(text, prefix == 0 ? " " : "i");
    if (!unit.records)
        text_add_string(text, unit.bits ? "b" : "B");
}

void display_add_rate(struct text *text, double rate, struct display_unit unit)
{
    display_add_amount(text, rate, unit);
    text_add_string(text, "/s");
}

void display_add_time(struct text *text, uint64_t ns)
{
    uint64_t seconds = display_seconds(ns);

    if (seconds >= day)
        text_add(text, "%" PRIu64 ":%02" PRIu64, seconds / day, seconds % day / hour);
    else
        text_add(text, "%" PRIu64, seconds / hour);
    text_add(text, ":%02" PRIu64 ":%02" PRIu64, seconds % hour / 60, seconds % 60);
}

void display_add_percent(struct text *text, uint64_t part, uint64_t whole)
{
    if (whole == 0)
        text_add_string(text, " --%");
    else
        text_add(text, "%3" PRIu64 "%%", display_percent(part, whole));
}

void display_add_eta(struct text *text, uint64_t ns)
{
    text_add_string(text, "ETA ");
    if (ns == UINT64_MAX)
        text_add_string(text, "-:--:--");
    else
        display_add_time(text, ns);
}

bool display_add_time_of_day(struct text *text, time_t now, uint64_t ns)
{
    time_t end = now + (time_t)display_seconds(ns);
    struct tm tm;

    tzset(); /* localtime_r() need not */
    if (ns == UINT64_MAX || localtime_r(&end, &tm) == NULL)
        return false;
    if (ns > 6 * hour * NS_PER_SEC)
        text_add(text, "%04d-%02d-%02d ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    text_add(text, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
    return true;
}

void display_add_fineta(struct text *text, time_t now, uint64_t ns)
{
    text_add_string(text, "FIN ");
    if (!display_add_time_of_day(text, now, ns))
        text_add_string(text, "--:--:--");
}

uint64_t display_seconds(uint64_t ns)
{
    return ns / NS_PER_SEC + (ns % NS_PER_SEC >= NS_PER_SEC / 2);
}

uint64_t display_percent(uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return 0;
    if (part <= UINT64_MAX / 100)
        return part * 100 / whole;
    return whole < 100 ? part : part / (whole / 100); /* large enough to be good enough */
}

double display_fraction(double part, double whole)
{
    double fraction = whole > 0 ? part / whole : 0;

    if (!(fraction > 0))
        return 0;
    return fraction < 1 ? fraction : 1;
}

uint64_t display_percent_done(uint64_t units, uint64_t size)
{
    return size == 0 ? 100 : display_percent(units, size);
}

double display_fraction_done(uint64_t units, uint64_t size)
{
    return size == 0 ? 1 : display_fraction((double)units, (double)size);
}
