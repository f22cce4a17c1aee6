/*
 * test_dialer.c - the dialer: connecting, retries, limits of time, and that nothing stays open.
 */
#include "net/stream_socket.h"
#include "tests/net/dialer_stage.h"

/* --- connecting ------------------------------------------------------------------------------ */

static void test_connect(void)
{
    struct call call;
    int listener = listening(ipv4("127.0.0.1", 0), 5);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port_of(listener)));
    call.settings.tcp_buffer = 40000;
    start(&call, false);
    tap_ok(dialer_due_ns(&call.dialer) <= call.now_ns && dialer_poll(&call.dialer).fd == -1,
           "a dialer wants to be stepped at once");
    tap_ok(run(&call) == DIALER_CONNECTED && step(&call) == DIALER_CONNECTED, "connects by TCP");
    tap_ok(dialer_poll(&call.dialer).fd == -1 && dialer_due_ns(&call.dialer) == UINT64_MAX,
           "and then waits for nothing");
    int fd = dialer_take(&call.dialer), peer = accept(listener, NULL, NULL);
    dialer_close(&call.dialer);
    tap_ok(has_flags(fd), "nonblocking, closed on exec");
    tap_ok(option_of(fd, SOL_SOCKET, SO_KEEPALIVE) > 0 && resets_at_close(fd),
           "with keep-alives, lingering for 0 s");
    int sends = option_of(fd, SOL_SOCKET, SO_SNDBUF), gets = option_of(fd, SOL_SOCKET, SO_RCVBUF);
    tap_ok((sends == 40000 || sends == 80000) && gets == sends, "with the buffers that were asked");
    tap_ok(carries(fd, peer) && carries(peer, fd), "what was taken stays open");
    close(fd);
    tap_ok(is_reset(peer), "its end is a reset");
    close(peer);
    close(listener);
}

static void test_ipv6(void)
{
    struct call call;
    char text[64];
    int probe = bound(SOCK_STREAM, ipv6("::1", 0));
    if (probe < 0) {
        tap_ok(true, "IPv6 # SKIP no ::1 here");
        return;
    }
    close(probe);
    prepare(&call, ADDRESS_TCP_LISTEN, ipv6("::1", 0));
    call.settings.family = AF_INET6;
    start(&call, true);
    bool right = step(&call) == DIALER_LISTENING;
    unsigned port = port_of(call.dialer.fd);
    snprintf(text, sizeof text, "listening on [::1]:%u", port);
    tap_ok(right && says(&call, text), "listens by IPv6");
    struct call caller;
    prepare(&caller, ADDRESS_TCP, ipv6("::1", port));
    start(&caller, false);
    tap_ok(run(&caller) == DIALER_CONNECTED && run(&call) == DIALER_CONNECTED &&
               carries(caller.dialer.fd, call.dialer.fd),
           "two dialers meet by IPv6");
    dialer_close(&caller.dialer);
    dialer_close(&call.dialer);
    bool begun = begins(&call, ADDRESS_UDP_LISTEN, ipv6("::1", 0), true);
    prepare(&caller, ADDRESS_UDP, ipv6("::1", port_of(call.dialer.fd)));
    start(&caller, false);
    tap_ok(begun && run(&caller) == DIALER_CONNECTED && run(&call) == DIALER_CONNECTED &&
               carries(caller.dialer.fd, call.dialer.fd),
           "also by UDP");
    dialer_close(&caller.dialer);
    dialer_close(&call.dialer);
}

/* Asked of a socket that is not bound: bound to anything but "::", it is for IPv6 anyway. */
static void test_only_ipv6(void)
{
    struct net_settings settings = {.family = AF_INET6};
    int fd = socket_setup_open(&settings, ADDRESS_TCP_LISTEN, AF_INET6);
    if (fd < 0) {
        tap_ok(true, "IPv6 alone # SKIP no IPv6 here");
        return;
    }
    tap_ok(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1, "with -6 a listener is not for IPv4");
    close(fd);
    fd = socket_setup_open(&settings, ADDRESS_UNIX_LISTEN, AF_UNIX);
    tap_ok(fd >= 0, "a unix socket does not mind");
    close(fd);
    settings.family = AF_UNSPEC;
    fd = socket_setup_open(&settings, ADDRESS_TCP_LISTEN, AF_INET6);
    int plain = socket(AF_INET6, SOCK_STREAM, 0);
    tap_ok(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY) == option_of(plain, IPPROTO_IPV6, IPV6_V6ONLY),
           "without, it is as the system has it");
    close(fd);
    close(plain);
}

static void test_refused(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];
    int closed, listener = listening(ipv4("127.0.0.1", 0), 5);
    unsigned port = refusing_port(&closed);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    start(&call, false);
    tap_ok(ends(&call, DIALER_FAILED, "Connection refused"), "says that it was refused");
    tap_ok(call.dialer.error == ECONNREFUSED && !call.dialer.timed_out, "and by what errno");

    snprintf(call.resolved.address.host, ADDRESS_HOST_SIZE, "localhost");
    start(&call, false);
    snprintf(text, sizeof text, "127.0.0.1:%u: Connection refused", port);
    tap_ok(ends(&call, DIALER_FAILED, text), "and which address of the name it was");

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    add_address(&call, ipv4("127.0.0.1", port_of(listener)));
    start(&call, false);
    tap_ok(run(&call) == DIALER_CONNECTED && call.dialer.next == 2, "goes on to the next address");
    dialer_close(&call.dialer);
    tap_ok(step(&call) == DIALER_CONNECTED, "stepping when it is over is harmless");

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.2", port));
    add_address(&call, ipv4("127.0.0.1", port));
    add_address(&call, (struct socket_address){.storage = {.ss_family = AF_APPLETALK},
                                               .length = sizeof(struct sockaddr_in)});
    start(&call, false);
    tap_ok(ends(&call, DIALER_FAILED, text),
           "the last address has the last word, but not one that is of no use here");
    close(closed);
    close(listener);
}

/* Of the ports that the system chooses from, one in thousands is the one that is called: here the
 * dialer gets a socket to which that has happened. */
static void test_itself(void)
{
    struct call call;
    int fd = bound(SOCK_STREAM, ipv4("127.0.0.1", 0));
    struct socket_address own = ipv4("127.0.0.1", port_of(fd));

    prepare(&call, ADDRESS_TCP, own);
    start(&call, false);
    bool right = connect(fd, sockaddr_of(&own), own.length) == 0;
    call.dialer.fd = fd;
    call.dialer.state = DIALER_CONNECTING;
    call.dialer.next = 1;
    tap_ok(right && ends(&call, DIALER_FAILED, "Connection refused"), "never talks to itself");
}

/* --- time ------------------------------------------------------------------------------------ */

/* A listener that takes no more connections, and what fills it. */
struct silence {
    int fds[4];
    struct socket_address address;
};

static void be_silent(struct silence *silence)
{
    silence->fds[0] = listening(ipv4("127.0.0.1", 0), 0);
    silence->address = ipv4("127.0.0.1", port_of(silence->fds[0]));
    for (int i = 1; i < 4; i++) {
        silence->fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(silence->fds[i], F_SETFL, O_NONBLOCK);
        (void)connect(silence->fds[i], sockaddr_of(&silence->address), silence->address.length);
    }
}

static void end_silence(const struct silence *silence)
{
    for (int i = 0; i < 4; i++)
        close(silence->fds[i]);
}

static void test_waiting(void)
{
    struct silence silence;
    struct call call;

    be_silent(&silence);
    prepare(&call, ADDRESS_TCP, silence.address);
    start(&call, false);
    tap_ok(step(&call) == DIALER_WAITING, "an address that does not answer");
    tap_ok(dialer_due_ns(&call.dialer) == UINT64_MAX, "is waited for without a limit");
    struct pollfd poll_fd = dialer_poll(&call.dialer);
    tap_ok(poll_fd.fd == call.dialer.fd && poll_fd.events == POLLOUT, "to become writable");
    dialer_skip(&call.dialer, SECOND_NS);
    tap_ok(dialer_due_ns(&call.dialer) == UINT64_MAX, "also when bpipe was stopped");
    dialer_close(&call.dialer);
    end_silence(&silence);
}

static void test_no_answer(void)
{
    struct silence silence;
    struct call call;

    be_silent(&silence);
    prepare(&call, ADDRESS_TCP, silence.address);
    call.settings.connect_timeout_ns = 2 * SECOND_NS;
    start(&call, false);
    bool waits = step(&call) == DIALER_WAITING;
    tap_ok(waits && dialer_due_ns(&call.dialer) == call.now_ns + 2 * SECOND_NS, "a limit");
    dialer_skip(&call.dialer, SECOND_NS);
    call.now_ns += 3 * SECOND_NS - 1;
    tap_ok(step(&call) == DIALER_WAITING, "that does not count when bpipe was stopped");
    call.now_ns++;
    tap_ok(ends(&call, DIALER_TIMED_OUT, "no answer in 2.00 s (--connect-timeout)"), "is kept");

    call.settings.retries = 1;
    start(&call, false);
    waits = step(&call) == DIALER_WAITING;
    call.now_ns += 2 * SECOND_NS;
    tap_ok(waits && step(&call) == DIALER_RETRYING,
           "an address that does not answer is tried again");
    call.now_ns = dialer_due_ns(&call.dialer);
    waits = step(&call) == DIALER_WAITING;
    call.now_ns += 2 * SECOND_NS;
    tap_ok(waits &&
               ends(&call, DIALER_TIMED_OUT, "no answer in 2.00 s (--connect-timeout) (2 tries)"),
           "with the same limit");
    end_silence(&silence);
}

static void test_limit_of_each(void)
{
    struct silence silence;
    struct call call;
    char text[DIALER_TEXT_SIZE];
    int closed, listener = listening(ipv4("127.0.0.1", 0), 5);
    unsigned port = refusing_port(&closed);

    be_silent(&silence);
    prepare(&call, ADDRESS_TCP, silence.address);
    add_address(&call, ipv4("127.0.0.1", port_of(listener)));
    call.settings.connect_timeout_ns = SECOND_NS;
    start(&call, false);
    bool waits = step(&call) == DIALER_WAITING;
    call.now_ns += SECOND_NS;
    tap_ok(waits && run(&call) == DIALER_CONNECTED, "after its time the next address is tried");
    dialer_close(&call.dialer);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    add_address(&call, silence.address);
    add_address(&call, silence.address);
    call.settings.connect_timeout_ns = SECOND_NS;
    start(&call, false);
    waits = step(&call) == DIALER_WAITING;
    call.now_ns += SECOND_NS;
    enum dialer_status status = step(&call);
    tap_ok(waits && status == DIALER_WAITING &&
               dialer_due_ns(&call.dialer) == call.now_ns + SECOND_NS,
           "each has a limit of its own");
    call.now_ns += SECOND_NS;
    snprintf(text, sizeof text, "127.0.0.1:%u: no answer in 1.00 s (--connect-timeout)",
             port_of(silence.fds[0]));
    tap_ok(ends(&call, DIALER_TIMED_OUT, text), "and the last has the last word");
    end_silence(&silence);
    close(closed);
    close(listener);
}

/* --- retries --------------------------------------------------------------------------------- */

/* Tries `retries` times again, and lets that time pass. Whether the delays are as promised. */
static bool retry_all(struct call *call, unsigned retries, uint64_t *longest_ns, unsigned *equal)
{
    uint64_t bound_ns = DIALER_DELAY_NS, last_ns = UINT64_MAX;
    bool right = true;
    for (unsigned i = 1; i <= retries && right; i++) {
        char text[64];
        snprintf(text, sizeof text, "; retry %u of %u in ", i, retries);
        right = run(call) == DIALER_RETRYING && strstr(call->dialer.text, text) != NULL;
        uint64_t delay_ns = dialer_due_ns(&call->dialer) - call->now_ns;
        right = right && delay_ns < bound_ns && dialer_poll(&call->dialer).fd == -1;
        *equal += delay_ns == last_ns;
        *longest_ns = delay_ns > *longest_ns ? delay_ns : *longest_ns;
        last_ns = delay_ns;
        if (delay_ns > 0) {
            call->now_ns += delay_ns - 1;
            right = right && step(call) == DIALER_WAITING;
            call->now_ns++;
        }
        bound_ns = bound_ns * 2 < DIALER_DELAY_MAX_NS ? bound_ns * 2 : DIALER_DELAY_MAX_NS;
    }
    return right;
}

static void test_retries(void)
{
    struct call call;
    uint64_t longest_ns = 0;
    unsigned equal = 0;
    int closed;

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", refusing_port(&closed)));
    call.settings.retries = 5;
    start(&call, false);
    tap_ok(retry_all(&call, 5, &longest_ns, &equal), "5 retries, each after its time");
    tap_ok(ends(&call, DIALER_FAILED, "Connection refused (6 tries)"), "and no sixth");

    start(&call, false);
    bool right = run(&call) == DIALER_RETRYING;
    const char *text = "Connection refused; retry 1 of ";
    tap_ok(right && strncmp(call.dialer.text, text, strlen(text)) == 0, "the text says when: %s",
           call.dialer.text);
    uint64_t due_ns = dialer_due_ns(&call.dialer);
    dialer_skip(&call.dialer, SECOND_NS);
    tap_ok(dialer_due_ns(&call.dialer) == due_ns + SECOND_NS, "later if bpipe was stopped");
    right = listen(closed, 1) == 0;
    call.now_ns = dialer_due_ns(&call.dialer);
    tap_ok(right && run(&call) == DIALER_CONNECTED, "a retry that succeeds");
    dialer_close(&call.dialer);
    close(closed);
}

static void test_many_retries(void)
{
    struct call call;
    uint64_t longest_ns = 0;
    unsigned equal = 0;
    char text[DIALER_TEXT_SIZE];
    int closed;
    unsigned port = refusing_port(&closed);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.2", port));
    add_address(&call, ipv4("127.0.0.1", port));
    call.settings.retries = 60;
    start(&call, false);
    tap_ok(retry_all(&call, 60, &longest_ns, &equal) && longest_ns > DIALER_DELAY_MAX_NS / 2,
           "60 retries, of which none waits for more than 30 s");
    tap_ok(equal == 0, "nor for as long as the one before");
    snprintf(text, sizeof text, "127.0.0.1:%u: Connection refused (61 tries)", port);
    tap_ok(ends(&call, DIALER_FAILED, text), "61 tries, and the last address");

    start(&call, false);
    call.dialer.tries = 4000000000;
    call.settings.retries = 4100000000;
    tap_ok(run(&call) == DIALER_RETRYING &&
               dialer_due_ns(&call.dialer) - call.now_ns < DIALER_DELAY_MAX_NS,
           "any number of tries: %s", call.dialer.text);
    dialer_close(&call.dialer);
    close(closed);
}

static uint64_t first_delay_ns(struct call *call, uint64_t seed)
{
    dialer_init(&call->dialer, &call->resolved, false, &call->settings, seed);
    (void)run(call);
    uint64_t delay_ns = dialer_due_ns(&call->dialer) - call->now_ns;
    dialer_close(&call->dialer);
    return delay_ns;
}

static void test_what_is_retried(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];
    int closed;
    unsigned port = refusing_port(&closed);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    call.settings.retries = 5;
    tap_ok(first_delay_ns(&call, 1) != first_delay_ns(&call, 2), "two do not try at the same time");

    prepare(&call, ADDRESS_UNIX, named("missing"));
    call.settings.retries = 5;
    start(&call, false);
    tap_ok(run(&call) == DIALER_RETRYING, "a unix socket that is missing may come");
    dialer_close(&call.dialer);
    close(open("file", O_WRONLY | O_CREAT, 0600));
    call.list[0] = named("stale");
    close(bound(SOCK_STREAM, named("stale")));
    start(&call, false);
    tap_ok(run(&call) == DIALER_RETRYING, "and one that refuses may listen");
    dialer_close(&call.dialer);
    unlink("stale");
    call.list[0] = named("file");
    start(&call, false);
    tap_ok(ends(&call, DIALER_FAILED, strerror(ENOTSOCK)), "a file may not");
    call.list[0] = named("file/below");
    start(&call, false);
    tap_ok(ends(&call, DIALER_FAILED, strerror(ENOTDIR)), "what does not change is not retried");

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    call.settings.retries = 5;
    start(&call, false);
    bool right = run(&call) == DIALER_RETRYING;
    call.list[0].storage.ss_family = AF_APPLETALK;
    call.now_ns = dialer_due_ns(&call.dialer);
    snprintf(text, sizeof text, "%s (2 tries)", strerror(EAFNOSUPPORT));
    tap_ok(right && ends(&call, DIALER_FAILED, text), "what the try before said is forgotten");
    close(closed);
    unlink("file");
}

/* --- closing --------------------------------------------------------------------------------- */

/* In every state: nothing stays open, and closing twice is harmless. */
static void test_closing(void)
{
    struct call call;
    int closed, before = open_descriptors();
    unsigned port = refusing_port(&closed);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    call.settings.retries = 5;
    start(&call, true);
    dialer_close(&call.dialer);
    tap_ok(open_descriptors() == before + 1 && step(&call) == DIALER_FAILED, "closed when idle");
    start(&call, true);
    bool right = run(&call) == DIALER_RETRYING;
    dialer_close(&call.dialer);
    tap_ok(right && open_descriptors() == before + 1, "closed when it rests");
    close(closed);

    right = begins(&call, ADDRESS_UNIX_LISTEN, named("socket"), true) && exists("socket");
    dialer_close(&call.dialer);
    dialer_close(&call.dialer);
    tap_ok(right && open_descriptors() == before && !exists("socket"), "closed when it listens");

    right = begins(&call, ADDRESS_TCP_LISTEN, ipv4("127.0.0.1", 0), false);
    int peer = connected_to(ipv4("127.0.0.1", port_of(call.dialer.fd)));
    right = right && run(&call) == DIALER_CONNECTED;
    dialer_close(&call.dialer);
    tap_ok(right && open_descriptors() == before + 1 && is_reset(peer), "closed when connected");
    close(peer);

    struct silence silence;
    be_silent(&silence);
    prepare(&call, ADDRESS_TCP, silence.address);
    start(&call, true);
    right = step(&call) == DIALER_WAITING;
    dialer_close(&call.dialer);
    tap_ok(right && open_descriptors() == before + 4, "closed when it connects");
    end_silence(&silence);
}

int main(void)
{
    static void (*const tests[])(void) = {
        test_connect, test_ipv6,         test_only_ipv6,       test_refused,
        test_itself,  test_waiting,      test_no_answer,       test_limit_of_each,
        test_retries, test_many_retries, test_what_is_retried, test_closing};
    return stage_run(tests, sizeof tests / sizeof tests[0]);
}
