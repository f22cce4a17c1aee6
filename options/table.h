/*
 * table.h - the table of all options, and what is derived from it.
 *
 * The arrays for getopt, --help (options/help.h), the suggestion for an unknown option, the parsing
 * of most arguments, and the list of options that -R can change are all derived from option_rows,
 * so that they cannot disagree. The other arguments are parsed in options/options.c.
 */
#ifndef BPIPE_OPTIONS_TABLE_H
#define BPIPE_OPTIONS_TABLE_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of --help and of the man page. */
enum option_id {
    OPTION_BUFFER_SIZE,
    OPTION_CHUNK_SIZE,
    OPTION_START_FILL,
    OPTION_RESUME_FILL,
    OPTION_BLOCK_SIZE,
    OPTION_PIPE_BUFFER_SIZE,
    OPTION_NO_SPLICE,
    OPTION_RATE_LIMIT,
    OPTION_READ_RATE,
    OPTION_BURST,
    OPTION_OVERFLOW,
    OPTION_GAP_MARK,
    OPTION_SPOOL,
    OPTION_SPOOL_MAX,
    OPTION_MERGE,
    OPTION_OUTPUT,
    OPTION_TAP,
    OPTION_APPEND,
    OPTION_NO_CLOBBER,
    OPTION_ATOMIC,
    OPTION_SYNC,
    OPTION_DIRECT_IO,
    OPTION_DISCARD,
    OPTION_ON_OUTPUT_ERROR,
    OPTION_IPV4,
    OPTION_IPV6,
    OPTION_RETRY,
    OPTION_ALLOW,
    OPTION_TCP_BUFFER,
    OPTION_DATAGRAM_SIZE,
    OPTION_SIZE,
    OPTION_STOP_AT_SIZE,
    OPTION_SKIP,
    OPTION_SI,
    OPTION_FROM,
    OPTION_TO,
    OPTION_MONITOR,
    OPTION_KILL_AFTER,
    OPTION_EXPECT_SIZE,
    OPTION_EXPECT_END,
    OPTION_FRAME,
    OPTION_UNFRAME,
    OPTION_LINE_MODE,
    OPTION_NULL,
    OPTION_CONNECT_TIMEOUT,
    OPTION_IDLE_TIMEOUT,
    OPTION_STALL_TIMEOUT,
    OPTION_DRAIN_TIMEOUT,
    OPTION_PROGRESS,
    OPTION_TIMER,
    OPTION_ETA,
    OPTION_FINETA,
    OPTION_RATE,
    OPTION_AVERAGE_RATE,
    OPTION_BYTES,
    OPTION_BITS,
    OPTION_BUFFER_PERCENT,
    OPTION_LAST_WRITTEN,
    OPTION_FORMAT,
    OPTION_NUMERIC,
    OPTION_INTERVAL,
    OPTION_AVERAGE_RATE_WINDOW,
    OPTION_WAIT,
    OPTION_DELAY_START,
    OPTION_GAUGE,
    OPTION_BAR_STYLE,
    OPTION_WIDTH,
    OPTION_HEIGHT,
    OPTION_EXTRA_DISPLAY,
    OPTION_FORCE,
    OPTION_CURSOR,
    OPTION_REPORT,
    OPTION_REPORT_EVERY,
    OPTION_STATS,
    OPTION_QUIET,
    OPTION_NAME,
    OPTION_REMOTE,
    OPTION_QUERY,
    OPTION_PIDFILE,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
};

/* The form of an option's argument, and the type of the field in struct options. */
enum option_type {
    TYPE_OWN,      /* parsed by its own code (options/options.c); an argument or a flag */
    TYPE_FLAG,     /* no argument; a bool */
    TYPE_SIZE,     /* bytes; a uint64_t from `least` to `most` */
    TYPE_RATE,     /* bytes per second; a uint64_t */
    TYPE_DURATION, /* nanoseconds; a uint64_t */
    TYPE_SECONDS,  /* a duration as pv accepts it, from `least` to `most` nanoseconds; a uint64_t */
    TYPE_PERCENT,  /* an unsigned */
    TYPE_NUMBER,   /* an unsigned from `least` to `most` */
    TYPE_PID,      /* a long from `least` to `most` */
    TYPE_TEXT,     /* a const char * with at least `least` characters */
    OPTION_TYPES
};

/* The type comes first, so that a row without one does not compile. */
struct option_row {
    enum option_type type;
    size_t offset; /* in struct options */
    uint64_t least, most;
    bool live;            /* -R can change it in a running bpipe */
    const char *heading;  /* heading of the group in --help that begins here, or NULL */
    char letter;          /* 0: none */
    const char *name;     /* with its dashes: "--buffer-size" */
    const char *argument; /* name of the argument in --help; NULL: a flag */
    const char *help;     /* lines separated by '\n' */
};

extern const struct option_row option_rows[OPTION_COUNT];

/* The arrays that getopt_long(3) takes. It returns OPTION_OPERAND for an operand, so that INPUTs
 * and --from keep their order. Only the words after "--" are left at the end. */
enum { OPTION_OPERAND = 1 };

struct option_arrays {
    char letters[2 + 2 * OPTION_COUNT + 1];
    struct option longs[OPTION_COUNT + 1];
};

void option_arrays_fill(struct option_arrays *arrays);

/* The option for the value that getopt_long() returned or put into optopt; OPTION_COUNT if there is
 * none. */
enum option_id option_of_value(int value);

/*
 * The option that the user probably meant by a name that getopt_long() did not accept. The name has
 * `length` characters, without the dashes. NULL: no option is near.
 */
const struct option_row *option_nearest(const char *name, size_t length);

/*
 * Lists the options that begin with `name` in `list`: "--report, --report-every". Returns the
 * number of these options. If not all fit into `size` >= 8 bytes, the list ends with "...".
 */
size_t option_abbreviated(const char *name, size_t length, char *list, size_t size);

#endif
