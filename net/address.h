/*
 * address.h - network endpoints as text: tcp://HOST:PORT, tcp-listen://[HOST]:PORT,
 * udp://HOST:PORT, udp-listen://[HOST]:PORT, unix://PATH, unix-listen://PATH; and ranges of
 * addresses (--allow).
 *
 * The functions are pure and look nothing up. An IPv6 address as HOST is in brackets (RFC 3986,
 * 3.2.2). PORT is a decimal number; 0 is valid only for a listener, and then the system chooses the
 * port. User names, paths and queries are refused, because they would have no meaning.
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
    char host[ADDRESS_HOST_SIZE]; /* without brackets; "": no host was given */
    char port[ADDRESS_PORT_SIZE]; /* decimal, without leading zeros */
    const char *path;             /* path of a unix socket: points into the text */
};

/* Parses `text`. *address keeps a pointer to it. Returns NULL on success (the kind may be
 * ADDRESS_NONE). Otherwise returns the error, for a message that has the text before it: "missing
 * port (try tcp://host:9000)". */
const char *address_parse(struct address *address, const char *text);

/* The kind that the scheme of `text` names, even if the rest is invalid. Only ADDRESS_NONE may be a
 * path. */
enum address_kind address_kind_of(const char *text);

/* Whether the text of a path looks like HOST:PORT, an address without its scheme. */
bool address_lacks_scheme(const char *text);

bool address_listens(enum address_kind kind);
bool address_is_datagram(enum address_kind kind); /* UDP */
bool address_is_unix(enum address_kind kind);

/* Formats an address: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", or the path of a unix socket
 * ("unix socket" if it has none, or `length` is 0). An IPv4 address mapped into IPv6 is written as
 * IPv4. Returns `text`. */
const char *address_format(char text[ADDRESS_TEXT_SIZE], const struct sockaddr *socket_address,
                           socklen_t length);

/* Addresses whose first `bits` are equal: 10.0.0.0/8, 2001:db8::/32, one address. */
struct address_range {
    int family; /* AF_INET or AF_INET6 */
    unsigned char bytes[16];
    unsigned bits;
};

/* Returns NULL, or the error; then *range is unchanged. Bits set after the prefix are an error. A
 * range of mapped IPv4 addresses (::ffff:10.0.0.0/104) becomes a range of IPv4 (10.0.0.0/8). */
const char *address_parse_range(struct address_range *range, const char *text);

/* Whether one of the ranges contains the address. IPv4 addresses mapped into IPv6 (RFC 4291,
 * 2.5.5.2) count as IPv4. No range contains the peer of a unix socket. */
bool address_is_within(const struct sockaddr *socket_address, const struct address_range *ranges,
                       size_t count);

#endif
