/*
 * table.c - see table.h.
 */
#include "options/table.h"

#include "base/platform.h"
#include "options/options.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    LONGEST_TYPO = 40,   /* a longer name is not compared with the options */
    NO_LETTER = 0x110000 /* getopt's value of the first row if it has no letter. Some libcs read
                            letters as wide characters; optopt never gets a value this high */
};

/* The beginning of a row: the type of the argument, the member that it is stored in, and whether -R
 * may change it. A member whose type does not fit the option does not compile. */
enum { FIXED = 0, LIVE = 1 };
#define AT(type, member) \
    (offsetof(struct options, member) + 0 * sizeof(&((struct options *)NULL)->member == (type *)0))
#define FLAG(member, live)                 TYPE_FLAG, AT(bool, member), 0, 0, live
#define SIZE(member, least, most, live)    TYPE_SIZE, AT(uint64_t, member), least, most, live
#define SPEED(member, live)                TYPE_RATE, AT(uint64_t, member), 0, 0, live
#define DURATION(member, live)             TYPE_DURATION, AT(uint64_t, member), 0, 0, live
#define SECONDS(member, least, most, live) TYPE_SECONDS, AT(uint64_t, member), least, most, live
#define PERCENT(member, live)              TYPE_PERCENT, AT(unsigned, member), 0, 0, live
#define NUMBER(member, least, most, live)  TYPE_NUMBER, AT(unsigned, member), least, most, live
#define PID(member)                        TYPE_PID, AT(long, member), 1, INT_MAX, FIXED
#define TEXT(member, least, live)          TYPE_TEXT, AT(const char *, member), least, 0, live
#define OWN(live)                          TYPE_OWN, 0, 0, 0, live

const struct option_row option_rows[OPTION_COUNT] = {
    [OPTION_BUFFER_SIZE] = {SIZE(buffer_size, 1, SSIZE_MAX, FIXED), "Buffering", 'B',
                            "--buffer-size", "SIZE", "hold up to SIZE in memory (default 16M)"},
    [OPTION_CHUNK_SIZE] = {SIZE(chunk_size, 1, SSIZE_MAX, FIXED), NULL, 'z', "--chunk-size", "SIZE",
                           "transfer at most SIZE in one system call\n"
                           "(default 1M)"},
    [OPTION_START_FILL] = {PERCENT(start_fill_percent, LIVE), NULL, 0, "--start-fill", "PERCENT",
                           "start writing when the buffer is PERCENT full,\n"
                           "at first and each time it has run empty"},
    [OPTION_RESUME_FILL] = {PERCENT(resume_fill_percent, LIVE), NULL, 0, "--resume-fill", "PERCENT",
                            "after the buffer was full, resume reading when\n"
                            "it has drained to PERCENT"},
    [OPTION_BLOCK_SIZE] = {SIZE(block_size, 1, SSIZE_MAX, FIXED), NULL, 0, "--block-size", "SIZE",
                           "write blocks of exactly SIZE, except the last"},
    [OPTION_PIPE_BUFFER_SIZE] = {SIZE(pipe_size, 0, INT_MAX, FIXED), NULL, 'J',
                                 "--pipe-buffer-size", "SIZE",
                                 "size of the pipes on both sides; 0 leaves them\n"
                                 "unchanged (default 1M, or as much as the\n"
                                 "kernel allows; with -T, or -B below 64K, 0)"},
    [OPTION_NO_SPLICE] = {FLAG(no_splice, FIXED), NULL, 'C', "--no-splice", NULL,
                          "always copy data through memory"},

    [OPTION_RATE_LIMIT] = {SPEED(rate_limit, LIVE), "Rates (0: no limit)", 'L', "--rate-limit",
                           "RATE",
                           "write at most RATE bytes per second (with -l\n"
                           "or -0: records): 10M, or in bits 80Mbit, not\n"
                           "80Mb"},
    [OPTION_READ_RATE] = {SPEED(read_rate, LIVE), NULL, 0, "--read-rate", "RATE",
                          "read at most RATE bytes per second"},
    [OPTION_BURST] = {SIZE(burst, 1, INT64_MAX, FIXED), NULL, 0, "--burst", "SIZE",
                      "largest amount written at once after a pause\n"
                      "(default: 20 ms of the rate)"},

    [OPTION_OVERFLOW] = {OWN(FIXED), "Overload", 0, "--overflow", "POLICY",
                         "action when the buffer is full: block,\n"
                         "drop-newest, drop-oldest or fail (default\n"
                         "block); -l and -0 drop whole records"},
    [OPTION_GAP_MARK] = {FLAG(gap_mark, FIXED), NULL, 0, "--gap-mark", NULL,
                         "with -l or -0: insert a record with the number\n"
                         "of records dropped at that point"},
    [OPTION_SPOOL] = {OWN(FIXED), NULL, 0, "--spool", "PATH",
                      "store data that exceeds the buffer on disk: in\n"
                      "directory PATH, or in a new file PATH"},
    [OPTION_SPOOL_MAX] = {SIZE(spool_max, 1, INT64_MAX, FIXED), NULL, 0, "--spool-max", "SIZE",
                          "spool at most SIZE (default 1G)"},
    [OPTION_MERGE] = {FLAG(merge, FIXED), NULL, 0, "--merge", NULL,
                      "read all INPUTs at once, in fair turns; with\n"
                      "-l or -0, merge whole records"},

    [OPTION_OUTPUT] = {OWN(FIXED), "Outputs", 'o', "--output", "ENDPOINT",
                       "write to ENDPOINT instead of standard output;\n"
                       "repeatable, each output gets every byte"},
    [OPTION_TAP] = {OWN(FIXED), NULL, 0, "--tap", "ENDPOINT",
                    "also write to ENDPOINT, but never wait for it;\n"
                    "a slow tap skips data"},
    [OPTION_APPEND] = {OWN(FIXED), NULL, 0, "--append", NULL, "append to output files"},
    [OPTION_NO_CLOBBER] = {OWN(FIXED), NULL, 0, "--no-clobber", NULL,
                           "refuse to write to an existing output file"},
    [OPTION_ATOMIC] = {FLAG(atomic, FIXED), NULL, 0, "--atomic", NULL,
                       "create or replace output files only on success"},
    [OPTION_SYNC] = {FLAG(sync, FIXED), NULL, 'Y', "--sync", NULL,
                     "flush each write to disk before the next one"},
    [OPTION_DIRECT_IO] = {FLAG(direct_io, FIXED), NULL, 'K', "--direct-io", NULL,
                          "bypass the page cache (O_DIRECT)"},
    [OPTION_DISCARD] = {FLAG(discard, FIXED), NULL, 'X', "--discard", NULL,
                        "read and count the data, but write nothing"},
    [OPTION_ON_OUTPUT_ERROR] = {OWN(FIXED), NULL, 0, "--on-output-error", "ACTION",
                                "action when an output fails: stop, or continue\n"
                                "with the others (default: continue)"},

    [OPTION_IPV4] = {OWN(FIXED), "Network", '4', "--ipv4", NULL, "use IPv4 addresses only"},
    [OPTION_IPV6] = {OWN(FIXED), NULL, '6', "--ipv6", NULL, "use IPv6 addresses only"},
    [OPTION_RETRY] = {NUMBER(net.retries, 0, 1000000, FIXED), NULL, 0, "--retry", "N",
                      "try to connect up to N more times, with\n"
                      "increasing pauses"},
    [OPTION_ALLOW] = {OWN(FIXED), NULL, 0, "--allow", "CIDR",
                      "accept connections and datagrams only from\n"
                      "CIDR, such as 10.0.0.0/8 or ::1; repeatable"},
    [OPTION_TCP_BUFFER] = {OWN(FIXED), NULL, 0, "--tcp-buffer", "SIZE",
                           "size of the kernel's TCP buffers (default:\n"
                           "chosen by the system)"},
    [OPTION_DATAGRAM_SIZE] = {OWN(FIXED), NULL, 0, "--datagram-size", "SIZE",
                              "split a stream into datagrams of at most SIZE\n"
                              "(default 1400)"},

    [OPTION_SIZE] = {OWN(LIVE), "Size", 's', "--size", "SIZE|@PATH",
                     "expect SIZE bytes, or the size of a file or of\n"
                     "all files below a directory"},
    [OPTION_STOP_AT_SIZE] = {FLAG(stop_at_size, FIXED), NULL, 'S', "--stop-at-size", NULL,
                             "stop at the expected size and read no further"},
    [OPTION_SKIP] = {SIZE(skip, 0, INT64_MAX, FIXED), NULL, 0, "--skip", "SIZE",
                     "leave out the first SIZE bytes of the input"},
    [OPTION_SI] = {FLAG(si, FIXED), NULL, 'k', "--si", NULL,
                   "interpret K, M, G ... as powers of 1000 in all\n"
                   "options and reports"},

    [OPTION_FROM] = {OWN(FIXED), "Commands", 0, "--from", "COMMAND",
                     "read the output of COMMAND (sh -c); fail\n"
                     "unless it exits with status 0"},
    [OPTION_TO] = {OWN(FIXED), NULL, 0, "--to", "COMMAND",
                   "write to COMMAND (sh -c); if the run fails,\n"
                   "terminate it before it sees the end of input"},
    [OPTION_MONITOR] = {OWN(FIXED), NULL, 'M', "--monitor", "SIDE",
                        "side of a program to monitor: both, in or out,\n"
                        "as in bpipe -M in -- PROGRAM"},
    [OPTION_KILL_AFTER] = {DURATION(kill_after_ns, FIXED), NULL, 0, "--kill-after", "DURATION",
                           "send SIGKILL to a command still running\n"
                           "DURATION after SIGTERM (default 5s)"},

    [OPTION_EXPECT_SIZE] = {SIZE(expect_size, 0, INT64_MAX, FIXED), "Integrity", 0, "--expect-size",
                            "SIZE", "fail unless the input is exactly SIZE bytes"},
    [OPTION_EXPECT_END] = {OWN(FIXED), NULL, 0, "--expect-end", "STRING|@FILE",
                           "fail unless the input ends with STRING or with\n"
                           "the contents of FILE"},
    [OPTION_FRAME] = {OWN(FIXED), NULL, 0, "--frame", NULL,
                      "frame the stream, so that --unframe can detect\n"
                      "truncation and damage"},
    [OPTION_UNFRAME] = {OWN(FIXED), NULL, 0, "--unframe", NULL,
                        "remove the framing; fail if the stream was\n"
                        "truncated or damaged"},

    [OPTION_LINE_MODE] = {OWN(FIXED), "Records", 'l', "--line-mode", NULL,
                          "count lines, also for --size and --rate-limit"},
    [OPTION_NULL] = {OWN(FIXED), NULL, '0', "--null", NULL,
                     "count NUL-terminated records instead of lines"},

    [OPTION_CONNECT_TIMEOUT] = {DURATION(net.connect_timeout_ns, FIXED), "Timeouts (0: no limit)",
                                0, "--connect-timeout", "DURATION",
                                "give up after DURATION without a connection"},
    [OPTION_IDLE_TIMEOUT] = {DURATION(idle_timeout_ns, FIXED), NULL, 0, "--idle-timeout",
                             "DURATION", "give up after DURATION without input"},
    [OPTION_STALL_TIMEOUT] = {DURATION(stall_timeout_ns, FIXED), NULL, 0, "--stall-timeout",
                              "DURATION",
                              "give up on an output that accepts no data for\n"
                              "DURATION"},
    [OPTION_DRAIN_TIMEOUT] = {DURATION(drain_timeout_ns, FIXED), NULL, 0, "--drain-timeout",
                              "DURATION",
                              "like --stall-timeout, after the end of input\n"
                              "or SIGTERM (default 10s if the input was cut\n"
                              "short)"},

    [OPTION_PROGRESS] = {FLAG(display.progress, LIVE),
                         "Display (options of pv; the first twelve select what is shown)", 'p',
                         "--progress", NULL, "progress bar"},
    [OPTION_TIMER] = {FLAG(display.timer, LIVE), NULL, 't', "--timer", NULL, "elapsed time"},
    [OPTION_ETA] = {FLAG(display.eta, LIVE), NULL, 'e', "--eta", NULL, "estimated time remaining"},
    [OPTION_FINETA] = {FLAG(display.fineta, LIVE), NULL, 'I', "--fineta", NULL,
                       "estimated time of completion"},
    [OPTION_RATE] = {FLAG(display.rate, LIVE), NULL, 'r', "--rate", NULL, "current transfer rate"},
    [OPTION_AVERAGE_RATE] = {FLAG(display.average_rate, LIVE), NULL, 'a', "--average-rate", NULL,
                             "average transfer rate (see -m)"},
    [OPTION_BYTES] = {FLAG(display.bytes, LIVE), NULL, 'b', "--bytes", NULL, "amount transferred"},
    [OPTION_BITS] = {FLAG(display.bits, FIXED), NULL, '8', "--bits", NULL,
                     "amount transferred, in bits"},
    [OPTION_BUFFER_PERCENT] = {FLAG(display.buffer_percent, LIVE), NULL, 'T', "--buffer-percent",
                               NULL, "fill level of the buffer (implies --no-splice)"},
    [OPTION_LAST_WRITTEN] = {NUMBER(display.last_written, 1, 256, LIVE), NULL, 'A',
                             "--last-written", "N", "last N bytes written (implies --no-splice)"},
    [OPTION_FORMAT] = {TEXT(display.format, 0, LIVE), NULL, 'F', "--format", "FORMAT",
                       "line in a format of your own: %b, %{rate} ..."},
    [OPTION_NUMERIC] = {FLAG(display.numeric, FIXED), NULL, 'n', "--numeric", NULL,
                        "numbers for dialog(1): percentage, or with -t,\n"
                        "-b and -r time, amount and rate"},
    [OPTION_INTERVAL] = {SECONDS(display.interval_ns, NS_PER_SEC / 10, 600 * NS_PER_SEC, LIVE),
                         NULL, 'i', "--interval", "SECONDS", "update every SECONDS (default 1)"},
    [OPTION_AVERAGE_RATE_WINDOW] = {SECONDS(display.window_ns, NS_PER_SEC, 86400 * NS_PER_SEC,
                                            FIXED),
                                    NULL, 'm', "--average-rate-window", "S",
                                    "average over the last S seconds for -a and -e\n"
                                    "(default 30)"},
    [OPTION_WAIT] = {FLAG(display.wait, FIXED), NULL, 'W', "--wait", NULL,
                     "show nothing before the first byte"},
    [OPTION_DELAY_START] = {SECONDS(display.delay_ns, 0, UINT64_MAX, FIXED), NULL, 'D',
                            "--delay-start", "SECONDS", "show nothing for the first SECONDS"},
    [OPTION_GAUGE] = {FLAG(display.gauge, FIXED), NULL, 'g', "--gauge", NULL,
                      "show the rate in the bar if no size is known"},
    [OPTION_BAR_STYLE] = {OWN(FIXED), NULL, 'u', "--bar-style", "STYLE",
                          "bar style: plain, block, granular or shaded"},
    [OPTION_WIDTH] = {NUMBER(display.width, 1, 9999, LIVE), NULL, 'w', "--width", "COLUMNS",
                      "assume a terminal COLUMNS wide"},
    [OPTION_HEIGHT] = {NUMBER(display.height, 1, 9999, LIVE), NULL, 'H', "--height", "ROWS",
                       "assume a terminal ROWS high"},
    [OPTION_EXTRA_DISPLAY] = {OWN(FIXED), NULL, 'x', "--extra-display", "PLACES",
                              "also update windowtitle, processtitle, or both"},
    [OPTION_FORCE] = {FLAG(display.force, FIXED), NULL, 'f', "--force", NULL,
                      "show the display without a terminal, too, and\n"
                      "in the background"},
    [OPTION_CURSOR] = {FLAG(display.cursor, FIXED), NULL, 'c', "--cursor", NULL,
                       "always use a row of its own on the terminal"},

    [OPTION_REPORT] = {OWN(FIXED), "Reports", 0, "--report", "FORMAT[:FILE]",
                       "report as text, json, prometheus or none, to\n"
                       "standard error or FILE; repeatable (default\n"
                       "text)"},
    [OPTION_REPORT_EVERY] = {DURATION(report_every_ns, FIXED), NULL, 0, "--report-every",
                             "DURATION", "report every DURATION while running, too"},
    [OPTION_STATS] = {FLAG(verbose, FIXED), NULL, 'v', "--stats", NULL,
                      "always print a text report, with details of\n"
                      "the buffer and of each input and output"},
    [OPTION_QUIET] = {FLAG(quiet, FIXED), NULL, 'q', "--quiet", NULL,
                      "suppress the display and the default report"},
    [OPTION_NAME] = {TEXT(name, 1, LIVE), NULL, 'N', "--name", "NAME",
                     "name of this bpipe in reports and the display"},

    [OPTION_REMOTE] = {PID(remote), "Control", 'R', "--remote", "PID",
                       "change a running bpipe: -L, --read-rate, -s,\n"
                       "-i, -F, -N, -w, -H, --start-fill,\n"
                       "--resume-fill"},
    [OPTION_QUERY] = {PID(query), NULL, 'Q', "--query", "PID",
                      "print the report of a running bpipe, as text\n"
                      "or, with --report json, as JSON"},

    [OPTION_PIDFILE] = {OWN(FIXED), "General", 'P', "--pidfile", "FILE",
                        "keep the process ID in FILE while running"},
    [OPTION_HELP] = {OWN(FIXED), NULL, 'h', "--help", NULL,
                     "print all options; -h prints the common ones"},
    [OPTION_VERSION] = {OWN(FIXED), NULL, 'V', "--version", NULL, "print the version"},
};

static int value_of(int id)
{
    return option_rows[id].letter ? option_rows[id].letter : NO_LETTER + id;
}

enum option_id option_of_value(int value)
{
    for (int id = 0; id < OPTION_COUNT; id++)
        if (value_of(id) == value)
            return (enum option_id)id;
    return OPTION_COUNT;
}

void option_arrays_fill(struct option_arrays *arrays)
{
    char *letter = arrays->letters;
    *letter++ = '-'; /* operands are returned in their order */
    *letter++ = ':'; /* a missing argument is returned as ':', not as '?' */
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *row = &option_rows[id];
        arrays->longs[id] = (struct option){
            .name = row->name + strlen("--"),
            .has_arg = row->argument ? required_argument : no_argument,
            .val = value_of(id),
        };
        if (row->letter) {
            *letter++ = row->letter;
            if (row->argument)
                *letter++ = ':';
        }
    }
    *letter = '\0';
    arrays->longs[OPTION_COUNT] = (struct option){0};
}

/* --- spelling ------------------------------------------------------------------------------ */

static void lower(size_t *distance, size_t other)
{
    if (other < *distance)
        *distance = other;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* The number of letters that were left out, added, changed or swapped with their neighbour. Both
 * names are at most LONGEST_TYPO long. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t distance[LONGEST_TYPO + 1][LONGEST_TYPO + 1];
    for (size_t i = 0; i <= a_length; i++)
        distance[i][0] = i;
    for (size_t j = 0; j <= b_length; j++)
        distance[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            size_t changed = same_letter(a[i - 1], b[j - 1]) ? 0 : 1;
            distance[i][j] = distance[i - 1][j - 1] + changed;
            lower(&distance[i][j], distance[i - 1][j] + 1);
            lower(&distance[i][j], distance[i][j - 1] + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1]))
                lower(&distance[i][j], distance[i - 2][j - 2] + 1);
        }
    }
    return distance[a_length][b_length];
}

const struct option_row *option_nearest(const char *name, size_t length)
{
    const struct option_row *nearest = NULL;
    size_t best = 2 + length / 4; /* with this many mistakes it is another word */
    if (length < 2 || length > LONGEST_TYPO)
        return NULL;
    for (int id = 0; id < OPTION_COUNT; id++) {
        const char *known = option_rows[id].name + strlen("--");
        size_t distance = edit_distance(name, length, known, strlen(known));
        if (distance < best) {
            best = distance;
            nearest = &option_rows[id];
        }
    }
    return nearest;
}

size_t option_abbreviated(const char *name, size_t length, char *list, size_t size)
{
    static const char more[] = ", ...";
    size_t count = 0, used = 0, room = size - strlen(more);
    bool all = true;
    list[0] = '\0';
    for (int id = 0; id < OPTION_COUNT; id++) {
        const char *known = option_rows[id].name;
        if (length == 0 || strncmp(known + strlen("--"), name, length) != 0)
            continue;
        count++;
        int n = snprintf(list + used, room - used, "%s%s", used > 0 ? ", " : "", known);
        all &= n > 0 && (size_t)n < room - used;
        if (n > 0 && (size_t)n < room - used)
            used += (size_t)n;
        else
            list[used] = '\0';
    }
    if (!all)
        snprintf(list + used, size - used, "%s", used > 0 ? more : more + strlen(", "));
    return count;
}
