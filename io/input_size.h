/*
 * input_size.h - how many bytes or records are expected, for -s @PATH and -S.
 */
#ifndef BPIPE_INPUT_SIZE_H
#define BPIPE_INPUT_SIZE_H

#include "options/options.h"

#include <stdbool.h>
#include <stdint.h>

#define INPUT_SIZE_UNKNOWN UINT64_MAX

/*
 * The size given by -s, in bytes (or records with -l and -0): the number itself, or the size of
 * options->size_path:
 *
 *   a regular file     its size, or the number of records in it
 *   a block device     the same
 *   a directory        the sum of the regular files below it, also in other filesystems. Symbolic
 *                      links are not followed. A file with several names (hard links) counts
 *                      once, as with du(1)
 *   anything else      has no size: a failure. So has a regular file of 0 bytes that yields some
 *                      (in /proc), if bytes are counted
 *
 * A file or directory below a directory that cannot be counted, because it may not be read or has
 * been removed, is left out. Then one message says that the size is a lower bound, and names the
 * first one missing.
 *
 * Without -s the size is in bytes, also with -l and -0: the sum of the inputs, if all of them are
 * regular files or block devices, minus the part before their position; else, without -S, the size
 * of the only output, if that is a block device, minus the part before its position. A size of 0
 * counts as a size, except for input files: the kernel gives every file in /proc a size of 0.
 *
 * Returns 0 with *size (or INPUT_SIZE_UNKNOWN), or -1 after a message.
 */
int input_size(const struct options *options, uint64_t *size);

/*
 * The sum of the inputs alone. It is unknown if it is 0 and there is a file of 0 bytes. With -S it
 * is unknown if there is any such file, because stopping at the sum would lose the bytes that this
 * file may yield. Otherwise the sum is taken to be right until input_size_missed().
 */
uint64_t input_size_sum(const struct options *options);

/* Whether an input that has just yielded its first bytes counts 0 bytes in the sum. */
bool input_size_missed(int fd);

#endif
