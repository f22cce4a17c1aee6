/*
 * stream_socket.h - what a TCP or unix stream socket needs beyond read(2) and write(2), so that the
 * end of a stream is what it seems.
 *
 * close(2) alone proves nothing: what was sent may still be on its way, and closing with unread
 * bytes resets the connection and destroys what the peer has not read (RFC 1122, 4.2.2.13; RFC
 * 2525, 2.17). So whoever writes discards what the peer says; half-closes when all is written; and
 * waits until the peer's system has acknowledged it, which no event of poll(2) tells.
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

/* Whether it is a socket that listens: it has no peer, nothing can be read or written, and poll(2)
 * reports a connection that waits as if that were data. */
bool stream_socket_is_listening(int fd);

/* Whether it is a stream socket that was never connected. False while it is being connected, when
 * its connection is over, and where the system does not tell these apart. */
bool stream_socket_is_unconnected(int fd);

/* Whether the peer of a TCP connection is on this machine. */
bool stream_socket_is_local(int fd);

/* Takes what the peer has sent, and forgets it: bytes; 0: the peer has ended its side; -1 with
 * errno (EAGAIN: nothing for now). */
ssize_t stream_socket_discard(int fd);

/* The error that waits to be told, which is told once; or 0. */
int stream_socket_error(int fd);

/* Whether an error of a call on a socket says that the connection is gone. (Others may mean that
 * the call is not for sockets.) */
bool stream_socket_broke(int error);

/* Nothing more will be written: the peer sees the end of the stream. 0, or -1 with errno. */
int stream_socket_finish(int fd);

/* From now on close(2) ends the connection in the ordinary way instead of resetting it
 * (net/dialer.h). */
void stream_socket_keep(int fd);

/* Whether the last small segment is sent at once (TCP_NODELAY, tcp(7)), or when what was sent
 * before it is acknowledged (RFC 896). */
void stream_socket_hurry(int fd, bool hurry);

/*
 * New sockets, with the flags and options that net/dialer.h promises, before they are connected or
 * bound.
 */

/* A socket for an endpoint of this kind at an address of this family, or -1 with errno. */
int socket_setup_open(const struct net_settings *settings, enum address_kind kind, int family);

/* The same for one that accept(2) gave to a listener of this kind. 0, or -1 with errno. */
int socket_setup_accepted(int fd, enum address_kind kind);

/* When it is closed, the peer sees a reset (SO_LINGER for 0 s). 0, or -1 with errno. */
int socket_setup_reset(int fd);

#endif
