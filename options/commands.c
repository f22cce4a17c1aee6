/*
 * commands.c - see commands.h.
 */
#include "options/commands.h"

#include "base/message.h"
#include "options/endpoints.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds a command to the inputs or to the outputs. The caller fills it in. */
static struct command_spec *add_command(struct options *options, bool input)
{
    options->command_count++;
    if (input) {
        options->inputs[options->input_count] = "";
        return &options->input_commands[options->input_count++];
    }
    options->outputs[options->output_count] = "";
    return &options->output_commands[options->output_count++];
}

/* Adds a command that gets its words from after "--". */
static enum options_status await_program(struct parser *parser, const struct given *given,
                                         bool input)
{
    if (parser->program != NULL)
        return options_refuse(option_rows[given->id].name, given->argument,
                              "only one option can use the PROGRAM after --");
    parser->program = add_command(parser->options, input);
    parser->program_option = given->id;
    return OPTIONS_RUN;
}

static enum options_status take_monitor(struct parser *parser, const struct given *given)
{
    const char *side = given->argument;
    parser->both_sides = strcmp(side, "both") == 0;
    if (strcmp(side, "in") != 0 && strcmp(side, "out") != 0 && !parser->both_sides)
        return options_invalid("--monitor", "side", side, "choose in, out or both");
    return await_program(parser, given, strcmp(side, "in") != 0);
}

enum options_status options_take_command(struct parser *parser, const struct given *given)
{
    bool input = given->id == OPTION_FROM;
    if (given->id == OPTION_MONITOR)
        return take_monitor(parser, given);
    if (strcmp(given->argument, "-") == 0)
        return await_program(parser, given, input);
    if (*given->argument == '\0')
        return options_refuse(option_rows[given->id].name, "", "is empty");
    add_command(parser->options, input)->text = given->argument;
    return OPTIONS_RUN;
}

/* Returns the words joined by blanks. NULL: out of memory. */
static char *join(char *const *words)
{
    size_t length = 1;
    for (size_t i = 0; words[i] != NULL; i++)
        length += strlen(words[i]) + 1;
    char *text = malloc(length), *end = text;
    for (size_t i = 0; text != NULL && words[i] != NULL; i++) {
        size_t bytes = strlen(words[i]);
        memcpy(end, words[i], bytes);
        end += bytes;
        *end++ = words[i + 1] != NULL ? ' ' : '\0';
    }
    return text;
}

/* --- both sides of a program ------------------------------------------------------------------
 *
 * Two bpipe processes do this. This one reads from the program. It starts the other bpipe as the
 * command that it reads from. The other bpipe writes to the program (-M in), and ends with the
 * result of the program. So the end of the data is checked on both sides.
 */

/* Whether the option is passed to the other bpipe as well. */
static bool is_told_to_both_sides(enum option_id id)
{
    return (id >= OPTION_PROGRESS && id <= OPTION_CURSOR) || id == OPTION_QUIET ||
           id == OPTION_SI || id == OPTION_BUFFER_SIZE || id == OPTION_CHUNK_SIZE ||
           id == OPTION_PIPE_BUFFER_SIZE || id == OPTION_NO_SPLICE || id == OPTION_KILL_AFTER ||
           id == OPTION_SIZE || id == OPTION_LINE_MODE || id == OPTION_NULL || id == OPTION_STATS;
}

/* Appends a word, or "--name=argument". False: out of memory. */
static bool add_word(char **words, size_t *count, const char *text, const char *argument)
{
    size_t size = strlen(text) + (argument != NULL ? strlen(argument) + 1 : 0) + 1;
    char *word = malloc(size);
    if (word != NULL)
        snprintf(word, size, "%s%s%s", text, argument != NULL ? "=" : "",
                 argument != NULL ? argument : "");
    words[(*count)++] = word;
    return word != NULL;
}

/* The command line of the other bpipe. NULL: out of memory. */
static char **words_of_other(const struct parser *parser, char *const *program)
{
    size_t count = 0;
    char **words = calloc((size_t)parser->argc + OPTION_COUNT + 8, sizeof *words);
    bool done = words != NULL && add_word(words, &count, parser->argv[0], NULL);
    for (int id = 0; done && id < OPTION_COUNT; id++)
        if (parser->last[id] && option_rows[id].argument == NULL &&
            is_told_to_both_sides((enum option_id)id))
            done = add_word(words, &count, option_rows[id].name, NULL);
    for (size_t i = 0; done && i < parser->given_count; i++)
        if (is_told_to_both_sides(parser->given[i].id))
            done = add_word(words, &count, option_rows[parser->given[i].id].name,
                            parser->given[i].argument);
    done = done && add_word(words, &count, "--name", "in") &&
           add_word(words, &count, "--cursor", NULL) &&
           add_word(words, &count, "--monitor", "in") && add_word(words, &count, "--", NULL);
    for (; done && *program != NULL; program++)
        done = add_word(words, &count, *program, NULL);
    parser->options->program_argv = words;
    return done ? words : NULL;
}

/* The only input is standard input, and the other bpipe reads it. */
static enum options_status take_both_sides(struct parser *parser, char *const *program)
{
    struct options *options = parser->options;
    if (options->input_count != 1)
        return options_refuse("--monitor", "both", "cannot be used with an INPUT");
    char **words = words_of_other(parser, program);
    if (words == NULL) {
        message_print("%s", strerror(ENOMEM));
        return OPTIONS_FAILED;
    }
    if (options->name == NULL)
        options->name = "out";
    options->display.cursor = true;
    parser->program->argv = words;
    parser->program->is_ours = true;
    return OPTIONS_RUN;
}

enum options_status options_take_rest(struct parser *parser)
{
    struct options *options = parser->options;
    char **rest = parser->argv + optind;
    enum options_status status = OPTIONS_RUN;
    if (parser->program == NULL) {
        for (; *rest != NULL && status == OPTIONS_RUN; rest++)
            status = options_take_input(options, *rest);
        return status;
    }
    if (*rest == NULL || **rest == '\0')
        return options_refuse(option_rows[parser->program_option].name,
                              parser->last[parser->program_option],
                              "needs a program: -- PROGRAM [ARG]...");
    options->program_text = join(rest);
    if (options->program_text == NULL) {
        message_print("%s", strerror(ENOMEM));
        return OPTIONS_FAILED;
    }
    *parser->program = (struct command_spec){.text = options->program_text, .argv = rest};
    return parser->both_sides ? take_both_sides(parser, rest) : OPTIONS_RUN;
}
