/*
 * command_line.c - see command_line.h.
 */
#include "options/command_line.h"

#include <string.h>

/* The option that `word`, which begins with "--", names or abbreviates. */
static enum option_id long_option(const char *word)
{
    size_t length = strcspn(word, "=");
    enum option_id found = OPTION_COUNT;
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        if (strncmp(option_rows[id].name, word, length) != 0)
            continue;
        if (option_rows[id].name[length] == '\0')
            return (enum option_id)id;
        found = (enum option_id)id;
    }
    return found;
}

static enum option_id short_option(char letter)
{
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        if (option_rows[id].letter == letter)
            return (enum option_id)id;
    return OPTION_COUNT;
}

/* The option in `word` that takes an argument. There is at most one, the last of several letters.
 * *value becomes its argument, or NULL if the argument is the next word. */
static enum option_id option_with_argument(const char *word, const char **value)
{
    *value = NULL;
    if (word[0] != '-' || word[1] == '\0')
        return OPTION_COUNT;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        enum option_id id = long_option(word);
        *value = equals == NULL ? NULL : equals + 1;
        return id != OPTION_COUNT && option_rows[id].argument != NULL ? id : OPTION_COUNT;
    }
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        enum option_id id = short_option(*letter);
        if (id == OPTION_COUNT || option_rows[id].argument == NULL)
            continue;
        *value = letter[1] == '\0' ? NULL : letter + 1;
        return id;
    }
    return OPTION_COUNT;
}

const char *command_line_option(const char *words, size_t length, enum option_id wanted)
{
    const char *found = NULL, *value, *end = words + length;
    const char *word = length == 0 ? end : words + strlen(words) + 1;
    while (word < end && strcmp(word, "--") != 0) {
        enum option_id id = option_with_argument(word, &value);
        word += strlen(word) + 1;
        if (id == OPTION_COUNT)
            continue;
        if (value == NULL) {
            value = word < end ? word : NULL;
            word = word < end ? word + strlen(word) + 1 : end;
        }
        if (id == wanted)
            found = value;
    }
    return found;
}
