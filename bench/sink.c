/*
 * sink - a consumer: reads the stream of stream.h from stdin and checks it.
 *
 *     sink [-a] [-c CHUNK] [-l] [-w SECONDS] [-r RATE] [-t SECONDS [-g SECONDS]] SIZE
 *
 * Reads CHUNK at a time (128K) until the end. Expects SIZE bytes (with K, M, G in units of 1024),
 * all in place: it checks the number of every page, and one page in 16 as a whole; -a: every byte.
 * -l as for gen. -w: a consumer that stalls: it reads nothing for SECONDS. -r: a slow consumer: it
 * reads RATE bytes a second. Prints how many bytes came, and the time from the first byte to the
 * end:
 *
 *     bytes=1073741824 wall_s=0.512345
 *
 * -t: prints how evenly they came, too. The bytes are counted in windows of SECONDS, one after the
 * other from the first byte on:
 *
 *     window_s=0.050000 windows=98 mean=52429.1 sd=912.3 first=53248 highest=53248
 *     first_second=1051648 average=1048576.2
 *
 * (these two are one line). mean and sd: of the bytes in a window, without the first window, where
 * the bytes may begin with a burst, and without the last, which is not whole (if no window is left:
 * windows=0, and both are missing). first: the first window; highest: the highest of all.
 * first_second: the bytes in the first second after the first byte. average: bytes a second, from
 * the first byte to the end. -g: ignores what came before a silence of SECONDS; it is an error if
 * there is no such silence.
 *
 * Status 0 if all bytes are right; 1, with a message, at the first byte that is wrong, or if the
 * end came early or late.
 */
#include "stream.h"

#include "tests/tools/die.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char program_name[] = "sink";
const int failure_status = 1;

/* --- windows ------------------------------------------------------------------------------ */

struct windows {
    uint64_t length_ns; /* 0: there are no windows */
    uint64_t gap_ns;    /* begin after this silence; 0: begin with the first byte */
    bool begun;
    uint64_t begin_ns, last_ns; /* when the first byte came, and the latest so far */
    uint64_t total, first_second;
    uint64_t current, end_ns; /* of the current window: its bytes, and when it ends */
    uint64_t count;           /* the windows that have ended */
    uint64_t first, highest;
    double mean, squares; /* of all but the first; the sum of squared distances from the mean */
};

static void begin_windows(struct windows *windows, uint64_t now)
{
    *windows = (struct windows){.length_ns = windows->length_ns,
                                .gap_ns = windows->gap_ns,
                                .begun = windows->last_ns > 0 || windows->gap_ns == 0,
                                .begin_ns = now,
                                .end_ns = now + windows->length_ns};
}

/* Ends the current window. Mean and distances are computed by Welford's method. */
static void end_window(struct windows *windows)
{
    double bytes = (double)windows->current, from_mean = bytes - windows->mean;

    if (windows->count++ == 0) {
        windows->first = windows->current;
    } else {
        windows->mean += from_mean / (double)(windows->count - 1);
        windows->squares += from_mean * (bytes - windows->mean);
    }
    if (windows->current > windows->highest)
        windows->highest = windows->current;
    windows->current = 0;
    windows->end_ns += windows->length_ns;
}

static void count_bytes(struct windows *windows, uint64_t bytes)
{
    uint64_t now = now_ns(), silence_ns = now - windows->last_ns;

    if (windows->last_ns == 0 || (windows->gap_ns > 0 && silence_ns >= windows->gap_ns))
        begin_windows(windows, now);
    while (now >= windows->end_ns)
        end_window(windows);
    windows->current += bytes;
    windows->total += bytes;
    if (now - windows->begin_ns < 1000000000)
        windows->first_second += bytes;
    windows->last_ns = now;
}

/* After a burst there may be no whole window, and so no mean; the burst is shown all the same. */
static void print_windows(const struct windows *windows, uint64_t now)
{
    double others = windows->count > 0 ? (double)windows->count - 1 : 0;
    double seconds = (double)(now - windows->begin_ns) / 1e9;

    printf("window_s=%.6f windows=%.0f", (double)windows->length_ns / 1e9, others);
    if (others > 0)
        printf(" mean=%.1f sd=%.1f", windows->mean, sqrt(windows->squares / others));
    printf(" first=%" PRIu64 " highest=%" PRIu64,
           windows->count > 0 ? windows->first : windows->current,
           windows->highest > windows->current ? windows->highest : windows->current);
    printf(" first_second=%" PRIu64 " average=%.1f\n", windows->first_second,
           (double)windows->total / seconds);
}

/* --- reading ------------------------------------------------------------------------------ */

struct sink {
    struct stream stream;
    unsigned char *buffer;
    size_t chunk;
    bool every_byte, text;
    uint64_t stall_ns; /* before the first read */
    uint64_t rate;     /* bytes a second; 0: any */
    uint64_t bytes;
    uint64_t start_ns; /* when the first byte came */
    struct windows windows;
};

/* Sleeps until `bytes` are due. */
static void pace(const struct sink *sink)
{
    double due_ns = (double)sink->bytes / (double)sink->rate * 1e9;

    sleep_until_ns(sink->start_ns + (uint64_t)due_ns);
}

/* Returns false if a byte is wrong. */
static bool consume(struct sink *sink)
{
    ssize_t count;

    while ((count = read(STDIN_FILENO, sink->buffer, sink->chunk)) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            die("read");
        if (sink->bytes == 0)
            sink->start_ns = now_ns();
        if (sink->windows.length_ns > 0)
            count_bytes(&sink->windows, (uint64_t)count);
        if (!stream_check(&sink->stream, sink->bytes, sink->buffer, (size_t)count,
                          sink->every_byte))
            return false;
        sink->bytes += (uint64_t)count;
        if (sink->rate > 0)
            pace(sink);
    }
    return true;
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: sink [-a] [-c CHUNK] [-l] [-w SECONDS] [-r RATE]"
                    " [-t SECONDS [-g SECONDS]] SIZE\n");
    exit(2);
}

/* Returns SIZE. */
static uint64_t parse_options(int argc, char *argv[], struct sink *sink)
{
    int option;

    while ((option = getopt(argc, argv, "ac:g:lr:t:w:")) != -1) {
        if (option == 'a')
            sink->every_byte = true;
        else if (option == 'c')
            sink->chunk = (size_t)parse_size(optarg, SIZE_MAX);
        else if (option == 'g')
            sink->windows.gap_ns = parse_seconds(optarg);
        else if (option == 'l')
            sink->text = true;
        else if (option == 'r')
            sink->rate = parse_size(optarg, UINT64_MAX);
        else if (option == 't')
            sink->windows.length_ns = parse_seconds(optarg);
        else if (option == 'w')
            sink->stall_ns = parse_seconds(optarg);
        else
            usage();
    }
    if (optind != argc - 1 || sink->chunk == 0)
        usage();
    return parse_size(argv[optind], UINT64_MAX);
}

int main(int argc, char *argv[])
{
    static struct sink sink = {.chunk = (size_t)128 * 1024};
    uint64_t size = parse_options(argc, argv, &sink), end_ns;

    sink.buffer = malloc(sink.chunk);
    if (sink.buffer == NULL)
        die("memory");
    stream_init(&sink.stream, sink.text);
    if (sink.stall_ns > 0)
        sleep_until_ns(now_ns() + sink.stall_ns);

    sink.start_ns = now_ns();
    if (!consume(&sink))
        return 1;
    end_ns = now_ns();
    printf("bytes=%" PRIu64 " wall_s=%.6f\n", sink.bytes, (double)(end_ns - sink.start_ns) / 1e9);
    if (sink.bytes != size) {
        fprintf(stderr, "sink: %" PRIu64 " bytes came, not %" PRIu64 "\n", sink.bytes, size);
        return 1;
    }
    if (sink.windows.length_ns == 0)
        return 0;
    if (!sink.windows.begun) {
        fprintf(stderr, "sink: there was no silence of that length\n");
        return 1;
    }
    print_windows(&sink.windows, end_ns);
    return 0;
}
