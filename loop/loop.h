/*
 * loop.h - the state of a run. For the loop alone (loop/, poll_loop.c).
 *
 * Phases, in this order; each may go to the last at once:
 *
 *   OPENING     outputs are being opened (a FIFO waits for its reader), sockets are being
 *               connected; no input is read
 *   RUNNING     an input is open
 *   DRAINING    no more input; the ring is emptied
 *   CONFIRMING  the peers of sockets have to acknowledge what was sent to them (loop/close.h)
 *   DONE        commands are ended, files are closed, taps get their rest, in the steps of enum
 *               closing_step
 */
#ifndef BPIPE_LOOP_H
#define BPIPE_LOOP_H

#include "base/signals.h"
#include "buffer/admission.h"
#include "buffer/flow.h"
#include "buffer/frame_stream.h"
#include "buffer/last_written.h"
#include "buffer/limiter.h"
#include "buffer/overrun.h"
#include "buffer/pipe_queue.h"
#include "buffer/record_index.h"
#include "buffer/spool.h"
#include "buffer/stream_check.h"
#include "buffer/transfer.h"
#include "control/control.h"
#include "display/display.h"
#include "io/endpoint.h"
#include "net/dialer.h"
#include "net/resolver.h"
#include "options/options.h"
#include "process/command.h"
#include "process/guard.h"
#include "process/peer.h"
#include "ring.h"
#include "stats/exit_status.h"
#include "stats/meter.h"
#include "stats/report.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLL_INTERVAL_NS UINT64_C(1000000)
#define RING_TRIM_NS     UINT64_C(1000000000)
#define COLD_RETRY_NS    UINT64_C(5000000)
#define LEAVING_NS       UINT64_C(200000000)

/* What becomes of the last record of an input that has begun it and not ended it (loop/records.h).
 */
enum record_fate {
    RECORD_STANDS,  /* it is whole, though it has no terminator */
    RECORD_PENDING, /* the input has ended; its command has yet to say whether that is its end */
    RECORD_TORN,    /* the input has failed: it is withheld */
    RECORD_CUT      /* reading was ended before the input: the same, and nothing comes behind it */
};

enum loop_phase { LOOP_OPENING, LOOP_RUNNING, LOOP_DRAINING, LOOP_CONFIRMING, LOOP_DONE };

struct loop_input {
    struct endpoint endpoint;
    struct meter_endpoint *meter;
    struct dialer *dialer;   /* of an endpoint of the network, until it is opened; else NULL */
    struct pollfd watch;     /* what it waits for, and what came (loop/poll.h) */
    bool refused;            /* that could not be connected, which was reported */
    bool ready;              /* it may have bytes: read before asking poll() */
    struct command *command; /* --from; else NULL */
    bool at_end;             /* it was read to its end */
    enum record_fate fate;   /* of its last record */
    uint64_t record_end;     /* position in the stream where that was left unfinished; 0: nowhere */
    bool cold; /* a file whose next bytes are not in memory: look again within COLD_RETRY_NS */

    /* With --merge (loop/merge.h): */
    bool open;                  /* it is read */
    struct ring share;          /* of the buffer; the mixer is its reader 0 */
    struct admission admission; /* into that */
    struct overrun overrun;     /* what the mixer misses */
    bool passes_parts;          /* of a record that is longer than the share */
    bool held;                  /* it was full, and has not drained to --resume-fill since */
    uint64_t served;            /* bytes that it has had of the mixer's time */
    bool waiting;               /* it had something for the mixer when that last looked */
    bool dropping_said;
};

enum output_state { OUTPUT_UNOPENED, OUTPUT_OPEN, OUTPUT_CLOSED };

struct loop_output {
    struct endpoint endpoint;
    struct meter_endpoint *meter;
    struct dialer *dialer;       /* of an endpoint of the network; else NULL */
    struct pollfd watch;         /* what it waits for, and what came (loop/poll.h) */
    struct command *command;     /* --to; else NULL */
    bool gone;                   /* its reader has gone; a command, perhaps not exited yet */
    bool to_close;               /* it has failed, or left, and is closed at the turn's end */
    int witness;                 /* of a command that was told the end: another reader of its pipe,
                                    which can tell what is left in it; -1: none */
    enum output_state state;     /* whether it is ready is in loop->path.flow */
    bool dialer_ready;           /* a tap's has something to do */
    bool peer_ended;             /* a connection whose peer will say nothing more */
    bool confirming;             /* all was written; its peer has to acknowledge it */
    bool half_closed;            /* and has been told that this was all */
    uint64_t heard_ns;           /* when its peer last said something; 0: never */
    uint64_t complete_ns;        /* when all was seen to be acknowledged */
    int64_t unacknowledged;      /* when that was last looked at */
    bool unknown;                /* that cannot be told: the peer has to close the connection */
    uint64_t blocked_since_ns;   /* it has bytes to take and takes none; 0: not so */
    uint64_t dropped_before;     /* its meter's bytes_dropped when that began */
    struct limiter limiter;      /* --rate-limit */
    uint64_t throttled_until_ns; /* when that lets something pass again; 0: it does */
    struct overrun overrun;      /* what it misses; with -l or -0, whether it is in a record */
    uint64_t records_dequeued;   /* that it got from the pipe queue */
    bool tap;                    /* --tap */
    bool parked;                 /* a tap that takes nothing and is kept abreast of the outputs */
    bool dropping_said;
};

/* What follows is the state of a run by who writes it: the file, or files, of loop/ that are named.
 * Others read it. */

/* input, read, merge, rates. */
struct loop_inputs {
    struct loop_input *all; /* read in turn; `current` is open while RUNNING */
    size_t count, current;
    bool judged;                 /* the current one, for which the next one waited */
    struct stream_check check;   /* --expect-size, --expect-end: of all of them */
    uint64_t mix_clock;          /* --merge: what the one that was turned to last had been served */
    struct limiter limiter;      /* --read-rate, of all inputs together */
    uint64_t throttled_until_ns; /* by that; 0: it is not */
    uint64_t idle_since_ns;      /* they may be read and have nothing; 0: not so */
    bool size_known;             /* --stop-at-size has a size to stop at */
    uint64_t size_left;          /* --stop-at-size: bytes or records still to be read */
    bool cut;                    /* what came in is not all that there was to be */
    bool reading_cut;            /* one was being read when something else ended the reading */
};

/* open, write, failure. */
struct loop_outputs {
    struct loop_output *all;
    size_t count;                     /* the taps, which come after the others, included */
    size_t main_count;                /* without them */
    size_t open_count;                /* of the latter */
    uint64_t main_tail;               /* up to where all of these have got the ring's bytes */
    bool sends_messages;              /* one gets a record in each write: those that are complete */
    struct last_written last_written; /* of the first */
    uint64_t leaving_ns; /* since when the reader has left that had got everything; 0: not so */
};

/* The way of the bytes: way, move, read, write. */
struct loop_path {
    struct ring ring;
    struct record_index record_index; /* of that */
    struct pipe_queue queue;
    struct flow flow;
    struct frame_stream framing;
    enum transfer_way way; /* from the current input to the sole output */
    unsigned small_passes; /* of few bytes each, in a row */
    unsigned vain_passes;  /* in a row, that moved nothing though they might have */
    uint64_t large_ns;     /* when the ring last held more than RING_KEPT bytes */
};

/* overload. */
struct loop_overload {
    struct admission admission;
    struct spool spool;
    unsigned char *scratch; /* what was read and has no place yet (loop/overload.h) */
    size_t scratch_size, scratch_start, scratch_left;
    uint64_t added; /* bytes of marks and terminators that entered, for all */
    bool dropping_said, spool_failed;
};

/* poll, and the turn. */
struct loop_polling {
    struct signals signals;
    struct pollfd signal_watch, control_watch;
    struct pollfd *fds; /* room for all that may be watched: the set for poll(2) */
    unsigned failures;  /* in a row */
    uint64_t start_ns;  /* when poll() was last called, */
    uint64_t last_ns;   /* and when it came back */
};

/* timeouts. */
struct loop_timeouts {
    uint64_t drain_start_ns; /* when DRAINING began, or was resumed by SIGCONT */
    uint64_t next_sample_ns; /* --report-every; 0: none */
};

/* requests. */
struct loop_requests {
    struct control control;
    char *name; /* the one that control gave, or NULL */
};

/* dial, open. */
struct loop_opening {
    struct dialer *dialers;
    size_t dialer_count;
    uint64_t next_ns, delay_ns; /* when to try a FIFO without a reader again */
};

/* close: CONFIRMING. */
struct loop_confirming {
    uint64_t next_ns, delay_ns; /* when to look again */
    bool commands_only;         /* yet */
};

/* close: DONE. */
enum closing_step { CLOSING_INPUTS, CLOSING_COMMANDS, CLOSING_TAPS, CLOSED };

struct loop_closing {
    enum closing_step step;
    uint64_t taps_end_ns;      /* when time is up for them, */
    uint64_t taps_progress_ns; /* and when one last took something */
    bool taps_given_up;        /* they get no more: bpipe fails, a signal came, or poll() failed */
};

/* commands. */
enum commands_stage { COMMANDS_HEARD, COMMANDS_ENDING, COMMANDS_UNGUARDED, COMMANDS_ENDED };
enum ending_step { ENDING_LET_GO, ENDING_TERMINATE, ENDING_KILL };

struct loop_commands {
    struct command *all; /* those of the inputs, then those of the outputs */
    size_t count;
    struct guard guard;
    const struct command_standard *standard;
    bool being_ended; /* how they end from here on is our doing */
    /* While bpipe ends: */
    enum commands_stage stage;
    enum ending_step step;
    uint64_t end_ns;       /* since when */
    bool harmless;         /* the run has not failed: they may come to their own ends */
    uint64_t unguarded_ns; /* when the guard was let go */
};

/* peers. */
struct loop_peers {
    struct peer_search *search; /* NULL: none goes on */
    uint64_t sought_ns;         /* when the last one began; 0: none yet */
    uint64_t pause_ns;          /* before the next one */
};

struct poll_loop {
    const struct options *options;
    struct meter *meter;
    struct reporter *reporter;
    struct display *display;
    enum loop_phase phase;
    struct ending ending; /* failure, and whoever else ends the run */
    struct loop_inputs inputs;
    struct loop_outputs outputs;
    struct loop_path path;
    struct loop_overload overload;
    struct loop_polling poll;
    struct loop_timeouts timeouts;
    struct loop_requests requests;
    struct loop_opening opening;
    struct loop_confirming confirming;
    struct loop_closing closing;
    struct loop_commands commands;
    struct loop_peers peers;
};

#endif
