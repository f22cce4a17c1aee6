/*
 * options.h - the command line as a struct.
 *
 * Pure: parsing opens nothing and prints nothing but --help, --version and usage errors. Pointers
 * point into argv, or into memory that lives as long as the struct. Read-only after parsing.
 */
#ifndef BPIPE_OPTIONS_H
#define BPIPE_OPTIONS_H

#include "base/records.h"
#include "net/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPIPE_VERSION "0.1.0"

/* What happens to an output file that exists already. */
enum file_mode { FILE_TRUNCATE, FILE_APPEND, FILE_NO_CLOBBER };

/* What happens to what comes when the buffer is full (--overflow). */
enum overflow_policy {
    OVERFLOW_BLOCK,       /* it stays where it is: the producer waits */
    OVERFLOW_DROP_NEWEST, /* it is dropped, for all outputs */
    OVERFLOW_DROP_OLDEST, /* the oldest bytes that an output has not got are dropped, for that */
    OVERFLOW_FAIL         /* the run ends */
};

/* What is done to the stream (--frame, --unframe; io/frame_codec.h). */
enum framing_kind { FRAMING_NONE, FRAMING_ADD, FRAMING_REMOVE };
enum { OPTIONS_FRAMING = 28 }; /* bytes of a head, a length and an end (io/frame_codec.h) */

/* A program that bpipe is to start (--from, --to). */
struct command_spec {
    const char *text; /* what it is called: COMMAND, or the words of PROGRAM ARG... */
    bool is_ours; /* it is another bpipe: it says itself why it fails, and dies of SIGPIPE when its
                     reader has left, which is no failure */
    char *const *argv; /* PROGRAM ARG... and NULL; NULL: `text` is run by sh -c */
};

enum bar_style { BAR_PLAIN, BAR_BLOCK, BAR_GRANULAR, BAR_SHADED, BAR_STYLES };

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_PROMETHEUS };

/* One --report. */
struct report_spec {
    enum report_format format;
    const char *path; /* NULL: stderr; else what an endpoint may be, but not descriptor 2 */
};

/* The live line (-p and its kind; display/display.h). */
struct display_options {
    bool asked; /* any switch of what is shown was given: nothing else is then */
    bool progress, timer, eta, fineta, rate, average_rate, bytes, bits, buffer_percent;
    bool shows_buffer;     /* -T, or a format does: set by main() (display_format_shows_buffer()) */
    unsigned last_written; /* -A; 0: no */
    const char *format;    /* -F, or NULL; then the eight above mean nothing */
    bool numeric;          /* -n */
    uint64_t interval_ns;  /* -i, >= 100 ms */
    uint64_t window_ns;    /* -m, >= 1 s */
    bool wait;             /* -W */
    uint64_t delay_ns;     /* -D */
    bool gauge;            /* -g */
    enum bar_style bar;    /* -u */
    unsigned width;        /* -w; 0: the terminal's */
    unsigned height;       /* -H; 0: the terminal's */
    bool window_title, process_title; /* -x */
    const char *extra_format;         /* and its FORMAT, or NULL: the line itself */
    bool force;                       /* -f */
    bool cursor;                      /* -c */
};

struct options {
    const char **inputs; /* INPUT operands; ["-"] if there were none */
    size_t input_count;
    const char **outputs; /* -o; ["-"] if there were none; one unused entry with --discard */
    size_t output_count;
    const char **taps; /* --tap */
    size_t tap_count;
    /* Those inputs and outputs that are commands, in the same order; its text NULL: it is none. The
     * endpoint's text of one that is a command is "", which is no endpoint's. */
    struct command_spec *input_commands, *output_commands;
    size_t command_count;   /* of both */
    char *program_text;     /* of the one that is PROGRAM ARG..., or NULL; owned */
    char **program_argv;    /* its words, where they are not argv's; NULL, or owned with them */
    uint64_t kill_after_ns; /* --kill-after; 0: never */

    enum file_mode file_mode;
    bool atomic;
    bool sync;      /* -Y */
    bool direct_io; /* -K */
    bool discard;   /* -X */
    bool no_splice; /* -C */

    uint64_t buffer_size; /* -B, >= 1 */
    uint64_t chunk_size;  /* -z, >= 1 */
    uint64_t block_size;  /* --block-size; 0: none; <= buffer_size */
    bool pipe_size_given; /* -J: else the default, try 1 MiB and then 256 KiB */
    uint64_t pipe_size;   /* -J; 0: leave the neighbours' pipes alone */

    bool size_given;       /* -s */
    uint64_t size;         /* -s: bytes, or records with -l/-0; 0: none given */
    const char *size_path; /* -s @PATH: resolved later by input_size(); else NULL */
    bool stop_at_size;     /* -S */
    bool expect_size_given;
    uint64_t expect_size;   /* --expect-size: bytes */
    const char *expect_end; /* --expect-end: a text, or @PATH; NULL: none */
    enum framing_kind framing;
    enum record_kind records;

    unsigned start_fill_percent;  /* 0: none */
    unsigned resume_fill_percent; /* 100: none */

    enum overflow_policy overflow;
    bool gap_mark;
    const char *spool;  /* --spool: a directory or a file; NULL: none */
    uint64_t spool_max; /* >= 1 */
    bool merge;

    uint64_t rate_limit; /* -L: bytes (or records) a second to each output; 0: none */
    uint64_t read_rate;  /* bytes a second from the inputs; 0: none */
    uint64_t burst;      /* the most bytes (or records) at once; 0: what the limiter chooses */

    struct net_settings net;
    size_t datagram_size;      /* --datagram-size: of a stream that goes out by UDP; 1 to 65507 */
    bool stop_on_output_error; /* --on-output-error stop, or there is only one output */

    uint64_t idle_timeout_ns;  /* 0: none */
    uint64_t stall_timeout_ns; /* 0: none */
    uint64_t drain_timeout_ns; /* 0: none; the default counts only after SIGTERM and SIGHUP */
    bool drain_timeout_given;  /* then it counts after the end of input as well */

    struct display_options display;
    long remote; /* -R: the process to change; 0: none */
    long query;  /* -Q: the process to ask; 0: none */
    /* For these: which of the options that can be changed were given. */
    bool rate_given, read_rate_given, interval_given, start_fill_given, resume_fill_given;

    bool si;             /* -k */
    bool quiet;          /* -q */
    bool verbose;        /* -v: a text report with a line for each endpoint */
    const char *name;    /* -N or NULL */
    const char *pidfile; /* -P or NULL */

    struct report_spec *reports; /* what is to be written, defaults applied; may be empty */
    size_t report_count;
    uint64_t report_every_ns; /* 0: only at the end */
};

enum options_status {
    OPTIONS_RUN,   /* go on */
    OPTIONS_DONE,  /* --help or --version was printed: exit 0 (1 if stdout could not take it) */
    OPTIONS_USAGE, /* one line was printed to stderr: exit 2 */
    OPTIONS_FAILED /* out of memory, or --help could not be written: one line was printed, exit 1 */
};

/* Fills *options. May reorder argv (operands last). On anything but OPTIONS_RUN there is nothing to
 * destroy. */
enum options_status options_parse(struct options *options, int argc, char *argv[]);

/* Whether overload may cost bytes: --overflow drop-newest or drop-oldest. */
bool options_drop(const struct options *options);

/*
 * How much of the buffer is the ring that the outputs are served from: all of it; with --merge,
 * what the inputs do not share. That is a MERGE_WINDOW's worth, or where records are offered only
 * when they are whole as much as a share is: what fits that has to fit the ring. 0: too little for
 * all.
 */
enum { MERGE_WINDOW = 64 * 1024 };
uint64_t options_ring_size(const struct options *options);

/*
 * Whether the pipes that bpipe reads from and writes to are grown. What -J says; without -J, unless
 * the user wants to see the buffer (-T, or a format of -F or -x with a sequence of the buffer), or
 * wants little to be held (-B below 64K, which is what a pipe holds that was not grown): a grown
 * pipe would take what the buffer is to hold.
 */
bool options_grow_pipes(const struct options *options);

/* The format that -F gives, or the switches stand for, composed in `buf`; NULL: there are none, and
 * it is the default line. */
enum { DISPLAY_FORMAT_TEXT = 64 };
const char *options_display_format(const struct options *options, char buf[DISPLAY_FORMAT_TEXT]);

void options_destroy(struct options *options);

#endif
