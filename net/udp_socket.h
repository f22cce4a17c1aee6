/*
 * udp_socket.h - one datagram in, one datagram out.
 *
 * A socket is read one datagram at a time: directly if there is room for the longest datagram
 * (RECORD_DATAGRAM_SIZE), else through memory of its own, from which the datagram is given to the
 * caller in pieces. So no datagram is ever cut off, and a buffer for a stream may be small.
 *
 * UDP loses datagrams, and may report it:
 *
 *   - The peer's system refuses them (ICMP: no process listens there, yet or any more). A later
 *     call reports the error and does nothing else. The refusal is counted and the call is made
 *     again: a receiver that starts to listen later gets the datagrams sent from then on. An error
 *     that stays is a fault: there is no route.
 *   - The local kernel had no room for them in the socket's buffer, and counts them (Linux:
 *     SO_RXQ_OVFL, socket(7)).
 *   - On a socket that is not connected, datagrams from a sender outside --allow are dropped here.
 */
#ifndef BPIPE_UDP_SOCKET_H
#define BPIPE_UDP_SOCKET_H

#include "net/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { UDP_DATAGRAM_SIZE = 65535 }; /* no datagram is longer, except jumbograms of IPv6 */

/* All zeros: a connected socket that has not been used yet. */
struct udp_socket {
    uint64_t refusals;
    bool kernel_tells; /* kernel_drops is known */
    uint64_t kernel_drops;
    uint32_t drops_told;              /* the kernel's last count, which wraps */
    uint64_t strangers;               /* datagrams from senders that are not allowed to send */
    char stranger[ADDRESS_TEXT_SIZE]; /* the address of the first of these senders */
    const struct address_range *allowed;
    size_t allowed_count; /* 0: every sender is allowed */

    unsigned char *rest; /* the part of the last datagram that there was no room for */
    size_t rest_start, rest_left;
};

/* To be called before the socket is read. The ranges must outlive it; a connected socket ignores
 * them. */
void udp_begin_input(struct udp_socket *udp, int fd, const struct address_range *allowed,
                     size_t allowed_count);

/*
 * Reads the next datagram. If there is not enough room, the next calls return the rest of it. 0:
 * the datagram is empty. -1 with errno: EAGAIN if there is no datagram now. It never blocks: the
 * socket is O_NONBLOCK. *calls counts system calls.
 */
ssize_t udp_receive(struct udp_socket *udp, int fd, struct iovec *iov, int count, uint64_t *calls);

/* Sends all bytes as one datagram. Returns its length, or -1 with errno: EMSGSIZE if it is too
 * long, EAGAIN if there is no room now. */
ssize_t udp_send(struct udp_socket *udp, int fd, struct iovec *iov, int count, uint64_t *calls);

/* Asks the kernel how many datagrams it has dropped so far. (The kernel also tells the count with
 * each datagram received, but that leaves out drops after the last one.) */
void udp_count_drops(struct udp_socket *udp, int fd);

/* To be called before the socket is closed: drops the datagrams that wait in it, and counts them
 * with the kernel's drops. */
void udp_drop_rest(struct udp_socket *udp, int fd);

/* To be called when poll() reports an error of the socket. 0: the error was a refusal, which is
 * counted, or there was none. Else its errno. */
int udp_take_error(struct udp_socket *udp, int fd);

/* Frees memory. Harmless twice. */
void udp_end(struct udp_socket *udp);

#endif
