/*
 * gen - a producer: the stream of stream.h on stdout.
 *
 *     gen [-c CHUNK] [-l] [-w SECONDS] [-n BYTES -p SECONDS] [-o FILE] SIZE
 *
 * Writes SIZE bytes (with K, M, G in units of 1024), CHUNK at a time (128K; 256K at most). With -c
 * 64 it is a producer of small writes. -l: writes lines of text instead of arbitrary bytes. -w:
 * waits first, until the others are up, so that SIZE bytes are a burst. -p: pauses for SECONDS
 * after the first BYTES (-n). -o: writes to FILE how long the producer was held up, from before its
 * first write to after its last:
 *
 *     held_s=0.012345
 *
 * Status 0 if everything was written. If the reader goes away, gen dies of SIGPIPE.
 */
#include "stream.h"

#include "tests/tools/die.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char program_name[] = "gen";
const int failure_status = 1;

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

/* The bytes [offset, end) of the stream. */
static void produce(struct stream *stream, uint64_t offset, uint64_t end, size_t chunk)
{
    while (offset < end) {
        size_t part = end - offset < chunk ? (size_t)(end - offset) : chunk;

        write_all(stream_at(stream, offset, part), part);
        offset += part;
    }
}

struct plan {
    size_t chunk;
    bool text;
    uint64_t wait_ns, pause_ns;
    uint64_t size, before_pause;
    const char *report_path;
};

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: gen [-c CHUNK] [-l] [-w SECONDS] [-n BYTES -p SECONDS] [-o FILE]"
                    " SIZE\n");
    exit(2);
}

static struct plan parse_options(int argc, char *argv[])
{
    struct plan plan = {.chunk = (size_t)128 * 1024};
    int option;

    while ((option = getopt(argc, argv, "c:ln:o:p:w:")) != -1) {
        if (option == 'c')
            plan.chunk = (size_t)parse_size(optarg, STREAM_BLOCK);
        else if (option == 'l')
            plan.text = true;
        else if (option == 'n')
            plan.before_pause = parse_size(optarg, UINT64_MAX);
        else if (option == 'o')
            plan.report_path = optarg;
        else if (option == 'p')
            plan.pause_ns = parse_seconds(optarg);
        else if (option == 'w')
            plan.wait_ns = parse_seconds(optarg);
        else
            usage();
    }
    if (optind != argc - 1 || plan.chunk == 0)
        usage();
    plan.size = parse_size(argv[optind], UINT64_MAX);
    if (plan.before_pause > plan.size)
        usage();
    return plan;
}

int main(int argc, char *argv[])
{
    static struct stream stream;
    struct plan plan = parse_options(argc, argv);
    FILE *report = NULL;
    uint64_t start;

    if (plan.report_path != NULL && (report = fopen(plan.report_path, "w")) == NULL)
        die(plan.report_path);
    stream_init(&stream, plan.text);
    if (plan.wait_ns > 0)
        sleep_until_ns(now_ns() + plan.wait_ns);

    start = now_ns();
    produce(&stream, 0, plan.before_pause, plan.chunk);
    if (plan.pause_ns > 0)
        sleep_until_ns(now_ns() + plan.pause_ns);
    produce(&stream, plan.before_pause, plan.size, plan.chunk);
    if (report != NULL) {
        fprintf(report, "held_s=%.6f\n", (double)(now_ns() - start) / 1e9);
        if (fclose(report) != 0)
            die(plan.report_path);
    }
    return 0;
}
