/*
 * message.h - what bpipe says on standard error: messages, the live line, and the reports that take
 * turns with these.
 *
 * stderr is written without blocking: what it does not take is kept, and sent before the next thing
 * that is said. A stderr that is closed, or whose reader has gone, is silence. SIGPIPE must be
 * ignored.
 */
#ifndef BPIPE_MESSAGE_H
#define BPIPE_MESSAGE_H

#include "base/platform.h"
#include "base/report_sink.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* How long a stderr that takes nothing is waited for, in all, before and after a run. */
#define MESSAGE_PATIENCE_NS NS_PER_SEC

/*
 * One line on stderr, "bpipe: " first: message_print("%s: %s", object, reason). Control
 * characters and what is not UTF-8 are shown escaped, so that it stays one line whatever a file is
 * called. Usable at any time. Before report_open() and after report_close() it waits for a stderr
 * that takes nothing, in all no longer than report_close() may; during a run it never waits. Keeps
 * errno.
 */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- the live line ---------------------------------------------------------------------------- */

/*
 * What stands on the terminal's current line, for whatever is to be said on stderr next: the bytes
 * that erase it, and functions that are told before something is printed, and what was; each may be
 * NULL. With `stays` it holds for all that follow, else only for the next.
 */
struct message_line {
    const char *erase;
    void (*printing)(void *context);
    void (*printed)(void *context, const char *bytes, size_t length);
    void *context;
    bool stays;
};

/* Whether an output of the data goes to the pipe, socket or terminal of stderr as well. */
void message_stderr_has_data(bool has);

/*
 * Sends a frame of the live line to stderr (display/display.h), as it is, if stderr has taken all
 * that was said before: else the frame is dropped, and false returned. `line`, which is not copied,
 * replaces the one before; NULL: nothing stands there. With no bytes, nothing but that.
 */
bool message_live(const char *bytes, size_t length, const struct message_line *line);

/* --- for reports ------------------------------------------------------------------------------ */

/* Standard error, which messages go to as well. Never NULL; not to be closed. */
struct sink *message_sink(void);

/* What is printed next begins at the start of a line: adds the bytes that erase what stands there;
 * or, with message_end_line(), that end it, so that a program finds the line by its first byte. */
void message_erase_line(struct text *text);
void message_end_line(struct text *text);

/* Sends whole lines to stderr, in turn with the messages. */
void message_send(const struct text *text);

/* Between these two no message waits. */
void message_run_begins(void);
void message_run_ends(void);

/* Waits until the sinks have taken what is pending, within what is left of the patience. */
void message_drain(struct sink *const sinks[], size_t count);

#endif
