/*
 * parser.h - shared by the files that implement options_parse(); no other file uses it.
 * options/options.c takes the arguments, options/endpoints.c the texts of endpoints, and
 * options/check.c refuses options that exclude each other.
 */
#ifndef BPIPE_OPTIONS_PARSER_H
#define BPIPE_OPTIONS_PARSER_H

#include "options/options.h"
#include "options/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The default of --buffer-size. */
#define OPTIONS_BUFFER_SIZE (UINT64_C(16) << 20)
#define OPTIONS_BUFFER_TEXT "16M"

/* An option with its argument as it was given, or an operand (GIVEN_OPERAND). */
#define GIVEN_OPERAND OPTION_COUNT
struct given {
    enum option_id id;
    const char *argument;
};

struct parser {
    struct options *options;
    int argc;
    char **argv;
    struct given *given; /* in the order of the command line */
    size_t given_count;
    const char *last[OPTION_COUNT]; /* its last argument, "" for a flag; NULL: not given */
    bool no_report;                 /* --report none */
    struct command_spec *program;   /* the command that gets the words after "--", or NULL */
    enum option_id program_option;  /* the option that asked for the PROGRAM */
    bool both_sides;                /* --monitor both */
};

/* Prints "NAME: 'TEXT': WHY". Returns OPTIONS_USAGE. */
enum options_status options_refuse(const char *name, const char *text, const char *why);

/* Prints "NAME: invalid NOUN 'TEXT' (HINT)", for a text that cannot be parsed. Returns
 * OPTIONS_USAGE. */
enum options_status options_invalid(const char *name, const char *noun, const char *text,
                                    const char *hint);

/* The text of --buffer-size as it was given, or of its default, for a message. */
const char *options_buffer_text(const struct parser *parser);

#endif
