/*
 * columns.c - see columns.h.
 */
#include "display/columns.h"

#include <string.h>
#include <wchar.h>

enum { CHARACTER_BYTES = 4 };

/* utf8_length() for bytes that need not end with a NUL. */
static size_t character_length(const char *bytes, size_t length)
{
    char character[CHARACTER_BYTES + 1] = {0};

    memcpy(character, bytes, length < CHARACTER_BYTES ? length : CHARACTER_BYTES);
    return utf8_length(character);
}

static unsigned character_columns(const char *bytes, size_t length)
{
    int columns = length > 1 ? wcwidth((wchar_t)utf8_code_point(bytes, length)) : 1;

    return columns < 0 ? 1 : (unsigned)columns; /* -1: the locale does not know the character */
}

/* Returns the number of bytes that fit into *columns. *columns becomes their width. */
static size_t fitting(const char *bytes, size_t length, unsigned *columns)
{
    unsigned used = 0;
    size_t at = 0;

    while (at < length) {
        size_t step = character_length(bytes + at, length - at);
        unsigned wide = character_columns(bytes + at, step);
        if (wide > *columns - used)
            break;
        used += wide;
        at += step > 0 ? step : 1;
    }
    *columns = used;
    return at;
}

unsigned display_columns(const struct text *text, size_t start)
{
    unsigned columns = (unsigned)-1;

    if (text->length <= start)
        return 0;
    fitting(text->bytes + start, text->length - start, &columns);
    return columns;
}

unsigned display_cut(struct text *text, size_t start, unsigned columns)
{
    if (text->length <= start)
        return 0;
    text->length = start + fitting(text->bytes + start, text->length - start, &columns);
    return columns;
}

void display_pad(struct text *text, unsigned columns)
{
    if (columns > 0)
        text_add(text, "%*s", (int)columns, "");
}

static bool is_control_byte(char byte)
{
    unsigned char value = (unsigned char)byte;

    return value >= 0x80 && value < 0xa0;
}

void display_add_clean(struct text *text, const char *bytes, size_t length, char instead,
                       bool strict)
{
    for (size_t at = 0, step; at < length; at += step) {
        size_t character = character_length(bytes + at, length - at);
        bool hidden = character > 0 ? !utf8_is_visible(bytes + at, character)
                                    : strict || is_control_byte(bytes[at]);
        step = character > 0 ? character : 1;
        text_add_bytes(text, hidden ? &instead : bytes + at, hidden ? 1 : step);
    }
}

void display_add_printable(struct text *text, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text_add_bytes(text, bytes[i] >= ' ' && bytes[i] <= '~' ? &bytes[i] : ".", 1);
}

void display_add_visible(struct text *text, const char *string, bool utf8)
{
    if (utf8) {
        text_add_visible(text, string);
        return;
    }
    for (; *string != '\0'; string++) {
        const char ascii[2] = {*string, '\0'};
        if ((unsigned char)*string < 0x80)
            text_add_visible(text, ascii);
        else
            text_add(text, "\\x%02x", (unsigned)(unsigned char)*string);
    }
}

unsigned display_rows(const char *bytes, size_t length, unsigned width)
{
    unsigned rows = 0, columns = 0;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            rows += width > 0 && columns > width ? (columns + width - 1) / width : 1;
            columns = 0;
        } else if (bytes[i] == '\r') {
            columns = 0; /* blanks that erased a line */
        } else if (((unsigned char)bytes[i] & 0xc0) != 0x80) {
            columns++;
        }
    }
    return rows;
}
