/*
 * udp_socket.h - one datagram in, one datagram out.
 *
 * What comes is read one datagram at a time: directly where there is room for the longest
 * (RECORD_DATAGRAM_SIZE), else by way of memory of our own, from which it is handed out in pieces:
 * so none is ever cut off, and what is a stream may have a small buffer.
 *
 * UDP loses datagrams, and may tell:
 *
 *   - the peer's system refuses them (ICMP: nobody listens there, yet or any more). The error comes
 *     with a later call, which did nothing then. It is counted and the call made again: who starts
 *     to listen later gets what is sent then. An error that stays is a fault: there is no route.
 *   - our own kernel had no room for them in the socket's buffer, and counts them (Linux:
 *     SO_RXQ_OVFL, socket(7)).
 *   - those of a sender who is not allowed to send are dropped here, on a socket that is not
 *     connected.
 */
#ifndef BPIPE_UDP_SOCKET_H
#define BPIPE_UDP_SOCKET_H

#include "net/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { UDP_DATAGRAM_SIZE = 65535 }; /* no datagram is longer, IPv6's jumbograms excepted */

/* All zeros: a connected socket, of which nothing is known yet. */
struct udp_socket {
    uint64_t refusals;
    bool kernel_tells; /* kernel_drops is known */
    uint64_t kernel_drops;
    uint32_t drops_told;              /* the kernel's count, which wraps */
    uint64_t strangers;               /* datagrams of those who are not allowed to send */
    char stranger[ADDRESS_TEXT_SIZE]; /* the first of them */
    const struct address_range *allowed;
    size_t allowed_count; /* 0: everybody may send */

    unsigned char *rest; /* of the datagram that was read last, for which there was no room */
    size_t rest_start, rest_left;
};

/* The socket is about to be read. The ranges have to outlive it; they mean nothing where it is
 * connected. */
void udp_begin_input(struct udp_socket *udp, int fd, const struct address_range *allowed,
                     size_t allowed_count);

/*
 * The next datagram, or what fits of it and the rest at the next calls. 0: it has no bytes. -1 with
 * errno: EAGAIN if there is none for now. Never blocks: the socket is O_NONBLOCK. *calls counts
 * system calls.
 */
ssize_t udp_receive(struct udp_socket *udp, int fd, struct iovec *iov, int count, uint64_t *calls);

/* Sends all of it as one datagram. Its length, or -1 with errno: EMSGSIZE if it is too long, EAGAIN
 * if there is no room now. */
ssize_t udp_send(struct udp_socket *udp, int fd, struct iovec *iov, int count, uint64_t *calls);

/* Asks how many datagrams the kernel has dropped by now. (It tells with what is received, too, but
 * not of those after the last one.) */
void udp_count_drops(struct udp_socket *udp, int fd);

/* The socket is about to be closed: what waits in it is dropped, and counted with the others. */
void udp_drop_rest(struct udp_socket *udp, int fd);

/* poll() says that the socket has an error. 0: it was a refusal, which is counted; or none. */
int udp_take_error(struct udp_socket *udp, int fd);

/* Frees memory. Harmless twice. */
void udp_end(struct udp_socket *udp);

#endif
