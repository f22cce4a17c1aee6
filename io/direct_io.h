/*
 * direct_io.h - reads and writes that bypass the page cache (-K), where a call allows that.
 *
 * O_DIRECT (open(2)) requires aligned memory, lengths and file positions; DIRECT_IO_ALIGNMENT suits
 * every filesystem and disk in use. So bpipe sets the flag for aligned calls and clears it for the
 * others (the last piece of a file). A refusal (EINVAL) turns it off permanently.
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

/* Enables direct I/O for a regular file or block device that bpipe opened itself. Other descriptors
 * do not qualify: the flag belongs to the open file description, and other processes that share it
 * would see their own calls refused. */
void direct_io_init(struct direct_io *direct, int fd);

/* Sets or clears the flag; does nothing if it is so already. */
void direct_io_set(struct direct_io *direct, int fd, bool on);

/* Before a call: if the pieces begin aligned, shortens them (and their count) to the aligned part.
 * Sets or clears the flag accordingly. */
void direct_io_prepare(struct direct_io *direct, int fd, struct iovec *iov, int *count);

/* After EINVAL: whether O_DIRECT was the cause. If so the caller makes the call again. Turns
 * O_DIRECT off permanently. */
bool direct_io_refused(struct direct_io *direct, int fd);

/* After a call that moved `bytes`. Ignores a negative number. */
void direct_io_moved(struct direct_io *direct, ssize_t bytes);

#endif
