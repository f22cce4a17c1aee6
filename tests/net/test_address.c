/*
 * test_address.c - the texts of endpoints and of ranges: tables of what is right and what is wrong
 * and how that is said, and addresses written and compared.
 */
#include "net/address.h"
#include "tests/tap.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { LONG_TEXT = 400, PATH_MOST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 };

/* --- right ---------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    enum address_kind kind;
    const char *host, *port, *path;
} right[] = {
    {"", ADDRESS_NONE, "", "", NULL},
    {"-", ADDRESS_NONE, "", "", NULL},
    {"fd://3", ADDRESS_NONE, "", "", NULL},
    {"./tcp://h:80", ADDRESS_NONE, "", "", NULL},
    {"tcp:/h:80", ADDRESS_NONE, "", "", NULL},
    {"tcp", ADDRESS_NONE, "", "", NULL},
    {"c:/x://y", ADDRESS_NONE, "", "", NULL},
    {"./http://h:80", ADDRESS_NONE, "", "", NULL},
    {" tcp://h:80", ADDRESS_NONE, "", "", NULL},
    {"tcp://h:80", ADDRESS_TCP, "h", "80", NULL},
    {"tcp://h:1", ADDRESS_TCP, "h", "1", NULL},
    {"tcp://h:65535", ADDRESS_TCP, "h", "65535", NULL},
    {"tcp://h:00000000080", ADDRESS_TCP, "h", "80", NULL},
    {"tcp://a-host.example.:80", ADDRESS_TCP, "a-host.example.", "80", NULL},
    {"tcp://a_host:80", ADDRESS_TCP, "a_host", "80", NULL},
    {"tcp://h\xc3\xb6st:80", ADDRESS_TCP, "h\xc3\xb6st", "80", NULL},
    {"tcp://127.0.0.1:80", ADDRESS_TCP, "127.0.0.1", "80", NULL},
    {"tcp://[::1]:80", ADDRESS_TCP, "::1", "80", NULL},
    {"tcp://[2001:DB8::1]:80", ADDRESS_TCP, "2001:DB8::1", "80", NULL},
    {"tcp://[::ffff:1.2.3.4]:80", ADDRESS_TCP, "::ffff:1.2.3.4", "80", NULL},
    {"tcp://[fe80::1%eth0]:80", ADDRESS_TCP, "fe80::1%eth0", "80", NULL},
    {"tcp-listen://:0", ADDRESS_TCP_LISTEN, "", "0", NULL},
    {"tcp-listen://:000", ADDRESS_TCP_LISTEN, "", "0", NULL},
    {"tcp-listen://:9000", ADDRESS_TCP_LISTEN, "", "9000", NULL},
    {"tcp-listen://0.0.0.0:9000", ADDRESS_TCP_LISTEN, "0.0.0.0", "9000", NULL},
    {"tcp-listen://[::]:9000", ADDRESS_TCP_LISTEN, "::", "9000", NULL},
    {"tcp-listen://h:0", ADDRESS_TCP_LISTEN, "h", "0", NULL},
    {"udp://h:80", ADDRESS_UDP, "h", "80", NULL},
    {"udp://[ff02::1%2]:80", ADDRESS_UDP, "ff02::1%2", "80", NULL},
    {"udp-listen://:0", ADDRESS_UDP_LISTEN, "", "0", NULL},
    {"udp-listen://[::1]:9", ADDRESS_UDP_LISTEN, "::1", "9", NULL},
    {"unix://x", ADDRESS_UNIX, "", "", "x"},
    {"unix:///run/x.sock", ADDRESS_UNIX, "", "", "/run/x.sock"},
    {"unix://a b@c:1?/[", ADDRESS_UNIX, "", "", "a b@c:1?/["},
    {"unix-listen:///x", ADDRESS_UNIX_LISTEN, "", "", "/x"},
    {"unix-listen://tcp://h:1", ADDRESS_UNIX_LISTEN, "", "", "tcp://h:1"},
};

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void test_right(void)
{
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        struct address address;
        const char *wrong = address_parse(&address, right[i].text);
        bool held = wrong == NULL && address.kind == right[i].kind &&
                    address_kind_of(right[i].text) == right[i].kind &&
                    same_text(address.host, right[i].host) &&
                    same_text(address.port, right[i].port) &&
                    same_text(address.path, right[i].path);
        if (!tap_ok(held, "'%s' is right", right[i].text))
            tap_note("kind %d, host '%s', port '%s', %s", (int)address.kind, address.host,
                     address.port, wrong ? wrong : "");
    }
}

/* --- wrong ---------------------------------------------------------------------------------- */

static const struct {
    const char *text, *message; /* a part of it */
} wrong_texts[] = {
    {"tcp://", "missing host (try tcp://host:9000)"},
    {"tcp://:80", "missing host (try tcp://host:9000)"},
    {"tcp://:", "missing host"},
    {"tcp://h", "missing port (try tcp://host:9000)"},
    {"tcp://[::1]", "missing port"},
    {"tcp://h:", "invalid port after the last colon (1 to 65535)"},
    {"tcp://[::1]:", "invalid port"},
    {"tcp://h:0", "invalid port after the last colon (1 to 65535)"},
    {"tcp://h:65536", "invalid port"},
    {"tcp://h:99999", "invalid port"},
    {"tcp://h:4294967376", "invalid port"},
    {"tcp://h:99999999999999999999999999", "invalid port"},
    {"tcp://h:x", "invalid port"},
    {"tcp://h:80x", "invalid port"},
    {"tcp://h:+80", "invalid port"},
    {"tcp://h:-1", "invalid port"},
    {"tcp://h:0x50", "invalid port"},
    {"tcp://h:http", "invalid port"},
    {"tcp://h:\xd9\xa3", "invalid port"},
    {"tcp://::1:80", "put an IPv6 address in brackets (tcp://[::1]:80)"},
    {"tcp://::1", "put an IPv6 address in brackets"},
    {"tcp://fe80::1%eth0:80", "put an IPv6 address in brackets"},
    {"tcp://h:80:90", "put an IPv6 address in brackets"},
    {"tcp://::", "put an IPv6 address in brackets"},
    {"tcp://[::1", "missing ] after ["},
    {"tcp://[", "missing ] after ["},
    {"tcp://[::1:80", "missing ] after ["},
    {"tcp://[::1]80", "missing colon after ] (try tcp://[::1]:80)"},
    {"tcp://[::1]]:80", "missing colon after ]"},
    {"tcp://[not-an-address]:80", "invalid IPv6 address in brackets"},
    {"tcp://[127.0.0.1]:80", "invalid IPv6 address in brackets"},
    {"tcp://[]:80", "invalid IPv6 address in brackets"},
    {"tcp://[%eth0]:80", "invalid IPv6 address in brackets"},
    {"tcp://[fe80::1%]:80", "invalid IPv6 address in brackets"},
    {"tcp://[::1::]:80", "invalid IPv6 address in brackets"},
    {"tcp://[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:80",
     "invalid IPv6 address in brackets"},
    {"tcp://[[::1]]:80", "invalid IPv6 address in brackets"},
    {"tcp://h]:80", "brackets must enclose"},
    {"tcp://h[0]:80", "brackets must enclose"},
    {"tcp://me@h:80", "user name is not supported"},
    {"TCP://h:80", "unknown scheme"},
    {"http://h:80", "unknown scheme"},
    {"udp4://h:80", "unknown scheme"},
    {"tcp-listen://*:80", "invalid host *"},
    {"tcp://*:80", "invalid host *"},
    {"tcp://me:secret@h:80", "user name is not supported"},
    {"tcp://h:80/x", "path or query is not supported"},
    {"tcp://h:80/", "path or query is not supported"},
    {"tcp://h:80?x", "path or query is not supported"},
    {"tcp://h:80#x", "path or query is not supported"},
    {"tcp:///x", "path or query is not supported"},
    {"tcp://h h:80", "contains a space"},
    {"tcp:// h:80", "contains a space"},
    {"tcp://h: 80", "contains a space"},
    {"tcp://h:80\n", "or a control character"},
    {"tcp://h\x1b:80", "or a control character"},
    {"tcp://h\x7f:80", "or a control character"},
    {"tcp-listen://", "missing port (try tcp-listen://:9000)"},
    {"tcp-listen://h", "missing port (try tcp-listen://:9000)"},
    {"tcp-listen://9000", "missing port (try tcp-listen://:9000)"},
    {"tcp-listen://:", "invalid port after the last colon (0 to 65535)"},
    {"tcp-listen://:65536", "invalid port"},
    {"tcp-listen://:::80", "(tcp-listen://[::1]:80)"},
    {"tcp-listen://[]:80", "invalid IPv6 address in brackets"},
    {"tcp-listen://me@:80", "user name is not supported"},
    {"udp://", "missing host (try udp://host:9000)"},
    {"udp://h", "missing port (try udp://host:9000)"},
    {"udp://h:0", "invalid port after the last colon (1 to 65535)"},
    {"udp://h:x", "invalid port"},
    {"udp://::1:80", "(udp://[::1]:80)"},
    {"udp://[::1]80", "(try udp://[::1]:80)"},
    {"udp://[x]:80", "invalid IPv6 address in brackets"},
    {"udp://me@h:80", "user name is not supported"},
    {"udp://h:80/x", "path or query is not supported"},
    {"udp-listen://", "missing port (try udp-listen://:9000)"},
    {"udp-listen://:70000", "invalid port after the last colon (0 to 65535)"},
    {"udp-listen://::1:80", "(udp-listen://[::1]:80)"},
    {"unix://", "missing path"},
    {"unix-listen://", "missing path"},
};

static bool says(const char *message, const char *part)
{
    return message != NULL && strstr(message, part) != NULL;
}

static void test_wrong(void)
{
    for (size_t i = 0; i < COUNT_OF(wrong_texts); i++) {
        struct address address;
        const char *message = address_parse(&address, wrong_texts[i].text);
        bool other = strcmp(wrong_texts[i].message, "unknown scheme") == 0;
        bool held = says(message, wrong_texts[i].message) &&
                    other == (address_kind_of(wrong_texts[i].text) == ADDRESS_NONE);
        int shown = (int)strcspn(wrong_texts[i].text, "\n\x1b\x7f"); /* one line for each test */
        if (!tap_ok(held, "'%.*s' %s", shown, wrong_texts[i].text, wrong_texts[i].message))
            tap_note("%s", message ? message : "is right");
    }
}

/* PREFIX, `length` times x, SUFFIX. */
static const char *with_length(const char *prefix, size_t length, const char *suffix)
{
    static char text[2 * LONG_TEXT];
    char middle[LONG_TEXT + 1] = "";
    memset(middle, 'x', length);
    snprintf(text, sizeof text, "%s%s%s", prefix, middle, suffix);
    return text;
}

static void test_lengths(void)
{
    struct address address;
    char number[32];

    bool fits =
        address_parse(&address, with_length("tcp://", ADDRESS_HOST_SIZE - 1, ":80")) == NULL;
    tap_ok(fits && strlen(address.host) == ADDRESS_HOST_SIZE - 1, "the longest host");
    for (size_t length = ADDRESS_HOST_SIZE; length <= LONG_TEXT; length += 9)
        tap_ok(says(address_parse(&address, with_length("udp://", length, ":80")), "is too long"),
               "a host of %zu bytes is too long", length);
    tap_ok(says(address_parse(&address, with_length("tcp://[", LONG_TEXT, "]:80")), "is too long"),
           "and one in brackets");
    fits = address_parse(&address, with_length("unix://", PATH_MOST, "")) == NULL;
    tap_ok(fits && strlen(address.path) == PATH_MOST, "the longest path of a socket");
    snprintf(number, sizeof number, "longer than %d bytes", (int)PATH_MOST);
    tap_ok(says(address_parse(&address, with_length("unix://", PATH_MOST + 1, "")), number) &&
               says(address_parse(&address, with_length("unix-listen://", LONG_TEXT, "")), number),
           "a path that is %s", number);
}

static void test_kinds(void)
{
    static const char expected[] = "... .L. D.. DL. ..U .LU"; /* tcp, tcp-listen, udp, ... */
    char found[sizeof expected + 1] = "";
    for (int kind = ADDRESS_TCP; kind <= ADDRESS_UNIX_LISTEN; kind++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%c%c%c",
                 kind == ADDRESS_TCP ? "" : " ",
                 address_is_datagram((enum address_kind)kind) ? 'D' : '.',
                 address_listens((enum address_kind)kind) ? 'L' : '.',
                 address_is_unix((enum address_kind)kind) ? 'U' : '.');
    tap_ok(strcmp(found, expected) == 0, "which kinds are datagrams, listeners, unix sockets");
    tap_ok(!address_listens(ADDRESS_NONE) && !address_is_datagram(ADDRESS_NONE) &&
               !address_is_unix(ADDRESS_NONE),
           "a path is none of these");
}

/* Either refused, or taken apart so that the parts make the same text again (except zeros before
 * the port). */
static bool is_sound(const char *text)
{
    struct address address;
    char again[LONG_TEXT];
    if (address_parse(&address, text) != NULL)
        return address.kind != ADDRESS_NONE;
    if (address.kind == ADDRESS_NONE)
        return true;
    const char *rest = strstr(text, "://") + strlen("://"), *colon = strrchr(text, ':');
    if (address_is_unix(address.kind))
        return address.path == rest && *rest != '\0';
    const char *digits = colon + 1 + strspn(colon + 1, "0");
    bool ipv6 = strchr(address.host, ':') != NULL;
    snprintf(again, sizeof again, "%s%s%s", ipv6 ? "[" : "", address.host, ipv6 ? "]" : "");
    return strncmp(rest, again, strlen(again)) == 0 && rest + strlen(again) == colon &&
           strcmp(*digits ? digits : "0", address.port) == 0 &&
           (address_listens(address.kind) || (*address.host && *digits));
}

static void test_anything(void)
{
    static const char *const pieces[] = {"tcp://",
                                         "udp-listen://",
                                         "tcp-listen://",
                                         "unix://",
                                         ":",
                                         ":",
                                         "[",
                                         "]",
                                         "h",
                                         "0",
                                         "80",
                                         "6",
                                         "::1",
                                         "%",
                                         "@",
                                         "/",
                                         "?",
                                         " ",
                                         "fe80::",
                                         "."};
    uint64_t state = tap_seed();
    unsigned rounds = tap_rounds(100000), unsound = 0;
    for (unsigned n = 0; n < rounds && unsound < 10; n++) {
        char text[LONG_TEXT];
        snprintf(text, sizeof text, "%s", pieces[tap_below(&state, 4)]);
        for (uint64_t more = tap_below(&state, 7); more > 0; more--)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s",
                     pieces[tap_below(&state, COUNT_OF(pieces))]);
        if (!is_sound(text)) {
            unsound++;
            tap_note("'%s'", text);
        }
    }
    tap_ok(unsound == 0, "%u random texts are refused or sound", rounds);
}

/* --- socket addresses ----------------------------------------------------------------------- */

union any_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_un path;
    struct sockaddr_storage storage;
};

/* Of an IPv4 or IPv6 address as text. Its length. */
static socklen_t make_address(union any_address *address, const char *text, unsigned short port)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->ipv4.sin_addr) == 1) {
        address->ipv4.sin_family = AF_INET;
        address->ipv4.sin_port = htons(port);
        return sizeof address->ipv4;
    }
    if (inet_pton(AF_INET6, text, &address->ipv6.sin6_addr) != 1)
        abort();
    address->ipv6.sin6_family = AF_INET6;
    address->ipv6.sin6_port = htons(port);
    return sizeof address->ipv6;
}

static const struct {
    const char *address;
    unsigned short port;
    const char *text;
} formats[] = {
    {"127.0.0.1", 80, "127.0.0.1:80"},
    {"255.255.255.255", 65535, "255.255.255.255:65535"},
    {"0.0.0.0", 0, "0.0.0.0:0"},
    {"::1", 80, "[::1]:80"},
    {"::", 1, "[::]:1"},
    {"2001:db8::ff", 9000, "[2001:db8::ff]:9000"},
    {"1111:2222:3333:4444:5555:6666:7777:8888", 65535,
     "[1111:2222:3333:4444:5555:6666:7777:8888]:65535"},
    {"::ffff:10.1.2.3", 80, "10.1.2.3:80"},
    {"::ffff:0.0.0.0", 80, "0.0.0.0:80"},
};

static void test_formats(void)
{
    char text[ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        union any_address address;
        socklen_t length = make_address(&address, formats[i].address, formats[i].port);
        const char *got = address_format(text, &address.any, length);
        if (!tap_ok(got == text && strcmp(got, formats[i].text) == 0, "%s", formats[i].text))
            tap_note("%s", got);
    }
}

static bool formats_path(const union any_address *address, size_t length, const char *expected)
{
    char text[ADDRESS_TEXT_SIZE];
    return strcmp(address_format(text, &address->any, (socklen_t)length), expected) == 0;
}

static void test_unix_formats(void)
{
    union any_address address = {.path = {.sun_family = AF_UNIX}};
    size_t start = offsetof(struct sockaddr_un, sun_path);
    char longest[PATH_MOST + 2];

    tap_ok(formats_path(&address, start, "unix socket"), "a unix socket without a name");
    tap_ok(formats_path(&address, 0, "unix socket"), "a peer of which nothing is told");
    address.path.sun_path[1] = 'x';
    tap_ok(formats_path(&address, start + 2, "unix socket"), "a name that is no path");
    memcpy(address.path.sun_path, "/run/x", sizeof "/run/x");
    tap_ok(formats_path(&address, start + sizeof "/run/x", "/run/x"), "a path");
    tap_ok(formats_path(&address, start + 4, "/run"), "a path without its NUL");
    memset(longest, 'y', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(address.path.sun_path, longest, sizeof address.path.sun_path);
    tap_ok(formats_path(&address, sizeof address.path, longest), "a path that fills all");
}

/* The name of an interface is part of a link-local address. */
static void test_zone(void)
{
    union any_address address;
    char text[ADDRESS_TEXT_SIZE], expected[ADDRESS_TEXT_SIZE], name[IF_NAMESIZE];
    socklen_t length = make_address(&address, "fe80::1", 80);

    address.ipv6.sin6_scope_id = 1;
    snprintf(expected, sizeof expected, "[fe80::1%%%s]:80", if_indextoname(1, name) ? name : "1");
    if (!tap_ok(strcmp(address_format(text, &address.any, length), expected) == 0, "%s", expected))
        tap_note("%s", text);
}

/* --- ranges --------------------------------------------------------------------------------- */

static const struct {
    const char *range, *inside, *outside; /* addresses; NULL: there is none */
} ranges[] = {
    {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
    {"10.0.0.0/8", "10.0.0.0", "9.255.255.255"},
    {"10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"},
    {"10.0.0.0/8", NULL, "a00::"},
    {"10.0.0.0/08", "10.1.2.3", "11.0.0.0"},
    {"192.168.1.7", "192.168.1.7", "192.168.1.6"},
    {"192.168.1.7/32", "192.168.1.7", "192.168.1.8"},
    {"192.168.1.6/31", "192.168.1.7", "192.168.1.8"},
    {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
    {"0.0.0.0/0", "255.1.2.3", "::1"},
    {"128.0.0.0/1", "128.0.0.1", "127.255.255.255"},
    {"0.0.0.0", "0.0.0.0", "0.0.0.1"},
    {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
    {"2001:DB8::/32", "2001:db8::", "2001:db7:ffff::"},
    {"::1", "::1", "::2"},
    {"::1/128", "::1", "127.0.0.1"},
    {"::/0", "ffff::1", "127.0.0.1"},
    {"fe80::/10", "febf::1", "fec0::"},
    {"::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"},
    {"::ffff:10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"},
    {"::ffff:0:0/96", "1.2.3.4", "::1"},
};

static bool is_within(const char *text, const struct address_range *range, size_t count)
{
    union any_address address;
    make_address(&address, text, 80);
    return address_is_within(&address.any, range, count);
}

static void test_ranges(void)
{
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        struct address_range range;
        const char *inside = ranges[i].inside, *outside = ranges[i].outside;
        const char *wrong = address_parse_range(&range, ranges[i].range);
        bool held = wrong == NULL && (inside == NULL || is_within(inside, &range, 1)) &&
                    !is_within(outside, &range, 1);
        if (!tap_ok(held, "%s: %s, not %s", ranges[i].range, inside ? inside : "-", outside))
            tap_note("%s", wrong ? wrong : "");
    }
}

static const struct {
    const char *text, *message;
} wrong_ranges[] = {
    {"", "invalid address"},
    {"/8", "invalid address"},
    {"/", "invalid address"},
    {"10/8", "invalid address"},
    {"10.0.0/24", "invalid address"},
    {"256.0.0.0/8", "invalid address"},
    {"1.2.3.4.5", "invalid address"},
    {"localhost", "invalid address"},
    {"0x7f.0.0.1", "invalid address"},
    {" 10.0.0.0/8", "invalid address"},
    {"10.0.0.0 /8", "invalid address"},
    {"[::1]", "invalid address"},
    {"fe80::1%eth0", "invalid address"},
    {"2001:db8:::/32", "invalid address"},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/8", "invalid address"},
    {"1.2.3.4/33", "must be from 0 to 32"},
    {"1.2.3.4/", "must be from 0 to 32"},
    {"1.2.3.4/x", "must be from 0 to 32"},
    {"1.2.3.4/ 8", "must be from 0 to 32"},
    {"1.2.3.4/-1", "must be from 0 to 32"},
    {"1.2.3.4/4294967304", "must be from 0 to 32"},
    {"1.2.3.4/255.0.0.0", "must be from 0 to 32"},
    {"1.2.3.4/32/8", "must be from 0 to 32"},
    {"::/129", "must be from 0 to 128"},
    {"::/", "must be from 0 to 128"},
    {"10.0.0.1/8", "has bits after its prefix"},
    {"1.2.3.5/31", "has bits after its prefix"},
    {"1.2.3.4/0", "has bits after its prefix"},
    {"2001:db8::1/32", "has bits after its prefix"},
    {"::1/127", "has bits after its prefix"},
};

static void test_wrong_ranges(void)
{
    for (size_t i = 0; i < COUNT_OF(wrong_ranges); i++) {
        struct address_range range = {.family = -1};
        const char *message = address_parse_range(&range, wrong_ranges[i].text);
        bool held = says(message, wrong_ranges[i].message) && range.family == -1;
        if (!tap_ok(held, "'%s' %s", wrong_ranges[i].text, wrong_ranges[i].message))
            tap_note("%s", message ? message : "is right");
    }
}

static void test_several_ranges(void)
{
    struct address_range both[2];
    union any_address peer = {.path = {.sun_family = AF_UNIX}};
    address_parse_range(&both[0], "10.0.0.0/8");
    address_parse_range(&both[1], "0.0.0.0/0");
    tap_ok(is_within("11.0.0.1", both, 2), "one of the ranges is enough");
    tap_ok(!is_within("11.0.0.1", both, 0), "none has nobody in it");
    tap_ok(!address_is_within(&peer.any, both, 2), "a unix socket's peer is in none");
}

int main(void)
{
    test_right();
    test_wrong();
    test_lengths();
    test_kinds();
    test_anything();
    test_formats();
    test_unix_formats();
    test_zone();
    test_ranges();
    test_wrong_ranges();
    test_several_ranges();
    return tap_done();
}
