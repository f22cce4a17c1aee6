/*
 * test_udp_socket.c - datagrams between sockets of 127.0.0.1: one in, one out, and what is lost is
 * counted.
 *
 * Nothing here waits: on the loopback, datagrams and ICMP errors arrive at once.
 */
#include "net/udp_socket.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST = 65507, PATIENCE_MS = 10000 };

static uint64_t calls;
static unsigned char sent[1 << 17], got[1 << 17];

static int open_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        abort();
    return fd;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static int open_bound(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = open_socket();
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        abort();
    return ntohs(address.sin_port);
}

static int open_connected(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = open_socket();
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

/* A socket that sends to another. */
struct pair {
    struct udp_socket in_state, out_state;
    int in, out;
};

static struct pair make_pair(void)
{
    struct pair pair = {.in = open_bound(0)};
    pair.out = open_connected(port_of(pair.in));
    udp_begin_input(&pair.in_state, pair.in, NULL, 0);
    return pair;
}

static void end_pair(struct pair *pair)
{
    udp_end(&pair->in_state);
    udp_end(&pair->in_state);
    close(pair->in);
    close(pair->out);
}

/* `bytes` of memory in up to two pieces. */
static int in_pieces(struct iovec pieces[2], const unsigned char *memory, size_t bytes)
{
    size_t first = below(bytes + 1);
    int count = 0;
    if (first > 0)
        pieces[count++] = (struct iovec){(void *)memory, first};
    if (first < bytes || count == 0)
        pieces[count++] = (struct iovec){(void *)(memory + first), bytes - first};
    return count;
}

static ssize_t give(struct pair *pair, size_t bytes)
{
    struct iovec pieces[2];
    for (size_t i = 0; i < bytes; i++)
        sent[i] = (unsigned char)below(256);
    int count = in_pieces(pieces, sent, bytes);
    return udp_send(&pair->out_state, pair->out, pieces, count, &calls);
}

static ssize_t take(struct pair *pair, size_t room)
{
    struct iovec pieces[2];
    int count = in_pieces(pieces, got, room);
    return udp_receive(&pair->in_state, pair->in, pieces, count, &calls);
}

static bool comes_whole(struct pair *pair, size_t bytes)
{
    struct pollfd fd = {.fd = pair->in, .events = POLLIN};
    return give(pair, bytes) == (ssize_t)bytes && poll(&fd, 1, PATIENCE_MS) == 1 &&
           take(pair, UDP_DATAGRAM_SIZE) == (ssize_t)bytes && memcmp(sent, got, bytes) == 0;
}

/* With little room it comes in pieces, none of which is lost. */
static bool comes_in_pieces(struct pair *pair, size_t bytes, size_t room)
{
    if (give(pair, bytes) != (ssize_t)bytes)
        return false;
    for (size_t at = 0; at < bytes;) {
        ssize_t part = take(pair, 1 + below(room));
        if (part <= 0 || memcmp(sent + at, got, (size_t)part) != 0)
            return false;
        at += (size_t)part;
    }
    return true;
}

static bool is_empty(struct pair *pair)
{
    return take(pair, UDP_DATAGRAM_SIZE) == -1 && errno == EAGAIN;
}

static void test_datagrams(void)
{
    struct pair pair = make_pair();
    bool whole = true, pieces = true;
    calls = 0;
    tap_ok(is_empty(&pair) && calls == 1, "nothing there: EAGAIN, and one call");
    for (int i = 0; i < 200; i++)
        whole = whole && comes_whole(&pair, 1 + below(below(8) == 0 ? LONGEST : 2000));
    tap_ok(whole, "one datagram in, one out");
    tap_ok(comes_whole(&pair, LONGEST), "the longest there is");
    tap_ok(give(&pair, LONGEST + 1) == -1 && errno == EMSGSIZE, "a longer one is refused");
    tap_ok(give(&pair, 0) == 0 && take(&pair, UDP_DATAGRAM_SIZE) == 0 && is_empty(&pair),
           "one without bytes");
    tap_ok(give(&pair, 0) == 0 && take(&pair, 10) == 0 && is_empty(&pair),
           "the same where there is little room");
    for (int i = 0; i < 200; i++)
        pieces = pieces && comes_in_pieces(&pair, 1 + below(3000), 1 + below(4000));
    tap_ok(pieces && is_empty(&pair), "in pieces where there is little room");
    tap_ok(pair.in_state.refusals == 0 && pair.out_state.refusals == 0 &&
               pair.in_state.strangers == 0 && pair.in_state.kernel_drops == 0,
           "and nothing was lost");
    end_pair(&pair);
}

static void test_refusals(void)
{
    struct pair pair = make_pair();
    uint16_t port = port_of(pair.in);
    close(pair.in);
    bool on = true;
    for (int i = 0; i < 10; i++)
        on = on && give(&pair, 100) == 100;
    tap_ok(on && pair.out_state.refusals == 9, "nobody listens: counted (%llu), and it goes on",
           (unsigned long long)pair.out_state.refusals);
    tap_ok(udp_take_error(&pair.out_state, pair.out) == 0 && pair.out_state.refusals == 10 &&
               udp_take_error(&pair.out_state, pair.out) == 0 && pair.out_state.refusals == 10,
           "that of the last one, too, if it is asked for");
    tap_ok(give(&pair, 1) == 1, "one more");
    pair.in = open_bound(port);
    tap_ok(comes_whole(&pair, 1000) && pair.out_state.refusals == 11,
           "a later listener gets the datagrams sent after that");
    end_pair(&pair);

    pair = make_pair();
    close(pair.in);
    struct udp_socket asker = {0};
    tap_ok(give(&pair, 0) == 0, "an input that says where it is");
    struct iovec piece = {got, UDP_DATAGRAM_SIZE};
    udp_begin_input(&asker, pair.out, NULL, 0);
    tap_ok(udp_receive(&asker, pair.out, &piece, 1, &calls) == -1 && errno == EAGAIN &&
               asker.refusals == 1,
           "and is refused: counted, and it waits");
    pair.in = open_socket();
    end_pair(&pair);
}

static void test_faults(void)
{
    struct udp_socket udp = {0};
    struct iovec piece = {got, UDP_DATAGRAM_SIZE};
    tap_ok(udp_receive(&udp, -1, &piece, 1, &calls) == -1 && errno == EBADF, "a fault is a fault");
    tap_ok(udp_send(&udp, -1, &piece, 1, &calls) == -1 && errno == EBADF &&
               udp_take_error(&udp, -1) == EBADF && udp.refusals == 0,
           "of an output, too");
}

static void test_strangers(void)
{
    struct pair pair = make_pair();
    struct address_range ranges[2];
    if (!tap_ok(address_parse_range(&ranges[0], "10.0.0.0/8") == NULL &&
                    address_parse_range(&ranges[1], "127.0.0.0/8") == NULL,
                "ranges"))
        return;
    udp_begin_input(&pair.in_state, pair.in, ranges, 1);
    for (int i = 0; i < 100; i++)
        give(&pair, 10);
    tap_ok(is_empty(&pair), "those of a stranger are not handed out");
    while (pair.in_state.strangers < 100 && is_empty(&pair))
        continue;
    tap_ok(pair.in_state.strangers == 100 && strncmp(pair.in_state.stranger, "127.0.0.1:", 10) == 0,
           "but counted, and he is named: %s", pair.in_state.stranger);
    udp_begin_input(&pair.in_state, pair.in, ranges, 2);
    tap_ok(comes_whole(&pair, 10) && pair.in_state.strangers == 100, "others may send");
    end_pair(&pair);

    int server = open_bound(0);
    struct udp_socket client = {0};
    int fd = open_connected(port_of(server));
    struct sockaddr_in address = loopback(port_of(fd));
    struct iovec piece = {got, UDP_DATAGRAM_SIZE};
    udp_begin_input(&client, fd, ranges, 1);
    tap_ok(sendto(server, "abc", 3, 0, (struct sockaddr *)&address, sizeof address) == 3 &&
               udp_receive(&client, fd, &piece, 1, &calls) == 3 && client.strangers == 0,
           "the peer that bpipe has connected to is no stranger");
    close(server);
    close(fd);
}

/* More than the socket's buffer holds: the kernel reports the number of lost datagrams. */
static void test_kernel_drops(void)
{
    struct pair pair = make_pair();
    uint64_t came = 0, offered = 0;
    int small = 4096;
    if (!pair.in_state.kernel_tells) {
        tap_ok(true, "drops # SKIP this system does not count them");
        end_pair(&pair);
        return;
    }
    setsockopt(pair.in, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 50; i++)
            offered += give(&pair, 1 + below(500)) > 0;
        while (!is_empty(&pair))
            came++;
    }
    uint64_t told = pair.in_state.kernel_drops;
    tap_ok(told > 0 && came + told < offered, "those before the last one are told with it: %llu",
           (unsigned long long)told);
    udp_count_drops(&pair.in_state, pair.in);
    tap_ok(came + pair.in_state.kernel_drops == offered, "the others when they are asked for");
    uint64_t all = pair.in_state.kernel_drops;
    tap_ok(comes_whole(&pair, 10) && pair.in_state.kernel_drops == all, "none is told twice");
    pair.in_state.drops_told = UINT32_MAX - 5; /* as if there had been many before */
    pair.in_state.kernel_drops = 0;
    udp_count_drops(&pair.in_state, pair.in);
    tap_ok(pair.in_state.kernel_drops == all + 6, "and the kernel's number may wrap");
    end_pair(&pair);
}

int main(void)
{
    random_state = tap_seed();
    alarm(60);
    test_datagrams();
    test_refusals();
    test_faults();
    test_strangers();
    test_kernel_drops();
    return tap_done();
}
