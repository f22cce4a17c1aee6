/*
 * report.h - final and periodic reports. They take turns with the messages (base/message.h).
 *
 * Nothing here may stall the data: stderr, pipes and terminals are written without blocking. Output
 * that a sink cannot take is kept, and sent before the next output to that sink. While anything is
 * kept, all reports except the final one are dropped, whole. At the end of the run bpipe waits for
 * the sinks briefly (MESSAGE_PATIENCE_NS) and then gives up. report_open() opens the report files
 * before a byte moves, so a path that cannot be opened ends the run at that point, with status 1. A
 * report that fails later causes one warning, and never changes the exit status: the final report
 * contains that status, and is written after the end of the data was announced.
 */
#ifndef BPIPE_REPORT_H
#define BPIPE_REPORT_H

#include "options/options.h"
#include "stats/exit_status.h"
#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reporter; /* opaque: the open sinks, owned by the caller of report_open() */

/*
 * Opens the destinations in options->reports. A path may be a file (created with 0666 & ~umask,
 * truncated when the first report is written), a FIFO that has a reader, or a device. It may also
 * be a descriptor, fd://N or another name that descriptor_inherited_number() knows; a copy of it is
 * kept. A Prometheus file is written under another name beside its final one, and renamed. Reports
 * that go to the same pipe or terminal, or to the file that stderr is, take turns with each other
 * and with the messages. Returns NULL after a message if one cannot be opened. Without any reports
 * it still returns a reporter, for report_now(). Call it after descriptor_fill_standard() and
 * same_file_check().
 */
struct reporter *report_open(const struct options *options);

/* A periodic report on every sink: JSON "sample" lines, one line of text, a whole Prometheus file.
 */
void report_sample(struct reporter *reporter, const struct meter *meter);

/* SIGUSR1: a full report at once, on every sink; if there is none, as text on stderr. */
void report_now(struct reporter *reporter, const struct meter *meter);

/*
 * The same report for a client (-Q), in memory, with a line for the last one or two seconds. It is
 * not sent anywhere, and does not count as a sample. It is made as with -v and -k if `look` or the
 * run's own options say so. Returns NULL if there is no memory. The text is valid until the next
 * report.
 */
struct report_look {
    enum report_format format;
    bool verbose, si;
};
const char *report_compose(struct reporter *reporter, const struct meter *meter,
                           const struct report_look *look, size_t *length);

/* The final report. It is not made as text if the run never began. Its exit status, and the line
 * that says what ended the run early, follow from `ending`. */
void report_final(struct reporter *reporter, const struct meter *meter,
                  const struct ending *ending);

/*
 * Sends the rest, waiting at most MESSAGE_PATIENCE_NS in all, and frees everything. Afterwards
 * every report that could not be written (except those to stderr) has had its one warning. NULL is
 * harmless.
 */
void report_close(struct reporter *reporter);

#endif
