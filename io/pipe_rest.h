/*
 * pipe_rest.h - the bytes that the reader of a pipe has left in it.
 *
 * The bytes stay in the pipe after its last reader has closed it, while any process holds its other
 * end. They are lost if no process can read them any more. Another process may still hold the
 * pipe for reading: a command may have passed its stdin on to a child. Then it is not known what
 * becomes of the bytes, and they are not touched.
 *
 * The records in lost bytes are counted by reading them. A pipe does not show where datagrams end,
 * so with RECORD_DATAGRAM no bytes count as lost.
 *
 * Only Linux tells how many bytes there are (FIONREAD, pipe(7)). A write end has POLLERR if the
 * pipe has no reader (poll(2)).
 */
#ifndef BPIPE_PIPE_REST_H
#define BPIPE_PIPE_REST_H

#include "base/records.h"

#include <stdbool.h>
#include <stdint.h>

struct pipe_rest {
    int64_t bytes;    /* left in the pipe; -1: the system cannot tell */
    bool lost;        /* no process can read them any more */
    uint64_t records; /* that end in the lost bytes */
};

/* `writer` is a write end of the pipe, or -1. If the bytes are lost and records are counted, the
 * pipe is empty after this call. */
struct pipe_rest pipe_rest_of_writer(int writer, enum record_kind kind);

/* The same for a pipe of which the caller has a read end, `witness`, and no write end. Closes
 * `witness`. While this function looks, the pipe has a writer, so another reader of it may see the
 * end a moment later. */
struct pipe_rest pipe_rest_of_witness(int witness, enum record_kind kind);

#endif
