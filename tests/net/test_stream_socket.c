/*
 * test_stream_socket.c - closing a unix socket whose peer still talks (net/stream_socket.h).
 */
#include "net/stream_socket.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_hush(void)
{
    static const char junk[100000];
    int pair[2];
    char got[8];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0)
        abort();
    if (write(pair[0], "bytes", 5) != 5 || stream_socket_finish(pair[0]) != 0 ||
        send(pair[1], junk, sizeof junk, 0) != sizeof junk)
        abort();
    stream_socket_hush(pair[0]);
    tap_ok(send(pair[1], junk, 1, MSG_NOSIGNAL) < 0 && errno == EPIPE,
           "the peer cannot send any more");
    close(pair[0]);
    ssize_t count = read(pair[1], got, sizeof got);
    tap_ok(count == 5 && memcmp(got, "bytes", 5) == 0, "it gets all bytes");
    tap_ok(read(pair[1], got, sizeof got) == 0, "and an end, no reset");
    close(pair[1]);

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0)
        abort();
    close(pair[1]);
    stream_socket_hush(pair[0]);
    tap_ok(true, "a peer that has gone is harmless");
    close(pair[0]);
}

int main(void)
{
    test_hush();
    return tap_done();
}
