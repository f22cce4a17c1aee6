/*
 * retry.h - wrappers that retry a system call on EINTR.
 *
 * They behave like the calls of the same name, but never fail with EINTR. (The reads and writes of
 * the stream are retried in base/nonblock.c and buffer/spool.c, which count them. close(2) is not
 * retried: the descriptor is closed even after EINTR.)
 */
#ifndef BPIPE_RETRY_H
#define BPIPE_RETRY_H

#include <sys/types.h>

int retry_open(const char *path, int flags, mode_t mode);
int retry_openat(int directory, const char *path, int flags);
int retry_truncate(int fd, off_t size);
int retry_sync(int fd);      /* fsync(2) */
int retry_sync_data(int fd); /* fdatasync(2) */

/* Read or write a whole small file, or `size` bytes, and continue after a short count. They return
 * the number of bytes, or -1 with errno. Fewer than `size` means the end of the file, or a device
 * that accepts no more. */
ssize_t retry_read_all(int fd, void *bytes, size_t size);
ssize_t retry_write_all(int fd, const void *bytes, size_t size);

#endif
