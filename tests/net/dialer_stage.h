/*
 * dialer_stage.h - what the tests of the dialer share: the other ends, which are plain sockets on
 * the loopback addresses and in a directory of their own, and calls of the dialer as its user makes
 * them.
 *
 * Time is made up: what takes long takes no time here. Only for what another socket has to do is
 * there a wait by poll(), and that ends when it is done.
 */
#ifndef BPIPE_TESTS_DIALER_STAGE_H
#define BPIPE_TESTS_DIALER_STAGE_H

#include "net/dialer.h"
#include "tests/files.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum { MOST_ADDRESSES = 4, MOST_DESCRIPTORS = 100, PATIENCE_MS = 10000, MOST_STEPS = 1000 };

/* An endpoint as the resolver would give it, and the dialer for it. */
struct call {
    struct socket_address list[MOST_ADDRESSES];
    struct resolved resolved;
    struct net_settings settings;
    struct address_range allowed;
    struct dialer dialer;
    uint64_t now_ns;
};

static uint64_t stage_random;

/* --- addresses ------------------------------------------------------------------------------- */

static inline struct socket_address ipv4(const char *host, unsigned port)
{
    struct socket_address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &in.sin_addr);
    memcpy(&address.storage, &in, sizeof in);
    return address;
}

static inline struct socket_address ipv6(const char *host, unsigned port)
{
    struct socket_address address = {.length = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    inet_pton(AF_INET6, host, &in.sin6_addr);
    memcpy(&address.storage, &in, sizeof in);
    return address;
}

static inline struct socket_address named(const char *path)
{
    struct socket_address address = {.length = sizeof(struct sockaddr_un)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    memcpy(&address.storage, &un, sizeof un);
    return address;
}

static inline const struct sockaddr *sockaddr_of(const struct socket_address *address)
{
    return (const struct sockaddr *)&address->storage;
}

static inline unsigned port_of(int fd)
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

static inline int bound(int type, struct socket_address address)
{
    int fd = socket(address.storage.ss_family, type, 0);
    if (fd < 0 || bind(fd, sockaddr_of(&address), address.length) != 0) {
        tap_note("bind: %s", strerror(errno));
        return -1;
    }
    return fd;
}

static inline int listening(struct socket_address address, int backlog)
{
    int fd = bound(SOCK_STREAM, address);
    if (fd >= 0 && listen(fd, backlog) != 0)
        tap_note("listen: %s", strerror(errno));
    return fd;
}

static inline int connected_to(struct socket_address address)
{
    int fd = socket(address.storage.ss_family, SOCK_STREAM, 0);
    if (connect(fd, sockaddr_of(&address), address.length) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static inline int connected_from(const char *host, struct socket_address address)
{
    int fd = bound(SOCK_STREAM, ipv4(host, 0));
    if (fd >= 0 && connect(fd, sockaddr_of(&address), address.length) != 0)
        tap_note("connect from %s: %s", host, strerror(errno));
    return fd;
}

/* A port of 127.0.0.1 that is bound, but on which no process listens. */
static inline unsigned refusing_port(int *fd)
{
    *fd = bound(SOCK_STREAM, ipv4("127.0.0.1", 0));
    return port_of(*fd);
}

static inline bool wait_for(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, PATIENCE_MS) == 1;
}

/* The bytes that come next, 0 at the end, or -errno. */
static inline ssize_t receive(int fd, char *bytes, size_t size)
{
    if (!wait_for(fd, POLLIN))
        return -ETIME;
    ssize_t got = read(fd, bytes, size);
    return got < 0 ? -errno : got;
}

static inline bool is_reset(int fd)
{
    char byte;
    return receive(fd, &byte, 1) == -ECONNRESET;
}

static inline bool carries(int from, int to)
{
    char bytes[8] = "";
    return write(from, "hello", 5) == 5 && receive(to, bytes, sizeof bytes) == 5 &&
           strcmp(bytes, "hello") == 0;
}

static inline int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1;
}

static inline bool resets_at_close(int fd)
{
    struct linger linger = {.l_onoff = 0, .l_linger = -1};
    socklen_t length = sizeof linger;
    return getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 && linger.l_onoff != 0 &&
           linger.l_linger == 0;
}

static inline bool has_flags(int fd)
{
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static inline int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < MOST_DESCRIPTORS; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* No descriptor from `count` on can be opened; RLIM_INFINITY: as it was before. */
static inline void limit_descriptors(rlim_t count)
{
    static struct rlimit limit;
    if (limit.rlim_cur == 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    struct rlimit now = {.rlim_cur = count, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, count == RLIM_INFINITY ? &limit : &now);
}

/* --- calls ----------------------------------------------------------------------------------- */

static inline void prepare(struct call *call, enum address_kind kind, struct socket_address address)
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

static inline void add_address(struct call *call, struct socket_address address)
{
    call->list[call->resolved.count++] = address;
}

static inline void start(struct call *call, bool input)
{
    dialer_init(&call->dialer, &call->resolved, input, &call->settings, tap_random(&stage_random));
}

static inline enum dialer_status step(struct call *call)
{
    return dialer_step(&call->dialer, call->now_ns);
}

/* Steps until there is something else to say than DIALER_WAITING. */
static inline enum dialer_status run(struct call *call)
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

static inline bool says(const struct call *call, const char *text)
{
    if (strcmp(call->dialer.text, text) == 0)
        return true;
    tap_note("\"%s\" instead of \"%s\"", call->dialer.text, text);
    return false;
}

static inline bool ends(struct call *call, enum dialer_status outcome, const char *text)
{
    enum dialer_status status = run(call);
    if (status != outcome)
        tap_note("status %d instead of %d", (int)status, (int)outcome);
    bool closed = call->dialer.fd < 0 && dialer_poll(&call->dialer).fd < 0 &&
                  dialer_due_ns(&call->dialer) == UINT64_MAX;
    return says(call, text) && status == outcome && closed && step(call) == outcome;
}

/* For a socket that will listen at `address`. */
static inline bool begins(struct call *call, enum address_kind kind, struct socket_address address,
                          bool input)
{
    prepare(call, kind, address);
    start(call, input);
    return step(call) == DIALER_LISTENING;
}

static inline void allow(struct call *call, const char *range)
{
    address_parse_range(&call->allowed, range);
    call->settings.allowed = &call->allowed;
    call->settings.allowed_count = 1;
}

/* --- the stage ------------------------------------------------------------------------------- */

/* Runs the tests in a directory of their own. main()'s exit status. */
static inline int stage_run(void (*const tests[])(void), size_t count)
{
    char directory[] = "dialer.XXXXXX";
    const char *temporary = getenv("TMPDIR");

    if (chdir(temporary != NULL ? temporary : "/tmp") != 0 || mkdtemp(directory) == NULL ||
        chdir(directory) != 0)
        return 1;
    stage_random = tap_seed();
    int before = open_descriptors();
    for (size_t i = 0; i < count; i++)
        tests[i]();
    tap_ok(open_descriptors() == before, "no descriptor is left open");
    tap_ok(chdir("..") == 0 && rmdir(directory) == 0, "nothing is left");
    return tap_done();
}

#endif
