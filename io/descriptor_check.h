/*
 * descriptor_check.h - inherited descriptors of a kind that nothing can be read from or written to.
 *
 * Without this a listening socket would be waited for in vain, and what the others say when they
 * are read or written may be hard to understand (EINVAL), or come too late (of a report).
 */
#ifndef BPIPE_DESCRIPTOR_CHECK_H
#define BPIPE_DESCRIPTOR_CHECK_H

#include <stdbool.h>

/* Why nothing can be read from `fd`, or with `output` written to it. NULL if its kind does not tell
 * that. The mode that it is open in is not looked at. Neither reads nor writes anything. */
const char *descriptor_check(int fd, bool output);

#endif
