/*
 * dialer.c - see dialer.h.
 *
 * At most one descriptor is open between two steps, and at any time at most this one and the
 * peer's. A connecting socket counts as connected only when poll(2) reports it, whatever connect(2)
 * returned.
 *
 * Not in this module: trying several addresses at the same time (RFC 8305). bpipe can wait for the
 * first, and a listener at the other end that accepts one peer would get two.
 */
#include "net/dialer.h"

#include "base/size.h"
#include "net/stream_socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef EHOSTDOWN /* not in POSIX */
#define EHOSTDOWN EHOSTUNREACH
#endif

/* The queue is short, because a peer that --allow refuses must not make others wait for long. */
enum { BACKLOG = 8 };

void dialer_init(struct dialer *dialer, const struct resolved *resolved, bool input,
                 const struct net_settings *settings, uint64_t seed)
{
    assert(resolved->count > 0 || resolved->error != NULL);
    *dialer = (struct dialer){.resolved = resolved,
                              .settings = settings,
                              .input = input,
                              .state = DIALER_IDLE,
                              .fd = -1,
                              .random = seed};
}

static enum address_kind kind_of(const struct dialer *dialer)
{
    return dialer->resolved->address.kind;
}

/* The name is removed before the socket is closed (net/unix_name.h). */
static void drop_socket(struct dialer *dialer)
{
    unix_name_remove(&dialer->name);
    if (dialer->fd >= 0)
        close(dialer->fd);
    dialer->fd = -1;
}

static enum dialer_status finish(struct dialer *dialer, enum dialer_status outcome)
{
    dialer->state = DIALER_DONE;
    dialer->outcome = outcome;
    dialer->due_ns = UINT64_MAX;
    if (outcome != DIALER_CONNECTED)
        drop_socket(dialer);
    return outcome;
}

/* Opens a socket for the address, not yet connected or bound. 0 (dialer->fd), or -1 with errno. */
static int open_socket(struct dialer *dialer, const struct socket_address *address)
{
    dialer->fd = socket_setup_open(dialer->settings, kind_of(dialer), address->storage.ss_family);
    return dialer->fd < 0 ? -1 : 0;
}

static bool has_expired(const struct dialer *dialer, uint64_t now_ns)
{
    return now_ns >= dialer->due_ns;
}

static void start_timeout(struct dialer *dialer, uint64_t now_ns)
{
    uint64_t timeout_ns = dialer->settings->connect_timeout_ns;
    dialer->due_ns = timeout_ns == 0 ? UINT64_MAX : now_ns + timeout_ns;
}

/* --- text ---------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3)))
append(struct dialer *dialer, const char *format, ...)
{
    size_t length = strlen(dialer->text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(dialer->text + length, sizeof dialer->text - length, format, arguments);
    va_end(arguments);
}

/* Writes "WHAT ADDRESS". */
static void write_address(struct dialer *dialer, const char *what,
                          const struct socket_address *address)
{
    char text[ADDRESS_TEXT_SIZE];
    address_format(text, (const struct sockaddr *)&address->storage, address->length);
    snprintf(dialer->text, sizeof dialer->text, "%s%s", what, text);
}

/* Whether the user knows the address from the command line. */
static bool is_obvious(const struct resolved *resolved)
{
    const char *host = resolved->address.host;
    unsigned char bytes[sizeof(struct in6_addr)];
    return resolved->count == 1 && (host[0] == '\0' || inet_pton(AF_INET, host, bytes) == 1 ||
                                    inet_pton(AF_INET6, host, bytes) == 1);
}

/* Writes the text before the reason why the last address tried has failed. */
static void write_last_address(struct dialer *dialer)
{
    dialer->text[0] = '\0';
    if (is_obvious(dialer->resolved))
        return;
    write_address(dialer, "", &dialer->resolved->list[dialer->next - 1]);
    append(dialer, ": ");
}

static void append_timeout(struct dialer *dialer, const char *what)
{
    char text[SIZE_TEXT];
    append(dialer, "%s in %s (--connect-timeout)", what,
           size_format_duration(text, dialer->settings->connect_timeout_ns));
}

/* --- connecting ---------------------------------------------------------------------------- */

/* Notes that the last address tried has failed: errno, or EINPROGRESS for a timeout. If this
 * machine has no route to this address, the error of an earlier address is kept. */
static void note_failure(struct dialer *dialer, int error)
{
    bool no_way = error == EAFNOSUPPORT || error == EADDRNOTAVAIL || error == ENETUNREACH;

    drop_socket(dialer);
    dialer->state = DIALER_IDLE;
    if (no_way && dialer->error != 0)
        return;
    dialer->timed_out = error == EINPROGRESS;
    dialer->error = dialer->timed_out ? ETIMEDOUT : error;
    write_last_address(dialer);
    if (dialer->timed_out)
        append_timeout(dialer, "no answer");
    else
        append(dialer, "%s", strerror(error));
}

static bool may_change(int error)
{
    static const int passing[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN,
                                  ETIMEDOUT,    ECONNRESET,   ENOENT,      EAGAIN};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (error == passing[i])
            return true;
    return false;
}

/* A connect(2) that was interrupted continues in the background; another call reports its state. */
static int connect_again(int fd, const struct socket_address *address)
{
    int result;
    do
        result = connect(fd, (const struct sockaddr *)&address->storage, address->length);
    while (result != 0 && errno == EINTR);
    bool under_way = errno == EINPROGRESS || errno == EALREADY || errno == EISCONN;
    return result == 0 || under_way ? 0 : -1;
}

/* If the path belongs to a file that is not a socket, Linux reports ECONNREFUSED (connect(2) does
 * not say). */
static bool is_no_socket(const struct dialer *dialer, int error)
{
    struct stat info;
    return error == ECONNREFUSED && kind_of(dialer) == ADDRESS_UNIX &&
           stat(dialer->resolved->address.path, &info) == 0 && !S_ISSOCK(info.st_mode);
}

/* Connects the open socket to the current address, or queues for it. */
static void connect_socket(struct dialer *dialer, uint64_t now_ns)
{
    bool connecting = connect_again(dialer->fd, &dialer->resolved->list[dialer->next - 1]) == 0;
    int error = errno;
    bool queued = error == EAGAIN && kind_of(dialer) == ADDRESS_UNIX;

    dialer->due_ns = dialer->limit_ns;
    if (connecting) {
        dialer->state = DIALER_CONNECTING;
    } else if (queued && now_ns < dialer->limit_ns) {
        dialer->state = DIALER_QUEUING;
        if (dialer->limit_ns - now_ns > DIALER_QUEUE_NS)
            dialer->due_ns = now_ns + DIALER_QUEUE_NS;
    } else {
        /* An expired queue counts as a timeout; otherwise the error is the reason. */
        note_failure(dialer, queued ? EINPROGRESS : is_no_socket(dialer, error) ? ENOTSOCK : error);
    }
}

static void start_connecting(struct dialer *dialer, uint64_t now_ns)
{
    if (open_socket(dialer, &dialer->resolved->list[dialer->next++]) != 0) {
        note_failure(dialer, errno);
        return;
    }
    start_timeout(dialer, now_ns);
    dialer->limit_ns = dialer->due_ns;
    connect_socket(dialer, now_ns);
}

/* Whether the socket is connected to itself. If no process listens on a port of this machine, and
 * the port is one of those that connect() chooses from, it may choose the same port. */
static bool is_own_peer(int fd)
{
    struct socket_address own = {.length = sizeof own.storage};
    struct socket_address peer = {.length = sizeof peer.storage};
    return getsockname(fd, (struct sockaddr *)&own.storage, &own.length) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer.storage, &peer.length) == 0 &&
           own.length == peer.length && memcmp(&own.storage, &peer.storage, own.length) == 0;
}

static bool is_ready(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    return poll(&poll_fd, 1, 0) == 1;
}

/* Whether the peer has already sent data. It may also have reset the connection since then; asking
 * for that error would lose the data that arrived before. False with *error 0: not yet. */
static bool has_begun(int fd, int *error)
{
    char byte;
    ssize_t result = recv(fd, &byte, 1, MSG_PEEK);
    *error = result < 0 && errno != EAGAIN && errno != EINTR ? errno : 0;
    return result > 0 || *error != 0;
}

/* 0 if the address answered, EINPROGRESS if it still may, or the error. */
static int connecting_error(const struct dialer *dialer)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (!is_ready(dialer->fd, POLLOUT))
        return EINPROGRESS;
    if (dialer->input && !address_is_datagram(kind_of(dialer)) && has_begun(dialer->fd, &error))
        return error;
    if (getsockopt(dialer->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    if (error != 0 || kind_of(dialer) == ADDRESS_UNIX)
        return error;
    if (is_own_peer(dialer->fd))
        return ECONNREFUSED;
    bool greets = dialer->input && address_is_datagram(kind_of(dialer));
    return greets && send(dialer->fd, "", 0, 0) != 0 ? errno : 0;
}

/* Uniformly distributed below a bound, which doubles with every try (splitmix64). */
static uint64_t random_delay_ns(struct dialer *dialer)
{
    uint64_t bound_ns = DIALER_DELAY_NS;
    for (unsigned i = 1; i < dialer->tries && bound_ns < DIALER_DELAY_MAX_NS; i++)
        bound_ns *= 2;
    if (bound_ns > DIALER_DELAY_MAX_NS)
        bound_ns = DIALER_DELAY_MAX_NS;

    uint64_t bits = dialer->random += UINT64_C(0x9e3779b97f4a7c15);
    bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
    return (bits ^ bits >> 31) % bound_ns;
}

/* Ends a round in which all addresses have failed. */
static enum dialer_status end_round(struct dialer *dialer, uint64_t now_ns)
{
    char text[SIZE_TEXT];
    unsigned retries = dialer->settings->retries;

    dialer->tries++;
    if (!may_change(dialer->error) || dialer->tries > retries) {
        if (dialer->tries > 1)
            append(dialer, " (%u tries)", dialer->tries);
        return finish(dialer, dialer->timed_out ? DIALER_TIMED_OUT : DIALER_FAILED);
    }
    uint64_t delay_ns = random_delay_ns(dialer);
    append(dialer, "; retry %u of %u in %s", dialer->tries, retries,
           size_format_duration(text, delay_ns));
    dialer->state = DIALER_RESTING;
    dialer->due_ns = now_ns + delay_ns;
    dialer->next = 0;
    dialer->error = 0;
    return DIALER_RETRYING;
}

/* Goes through the addresses until one answers or must be waited for. */
static enum dialer_status connect_on(struct dialer *dialer, uint64_t now_ns)
{
    for (;;) {
        if (dialer->state == DIALER_CONNECTING) {
            int error = connecting_error(dialer);
            if (error == 0)
                return finish(dialer, DIALER_CONNECTED);
            if (error == EINPROGRESS && !has_expired(dialer, now_ns))
                return DIALER_WAITING;
            note_failure(dialer, error);
        }
        if (dialer->state == DIALER_QUEUING) {
            if (!has_expired(dialer, now_ns))
                return DIALER_WAITING;
            connect_socket(dialer, now_ns);
            continue;
        }
        if (dialer->next == dialer->resolved->count)
            return end_round(dialer, now_ns);
        start_connecting(dialer, now_ns);
    }
}

/* --- listening ----------------------------------------------------------------------------- */

/* Returns NULL, or the reason of a failure, and then its errno in dialer->error, or 0 if it has
 * none. */
static const char *start_listening(struct dialer *dialer, const struct socket_address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    bool datagram = address_is_datagram(kind_of(dialer));
    bool has_path = address_is_unix(kind_of(dialer));
    const char *objection = NULL;

    dialer->error = 0;
    bool open = open_socket(dialer, address) == 0;
    if (open && has_path)
        objection = unix_name_bind(&dialer->name, dialer->resolved->address.path, dialer->fd, name,
                                   address->length);
    if (objection != NULL)
        return objection;
    if (open && (has_path || bind(dialer->fd, name, address->length) == 0) &&
        (datagram || listen(dialer->fd, BACKLOG) == 0))
        return NULL;
    dialer->error = errno;
    return strerror(dialer->error);
}

static bool is_receiver(const struct dialer *dialer)
{
    return dialer->input && kind_of(dialer) == ADDRESS_UDP_LISTEN;
}

static enum dialer_status announce(struct dialer *dialer, uint64_t now_ns)
{
    struct socket_address own = {.length = sizeof own.storage};
    if (getsockname(dialer->fd, (struct sockaddr *)&own.storage, &own.length) != 0)
        own = dialer->resolved->list[dialer->next - 1];
    write_address(dialer, "listening on ", &own);
    dialer->state = DIALER_ACCEPTING;
    start_timeout(dialer, now_ns);
    if (is_receiver(dialer))
        dialer->due_ns = now_ns; /* there is no peer to wait for */
    return DIALER_LISTENING;
}

static enum dialer_status listen_somewhere(struct dialer *dialer, uint64_t now_ns)
{
    const struct resolved *resolved = dialer->resolved;
    do {
        const char *objection = start_listening(dialer, &resolved->list[dialer->next++]);
        if (objection == NULL)
            return announce(dialer, now_ns);
        drop_socket(dialer);
        write_last_address(dialer);
        append(dialer, "%s", objection);
    } while (dialer->next < resolved->count &&
             (dialer->error == EADDRNOTAVAIL || dialer->error == EAFNOSUPPORT));
    return finish(dialer, DIALER_FAILED);
}

/* Returns a descriptor of a new peer, or -1 with errno. For UDP it is the dialer's own. */
static int meet(const struct dialer *dialer, struct socket_address *peer)
{
    struct sockaddr *name = (struct sockaddr *)&peer->storage;
    char byte;
    if (!address_is_datagram(kind_of(dialer)))
        return accept(dialer->fd, name, &peer->length);
    return recvfrom(dialer->fd, &byte, sizeof byte, 0, name, &peer->length) < 0 ? -1 : dialer->fd;
}

/* Whether the error means that no peer can connect, not that a peer has already gone away
 * (accept(2)). */
static bool is_own_fault(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
           error == EBADF || error == EINVAL;
}

static bool is_welcome(const struct dialer *dialer, const struct socket_address *peer)
{
    const struct net_settings *settings = dialer->settings;
    return settings->allowed_count == 0 || address_is_unix(kind_of(dialer)) ||
           address_is_within((const struct sockaddr *)&peer->storage, settings->allowed,
                             settings->allowed_count);
}

static void refuse(struct dialer *dialer, int fd, const struct socket_address *peer)
{
    write_address(dialer, "refused ", peer);
    append(dialer, " (--allow)");
    if (fd == dialer->fd)
        return; /* for a datagram */
    (void)socket_setup_reset(fd);
    close(fd);
}

/* Makes this peer the only one. False if it has already gone away. */
static bool take_in(struct dialer *dialer, int fd, const struct socket_address *peer)
{
    if (fd == dialer->fd)
        return connect(fd, (const struct sockaddr *)&peer->storage, peer->length) == 0;
    if (socket_setup_accepted(fd, kind_of(dialer)) != 0) {
        close(fd);
        return false;
    }
    drop_socket(dialer);
    dialer->fd = fd;
    return true;
}

static enum dialer_status await_peer(struct dialer *dialer, uint64_t now_ns)
{
    struct socket_address peer = {.length = sizeof peer.storage};
    if (is_receiver(dialer))
        return finish(dialer, DIALER_CONNECTED);
    int fd = meet(dialer, &peer);
    if (fd < 0 && is_own_fault(errno)) {
        snprintf(dialer->text, sizeof dialer->text, "%s", strerror(errno));
        return finish(dialer, DIALER_FAILED);
    }
    bool welcome = fd >= 0 && is_welcome(dialer, &peer);
    if (welcome && take_in(dialer, fd, &peer))
        return finish(dialer, DIALER_CONNECTED);
    bool refused = fd >= 0 && !welcome;
    if (refused)
        refuse(dialer, fd, &peer);
    if (!has_expired(dialer, now_ns))
        return refused ? DIALER_REFUSED : DIALER_WAITING;
    dialer->text[0] = '\0';
    append_timeout(dialer, "no connection");
    return finish(dialer, DIALER_TIMED_OUT);
}

/* --- for the caller ------------------------------------------------------------------------ */

enum dialer_status dialer_step(struct dialer *dialer, uint64_t now_ns)
{
    switch (dialer->state) {
    case DIALER_IDLE:
        return address_listens(kind_of(dialer)) ? listen_somewhere(dialer, now_ns)
                                                : connect_on(dialer, now_ns);
    case DIALER_RESTING:
        if (!has_expired(dialer, now_ns))
            return DIALER_WAITING;
        dialer->state = DIALER_IDLE;
        return connect_on(dialer, now_ns);
    case DIALER_CONNECTING:
    case DIALER_QUEUING:
        return connect_on(dialer, now_ns);
    case DIALER_ACCEPTING:
        return await_peer(dialer, now_ns);
    case DIALER_DONE:
        break;
    }
    return dialer->outcome;
}

struct pollfd dialer_poll(const struct dialer *dialer)
{
    if (dialer->state == DIALER_CONNECTING)
        return (struct pollfd){.fd = dialer->fd, .events = POLLOUT};
    if (dialer->state == DIALER_ACCEPTING)
        return (struct pollfd){.fd = dialer->fd, .events = POLLIN};
    return (struct pollfd){.fd = -1};
}

uint64_t dialer_due_ns(const struct dialer *dialer)
{
    return dialer->due_ns;
}

void dialer_skip(struct dialer *dialer, uint64_t ns)
{
    if (dialer->due_ns != UINT64_MAX)
        dialer->due_ns += ns;
    if (dialer->limit_ns != UINT64_MAX)
        dialer->limit_ns += ns;
}

int dialer_take(struct dialer *dialer)
{
    assert(dialer->state == DIALER_DONE && dialer->outcome == DIALER_CONNECTED);
    int fd = dialer->fd;
    dialer->fd = -1;
    return fd;
}

void dialer_close(struct dialer *dialer)
{
    drop_socket(dialer);
    if (dialer->state != DIALER_DONE)
        (void)finish(dialer, DIALER_FAILED);
}
