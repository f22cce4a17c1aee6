/*
 * report.h - final and periodic reports. They take turns with the messages (base/message.h).
 *
 * Nothing here may stall the data: stderr, pipes and terminals are written without blocking. What
 * one cannot take is kept and sent before the next thing that is said; while anything is kept, all
 * reports but the final one are dropped, whole. The end of the run waits for them briefly
 * (MESSAGE_PATIENCE_NS) and then gives up. Report files are opened by report_open(), before a byte
 * moves, so that a path that cannot be opened ends the run then, with status 1. A report that fails
 * later is one warning, and never changes the exit status: the final report contains that status,
 * and is written after the end of the data was told.
 */
#ifndef BPIPE_REPORT_H
#define BPIPE_REPORT_H

#include "options/options.h"
#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reporter; /* opaque: the open sinks, owned by whoever called report_open() */

/*
 * Opens what options->reports asks for. Paths: a file (created with 0666 & ~umask, truncated when
 * the first report is written), a FIFO that has a reader, a device; or a descriptor, fd://N and
 * the other names that descriptor_inherited_number() knows, of which a copy is kept. A Prometheus
 * file is written beside its final name and renamed. Reports that go to one pipe or terminal, and
 * those to the file that stderr is, take turns with each other and with the messages. Returns NULL
 * after a message when one cannot be opened. With no reports at all it still returns a reporter,
 * for report_now(). Call it after descriptor_fill_standard() and same_file_check().
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
 * Sends what is left, waiting at most MESSAGE_PATIENCE_NS in all, and frees everything. A report
 * that was not written (other than to stderr) has had its one warning then. NULL is fine.
 */
void report_close(struct reporter *reporter);

#endif
