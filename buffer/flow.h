/*
 * flow.h - who may read and who may write now: the water marks and block sizes.
 *
 * Pure decisions about a ring, without time or descriptors. The rule is to drain first: while an
 * output takes bytes, no more than FLOW_WINDOW of them are kept waiting, since bytes that were read
 * lately are still in the processor's cache (measured: a fifth to a third less CPU per byte than
 * with a ring that is full for no reason). The rest of the ring is for outputs that take nothing
 * for FLOW_PATIENCE_NS: then the ring absorbs, until it has been drained to the window again.
 *
 * A ring that stays full because the consumer is always the slow one helps nobody, and costs a copy
 * of each byte. So after it has absorbed FLOW_ROUNDS times what it holds without the input having
 * run empty once, it does not absorb until the input does. (Not after one round: a burst that is
 * larger than the ring is over earlier, by what the ring holds, if the ring is full at its end.)
 *
 * And there are exceptions that are asked for:
 *
 *   --start-fill    an output starts, and starts again after it ran dry, once START bytes are there
 *   --resume-fill   after the ring was full, reading goes on once it has drained to RESUME bytes
 *   --block-size    an output gets whole blocks, the last of the stream excepted
 *   --direct-io     an output gets whole aligned pieces where it can
 *
 * Where what comes are datagrams the ring is full as long as it has not room for the longest. An
 * output that takes a record in each write (UDP) is offered records when they are complete.
 *
 * Taps are readers of the ring like the outputs, but nothing ever waits for them. Where what comes
 * has another way than to wait for the ring (`eager`: it is dropped, or spooled) the ring absorbs
 * at once.
 *
 * Each of them makes something wait for something else. None waits for what cannot come: when the
 * ring can take no more, or the input has ended, outputs start with what there is; when no output
 * can move, reading goes on.
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
#define FLOW_QUEUE_PATIENCE_NS UINT64_C(100000) /* where absorbing costs no copy */
enum { FLOW_ROUNDS = 16 };

struct flow_output {
    bool blocked;      /* it took less than it was offered, and has not been ready since */
    bool throttled;    /* its rate limit does not let it have anything now: set by the loop */
    bool filling;      /* waiting for --start-fill */
    bool tap;          /* nothing waits for it */
    bool whole;        /* it gets records only when they are complete */
    bool message;      /* and one in each write, however long: set by the loop */
    size_t beside;     /* to be sent before those in the ring (buffer/overrun.h): set by the loop */
    size_t block_left; /* of a block that was written in part; 0: at a block's start */
    size_t alignment;  /* --direct-io: writes are to be multiples of this; 1: need not */
};

struct flow {
    const struct ring *ring;
    size_t main_readers; /* of the ring: the outputs. The taps come after them */
    const uint64_t
        *complete; /* where, in the ring, the last whole record ends (buffer/admission.h) */
    bool eager;
    struct flow_output *outputs; /* one for each of the ring's readers */
    size_t start_mark;           /* 0: none */
    size_t resume_mark;          /* ring->capacity: none */
    size_t block_size;           /* 0: none */
    size_t chunk_size;
    size_t read_size;  /* most bytes of a read: chunk_size, or what a datagram may need */
    size_t least_room; /* with less the ring is full */
    bool drops;        /* a record that fills the ring has another end than to be offered */
    bool passing;      /* bytes may go past the ring while it is empty */
    bool absorbing;    /* an output has been blocked for patience_ns: set by the loop */
    uint64_t patience_ns;
    size_t behind; /* bytes in the inputs' shares (--merge): set by the loop */
    bool crowded;  /* and one of these is full, or was and is held */
    size_t queued; /* bytes in the pipe queue, all older than those in the ring: set by the loop */
    uint64_t absorbed; /* bytes, since the input last ran empty */
    bool held;         /* reading waits for the ring to drain to resume_mark */
    bool ended;        /* nothing more will be written to the ring */
};

/* Returns 0, or -1 with errno ENOMEM. The ring and *complete must outlive the flow. */
int flow_init(struct flow *flow, const struct ring *ring, const uint64_t *complete,
              const struct options *options);
void flow_destroy(struct flow *flow);

/* Another --start-fill, of a buffer of so many bytes, or --resume-fill, in percent, from the next
 * flow_update() on. */
void flow_set_start(struct flow *flow, uint64_t buffer_size, unsigned percent);
void flow_set_resume(struct flow *flow, unsigned percent);

/* Whether there is any such mark: then all bytes go through the ring. */
bool flow_has_marks(const struct flow *flow);

/* Bytes went into the ring (or none did); `empty`: the input has no more for now. */
void flow_arrived(struct flow *flow, size_t bytes, bool empty);

/* Brings the holds up to date. Call it after bytes moved, before asking what may move. */
void flow_update(struct flow *flow);

/* Bytes that the outputs have not got. */
size_t flow_held(const struct flow *flow);

/* There was no room: outputs that wait for --start-fill begin. */
void flow_overflowed(struct flow *flow);

/* Output `index` gets one record in each write from now on. */
void flow_send_messages(struct flow *flow, size_t index);

/* How many bytes more may be held: 0 if it is less than least_room. */
size_t flow_room(const struct flow *flow);

/* How many bytes may be read in one call: 0 if none. */
size_t flow_readable(const struct flow *flow);

/* Whether bytes may go from the input to the output past the ring, now. */
bool flow_passable(const struct flow *flow);

/* Whether reading waits only for `absorbing`: in patience_ns an output must take something, or
 * that is to be set. */
bool flow_is_patient(const struct flow *flow);

/* Whether output `index` is to get nothing now, whatever there is. */
bool flow_is_stopped(const struct flow *flow, size_t index);

/* Whether some output has bytes that it may be sent, if it takes them. */
bool flow_any_sendable(const struct flow *flow);

/* Whether some output may be sent something, and takes it. */
bool flow_any_taking(const struct flow *flow);

/* How many bytes may be written to output `index` in one call: 0 if none. */
size_t flow_sendable(const struct flow *flow, size_t index);

/* They were written. */
void flow_sent(struct flow *flow, size_t index, size_t bytes);

#endif
