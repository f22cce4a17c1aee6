/*
 * transfer.h - the moves: input -> ring, and ring -> output. One system call each, never blocking
 * but for a disk.
 */
#ifndef BPIPE_TRANSFER_H
#define BPIPE_TRANSFER_H

#include "endpoint.h"
#include "options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transfer_status {
    TRANSFER_MOVED,   /* `bytes` > 0 moved */
    TRANSFER_BLOCKED, /* not ready: poll() */
    TRANSFER_END,     /* end of file */
    TRANSFER_FAILED   /* `error` is the errno */
};

struct transfer {
    enum transfer_status status;
    size_t bytes;
    bool partial;     /* fewer bytes moved than could have: it is not ready for more now */
    size_t left_ring; /* drained: how many bytes have now left the ring for good */
    uint64_t records; /* filled: how many records ended in these bytes */
    int error;
};

/* Reads up to `max` bytes; the ring must have room. *calls counts system calls. */
struct transfer transfer_fill(struct ring *ring, struct endpoint *input, size_t max,
                              enum record_kind records, uint64_t *calls);

/* Writes up to `max` bytes that `reader` has not consumed, in one call. */
struct transfer transfer_drain(struct ring *ring, size_t reader, struct endpoint *output,
                               size_t max, uint64_t *calls);

#endif
