/*
 * sink - a consumer: reads the stream of stream.h from stdin and checks it.
 *
 *     sink [-a] [-c CHUNK] [-l] [-w SECONDS] [-r RATE] SIZE
 *
 * Reads CHUNK at a time (128K) until the end, and wants SIZE bytes (K, M, G: 1024s), all in place:
 * every page's number, and one page in 16 as a whole; -a: every byte. -l as for gen. -w: a consumer
 * that stalls: it reads nothing for SECONDS. -r: one that is slow: it reads RATE bytes a second.
 * Prints what came, and the time from the first byte to the end:
 *
 *     bytes=1073741824 wall_s=0.512345
 *
 * Status 0 if it is what it should be; 1, with a message, at the first byte that is not, or where
 * the end came early or late.
 */
#include "stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char program_name[] = "sink";

struct sink {
    struct stream stream;
    unsigned char *buffer;
    size_t chunk;
    bool every_byte;
    uint64_t rate; /* bytes a second; 0: any */
    uint64_t bytes;
    uint64_t start_ns; /* when the first byte came */
};

/* Sleeps until `bytes` are due. */
static void pace(const struct sink *sink)
{
    double due_ns = (double)sink->bytes / (double)sink->rate * 1e9;

    sleep_until_ns(sink->start_ns + (uint64_t)due_ns);
}

/* Returns false where a byte is wrong. */
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
        if (!stream_check(&sink->stream, sink->bytes, sink->buffer, (size_t)count,
                          sink->every_byte))
            return false;
        sink->bytes += (uint64_t)count;
        if (sink->rate > 0)
            pace(sink);
    }
    return true;
}

int main(int argc, char *argv[])
{
    static struct sink sink = {.chunk = (size_t)128 * 1024};
    uint64_t wait_ns = 0, size;
    bool text = false;
    int option;

    while ((option = getopt(argc, argv, "ac:lr:w:")) != -1) {
        if (option == 'a')
            sink.every_byte = true;
        else if (option == 'c')
            sink.chunk = (size_t)parse_size(optarg, SIZE_MAX);
        else if (option == 'l')
            text = true;
        else if (option == 'r')
            sink.rate = parse_size(optarg, UINT64_MAX);
        else if (option == 'w')
            wait_ns = parse_seconds(optarg);
        else
            return 2;
    }
    if (optind != argc - 1 || sink.chunk == 0) {
        fprintf(stderr, "usage: sink [-a] [-c CHUNK] [-l] [-w SECONDS] [-r RATE] SIZE\n");
        return 2;
    }
    size = parse_size(argv[optind], UINT64_MAX);
    sink.buffer = malloc(sink.chunk);
    if (sink.buffer == NULL)
        die("memory");
    stream_init(&sink.stream, text);
    if (wait_ns > 0)
        sleep_until_ns(now_ns() + wait_ns);

    sink.start_ns = now_ns();
    if (!consume(&sink))
        return 1;
    printf("bytes=%" PRIu64 " wall_s=%.6f\n", sink.bytes, (double)(now_ns() - sink.start_ns) / 1e9);
    if (sink.bytes != size) {
        fprintf(stderr, "sink: %" PRIu64 " bytes came, not %" PRIu64 "\n", sink.bytes, size);
        return 1;
    }
    return 0;
}
