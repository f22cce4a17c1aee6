/*
 * stream_socket.c - see stream_socket.h.
 */
#include "net/stream_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

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

/* A connection that is over has no peer either, but may still hold bytes to be read: poll(2)
 * reports POLLIN for it, as the end of the stream can be read. A connection in the making has no
 * POLLHUP. */
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

/* The address of a socket without its port; 0 bytes if it is none of the internet. */
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
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* a matter of speed only */
}
