/*
 * message.c - see message.h.
 *
 * Invariant: output reaches stderr in the order in which it was printed.
 */
#include "base/message.h"

#include "base/platform.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/*
 * The only stderr. It is the only state here that does not belong to a reporter, because a message
 * must be possible at any time and must not overtake a report that is still pending.
 */
static struct {
    struct sink sink;
    bool open;
    bool run_goes_on; /* between report_open() and report_close(): no message may wait */
    uint64_t patience_ns;
    const struct message_line *line; /* the line that a message would mix with, or NULL */
    bool in_line;                    /* the last output was a frame that did not end its line */
    bool has_data;                   /* an output goes to the same pipe, socket or terminal */
} the_stderr = {.patience_ns = MESSAGE_PATIENCE_NS};

struct sink *message_sink(void)
{
    if (!the_stderr.open)
        sink_open_stderr(&the_stderr.sink);
    the_stderr.open = true;
    return &the_stderr.sink;
}

void message_erase_line(struct text *text)
{
    if (the_stderr.line != NULL && the_stderr.line->erase != NULL)
        text_add_string(text, the_stderr.line->erase);
}

/* The next text gets a line of its own, for programs that look at its first byte. So the current
 * line, or an unfinished line of another process, is ended instead of erased. If an output of the
 * data goes to stderr, bpipe cannot tell whether a line is unfinished; an empty line does no
 * harm. */
void message_end_line(struct text *text)
{
    const struct sink *sink = message_sink();
    if (the_stderr.in_line || the_stderr.has_data ||
        (sink_usable(sink) && sink_pending(sink) == 0 && !sink_at_line_start(sink)))
        text_add_string(text, "\n");
}

static void tell_printing(void)
{
    const struct message_line *line = the_stderr.line;
    if (line != NULL && line->printing != NULL)
        line->printing(line->context);
}

/* To be called after `text` was sent. */
static void tell_printed(const struct text *text)
{
    const struct message_line *line = the_stderr.line;
    the_stderr.in_line = false;
    if (line != NULL && line->printed != NULL)
        line->printed(line->context, text->bytes, text->length);
    if (line != NULL && !line->stays)
        the_stderr.line = NULL;
}

void message_send(const struct text *text)
{
    tell_printing();
    sink_write(message_sink(), text->bytes, text->length);
    tell_printed(text);
}

void message_stderr_has_data(bool has)
{
    the_stderr.has_data = has;
}

bool message_live(const char *bytes, size_t length, const struct message_line *line)
{
    struct sink *sink = message_sink();
    if (length == 0) {
        the_stderr.line = line;
        return true;
    }
    if (!sink_usable(sink) || !sink_flush(sink))
        return false;
    sink_write(sink, bytes, length);
    the_stderr.line = line;
    the_stderr.in_line = bytes[length - 1] != '\n';
    return true;
}

void message_print(const char *format, ...)
{
    enum { LONGEST = 5000, PENDING_AT_MOST = 1 << 16 };
    char raw[LONGEST], line[4 * LONGEST + 1024];
    struct text text = {.bytes = line, .capacity = sizeof line, .fixed = true};
    struct sink *sink = message_sink();
    int error = errno;

    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    if (length < 0)
        raw[0] = '\0';
    message_erase_line(&text);
    text_add_string(&text, "bpipe: ");
    text_add_visible(&text, raw);
    text_add_string(&text, length >= LONGEST ? "...\n" : "\n");

    if (sink_pending(sink) < PENDING_AT_MOST)
        message_send(&text);
    if (!the_stderr.run_goes_on)
        sink_drain(&sink, 1, &the_stderr.patience_ns);
    errno = error;
}

void message_run_begins(void)
{
    the_stderr.run_goes_on = true;
}

void message_run_ends(void)
{
    the_stderr.run_goes_on = false;
}

void message_drain(struct sink *const sinks[], size_t count)
{
    sink_drain(sinks, count, &the_stderr.patience_ns);
}
