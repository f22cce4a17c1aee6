/*
 * message.h - output to standard error: messages, the live line, and the reports that take turns
 * with them.
 *
 * bpipe writes to stderr without blocking. Bytes that stderr does not accept are kept, and sent
 * before the next output. If stderr is closed, or its reader has gone, output is discarded
 * silently. SIGPIPE must be ignored.
 */
#ifndef BPIPE_MESSAGE_H
#define BPIPE_MESSAGE_H

#include "base/platform.h"
#include "base/report_sink.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* The total time to wait for a stderr that accepts nothing, before and after a run. */
#define MESSAGE_PATIENCE_NS NS_PER_SEC

/*
 * Prints one line on stderr, prefixed with "bpipe: ": message_print("%s: %s", object, reason).
 * Control characters and bytes that are not UTF-8 are escaped, so that the message stays one line
 * even if a file name contains a newline. It may be called at any time. Before report_open() and
 * after report_close() it waits for a stderr that accepts nothing, for at most MESSAGE_PATIENCE_NS
 * in all, including the wait of report_close(). During a run it never waits. Keeps errno.
 */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- the live line ---------------------------------------------------------------------------- */

/*
 * Describes the current line of the terminal, for the next output to stderr: the bytes that erase
 * the line, a function called before something is printed, and one called with the printed bytes.
 * Each may be NULL. With `stays` the description is valid for all later output, else only for the
 * next.
 */
struct message_line {
    const char *erase;
    void (*printing)(void *context);
    void (*printed)(void *context, const char *bytes, size_t length);
    void *context;
    bool stays;
};

/* Tells whether an output of the data goes to the same pipe, socket or terminal as stderr. */
void message_stderr_has_data(bool has);

/*
 * Sends a frame of the live line to stderr (display/display.h) unchanged, if stderr has accepted
 * all earlier output. Otherwise it drops the frame and returns false. `line`, which is not copied,
 * replaces the previous one; NULL: the line is empty. With `length` 0 it only replaces `line`.
 */
bool message_live(const char *bytes, size_t length, const struct message_line *line);

/* --- for reports ------------------------------------------------------------------------------ */

/* The sink of standard error, which messages also go to. Never NULL. Do not close it. */
struct sink *message_sink(void);

/* For text to be printed next, which must begin at the start of a line. message_erase_line() adds
 * the bytes that erase the current line. message_end_line() adds a newline if the line is, or
 * may be, unfinished, so that a program can recognize the new line by its first byte. */
void message_erase_line(struct text *text);
void message_end_line(struct text *text);

/* Sends whole lines to stderr, in order with the messages. */
void message_send(const struct text *text);

/* Between these two calls no message waits. */
void message_run_begins(void);
void message_run_ends(void);

/* Waits until the sinks have accepted all pending bytes, for at most the rest of
 * MESSAGE_PATIENCE_NS. */
void message_drain(struct sink *const sinks[], size_t count);

#endif
