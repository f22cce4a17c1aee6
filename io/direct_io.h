/*
 * direct_io.h - reading and writing past the page cache (-K), where a call allows it.
 *
 * O_DIRECT (open(2)) wants memory, length and file position aligned; DIRECT_IO_ALIGNMENT suits
 * every filesystem and disk in use. So the flag is set for the calls that are aligned and taken off
 * for the others (the last piece of a file), and a refusal (EINVAL) turns it off for good.
 */
#ifndef BPIPE_DIRECT_IO_H
#define BPIPE_DIRECT_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { DIRECT_IO_ALIGNMENT = 4096 };

struct direct_io {
    bool wanted;
    bool on; /* the flag is set on the descriptor now, as far as bpipe knows */
    uint64_t position;
};

/* Wants it for a regular file or block device that bpipe opened itself: the flag belongs to the
 * open file description, and others that share it would see their own calls refused. */
void direct_io_init(struct direct_io *direct, int fd);

/* Sets the flag, or takes it back; nothing if it is so already. */
void direct_io_set(struct direct_io *direct, int fd, bool on);

/* Before a call: shortens the pieces (and their count) to what is aligned if they begin aligned,
 * and sets or takes off the flag accordingly. */
void direct_io_prepare(struct direct_io *direct, int fd, struct iovec *iov, int *count);

/* After EINVAL: whether that was for O_DIRECT, which is then off for good: make the call again. */
bool direct_io_refused(struct direct_io *direct, int fd);

/* After a call that moved `bytes` (not if negative). */
void direct_io_moved(struct direct_io *direct, ssize_t bytes);

#endif
