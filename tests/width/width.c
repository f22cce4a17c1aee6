/*
 * width.c - checks the width of every line that bpipe writes for people: messages and text reports.
 *
 * Only the sanitizer build has it: the linker puts it in front of sink_write() (-Wl,--wrap), through
 * which all messages and reports pass. A line that is too wide is added to the file that
 * BPIPE_TEST_WIDE names, with its width in front. tests/run makes that file, and reports its lines
 * as failures.
 *
 * The rule: a line has at most MOST_COLUMNS columns, where these parts of it, in which names stand
 * that the user gave (files, hosts, commands), count as LONGEST_NAME columns at most:
 *   - each word, so that a path may be long
 *   - the object of "bpipe: OBJECT: REASON", which may be a command with several words
 *   - each text in quotation marks: '...'
 *   - the NAME of "bpipe: --option: NAME: REASON" if characters of it are escaped: \x1b
 * A line is one that begins with "bpipe: " or "bpipe (", after the bytes that erase the live line.
 * So the live line, JSON and Prometheus are not checked.
 */
#include "base/report_sink.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_COLUMNS = 79, LONGEST_NAME = 24, SHOWN = 400 };

void __real_sink_write(struct sink *sink, const char *bytes, size_t length);
void __wrap_sink_write(struct sink *sink, const char *bytes, size_t length);

static size_t at_most(size_t columns)
{
    return columns < LONGEST_NAME ? columns : LONGEST_NAME;
}

/* Where `wanted` stands between two places, or NULL. */
static const char *find(const char *from, const char *to, const char *wanted)
{
    size_t length = strlen(wanted);
    for (; from + length <= to; from++)
        if (memcmp(from, wanted, length) == 0)
            return from;
    return NULL;
}

/* The columns of a text, with its long words and quoted texts counted as if they were shorter. */
static size_t counted(const char *from, const char *to)
{
    size_t columns = 0;
    while (from < to) {
        const char *end = *from == '\'' ? find(from + 1, to, "'") : NULL;
        if (end == NULL)
            for (end = from; end + 1 < to && end[1] != ' ' && end[1] != '\'';)
                end++;
        columns += at_most(utf8_columns(from, (size_t)(end + 1 - from)));
        from = end + 1;
        if (from < to && *from == ' ') {
            columns++;
            from++;
        }
    }
    return columns;
}

static size_t width_of(const char *line, const char *end)
{
    static const char beginning[] = "bpipe: ";
    if (strncmp(line, beginning, strlen(beginning)) != 0)
        return counted(line, end);
    const char *object = line + strlen(beginning), *object_end = find(object, end, ": ");
    if (object_end == NULL)
        return counted(line, end);
    size_t width = strlen(beginning) + at_most(counted(object, object_end));
    const char *name_end = find(object_end + strlen(": "), end, ": ");
    if (object[0] == '-' && name_end != NULL && find(object_end, name_end, "\\x") != NULL) {
        width += at_most(counted(object_end, name_end));
        object_end = name_end;
    }
    return width + counted(object_end, end);
}

static void complain(const char *line, size_t length, size_t width)
{
    const char *path = getenv("BPIPE_TEST_WIDE");
    char text[SHOWN + 40];
    int shown = (int)(length < SHOWN ? length : SHOWN);
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    int bytes = snprintf(text, sizeof text, "%zu: %.*s\n", width, shown, line);
    if (write(fd, text, (size_t)bytes) != bytes)
        abort();
    close(fd);
}

static bool begins_with(const char *line, const char *end, const char *beginning)
{
    size_t length = strlen(beginning);
    return (size_t)(end - line) >= length && memcmp(line, beginning, length) == 0;
}

/* The bytes that erase the live line end with a carriage return or an escape sequence. */
static const char *behind_erasing(const char *line, const char *end)
{
    for (const char *at = line; at < end; at++) {
        if (*at == '\x1b')
            while (at + 1 < end && !isalpha((unsigned char)*at))
                at++;
        else if (*at != '\r')
            continue;
        line = at + 1;
    }
    return line;
}

static void check_lines(const char *bytes, size_t length)
{
    const char *end = bytes + length;
    for (const char *line = bytes, *next; line < end; line = next) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline == NULL ? end : newline;
        next = line_end + 1;
        line = behind_erasing(line, line_end);
        if (!begins_with(line, line_end, "bpipe: ") && !begins_with(line, line_end, "bpipe ("))
            continue;
        size_t width = width_of(line, line_end);
        if (width > MOST_COLUMNS)
            complain(line, (size_t)(line_end - line), width);
    }
}

void __wrap_sink_write(struct sink *sink, const char *bytes, size_t length)
{
    int error = errno;
    check_lines(bytes, length);
    errno = error;
    __real_sink_write(sink, bytes, length);
}
