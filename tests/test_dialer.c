/*
 * test_dialer.c - the dialer, with real sockets on the loopback addresses and in a directory of its
 * own.
 *
 * Time is made up: what takes long takes no time here. Only for what another socket has to do is
 * there a wait by poll(), and that ends when it is done.
 */
#include "../dialer.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum { MOST_ADDRESSES = 4, MOST_DESCRIPTORS = 100, PATIENCE_MS = 10000, MOST_STEPS = 1000 };

/* An endpoint as the resolver would give it, and the dialer for it. */
struct call {
    struct socket_address list[MOST_ADDRESSES];
    struct resolved resolved;
    struct options options;
    struct address_range allowed;
    struct dialer dialer;
    uint64_t now_ns;
};

static uint64_t random_state;

/* --- addresses ------------------------------------------------------------------------------- */

static struct socket_address ipv4(const char *host, unsigned port)
{
    struct socket_address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &in.sin_addr);
    memcpy(&address.storage, &in, sizeof in);
    return address;
}

static struct socket_address ipv6(const char *host, unsigned port)
{
    struct socket_address address = {.length = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    inet_pton(AF_INET6, host, &in.sin6_addr);
    memcpy(&address.storage, &in, sizeof in);
    return address;
}

static struct socket_address named(const char *path)
{
    struct socket_address address = {.length = sizeof(struct sockaddr_un)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    memcpy(&address.storage, &un, sizeof un);
    return address;
}

static const struct sockaddr *sockaddr_of(const struct socket_address *address)
{
    return (const struct sockaddr *)&address->storage;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage storage;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t length = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &length) != 0)
        return 0;
    memcpy(&in, &storage, sizeof in);
    memcpy(&in6, &storage, sizeof in6);
    return ntohs(storage.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}

/* --- other ends ------------------------------------------------------------------------------ */

static int bound(int type, struct socket_address address)
{
    int fd = socket(address.storage.ss_family, type, 0);
    if (fd < 0 || bind(fd, sockaddr_of(&address), address.length) != 0) {
        tap_note("bind: %s", strerror(errno));
        return -1;
    }
    return fd;
}

static int listening(struct socket_address address, int backlog)
{
    int fd = bound(SOCK_STREAM, address);
    if (fd >= 0 && listen(fd, backlog) != 0)
        tap_note("listen: %s", strerror(errno));
    return fd;
}

static int connected_to(struct socket_address address)
{
    int fd = socket(address.storage.ss_family, SOCK_STREAM, 0);
    if (connect(fd, sockaddr_of(&address), address.length) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int connected_from(const char *host, struct socket_address address)
{
    int fd = bound(SOCK_STREAM, ipv4(host, 0));
    if (fd >= 0 && connect(fd, sockaddr_of(&address), address.length) != 0)
        tap_note("connect from %s: %s", host, strerror(errno));
    return fd;
}

/* A port of 127.0.0.1 that is bound, but on which nobody listens. */
static unsigned refusing_port(int *fd)
{
    *fd = bound(SOCK_STREAM, ipv4("127.0.0.1", 0));
    return port_of(*fd);
}

static bool wait_for(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, PATIENCE_MS) == 1;
}

/* The bytes that come next, 0 at the end, or -errno. */
static ssize_t receive(int fd, char *bytes, size_t size)
{
    if (!wait_for(fd, POLLIN))
        return -ETIME;
    ssize_t got = read(fd, bytes, size);
    return got < 0 ? -errno : got;
}

static bool is_reset(int fd)
{
    char byte;
    return receive(fd, &byte, 1) == -ECONNRESET;
}

static bool carries(int from, int to)
{
    char bytes[8] = "";
    return write(from, "hello", 5) == 5 && receive(to, bytes, sizeof bytes) == 5 &&
           strcmp(bytes, "hello") == 0;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

static bool resets_at_close(int fd)
{
    struct linger linger = {.l_onoff = 0, .l_linger = -1};
    socklen_t length = sizeof linger;
    return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff != 0 &&
           linger.l_linger == 0;
}

static bool has_flags(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

static void prepare(struct call *call, enum address_kind kind, struct socket_address address)
{
    *call = (struct call){.list = {address}, .now_ns = 5 * SECOND_NS};
    call->resolved =
        (struct resolved){.address = {.kind = kind}, .list = call->list, .count = 1, .error = NULL};
    if (address_is_unix(kind))
        call->resolved.address.path =
            ((const struct sockaddr_un *)&call->list[0].storage)->sun_path;
    else
        snprintf(call->resolved.address.host, ADDRESS_HOST_SIZE, "127.0.0.1");
}

static void add_address(struct call *call, struct socket_address address)
{
    call->list[call->resolved.count++] = address;
}

static void start(struct call *call, bool input)
{
    dialer_init(&call->dialer, &call->resolved, input, &call->options, tap_random(&random_state));
}

static enum dialer_status step(struct call *call)
{
    return dialer_step(&call->dialer, call->now_ns);
}

/* Steps until there is something else to say than DIALER_WAITING. */
static enum dialer_status run(struct call *call)
{
    for (int i = 0; i < MOST_STEPS; i++) {
        enum dialer_status status = step(call);
        struct pollfd poll_fd = dialer_poll(&call->dialer);
        if (status != DIALER_WAITING)
            return status;
        if (poll_fd.fd < 0 || poll(&poll_fd, 1, PATIENCE_MS) != 1)
            break;
    }
    return DIALER_WAITING;
}

static bool says(const struct call *call, const char *text)
{
    if (strcmp(call->dialer.text, text) == 0)
        return true;
    tap_note("\"%s\" instead of \"%s\"", call->dialer.text, text);
    return false;
}

static bool ends(struct call *call, enum dialer_status outcome, const char *text)
{
    enum dialer_status status = run(call);
    if (status != outcome)
        tap_note("status %d instead of %d", (int)status, (int)outcome);
    bool closed = call->dialer.fd < 0 && dialer_poll(&call->dialer).fd < 0 &&
                  dialer_due_ns(&call->dialer) == UINT64_MAX;
    return says(call, text) && status == outcome && closed && step(call) == outcome;
}

/* For a socket that is to listen at `address`. */
static bool begins(struct call *call, enum address_kind kind, struct socket_address address,
                   bool input)
{
    prepare(call, kind, address);
    start(call, input);
    return step(call) == DIALER_LISTENING;
}

/* --- connecting ------------------------------------------------------------------------------ */

static void test_connect(void)
{
    struct call call;
    int listener = listening(ipv4("127.0.0.1", 0), 5);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port_of(listener)));
    call.options.tcp_buffer = 40000;
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
    call.options.family = AF_INET6;
    start(&call, true);
    bool right = step(&call) == DIALER_LISTENING;
    unsigned port = port_of(call.dialer.fd);
    snprintf(text, sizeof text, "listening on [::1]:%u", port);
    tap_ok(right && says(&call, text), "listens by IPv6");
    tap_ok(option_of(call.dialer.fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1, "and with -6 by no other");
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
static unsigned silent_port(int fds[4])
{
    fds[0] = listening(ipv4("127.0.0.1", 0), 0);
    for (int i = 1; i < 4; i++) {
        struct socket_address address = ipv4("127.0.0.1", port_of(fds[0]));
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
        (void)connect(fds[i], sockaddr_of(&address), address.length);
    }
    return port_of(fds[0]);
}

static void test_no_answer(void)
{
    struct call call;
    int fds[4], closed, listener = listening(ipv4("127.0.0.1", 0), 5);
    unsigned port = silent_port(fds);
    char text[DIALER_TEXT_SIZE];

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    start(&call, false);
    struct pollfd poll_fd = {.fd = -1};
    bool waits = step(&call) == DIALER_WAITING;
    if (!waits || poll(&poll_fd, 0, 0) != 0) {
        tap_ok(true, "no answer # SKIP a full backlog does not make the system silent here");
        return;
    }
    tap_ok(dialer_due_ns(&call.dialer) == UINT64_MAX, "without a limit there is none");
    poll_fd = dialer_poll(&call.dialer);
    tap_ok(poll_fd.fd == call.dialer.fd && poll_fd.events == POLLOUT, "waits to be writable");
    dialer_close(&call.dialer);

    call.options.connect_timeout_ns = 2 * SECOND_NS;
    start(&call, false);
    waits = step(&call) == DIALER_WAITING;
    tap_ok(waits && dialer_due_ns(&call.dialer) == call.now_ns + 2 * SECOND_NS, "a limit");
    dialer_skip(&call.dialer, SECOND_NS);
    call.now_ns += 3 * SECOND_NS - 1;
    tap_ok(step(&call) == DIALER_WAITING, "that does not count when bpipe was stopped");
    call.now_ns++;
    tap_ok(ends(&call, DIALER_TIMED_OUT, "no answer for 2.00 s (--connect-timeout)"), "is kept");

    add_address(&call, ipv4("127.0.0.1", port_of(listener)));
    start(&call, false);
    waits = step(&call) == DIALER_WAITING;
    call.now_ns += 2 * SECOND_NS;
    tap_ok(waits && run(&call) == DIALER_CONNECTED, "and then the next address is tried");
    dialer_close(&call.dialer);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", refusing_port(&closed)));
    add_address(&call, ipv4("127.0.0.1", port));
    add_address(&call, ipv4("127.0.0.1", port));
    call.options.connect_timeout_ns = SECOND_NS;
    start(&call, false);
    waits = step(&call) == DIALER_WAITING;
    call.now_ns += SECOND_NS;
    tap_ok(waits && step(&call) == DIALER_WAITING &&
               dialer_due_ns(&call.dialer) == call.now_ns + SECOND_NS,
           "each address has a limit of its own");
    call.now_ns += SECOND_NS;
    snprintf(text, sizeof text, "127.0.0.1:%u: no answer for 1.00 s (--connect-timeout)", port);
    tap_ok(ends(&call, DIALER_TIMED_OUT, text), "and the last has the last word");

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    call.options.connect_timeout_ns = SECOND_NS;
    call.options.retries = 1;
    start(&call, false);
    waits = step(&call) == DIALER_WAITING;
    call.now_ns += SECOND_NS;
    tap_ok(waits && step(&call) == DIALER_RETRYING, "who does not answer is tried again");
    dialer_close(&call.dialer);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(closed);
    close(listener);
}

/* Tries `retries` times again, and lets that time pass. Whether the delays are as promised. */
static bool retry_all(struct call *call, unsigned retries, uint64_t *longest_ns, unsigned *equal)
{
    uint64_t bound_ns = DIALER_DELAY_NS, last_ns = UINT64_MAX;
    bool right = true;
    for (unsigned i = 1; i <= retries && right; i++) {
        char text[64];
        snprintf(text, sizeof text, " (%u of %u)", i, retries);
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
    uint64_t longest_ns = 0, again_ns = 0;
    unsigned equal = 0;
    char start_of_text[64];
    int closed;
    unsigned port = refusing_port(&closed);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    call.options.retries = 5;
    start(&call, false);
    tap_ok(retry_all(&call, 5, &longest_ns, &equal), "5 retries, each after its time");
    tap_ok(ends(&call, DIALER_FAILED, "Connection refused (tried 6 times)"), "and no sixth");

    start(&call, false);
    bool right = run(&call) == DIALER_RETRYING;
    const char *text = "Connection refused; trying again in ";
    tap_ok(right && strncmp(call.dialer.text, text, strlen(text)) == 0, "the text says when: %s",
           call.dialer.text);
    right = listen(closed, 1) == 0;
    call.now_ns = dialer_due_ns(&call.dialer);
    tap_ok(right && run(&call) == DIALER_CONNECTED && call.dialer.tries == 1,
           "a retry that succeeds");
    dialer_close(&call.dialer);
    close(closed);

    port = refusing_port(&closed);
    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.2", port));
    add_address(&call, ipv4("127.0.0.1", port));
    call.options.retries = 60;
    start(&call, false);
    longest_ns = 0;
    tap_ok(retry_all(&call, 60, &longest_ns, &equal) && longest_ns > DIALER_DELAY_MAX_NS / 2,
           "60 retries, of which none waits for more than 30 s");
    tap_ok(equal == 0, "nor for as long as the one before");
    tap_ok(run(&call) == DIALER_FAILED && call.dialer.tries == 61, "61 tries");
    snprintf(start_of_text, sizeof start_of_text,
             "127.0.0.1:%u: Connection refused (tried 61 times)", port);
    tap_ok(says(&call, start_of_text), "with the address, when there are several");

    start(&call, false);
    call.dialer.tries = 4000000000;
    call.options.retries = 4100000000;
    tap_ok(run(&call) == DIALER_RETRYING &&
               dialer_due_ns(&call.dialer) - call.now_ns < DIALER_DELAY_MAX_NS,
           "any number of tries: %s", call.dialer.text);
    dialer_close(&call.dialer);

    call.options.retries = 5;
    dialer_init(&call.dialer, &call.resolved, false, &call.options, 1);
    (void)run(&call);
    again_ns = dialer_due_ns(&call.dialer);
    dialer_init(&call.dialer, &call.resolved, false, &call.options, 2);
    (void)run(&call);
    tap_ok(again_ns != dialer_due_ns(&call.dialer), "two bpipes do not try at the same time");
    dialer_close(&call.dialer);
    close(closed);

    prepare(&call, ADDRESS_UNIX, named("file"));
    close(open("file", O_WRONLY | O_CREAT, 0600));
    call.options.retries = 5;
    start(&call, false);
    tap_ok(run(&call) == DIALER_RETRYING, "a path that is no socket may become one");
    dialer_close(&call.dialer);
    call.list[0] = named("file/below");
    start(&call, false);
    tap_ok(ends(&call, DIALER_FAILED, strerror(ENOTDIR)), "what does not change is not retried");
    unlink("file");
}

/* --- listening ------------------------------------------------------------------------------- */

static void test_listen(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];

    prepare(&call, ADDRESS_TCP_LISTEN, ipv4("127.0.0.1", 0));
    call.options.tcp_buffer = 40000;
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
    tap_ok(is_reset(second), "who came as the second is reset");
    tap_ok(connected_to(address) == -1 && errno == ECONNREFUSED, "who comes later is refused");
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
    call.options.retries = 5;
    start(&call, true);
    tap_ok(ends(&call, DIALER_FAILED, "Address already in use"), "a port that is in use");
    add_address(&call, ipv4("127.0.0.1", 0));
    start(&call, true);
    snprintf(text, sizeof text, "127.0.0.1:%u: Address already in use", port);
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
    call.options.connect_timeout_ns = 2 * SECOND_NS;
    start(&call, true);
    bool right = step(&call) == DIALER_LISTENING &&
                 dialer_due_ns(&call.dialer) == call.now_ns + 2 * SECOND_NS;
    call.now_ns += 2 * SECOND_NS - 1;
    right = right && step(&call) == DIALER_WAITING;
    call.now_ns++;
    tap_ok(right && ends(&call, DIALER_TIMED_OUT, "nobody came for 2.00 s (--connect-timeout)"),
           "a listener's limit");

    start(&call, true);
    right = step(&call) == DIALER_LISTENING;
    int peer = connected_to(ipv4("127.0.0.1", port_of(call.dialer.fd)));
    call.now_ns += 3 * SECOND_NS;
    tap_ok(right && step(&call) == DIALER_CONNECTED, "who has come in time is not turned away");
    dialer_close(&call.dialer);
    close(peer);
}

static void allow(struct call *call, const char *range)
{
    address_parse_range(&call->allowed, range);
    call->options.allowed = &call->allowed;
    call->options.allowed_count = 1;
}

static void test_allow(void)
{
    struct call call;
    char text[DIALER_TEXT_SIZE];

    prepare(&call, ADDRESS_TCP_LISTEN, ipv4("127.0.0.1", 0));
    allow(&call, "127.0.0.1");
    call.options.connect_timeout_ns = 2 * SECOND_NS;
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
    tap_ok(right && ends(&call, DIALER_TIMED_OUT, "nobody came for 2.00 s (--connect-timeout)") &&
               is_reset(stranger),
           "strangers do not keep it waiting");
    close(stranger);
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
    caller.options.retries = 1;
    allow(&call, "127.0.0.1");
    start(&caller, false);
    tap_ok(run(&caller) == DIALER_CONNECTED, "connects to it");
    int second = connected_to(named("socket"));
    tap_ok(second >= 0 && run(&call) == DIALER_CONNECTED, "--allow does not count there");
    tap_ok(!exists("socket"), "its name has gone as soon as somebody came");
    tap_ok(is_reset(second), "who came as the second is reset");
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
    int fds[4], listener = listening(named("full"), 0);
    int count = 0;

    prepare(&call, ADDRESS_UNIX, named("full"));
    for (; count < 4; count++) {
        start(&call, false);
        if (run(&call) != DIALER_CONNECTED)
            break;
        fds[count] = dialer_take(&call.dialer);
    }
    tap_ok(count < 4 && call.dialer.state == DIALER_DONE, "a full backlog refuses: %s",
           call.dialer.text);
    call.options.retries = 1;
    start(&call, false);
    bool right = run(&call) == DIALER_RETRYING;
    close(accept(listener, NULL, NULL));
    call.now_ns = dialer_due_ns(&call.dialer);
    tap_ok(right && run(&call) == DIALER_CONNECTED, "until there is room");
    dialer_close(&call.dialer);
    while (count > 0)
        close(fds[--count]);
    close(listener);
    unlink("full");
}

static void test_unix_names(void)
{
    struct call call;
    struct stat before, after;
    static const char not_socket[] = "exists and is not a socket";
    static const char taken[] = "somebody listens there already";

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
           "the name of somebody who listens is left alone");
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
    tap_ok(ends(&call, DIALER_FAILED, taken), "who is just about to listen has the name as well");
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
    connect(first, sockaddr_of(&address), address.length);
    connect(second, sockaddr_of(&address), address.length);
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
    bool right = step(&call) == DIALER_LISTENING && step(&call) == DIALER_WAITING;
    struct pollfd poll_fd = dialer_poll(&call.dialer);
    tap_ok(right && poll_fd.fd == call.dialer.fd && poll_fd.events == POLLIN,
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

    call.options.connect_timeout_ns = SECOND_NS;
    start(&call, false);
    right = step(&call) == DIALER_LISTENING;
    call.now_ns += SECOND_NS;
    tap_ok(right && ends(&call, DIALER_TIMED_OUT, "nobody came for 1.00 s (--connect-timeout)"),
           "its limit");
    close(peer);
}

/* --- closing --------------------------------------------------------------------------------- */

/* In every state: nothing stays open, and closing twice is harmless. */
static void test_closing(void)
{
    struct call call;
    int closed, before = open_descriptors();
    unsigned port = refusing_port(&closed);

    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", port));
    call.options.retries = 5;
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

    int fds[4];
    prepare(&call, ADDRESS_TCP, ipv4("127.0.0.1", silent_port(fds)));
    start(&call, true);
    right = step(&call) == DIALER_WAITING;
    dialer_close(&call.dialer);
    tap_ok(!right || open_descriptors() == before + 4, "closed when it connects");
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

int main(void)
{
    char directory[] = "dialer.XXXXXX";
    const char *temporary = getenv("TMPDIR");

    if (chdir(temporary != NULL ? temporary : "/tmp") != 0 || mkdtemp(directory) == NULL ||
        chdir(directory) != 0)
        return 1;
    random_state = tap_seed();
    int before = open_descriptors();
    test_connect();
    test_ipv6();
    test_refused();
    test_itself();
    test_no_answer();
    test_retries();
    test_listen();
    test_listen_refused();
    test_nobody_came();
    test_allow();
    test_unix();
    test_unix_backlog();
    test_unix_names();
    test_replaced_name();
    test_udp_to();
    test_udp_listen_input();
    test_udp_listen_output();
    test_closing();
    tap_ok(open_descriptors() == before, "no descriptor is left open");
    tap_ok(chdir("..") == 0 && rmdir(directory) == 0, "nothing is left");
    return tap_done();
}
