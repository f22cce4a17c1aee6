/*
 * colour.c - see colour.h. The names are those of pv(1); the codes ECMA-48's.
 */
#include "display/colour.h"

#include <string.h>

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
