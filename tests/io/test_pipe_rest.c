/*
 * What a reader left in its pipe: lost bytes are counted, with their records; bytes that another
 * process can still read are not touched.
 */
#include "io/pipe_rest.h"

#include "base/platform.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SIZE = 1 << 20 };

static char sent[SIZE], got[SIZE + 1];

static void fill(int fds[2], size_t bytes)
{
    if (platform_pipe(fds, SIZE) != 0 || write(fds[1], sent, bytes) != (ssize_t)bytes)
        abort();
}

static uint64_t lines_in(const char *bytes, size_t count)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < count; i++)
        lines += bytes[i] == '\n';
    return lines;
}

static bool is(struct pipe_rest rest, int64_t bytes, bool lost, uint64_t records)
{
    return rest.bytes == bytes && rest.lost == lost && rest.records == records;
}

static void test_no_reader(void)
{
    static const size_t sizes[] = {1, 16383, 16384, 16385, 300000, SIZE};
    int fds[2];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t bytes = sizes[i];
        uint64_t lines = lines_in(sent, bytes);
        fill(fds, bytes);
        close(fds[0]);
        tap_ok(is(pipe_rest_of_writer(fds[1], RECORD_NONE), (int64_t)bytes, true, 0) &&
                   is(pipe_rest_of_writer(fds[1], RECORD_DATAGRAM), (int64_t)bytes, false, 0) &&
                   is(pipe_rest_of_writer(fds[1], RECORD_LINE), (int64_t)bytes, true, lines) &&
                   is(pipe_rest_of_writer(fds[1], RECORD_LINE), 0, false, 0),
               "%zu bytes are lost, with %" PRIu64 " lines; no datagrams", bytes, lines);
        close(fds[1]);

        fill(fds, bytes);
        close(fds[1]);
        tap_ok(is(pipe_rest_of_witness(fds[0], RECORD_LINE), (int64_t)bytes, true, lines) &&
                   fcntl(fds[0], F_GETFD) == -1,
               "the same from a witness, which is closed");
    }
    fill(fds, 0);
    close(fds[1]);
    tap_ok(is(pipe_rest_of_witness(fds[0], RECORD_NONE), 0, false, 0), "nothing is left");
    tap_ok(is(pipe_rest_of_writer(-1, RECORD_LINE), -1, false, 0), "no pipe");
}

static void test_reader(void)
{
    struct pollfd watch = {.events = POLLIN};
    int fds[2], witness;
    fill(fds, 300000);
    tap_ok(is(pipe_rest_of_writer(fds[1], RECORD_LINE), 300000, false, 0),
           "another reader may still read them");
    witness = platform_reopen(fds[0], O_RDONLY | O_NONBLOCK);
    close(fds[1]);
    tap_ok(witness >= 0 && is(pipe_rest_of_witness(witness, RECORD_LINE), 300000, false, 0),
           "the same from a witness");
    watch.fd = fds[0];
    tap_ok(read(fds[0], got, sizeof got) == 300000 && memcmp(sent, got, 300000) == 0 &&
               read(fds[0], got, 1) == 0 && poll(&watch, 1, 0) == 1 && watch.revents == POLLHUP,
           "and it gets them all, and the end");
    close(fds[0]);
}

/* Without a descriptor to spare, the records cannot be counted. */
static void test_no_descriptor(void)
{
    struct rlimit limit, none;
    int fds[2];
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        abort();
    fill(fds, 1000);
    close(fds[0]);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    struct pipe_rest poor = pipe_rest_of_writer(fds[1], RECORD_LINE);
    setrlimit(RLIMIT_NOFILE, &limit);
    tap_ok(poor.bytes == 1000 && !poor.lost, "without a descriptor they do not count as lost");
    tap_ok(is(pipe_rest_of_writer(fds[1], RECORD_LINE), 1000, true, lines_in(sent, 1000)),
           "but with one");
    close(fds[1]);
}

int main(void)
{
    int fds[2];
    uint64_t seed = tap_seed();
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = tap_random(&seed) % 5 == 0 ? '\n' : '\0';
    if (platform_pipe(fds, SIZE) != 0) {
        if (pipe(fds) != 0 || write(fds[1], sent, 100) != 100 || close(fds[0]) != 0)
            abort();
        tap_ok(is(pipe_rest_of_writer(fds[1], RECORD_LINE), -1, false, 0),
               "the system cannot tell");
        return tap_done();
    }
    close(fds[0]);
    close(fds[1]);
    test_no_reader();
    test_reader();
    test_no_descriptor();
    return tap_done();
}
