/*
 * report.h - final and periodic reports, and every message.
 *
 * Nothing here may stall the data: stderr, pipes and terminals are written without blocking. What
 * one cannot take is kept and sent before the next thing that is said; while anything is kept, all
 * reports but the final one are dropped, whole. The end of the run waits for them briefly
 * (REPORT_PATIENCE_NS) and then gives up. Report files are opened by report_open(), before a byte
 * moves, so that a path that cannot be opened ends the run then, with status 1. A report that fails
 * later is one warning, and never changes the exit status: the final report contains that status,
 * and is written after the end of the data was told.
 *
 * A stderr that is closed, or whose reader has gone, is silence. SIGPIPE must be ignored.
 */
#ifndef BPIPE_REPORT_H
#define BPIPE_REPORT_H

#include "meter.h"
#include "options.h"
#include "platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_PATIENCE_NS NS_PER_SEC

struct reporter; /* opaque: the open sinks, owned by whoever called report_open() */

/*
 * Opens what options->reports asks for. Paths: a file (created with 0666 & ~umask, truncated when
 * the first report is written), a FIFO that has a reader, a device; or a descriptor, fd://N and
 * the other names that endpoint_inherited_number() knows, of which a copy is kept. A Prometheus
 * file is written beside its final name and renamed. Reports that go to one pipe or terminal, and
 * those to the file that stderr is, take turns with each other and with the messages. Returns NULL
 * after a message when one cannot be opened. With no reports at all it still returns a reporter,
 * for report_now(). Call it after endpoint_fill_standard() and same_file_check().
 */
struct reporter *report_open(const struct options *options);

/* A periodic report on every sink: JSON "sample" lines, one line of text, a whole Prometheus file.
 */
void report_sample(struct reporter *reporter, const struct meter *meter);

/* SIGUSR1: a full report at once, on every sink; as text on stderr if there is none. */
void report_now(struct reporter *reporter, const struct meter *meter);

/*
 * The same report for one who asks (-Q), in memory: neither sent anywhere, nor does it count as a
 * sample. As with -v and -k if `look` or the run's own options say so. NULL: no memory. It is there
 * until the next report.
 */
struct report_look {
    enum report_format format;
    bool verbose, si;
};
const char *report_compose(struct reporter *reporter, const struct meter *meter,
                           const struct report_look *look, size_t *length);

/* The final report; not as text if the run never began. `exit_status` is the status that the shell
 * will see (128+N for a signal). */
void report_final(struct reporter *reporter, const struct meter *meter, int exit_status);

/*
 * Sends what is left, waiting at most REPORT_PATIENCE_NS in all, and frees everything. A report
 * that was not written (other than to stderr) has had its one warning then. NULL is fine.
 */
void report_close(struct reporter *reporter);

/*
 * What stands on the terminal's current line, for whatever is to be said on stderr next: the bytes
 * that erase it, and functions that are told before something is printed, and what was; each may be
 * NULL. With `stays` it holds for all that follow, else only for the next.
 */
struct report_line {
    const char *erase;
    void (*printing)(void *context);
    void (*printed)(void *context, const char *bytes, size_t length);
    void *context;
    bool stays;
};

/* Whether an output of the data goes to the pipe, socket or terminal of stderr as well. */
void report_has_data(bool has);

/*
 * Sends a frame of the live line to stderr (display.h), as it is, if stderr has taken all that was
 * said before: else the frame is dropped, and false returned. `line`, which is not copied, replaces
 * the one before; NULL: nothing stands there. With no bytes, nothing but that.
 */
bool report_live(const char *bytes, size_t length, const struct report_line *line);

/*
 * One line on stderr, "bpipe: " first: report_message("%s: %s", object, reason). Control
 * characters and what is not UTF-8 are shown escaped, so that it stays one line whatever a file is
 * called. Usable at any time. Before report_open() and after report_close() it waits for a stderr
 * that takes nothing, in all no longer than report_close() may; during a run it never waits. Keeps
 * errno.
 */
void report_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
