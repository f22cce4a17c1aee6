/*
 * test_last_written.c - the last bytes and the last line of random writes, against a plain copy of
 * all writes.
 */
#include "buffer/last_written.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM = 200000, ROUNDS = 20 };

static unsigned char stream[STREAM];
static size_t written;

static void add(struct last_written *last_written, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        stream[written + i] = (unsigned char)text[i];
    struct span span = {
        .piece = {{.iov_base = stream + written, .iov_len = length}}, .count = 1, .bytes = length};
    written += length;
    last_written_add(last_written, &span, length);
}

static bool line_is(const struct last_written *last_written, const char *text)
{
    return last_written->line_length == strlen(text) &&
           memcmp(last_written->line, text, last_written->line_length) == 0;
}

/* The last whole line of the first `length` bytes of the stream. */
static bool line_is_right(const struct last_written *last_written)
{
    size_t end = written;
    while (end > 0 && stream[end - 1] != '\n')
        end--;
    size_t start = end > 0 ? end - 1 : 0;
    size_t length = 0;
    while (end > 0 && start > 0 && stream[start - 1] != '\n')
        start--;
    length = end > 0 ? end - 1 - start : 0;
    if (length > LAST_WRITTEN_LINE)
        length = LAST_WRITTEN_LINE;
    return last_written->line_length == length &&
           memcmp(last_written->line, stream + start, length) == 0;
}

static bool bytes_are_right(const struct last_written *last_written)
{
    size_t length = written < LAST_WRITTEN_BYTES ? written : LAST_WRITTEN_BYTES;
    return last_written->written_length == length &&
           memcmp(last_written->written, stream + written - length, length) == 0;
}

/* Random pieces in one or two parts, of which only some bytes count; lines of random length. */
static bool random_writes(unsigned seed)
{
    struct last_written last_written = {.wanted = true};
    unsigned lines = 1U << (seed % 14);
    srand(seed);
    for (written = 0; written < STREAM - 6000;) {
        size_t first = (size_t)rand() % 3000, second = (size_t)rand() % 3000;
        struct span span = {.piece = {{.iov_base = stream + written, .iov_len = first},
                                      {.iov_base = stream + written + first, .iov_len = second}},
                            .count = 2,
                            .bytes = first + second};
        for (size_t i = 0; i < first + second; i++)
            stream[written + i] = (unsigned)rand() % lines == 0 ? '\n' : (unsigned char)rand();
        size_t counts = first + second == 0 ? 0 : (size_t)rand() % (first + second + 1);
        last_written_add(&last_written, &span, counts);
        written += counts;
        if (!bytes_are_right(&last_written) || !line_is_right(&last_written))
            return false;
    }
    return true;
}

int main(void)
{
    struct last_written last_written = {.wanted = true};

    tap_ok(last_written.written_length == 0 && last_written.line_length == 0,
           "nothing is kept before the first write");
    add(&last_written, "one\ntw");
    tap_ok(line_is(&last_written, "one"), "a line and a part");
    add(&last_written, "o");
    tap_ok(line_is(&last_written, "one"), "another part of a line");
    add(&last_written, "\n");
    tap_ok(line_is(&last_written, "two"), "the end of that line");
    add(&last_written, "\n\nfour\nfi");
    tap_ok(line_is(&last_written, "four"), "several lines at once");
    add(&last_written, "ve\n");
    tap_ok(line_is(&last_written, "five"), "the end of a line");
    tap_ok(bytes_are_right(&last_written), "all bytes");
    for (unsigned seed = 1; seed <= ROUNDS; seed++)
        tap_ok(random_writes(seed), "random writes, lines of %u bytes", 1U << (seed % 14));
    return tap_done();
}
