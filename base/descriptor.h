/*
 * descriptor.h - the numbers of descriptors: those of standard input, output and error, and what
 * was open when the program started.
 */
#ifndef BPIPE_DESCRIPTOR_H
#define BPIPE_DESCRIPTOR_H

#include <stdbool.h>

/* Fills those of the descriptors 0, 1 and 2 that are closed with /dev/null, so that nothing opened
 * later lands there. First call in main(). */
void descriptor_fill_standard(void);

/* The same for what is opened after one of them was closed, as an input that has ended: moves it to
 * a number above them. The number, or -1 with errno, and `fd` is closed. */
int descriptor_above_standard(int fd);

/* For what bpipe has made itself, and shares with nobody: nonblocking, and closed on exec. 0, or -1
 * with errno. */
int descriptor_keep(int fd);

/* pipe(2) with both ends closed on exec, and above them. 0, or -1 with errno. */
int descriptor_make_pipe(int ends[2]);

/*
 * Whether `fd` was open when the program started; false with errno EBADF. What bpipe opens itself,
 * the fillers above included, closes on exec, and nothing that was inherited across exec can.
 */
bool descriptor_was_inherited(int fd);

/* The descriptor that an endpoint's text stands for ("-" stands for `dash`), or -1: a path. */
int descriptor_inherited_number(const char *text, int dash);

#endif
