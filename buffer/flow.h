/*
 * flow.h - decides which endpoints may read and write now: water marks and block sizes.
 *
 * Pure decisions about a ring, without time or descriptors. The rule is to drain first: while an
 * output takes bytes, at most FLOW_WINDOW bytes are kept waiting, because recently read bytes are
 * still in the processor's cache (measured: a fifth to a third less CPU per byte than with a ring
 * that is needlessly full). The rest of the ring is for outputs that take nothing for
 * FLOW_PATIENCE_NS. Then the ring absorbs, until it has drained to the window again.
 *
 * A ring that stays full because the consumer is always slower has no use, and costs a copy of
 * each byte. So once the ring has absorbed FLOW_ROUNDS times its capacity while the input never ran
 * empty, it stops absorbing until the input runs empty. (One round would be too few: after a burst
 * larger than the ring, the producer is done earlier by the bytes that the ring holds, if the ring
 * is full when the burst ends.)
 *
 * Options ask for exceptions:
 *
 *   --start-fill    an output starts, and restarts after running dry, once START bytes have arrived
 *   --resume-fill   after the ring was full, reading resumes once it has drained to RESUME bytes
 *   --block-size    an output gets whole blocks, except for the last block of the stream
 *   --direct-io     an output gets whole aligned pieces where possible
 *
 * If the input consists of datagrams, the ring is full when it has no room for the longest one. An
 * output that sends one record per write (UDP) is offered only complete records.
 *
 * Taps are readers of the ring like the outputs, but nothing ever waits for them. If input that
 * finds no room is dropped or spooled instead of waiting for the ring (`eager`), the ring absorbs
 * at once.
 *
 * Each of these rules makes one side wait for another. None waits for something that cannot happen:
 * when the ring can take no more, or the input has ended, outputs start with the bytes that are
 * there; when no output can move, reading resumes.
 */
#ifndef BPIPE_FLOW_H
#define BPIPE_FLOW_H

#include "options/options.h"
#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOW_WINDOW = 256 * 1024 };
#define FLOW_PATIENCE_NS       UINT64_C(1000000)
#define FLOW_QUEUE_PATIENCE_NS UINT64_C(100000) /* if absorbing costs no copy */
enum { FLOW_ROUNDS = 16 };

struct flow_output {
    bool blocked;      /* it took less than it was offered, and has not been ready since */
    bool throttled;    /* its rate limit allows it nothing now: set by the loop */
    bool filling;      /* waiting for --start-fill */
    bool tap;          /* nothing waits for it */
    bool whole;        /* it gets only complete records */
    bool message;      /* and one in each write, of any length: set by the loop */
    size_t beside;     /* to send before the ring's bytes (buffer/overrun.h): set by the loop */
    size_t block_left; /* left of a block that was written in part; 0: at a block's start */
    size_t alignment;  /* --direct-io: writes should be multiples of this; 1: any size */
};

struct flow {
    const struct ring *ring;
    size_t main_readers; /* of the ring: the outputs. The taps follow them */
    const uint64_t
        *complete; /* where in the ring the last whole record ends (buffer/admission.h) */
    bool eager;
    struct flow_output *outputs; /* one for each reader of the ring */
    size_t start_mark;           /* 0: none */
    size_t resume_mark;          /* ring->capacity: none */
    size_t block_size;           /* 0: none */
    size_t chunk_size;
    size_t read_size;  /* the most bytes of a read: chunk_size, or the room that a datagram needs */
    size_t least_room; /* with less room than this the ring is full */
    bool drops;        /* a record that fills the ring is dropped, not offered */
    bool passing;      /* bytes may bypass the ring while it is empty */
    bool absorbing;    /* an output has been blocked for patience_ns: set by the loop */
    uint64_t patience_ns;
    size_t behind; /* bytes in the shares of the inputs (--merge): set by the loop */
    bool crowded; /* a share is full, or its input is held, or no more will come: set by the loop */
    size_t queued; /* bytes in the pipe queue, all older than those in the ring: set by the loop */
    uint64_t absorbed; /* bytes, since the input last ran empty */
    bool held;         /* reading waits until the ring has drained to resume_mark */
    bool ended;        /* nothing more will be written to the ring */
};

/* Returns 0, or -1 with errno ENOMEM. The ring and *complete must outlive the flow. */
int flow_init(struct flow *flow, const struct ring *ring, const uint64_t *complete,
              const struct options *options);
void flow_destroy(struct flow *flow);

/* Changes --start-fill, for a buffer of `buffer_size` bytes, or --resume-fill, in percent. Takes
 * effect at the next flow_update(). */
void flow_set_start(struct flow *flow, uint64_t buffer_size, unsigned percent);
void flow_set_resume(struct flow *flow, unsigned percent);

/* Whether there is a start or resume mark: then all bytes go through the ring. */
bool flow_has_marks(const struct flow *flow);

/* `bytes` entered the ring (may be 0). `empty`: the input has no more for now. */
void flow_arrived(struct flow *flow, size_t bytes, bool empty);

/* Brings the holds up to date. Call it after bytes moved, before asking what may move. */
void flow_update(struct flow *flow);

/* The number of bytes that the outputs have not got yet. */
size_t flow_held(const struct flow *flow);

/* There was no room: outputs that wait for --start-fill begin. */
void flow_overflowed(struct flow *flow);

/* Output `index` gets one record in each write from now on. */
void flow_send_messages(struct flow *flow, size_t index);

/* How many more bytes may be held; 0 if fewer than least_room. */
size_t flow_room(const struct flow *flow);

/* How many bytes may be read in one call; 0: none. */
size_t flow_readable(const struct flow *flow);

/* Whether bytes may now go from the input to the output without entering the ring. */
bool flow_passable(const struct flow *flow);

/* Whether reading waits only for `absorbing`. If no output takes anything within patience_ns, the
 * caller must set `absorbing`. */
bool flow_is_patient(const struct flow *flow);

/* Whether output `index` must get nothing now, even if bytes are there. */
bool flow_is_stopped(const struct flow *flow, size_t index);

/* Whether some output has bytes that it may be sent, even if it does not take them now. */
bool flow_any_sendable(const struct flow *flow);

/* Whether some output may be sent bytes, and takes them now. */
bool flow_any_taking(const struct flow *flow);

/* How many bytes may be written to output `index` in one call; 0: none. */
size_t flow_sendable(const struct flow *flow, size_t index);

/* `bytes` were written to output `index`. */
void flow_sent(struct flow *flow, size_t index, size_t bytes);

#endif
