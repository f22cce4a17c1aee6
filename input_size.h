/*
 * input_size.h - how much is to come, for -s @PATH and -S.
 */
#ifndef BPIPE_INPUT_SIZE_H
#define BPIPE_INPUT_SIZE_H

#include "options.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The size that -s gave, in bytes (or records with -l and -0): the number itself, or that of
 * options->size_path: a file's size, or the sum over the regular files below a directory (symbolic
 * links are not followed); with records, how many of them those files hold. Without -s, and only
 * with bytes, the sum of the inputs if all of them are regular files or block devices, less what is
 * before their position; else the size of the sole output, if that is a block device.
 *
 * 0 with *size (0: unknown), or -1 with errno and *failed, the path that could not be read.
 */
int input_size(const struct options *options, uint64_t *size, const char **failed);

#endif
