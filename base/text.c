/*
 * text.c - see text.h.
 *
 * Invariants: length <= capacity; after a failure the text is as it was before the first piece that
 * did not fit.
 */
#include "base/text.h"

#include "base/platform.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

void text_clear(struct text *text)
{
    text->length = 0;
    text->failed = false;
}

void text_free(struct text *text)
{
    if (!text->fixed)
        free(text->bytes);
    *text = (struct text){0};
}

bool text_reserve(struct text *text, size_t more)
{
    if (text->failed)
        return false;
    if (more <= text->capacity - text->length)
        return true;
    size_t wanted = text->length + more;
    size_t capacity = wanted > SIZE_MAX / 2 ? wanted : 2 * wanted;
    char *bytes = text->fixed || wanted < more ? NULL : realloc(text->bytes, capacity);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    if (length == 0 || !text_reserve(text, length))
        return;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

void text_add_string(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);

    /* vsnprintf() appends a NUL, which is not part of the text. */
    if (length < 0 || !text_reserve(text, (size_t)length + 1)) {
        text->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

void text_add_seconds(struct text *text, uint64_t ns)
{
    text_add(text, "%" PRIu64 ".%09" PRIu64, ns / NS_PER_SEC, ns % NS_PER_SEC);
}

void text_add_time(struct text *text, uint64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / NS_PER_SEC);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL) { /* the year does not fit into an int */
        text->failed = true;
        return;
    }
    text_add(text, "%04d-%02d-%02dT%02d:%02d:%02d.%06" PRIu64 "Z", utc.tm_year + 1900,
             utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
             time_ns % NS_PER_SEC / 1000);
}

void text_add_decimal(struct text *text, double value, unsigned decimals)
{
    static const uint64_t scales[] = {1, 10, 100, 1000};
    static const double largest = 1e15; /* largest * 1000 is an exact 64-bit integer */
    uint64_t scale = scales[decimals];

    if (!(value > 0))
        value = 0;
    if (value > largest) {
        text_add(text, "%.0f", value < 1e300 ? value : 1e300);
        return;
    }
    uint64_t scaled = (uint64_t)(value * (double)scale + 0.5);
    text_add(text, "%" PRIu64, scaled / scale);
    if (decimals > 0)
        text_add(text, ".%0*" PRIu64, (int)decimals, scaled % scale);
}

/* --- UTF-8 --------------------------------------------------------------------------------- */

/* The range of the second byte that may follow a range of first bytes, and the length (RFC
 * 3629). */
struct utf8_lead {
    unsigned char first, last, second_least, second_greatest;
    size_t length;
};

static const struct utf8_lead utf8_leads[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

const char *text_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

size_t utf8_length(const char *string)
{
    const unsigned char *bytes = (const unsigned char *)string;

    if (bytes[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof utf8_leads / sizeof utf8_leads[0]; i++) {
        const struct utf8_lead *lead = &utf8_leads[i];
        if (bytes[0] < lead->first || bytes[0] > lead->last)
            continue;
        if (bytes[1] < lead->second_least || bytes[1] > lead->second_greatest)
            return 0;
        for (size_t j = 2; j < lead->length; j++)
            if (bytes[j] < 0x80 || bytes[j] > 0xbf)
                return 0;
        return lead->length;
    }
    return 0;
}

size_t utf8_length_in(const char *bytes, size_t length)
{
    enum { LONGEST = 4 };
    char character[LONGEST + 1] = {0};

    memcpy(character, bytes, length < LONGEST ? length : LONGEST);
    return utf8_length(character);
}

bool utf8_continues(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

uint32_t utf8_code_point(const char *string, size_t length)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07}; /* by length */
    uint32_t point = (unsigned char)string[0] & masks[length];

    for (size_t i = 1; i < length; i++)
        point = point << 6 | ((unsigned char)string[i] & 0x3f);
    return point;
}

bool utf8_is_visible(const char *string, size_t length)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c},
        {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };
    uint32_t point = utf8_code_point(string, length);

    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (point >= hidden[i].first && point <= hidden[i].last)
            return false;
    return true;
}

static void add_escaped_byte(struct text *text, char byte)
{
    if (byte == '\n')
        text_add_string(text, "\\n");
    else if (byte == '\t')
        text_add_string(text, "\\t");
    else
        text_add(text, "\\x%02x", (unsigned)(unsigned char)byte);
}

void text_add_visible(struct text *text, const char *string)
{
    while (*string != '\0') {
        size_t length = utf8_length(string);
        if (length > 0 && utf8_is_visible(string, length)) {
            text_add_bytes(text, string, length);
        } else {
            length = length > 0 ? length : 1;
            for (size_t i = 0; i < length; i++)
                add_escaped_byte(text, string[i]);
        }
        string += length > 0 ? length : 1;
    }
}

/* --- columns ------------------------------------------------------------------------------- */

static bool charset_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool utf8_is_set_up(void)
{
    (void)setlocale(LC_CTYPE, "");
    return charset_is_utf8();
}

static size_t character_columns(const char *bytes, size_t length)
{
    if (length <= 1)
        return 1;
    if (!charset_is_utf8() && !utf8_is_set_up())
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    int columns = wcwidth((wchar_t)utf8_code_point(bytes, length));
    return columns < 0 ? 1 : (size_t)columns; /* -1: the locale does not know the character */
}

/* Returns the number of bytes of the first character. *columns becomes its width. */
static size_t next_character(const char *bytes, size_t length, size_t *columns)
{
    size_t step = utf8_length_in(bytes, length);

    *columns = character_columns(bytes, step);
    return step > 0 ? step : 1;
}

size_t utf8_fitting(const char *bytes, size_t length, size_t *columns)
{
    size_t used = 0, at = 0;

    while (at < length) {
        size_t wide, step = next_character(bytes + at, length - at, &wide);
        if (wide > *columns - used)
            break;
        used += wide;
        at += step;
    }
    *columns = used;
    return at;
}

size_t utf8_columns(const char *bytes, size_t length)
{
    size_t columns = SIZE_MAX;

    utf8_fitting(bytes, length, &columns);
    return columns;
}

size_t utf8_fitting_end(const char *bytes, size_t length, size_t columns)
{
    size_t rest = utf8_columns(bytes, length), at = 0;

    while (at < length) {
        size_t wide, step = next_character(bytes + at, length - at, &wide);
        /* A combining character belongs to the one before it. */
        if (rest <= columns && (wide > 0 || at == 0))
            break;
        rest -= wide;
        at += step;
    }
    return at;
}

unsigned text_columns(const struct text *text, size_t start)
{
    if (text->length <= start)
        return 0;
    return (unsigned)utf8_columns(text->bytes + start, text->length - start);
}

unsigned text_cut(struct text *text, size_t start, unsigned columns)
{
    size_t used = columns;

    if (text->length <= start)
        return 0;
    text->length = start + utf8_fitting(text->bytes + start, text->length - start, &used);
    return (unsigned)used;
}

size_t text_shorten(struct text *text, size_t start, size_t columns)
{
    static const char gap[] = "..";
    enum { GAP = sizeof gap - 1 };
    const size_t width = text_columns(text, start);

    if (text->failed || width <= columns)
        return width;
    if (columns <= GAP) {
        (void)text_cut(text, start, (unsigned)columns);
        return width;
    }
    char *part = text->bytes + start;
    const size_t length = text->length - start, last = (columns - GAP) / 2;
    size_t first = columns - GAP - last;
    const size_t kept = utf8_fitting(part, length, &first);
    const size_t end = utf8_fitting_end(part, length, last);
    memcpy(part + kept, gap, GAP); /* three columns or more are left out */
    memmove(part + kept + GAP, part + end, length - end);
    text->length = start + kept + GAP + length - end;
    return width;
}
