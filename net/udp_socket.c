/*
 * udp_socket.c - see udp_socket.h.
 */
#include "net/udp_socket.h"

#include "base/minmax.h"
#include "base/platform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RECEIVE_BUFFER = 4 << 20, DROPS_MOST = 1 << 16 };

/* After TRIES refusals, or strangers, in a row other work gets its turn. An error except
 * ECONNREFUSED counts as a fault after FAULT_TRIES times. */
enum { TRIES = 64, FAULT_TRIES = 4 };

/* The errors that ICMP can cause for datagrams that were sent (RFC 1122, 4.1.3.3; Linux:
 * icmp_err_convert[]). */
static bool is_refusal(int error)
{
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
           error == ENOPROTOOPT || error == EPROTO || error == EOPNOTSUPP || error == EHOSTDOWN;
}

static bool note_refusal(struct udp_socket *udp, int error)
{
    if (!is_refusal(error))
        return false;
    udp->refusals++;
    return true;
}

int udp_take_error(struct udp_socket *udp, int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error == 0 || note_refusal(udp, error) ? 0 : error;
}

/* A call has failed for the `tries`th time in a row. Returns whether to make it again. If it is not
 * made again only so that other work gets its turn, errno is EAGAIN. */
static bool try_again(struct udp_socket *udp, int tries)
{
    if (errno == EINTR)
        return true;
    bool local = errno != ECONNREFUSED && tries >= FAULT_TRIES;
    if (local || !note_refusal(udp, errno))
        return false;
    if (tries < TRIES)
        return true;
    errno = EAGAIN;
    return false;
}

/* --- receiving -------------------------------------------------------------------------------- */

void udp_begin_input(struct udp_socket *udp, int fd, const struct address_range *allowed,
                     size_t allowed_count)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    bool connected = getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
    int buffer = RECEIVE_BUFFER;
    /* As large as the system allows (socket(7), rmem_max): datagrams that do not fit are lost. */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    udp->allowed = allowed;
    udp->allowed_count = connected ? 0 : allowed_count;
    udp->kernel_tells = platform_tell_drops(fd) == 0;
}

static void note_drops(struct udp_socket *udp, uint32_t told)
{
    udp->kernel_drops += (uint32_t)(told - udp->drops_told);
    udp->drops_told = told;
}

void udp_drop_rest(struct udp_socket *udp, int fd)
{
    char byte;
    for (unsigned count = 0; count < DROPS_MOST && recv(fd, &byte, 1, 0) >= 0; count++)
        udp->kernel_drops++;
    udp_count_drops(udp, fd);
}

void udp_count_drops(struct udp_socket *udp, int fd)
{
    uint32_t told;
    if (platform_count_drops(fd, &told) == 0)
        note_drops(udp, told);
}

static bool is_stranger(struct udp_socket *udp, const struct sockaddr *from, socklen_t length)
{
    if (udp->allowed_count == 0 || address_is_within(from, udp->allowed, udp->allowed_count))
        return false;
    if (udp->strangers++ == 0)
        address_format(udp->stranger, from, length);
    return true;
}

static ssize_t receive(struct udp_socket *udp, int fd, struct iovec *iov, int count,
                       uint64_t *calls)
{
    for (int tries = 1; tries <= TRIES; tries++) {
        struct platform_datagram datagram = {.drops = udp->drops_told};
        ++*calls;
        ssize_t bytes = platform_receive(fd, iov, count, &datagram);
        if (bytes < 0 && !try_again(udp, tries))
            return -1;
        if (bytes < 0)
            continue;
        note_drops(udp, datagram.drops);
        if (!is_stranger(udp, (struct sockaddr *)&datagram.from, datagram.from_length))
            return bytes;
    }
    errno = EAGAIN;
    return -1;
}

static size_t room_in(const struct iovec *iov, int count)
{
    size_t room = 0;
    for (int i = 0; i < count; i++)
        room += iov[i].iov_len;
    return room;
}

/* Returns the bytes that are left of the last datagram, as far as there is room. */
static ssize_t give_rest(struct udp_socket *udp, struct iovec *iov, int count)
{
    size_t given = 0;
    for (int i = 0; i < count && udp->rest_left > 0; i++) {
        size_t part = min_size(iov[i].iov_len, udp->rest_left);
        memcpy(iov[i].iov_base, udp->rest + udp->rest_start, part);
        udp->rest_start += part;
        udp->rest_left -= part;
        given += part;
    }
    return (ssize_t)given;
}

ssize_t udp_receive(struct udp_socket *udp, int fd, struct iovec *iov, int count, uint64_t *calls)
{
    if (udp->rest_left > 0)
        return give_rest(udp, iov, count);
    if (room_in(iov, count) >= UDP_DATAGRAM_SIZE)
        return receive(udp, fd, iov, count, calls);
    if (udp->rest == NULL && (udp->rest = malloc(UDP_DATAGRAM_SIZE)) == NULL)
        return -1;
    struct iovec whole = {udp->rest, UDP_DATAGRAM_SIZE};
    ssize_t bytes = receive(udp, fd, &whole, 1, calls);
    if (bytes <= 0)
        return bytes;
    udp->rest_start = 0;
    udp->rest_left = (size_t)bytes;
    return give_rest(udp, iov, count);
}

void udp_end(struct udp_socket *udp)
{
    free(udp->rest);
    udp->rest = NULL;
    udp->rest_left = 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

ssize_t udp_send(struct udp_socket *udp, int fd, struct iovec *iov, int count, uint64_t *calls)
{
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    ssize_t bytes;
    int tries = 0;
    do {
        ++*calls;
        bytes = sendmsg(fd, &message, 0);
    } while (bytes < 0 && try_again(udp, ++tries));
    return bytes;
}
