/*
 * test_dialer_udp.c - the dialer with UDP: which side sends the first datagram.
 */
#include "tests/net/dialer_stage.h"

/* --- UDP ------------------------------------------------------------------------------------- */

static void test_udp_to(void)
{
    struct call call;
    char bytes[8];
    struct socket_address peer = {.length = sizeof peer.storage};
    int other = bound(SOCK_DGRAM, ipv4("127.0.0.1", 0));
    fcntl(other, F_SETFL, O_NONBLOCK);

    prepare(&call, ADDRESS_UDP, ipv4("127.0.0.1", port_of(other)));
    start(&call, false);
    tap_ok(run(&call) == DIALER_CONNECTED && has_flags(call.dialer.fd), "a UDP output connects");
    tap_ok(read(other, bytes, sizeof bytes) == -1 && errno == EAGAIN, "and sends nothing");
    tap_ok(carries(call.dialer.fd, other), "until it is told to");
    dialer_close(&call.dialer);

    start(&call, true);
    bool right = run(&call) == DIALER_CONNECTED && wait_for(other, POLLIN);
    ssize_t got =
        recvfrom(other, bytes, sizeof bytes, 0, (struct sockaddr *)&peer.storage, &peer.length);
    right = right && got == 0 && connect(other, sockaddr_of(&peer), peer.length) == 0;
    tap_ok(right, "a UDP input says where it is, by an empty datagram");
    tap_ok(carries(other, call.dialer.fd), "so that one can be sent back");
    dialer_close(&call.dialer);
    close(other);
}

static void test_udp_listen_input(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];

    bool right = begins(&call, ADDRESS_UDP_LISTEN, ipv4("127.0.0.1", 0), true);
    unsigned port = port_of(call.dialer.fd);
    snprintf(text, sizeof text, "listening on 127.0.0.1:%u", port);
    tap_ok(right && says(&call, text) && has_flags(call.dialer.fd), "a UDP input listens");
    tap_ok(dialer_due_ns(&call.dialer) <= call.now_ns && step(&call) == DIALER_CONNECTED,
           "and need not wait");
    tap_ok(option_of(call.dialer.fd, SOL_SOCKET, SO_REUSEADDR) == 0, "it keeps its port");
    int first = bound(SOCK_DGRAM, ipv4("127.0.0.1", 0)),
        second = bound(SOCK_DGRAM, ipv4("127.0.0.2", 0));
    struct socket_address address = ipv4("127.0.0.1", port);
    (void)connect(first, sockaddr_of(&address), address.length);
    (void)connect(second, sockaddr_of(&address), address.length);
    tap_ok(carries(first, call.dialer.fd) && carries(second, call.dialer.fd), "anybody may send");
    dialer_close(&call.dialer);
    close(first);
    close(second);
}

static void test_udp_listen_output(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE], byte;

    prepare(&call, ADDRESS_UDP_LISTEN, ipv4("127.0.0.1", 0));
    allow(&call, "127.0.0.1");
    start(&call, false);
    bool right = step(&call) == DIALER_LISTENING;
    enum dialer_status status = step(&call);
    struct pollfd poll_fd = dialer_poll(&call.dialer);
    tap_ok(right && status == DIALER_WAITING && poll_fd.fd == call.dialer.fd &&
               poll_fd.events == POLLIN,
           "a UDP output waits for somebody");
    struct socket_address address = ipv4("127.0.0.1", port_of(call.dialer.fd));
    int stranger = bound(SOCK_DGRAM, ipv4("127.0.0.2", 0));
    int peer = bound(SOCK_DGRAM, ipv4("127.0.0.1", 0));
    sendto(stranger, "knock", 5, 0, sockaddr_of(&address), address.length);
    sendto(peer, "", 0, 0, sockaddr_of(&address), address.length);
    snprintf(text, sizeof text, "refused 127.0.0.2:%u (--allow)", port_of(stranger));
    tap_ok(run(&call) == DIALER_REFUSED && says(&call, text), "--allow refuses somebody");
    tap_ok(run(&call) == DIALER_CONNECTED && carries(call.dialer.fd, peer), "the next is served");
    tap_ok(read(call.dialer.fd, &byte, 1) == -1 && errno == EAGAIN, "his datagram was taken");
    sendto(stranger, "knock", 5, 0, sockaddr_of(&address), address.length);
    right = connect(peer, sockaddr_of(&address), address.length) == 0;
    tap_ok(right && carries(peer, call.dialer.fd), "and nobody else is heard");
    dialer_close(&call.dialer);
    close(stranger);

    call.settings.connect_timeout_ns = SECOND_NS;
    start(&call, false);
    right = step(&call) == DIALER_LISTENING;
    call.now_ns += SECOND_NS;
    tap_ok(right && ends(&call, DIALER_TIMED_OUT, "no connection in 1.00 s (--connect-timeout)"),
           "its limit");
    close(peer);
}

int main(void)
{
    static void (*const tests[])(void) = {test_udp_to, test_udp_listen_input,
                                          test_udp_listen_output};
    return stage_run(tests, sizeof tests / sizeof tests[0]);
}
