/*
 * report_sink.h - destinations of reports and messages: descriptors that never stall the caller,
 * and files that are replaced as a whole. Internal to stats/report.c and base/message.c. No
 * function here prints: errors are returned or kept, and stats/report.c reports them.
 */
#ifndef BPIPE_REPORT_SINK_H
#define BPIPE_REPORT_SINK_H

#include "base/nonblock.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- a stream ------------------------------------------------------------------------------ */

/*
 * The caller gives whole lines. The sink keeps the bytes that the descriptor does not accept now,
 * and sends them first the next time. A line of up to PIPE_BUF bytes is written to a pipe at once
 * or not at all, so that it is never torn, not even by another process's lines.
 */
struct sink {
    int fd; /* -1: not open */
    struct nonblock nonblock;
    bool truncate;    /* a regular file opened by path: emptied before the first byte, and cut back
                         to whole lines when a write fails */
    uint64_t written; /* to such a file */
    struct text pending;
    size_t sent; /* bytes of `pending` that were sent */
    int error;   /* errno of the failure after which the sink was given up, or 0 */
};

/*
 * Opens a sink on a copy of `fd`, which the caller may close afterwards. Returns 0, or -1 with
 * errno: EBADF also if `fd` is not open for writing.
 */
int sink_open_descriptor(struct sink *sink, int fd);

/* Opens the sink of stderr itself. If stderr is closed the sink counts as given up, silently. */
void sink_open_stderr(struct sink *sink);

/* Opens a file (created with 0666 & ~umask), a FIFO that has a reader, or a device. 0, or -1 with
 * errno. */
int sink_open_path(struct sink *sink, const char *path);

/* Sends as many pending bytes as it can without waiting; true if none is left. */
bool sink_flush(struct sink *sink);

/* Sends whole lines, or keeps them after those that are pending. Does nothing if the sink was given
 * up. */
void sink_write(struct sink *sink, const char *bytes, size_t length);

/* Whether both are open and refer to the same file, pipe, socket or device. */
bool sink_same_file(const struct sink *a, const struct sink *b);

/*
 * Whether the next byte written begins a line. For a regular file the previous byte tells; true for
 * all others. This concerns the output of other processes, because sinks hold whole lines.
 */
bool sink_at_line_start(const struct sink *sink);

/* Neither closed nor given up. */
bool sink_usable(const struct sink *sink);

/* The number of pending bytes. */
size_t sink_pending(const struct sink *sink);

/*
 * Waits until all sinks have accepted their pending bytes, for at most *patience_ns, and reduces
 * *patience_ns by the time that this took.
 */
void sink_drain(struct sink *const sinks[], size_t count, uint64_t *patience_ns);

/* Closes a sink (never the one of stderr) and frees it. 0, or the errno that tells why not
 * everything was written; EAGAIN if something is still pending. */
int sink_close(struct sink *sink);

/* --- a file that is replaced --------------------------------------------------------------- */

/* Readers of `path` see the old content or the new content, never a part. */
struct replaced_file {
    char *path; /* symbolic links resolved */
    char *temporary;
};

/*
 * Creates the temporary file and removes it again, to find out whether `path` can be replaced. 0,
 * or -1 with errno.
 */
int replaced_file_open(struct replaced_file *file, const char *path);
/* Replaces it. 0, or -1 with errno; then the temporary file is removed and the old content
 * stays. */
int replaced_file_write(struct replaced_file *file, const char *bytes, size_t length);
void replaced_file_close(struct replaced_file *file);

#endif
