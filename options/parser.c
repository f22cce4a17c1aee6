/*
 * parser.c - see parser.h.
 */
#include "options/parser.h"

#include "base/message.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum options_status options_refuse(const char *name, const char *text, const char *why)
{
    message_print("%s: '%s': %s", name, text, why);
    return OPTIONS_USAGE;
}

enum options_status options_invalid(const char *name, const char *noun, const char *text,
                                    const char *hint)
{
    /* One line if that fits into 79 columns with "bpipe: ", else two. */
    enum { ROOM = 79 - 7 };
    static const char format[] = "%s: invalid %s '%s' (%s)";
    size_t columns = (size_t)snprintf(NULL, 0, format, name, noun, text, hint);
    for (const char *at = text; *at != '\0'; at++)
        columns += isprint((unsigned char)*at) ? 0 : strlen("\\x1b") - 1; /* message_print() */
    if (columns <= ROOM) {
        message_print(format, name, noun, text, hint);
    } else {
        message_print("%s: invalid %s '%s'", name, noun, text);
        message_print("%s: %s", name, hint);
    }
    return OPTIONS_USAGE;
}

const char *options_buffer_text(const struct parser *parser)
{
    const char *given = parser->last[OPTION_BUFFER_SIZE];
    return given ? given : OPTIONS_BUFFER_TEXT;
}

bool options_drop(const struct options *options)
{
    return options->overflow == OVERFLOW_DROP_NEWEST || options->overflow == OVERFLOW_DROP_OLDEST;
}

uint64_t options_ring_size(const struct options *options)
{
    uint64_t buffer = options->buffer_size, inputs = options->input_count;
    bool whole = options->records != RECORD_NONE &&
                 (options->overflow != OVERFLOW_BLOCK || options->tap_count > 0);
    if (!options->merge)
        return buffer;
    uint64_t ring = buffer / 2 < MERGE_WINDOW ? buffer / 2 : MERGE_WINDOW;
    if (whole)
        ring = buffer - buffer / (inputs + 1) * inputs;
    if (ring < options->block_size)
        ring = options->block_size;
    return ring > 0 && ring < buffer && (buffer - ring) / inputs > 0 ? ring : 0;
}
