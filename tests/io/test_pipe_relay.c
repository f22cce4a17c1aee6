/*
 * The relay between a pipe and our memory: all bytes of a pipe arrive in order, in pieces of any
 * size, nothing stays behind, and if a relay cannot be used it asks for an ordinary read.
 */
#define _GNU_SOURCE /* O_DIRECT */

#include "io/pipe_relay.h"

#include "base/platform.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST = PIPE_RELAY_SIZE };
static const size_t packets = 50000; /* bytes of packets of 1000 */

static unsigned char sent[MOST], got[MOST + 1];
static uint64_t splices, reads;

static struct pipe_relay wanted(void)
{
    return (struct pipe_relay){.splices = &splices, .wanted = true, .last = PIPE_RELAY_WORTH};
}

/* A pipe with `bytes` of `sent`, written `packet` at a time. */
static bool filled_pipe(int fds[2], size_t bytes, size_t packet, int flags)
{
    if (platform_pipe(fds, MOST) != 0 || fcntl(fds[1], F_SETFL, O_NONBLOCK | flags) != 0)
        return false;
    for (size_t at = 0; at < bytes; at += packet)
        if (write(fds[1], sent + at, packet) != (ssize_t)packet)
            return false;
    return true;
}

static void close_both(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static bool is_worth(struct pipe_relay *relay)
{
    return pipe_relay_is_worth(relay, -1, MOST);
}

static void test_worth(void)
{
    struct pipe_relay relay = wanted(), none = {.wanted = true, .last = MOST};
    tap_ok(is_worth(&relay), "a relay is worth it if the pipe was full");
    relay.last--;
    tap_ok(!is_worth(&relay), "not if the pipe was not full");
    relay.last++;
    relay.wanted = false;
    tap_ok(!is_worth(&relay), "nor if it is not wanted");
    tap_ok(!is_worth(&none) && !pipe_relay_is_worth(&none, -1, 1),
           "never without relays or without a pipe");
    pipe_relay_close(&relay);
}

/* As a ring gives its room: in two pieces, the second at the front. */
static void test_pieces(void)
{
    struct pipe_relay relay = wanted();
    const size_t split = 300001, bytes = MOST;
    int fds[2];
    bool filled = filled_pipe(fds, bytes, 65536, 0);
    struct iovec pieces[2] = {{got + split, bytes - split}, {got, split}};
    uint64_t splices_before = splices, reads_before = reads;
    filled &= is_worth(&relay);
    ssize_t moved = pipe_relay_readv(&relay, fds[0], pieces, 2, &reads);
    bool same = memcmp(got + split, sent, bytes - split) == 0 &&
                memcmp(got, sent + bytes - split, split) == 0;
    tap_ok(filled && moved == (ssize_t)bytes && same, "a full pipe, in two pieces");
    tap_ok(splices == splices_before + 1 && reads == reads_before + 1, "one call of each, counted");

    struct iovec more = {got, sizeof got};
    tap_ok(pipe_relay_readv(&relay, fds[0], &more, 1, &reads) == -1 && errno == EAGAIN,
           "EAGAIN when the pipe is empty");
    tap_ok(is_worth(&relay), "EAGAIN is no refusal");
    close(fds[1]);
    more = (struct iovec){got, sizeof got};
    tap_ok(pipe_relay_readv(&relay, fds[0], &more, 1, &reads) == 0 && !relay.refused,
           "at the end an ordinary read is asked for");
    close(fds[0]);
    pipe_relay_close(&relay);
    pipe_relay_close(&relay);
    tap_ok(!relay.open, "closed, twice");
}

/* No more is taken than there is room for: the other bytes stay in the input's pipe. */
static void test_room(void)
{
    struct pipe_relay relay = wanted();
    int fds[2];
    bool filled = filled_pipe(fds, 65536, 65536, 0);
    struct iovec piece = {got, 10000};
    ssize_t first = pipe_relay_readv(&relay, fds[0], &piece, 1, &reads);
    ssize_t rest = read(fds[0], got + 10000, sizeof got - 10000);
    tap_ok(filled && first == 10000 && rest == 65536 - 10000 && memcmp(got, sent, 65536) == 0,
           "with little room the rest stays in the input");
    close_both(fds);
    pipe_relay_close(&relay);
}

/* A read from a pipe of packets (pipe(2), O_DIRECT) gets one packet, and loses the bytes that do
 * not fit. */
static void test_packets(void)
{
    struct pipe_relay relay = wanted();
    ssize_t moved = 1;
    int fds[2];
    bool filled = filled_pipe(fds, 0, 1, O_DIRECT);
    tap_ok(filled && pipe_relay_look(&relay, fds[0]) == PIPE_UNKNOWN,
           "the kind of pipe is unknown while it is empty");
    tap_ok(write(fds[1], sent, 1000) == 1000 && pipe_relay_look(&relay, fds[0]) == PIPE_PACKETS,
           "one packet shows the kind of pipe");
    tap_ok(pipe_relay_is_worth(&relay, fds[0], PIPE_RELAY_PACKET - 1),
           "a relay is worth it if there is less room than for a packet");
    relay.wanted = false;
    tap_ok(!is_worth(&relay), "but not if there is more room");
    for (size_t at = 1000; filled && at < packets; at += 1000)
        filled = write(fds[1], sent + at, 1000) == 1000;
    memset(got, 0, sizeof got);
    struct iovec pieces[2] = {{got, 777}, {got + 777, 10000}};
    moved = pipe_relay_readv(&relay, fds[0], pieces, 2, &reads);
    for (size_t at = 10777; moved > 0 && at < packets; at += (size_t)moved) {
        struct iovec piece = {got + at, 300};
        moved = pipe_relay_readv(&relay, fds[0], &piece, 1, &reads);
    }
    tap_ok(filled && moved > 0 && memcmp(got, sent, packets) == 0,
           "all bytes of each packet arrive");
    close_both(fds);
    pipe_relay_close(&relay);
}

static void test_streams(void)
{
    struct pipe_relay relay = wanted();
    int fds[2];
    bool filled = filled_pipe(fds, 1, 1, 0);
    tap_ok(filled && pipe_relay_look(&relay, fds[0]) == PIPE_STREAM,
           "one byte shows that it is a stream");
    tap_ok(read(fds[0], got, 2) == 1 && got[0] == sent[0] && read(relay.read_fd, got, 1) == -1 &&
               errno == EAGAIN,
           "that byte stays in the input, and nothing stays in the relay");
    relay.wanted = false;
    tap_ok(!pipe_relay_is_worth(&relay, fds[0], 1), "a stream may be read in any pieces");
    close_both(fds);
    pipe_relay_close(&relay);
}

static void test_refusals(void)
{
    struct pipe_relay relay = wanted();
    struct iovec piece = {got, sizeof got};
    int fds[2];
    tap_ok(pipe_relay_readv(&relay, -1, &piece, 1, &reads) == 0 && !is_worth(&relay),
           "an input that cannot be spliced is read without a relay from then on");
    pipe_relay_close(&relay);

    struct pipe_relay poor = wanted();
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    bool filled = filled_pipe(fds, 65536, 65536, 0);
    setrlimit(RLIMIT_NOFILE, &none);
    piece = (struct iovec){got, sizeof got};
    ssize_t result = pipe_relay_readv(&poor, fds[0], &piece, 1, &reads);
    setrlimit(RLIMIT_NOFILE, &limit);
    tap_ok(filled && result == 0, "without a free descriptor an ordinary read is asked for");
    tap_ok(pipe_relay_readv(&poor, fds[0], &piece, 1, &reads) == 65536 &&
               memcmp(got, sent, 65536) == 0,
           "but not permanently, and nothing was taken");
    pipe_relay_close(&poor);
    close_both(fds);
}

int main(void)
{
    int fds[2];
    uint64_t seed = tap_seed();
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (unsigned char)tap_random(&seed);
    if (platform_pipe(fds, MOST) != 0) {
        struct pipe_relay relay = wanted();
        struct iovec piece = {got, sizeof got};
        tap_ok(pipe_relay_readv(&relay, STDIN_FILENO, &piece, 1, &reads) == 0 &&
                   !is_worth(&relay) && splices == 0,
               "without large pipes there is no relay");
        return tap_done();
    }
    close_both(fds);
    test_worth();
    test_pieces();
    test_room();
    test_packets();
    test_streams();
    test_refusals();
    return tap_done();
}
