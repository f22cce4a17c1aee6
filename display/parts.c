/*
 * parts.c - see parts.h.
 *
 * Except the plain bar with its arrowhead, a bar is a row of cells that fill from the left. Each
 * cell has a number of levels.
 *
 * Numbers differ from those of pv 1.6 in two ways. A number without a prefix has a blank in its
 * place (as in pv 1.7.17), so that the line keeps its length at low rates. A number below 1 is
 * written as a decimal, not in thousandths, whose "m" looks like a million.
 *
 * The names of colours are those of pv(1). The codes are those of ECMA-48.
 */
#include "display/parts.h"

#include "base/platform.h"
#include "stats/meter.h"

#include <inttypes.h>
#include <string.h>

/* --- bars ----------------------------------------------------------------------------------- */

enum { LEVELS_MOST = 8, MARK = 3, PHASE_END = 100, PHASES = 200 };

struct cells {
    unsigned levels; /* level 0 is empty, this one is full */
    const char *level[LEVELS_MOST + 1];
};

static const struct cells cells_of_style[BAR_STYLES] = {
    [BAR_BLOCK] = {1, {" ", "█"}},
    [BAR_GRANULAR] = {8, {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"}},
    [BAR_SHADED] = {3, {"░", "▒", "▓", "█"}},
};

static const struct cells ascii_cells = {1, {" ", "#"}};

static void add_cells(struct text *text, const struct cells *cells, unsigned width, double fraction)
{
    unsigned filled = (unsigned)(fraction * width * cells->levels);

    for (unsigned i = 0; i < width; i++) {
        unsigned level = filled < cells->levels ? filled : cells->levels;
        text_add_string(text, cells->level[level]);
        filled -= level;
    }
}

static void add_arrow(struct text *text, unsigned width, double fraction)
{
    unsigned filled = (unsigned)(fraction * width);
    unsigned head = filled > 0 ? filled - 1 : 0;

    for (unsigned i = 0; i < width; i++)
        text_add_string(text, i < head ? "=" : i == head ? ">" : " ");
}

void display_add_bar(struct text *text, enum bar_style style, unsigned width, double fraction)
{
    if (style == BAR_PLAIN)
        add_arrow(text, width, fraction);
    else
        add_cells(text, &cells_of_style[style], width, fraction);
}

void display_add_mark(struct text *text, enum bar_style style, unsigned width, unsigned phase)
{
    static const char *const plain[MARK] = {"<", "=", ">"};
    const struct cells *cells = &cells_of_style[style];
    unsigned room = width > MARK ? width - MARK : 0;
    unsigned way = phase % PHASES;
    unsigned start = room * (way > PHASE_END ? PHASES - way : way) / PHASE_END;

    for (unsigned i = 0; i < width; i++) {
        bool marked = i >= start && i < start + MARK;
        if (style == BAR_PLAIN)
            text_add_string(text, marked ? plain[i - start] : " ");
        else
            text_add_string(text, cells->level[marked ? cells->levels : 0]);
    }
}

void display_add_buffer_bar(struct text *text, bool utf8, double fraction)
{
    const struct cells *cells = utf8 ? &cells_of_style[BAR_GRANULAR] : &ascii_cells;

    text_add_string(text, utf8 ? "▕" : "[");
    add_cells(text, cells, DISPLAY_BUFFER_BAR - 2, fraction);
    text_add_string(text, utf8 ? "▏" : "]");
}

void display_add_buffer_level(struct text *text, bool utf8, double fraction)
{
    static const struct cells ascii = {2, {"-", "=", "#"}};
    static const char *const levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    enum { LEVELS = sizeof levels / sizeof levels[0] };
    const unsigned level = (unsigned)(fraction * LEVELS);

    if (utf8)
        text_add_string(text, levels[level < LEVELS ? level : LEVELS - 1]);
    else
        add_cells(text, &ascii, 2, fraction);
}

/* --- numbers -------------------------------------------------------------------------------- */

static const uint64_t minute = 60;
static const uint64_t hour = 3600;
static const uint64_t day = 86400;

/* Up to 99.9: three significant digits, as with "%#.3g". Above: no decimals, and rounded down, so
 * that the number never becomes 1024 where the next larger unit exists. */
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

void display_add_short_time(struct text *text, uint64_t ns, bool rough)
{
    uint64_t seconds = display_seconds(ns);

    if (seconds >= day)
        text_add(text, "%" PRIu64 "d%02" PRIu64 "h", seconds / day, seconds % day / hour);
    else if (seconds >= hour)
        text_add(text, "%" PRIu64 "h%02" PRIu64, seconds / hour, seconds % hour / minute);
    else if (rough && seconds >= 10 * minute)
        text_add(text, "%" PRIu64 "m", seconds / minute);
    else
        text_add(text, "%" PRIu64 ":%02" PRIu64, seconds / minute, seconds % minute);
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

    tzset(); /* localtime_r() need not call it */
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

double display_round_rate(double bytes_per_sec, bool si)
{
    const double base = si ? 1000 : 1024, above = 1e-9;
    double number = bytes_per_sec, unit = 1;

    if (!(number > 0 && number < 1e18))
        return number;
    number = (double)(uint64_t)(number + 0.5);
    while (number >= base - 0.5) {
        number /= base;
        unit *= base;
    }
    if (number > 99.9 - 2 * above && number < 99.95 && unit > 1)
        number = 99.9 - above;
    else if (number > 99.9)
        number = (double)(uint64_t)(number + 0.5) + above;
    else
        number = (number < 1 && unit > 1 ? 1 : number) + above; /* halves are rounded up */
    return number * unit;
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
    return whole < 100 ? part : part / (whole / 100); /* exact enough for numbers this large */
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

/* --- colours -------------------------------------------------------------------------------- */

enum { FOREGROUND = 30, BACKGROUND = 40, DIGITS = 3, NO_CODE = -1 };

struct rendition {
    const char *name;
    int code;
};

static const struct rendition colours[] = {
    {"black", 0}, {"red", 1},     {"green", 2}, {"yellow", 3}, {"brown", 3},
    {"blue", 4},  {"magenta", 5}, {"cyan", 6},  {"white", 7},
};

static const struct rendition attributes[] = {
    {"reset", 0},          {"none", 0},          {"bold", 1},      {"dim", 2},
    {"italic", 3},         {"underscore", 4},    {"underline", 4}, {"blink", 5},
    {"reverse", 7},        {"no-bold", 22},      {"no-dim", 22},   {"no-italic", 23},
    {"no-underscore", 24}, {"no-underline", 24}, {"no-blink", 25}, {"no-reverse", 27},
    {"fg-default", 39},    {"bg-default", 49},
};

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static int look_up(const struct rendition *renditions, size_t count, const char *word,
                   size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(renditions[i].name) == length && memcmp(renditions[i].name, word, length) == 0)
            return renditions[i].code;
    return NO_CODE;
}

static int read_number(const char *word, size_t length)
{
    int number = 0;

    if (length == 0 || length > DIGITS)
        return NO_CODE;
    for (size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9')
            return NO_CODE;
        number = number * 10 + (word[i] - '0');
    }
    return number;
}

static int read_word(const char *word, size_t length)
{
    int code = read_number(word, length);
    int plane = FOREGROUND;

    if (code == NO_CODE)
        code = look_up(attributes, LENGTH(attributes), word, length);
    if (code != NO_CODE)
        return code;
    if (length > 3 && (memcmp(word, "fg-", 3) == 0 || memcmp(word, "bg-", 3) == 0)) {
        plane = word[0] == 'b' ? BACKGROUND : FOREGROUND;
        word += 3;
        length -= 3;
    }
    code = look_up(colours, LENGTH(colours), word, length);
    return code == NO_CODE ? NO_CODE : plane + code;
}

enum display_colour display_add_colours(struct text *text, const char *list, size_t length)
{
    const char *end = list + length;
    enum display_colour result = DISPLAY_COLOUR_NONE;

    for (const char *word = list; word < end; word++) {
        const char *comma = memchr(word, ',', (size_t)(end - word));
        const char *word_end = comma == NULL ? end : comma;
        int code = read_word(word, (size_t)(word_end - word));
        if (code != NO_CODE) {
            text_add(text, "%s%d", result == DISPLAY_COLOUR_NONE ? "\033[" : ";", code);
            result = code == 0 ? DISPLAY_COLOUR_RESET : DISPLAY_COLOUR_SET;
        }
        word = word_end;
    }
    if (result != DISPLAY_COLOUR_NONE)
        text_add_string(text, "m");
    return result;
}

void display_reset_colours(struct text *text)
{
    text_add_string(text, "\033[0m");
}
