/*
 * size.c - see size.h.
 *
 * The parser first splits a text into digits, fraction and unit, and computes the value only then.
 * So junk is reported as junk even if the number before it is too large. All arithmetic uses
 * unsigned 64-bit integers with scales of at most 2^60 or 10^18. Ten times a scale still fits; the
 * digit-by-digit loops rely on that, and they are exact for texts of any length.
 *
 * Not in this module: locales (ctype.h and strtod() would bring them in) and error messages that
 * contain names.
 */
#include "base/size.h"

#include <float.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NS     UINT64_C(1)
#define US     (1000 * NS)
#define MS     (1000 * US)
#define SECOND (1000 * MS)

enum { RATE_UNIT = 8 };

struct unit {
    const char *name;
    uint64_t scale;
};

/* A text split into its three parts. `fraction` begins after the point; `unit` is the rest of the
 * text. */
struct number {
    const char *whole, *fraction, *unit;
    size_t whole_digits, fraction_digits;
};

static size_t count_digits(const char *text)
{
    size_t count = 0;

    while (text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

static uint64_t digit(char c)
{
    return (uint64_t)(c - '0');
}

/* Splits `text`. A point needs digits on both sides. */
static enum size_status number_read(const char *text, struct number *number)
{
    if (text[0] == '\0')
        return SIZE_EMPTY;
    if (text[0] == '+' || text[0] == '-')
        return SIZE_SIGN;
    number->whole = text;
    number->whole_digits = count_digits(text);
    number->unit = text + number->whole_digits;
    number->fraction = number->unit;
    number->fraction_digits = 0;
    if (*number->unit == '.') {
        number->fraction = number->unit + 1;
        number->fraction_digits = count_digits(number->fraction);
        number->unit = number->fraction + number->fraction_digits;
        if (number->fraction_digits == 0)
            return SIZE_JUNK;
    }
    return number->whole_digits == 0 ? SIZE_JUNK : SIZE_OK;
}

/* The number times `scale`, rounded down. A unit that cannot be divided allows no fraction. */
static enum size_status number_value(const struct number *number, uint64_t scale, uint64_t limit,
                                     uint64_t *value)
{
    uint64_t whole = 0, part = 0;

    if (scale == 1 && number->fraction_digits > 0)
        return SIZE_JUNK;
    for (size_t i = 0; i < number->whole_digits; i++) {
        if (whole > limit / 10) /* enough to prevent wrapping; the next check is exact */
            return SIZE_OVERFLOW;
        whole = whole * 10 + digit(number->whole[i]);
    }
    if (whole > limit / scale)
        return SIZE_OVERFLOW;
    whole *= scale;
    /* Horner's scheme, starting at the last digit. Rounding down at each step loses nothing: for an
     * integer n, floor((n + x) / 10) is floor((n + floor(x)) / 10). `part` stays below `scale`. */
    for (size_t i = number->fraction_digits; i-- > 0;)
        part = (digit(number->fraction[i]) * scale + part) / 10;
    if (part > limit - whole)
        return SIZE_OVERFLOW;
    *value = whole + part;
    return SIZE_OK;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(const char *text, const char *name)
{
    while (*name != '\0' && lower(*text) == lower(*name)) {
        text++;
        name++;
    }
    return *name == '\0' && *text == '\0';
}

/* How many bytes the unit of a size has, or 0 if there is no such unit. */
static uint64_t size_scale(const char *unit, bool si)
{
    static const char prefixes[] = "kmgtpe";
    uint64_t base = si ? 1000 : 1024;
    uint64_t scale = 1;
    size_t power = 0;

    if (same(unit, "") || same(unit, "B"))
        return 1;
    while (prefixes[power] != '\0' && prefixes[power] != lower(*unit))
        power++;
    if (prefixes[power] == '\0')
        return 0;
    if (same(unit + 1, "iB"))
        base = 1024;
    else if (same(unit + 1, "B"))
        base = 1000;
    else if (!same(unit + 1, ""))
        return 0;
    for (size_t i = 0; i <= power; i++)
        scale *= base;
    return scale;
}

static uint64_t duration_scale(const char *unit)
{
    static const struct unit units[] = {
        {"", SECOND}, {"s", SECOND},      {"ms", MS},           {"us", US},
        {"ns", NS},   {"m", 60 * SECOND}, {"h", 3600 * SECOND}, {"d", 86400 * SECOND},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (same(unit, units[i].name))
            return units[i].scale;
    }
    return 0;
}

enum size_status size_parse(const char *text, bool si, uint64_t *bytes)
{
    struct number number;
    enum size_status status = number_read(text, &number);
    uint64_t scale;

    if (status != SIZE_OK)
        return status;
    scale = size_scale(number.unit, si);
    return scale == 0 ? SIZE_JUNK : number_value(&number, scale, INT64_MAX, bytes);
}

/* How many bits the unit of a rate has, or 0 if it is not a unit of bits. */
static uint64_t bit_scale(const char *unit)
{
    static const struct unit units[] = {{"bit", 1},
                                        {"kbit", 1000},
                                        {"Mbit", 1000000},
                                        {"Gbit", 1000000000},
                                        {"Tbit", UINT64_C(1000000000000)}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (same(unit, units[i].name))
            return units[i].scale;
    }
    return 0;
}

/* The unit without its "/s"; false if it is too long for a unit. */
static bool unit_of_rate(const char *unit, char text[RATE_UNIT])
{
    size_t length = strlen(unit);

    if (length >= 2 && unit[length - 2] == '/' && lower(unit[length - 1]) == 's')
        length -= 2;
    if (length >= RATE_UNIT)
        return false;
    memcpy(text, unit, length);
    text[length] = '\0';
    return true;
}

/*
 * Whether the unit is one of sizes, but written with a lower-case b: network engineers read Mb as
 * megabits, and nothing in the text shows that it means megabytes.
 */
static bool may_be_bits(const char *unit)
{
    size_t length = strlen(unit);

    return length > 0 && unit[length - 1] == 'b' && size_scale(unit, false) != 0;
}

enum size_status size_parse_rate(const char *text, bool si, uint64_t *bytes_per_sec)
{
    struct number number;
    enum size_status status = number_read(text, &number);
    char unit[RATE_UNIT];
    uint64_t scale;

    if (status != SIZE_OK)
        return status;
    if (!unit_of_rate(number.unit, unit) || may_be_bits(unit))
        return SIZE_JUNK;
    scale = bit_scale(unit);
    if (scale == 0) {
        scale = size_scale(unit, si);
        return scale == 0 ? SIZE_JUNK : number_value(&number, scale, INT64_MAX, bytes_per_sec);
    }
    status = number_value(&number, scale, INT64_MAX, &scale);
    if (status == SIZE_OK) /* less than one byte must not become 0, which means no limit */
        *bytes_per_sec = scale / 8 + (scale > 0 && scale < 8);
    return status;
}

enum size_status size_parse_duration(const char *text, uint64_t *ns)
{
    struct number number;
    enum size_status status = number_read(text, &number);
    uint64_t scale;

    if (status != SIZE_OK)
        return status;
    scale = duration_scale(number.unit);
    return scale == 0 ? SIZE_JUNK : number_value(&number, scale, INT64_MAX, ns);
}

enum size_status size_parse_percent(const char *text, unsigned *percent)
{
    struct number number;
    enum size_status status = number_read(text, &number);
    uint64_t value;

    if (status != SIZE_OK)
        return status;
    if (!same(number.unit, "") && !same(number.unit, "%"))
        return SIZE_JUNK;
    status = number_value(&number, 1, 100, &value);
    if (status == SIZE_OK)
        *percent = (unsigned)value;
    return status;
}

const char *size_status_text(enum size_status status)
{
    switch (status) {
    case SIZE_OK:
        return "is fine";
    case SIZE_EMPTY:
        return "is empty";
    case SIZE_SIGN:
        return "must not have a sign";
    case SIZE_JUNK:
        return "is not a number with a known unit";
    case SIZE_OVERFLOW:
        return "is too large";
    }
    return "is not understood";
}

const char *size_rate_refusal(char buf[SIZE_REASON], const char *text)
{
    enum { LONGEST_NUMBER = 20 };
    static const char bits[] = "bkMGT", bytes[] = "BKMGTPE";
    struct number number;
    char unit[RATE_UNIT];

    if (number_read(text, &number) != SIZE_OK || !unit_of_rate(number.unit, unit) ||
        !may_be_bits(unit))
        return NULL;
    size_t prefix = 0;
    while (lower(bytes[prefix]) != lower(unit[0]))
        prefix++;
    size_t digits = (size_t)(number.unit - text);
    int shown = digits <= LONGEST_NUMBER ? (int)digits : 0;
    const char *rest = prefix == 0 ? "" : lower(unit[1]) == 'i' ? "iB" : "B";
    if (prefix >= sizeof bits - 1) /* there is no such unit of bits */
        snprintf(buf, SIZE_REASON, "may be bits or bytes: write %.*s%c%s for bytes", shown, text,
                 bytes[prefix], rest);
    else
        snprintf(buf, SIZE_REASON, "may be bits or bytes: write %.*s%c%s or %.*s%c%s", shown, text,
                 bits[prefix], prefix == 0 ? "it" : "bit", shown, text, bytes[prefix], rest);
    return buf;
}

/* value / scale * 10^decimals, rounded to the nearest integer, halves up. */
static uint64_t divide(uint64_t value, uint64_t scale, unsigned decimals)
{
    uint64_t quotient = value / scale;
    uint64_t rest = value % scale;

    for (; decimals > 0; decimals--) {
        quotient = quotient * 10 + rest * 10 / scale;
        rest = rest * 10 % scale;
    }
    return rest >= scale - rest ? quotient + 1 : quotient;
}

/*
 * Writes `value` in one unit with three significant digits. Returns false, and writes nothing, if
 * the value rounds to `limit` units or more and the next unit should be used. Only units that can
 * be divided get decimals; for others a hundred times the value might not fit.
 */
static bool format_in(char buf[SIZE_TEXT], uint64_t value, const struct unit *unit, uint64_t limit)
{
    const bool divisible = unit->scale > 1;
    const uint64_t hundredths = divisible ? divide(value, unit->scale, 2) : UINT64_MAX;
    const uint64_t tenths = divisible ? divide(value, unit->scale, 1) : UINT64_MAX;
    const uint64_t ones = divide(value, unit->scale, 0);

    if (hundredths < 1000)
        snprintf(buf, SIZE_TEXT, "%" PRIu64 ".%02" PRIu64 " %s", hundredths / 100, hundredths % 100,
                 unit->name);
    else if (tenths < 1000 && tenths < limit * 10)
        snprintf(buf, SIZE_TEXT, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
                 unit->name);
    else if (ones < limit)
        snprintf(buf, SIZE_TEXT, "%" PRIu64 " %s", ones, unit->name);
    else
        return false;
    return true;
}

char *size_format(char buf[SIZE_TEXT], uint64_t bytes, bool si)
{
    static const char *const binary[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    static const char *const decimal[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    const char *const *names = si ? decimal : binary;
    const uint64_t base = si ? 1000 : 1024;
    struct unit unit = {names[0], 1};

    /* The loop ends at the last unit at the latest: 64 bits hold less than nineteen of it. */
    for (size_t i = 1; !format_in(buf, bytes, &unit, base); i++) {
        unit.name = names[i];
        unit.scale *= base;
    }
    return buf;
}

char *size_format_rate(char buf[SIZE_TEXT], double bytes_per_sec, bool si)
{
    const double largest = 18446744073709549568.0; /* the last double below 2^64 */
    uint64_t bytes = 0;
    size_t length;

    if (bytes_per_sec > 0 && bytes_per_sec <= DBL_MAX) /* both are false for a NaN */
        bytes = bytes_per_sec <= largest ? (uint64_t)(bytes_per_sec + 0.5) : UINT64_MAX;
    size_format(buf, bytes, si);
    length = strlen(buf);
    snprintf(buf + length, SIZE_TEXT - length, "/s");
    return buf;
}

char *size_format_duration(char buf[SIZE_TEXT], uint64_t ns)
{
    static const struct unit units[] = {{"ns", NS}, {"us", US}, {"ms", MS}};
    static const struct unit second = {"s", SECOND};
    const uint64_t seconds = divide(ns, SECOND, 0);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (format_in(buf, ns, &units[i], 1000))
            return buf;
    }
    if (format_in(buf, ns, &second, 60))
        return buf;
    if (seconds < 3600)
        snprintf(buf, SIZE_TEXT, "%" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
    else
        snprintf(buf, SIZE_TEXT, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
                 seconds / 60 % 60, seconds % 60);
    return buf;
}
