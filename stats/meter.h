/*
 * meter.h - every counter, state clock and histogram of a run.
 *
 * The loop writes it, and the reports read it. Time is CLOCK_MONOTONIC in integer nanoseconds. Only
 * meter_advance() and meter_advance_file() advance it. They give every nanosecond to exactly one
 * state, so the states sum to the elapsed time, exactly. (meter_skip() leaves time out of both.)
 * Nothing here makes a system call, or allocates after meter_init().
 *
 * The time in METER_CONNECT is a figure of its own. It is part of the elapsed time, but not of the
 * running time (meter_running()). Rates, the mean fill, the shares of the other states, the verdict
 * and the waits of endpoints are all made from the running time.
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
    METER_BUSY,     /* outside poll(), minus the time that file calls spent off the CPU */
    METER_THROTTLE, /* a rate limit holds bytes back, and the producer is held up or has ended, or
                       bytes are dropped */
    METER_INPUT,    /* waiting for the producer: nothing to send */
    METER_OUTPUT,   /* an output is not ready, and the buffer is full or the input has ended */
    METER_ABSORB,   /* an output is not ready or held back by its rate limit, but the producer is
                       not held up */
    METER_CONNECT,  /* nothing can move yet: waiting for names, connections, the peer of a listener
                       or the reader of a FIFO */
    METER_STATES
};

enum { METER_ERROR_TEXT = 160, METER_COMMAND_TEXT = 64, METER_ADDRESS_TEXT = 128 };

/* The process at the other end of a pipe or a socket (process/peer.h). */
struct meter_peer {
    long pid;                         /* 0: unknown */
    char command[METER_COMMAND_TEXT]; /* its name (proc(5), comm); any bytes except NUL; or "" */
    char address[METER_ADDRESS_TEXT]; /* the address of a socket's peer, "192.0.2.7:40222"; or "" */
};

/* The command of an endpoint (--from, --to). */
struct meter_process {
    bool is_command; /* if false, the other fields mean nothing */
    long pid;        /* 0: the command was not started */
    bool ended;      /* then the fields below are set */
    int exit_status; /* -1: a signal ended the command */
    int signal;      /* that signal; otherwise 0 */
    bool usage_known;
    uint64_t cpu_ns;            /* user and system time */
    uint64_t peak_memory_bytes; /* resident */
};

/* One input, output or tap. Inputs do not use bytes_undelivered. */
struct meter_endpoint {
    const char *name;              /* "stdin", a path, "fd://3"; any bytes except NUL; not owned */
    uint64_t bytes;                /* read from it, or accepted by it */
    uint64_t bytes_added;          /* written to it, or to all outputs for it, in addition to the
                                      input: a supplied terminator, gap marks */
    uint64_t bytes_dropped;        /* by the user's own policy; of a tap: bytes that it missed */
    uint64_t records_dropped;      /* the number of records in these */
    uint64_t records_out;          /* records that end in the accepted bytes; not used by inputs */
    bool left_early;               /* it takes no more, but the run may continue without it */
    uint64_t bytes_undelivered;    /* came in and never reached it; set when it is closed */
    uint64_t bytes_unacknowledged; /* the part of `bytes` that may not have arrived: of a lost
                                      connection, what its peer's system did not acknowledge; of a
                                      command, what it left to another reader of its pipe */
    uint64_t retries;              /* how often connecting to it was tried again */
    uint64_t connect_ns;           /* time to resolve its name and to connect */
    uint64_t wait_ns;              /* since then: bpipe was ready for it and it was not */
    uint64_t stall_ns;             /* the current wait, since its last progress */
    uint64_t longest_stall_ns;     /* without stall_ns: see meter_longest_stall() */
    bool datagrams;                /* it is a UDP socket; if not, the next four mean nothing */
    bool kernel_tells;             /* kernel_drops is known */
    uint64_t kernel_drops;         /* datagrams for which the kernel had no room */
    uint64_t refusals;             /* ICMP: how often the peer's system refused datagrams */
    uint64_t strangers;            /* datagrams from senders that are not allowed to send */
    char error[METER_ERROR_TEXT];  /* why it failed, or "" */
    const char *aftermath;         /* what a run that did not complete has done to it, "was not
                                      created"; a constant, or NULL */
    struct meter_peer peer;        /* not set for a command */
    struct meter_process process;
};

/* The rates of the windows of METER_WINDOW_NS that have ended, in bytes/s, without the last of
 * these, to which the open window is added (see meter_rate()). Windows are measured in running
 * time. */
#define METER_WINDOW_NS NS_PER_SEC

struct meter_windows {
    uint64_t count;
    double min, max, mean;
    double square_deviations; /* the sum of (rate - mean)^2; sums of squares would cancel */
};

/* The totals at some moment. */
struct meter_mark {
    uint64_t bytes; /* bytes_passed */
    uint64_t state_ns[METER_STATES];
};

struct meter {
    const char *name;       /* -N, or NULL */
    long pid;               /* bpipe's own */
    bool beside_bpipe;      /* another stage of the same pipeline is a bpipe (process/peer.h) */
    uint64_t start_time_ns; /* the time of day at start_ns, since 1970 (UTC); only for display */
    bool began;             /* everything was opened, and bytes could move */
    bool ended;             /* the run is over; then `failed` is set */
    bool failed; /* the run was not complete, and neither a signal nor a reader ended it */
    const struct meter_endpoint *connecting; /* the endpoint waited for before that, or NULL */
    uint64_t start_ns, now_ns;
    uint64_t state_ns[METER_STATES];
    uint64_t calls[COUNTED_CALLS];

    struct meter_endpoint *inputs, *outputs; /* the taps follow the outputs */
    size_t input_count, output_count, tap_count;

    bool size_known;        /* the expected size is known; it may be 0 */
    bool size_is_sum;       /* the sum of the inputs' sizes: unknown once an input yields bytes that
                            are not in it */
    uint64_t size_bytes;    /* the expected size, in bytes or records; 0 if unknown */
    bool skips;             /* --skip was given */
    uint64_t bytes_skipped; /* that it left out; not in bytes_in */
    uint64_t bytes_in;
    uint64_t bytes_passed; /* bytes that meter_shown_output() has got: rates are made from them */
    uint64_t first_ns;     /* when it got the first of them; 0: it has none */
    uint64_t zero_copy_bytes;
    bool counts_records;
    bool overtaking;      /* drop-oldest: bytes that leave the buffer may have gone to no output;
                             bytes_passed counts the bytes that outputs got (buffer/overrun.h) */
    bool shows_records;   /* the amount is shown in records, not in bytes: with -l and -0 */
    bool size_in_records; /* size_bytes counts records: with -l and -0, if a size was given */
    uint64_t records_in;

    uint64_t capacity, chunk;
    uint64_t least_room; /* with less room than this the buffer is full; 0: same as 1 */
    uint64_t fill, peak;
    bool full;        /* the buffer was full, and no output has made room since */
    double fill_area; /* bytes x ns: the integral of the fill over the running time */
    uint64_t full_count, empty_count;
    bool ran_dry; /* the buffer is empty, and that was counted */

    uint64_t spool_capacity; /* --spool-max; 0: no spool */
    uint64_t spool_fill, spool_peak;
    uint64_t spool_bytes; /* all bytes written to it so far */

    struct meter_windows windows;
    uint64_t window_start_ns; /* of the window that contains now_ns; METER_CONNECT moves it on */
    uint64_t window_bytes;    /* bytes_passed at the start of the window */
    uint64_t last_bytes;      /* the bytes of the last window that has ended, if any */
    unsigned just_ended; /* windows that have ended and have no mark yet; 2 stands for more, too */
    unsigned mark_count; /* marks that were ever made; 2 stands for more, too */
    struct meter_mark marks[2]; /* the ends of the last windows, the older one first */

    struct residence residence;
};

/*
 * Zeroes *meter, starts all clocks at `start_ns`, and makes room for the endpoints. Their names are
 * "" until the caller sets them. There is always room for one endpoint of each kind. Returns 0, or
 * -1 with errno ENOMEM.
 */
int meter_init(struct meter *meter, uint64_t start_ns, size_t input_count, size_t output_count,
               size_t tap_count);
void meter_destroy(struct meter *meter);

/*
 * The time from the last call to `now_ns` was spent in `state`. A `now_ns` before the last call
 * counts as no time at all. Closes all rate windows that have ended since the last call. Bytes that
 * were counted before this call belong to the first of these windows; bytes that are counted from
 * now on belong to the window that contains `now_ns`. So bpipe never has to wake up at the end of a
 * window.
 */
void meter_advance(struct meter *meter, enum meter_state state, uint64_t now_ns);

/*
 * A call on a regular file went on until `now_ns`, and spent `off_cpu_ns` of the time since the
 * last call off the CPU (at most all of it). That part goes to `side`, METER_INPUT or METER_OUTPUT,
 * and is added to the waits of the endpoint. The rest was busy.
 */
void meter_advance_file(struct meter *meter, enum meter_state side, struct meter_endpoint *endpoint,
                        uint64_t off_cpu_ns, uint64_t now_ns);

/* The time from the last call to `now_ns` does not count: the process was stopped. */
void meter_skip(struct meter *meter, uint64_t now_ns);

/* bpipe waited `ns` for an endpoint: until it was connected (meter_connected()), or after that
 * (meter_waited()). The latter is a stall, which ends with meter_moved(). */
void meter_connected(struct meter_endpoint *endpoint, uint64_t ns);
void meter_waited(struct meter_endpoint *endpoint, uint64_t ns);

/* An endpoint moved bytes: adds them, and ends its stall, if there is one. */
void meter_moved(struct meter_endpoint *endpoint, uint64_t bytes);

/* Bytes entered the buffer (after ring_commit), or left it for good (the result of ring_consume).
 * `fill` is the buffer's fill after that. */
void meter_arrived(struct meter *meter, uint64_t bytes, uint64_t fill);
void meter_left(struct meter *meter, uint64_t bytes, uint64_t fill);

/* An output got bytes. With `overtaking` they count as passed if it is the shown output. */
void meter_overtaking_passed(struct meter *meter);

/* Bytes that did not come in entered the buffer: a mark, or a terminator. */
void meter_added(struct meter *meter, uint64_t bytes, uint64_t fill);

/* Bytes that had come in before (meter_arrived) were brought back from the spool. */
void meter_refilled(struct meter *meter, uint64_t fill);

/* meter_refused(): bytes came in, and were dropped before they entered the buffer. The other two:
 * bytes had entered it, as the oldest or the newest in it, and leave it unsent. `fill` is the
 * buffer's fill after that. */
void meter_refused(struct meter *meter, uint64_t bytes);
void meter_dropped_oldest(struct meter *meter, uint64_t bytes, uint64_t fill);
void meter_dropped_newest(struct meter *meter, uint64_t bytes, uint64_t fill);

/* The spool now holds `fill` bytes; `written` bytes were added to it. */
void meter_spooled(struct meter *meter, uint64_t written, uint64_t fill);

/* Bytes went from an input to an output without entering the buffer, which is empty. */
void meter_passed(struct meter *meter, uint64_t bytes);

/* The run is over. No process has read the last `bytes` that an output accepted, in which `records`
 * records end: takes them back. If this is the shown output, they have not passed either. */
void meter_unread(struct meter *meter, struct meter_endpoint *output, uint64_t bytes,
                  uint64_t records);

/* The loop is about to wait with an empty buffer. Counts one, even if it waits again before bytes
 * come. */
void meter_dry(struct meter *meter);

/* --- reading ------------------------------------------------------------------------------- */

/*
 * In bytes/s. Windows are those of METER_WINDOW_NS. The open window is added to the one before it,
 * which then is longer: a part of a window is never scaled up to a whole one, so max is never more
 * than the bytes that came in one second. So each byte and each moment is in exactly one window,
 * and min <= mean <= max, unless meter_unread() has taken bytes back: the windows keep them, the
 * mean does not. Before the first window has ended, all rates equal the mean, and stddev is 0.
 */
struct meter_rate {
    double mean;             /* bytes_passed over the running time; 0 if that is 0 */
    double current;          /* of the last window */
    double min, max, stddev; /* over all windows */
    uint64_t windows;        /* the number of windows */
};

uint64_t meter_elapsed(const struct meter *meter);
uint64_t meter_running(const struct meter *meter); /* without the time in METER_CONNECT */
/* The running time of an interval: the sum of its states without METER_CONNECT. */
uint64_t meter_running_of(const uint64_t state_ns[METER_STATES]);
/* The shares of the states in that time, in whole percent that sum to 100 (by the largest
 * remainder); all 0 if it is 0. */
void meter_percents(const uint64_t state_ns[METER_STATES], unsigned percents[METER_STATES]);
struct meter_rate meter_rate(const struct meter *meter);
/* The totals at the end of the last window but one, so one or two windows ago. NULL: no two windows
 * have ended. */
const struct meter_mark *meter_recently(const struct meter *meter);
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
 * Whether there is enough time to judge: at least METER_JUDGED_NS in input, output and throttle
 * together, or METER_BUSY_JUDGED_NS in busy. The limit for busy is higher, because busy blames
 * bpipe itself, and includes the start of the process and whatever else the processor did
 * meanwhile. A run that has ended without moving a byte, or failed, has no verdict at all.
 */
#define METER_JUDGED_NS      (NS_PER_SEC / 10)
#define METER_BUSY_JUDGED_NS NS_PER_SEC
bool meter_is_judged(const struct meter *meter);

/*
 * The largest of input, output, throttle and busy, if it is at least half of the running time
 * outside absorb; otherwise balanced. Of equals the first wins.
 */
enum meter_verdict meter_verdict_of(const uint64_t state_ns[METER_STATES]);

/* Whether no byte can move yet because a listener, or a FIFO, has no peer. (A path that bpipe waits
 * for is that of a FIFO.) */
bool meter_awaits_peer(const struct meter *meter);

/* The state whose time a verdict is about. Not for BALANCED and NONE. */
enum meter_state meter_verdict_state(enum meter_verdict verdict);

/* Lines for people name no side whose share of the running time is less than this. */
enum { METER_LEAST_SIDE_PERCENT = 5 };

/*
 * The endpoint on the side of the verdict for which bpipe waited longest, or NULL if the verdict
 * has no side. Of equals the first wins. If bpipe never waited for any endpoint of that side
 * (closing took long), it is the first.
 */
const struct meter_endpoint *meter_side(const struct meter *meter, enum meter_verdict verdict);

/* The verdict and its endpoint for the whole run; METER_VERDICT_NONE and NULL if it is not
 * judged. */
enum meter_verdict meter_verdict(const struct meter *meter, const struct meter_endpoint **endpoint);

/* The process at the other end, in one word: its command, or the address; NULL: unknown. Points
 * into the endpoint; any bytes except NUL. */
const char *meter_peer_name(const struct meter_endpoint *endpoint);

const char *meter_verdict_name(enum meter_verdict verdict); /* "input" ...; NULL for NONE */
const char *meter_state_name(enum meter_state state);       /* "busy", "throttle", ... */

/* The output with the fewest bytes, whose counters are at the top of a report. An output that left
 * early without an error wanted no more: it is chosen only if all outputs did. Never NULL. */
const struct meter_endpoint *meter_least_output(const struct meter *meter);

/* The output from which most bytes were dropped. Never NULL. */
const struct meter_endpoint *meter_worst_output(const struct meter *meter);

/*
 * The output whose amounts are shown in the live line and in the first line of a report. It is the
 * output with the fewest bytes of those that have not left early or, if all have, the one with the
 * most. With `overtaking` it is the one with the most, because there a stuck output does not hold
 * up the others. So the amounts never shrink.
 */
const struct meter_endpoint *meter_shown_output(const struct meter *meter);

#endif
