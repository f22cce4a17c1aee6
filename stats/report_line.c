/*
 * report_line.c - see report_line.h.
 */
#include "stats/report_line.h"

#include "base/size.h"

#include <inttypes.h>
#include <string.h>

enum {
    NAME_ROOM = 12,     /* no name is made shorter beside a process id, */
    NAME_ROOM_LEAST = 6 /* nor any this short */
};

/* --- names ----------------------------------------------------------------------------------- */

/* Adds at most `room` columns of a name: its two ends, if it is longer. Returns the number of
 * columns of the whole name. */
static size_t add_shortened(struct text *text, const char *name, size_t room)
{
    const size_t start = text->length;

    text_add_visible(text, name);
    return text_shorten(text, start, room);
}

void line_add_name(const struct report_line *line, const char *name)
{
    (void)add_shortened(line->text, name, line->name_room);
}

void line_add_pid(const struct report_line *line, long pid)
{
    if (pid > 0 && line->pids)
        text_add(line->text, ", pid %ld", pid);
}

bool line_shows_peer(const struct meter_endpoint *endpoint)
{
    const char *peer = meter_peer_name(endpoint);
    size_t length = strlen(endpoint->name), end = peer == NULL ? 0 : strlen(peer);
    return end > 0 && (end > length || strcmp(endpoint->name + length - end, peer) != 0);
}

void line_add_peer(const struct report_line *line, const struct meter_endpoint *endpoint)
{
    line_add_name(line, meter_peer_name(endpoint));
    line_add_pid(line, endpoint->peer.pid);
}

/* --- numbers --------------------------------------------------------------------------------- */

void line_add_size(const struct report_line *line, uint64_t bytes)
{
    char buf[SIZE_TEXT];
    text_add_string(line->text, size_format(buf, bytes, line->request->si));
}

void line_add_duration(const struct report_line *line, uint64_t ns)
{
    char buf[SIZE_TEXT];
    text_add_string(line->text, size_format_duration(buf, ns));
}

uint64_t percent_of(uint64_t part, uint64_t whole)
{
    while (part > UINT64_MAX / 100 || whole > UINT64_MAX / 100) {
        part /= 2;
        whole /= 2;
    }
    return whole == 0 ? 0 : part * 100 / whole;
}

void line_add_level(const struct report_line *line, double bytes, uint64_t capacity)
{
    double percent = capacity == 0 ? 0 : bytes * 100 / (double)capacity;
    if (bytes > 0 && percent < 1)
        text_add_string(line->text, "<1%");
    else
        text_add(line->text, "%" PRIu64 "%%", (uint64_t)percent);
}

/* --- the beginning --------------------------------------------------------------------------- */

/* The process at the other end of the first endpoint where one is known; NULL: of none. */
static const char *neighbour(const struct meter_endpoint endpoints[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (endpoints[i].peer.command[0] != '\0')
            return endpoints[i].peer.command;
    return NULL;
}

/* The room for a name beside one of `other` columns: half of `room`, and the columns that the other
 * does not need. */
static size_t share_of(size_t room, size_t other)
{
    return other < room / 2 ? room - other : room / 2;
}

/* " (tar > gzip)" */
static void add_neighbours(struct text *text, const char *before, const char *after, size_t room)
{
    struct text unused = {0};
    size_t first = before == NULL ? 0 : add_shortened(&unused, before, room);
    size_t second = after == NULL ? 0 : add_shortened(&unused, after, room);
    text_free(&unused);
    text_add_string(text, " (");
    if (before != NULL)
        (void)add_shortened(text, before, share_of(room, second));
    text_add_string(text, before == NULL ? "> " : after == NULL ? " >" : " > ");
    if (after != NULL)
        (void)add_shortened(text, after, share_of(room, first));
    text_add_string(text, ")");
}

/* "bpipe: ", and what tells this bpipe from others. Names get `room` characters. */
static void begin_line(struct text *text, const struct meter *meter, size_t room)
{
    const char *before = neighbour(meter->inputs, meter->input_count);
    const char *after = neighbour(meter->outputs, meter->output_count);
    text_add_string(text, "bpipe");
    if (meter->name != NULL) {
        text_add_string(text, ": ");
        (void)add_shortened(text, meter->name, room);
    } else if (meter->beside_bpipe && (before != NULL || after != NULL) &&
               room > REPORT_OWN_ROOM_LEAST) {
        add_neighbours(text, before, after, room);
    }
    text_add_string(text, ": ");
}

/* --- the line -------------------------------------------------------------------------------- */

/* Returns the number of its columns, or 0 if it has no words: nothing is added then. */
static size_t try_line(const struct report_line *line, report_words *words, const void *subject)
{
    struct text *text = line->text;
    size_t start = text->length;
    begin_line(text, line->meter, line->request->own_room);
    size_t before = text->length;
    words(line, subject);
    if (text->length == before)
        text->length = start;
    return text_columns(text, start);
}

/* Makes the next try shorter. Returns false if nothing more can be done. */
static bool shorten(struct report_line *line)
{
    if (line->brevity < MOST_BREVITY) {
        line->brevity++;
        return true;
    }
    if (line->name_room > REPORT_COLUMNS)
        line->name_room = REPORT_COLUMNS;
    line->name_room--;
    if (line->pids && line->name_room < NAME_ROOM) {
        line->pids = false;
        line->name_room = REPORT_COLUMNS;
    }
    return line->name_room >= NAME_ROOM_LEAST;
}

void report_add_line(struct text *text, const struct meter *meter,
                     const struct report_request *request, report_words *words, const void *subject)
{
    struct report_line line = {
        .text = text, .meter = meter, .request = request, .name_room = SIZE_MAX, .pids = true};
    size_t start = text->length, columns;

    while ((columns = try_line(&line, words, subject)) > REPORT_COLUMNS && shorten(&line))
        text->length = start;
    *request->too_long |= columns > REPORT_COLUMNS;
    if (columns > 0)
        text_add_string(text, "\n");
}
