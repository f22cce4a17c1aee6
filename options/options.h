/*
 * options.h - the command line as a struct.
 *
 * Parsing opens nothing, and prints nothing except --help, --version and usage errors. Pointers
 * point into argv, or into memory that lives as long as the struct. Read-only after parsing.
 */
#ifndef BPIPE_OPTIONS_H
#define BPIPE_OPTIONS_H

#include "base/records.h"
#include "net/settings.h"
#include "options/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an output file that already exists is opened. */
enum file_mode { FILE_TRUNCATE, FILE_APPEND, FILE_NO_CLOBBER };

/* What happens to new bytes when the buffer is full (--overflow). */
enum overflow_policy {
    OVERFLOW_BLOCK,       /* bpipe does not read them: the producer waits */
    OVERFLOW_DROP_NEWEST, /* they are dropped, for all outputs */
    OVERFLOW_DROP_OLDEST, /* an output that is behind loses the oldest bytes it has not got */
    OVERFLOW_FAIL         /* the run ends */
};

/* Whether framing is added to the stream or removed (--frame, --unframe; io/frame_codec.h). */
enum framing_kind { FRAMING_NONE, FRAMING_ADD, FRAMING_REMOVE };
enum { DATAGRAM_MOST = 65507 }; /* bytes in a datagram: over IPv4, 65535 minus the headers */
enum { OPTIONS_FRAMING = 28 };  /* bytes of a head, a length and an end (io/frame_codec.h) */

/* A program that bpipe starts (--from, --to). */
struct command_spec {
    const char *text; /* its name in messages: COMMAND, or the words of PROGRAM ARG... */
    bool is_ours; /* it is another bpipe. That one reports its own failure. When its reader has left
                     it dies of SIGPIPE, which is not a failure */
    char *const *argv; /* PROGRAM ARG... and NULL; NULL: `text` is run by sh -c */
};

enum bar_style { BAR_PLAIN, BAR_BLOCK, BAR_GRANULAR, BAR_SHADED, BAR_STYLES };

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_PROMETHEUS };

/* One --report. */
struct report_spec {
    enum report_format format;
    const char *path; /* NULL: stderr; else the text of an endpoint other than descriptor 2 */
};

/* The live line (-p and the like; display/display.h). */
struct display_options {
    bool asked; /* a switch that selects a part was given: only selected parts are shown */
    bool progress, timer, eta, fineta, rate, average_rate, bytes, bits, buffer_percent;
    bool shows_buffer;     /* -T, or the format of -F or -x does (display_format_shows_buffer()) */
    unsigned last_written; /* -A; 0: no */
    const char *format;    /* -F, or NULL; with -F the above have no effect, except `bits` */
    bool numeric;          /* -n */
    uint64_t interval_ns;  /* -i, >= 100 ms */
    uint64_t window_ns;    /* -m, >= 1 s */
    bool wait;             /* -W */
    uint64_t delay_ns;     /* -D */
    bool gauge;            /* -g */
    enum bar_style bar;    /* -u */
    unsigned width;        /* -w; 0: the width of the terminal */
    unsigned height;       /* -H; 0: the height of the terminal */
    bool window_title, process_title; /* -x */
    const char *extra_format;         /* the FORMAT of -x; NULL: that of the line */
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
    /* One entry for each input and each output, in the same order. An entry whose text is NULL is
     * not a command. The text of an endpoint that is a command is "", which no other endpoint has.
     */
    struct command_spec *input_commands, *output_commands;
    size_t command_count;   /* in both arrays */
    char *program_text;     /* text of the command that is PROGRAM ARG..., or NULL; owned */
    char **program_argv;    /* its words if they are not in argv, or NULL; owned, with the words */
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
    uint64_t pipe_size;   /* -J; 0: do not resize the neighbours' pipes; not given: try 1 MiB, then
                             256 KiB */

    uint64_t size;          /* -s: bytes, or records with -l/-0; 0: none given */
    const char *size_path;  /* -s @PATH: input_size() resolves it later; else NULL */
    bool stop_at_size;      /* -S */
    uint64_t skip;          /* --skip: bytes */
    uint64_t expect_size;   /* --expect-size: bytes */
    const char *expect_end; /* --expect-end: a string, or @PATH; NULL: none */
    enum framing_kind framing;
    enum record_kind records;

    unsigned start_fill_percent;  /* 0: none */
    unsigned resume_fill_percent; /* 100: none */

    enum overflow_policy overflow;
    bool gap_mark;
    const char *spool;  /* --spool: a directory or a file; NULL: none */
    uint64_t spool_max; /* >= 1 */
    bool merge;

    uint64_t rate_limit; /* -L: bytes (or records) per second to each output; 0: none */
    uint64_t read_rate;  /* bytes per second from the inputs; 0: none */
    uint64_t burst;      /* maximum bytes (or records) at once; 0: the limiter chooses */

    struct net_settings net;
    size_t datagram_size;      /* --datagram-size: of a stream; 1 to DATAGRAM_MOST */
    bool stop_on_output_error; /* --on-output-error stop, or the default with only one output */

    uint64_t idle_timeout_ns;  /* 0: none */
    uint64_t stall_timeout_ns; /* 0: none */
    /* 0: none. The default applies only after SIGTERM and SIGHUP; if it was given, it applies after
     * the end of input as well. */
    uint64_t drain_timeout_ns;

    struct display_options display;
    long remote;              /* -R: the process to change; 0: none */
    long query;               /* -Q: the process to ask; 0: none */
    bool given[OPTION_COUNT]; /* by enum option_id: whether the option was given */

    bool si;             /* -k */
    bool quiet;          /* -q */
    bool verbose;        /* -v: a text report with a line for each endpoint */
    const char *name;    /* -N or NULL */
    const char *pidfile; /* -P or NULL */

    struct report_spec *reports; /* the reports to write, defaults included; may be empty */
    size_t report_count;
    uint64_t report_every_ns; /* 0: only at the end */
};

enum options_status {
    OPTIONS_RUN,   /* continue */
    OPTIONS_DONE,  /* --help or --version was printed: exit 0 */
    OPTIONS_USAGE, /* one line was printed to stderr: exit 2 */
    OPTIONS_FAILED /* out of memory, or stdout did not take --help or --version: one line was
                      printed to stderr, exit 1 */
};

/* Fills *options. May reorder argv (operands last). If the result is not OPTIONS_RUN there is
 * nothing to destroy. */
enum options_status options_parse(struct options *options, int argc, char *argv[]);

/* Whether --overflow is drop-newest or drop-oldest, so that bytes may be dropped. */
bool options_drop(const struct options *options);

/*
 * Bytes of the buffer that are the ring from which the outputs are served. Without --merge that is
 * the whole buffer. With --merge it is MERGE_WINDOW, or half of the buffer if that is less; the
 * inputs share the rest. If only whole records are offered the ring is about as large as a share,
 * because a record that fits a share has to fit the ring. The ring holds at least --block-size.
 * 0: the buffer is too small for all shares.
 */
enum { MERGE_WINDOW = 64 * 1024 };
uint64_t options_ring_size(const struct options *options);

/*
 * Whether bpipe enlarges the pipes that it reads from and writes to. -J decides. Without -J it
 * enlarges them, unless the live line shows the buffer (-T, or a format of -F or -x with a sequence
 * of the buffer), or the buffer is smaller than a pipe (-B below 64K): an enlarged pipe would hold
 * the bytes that belong in the buffer.
 */
bool options_grow_pipes(const struct options *options);

/* The format of -F, or the format that the switches stand for, composed in `buf`. NULL: none of
 * them was given, and the default line is shown. */
enum { DISPLAY_FORMAT_TEXT = 64 };
const char *options_display_format(const struct options *options, char buf[DISPLAY_FORMAT_TEXT]);

void options_destroy(struct options *options);

#endif
