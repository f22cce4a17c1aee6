/*
 * report_line.h - one line of a report for people, made to fit. Internal to report*.c.
 *
 * A line begins with "bpipe: ". If this bpipe has a name (-N), that follows: "bpipe: NAME: ". If
 * not, and another bpipe of the same pipeline was seen, the line begins with the neighbours that
 * are known, so that the two can be told apart: "bpipe (tar > gzip): ", "bpipe (tar >): ",
 * "bpipe (> gzip): ". A neighbour is the process at the other end of the first input or output
 * where bpipe has found one.
 *
 * A line has at most REPORT_COLUMNS columns, so that it fits a terminal, a mail and a log. A longer
 * one is shortened step by step: the less important words are left out (`brevity`), names are
 * shortened in their middle, process ids are left out. If it is still too long, the whole report is
 * made again with less room for the beginning (request->own_room), so that all its lines begin
 * alike. The name of -N has at least REPORT_OWN_ROOM_LEAST columns; neighbours that get no more are
 * left out.
 */
#ifndef BPIPE_REPORT_LINE_H
#define BPIPE_REPORT_LINE_H

#include "base/platform.h"
#include "base/text.h"
#include "stats/meter.h"
#include "stats/report_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_COLUMNS = 79, MOST_BREVITY = 3 };

/* The columns of -N, or of both neighbours together. */
enum { REPORT_OWN_ROOM = 16, REPORT_OWN_ROOM_LEAST = 6 };

/* Less time than this has no rate, and is not worth a word. */
#define SHORTEST_TOLD_NS (NS_PER_SEC / 1000)

struct report_line {
    struct text *text;
    const struct meter *meter;
    const struct report_request *request;
    size_t name_room; /* the most columns that a name may have */
    unsigned brevity; /* 0 to MOST_BREVITY: each step leaves out more of what matters least */
    bool pids;        /* whether there is room for process ids */
};

/* Adds the words of a line about `subject`, without its beginning and end. It may be called several
 * times for one line, and adds the same each time except for names and process ids. */
typedef void report_words(const struct report_line *line, const void *subject);

/* Adds a line, or nothing if the words are empty. A line that cannot be made short enough sets
 * *request->too_long. */
void report_add_line(struct text *text, const struct meter *meter,
                     const struct report_request *request, report_words *words,
                     const void *subject);

/* The parts of a line. Names may have any bytes; they are shown as text_add_visible() does. */
void line_add_name(const struct report_line *line, const char *name);
void line_add_pid(const struct report_line *line, long pid); /* ", pid 812"; none if it is 0 */
void line_add_size(const struct report_line *line, uint64_t bytes);
void line_add_duration(const struct report_line *line, uint64_t ns);

/* "zstd, pid 812", or an address: the process at the other end. */
void line_add_peer(const struct report_line *line, const struct meter_endpoint *endpoint);
/* Whether that says more than the endpoint's name does. */
bool line_shows_peer(const struct meter_endpoint *endpoint);

/* "62%": how full a buffer or spool is, or was, rounded down. "<1%" for less: "0%" is empty. */
void line_add_level(const struct report_line *line, double bytes, uint64_t capacity);

/* `part` in percent of `whole`, rounded down; 0 if `whole` is 0. */
uint64_t percent_of(uint64_t part, uint64_t whole);

#endif
