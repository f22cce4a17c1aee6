/*
 * report_sink.h - where reports go: descriptors that never stall the caller, and files that are
 * replaced as a whole. Internal to stats/report.c. Nothing here prints: errors are returned or
 * kept, and stats/report.c tells them.
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
 * Whole lines go in; what the descriptor does not take now is kept and goes out first, later. A
 * line of up to PIPE_BUF bytes is written at once to a pipe or not at all, so that it is never
 * torn, not even by somebody else's lines.
 */
struct sink {
    int fd; /* -1: none, or given up */
    struct nonblock nonblock;
    bool truncate;    /* a regular file that we opened: emptied before the first byte, and cut back
                         to whole lines when it is full */
    uint64_t written; /* to such a file */
    struct text pending;
    size_t sent; /* of pending */
    int error;   /* errno of what made us give it up, or 0 */
};

/*
 * A copy of the open descriptor `fd` (which may be closed afterwards). Returns 0, or -1 with errno:
 * EBADF also if it is not open for writing.
 */
int sink_open_descriptor(struct sink *sink, int fd);

/* stderr itself. A closed one gives a sink that has been given up silently. */
void sink_open_stderr(struct sink *sink);

/* A file, created with 0666 & ~umask, or a FIFO that has a reader, a device ... 0, or -1 with
 * errno. */
int sink_open_path(struct sink *sink, const char *path);

/* Sends what is pending as far as that goes without waiting; true when none is left. */
bool sink_flush(struct sink *sink);

/* Sends whole lines, or keeps them behind what is pending. Nothing if the sink was given up. */
void sink_write(struct sink *sink, const char *bytes, size_t length);

/* Whether both are open, and are one file, pipe, socket or device. */
bool sink_same_file(const struct sink *a, const struct sink *b);

/*
 * Whether what is written next begins a line, as far as that can be seen: of a regular file, by the
 * byte before. True for all others. It is what others wrote that matters; sinks hold whole lines.
 */
bool sink_at_line_start(const struct sink *sink);

/* Neither closed nor given up. */
bool sink_usable(const struct sink *sink);

/* Bytes that are kept. */
size_t sink_pending(const struct sink *sink);

/*
 * Waits until all sinks have taken what is pending, for at most *patience_ns, and lessens that by
 * the time that it took.
 */
void sink_drain(struct sink *const sinks[], size_t count, uint64_t *patience_ns);

/* Closes a sink (never stderr's) and frees it. 0, or why not all was written: an errno, EAGAIN if
 * something is still pending. */
int sink_close(struct sink *sink);

/* --- a file that is replaced --------------------------------------------------------------- */

/* Readers of `path` see the old content or the new one, never a part. */
struct replaced_file {
    char *path; /* symbolic links resolved */
    char *temporary;
};

/*
 * Finds out whether `path` can be replaced by creating the temporary file and removing it again.
 * 0, or -1 with errno.
 */
int replaced_file_open(struct replaced_file *file, const char *path);
/* Replaces it. 0, or -1 with errno; the temporary file is gone and the old content stays then. */
int replaced_file_write(struct replaced_file *file, const char *bytes, size_t length);
void replaced_file_close(struct replaced_file *file);

#endif
