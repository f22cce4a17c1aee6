/*
 * stream_socket.h - operations on a TCP or unix stream socket beyond read(2) and write(2), so that
 * an apparent end of a stream is the real end.
 *
 * close(2) alone proves nothing: bytes that were sent may still be on their way, and closing with
 * unread bytes resets the connection and destroys the bytes that the peer has not read (RFC 1122,
 * 4.2.2.13; RFC 2525, 2.17). So a writer discards the bytes that the peer sends, half-closes when
 * everything is written, and waits until the peer's system has acknowledged it. No event of poll(2)
 * tells of this acknowledgement.
 */
#ifndef BPIPE_STREAM_SOCKET_H
#define BPIPE_STREAM_SOCKET_H

#include "net/address.h"
#include "net/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether it is a TCP socket, connected or not. */
bool stream_socket_is_tcp(int fd);

/* Whether it is a listening socket. Such a socket has no peer and cannot be read or written, and
 * poll(2) reports a waiting connection as if it were data. */
bool stream_socket_is_listening(int fd);

/* Whether it is a stream or SOCK_SEQPACKET socket that was never connected. False while it is
 * connecting, after its connection has ended, and if the system cannot distinguish these cases. */
bool stream_socket_is_unconnected(int fd);

/* Whether the peer of a TCP connection is on this machine. */
bool stream_socket_is_local(int fd);

/* Reads bytes that the peer has sent, and discards them: returns the number of bytes; 0: the peer
 * has ended its side; -1 with errno (EAGAIN: nothing to read now). */
ssize_t stream_socket_discard(int fd);

/* Call this before a unix socket is closed: closing it with unread bytes would reset the peer
 * (unix_release_sock() in Linux). From now on the peer cannot send; what it has sent is discarded.
 * Nonblocking sockets only. */
void stream_socket_hush(int fd);

/* The pending error of the socket, or 0. The system reports it only once. */
int stream_socket_error(int fd);

/* Whether an error of a call on a socket means that the connection is lost. (Other errors may mean
 * that the call does not support sockets.) */
bool stream_socket_broke(int error);

/* Half-closes: bpipe writes nothing more, and the peer sees the end of the stream. 0, or -1 with
 * errno. */
int stream_socket_finish(int fd);

/* From now on close(2) ends the connection normally instead of resetting it (net/dialer.h). */
void stream_socket_keep(int fd);

/* Whether the system sends the last small segment at once (TCP_NODELAY, tcp(7)), or only after the
 * peer has acknowledged the earlier segments (RFC 896). */
void stream_socket_hurry(int fd, bool hurry);

/*
 * New sockets, with the flags and options described in net/dialer.h, before they are connected or
 * bound.
 */

/* A socket for an endpoint of this kind at an address of this family, or -1 with errno. */
int socket_setup_open(const struct net_settings *settings, enum address_kind kind, int family);

/* The same for a socket that accept(2) returned for a listener of this kind. 0, or -1 with
 * errno. */
int socket_setup_accepted(int fd, enum address_kind kind);

/* Makes close(2) send the peer a reset (SO_LINGER for 0 s). 0, or -1 with errno. */
int socket_setup_reset(int fd);

#endif
