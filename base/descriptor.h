/*
 * descriptor.h - descriptor numbers: those of standard input, output and error, and those that were
 * open when the program started.
 */
#ifndef BPIPE_DESCRIPTOR_H
#define BPIPE_DESCRIPTOR_H

#include <stdbool.h>

/* Opens /dev/null on those of the descriptors 0, 1 and 2 that are closed, so that no file opened
 * later gets one of these numbers. The first call in main(). */
void descriptor_fill_standard(void);

/* For a descriptor opened after one of the three was closed, such as an input that has ended: moves
 * `fd` to a number above them. Returns the number; or -1 with errno, and then `fd` is closed. */
int descriptor_above_standard(int fd);

/* For a descriptor that bpipe has made and shares with no other process: makes it nonblocking and
 * close-on-exec. 0, or -1 with errno. */
int descriptor_keep(int fd);

/* pipe(2) with both ends close-on-exec and above the standard descriptors. 0, or -1 with errno. */
int descriptor_make_pipe(int ends[2]);

/*
 * Whether `fd` was open when the program started; false with errno EBADF. It tells by the
 * close-on-exec flag: bpipe sets it on everything that it opens, including the /dev/null of
 * descriptor_fill_standard(), and a descriptor that was inherited across exec cannot have it.
 */
bool descriptor_was_inherited(int fd);

/* The descriptor that an endpoint's text means ("-" means `dash`), or -1 if the text is a path. */
int descriptor_inherited_number(const char *text, int dash);

#endif
