/*
 * gen - a producer: the stream of stream.h on stdout.
 *
 *     gen [-c CHUNK] [-l] [-w SECONDS] [-o FILE] SIZE
 *
 * Writes SIZE bytes (K, M, G: 1024s), CHUNK at a time (128K; 256K at most): with -c 64 it is a
 * producer of small writes. -l: lines of text instead of any bytes. -w: waits first, so that the
 * others are up: then SIZE bytes are a burst. -o: puts into FILE how long the producer was held up,
 * from before its first write to after its last:
 *
 *     held_s=0.012345
 *
 * Status 0 if everything was written. A reader that goes away ends it by SIGPIPE.
 */
#include "stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char program_name[] = "gen";

static void write_all(const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, size);

        if (written < 0 && errno != EINTR)
            die("write");
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
}

static void produce(struct stream *stream, uint64_t size, size_t chunk)
{
    for (uint64_t offset = 0; offset < size; offset += chunk) {
        size_t part = size - offset < chunk ? (size_t)(size - offset) : chunk;

        write_all(stream_at(stream, offset, part), part);
    }
}

int main(int argc, char *argv[])
{
    static struct stream stream;
    const char *report_path = NULL;
    uint64_t wait_ns = 0, size, start;
    size_t chunk = (size_t)128 * 1024;
    bool text = false;
    FILE *report = NULL;
    int option;

    while ((option = getopt(argc, argv, "c:lw:o:")) != -1) {
        if (option == 'c')
            chunk = (size_t)parse_size(optarg, STREAM_BLOCK);
        else if (option == 'l')
            text = true;
        else if (option == 'w')
            wait_ns = parse_seconds(optarg);
        else if (option == 'o')
            report_path = optarg;
        else
            return 2;
    }
    if (optind != argc - 1 || chunk == 0) {
        fprintf(stderr, "usage: gen [-c CHUNK] [-l] [-w SECONDS] [-o FILE] SIZE\n");
        return 2;
    }
    size = parse_size(argv[optind], UINT64_MAX);
    if (report_path != NULL && (report = fopen(report_path, "w")) == NULL)
        die(report_path);
    stream_init(&stream, text);
    if (wait_ns > 0)
        sleep_until_ns(now_ns() + wait_ns);

    start = now_ns();
    produce(&stream, size, chunk);
    if (report != NULL) {
        fprintf(report, "held_s=%.6f\n", (double)(now_ns() - start) / 1e9);
        if (fclose(report) != 0)
            die(report_path);
    }
    return 0;
}
