/*
 * address.h - the endpoints of the network as text: tcp://HOST:PORT, tcp-listen://[HOST]:PORT,
 * udp://HOST:PORT, udp-listen://[HOST]:PORT, unix://PATH, unix-listen://PATH; and ranges of
 * addresses (--allow).
 *
 * Pure: nothing is looked up. An IPv6 address as HOST stands in brackets (RFC 3986, 3.2.2); PORT is
 * a decimal number, 0 only for a listener (the system then chooses); user names, paths and queries
 * are refused, for they would mean nothing.
 */
#ifndef BPIPE_ADDRESS_H
#define BPIPE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum address_kind {
    ADDRESS_NONE, /* a path, "-" or fd://N */
    ADDRESS_TCP,
    ADDRESS_TCP_LISTEN,
    ADDRESS_UDP,
    ADDRESS_UDP_LISTEN,
    ADDRESS_UNIX,
    ADDRESS_UNIX_LISTEN
};

enum { ADDRESS_HOST_SIZE = 256, ADDRESS_PORT_SIZE = 6, ADDRESS_TEXT_SIZE = 128 };

struct address {
    enum address_kind kind;
    char host[ADDRESS_HOST_SIZE]; /* without brackets; "": none was given */
    char port[ADDRESS_PORT_SIZE]; /* decimal, without leading zeros */
    const char *path;             /* of a unix socket: points into the text */
};

/* Takes `text` apart, of which *address keeps a pointer. NULL: it did (the kind may be
 * ADDRESS_NONE). Else what is wrong with the text, to be written after it: "missing port (try
 * tcp://host:9000)". */
const char *address_parse(struct address *address, const char *text);

/* The kind that `text` is meant to be, right or wrong. Only an ADDRESS_NONE may be taken for a
 * path.
 */
enum address_kind address_kind_of(const char *text);

bool address_listens(enum address_kind kind);
bool address_is_datagram(enum address_kind kind); /* UDP */
bool address_is_unix(enum address_kind kind);

/* "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", or the path of a unix socket ("unix socket" if
 * it has none, or `length` is 0). An IPv4 address that is mapped into IPv6 is written as IPv4.
 * Returns `text`. */
const char *address_format(char text[ADDRESS_TEXT_SIZE], const struct sockaddr *socket_address,
                           socklen_t length);

/* Addresses that have their first `bits` in common: 10.0.0.0/8, 2001:db8::/32, one address. */
struct address_range {
    int family; /* AF_INET or AF_INET6 */
    unsigned char bytes[16];
    unsigned bits;
};

/* NULL, or what is wrong with it: *range is left alone then. Bits after the prefix that are set are
 * wrong. A range of mapped IPv4 addresses (::ffff:10.0.0.0/104) becomes one of IPv4 (10.0.0.0/8).
 */
const char *address_parse_range(struct address_range *range, const char *text);

/* Whether one of the ranges contains the address; IPv4 addresses mapped into IPv6 (RFC 4291,
 * 2.5.5.2) count as IPv4. A unix socket's peer is in none. */
bool address_is_within(const struct sockaddr *socket_address, const struct address_range *ranges,
                       size_t count);

#endif
