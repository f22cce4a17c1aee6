/*
 * help.c - see help.h.
 */
#include "options/help.h"

#include "options/table.h"

#include <string.h>

enum {
    HELP_COLUMN = 33, /* where the right column begins */
    LEFT_SIZE = 64    /* size of the left column */
};

static void print_row(FILE *stream, const struct option_row *row)
{
    char left[LEFT_SIZE];
    char letter[] = {'-', row->letter, ',', '\0'};
    snprintf(left, sizeof left, "  %3s %s%s%s", row->letter ? letter : "", row->name,
             row->argument ? " " : "", row->argument ? row->argument : "");
    const char *line = row->help;
    for (;;) {
        size_t length = strcspn(line, "\n");
        fprintf(stream, "%-*s%.*s\n", HELP_COLUMN, left, (int)length, line);
        if (line[length] == '\0')
            break;
        line += length + 1;
        left[0] = '\0';
    }
}

void help_print_all(FILE *stream)
{
    fputs("Usage: bpipe [OPTION]... [INPUT]...\n"
          "Copy each INPUT, or standard input, through a bounded buffer to standard output\n"
          "or to every --output, and report at the end which side of the pipe was slow.\n",
          stream);
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (option_rows[id].heading)
            fprintf(stream, "\n%s:\n", option_rows[id].heading);
        print_row(stream, &option_rows[id]);
    }
    fputs("\n"
          "INPUT and ENDPOINT are a path, - (standard input or output), fd://N,\n"
          "tcp://HOST:PORT, tcp-listen://[HOST]:PORT, udp://HOST:PORT,\n"
          "udp-listen://[HOST]:PORT, unix://PATH or unix-listen://PATH; a listener\n"
          "without a HOST listens on loopback only.\n"
          "SIZE is a number such as 4096, 64K, 1.5G, 10MiB (1024s) or 10MB (1000s).\n"
          "DURATION is a number of seconds, or has a unit: 5, 0.25, 250ms, 2m or 1h.\n"
          "\n"
          "Examples:\n"
          "  tar c . | bpipe -B 1G | ssh host 'tar x'\n"
          "  bpipe --atomic -o /mnt/a/disk.img -o /mnt/b/disk.img disk.img\n"
          "  pg_dump db | bpipe --report json:dump.json | gzip >db.gz\n"
          "\n"
          "See bpipe(1).\n",
          stream);
}
