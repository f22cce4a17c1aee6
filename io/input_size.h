/*
 * input_size.h - how much is to come, for -s @PATH and -S.
 */
#ifndef BPIPE_INPUT_SIZE_H
#define BPIPE_INPUT_SIZE_H

#include "options/options.h"

#include <stdbool.h>
#include <stdint.h>

#define INPUT_SIZE_UNKNOWN UINT64_MAX

/*
 * The size that -s gave, in bytes (or records with -l and -0): the number itself, or that of
 * options->size_path:
 *
 *   a regular file     its size, or the records in it
 *   a block device     the same
 *   a directory        the sum of the regular files below it, in other filesystems, too. Symbolic
 *                      links are not followed, and a file that has several names (hard links)
 *                      counts once, as with du(1)
 *   anything else      has no size: a failure
 *
 * What cannot be counted below a directory, because it may not be read or is gone by then, is left
 * out: one message then says that the size is a lower bound, and names the first that is missing.
 *
 * Without -s it is in bytes, also with -l and -0: the sum of the inputs if all of them are regular
 * files or block devices, less what is before their position; else the size of the sole output, if
 * that is a block device. A size of 0 is a size, except that of input files: the kernel gives every
 * file in /proc a size of 0.
 *
 * 0 with *size (or INPUT_SIZE_UNKNOWN), or -1 after a message.
 */
int input_size(const struct options *options, uint64_t *size);

/*
 * The sum alone. It is unknown if it is 0 and there is a file of 0 bytes, and with -S if there is
 * one at all, since stopping at the sum would lose what that may yield. Else it is taken to be
 * right until input_size_missed().
 */
uint64_t input_size_sum(const struct options *options);

/* Whether an input that has just yielded its first bytes is in the sum with 0 bytes. */
bool input_size_missed(int fd);

#endif
