/*
 * report.h - final and periodic reports, and every message.
 *
 * Nothing here may stall the data: stderr is written without blocking, what it cannot take is kept
 * (one report at most) and sent later, and further periodic reports are dropped meanwhile. The end
 * of the run waits for it briefly (REPORT_PATIENCE_NS) and then gives up. Report files are opened
 * by report_open(), before a byte moves, so that a path that cannot be written is found out then.
 */
#ifndef BPIPE_REPORT_H
#define BPIPE_REPORT_H

#include "meter.h"
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_PATIENCE_NS NS_PER_SEC

struct reporter; /* opaque: the open sinks, owned by whoever called report_open() */

/*
 * Opens what options->reports asks for. Paths: a file (created with 0666 & ~umask, truncated when
 * the first report is written), or fd://N. A Prometheus file is written beside its final name and
 * renamed. Returns NULL after a message when one cannot be opened.
 */
struct reporter *report_open(const struct options *options);

/* A periodic report on every sink: JSON "sample" lines, one line of text, a whole Prometheus file.
 */
void report_sample(struct reporter *reporter, const struct meter *meter);

/* SIGUSR1: a full report at once, on every sink; as text on stderr if there is none. */
void report_now(struct reporter *reporter, const struct meter *meter);

/* The final report. `exit_status` is the status that the shell will see (128+N for a signal). */
void report_final(struct reporter *reporter, const struct meter *meter, int exit_status);

/* Sends what is left, waiting for stderr at most REPORT_PATIENCE_NS in all, and frees everything.
 * Returns 0, or -1 after a message if a report file could not be written or closed. NULL is fine.
 */
int report_close(struct reporter *reporter);

/*
 * One line on stderr, "bpipe: " first: report_message("%s: %s", object, reason). Control
 * characters are shown escaped, so that it stays one line whatever a file is called. Usable at any
 * time, before report_open() and after report_close(); never blocks for long.
 */
void report_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
