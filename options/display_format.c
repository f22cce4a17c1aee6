/*
 * display_format.c - see display_format.h.
 *
 * Every character that is not in a sequence is text. A '%' that does not start a sequence is text,
 * and the next character may start a sequence.
 */
#include "options/display_format.h"

#include <string.h>

enum { NUMBER_MOST = 9999 };

static const char sgr_prefix[] = "sgr:";

static const struct {
    const char *name;
    char letter; /* of pv(1), or 0 */
    enum display_sequence kind;
} sequences[] = {
    {"progress", 'p', SEQUENCE_PROGRESS},
    {"progress-bar-only", 0, SEQUENCE_PROGRESS_BAR},
    {"progress-amount-only", 0, SEQUENCE_PROGRESS_AMOUNT},
    {"bar-plain", 0, SEQUENCE_BAR_PLAIN},
    {"bar-block", 0, SEQUENCE_BAR_BLOCK},
    {"bar-granular", 0, SEQUENCE_BAR_GRANULAR},
    {"bar-shaded", 0, SEQUENCE_BAR_SHADED},
    {"timer", 't', SEQUENCE_TIMER},
    {"eta", 'e', SEQUENCE_ETA},
    {"fineta", 'I', SEQUENCE_FINETA},
    {"rate", 'r', SEQUENCE_RATE},
    {"average-rate", 'a', SEQUENCE_AVERAGE_RATE},
    {"bytes", 'b', SEQUENCE_BYTES},
    {"transferred", 0, SEQUENCE_BYTES},
    {"buffer-percent", 'T', SEQUENCE_BUFFER_PERCENT},
    {"name", 'N', SEQUENCE_NAME},
    {"last-written", 'A', SEQUENCE_LAST_WRITTEN},
    {"previous-line", 'L', SEQUENCE_PREVIOUS_LINE},
    {"buffer-fill", 0, SEQUENCE_BUFFER_FILL},
    {"buffer-bar", 0, SEQUENCE_BUFFER_BAR},
    {"state", 0, SEQUENCE_STATE},
    {"input-wait", 0, SEQUENCE_INPUT_WAIT},
    {"output-wait", 0, SEQUENCE_OUTPUT_WAIT},
    {"dropped", 0, SEQUENCE_DROPPED},
    {"bottleneck", 0, SEQUENCE_BOTTLENECK},
    {"waiting", 0, SEQUENCE_WAITING},
};

static bool is_named(const char *name, size_t length, const char *given)
{
    return strlen(name) == length && memcmp(name, given, length) == 0;
}

/* The kind of the sequence with this name or, if `name` is NULL, with this letter. SEQUENCES: there
 * is none. */
static int find_kind(const char *name, size_t length, char letter)
{
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        if (name != NULL ? is_named(sequences[i].name, length, name)
                         : sequences[i].letter == letter && letter != '\0')
            return (int)sequences[i].kind;
    return SEQUENCES;
}

/* Reads a name in braces. `at` points to the character after the opening brace. Returns a pointer
 * to the character after the closing brace, or NULL if there is none. */
static const char *read_name(const char *at, struct display_part *part)
{
    const size_t prefix = sizeof sgr_prefix - 1;
    const char *end = strchr(at, '}');

    if (end == NULL)
        return NULL;
    part->kind = find_kind(at, (size_t)(end - at), '\0');
    if (strncmp(at, sgr_prefix, prefix) == 0) {
        part->kind = SEQUENCE_SGR;
        part->text = at + prefix;
        part->length = (size_t)(end - part->text);
    }
    return end + 1;
}

/* Reads the sequence that the '%' at `at` starts. Returns a pointer to the character after it, or
 * NULL if it is not a sequence. */
static const char *read_sequence(const char *at, struct display_part *part)
{
    *part = (struct display_part){0};
    for (at++; *at >= '0' && *at <= '9'; at++) {
        part->number = part->number * 10 + (unsigned)(*at - '0');
        if (part->number > NUMBER_MOST)
            part->number = NUMBER_MOST;
    }
    if (*at == '{') {
        at = read_name(at + 1, part);
    } else {
        part->kind = find_kind(NULL, 0, *at);
        at++;
    }
    return at == NULL || part->kind == SEQUENCES ? NULL : at;
}

static void add_part(struct display_format *format, const struct display_part *part)
{
    if (format->count < DISPLAY_PARTS)
        format->parts[format->count++] = *part;
}

/* Adds a character of text. If it directly follows the text of the last part that part grows. */
static void add_character(struct display_format *format, const char *at)
{
    struct display_part *last = format->count > 0 ? &format->parts[format->count - 1] : NULL;

    if (last != NULL && last->kind == SEQUENCE_LITERAL && last->text + last->length == at)
        last->length++;
    else
        add_part(format, &(struct display_part){.kind = SEQUENCE_LITERAL, .text = at, .length = 1});
}

/* Adds a sequence, and notes in the format that it is there. */
static void add_sequence(struct display_format *format, struct display_part *part)
{
    bool *const there[SEQUENCES] = {
        [SEQUENCE_PREVIOUS_LINE] = &format->lines, [SEQUENCE_BUFFER_PERCENT] = &format->buffer,
        [SEQUENCE_BUFFER_FILL] = &format->buffer,  [SEQUENCE_BUFFER_BAR] = &format->buffer,
        [SEQUENCE_TIMER] = &format->timer,         [SEQUENCE_BYTES] = &format->bytes,
        [SEQUENCE_RATE] = &format->rate,           [SEQUENCE_NAME] = &format->name,
    };

    if (format->count == DISPLAY_PARTS)
        return;
    if (there[part->kind] != NULL)
        *there[part->kind] = true;
    if (part->kind == SEQUENCE_LAST_WRITTEN) {
        if (part->number == 0)
            part->number = 1;
        if (part->number > format->written)
            format->written = part->number;
    }
    add_part(format, part);
}

void display_format_parse(struct display_format *format, const char *text)
{
    *format = (struct display_format){0};
    for (const char *at = text; *at != '\0';) {
        struct display_part part;
        const char *end = *at == '%' ? read_sequence(at, &part) : NULL;
        if (end != NULL) {
            add_sequence(format, &part);
            at = end;
            continue;
        }
        at += at[0] == '%' && at[1] == '%'; /* "%%" is one '%': skip the first */
        add_character(format, at);
        at++;
    }
}

static bool shows_buffer(const char *text)
{
    struct display_format format;
    if (text == NULL)
        return false;
    display_format_parse(&format, text);
    return format.buffer;
}

bool display_format_shows_buffer(const struct display_options *asked)
{
    return asked->buffer_percent || shows_buffer(asked->format) ||
           shows_buffer(asked->extra_format);
}
