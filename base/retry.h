/*
 * retry.h - system calls that a signal may interrupt, made again until they are done.
 *
 * Like the calls of the same name, but never -1 with EINTR. (Reading and writing the stream:
 * base/nonblock.c and buffer/spool.c, which count them. close(2) is not made again: the descriptor
 * is gone.)
 */
#ifndef BPIPE_RETRY_H
#define BPIPE_RETRY_H

#include <sys/types.h>

int retry_open(const char *path, int flags, mode_t mode);
int retry_openat(int directory, const char *path, int flags);
int retry_truncate(int fd, off_t size);
int retry_sync(int fd);      /* fsync(2) */
int retry_sync_data(int fd); /* fdatasync(2) */

/* All of a small file, or of `size` bytes: they go on after a short count. Bytes, or -1 with errno;
 * fewer than `size` are the end of the file, or a device that takes no more. */
ssize_t retry_read_all(int fd, void *bytes, size_t size);
ssize_t retry_write_all(int fd, const void *bytes, size_t size);

#endif
