/*
 * socket_setup.h - sockets with the flags and options that net/dialer.h promises, before they are
 * connected or bound.
 */
#ifndef BPIPE_SOCKET_SETUP_H
#define BPIPE_SOCKET_SETUP_H

#include "net/address.h"
#include "net/settings.h"

/* A socket for an endpoint of this kind at an address of this family, or -1 with errno. */
int socket_setup_open(const struct net_settings *settings, enum address_kind kind, int family);

/* The same for one that accept(2) gave to a listener of this kind. 0, or -1 with errno. */
int socket_setup_accepted(int fd, enum address_kind kind);

/* When it is closed, the peer sees a reset (SO_LINGER for 0 s). 0, or -1 with errno. */
int socket_setup_reset(int fd);

#endif
