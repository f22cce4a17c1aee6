/*
 * test_dialer_listen.c - the dialer as a listener: one peer, whom --allow lets in, and the names of
 * unix sockets.
 */
#include "tests/net/dialer_stage.h"

/* --- listening ------------------------------------------------------------------------------- */

static void test_listen(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];

    prepare(&call, ADDRESS_TCP_LISTEN, ipv4("127.0.0.1", 0));
    call.settings.tcp_buffer = 40000;
    start(&call, true);
    bool begun = step(&call) == DIALER_LISTENING;
    struct socket_address address = ipv4("127.0.0.1", port_of(call.dialer.fd));
    snprintf(text, sizeof text, "listening on 127.0.0.1:%u", port_of(call.dialer.fd));
    tap_ok(begun && says(&call, text), "listens, and says where");
    tap_ok(option_of(call.dialer.fd, SOL_SOCKET, SO_REUSEADDR) > 0 && has_flags(call.dialer.fd),
           "with SO_REUSEADDR, nonblocking, closed on exec");
    struct pollfd poll_fd = dialer_poll(&call.dialer);
    tap_ok(poll_fd.fd == call.dialer.fd && poll_fd.events == POLLIN &&
               dialer_due_ns(&call.dialer) == UINT64_MAX && step(&call) == DIALER_WAITING,
           "waits to be readable");
    int peer = connected_to(address), second = connected_to(address);
    tap_ok(run(&call) == DIALER_CONNECTED, "accepts");
    int fd = dialer_take(&call.dialer);
    tap_ok(has_flags(fd) && option_of(fd, SOL_SOCKET, SO_KEEPALIVE) > 0 && resets_at_close(fd),
           "with keep-alives, lingering for 0 s, nonblocking, closed on exec");
    int gets = option_of(fd, SOL_SOCKET, SO_RCVBUF);
    tap_ok(gets == 40000 || gets == 80000, "with the buffers that were asked");
    tap_ok(is_reset(second), "the second connection is reset");
    tap_ok(connected_to(address) == -1 && errno == ECONNREFUSED, "a later connection is refused");
    tap_ok(carries(peer, fd) && carries(fd, peer), "the first is not disturbed");
    dialer_close(&call.dialer);
    close(fd);
    tap_ok(is_reset(peer), "but sees a reset at the end");
    tap_ok(begins(&call, ADDRESS_TCP_LISTEN, address, true), "the port can be had again at once");
    dialer_close(&call.dialer);
    close(peer);
    close(second);
}

static void test_listen_refused(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];
    int other = listening(ipv4("127.0.0.1", 0), 1);
    unsigned port = port_of(other);

    prepare(&call, ADDRESS_TCP_LISTEN, ipv4("127.0.0.1", port));
    call.settings.retries = 5;
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, strerror(EADDRINUSE)), "a port that is in use");
    add_address(&call, ipv4("127.0.0.1", 0));
    start(&call, true);
    snprintf(text, sizeof text, "127.0.0.1:%u: %s", port, strerror(EADDRINUSE));
    tap_ok(ends(&call, DIALER_FAILED, text), "no other address is taken instead");
    prepare(&call, ADDRESS_TCP_LISTEN, ipv4("192.0.2.1", 0));
    add_address(&call, ipv4("127.0.0.1", 0));
    start(&call, true);
    tap_ok(step(&call) == DIALER_LISTENING && call.dialer.next == 2,
           "but instead of one that this machine has not");
    dialer_close(&call.dialer);
    call.resolved.count = 1;
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, strerror(EADDRNOTAVAIL)), "if there is another");
    close(other);
}

static void test_nobody_came(void)
{
    struct call call;

    prepare(&call, ADDRESS_TCP_LISTEN, ipv4("127.0.0.1", 0));
    call.settings.connect_timeout_ns = 2 * SECOND_NS;
    start(&call, true);
    bool right = step(&call) == DIALER_LISTENING &&
                 dialer_due_ns(&call.dialer) == call.now_ns + 2 * SECOND_NS;
    call.now_ns += 2 * SECOND_NS - 1;
    right = right && step(&call) == DIALER_WAITING;
    call.now_ns++;
    tap_ok(right && ends(&call, DIALER_TIMED_OUT, "no connection in 2.00 s (--connect-timeout)"),
           "a listener's limit");

    start(&call, true);
    right = step(&call) == DIALER_LISTENING;
    int peer = connected_to(ipv4("127.0.0.1", port_of(call.dialer.fd)));
    call.now_ns += 3 * SECOND_NS;
    tap_ok(right && step(&call) == DIALER_CONNECTED, "a connection that came in time is kept");
    dialer_close(&call.dialer);
    close(peer);
}

static void test_allow(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];

    prepare(&call, ADDRESS_TCP_LISTEN, ipv4("127.0.0.1", 0));
    allow(&call, "127.0.0.1");
    call.settings.connect_timeout_ns = 2 * SECOND_NS;
    start(&call, true);
    bool right = step(&call) == DIALER_LISTENING;
    uint64_t due_ns = dialer_due_ns(&call.dialer);
    struct socket_address address = ipv4("127.0.0.1", port_of(call.dialer.fd));
    int stranger = connected_from("127.0.0.2", address);
    int peer = connected_from("127.0.0.1", address);
    call.now_ns += SECOND_NS;
    snprintf(text, sizeof text, "refused 127.0.0.2:%u (--allow)", port_of(stranger));
    tap_ok(right && run(&call) == DIALER_REFUSED && says(&call, text), "--allow refuses a peer");
    tap_ok(is_reset(stranger), "by a reset");
    tap_ok(dialer_due_ns(&call.dialer) == due_ns, "the limit does not start again");
    tap_ok(run(&call) == DIALER_CONNECTED && carries(peer, call.dialer.fd), "the next is accepted");
    dialer_close(&call.dialer);
    close(peer);
    close(stranger);

    start(&call, true);
    right = step(&call) == DIALER_LISTENING;
    stranger = connected_from("127.0.0.2", ipv4("127.0.0.1", port_of(call.dialer.fd)));
    call.now_ns += 2 * SECOND_NS;
    tap_ok(right && ends(&call, DIALER_TIMED_OUT, "no connection in 2.00 s (--connect-timeout)") &&
               is_reset(stranger),
           "strangers do not keep it waiting");
    close(stranger);
}

/* There is no descriptor for a peer. */
static void test_no_descriptor(void)
{
    struct call call;

    bool right = begins(&call, ADDRESS_UNIX_LISTEN, named("socket"), true);
    int peer = connected_to(named("socket"));
    limit_descriptors(0);
    enum dialer_status status = step(&call);
    limit_descriptors(RLIM_INFINITY);
    tap_ok(right && status == DIALER_FAILED && ends(&call, DIALER_FAILED, strerror(EMFILE)) &&
               !exists("socket"),
           "no descriptor for a peer");
    close(peer);

    prepare(&call, ADDRESS_UNIX_LISTEN, named("socket"));
    start(&call, true);
    limit_descriptors(0);
    status = step(&call);
    limit_descriptors(RLIM_INFINITY);
    tap_ok(status == DIALER_FAILED && ends(&call, DIALER_FAILED, strerror(EMFILE)),
           "nor for a listener");
    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", 1));
    call.settings.retries = 1;
    start(&call, true);
    limit_descriptors(0);
    status = step(&call);
    limit_descriptors(RLIM_INFINITY);
    tap_ok(status == DIALER_FAILED && ends(&call, DIALER_FAILED, strerror(EMFILE)),
           "nor to connect: nothing to try again");
}

/* --- unix sockets ---------------------------------------------------------------------------- */

static void test_unix(void)
{
    struct call call, caller;

    prepare(&caller, ADDRESS_UNIX, named("socket"));
    start(&caller, false);
    tap_ok(ends(&caller, DIALER_FAILED, strerror(ENOENT)), "no unix socket of that name");
    tap_ok(begins(&call, ADDRESS_UNIX_LISTEN, named("socket"), true) &&
               says(&call, "listening on socket") && exists("socket"),
           "listens on a unix socket");
    caller.settings.retries = 1;
    allow(&call, "127.0.0.1");
    start(&caller, false);
    tap_ok(run(&caller) == DIALER_CONNECTED, "connects to it");
    int second = connected_to(named("socket"));
    tap_ok(second >= 0 && run(&call) == DIALER_CONNECTED, "--allow does not count there");
    tap_ok(!exists("socket"), "its name has gone as soon as somebody came");
    tap_ok(is_reset(second), "the second connection is reset");
    tap_ok(has_flags(call.dialer.fd) && has_flags(caller.dialer.fd) &&
               carries(caller.dialer.fd, call.dialer.fd),
           "nonblocking, closed on exec");
    dialer_close(&call.dialer);
    dialer_close(&caller.dialer);
    close(second);
}

static void test_unix_backlog(void)
{
    struct call call;
    int fds[5], listener = listening(named("full"), 0);
    int count = 0;

    prepare(&call, ADDRESS_UNIX, named("full"));
    for (; count < 4; count++) {
        start(&call, false);
        if (run(&call) != DIALER_CONNECTED)
            break;
        fds[count] = dialer_take(&call.dialer);
    }
    tap_ok(count < 4 && call.dialer.state == DIALER_QUEUING && dialer_poll(&call.dialer).fd == -1 &&
               dialer_due_ns(&call.dialer) == call.now_ns + DIALER_QUEUE_NS,
           "with a full backlog it queues");
    call.now_ns += DIALER_QUEUE_NS;
    tap_ok(step(&call) == DIALER_WAITING &&
               dialer_due_ns(&call.dialer) == call.now_ns + DIALER_QUEUE_NS,
           "for as long as it is full");
    close(accept(listener, NULL, NULL));
    call.now_ns += DIALER_QUEUE_NS - 1;
    bool early = step(&call) != DIALER_WAITING;
    call.now_ns++;
    tap_ok(!early && run(&call) == DIALER_CONNECTED, "until there is room");
    fds[count++] = dialer_take(&call.dialer);

    call.settings.connect_timeout_ns = DIALER_QUEUE_NS / 2 * 5;
    start(&call, false);
    bool waits = true;
    uint64_t end_ns = call.now_ns + call.settings.connect_timeout_ns;
    for (; call.now_ns < end_ns; call.now_ns = dialer_due_ns(&call.dialer))
        waits &= step(&call) == DIALER_WAITING;
    tap_ok(waits && call.now_ns == end_ns &&
               ends(&call, DIALER_TIMED_OUT, "no answer in 125 ms (--connect-timeout)"),
           "or until that is over");
    start(&call, false);
    step(&call);
    dialer_skip(&call.dialer, SECOND_NS);
    call.now_ns += SECOND_NS + DIALER_QUEUE_NS;
    tap_ok(step(&call) == DIALER_WAITING, "which does not count when bpipe was stopped");
    close(listener);
    call.now_ns += DIALER_QUEUE_NS;
    tap_ok(ends(&call, DIALER_FAILED, "Connection refused"), "or until the listener has gone");
    dialer_close(&call.dialer);
    while (count > 0)
        close(fds[--count]);
    unlink("full");
}

static void test_unix_names(void)
{
    struct call call;
    struct stat before, after;
    static const char not_socket[] = "exists and is not a socket";
    static const char taken[] = "another process is listening on it";

    close(open("file", O_WRONLY | O_CREAT, 0600));
    prepare(&call, ADDRESS_UNIX_LISTEN, named("file"));
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, not_socket) && exists("file"), "a file is left alone");

    int other = listening(named("other"), 1);
    bool right = stat("other", &before) == 0;
    prepare(&call, ADDRESS_UNIX_LISTEN, named("other"));
    start(&call, true);
    tap_ok(right && ends(&call, DIALER_FAILED, taken) && stat("other", &after) == 0 &&
               before.st_ino == after.st_ino,
           "the name of a listening process is left alone");
    fcntl(other, F_SETFL, O_NONBLOCK);
    tap_ok(accept(other, NULL, NULL) == -1 && errno == EAGAIN, "and he does not notice");

    symlink("other", "link");
    close(other);
    prepare(&call, ADDRESS_UNIX_LISTEN, named("link"));
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, not_socket) && exists("link") && exists("other"),
           "a link is left alone, even to a name that nobody has");
    tap_ok(begins(&call, ADDRESS_UNIX_LISTEN, named("other"), true), "that is taken over");
    dialer_close(&call.dialer);
    tap_ok(!exists("other"), "and removed");

    other = bound(SOCK_STREAM, named("other"));
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, taken),
           "a bound socket that does not listen yet keeps its name");
    close(other);
    unlink("other");
    other = bound(SOCK_DGRAM, named("other"));
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, taken), "and so has a datagram socket");
    close(other);

    prepare(&call, ADDRESS_UNIX_LISTEN, named("missing/socket"));
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, strerror(ENOENT)), "a directory that is missing");
    unlink("other");
    unlink("link");
    unlink("file");
}

static void test_replaced_name(void)
{
    struct call call;

    bool right = begins(&call, ADDRESS_UNIX_LISTEN, named("socket"), true);
    unlink("socket");
    close(open("socket", O_WRONLY | O_CREAT, 0600));
    dialer_close(&call.dialer);
    tap_ok(right && exists("socket"), "a file that took the name is not removed");
    unlink("socket");

    right = begins(&call, ADDRESS_UNIX_LISTEN, named("socket"), true);
    unlink("socket");
    int other = listening(named("socket"), 1);
    dialer_close(&call.dialer);
    tap_ok(right && exists("socket"), "nor a socket");
    close(other);
    unlink("socket");

    right = begins(&call, ADDRESS_UNIX_LISTEN, named("socket"), true);
    unlink("socket");
    dialer_close(&call.dialer);
    tap_ok(right && !exists("socket"), "nor what has gone already");
}

int main(void)
{
    static void (*const tests[])(void) = {
        test_listen, test_listen_refused, test_nobody_came, test_allow,        test_no_descriptor,
        test_unix,   test_unix_backlog,   test_unix_names,  test_replaced_name};
    return stage_run(tests, sizeof tests / sizeof tests[0]);
}
