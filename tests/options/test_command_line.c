/*
 * test_command_line.c - the name that another bpipe's command line gives, whatever stands before it.
 */
#include "options/command_line.h"
#include "tests/tap.h"

#include <string.h>

/* The name that a command line gives, whose words are separated by '|' here. */
static bool name_is(const char *line, const char *name)
{
    char words[200] = "";
    size_t length = strlen(line) + 1;
    memcpy(words, line, length);
    for (size_t i = 0; i < length; i++)
        if (words[i] == '|')
            words[i] = '\0';
    const char *got = command_line_option(words, length, OPTION_NAME);
    return name == NULL ? got == NULL : got != NULL && strcmp(got, name) == 0;
}

static void test_names(void)
{
    static const char *const lines[][2] = {{"bpipe", NULL},
                                           {"bpipe|-N|left", "left"},
                                           {"bpipe|-Nleft", "left"},
                                           {"bpipe|-qN|left", "left"},
                                           {"bpipe|-qNleft", "left"},
                                           {"bpipe|--name|left", "left"},
                                           {"bpipe|--name=left|in", "left"},
                                           {"bpipe|--na=left", "left"},
                                           {"bpipe|in|-N|left", "left"},
                                           {"bpipe|-N|one|-N|two", "two"},
                                           {"bpipe|--|-N|left", NULL},
                                           {"bpipe|-o|-N|left", NULL},
                                           {"bpipe|-oN|left", NULL},
                                           {"bpipe|--output|-N|left", NULL},
                                           {"bpipe|--output=-N|-|left", NULL},
                                           {"bpipe|-B|1M|-qkN|a b", "a b"},
                                           {"bpipe|-N", NULL},
                                           {"bpipe|--name", NULL},
                                           {"bpipe|--|", NULL},
                                           {"bpipe|--nonsense|-?|-N|left", "left"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        tap_ok(name_is(lines[i][0], lines[i][1]), "%s: %s", lines[i][0],
               lines[i][1] == NULL ? "no name" : lines[i][1]);
    tap_ok(command_line_option("", 0, OPTION_NAME) == NULL, "an empty command line");
}

/* An option that takes an argument takes "-N" as that; one that takes none leaves it. */
static void test_all_options(void)
{
    char line[100];
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        const char *name = row->argument == NULL ? "left" : NULL;
        if (id == OPTION_NAME)
            continue;
        snprintf(line, sizeof line, "bpipe|%s|-N|left", row->name);
        tap_ok(name_is(line, name), "%s: %s", line, name == NULL ? "no name" : name);
        if (row->letter == 0)
            continue;
        snprintf(line, sizeof line, "bpipe|-%c|-N|left", row->letter);
        tap_ok(name_is(line, name), "%s: %s", line, name == NULL ? "no name" : name);
    }
}

int main(void)
{
    test_names();
    test_all_options();
    return tap_done();
}
