/*
 * address.c - see address.h.
 *
 * Each error message continues the sentence that the text begins, so that the caller prints only
 * the text and the message. Each scheme has its own messages, with an example that can be copied.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum {
    PORT_MOST = 65535,
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    MAPPED_BITS = 96, /* prefix of ::ffff:0:0/96, where IPv4 addresses are mapped into IPv6 */
    PATH_MOST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
    PATH_MESSAGE = 80,
    PORT_TEXT = sizeof(":65535")
};

struct scheme {
    const char *prefix;
    enum address_kind kind;
    const char *no_host; /* NULL: this scheme needs none */
    const char *no_port;
    const char *bad_port;
    const char *bare_ipv6;
    const char *no_colon;
};

#define SCHEME(prefix, kind, host, ports)                         \
    prefix, kind, "missing host (try " prefix "host:9000)",       \
        "missing port (try " prefix host ":9000)",                \
        "invalid port after the last colon (" ports " to 65535)", \
        "put an IPv6 address in brackets (" prefix "[::1]:80)",   \
        "missing colon after ] (try " prefix "[::1]:80)"

static const struct scheme schemes[] = {
    {SCHEME("tcp://", ADDRESS_TCP, "host", "1")},
    {SCHEME("tcp-listen://", ADDRESS_TCP_LISTEN, "", "0")},
    {SCHEME("udp://", ADDRESS_UDP, "host", "1")},
    {SCHEME("udp-listen://", ADDRESS_UDP_LISTEN, "", "0")},
    {.prefix = "unix://", .kind = ADDRESS_UNIX},
    {.prefix = "unix-listen://", .kind = ADDRESS_UNIX_LISTEN},
};

/* The scheme of `text`, or NULL if it has none. */
static const struct scheme *scheme_of(const char *text)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
            return &schemes[i];
    return NULL;
}

enum address_kind address_kind_of(const char *text)
{
    const struct scheme *scheme = scheme_of(text);
    return scheme ? scheme->kind : ADDRESS_NONE;
}

bool address_listens(enum address_kind kind)
{
    return kind == ADDRESS_TCP_LISTEN || kind == ADDRESS_UDP_LISTEN || kind == ADDRESS_UNIX_LISTEN;
}

bool address_is_datagram(enum address_kind kind)
{
    return kind == ADDRESS_UDP || kind == ADDRESS_UDP_LISTEN;
}

bool address_is_unix(enum address_kind kind)
{
    return kind == ADDRESS_UNIX || kind == ADDRESS_UNIX_LISTEN;
}

/* --- parsing -------------------------------------------------------------------------------- */

/* Parses all of `text` as a decimal number of at most `most`. */
static bool parse_number(const char *text, unsigned most, unsigned *number)
{
    unsigned value = 0;
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    for (; *text != '\0'; text++) {
        value = value * 10 + (unsigned)(*text - '0');
        if (value > most)
            return false;
    }
    *number = value;
    return true;
}

bool address_lacks_scheme(const char *text)
{
    const char *colon = strrchr(text, ':');
    unsigned port = 0;
    return colon != NULL && colon != text && strchr(text, '/') == NULL &&
           parse_number(colon + 1, UINT16_MAX, &port) && port > 0;
}

static const char *parse_unix(struct address *address, const char *path)
{
    static char too_long[PATH_MESSAGE]; /* every writer writes the same text */
    if (*path == '\0')
        return "missing path (try unix:///run/name.sock)";
    if (strlen(path) > PATH_MOST) {
        snprintf(too_long, sizeof too_long, "path is longer than %d bytes", (int)PATH_MOST);
        return too_long;
    }
    address->path = path;
    return NULL;
}

/* Finds characters that neither a host nor a port can contain. */
static const char *find_stray(const char *rest)
{
    for (const char *c = rest; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == '\x7f')
            return "contains a space or a control character";
    if (strchr(rest, '@'))
        return "user name is not supported";
    if (strchr(rest, '*'))
        return "invalid host * (for all addresses: 0.0.0.0 or [::])";
    if (strpbrk(rest, "/?#"))
        return "path or query is not supported";
    return NULL;
}

static const char *copy_host(struct address *address, const char *host, size_t length)
{
    if (length >= sizeof address->host)
        return "host name is too long";
    memcpy(address->host, host, length);
    address->host[length] = '\0';
    return NULL;
}

/* Whether `host` is an IPv6 address, which may have a % and the interface of a link-local address
 * behind it (RFC 4007, 11). */
static bool is_ipv6(const char *host)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t length = strcspn(host, "%");
    if (length >= sizeof text || strcmp(host + length, "%") == 0)
        return false;
    memcpy(text, host, length);
    text[length] = '\0';
    return inet_pton(AF_INET6, text, bytes) == 1;
}

/* `rest` begins with an opening bracket. *after is the text after the closing one. */
static const char *parse_bracketed(const struct scheme *scheme, struct address *address,
                                   const char *rest, const char **after)
{
    const char *end = strchr(rest, ']');
    if (end == NULL)
        return "missing ] after [";
    *after = end + 1;
    const char *wrong = copy_host(address, rest + 1, (size_t)(end - rest) - 1);
    if (wrong != NULL)
        return wrong;
    if (!is_ipv6(address->host))
        return "invalid IPv6 address in brackets";
    return **after == ':' || **after == '\0' ? NULL : scheme->no_colon;
}

static const char *parse_named(const struct scheme *scheme, struct address *address,
                               const char *rest, const char **after)
{
    *after = rest + strcspn(rest, ":");
    if (**after == ':' && strchr(*after + 1, ':'))
        return scheme->bare_ipv6;
    if (strpbrk(rest, "[]"))
        return "brackets must enclose an IPv6 address";
    if (*after == rest && !address_listens(scheme->kind))
        return scheme->no_host;
    return copy_host(address, rest, (size_t)(*after - rest));
}

/* `rest` is empty, or begins with a colon. */
static const char *parse_port(const struct scheme *scheme, struct address *address,
                              const char *rest)
{
    unsigned port;
    if (*rest == '\0')
        return scheme->no_port;
    if (!parse_number(rest + 1, PORT_MOST, &port) || (port == 0 && !address_listens(scheme->kind)))
        return scheme->bad_port;
    snprintf(address->port, sizeof address->port, "%hu", (unsigned short)port);
    return NULL;
}

/* Whether the text looks like a URL (RFC 3986, 3.1) with a scheme that bpipe does not know. */
static bool is_other_scheme(const char *text)
{
    size_t length =
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    bool begins = isalpha((unsigned char)text[0]) != 0;
    return begins && strncmp(text + length, "://", 3) == 0 && strncmp(text, "fd://", 5) != 0;
}

const char *address_parse(struct address *address, const char *text)
{
    const struct scheme *scheme = scheme_of(text);
    *address = (struct address){.kind = scheme ? scheme->kind : ADDRESS_NONE};
    if (scheme == NULL)
        return is_other_scheme(text) ? "unknown scheme (for a path, write ./ before it)" : NULL;
    const char *rest = text + strlen(scheme->prefix), *after = rest;
    if (address_is_unix(scheme->kind))
        return parse_unix(address, rest);
    const char *wrong = find_stray(rest);
    if (wrong == NULL)
        wrong = *rest == '[' ? parse_bracketed(scheme, address, rest, &after)
                             : parse_named(scheme, address, rest, &after);
    return wrong ? wrong : parse_port(scheme, address, after);
}

/* --- socket addresses ----------------------------------------------------------------------- */

/* An address as the bytes that are compared: an IPv4 address mapped into IPv6 is stored as IPv4. */
struct plain {
    int family; /* AF_INET, AF_INET6, or AF_UNSPEC: anything else */
    unsigned char bytes[16];
    unsigned port;
};

/* Converts a mapped address to IPv4. */
static void unmap(struct plain *plain)
{
    static const unsigned char prefix[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};
    if (plain->family != AF_INET6 || memcmp(plain->bytes, prefix, sizeof prefix) != 0)
        return;
    plain->family = AF_INET;
    memmove(plain->bytes, plain->bytes + sizeof prefix, sizeof(struct in_addr));
}

static struct plain plain_of(const struct sockaddr *socket_address)
{
    struct plain plain = {.family = AF_UNSPEC};
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    if (socket_address->sa_family == AF_INET) {
        memcpy(&ipv4, socket_address, sizeof ipv4);
        memcpy(plain.bytes, &ipv4.sin_addr, sizeof ipv4.sin_addr);
        plain.family = AF_INET;
        plain.port = ntohs(ipv4.sin_port);
    } else if (socket_address->sa_family == AF_INET6) {
        memcpy(&ipv6, socket_address, sizeof ipv6);
        memcpy(plain.bytes, &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
        plain.family = AF_INET6;
        plain.port = ntohs(ipv6.sin6_port);
        unmap(&plain);
    }
    return plain;
}

/* The system may omit the NUL at the end of the path, and the whole path if the socket has no
 * name. */
static void format_unix(char text[ADDRESS_TEXT_SIZE], const struct sockaddr *socket_address,
                        socklen_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = length < sizeof address ? length : sizeof address;
    memcpy(&address, socket_address, size);
    snprintf(text, ADDRESS_TEXT_SIZE, "%.*s", (int)sizeof address.sun_path, address.sun_path);
    if (*text == '\0')
        snprintf(text, ADDRESS_TEXT_SIZE, "unix socket");
}

/* getnameinfo(3) knows the names of interfaces, which are part of link-local addresses. */
static void format_ipv6(char text[ADDRESS_TEXT_SIZE], const struct sockaddr *socket_address,
                        socklen_t length, const struct plain *plain)
{
    char host[ADDRESS_TEXT_SIZE - sizeof "[]" - PORT_TEXT];
    if (getnameinfo(socket_address, length, host, sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
        inet_ntop(AF_INET6, plain->bytes, host, sizeof host);
    snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%u", host, plain->port);
}

const char *address_format(char text[ADDRESS_TEXT_SIZE], const struct sockaddr *socket_address,
                           socklen_t length)
{
    struct plain plain = {.family = AF_UNSPEC};
    char host[INET_ADDRSTRLEN] = "";
    if (length == 0 || socket_address->sa_family == AF_UNIX) {
        format_unix(text, socket_address, length);
        return text;
    }
    plain = plain_of(socket_address);
    if (plain.family == AF_INET6) {
        format_ipv6(text, socket_address, length, &plain);
    } else {
        inet_ntop(AF_INET, plain.bytes, host, sizeof host);
        snprintf(text, ADDRESS_TEXT_SIZE, "%s:%u", host, plain.port);
    }
    return text;
}

/* --- ranges --------------------------------------------------------------------------------- */

/* Whether the bits from `first` up to, but not including, `end` are equal in both. */
static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned first, unsigned end)
{
    for (unsigned bit = first; bit < end; bit++)
        if (((a[bit / 8] ^ b[bit / 8]) & (0x80U >> bit % 8)) != 0)
            return false;
    return true;
}

/* Parses the address before the slash. Returns its width in bits, or 0 on failure. */
static unsigned parse_base(struct plain *base, const char *text, size_t length)
{
    char host[INET6_ADDRSTRLEN];
    if (length >= sizeof host)
        return 0;
    memcpy(host, text, length);
    host[length] = '\0';
    base->family = AF_INET;
    if (inet_pton(AF_INET, host, base->bytes) == 1)
        return IPV4_BITS;
    base->family = AF_INET6;
    return inet_pton(AF_INET6, host, base->bytes) == 1 ? IPV6_BITS : 0;
}

const char *address_parse_range(struct address_range *range, const char *text)
{
    static const unsigned char zeros[sizeof range->bytes];
    struct plain base = {.family = AF_UNSPEC};
    size_t length = strcspn(text, "/");
    unsigned width = parse_base(&base, text, length), bits = width;
    if (width == 0)
        return "invalid address (try 10.0.0.0/8 or 2001:db8::/32)";
    if (text[length] == '/' && !parse_number(text + length + 1, width, &bits))
        return width == IPV4_BITS ? "prefix length after / must be from 0 to 32"
                                  : "prefix length after / must be from 0 to 128";
    if (!same_bits(base.bytes, zeros, bits, width))
        return "has bits after its prefix (10.0.0.0/8 has none)";
    if (width == IPV6_BITS && bits >= MAPPED_BITS) {
        unmap(&base);
        bits -= base.family == AF_INET ? MAPPED_BITS : 0;
    }
    *range = (struct address_range){.family = base.family, .bits = bits};
    memcpy(range->bytes, base.bytes, base.family == AF_INET ? IPV4_BITS / 8 : IPV6_BITS / 8);
    return NULL;
}

bool address_is_within(const struct sockaddr *socket_address, const struct address_range *ranges,
                       size_t count)
{
    struct plain plain = plain_of(socket_address);
    for (size_t i = 0; i < count; i++)
        if (ranges[i].family == plain.family &&
            same_bits(ranges[i].bytes, plain.bytes, 0, ranges[i].bits))
            return true;
    return false;
}
