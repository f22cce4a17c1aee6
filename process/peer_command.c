/*
 * peer_command.c - see peer_command.h.
 *
 * Another bpipe's command line was valid, or it would not be running: so what begins like an option
 * is one, and an abbreviation is of one option only.
 */
#include "process/peer_command.h"

#include "base/retry.h"
#include "options/table.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_TEXT = 64, CMDLINE_TEXT = 4096 };

/* Reads a file of a process, with a NUL behind it. How many bytes; 0: there is nothing. */
static size_t read_file(long pid, const char *file, char *text, size_t size)
{
    char path[PATH_TEXT];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
    int fd = retry_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ssize_t bytes = retry_read_all(fd, text, size - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0 ? (size_t)bytes : 0;
}

/* The option that `word`, which begins with "--", is or is short for. */
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

/* The option of `word` that takes an argument: at most one can, as the last of several letters. Its
 * argument is *value, or the next word if that is NULL. */
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

const char *peer_name_option(const char *words, size_t length)
{
    const char *name = NULL, *value, *end = words + length;
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
        if (id == OPTION_NAME)
            name = value;
    }
    return name;
}

bool peer_command(long pid, char command[METER_COMMAND_TEXT])
{
    char words[CMDLINE_TEXT];
    size_t length = read_file(pid, "comm", command, METER_COMMAND_TEXT);
    if (length == 0)
        return false;
    if (command[length - 1] == '\n')
        command[length - 1] = '\0';
    if (strcmp(command, "bpipe") != 0)
        return true;
    const char *name = peer_name_option(words, read_file(pid, "cmdline", words, sizeof words));
    if (name != NULL && name[0] != '\0')
        snprintf(command, METER_COMMAND_TEXT, "bpipe %s", name);
    return true;
}
