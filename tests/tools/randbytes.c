/*
 * randbytes - the same pseudo-random bytes for the same seed, at memory speed.
 *
 *     randbytes COUNT [SEED]        COUNT: bytes, or with K, M, G (1024s); SEED: a number
 *
 * SplitMix64, little-endian words on every machine. The first N bytes do not depend on COUNT. Ends
 * quietly with status 1 when its reader is gone.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 65536 };

static uint64_t next_word(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fill(unsigned char block[BLOCK], uint64_t *state)
{
    for (size_t i = 0; i < BLOCK; i += 8) {
        uint64_t word = next_word(state);

        for (unsigned byte = 0; byte < 8; byte++)
            block[i + byte] = (unsigned char)(word >> (8 * byte));
    }
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
    static unsigned char block[BLOCK];
    uint64_t state, left;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: randbytes COUNT [SEED]\n");
        return 2;
    }
    left = parse_count(argv[1]);
    state = argc == 3 ? strtoull(argv[2], NULL, 0) * UINT64_C(0xd1342543de82ef95) : 0;
    while (left > 0) {
        size_t count = left < BLOCK ? (size_t)left : BLOCK;

        fill(block, &state);
        if (write_all(block, count) < 0)
            return 1;
        left -= count;
    }
    return 0;
}
