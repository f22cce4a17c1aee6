/*
 * help.c - see help.h.
 */
#include "options/help.h"

#include "base/text.h"
#include "options/table.h"

#include <string.h>

enum {
    HELP_COLUMN = 33, /* where the right column begins */
    LEFT_SIZE = 64    /* size of the left column */
};

/* The options of -h, each with a text of one line; NULL: the text in the table is that short. */
static const struct {
    enum option_id id;
    const char *text;
} common[] = {
    {OPTION_BUFFER_SIZE, NULL},
    {OPTION_RATE_LIMIT, "write at most RATE bytes per second"},
    {OPTION_OVERFLOW, "if full: block, drop-newest, drop-oldest, fail"},
    {OPTION_SPOOL, "store data that exceeds the buffer on disk"},
    {OPTION_MERGE, "read all INPUTs at once, in fair turns"},
    {OPTION_OUTPUT, "write here; for standard output as well: -o -"},
    {OPTION_TAP, "write here as well, but never wait for it"},
    {OPTION_ATOMIC, "make output files appear whole, or not at all"},
    {OPTION_RETRY, "try to connect up to N times more"},
    {OPTION_SIZE, "expect SIZE bytes, for percentage and ETA"},
    {OPTION_STOP_AT_SIZE, NULL},
    {OPTION_FROM, "read the output of COMMAND; fail if it fails"},
    {OPTION_TO, "write to COMMAND; fail if it fails"},
    {OPTION_EXPECT_SIZE, NULL},
    {OPTION_LINE_MODE, NULL},
    {OPTION_NULL, NULL},
    {OPTION_IDLE_TIMEOUT, NULL},
    {OPTION_STALL_TIMEOUT, "give up on an output that accepts no data"},
    {OPTION_PROGRESS, NULL},
    {OPTION_TIMER, NULL},
    {OPTION_ETA, NULL},
    {OPTION_RATE, NULL},
    {OPTION_BYTES, NULL},
    {OPTION_INTERVAL, NULL},
    {OPTION_REPORT, "text, json, prometheus or none; repeatable"},
    {OPTION_STATS, "report more, and on each input and output"},
    {OPTION_QUIET, NULL},
    {OPTION_NAME, NULL},
    {OPTION_REMOTE, "change a running bpipe: -L, --read-rate ..."},
    {OPTION_QUERY, "print the report of a running bpipe"},
};

static void print_row(FILE *stream, const struct option_row *row, const char *text)
{
    char left[LEFT_SIZE];
    char letter[] = {'-', row->letter, ',', '\0'};
    snprintf(left, sizeof left, "  %3s %s%s%s", row->letter ? letter : "", row->name,
             row->argument ? " " : "", row->argument ? row->argument : "");
    for (;;) {
        size_t length = strcspn(text, "\n");
        fprintf(stream, "%-*s%.*s\n", HELP_COLUMN, left, (int)length, text);
        if (text[length] == '\0')
            break;
        text += length + 1;
        left[0] = '\0';
    }
}

static void print_beginning(FILE *stream)
{
    fputs("Usage: bpipe [OPTION]... [INPUT]...\n"
          "       bpipe [OPTION]... --from COMMAND [--to COMMAND] [INPUT]...\n"
          "       bpipe [OPTION]... --to COMMAND [INPUT]...\n"
          "       bpipe [OPTION]... -M in|out|both -- PROGRAM [ARGUMENT]...\n"
          "       bpipe -R PID OPTION...\n"
          "       bpipe -Q PID [-kv] [--report text|json]\n"
          "       bpipe -h | --help | -V\n"
          "Copy each INPUT, or standard input, through a bounded buffer to standard output\n"
          "or to every --output, and report at the end which side of the pipe was slow.\n",
          stream);
}

static void print_examples(FILE *stream)
{
    fputs("Examples:\n"
          "  tar c . | bpipe -B 1G | ssh host 'tar x'\n"
          "  bpipe --atomic -o /mnt/a/disk.img -o /mnt/b/disk.img disk.img\n"
          "  pg_dump db | bpipe --report json:dump.json | gzip >db.gz\n"
          "\n",
          stream);
}

/* The signs that the live line uses in the current locale. */
static void print_signs(FILE *stream)
{
    static const char *const signs[][2] = {
        {"buf [##    ], buf#-", "buf ▕██    ▏, buf▃ "},
        {"> waiting for tar  ", "▶ waiting for tar  "},
        {"< waiting for gzip ", "◀ waiting for gzip "},
        {"= rate limit       ", "■ rate limit       "},
        {"busy               ", "busy               "},
    };
    static const char *const meanings[] = {
        "fill level of the buffer",
        "the input is slow; tar writes it",
        "the output is slow; gzip reads it",
        "--rate-limit or --read-rate slows the data down",
        "bpipe itself is slow",
    };
    const bool utf8 = utf8_is_set_up();

    fputs("Signs in the live line:\n", stream);
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        fprintf(stream, "  %s  %s\n", signs[i][utf8], meanings[i]);
    fputs("A narrow terminal gets short forms, as \"slow: gzip\" and \"ETA 12m\".\n\n", stream);
}

void help_print_all(FILE *stream)
{
    print_beginning(stream);
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (option_rows[id].heading)
            fprintf(stream, "\n%s:\n", option_rows[id].heading);
        print_row(stream, &option_rows[id], option_rows[id].help);
    }
    fputs("\n"
          "INPUT and ENDPOINT are a path, - (standard input or output), fd://N,\n"
          "tcp://HOST:PORT, tcp-listen://[HOST]:PORT, udp://HOST:PORT,\n"
          "udp-listen://[HOST]:PORT, unix://PATH or unix-listen://PATH; a listener\n"
          "without a HOST listens on loopback only.\n"
          "SIZE is a number such as 4096, 64K, 1.5G, 10MiB (1024s) or 10MB (1000s).\n"
          "DURATION is a number of seconds, or has a unit: 5, 0.25, 250ms, 2m or 1h.\n"
          "\n",
          stream);
    print_signs(stream);
    print_examples(stream);
    fputs("See bpipe(1).\n", stream);
}

void help_print_short(FILE *stream)
{
    print_beginning(stream);
    fputs("\n", stream);
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        const struct option_row *row = &option_rows[common[i].id];
        print_row(stream, row, common[i].text != NULL ? common[i].text : row->help);
    }
    fputs("\n"
          "INPUT and ENDPOINT are a path, - or fd://N, tcp://HOST:PORT, udp://HOST:PORT,\n"
          "unix://PATH, or the same with -listen, as in tcp-listen://0.0.0.0:PORT\n"
          "(without a HOST only this machine can connect).\n"
          "\n",
          stream);
    print_examples(stream);
    fputs("bpipe --help lists all options.\n", stream);
}
