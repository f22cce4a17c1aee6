/*
 * columns.c - see columns.h.
 */
#include "display/columns.h"

#include <string.h>

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
        size_t character = utf8_length_in(bytes + at, length - at);
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

void display_add_shortened(struct text *text, const char *string, unsigned room, bool utf8)
{
    const size_t start = text->length;

    display_add_visible(text, string, utf8);
    (void)text_shorten(text, start, room);
}

unsigned display_rows(const char *bytes, size_t length, unsigned width)
{
    unsigned rows = 0;
    for (size_t i = 0, start = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            size_t columns = utf8_columns(bytes + start, i - start);
            rows += width > 0 && columns > width ? (unsigned)((columns + width - 1) / width) : 1;
        }
        if (bytes[i] == '\n' || bytes[i] == '\r') /* a return follows blanks that erased a line */
            start = i + 1;
    }
    return rows;
}
