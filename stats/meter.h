/*
 * meter.h - every counter, state clock and histogram of a run.
 *
 * Written by the loop, read by the reports. Time is CLOCK_MONOTONIC in integer nanoseconds, and is
 * advanced only by meter_advance(), which gives every nanosecond to exactly one state: the states
 * therefore sum to the elapsed time, exactly. Nothing here makes a system call or allocates after
 * meter_init().
 *
 * The time in METER_CONNECT is a figure of its own. It is part of the elapsed time, but not of the
 * running time (meter_running()), and rates, the mean fill, the shares of the other states, the
 * verdict and the waits of endpoints are all made from the running time.
 */
#ifndef BPIPE_METER_H
#define BPIPE_METER_H

#include "base/counted_call.h"
#include "base/platform.h"
#include "stats/residence.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum meter_state {
    METER_BUSY,     /* outside poll(), less what file calls spent off the CPU */
    METER_THROTTLE, /* there are bytes to move and no token for them */
    METER_INPUT,    /* nothing to send: waiting for the producer */
    METER_OUTPUT,   /* an output is not ready and the buffer is full, or the input has ended */
    METER_ABSORB,   /* an output is not ready, but the producer is not held up */
    METER_CONNECT,  /* nothing can move yet: names are resolved, connections made, a listener's peer
                       or a FIFO's reader is waited for */
    METER_STATES
};

enum { METER_ERROR_TEXT = 160, METER_COMMAND_TEXT = 64, METER_ADDRESS_TEXT = 128 };

/* Who is at the other end of a pipe or a socket (process/peer.h). */
struct meter_peer {
    long pid;                         /* 0: unknown */
    char command[METER_COMMAND_TEXT]; /* its name (proc(5), comm); any bytes but NUL; or "" */
    char address[METER_ADDRESS_TEXT]; /* of a socket's peer, "192.0.2.7:40222"; or "" */
};

/* The command that an endpoint is (--from, --to). */
struct meter_process {
    bool is_command; /* else the rest means nothing */
    long pid;        /* 0: it was not started */
    bool ended;      /* and then: */
    int exit_status; /* -1: a signal ended it, */
    int signal;      /* this; else 0 */
    bool usage_known;
    uint64_t cpu_ns;            /* user and system time */
    uint64_t peak_memory_bytes; /* resident */
};

/* One input, output or tap. Inputs do not use bytes_undelivered. */
struct meter_endpoint {
    const char *name;              /* "stdin", a path, "fd://3"; any bytes but NUL; not owned */
    uint64_t bytes;                /* read from it, or accepted by it */
    uint64_t bytes_added;          /* written to it, or to all for it, beyond what came in: a
                                      supplied terminator, gap marks */
    uint64_t bytes_dropped;        /* by the user's own policy; of a tap, what it missed */
    uint64_t records_dropped;      /* of records: how many these were */
    uint64_t records_out;          /* that end in what it accepted; of inputs: not used */
    bool left_early;               /* it takes no more, while the run may go on without it */
    uint64_t bytes_undelivered;    /* came in and never reached it; set when it is closed */
    uint64_t bytes_unacknowledged; /* of a connection that was lost: how many of `bytes` its peer's
                                      system did not acknowledge */
    uint64_t retries;              /* of connecting to it */
    uint64_t connect_ns;           /* of resolving its name, and until it was connected */
    uint64_t wait_ns;              /* bpipe was ready for it and it was not; since then */
    uint64_t stall_ns;             /* the wait that is going on, since its last progress */
    uint64_t longest_stall_ns;     /* not counting stall_ns: see meter_longest_stall() */
    bool datagrams;                /* it is a UDP socket; else the next four mean nothing */
    bool kernel_tells;             /* kernel_drops is known */
    uint64_t kernel_drops;         /* datagrams that the kernel had no room for */
    uint64_t refusals;             /* ICMP: how often the peer's system refused datagrams */
    uint64_t strangers;            /* datagrams of senders who are not allowed to send */
    char error[METER_ERROR_TEXT];  /* why it failed, or "" */
    struct meter_peer peer;        /* not of a command */
    struct meter_process process;
};

/* The rates of windows of METER_WINDOW_NS that have ended, in bytes/s; of all but the last, to
 * which the open one is added (see meter_rate()). Windows are of the running time. */
#define METER_WINDOW_NS NS_PER_SEC

struct meter_windows {
    uint64_t count;
    double min, max, mean;
    double square_deviations; /* the sum of (rate - mean)^2; sums of squares would cancel */
};

struct meter {
    const char *name;       /* -N, or NULL */
    long pid;               /* bpipe's own */
    uint64_t start_time_ns; /* the time of day at start_ns, since 1970 (UTC); only to be shown */
    bool began;             /* everything could be opened, and bytes could move */
    bool ended;             /* the run is over; and then: */
    bool failed; /* it failed: neither was it complete, nor did a signal or a reader end it */
    const struct meter_endpoint *connecting; /* one that was waited for before that; or NULL */
    uint64_t start_ns, now_ns;
    uint64_t state_ns[METER_STATES];
    uint64_t calls[COUNTED_CALLS];

    struct meter_endpoint *inputs, *outputs; /* the taps stand behind the outputs */
    size_t input_count, output_count, tap_count;

    bool size_known;     /* how much is expected: 0, too, is a size */
    bool size_is_sum;    /* of the inputs' sizes: unknown once one yields what is not in it */
    uint64_t size_bytes; /* and that, in bytes or records; 0 if it is not known */
    uint64_t bytes_in;
    uint64_t bytes_passed; /* that meter_shown_output() has got: what the rate is made of */
    uint64_t first_ns;     /* when the first of them did; 0: none has */
    uint64_t zero_copy_bytes;
    bool counts_records;
    bool overtaking;      /* drop-oldest: what leaves the buffer may have gone to no output, and
                             bytes_passed follows what the outputs got (buffer/overrun.h) */
    bool shows_records;   /* and shows them as the amount, in place of bytes: with -l and -0 */
    bool size_in_records; /* size_bytes are records: with -l and -0, of a size that was given */
    uint64_t records_in;

    uint64_t capacity, chunk;
    uint64_t least_room; /* with less than this the buffer is full; 0: as with 1 */
    uint64_t fill, peak;
    bool full;        /* it was, and no output has made room since */
    double fill_area; /* bytes x ns: the integral of the fill over the running time */
    uint64_t full_count, empty_count;
    bool ran_dry; /* the buffer is empty and that was counted */

    uint64_t spool_capacity; /* --spool-max; 0: no spool */
    uint64_t spool_fill, spool_peak;
    uint64_t spool_bytes; /* ever written to it */

    struct meter_windows windows;
    uint64_t window_start_ns; /* the window that contains now_ns; moves on with METER_CONNECT */
    uint64_t window_bytes;    /* bytes_passed at its start */
    uint64_t last_bytes;      /* those of the last window that has ended, if one has */

    struct residence residence;
};

/*
 * Zeroes *meter, starts all clocks at `start_ns` and makes room for the endpoints, whose names are
 * "" until the caller sets them. There is always room for one of each kind.
 * Returns 0, or -1 with errno ENOMEM.
 */
int meter_init(struct meter *meter, uint64_t start_ns, size_t input_count, size_t output_count,
               size_t tap_count);
void meter_destroy(struct meter *meter);

/*
 * The time since the last call, up to `now_ns`, was spent in `state`; a time before that counts as
 * no time at all. Rate windows that ended meanwhile are closed here, however many they are: the
 * bytes that were counted before belong to the first of them, those that are counted from now on to
 * the window that contains `now_ns`. So nobody has to wake up at the end of a window.
 */
void meter_advance(struct meter *meter, enum meter_state state, uint64_t now_ns);

/*
 * A call on a regular file went on until `now_ns` and spent `off_cpu_ns` of the time since the last
 * call off the CPU (at most all of it): that part goes to `side`, METER_INPUT or METER_OUTPUT, and
 * is added to the endpoint's waits; the rest was busy.
 */
void meter_advance_file(struct meter *meter, enum meter_state side, struct meter_endpoint *endpoint,
                        uint64_t off_cpu_ns, uint64_t now_ns);

/* The time since the last call, up to `now_ns`, does not count: the process was stopped. */
void meter_skip(struct meter *meter, uint64_t now_ns);

/* An endpoint was waited for during `ns`: until it is connected, or since then. The latter is a
 * stall, which ends with meter_moved(). */
void meter_connected(struct meter_endpoint *endpoint, uint64_t ns);
void meter_waited(struct meter_endpoint *endpoint, uint64_t ns);

/* An endpoint moved bytes: adds them, and its stall, if any, is over. */
void meter_moved(struct meter_endpoint *endpoint, uint64_t bytes);

/* Bytes entered the buffer (after ring_commit), or left it for good (what ring_consume returned).
 * `fill` is the buffer's fill after that. */
void meter_arrived(struct meter *meter, uint64_t bytes, uint64_t fill);
void meter_left(struct meter *meter, uint64_t bytes, uint64_t fill);

/* An output got bytes: with `overtaking` they have passed if that is the one that is shown. */
void meter_overtaking_passed(struct meter *meter);

/* Bytes entered the buffer that did not come in: a mark, or a terminator. */
void meter_added(struct meter *meter, uint64_t bytes, uint64_t fill);

/* Bytes that had come in before (meter_arrived) were brought back from the spool. */
void meter_refilled(struct meter *meter, uint64_t fill);

/* Bytes came in and were dropped before they entered the buffer; or had entered it, as the oldest
 * or the newest that it holds, and leave it unsent. `fill` is what it holds then. */
void meter_refused(struct meter *meter, uint64_t bytes);
void meter_dropped_oldest(struct meter *meter, uint64_t bytes, uint64_t fill);
void meter_dropped_newest(struct meter *meter, uint64_t bytes, uint64_t fill);

/* The spool holds `fill` bytes now, `written` more of them than before. */
void meter_spooled(struct meter *meter, uint64_t written, uint64_t fill);

/* Bytes went from an input to an output past the buffer, which is empty. */
void meter_passed(struct meter *meter, uint64_t bytes);

/* The loop is about to wait with an empty buffer: counts one running dry, however long it lasts. */
void meter_dry(struct meter *meter);

/* --- reading ------------------------------------------------------------------------------- */

/*
 * In bytes/s. Windows are those of METER_WINDOW_NS. The open one is added to the one before, which
 * is then longer: a part of a window is never scaled up to a whole one, so that max is no more than
 * what came in a second. So each byte and each moment is in one of them, and min <= mean <= max.
 * Before one has ended all are the mean and stddev is 0.
 */
struct meter_rate {
    double mean;             /* bytes_passed over the running time; 0 if that is 0 */
    double current;          /* of the last window */
    double min, max, stddev; /* over all windows */
    uint64_t windows;        /* how many that are */
};

uint64_t meter_elapsed(const struct meter *meter);
uint64_t meter_running(const struct meter *meter); /* less the time in METER_CONNECT */
/* The same of the states of an interval: their sum without METER_CONNECT. */
uint64_t meter_running_of(const uint64_t state_ns[METER_STATES]);
struct meter_rate meter_rate(const struct meter *meter);
double meter_mean_fill(const struct meter *meter); /* bytes, weighted by the running time */
uint64_t meter_longest_stall(const struct meter_endpoint *endpoint);

enum meter_verdict {
    METER_VERDICT_INPUT,
    METER_VERDICT_OUTPUT,
    METER_VERDICT_THROTTLE,
    METER_VERDICT_BUSY,
    METER_VERDICT_BALANCED,
    METER_VERDICT_NONE /* there is nothing to judge */
};

/*
 * Whether there is anything to judge: at least METER_JUDGED_NS in input, output and throttle
 * together, or METER_BUSY_JUDGED_NS in busy. The latter is longer, since busy accuses bpipe itself,
 * and includes the start of the process, with whatever else the processor had to do meanwhile. A
 * run that has ended without a byte, or failed, has no verdict at all.
 */
#define METER_JUDGED_NS      (NS_PER_SEC / 10)
#define METER_BUSY_JUDGED_NS NS_PER_SEC
bool meter_is_judged(const struct meter *meter);

/*
 * The largest of input, output, throttle and busy if it is at least half of the running time
 * outside absorb, else balanced. Of equals the first wins.
 */
enum meter_verdict meter_verdict_of(const uint64_t state_ns[METER_STATES]);

/*
 * The endpoint of that side that was waited for longest, or NULL for the verdicts that have no
 * side. Of equals the first wins; a side whose endpoints were never waited for (closing took long)
 * is named by its first.
 */
const struct meter_endpoint *meter_side(const struct meter *meter, enum meter_verdict verdict);

/* Both, of the whole run; METER_VERDICT_NONE and NULL if it is not judged. */
enum meter_verdict meter_verdict(const struct meter *meter, const struct meter_endpoint **endpoint);

/* Who is at the other end, in a word: the command, or the address; NULL: unknown. Points into the
 * endpoint; any bytes but NUL. */
const char *meter_peer_name(const struct meter_endpoint *endpoint);

const char *meter_verdict_name(enum meter_verdict verdict); /* "input" ...; NULL for NONE */
const char *meter_state_name(enum meter_state state);       /* "busy", "throttle", ... */

/* The output with the least bytes: its counters stand at the top of a report. One that left early
 * without an error has had enough, and is taken only if all have. Never NULL. */
const struct meter_endpoint *meter_least_output(const struct meter *meter);

/*
 * The output whose amounts are shown in the live line and in the first line of a report: the one
 * with the least bytes of those that have not left early, or, when all have, the one with the most.
 * With `overtaking` the one with the most: there an output that is stuck does not hold up the
 * others. So the amounts never shrink.
 */
const struct meter_endpoint *meter_shown_output(const struct meter *meter);

#endif
