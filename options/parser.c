/*
 * parser.c - see parser.h.
 */
#include "options/parser.h"

#include "base/message.h"

enum options_status options_refuse(const char *name, const char *text, const char *why)
{
    message_print("%s: '%s': %s", name, text, why);
    return OPTIONS_USAGE;
}

const char *options_buffer_text(const struct parser *parser)
{
    const char *given = parser->last[OPTION_BUFFER_SIZE];
    return given ? given : OPTIONS_BUFFER_TEXT;
}
