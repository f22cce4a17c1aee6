/*
 * plan.h - one schedule: how bpipe is called, and what its producers and consumers do and when.
 *
 * All of it comes from the seed. A moment is not a time but a state of progress: a producer goes
 * on, or a consumer reads again, when nothing has moved anywhere for some milliseconds, or when all
 * producers have written everything.
 */
#ifndef SCHEDULE_PLAN_H
#define SCHEDULE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    MOST_SOURCES = 4,
    MOST_OUTPUTS = 3,
    MOST_TAPS = 2,
    MOST_SINKS = MOST_OUTPUTS + MOST_TAPS,
    MOST_STEPS = 5
};

enum unit { UNIT_BYTES, UNIT_LINES, UNIT_NULS };
enum policy { POLICY_BLOCK, POLICY_DROP_NEWEST, POLICY_DROP_OLDEST, POLICY_FAIL, POLICIES };

/* What schedules can be made without (-x). */
enum feature {
    FEATURE_DROP_NEWEST = 1,
    FEATURE_DROP_OLDEST = 2,
    FEATURE_FAIL = 4,
    FEATURE_GAP_MARK = 8,
    FEATURE_TAP = 16,
    FEATURE_SPOOL = 32,
    FEATURE_MERGE = 64,
    FEATURE_NETWORK = 128,
    FEATURE_SIGNAL = 256
};

enum wire_kind { WIRE_NONE, WIRE_TCP, WIRE_UNIX };

/* A connection between bpipe and a producer or consumer. */
struct wire {
    enum wire_kind kind;
    bool bpipe_listens;  /* otherwise it connects */
    size_t buffer_size;  /* of our socket, each way; 0: the system's */
    unsigned patient_ms; /* how late we connect, or accept */
};

/* Writes this many bytes at once, then pauses until nothing has moved for quiet_ms. */
struct burst {
    size_t bytes;
    unsigned quiet_ms; /* 0: no pause */
};

enum source_end { SOURCE_CLOSES, SOURCE_HALF_CLOSES, SOURCE_RESETS };

/* A producer. */
struct source {
    struct wire wire; /* WIRE_NONE: a pipe */
    enum source_end end;
    size_t resets_after; /* bytes */
    size_t bytes;        /* in all its bursts */
    bool unterminated;   /* its last record has no terminator */
    size_t pipe_size;
    size_t write_size; /* at most in a call */
    struct burst bursts[MOST_STEPS];
    size_t burst_count;
};

/* After that number of bytes the consumer reads no more until nothing has moved for quiet_ms, or (0)
 * until all producers have written everything. */
struct stall {
    size_t after;
    unsigned quiet_ms;
};

enum sink_kind { SINK_STDOUT, SINK_DESCRIPTOR, SINK_FIFO, SINK_FILE, SINK_SOCKET };

/* What the consumer at a connection sends to bpipe. */
enum talk { TALK_NONE, TALK_END /* ends its direction at once */, TALK_JUNK };

/* An output or tap, and its consumer. */
struct sink {
    enum sink_kind kind;
    struct wire wire; /* SINK_SOCKET */
    enum talk talk;
    size_t junk; /* bytes after each read */
    size_t pipe_size;
    size_t read_size; /* at most in a call */
    struct stall stalls[MOST_STEPS];
    size_t stall_count;
    bool leaves; /* after reading leaves_after bytes */
    bool resets; /* with a reset, when it leaves */
    size_t leaves_after;
    bool stuck; /* a tap that reads nothing before bpipe has ended */
};

enum on_error { ON_ERROR_DEFAULT, ON_ERROR_STOP, ON_ERROR_CONTINUE };

/* A signal, sent some time after the producers have written that many bytes, or are done. */
struct interruption {
    int signal; /* 0: none */
    size_t after;
    unsigned late_us;
    bool again;
};

struct plan {
    uint64_t seed;
    enum unit unit;
    enum policy policy;
    bool merge, gap_mark, no_splice;
    size_t buffer_size, chunk_size;
    size_t start_fill, resume_fill; /* percent; 0: not given */
    size_t rate_limit, read_rate;   /* 0: not given */
    size_t spool_max;               /* 0: no spool */
    bool pipe_size_given;
    size_t pipe_size; /* -J */
    size_t longest_record;
    struct source sources[MOST_SOURCES];
    size_t source_count;
    struct sink sinks[MOST_SINKS]; /* outputs first, then taps */
    size_t output_count, tap_count;
    enum on_error on_error;
    struct interruption interruption;
    bool freezes; /* after that many bytes all ends stand still, and bpipe must sleep */
    size_t freezes_after;
    bool portable; /* bpipe cannot tell what a peer has acknowledged; not from the seed */
};

/* The ports at which bpipe listens, or to which it connects. */
struct ports {
    unsigned sources[MOST_SOURCES], sinks[MOST_SINKS];
};

void plan_make(struct plan *plan, uint64_t seed, unsigned without); /* without: enum feature */

bool plan_drops(const struct plan *plan);
size_t plan_sinks(const struct plan *plan);
size_t plan_bytes(const struct plan *plan);   /* of all sources */
int plan_terminator(const struct plan *plan); /* '\n', '\0', or -1 for bytes */

bool plan_source_is_tcp(const struct plan *plan, size_t source);
bool plan_sink_is_tcp(const struct plan *plan, size_t sink);

/* plan_network.c: turns some pipes into connections, and chooses signals. For plan_make(). */
void plan_choose_network(struct plan *plan, unsigned without);
void plan_print_source_wire(const struct source *source, FILE *stream);
void plan_print_sink_wire(const struct sink *sink, FILE *stream);
void plan_print_interruption(const struct plan *plan, FILE *stream);

/* The descriptor that a source or sink of bpipe gets, and the name of a sink's FIFO or file, or of
 * a unix socket. */
int plan_source_descriptor(size_t source);
int plan_sink_descriptor(size_t sink);
void plan_sink_name(size_t sink, char name[16]);
void plan_source_name(size_t source, char name[16]);

/* bpipe's arguments after its name, for a directory with spool/ in it. They live until the next
 * call.
 */
enum { MOST_ARGUMENTS = 64 };
void plan_arguments(const struct plan *plan, const struct ports *ports,
                    char *arguments[MOST_ARGUMENTS]);

/* Prints all of it, on one line. */
void plan_print(const struct plan *plan, FILE *stream);

#endif
