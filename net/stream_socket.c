/*
 * stream_socket.c - see stream_socket.h.
 *
 * fcntl(2), which is in POSIX, sets the flags. This is safe because no other code runs meanwhile
 * that could start a program.
 */
#include "net/stream_socket.h"

#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DISCARD_SIZE = 16 * 1024 };

bool stream_socket_is_tcp(int fd)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own, size = sizeof(int);
    int type = 0;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
           (own.ss_family == AF_INET || own.ss_family == AF_INET6);
}

bool stream_socket_is_listening(int fd)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

/* A connection that has ended has no peer either, but may still hold unread bytes: poll(2) reports
 * POLLIN for it, because the end of the stream can be read. A connecting socket has no POLLHUP. */
bool stream_socket_is_unconnected(int fd)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer, size = sizeof(int);
    struct pollfd state = {.fd = fd, .events = POLLIN};
    int type = 0;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           (type == SOCK_STREAM || type == SOCK_SEQPACKET) &&
           getpeername(fd, (struct sockaddr *)&peer, &length) != 0 && errno == ENOTCONN &&
           poll(&state, 1, 0) == 1 && (state.revents & (POLLIN | POLLHUP)) == POLLHUP;
}

/* The address of a socket without its port; 0 bytes if it is not an internet address. */
static size_t address_bytes(const struct sockaddr_storage *address, const unsigned char **bytes)
{
    if (address->ss_family == AF_INET) {
        *bytes = (const unsigned char *)&((const struct sockaddr_in *)address)->sin_addr;
        return sizeof(struct in_addr);
    }
    *bytes = (const unsigned char *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    return address->ss_family == AF_INET6 ? sizeof(struct in6_addr) : 0;
}

bool stream_socket_is_local(int fd)
{
    struct sockaddr_storage own, peer;
    socklen_t own_length = sizeof own, peer_length = sizeof peer;
    const unsigned char *own_bytes, *peer_bytes;
    if (getsockname(fd, (struct sockaddr *)&own, &own_length) != 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_length) != 0 ||
        own.ss_family != peer.ss_family)
        return false;
    size_t size = address_bytes(&own, &own_bytes);
    (void)address_bytes(&peer, &peer_bytes);
    bool loopback = own.ss_family == AF_INET && own_bytes[0] == 127 && peer_bytes[0] == 127;
    return size > 0 && (loopback || memcmp(own_bytes, peer_bytes, size) == 0);
}

ssize_t stream_socket_discard(int fd)
{
    char bytes[DISCARD_SIZE];
    ssize_t result;
    do
        result = recv(fd, bytes, sizeof bytes, 0);
    while (result < 0 && errno == EINTR);
    return result;
}

void stream_socket_hush(int fd)
{
    (void)shutdown(fd, SHUT_RD); /* it fails only if the peer has gone */
    while (stream_socket_discard(fd) > 0)
        ;
}

int stream_socket_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

bool stream_socket_broke(int error)
{
    static const int errors[] = {EPIPE,    ECONNRESET, ECONNABORTED, ECONNREFUSED,
                                 ENOTCONN, ETIMEDOUT,  EHOSTUNREACH, ENETUNREACH,
                                 ENETDOWN, ENETRESET,  ENOPROTOOPT,  EPROTO};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i] == error)
            return true;
    return false;
}

int stream_socket_finish(int fd)
{
    return shutdown(fd, SHUT_WR);
}

void stream_socket_keep(int fd)
{
    struct linger linger = {.l_onoff = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger); /* else it is reset */
}

void stream_socket_hurry(int fd, bool hurry)
{
    int on = hurry;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* it affects speed only */
}

/* --- new sockets ---------------------------------------------------------------------------- */

static bool is_tcp(enum address_kind kind)
{
    return kind == ADDRESS_TCP || kind == ADDRESS_TCP_LISTEN;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int set_buffers(int fd, int bytes)
{
    if (bytes == 0)
        return 0;
    if (set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes) != 0)
        return -1;
    return set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

int socket_setup_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Sets the options of a TCP connection, whether it was made by connect(2) or accept(2). */
static int set_connection(int fd)
{
    if (set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) != 0)
        return -1;
    return socket_setup_reset(fd);
}

/* With -6, "[::]" does not accept IPv4. */
static int set_listener(int fd, enum address_kind kind, bool only_ipv6)
{
    /* With UDP it would let other processes take over the port. */
    if (is_tcp(kind) && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0)
        return -1;
    return only_ipv6 ? set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
}

static int set_up(int fd, const struct net_settings *settings, enum address_kind kind, int family)
{
    if (descriptor_keep(fd) != 0 || (is_tcp(kind) && set_buffers(fd, settings->tcp_buffer) != 0))
        return -1;
    if (address_listens(kind))
        return set_listener(fd, kind, family == AF_INET6 && settings->family == AF_INET6);
    return is_tcp(kind) ? set_connection(fd) : 0;
}

int socket_setup_open(const struct net_settings *settings, enum address_kind kind, int family)
{
    int fd = socket(family, address_is_datagram(kind) ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || set_up(fd, settings, kind, family) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int socket_setup_accepted(int fd, enum address_kind kind)
{
    if (descriptor_keep(fd) != 0)
        return -1;
    return is_tcp(kind) ? set_connection(fd) : 0;
}
