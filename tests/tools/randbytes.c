/*
 * randbytes - write the same pseudo-random bytes for the same seed, at memory speed; or check them.
 *
 *     randbytes [-k] [-b BYTES] [-u MICROSECONDS] COUNT [SEED]     writes them
 *     randbytes -c [-b BYTES] [-u MICROSECONDS] [SEED]             reads, and compares
 *
 * COUNT is in bytes, or with K, M, G in units of 1024. SEED is a number. -b: at most that many
 * bytes in a call (65536). -u: a pause of that length after each call. -k: keeps its output open
 * after that, until it is killed.
 *
 * SplitMix64, little-endian words on every machine. The first N bytes do not depend on COUNT. When
 * its reader is gone it ends quietly with status 1. With -c it prints how many bytes came when the
 * input ends. At the first byte that differs it ends with status 1 and a message that says where.
 */
#include "tests/random.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 65536 };

struct stream {
    uint64_t state;
    unsigned char block[BLOCK];
    size_t used; /* of the block */
};

static size_t most = BLOCK;
static unsigned long pause_us;

/* The next bytes of the stream, of which there are at least one and at most `*count`. */
static const unsigned char *next_bytes(struct stream *stream, size_t *count)
{
    const unsigned char *bytes;

    if (stream->used == BLOCK) {
        stream->used = 0;
        for (size_t i = 0; i < BLOCK; i += 8) {
            uint64_t word = random_next(&stream->state);

            for (unsigned byte = 0; byte < 8; byte++)
                stream->block[i + byte] = (unsigned char)(word >> (8 * byte));
        }
    }
    if (*count > BLOCK - stream->used)
        *count = BLOCK - stream->used;
    bytes = stream->block + stream->used;
    stream->used += *count;
    return bytes;
}

static void take_a_break(void)
{
    struct timespec time = {.tv_sec = (time_t)(pause_us / 1000000),
                            .tv_nsec = (long)(pause_us % 1000000 * 1000)};

    if (pause_us > 0)
        nanosleep(&time, NULL);
}

static int write_all(const unsigned char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, count);

        if (written < 0 && errno != EINTR) {
            if (errno != EPIPE)
                fprintf(stderr, "randbytes: %s\n", strerror(errno));
            return -1;
        }
        if (written > 0) {
            bytes += written;
            count -= (size_t)written;
        }
    }
    return 0;
}

static int produce(struct stream *stream, uint64_t left)
{
    while (left > 0) {
        size_t count = left < most ? (size_t)left : most;
        const unsigned char *bytes = next_bytes(stream, &count);

        if (write_all(bytes, count) < 0)
            return 1;
        left -= count;
        take_a_break();
    }
    return 0;
}

/* Returns whether these are the next bytes; `at` counts them. */
static int compare(struct stream *stream, const unsigned char *bytes, size_t count, uint64_t *at)
{
    while (count > 0) {
        size_t some = count;
        const unsigned char *wanted = next_bytes(stream, &some);

        if (memcmp(bytes, wanted, some) != 0) {
            while (*bytes++ == *wanted++)
                ++*at;
            return 0;
        }
        bytes += some;
        count -= some;
        *at += some;
    }
    return 1;
}

static int judge(struct stream *stream)
{
    static unsigned char bytes[BLOCK];
    uint64_t at = 0;
    ssize_t count;

    while ((count = read(STDIN_FILENO, bytes, most)) != 0) {
        if (count < 0 && errno != EINTR) {
            fprintf(stderr, "randbytes: %s\n", strerror(errno));
            return 1;
        }
        if (count > 0 && !compare(stream, bytes, (size_t)count, &at)) {
            fprintf(stderr, "randbytes: byte %llu is another\n", (unsigned long long)at);
            return 1;
        }
        take_a_break();
    }
    printf("%llu\n", (unsigned long long)at);
    return 0;
}

static uint64_t parse_count(const char *text)
{
    static const char units[] = "KMG";
    char *end;
    uint64_t count = strtoull(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;

    if (end == text || (*end != '\0' && (unit == NULL || end[1] != '\0'))) {
        fprintf(stderr, "randbytes: %s: not a count\n", text);
        exit(2);
    }
    return unit == NULL ? count : count << (10 * (unit - units + 1));
}

int main(int argc, char *argv[])
{
    static struct stream stream = {.used = BLOCK};
    int option, count, status, checks = 0, keeps = 0;

    while ((option = getopt(argc, argv, "ckb:u:")) != -1) {
        if (option == 'c')
            checks = 1;
        else if (option == 'k')
            keeps = 1;
        else if (option == 'b')
            most = parse_count(optarg) < BLOCK ? (size_t)parse_count(optarg) : BLOCK;
        else if (option == 'u')
            pause_us = strtoul(optarg, NULL, 10);
        else
            return 2;
    }
    count = checks ? 0 : 1; /* arguments before the seed */
    if (most == 0 || argc - optind < count || argc - optind > count + 1) {
        fprintf(stderr,
                "usage: randbytes [-k] [-b BYTES] [-u MICROSECONDS] { COUNT | -c } [SEED]\n");
        return 2;
    }
    if (argc - optind > count)
        stream.state = strtoull(argv[argc - 1], NULL, 0) * UINT64_C(0xd1342543de82ef95);
    status = checks ? judge(&stream) : produce(&stream, parse_count(argv[optind]));
    if (keeps)
        for (;;)
            pause();
    return status;
}
