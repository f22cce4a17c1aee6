/*
 * loop.h - the state of a run. Only for the loop (loop/, poll_loop.c).
 *
 * The phases, in this order. Each may go directly to the last:
 *
 *   OPENING     outputs are being opened (a FIFO waits for its reader) and sockets are being
 *               connected; no input is read
 *   RUNNING     an input is open
 *   DRAINING    no more input comes; the ring is emptied
 *   CONFIRMING  the peers of sockets have to acknowledge the bytes sent to them, and commands
 *               have to exit (loop/confirm.h)
 *   DONE        commands are ended, files are closed, and taps get what they have not got yet,
 *               in the steps of enum closing_step
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
#include "io/pipe_rest.h"
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

/* What happens to the last record of an input that began and did not end it (loop/records.h). */
enum record_fate {
    RECORD_STANDS,  /* the record is whole, although it has no terminator */
    RECORD_PENDING, /* the input has ended; it is not known yet whether its command succeeds */
    RECORD_TORN,    /* the input has failed: the record is withheld */
    RECORD_CUT      /* reading ended before the input: withheld, and nothing follows it */
};

enum loop_phase { LOOP_OPENING, LOOP_RUNNING, LOOP_DRAINING, LOOP_CONFIRMING, LOOP_DONE };

/* The processes that were at the other end of a pipe and have gone (loop/peers.h). */
struct former_peers {
    struct meter_peer longest; /* the one that bpipe waited for longest */
    uint64_t longest_ns;       /* how long that was; 0: none has gone */
    uint64_t until_ns;         /* the meter's wait_ns when the last one was there last */
    uint64_t seen_ns;          /* the same for the current peer */
    long gone_pid;             /* the peer that a search was begun for, because it had gone; or 0 */
};

struct loop_input {
    struct endpoint endpoint;
    struct meter_endpoint *meter;
    struct former_peers former_peers;
    struct dialer *dialer;   /* of a network endpoint, until it is opened; else NULL */
    struct pollfd watch;     /* the events it waits for, and those that came (loop/poll.h) */
    bool refused;            /* it could not be connected, which was reported */
    bool ready;              /* it may have bytes: read before calling poll() */
    struct command *command; /* --from; else NULL */
    bool at_end;             /* it was read to its end */
    uint64_t skipped;        /* bytes of it that --skip left out */
    enum record_fate fate;   /* of its last record */
    uint64_t record_end;     /* stream position of the end of an unfinished last record; 0: none */
    bool cold; /* a file whose next bytes are not in memory: try again within COLD_RETRY_NS */

    /* With --merge (loop/merge.h): */
    bool open;                  /* it is being read */
    struct ring share;          /* its part of the buffer; the mixer is reader 0 of it */
    struct admission admission; /* into the share */
    struct overrun overrun;     /* the bytes and records that the mixer misses */
    bool passes_parts;          /* a record that is longer than the share passes in parts */
    bool held;                  /* the share was full, and has not drained to --resume-fill since */
    uint64_t served;            /* bytes counted as taken from it (choose() in loop/merge.c) */
    bool waiting;               /* it had something for the mixer at the mixer's last look */
    bool dropping_said;
};

enum output_state { OUTPUT_UNOPENED, OUTPUT_OPEN, OUTPUT_CLOSED };

struct loop_output {
    struct endpoint endpoint;
    struct meter_endpoint *meter;
    struct former_peers former_peers;
    struct dialer *dialer;       /* of a network endpoint; else NULL */
    struct pollfd watch;         /* the events it waits for, and those that came (loop/poll.h) */
    struct command *command;     /* --to; else NULL */
    bool gone;                   /* its reader has gone; a command may not have exited yet */
    bool to_close;               /* it has failed or departed: closed after the moves of a turn, or,
                                    if ran_on, when all commands have ended */
    bool ran_on;                 /* its command still ran when it was given up */
    int witness;                 /* of a command that has seen the end: another reader of its pipe,
                                    which shows the bytes left in it; -1: none */
    struct pipe_rest rest;       /* of a command's pipe, when that was last looked at */
    enum output_state state;     /* loop->path.flow says whether it is ready */
    bool dialer_ready;           /* the dialer of a tap has something to do */
    bool peer_ended;             /* the peer of the connection has ended its side */
    bool confirming;             /* all was written; its peer or its command has to confirm it */
    bool half_closed;            /* and the end was sent to its peer */
    uint64_t heard_ns;           /* when its peer last sent something; 0: never */
    uint64_t complete_ns;        /* when all was first seen to be acknowledged */
    int64_t unacknowledged;      /* bytes, when that was last looked at */
    bool unknown;                /* the system does not report that: the peer has to close the
                                    connection */
    uint64_t blocked_since_ns;   /* since when it takes none of the bytes it has to take; 0: none */
    uint64_t dropped_before;     /* its meter's bytes_dropped when the ring was last empty for it */
    struct limiter limiter;      /* --rate-limit */
    uint64_t throttled_until_ns; /* when the limiter lets bytes pass again; 0: it does now */
    struct overrun overrun;      /* what it misses; with -l or -0, whether it is in a record */
    uint64_t records_dequeued;   /* records that it got from the pipe queue */
    bool tap;                    /* --tap */
    bool parked;                 /* a tap that takes nothing and is moved along with the outputs */
    bool dropping_said;
};

/* The state of a run follows, in parts. "Written by" names all files of loop/ that write a part, or
 * give a module below loop/ a pointer with which it may write. Other files of loop/ only read the
 * part (tests/house checks this). poll_loop.c may write all parts: it begins and ends them. An
 * array's elements are not meant: most files write inputs and outputs. */

/* Written by commands, failure, input, merge, move, open, rates, read, skip, timeouts. */
struct loop_inputs {
    struct loop_input *all; /* read one after another; `current` is open while RUNNING */
    size_t count, current;
    bool judged;                 /* the current input's end was judged: the next one may begin */
    struct stream_check check;   /* --expect-size, --expect-end: of all inputs together */
    uint64_t mix_clock;          /* --merge: `served` of the input that was chosen last */
    struct limiter limiter;      /* --read-rate, of all inputs together */
    uint64_t throttled_until_ns; /* by the limiter; 0: not throttled */
    uint64_t idle_since_ns;      /* since when they may be read and have nothing; 0: not idle */
    bool size_known;             /* --stop-at-size has a size to stop at */
    uint64_t size_left;          /* --stop-at-size: bytes or records still to be read */
    uint64_t skip_left;          /* --skip: bytes still to be left out */
    bool cut;                    /* the input ended early */
    bool reading_cut;            /* an input was being read when something else ended the reading */
};

/* Written by account, failure, input, open, overload, timeouts, write. */
struct loop_outputs {
    struct loop_output *all;
    size_t count;                     /* with the taps, which come after the other outputs */
    size_t main_count;                /* without the taps */
    size_t open_count;                /* outputs that are open, without the taps */
    uint64_t main_tail;               /* up to where all outputs have got the ring's bytes */
    bool sends_messages;              /* an output gets one record in each write, when complete */
    struct last_written last_written; /* of the first output */
    uint64_t leaving_ns; /* when the reader left, after it had got everything; 0: it has not left */
};

/* The way of the bytes. Written by account, failure, input, merge, move, open, overload, rates,
 * read, requests, timeouts, way, write. */
struct loop_path {
    struct ring ring;
    struct record_index record_index; /* of the ring */
    struct pipe_queue queue;
    struct flow flow;
    struct frame_stream framing;
    enum transfer_way way; /* from the current input to the sole output */
    unsigned small_passes; /* passes in a row that moved few bytes each */
    unsigned vain_passes;  /* passes in a row that moved nothing though they might have */
    uint64_t large_ns;     /* when the ring last held more than RING_KEPT bytes */
};

/* Written by account, input, overload, read. */
struct loop_overload {
    struct admission admission;
    struct spool spool;
    unsigned char *scratch; /* bytes that were read and have no place yet (loop/overload.h) */
    size_t scratch_size, scratch_start, scratch_left;
    uint64_t added; /* bytes of marks, terminators and framing that entered, for all outputs */
    uint64_t refused_records; /* records that were dropped before the ring, for all outputs */
    bool dropping_said, spool_failed;
};

/* Written by close, poll, stop. */
struct loop_polling {
    struct signals signals;
    struct pollfd signal_watch, control_watch;
    struct pollfd *fds; /* the set for poll(2), with room for all watches */
    unsigned failures;  /* of poll(2), in a row */
    uint64_t start_ns;  /* when poll() was last called */
    uint64_t last_ns;   /* when poll() last returned */
};

/* Written by input, timeouts. */
struct loop_timeouts {
    uint64_t drain_start_ns; /* when DRAINING began, or when SIGCONT resumed bpipe */
    uint64_t resumed_ns;     /* when SIGCONT last resumed bpipe; 0: never */
    uint64_t next_sample_ns; /* --report-every; 0: none */
};

/* Written by requests. */
struct loop_requests {
    struct control control;
    char *name; /* the name that control gave, or NULL */
};

/* Written by dial, open. */
struct loop_opening {
    struct dialer *dialers;
    size_t dialer_count;
    uint64_t next_ns, delay_ns; /* next try at a FIFO without a reader, and the delay before it; 0:
                                   no such FIFO is awaited */
};

/* CONFIRMING. Written by confirm. */
struct loop_confirming {
    uint64_t next_ns, delay_ns; /* when to look again; the delay after that */
    bool commands_only;         /* only commands are waited for; connections come after them */
};

/*
 * The order of closing. A failure in one step decides how everything after it is closed: only while
 * the end is true (loop_end_is_true()) do connections end in an orderly way, and do --atomic files
 * get their names. Outputs that failed before are closed first (loop_close_the_failed()).
 *
 *   CLOSING_INPUTS    the inputs, except that connections stay open
 *   CLOSING_COMMANDS  the commands are ended, or waited for. Then the outputs that CONFIRMING has
 *                     left open: --sync and --atomic files are synced; files that have their name
 *                     already, pipes, terminals and datagram sockets are closed; then --atomic
 *                     files, connections and the pipes of commands
 *   CLOSING_TAPS      the taps get the rest, if the end is true. Then the taps, the pipes of failed
 *                     commands that ran on, and the inputs' connections are closed
 */
enum closing_step { CLOSING_INPUTS, CLOSING_COMMANDS, CLOSING_TAPS, CLOSED };

/* DONE. Written by close, stop. */
struct loop_closing {
    enum closing_step step;
    uint64_t taps_end_ns;      /* when the taps' time is up */
    uint64_t taps_progress_ns; /* when a tap last took something */
    bool taps_given_up;        /* they get no more: bpipe failed, a signal came, or poll() failed */
};

enum commands_stage { COMMANDS_HEARD, COMMANDS_ENDING, COMMANDS_UNGUARDED, COMMANDS_ENDED };
enum ending_step { ENDING_LET_GO, ENDING_TERMINATE, ENDING_KILL };

/* Written by commands, stop. */
struct loop_commands {
    struct command *all; /* the inputs' commands, then the outputs' commands */
    size_t count;
    struct guard guard;
    const struct command_standard *standard;
    bool being_ended; /* bpipe is terminating them: ignore their exit status */
    /* While bpipe ends: */
    enum commands_stage stage;
    enum ending_step step;
    uint64_t end_ns;       /* when bpipe began to end them */
    bool harmless;         /* the run has not failed: the commands may end by themselves */
    uint64_t unguarded_ns; /* when the guard was let go */
};

/* Written by peers. */
struct loop_peers {
    struct peer_search *search; /* NULL: no search is running */
    uint64_t sought_ns;         /* when the last search began; 0: none yet */
    uint64_t checked_ns;        /* when bpipe last looked whether the peers are still there */
    uint64_t pause_ns;          /* before the next search */
};

struct poll_loop {
    const struct options *options;
    struct meter *meter;
    struct reporter *reporter;
    struct display *display;
    enum loop_phase phase;
    struct ending ending; /* failures, and the other causes of the end */
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
