/*
 * socket_setup.c - see socket_setup.h.
 *
 * The flags are set by fcntl(2), which POSIX has: nothing else runs that could start another
 * program meanwhile.
 */
#include "net/socket_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_tcp(enum address_kind kind)
{
    return kind == ADDRESS_TCP || kind == ADDRESS_TCP_LISTEN;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -1;
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
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

/* What a TCP connection has, however it came about. */
static int set_connection(int fd)
{
    if (set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) != 0)
        return -1;
    return socket_setup_reset(fd);
}

/* With -6, "[::]" is not for IPv4. */
static int set_listener(int fd, enum address_kind kind, bool only_ipv6)
{
    /* By UDP it would let others take the port away. */
    if (is_tcp(kind) && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0)
        return -1;
    return only_ipv6 ? set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
}

static int set_up(int fd, const struct net_settings *settings, enum address_kind kind, int family)
{
    if (set_flags(fd) != 0 || (is_tcp(kind) && set_buffers(fd, settings->tcp_buffer) != 0))
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
    if (set_flags(fd) != 0)
        return -1;
    return is_tcp(kind) ? set_connection(fd) : 0;
}
