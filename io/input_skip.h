/*
 * input_skip.h - leaves out bytes of an input (--skip).
 */
#ifndef BPIPE_INPUT_SKIP_H
#define BPIPE_INPUT_SKIP_H

#include "io/endpoint.h"

#include <stdint.h>

/*
 * Leaves out at most `bytes` of the next bytes of an input that is no UDP socket: in a regular file
 * or on a block device by moving the position, else by reading.
 *
 * Returns how many bytes were left out, which may be fewer; 0: the input has ended; -1 with errno,
 * as endpoint_readv() does: EAGAIN if nothing is there. *calls counts system calls.
 */
int64_t input_skip(struct endpoint *endpoint, uint64_t bytes, uint64_t *calls);

#endif
