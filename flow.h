/*
 * flow.h - who may read and who may write now: the water marks and block sizes.
 *
 * Pure decisions about a ring, without time or descriptors:
 *
 *   --start-fill    an output starts, and starts again after it ran dry, once START bytes are there
 *   --resume-fill   after the ring was full, reading goes on once it has drained to RESUME bytes
 *   --block-size    an output gets whole blocks, the last of the stream excepted
 *   --direct-io     an output gets whole aligned pieces where it can
 *
 * Each of them makes something wait for something else. None waits for what cannot come: when the
 * ring can take no more, or the input has ended, outputs start with what there is; when no output
 * can move, reading goes on.
 */
#ifndef BPIPE_FLOW_H
#define BPIPE_FLOW_H

#include "options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>

struct flow_output {
    bool filling;      /* waiting for --start-fill */
    size_t block_left; /* of a block that was written in part; 0: at a block's start */
    size_t alignment;  /* --direct-io: writes are to be multiples of this; 1: need not */
};

struct flow {
    const struct ring *ring;
    struct flow_output *outputs; /* one for each of the ring's readers */
    size_t start_mark;           /* 0: none */
    size_t resume_mark;          /* ring->capacity: none */
    size_t block_size;           /* 0: none */
    size_t chunk_size;
    bool held;  /* reading waits for the ring to drain to resume_mark */
    bool ended; /* nothing more will be written to the ring */
};

/* Returns 0, or -1 with errno ENOMEM. The ring must outlive the flow. */
int flow_init(struct flow *flow, const struct ring *ring, const struct options *options);
void flow_destroy(struct flow *flow);

/* Brings the holds up to date. Call it after bytes moved, before asking what may move. */
void flow_update(struct flow *flow);

/* How many bytes may be read in one call: 0 if none. */
size_t flow_readable(const struct flow *flow);

/* How many bytes may be written to output `index` in one call: 0 if none. */
size_t flow_sendable(const struct flow *flow, size_t index);

/* They were written. */
void flow_sent(struct flow *flow, size_t index, size_t bytes);

#endif
