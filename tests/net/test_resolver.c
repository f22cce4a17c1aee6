/*
 * test_resolver.c - names become addresses, without any network: localhost, numbers, unix sockets,
 * -4 and -6, and a name that no machine has (RFC 6761, 6.4).
 */
#include "net/resolver.h"
#include "tests/tap.h"

#include <netinet/in.h>
#include <sys/un.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { LIST_SIZE = 512 };

static struct resolver resolver;

/* Resolves one text as an input. NULL without memory. */
static const struct resolved *resolve(const char *text, int family)
{
    const char *inputs[] = {text}, *outputs[] = {"-"};
    struct resolver_request request = {.inputs = inputs,
                                       .input_count = 1,
                                       .outputs = outputs,
                                       .output_count = 1,
                                       .family = family};
    return resolver_run(&resolver, &request) == 0 ? &resolver.inputs[0] : NULL;
}

static const char *text_of(char text[ADDRESS_TEXT_SIZE], const struct socket_address *address)
{
    return address_format(text, (const struct sockaddr *)&address->storage, address->length);
}

/* "127.0.0.1:80 [::1]:80" */
static void join(char list[LIST_SIZE], const struct resolved *resolved)
{
    char text[ADDRESS_TEXT_SIZE];
    list[0] = '\0';
    for (size_t i = 0; i < resolved->count; i++)
        snprintf(list + strlen(list), LIST_SIZE - strlen(list), "%s%s", i ? " " : "",
                 text_of(text, &resolved->list[i]));
}

static const struct {
    const char *text;
    int family;
    const char *addresses;
} found[] = {
    {"-", AF_UNSPEC, ""},
    {"a file", AF_UNSPEC, ""},
    {"fd://3", AF_INET6, ""},
    {"tcp://127.0.0.1:80", AF_UNSPEC, "127.0.0.1:80"},
    {"tcp://127.0.0.1:80", AF_INET, "127.0.0.1:80"},
    {"tcp://[::1]:80", AF_UNSPEC, "[::1]:80"},
    {"tcp://[::1]:80", AF_INET6, "[::1]:80"},
    {"tcp://192.0.2.1:65535", AF_INET, "192.0.2.1:65535"},
    {"tcp://[2001:db8::1]:9", AF_INET6, "[2001:db8::1]:9"},
    {"udp://192.0.2.1:9", AF_UNSPEC, "192.0.2.1:9"},
    {"udp://[2001:db8::1]:9", AF_UNSPEC, "[2001:db8::1]:9"},
    {"tcp://localhost:80", AF_INET, "127.0.0.1:80"},
    {"udp://localhost:80", AF_INET, "127.0.0.1:80"},
    {"tcp-listen://:0", AF_UNSPEC, "127.0.0.1:0"},
    {"tcp-listen://:9000", AF_INET, "127.0.0.1:9000"},
    {"tcp-listen://:9000", AF_INET6, "[::1]:9000"},
    {"udp-listen://:9000", AF_UNSPEC, "127.0.0.1:9000"},
    {"udp-listen://:9000", AF_INET6, "[::1]:9000"},
    {"tcp-listen://0.0.0.0:9000", AF_UNSPEC, "0.0.0.0:9000"},
    {"tcp-listen://[::]:9000", AF_UNSPEC, "[::]:9000"},
    {"unix:///run/x.sock", AF_UNSPEC, "/run/x.sock"},
    {"unix://x", AF_INET6, "x"},
    {"unix-listen://./x", AF_INET, "./x"},
};

static void test_found(void)
{
    for (size_t i = 0; i < COUNT_OF(found); i++) {
        char list[LIST_SIZE] = "";
        const struct resolved *resolved = resolve(found[i].text, found[i].family);
        bool held = resolved != NULL && resolved->error == NULL;
        if (held)
            join(list, resolved);
        held = held && strcmp(list, found[i].addresses) == 0;
        if (!tap_ok(held, "'%s' is '%s'", found[i].text, found[i].addresses))
            tap_note("%s %s", list, resolved && resolved->error ? resolved->error : "");
        resolver_destroy(&resolver);
    }
}

static const struct {
    const char *text;
    int family;
} not_found[] = {
    {"tcp://nonexistent.invalid:80", AF_UNSPEC},
    {"udp-listen://nonexistent.invalid:80", AF_INET6},
    {"tcp://127.0.0.1:80", AF_INET6},
    {"tcp://[::1]:80", AF_INET},
    {"tcp-listen://0.0.0.0:80", AF_INET6},
    {"udp-listen://[::]:80", AF_INET},
    {"udp://[fe80::1%no-such-interface]:80", AF_UNSPEC},
    {"tcp://no-port", AF_UNSPEC},
};

static void test_not_found(void)
{
    for (size_t i = 0; i < COUNT_OF(not_found); i++) {
        const struct resolved *resolved = resolve(not_found[i].text, not_found[i].family);
        bool held = resolved != NULL && resolved->count == 0 && resolved->error != NULL &&
                    *resolved->error != '\0';
        tap_ok(held, "'%s' is not found in family %d", not_found[i].text, not_found[i].family);
        tap_note("%s", resolved && resolved->error ? resolved->error : "");
        resolver_destroy(&resolver);
    }
}

static bool all_differ(const struct resolved *resolved)
{
    char a[ADDRESS_TEXT_SIZE], b[ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < resolved->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(text_of(a, &resolved->list[i]), text_of(b, &resolved->list[j])) == 0)
                return false;
    return true;
}

/* Which addresses it has is a matter of /etc/hosts; 127.0.0.1 is one of them. */
static void test_localhost(void)
{
    char list[LIST_SIZE] = "";
    const struct resolved *resolved = resolve("tcp://localhost:80", AF_UNSPEC);
    bool held = resolved != NULL && resolved->error == NULL;
    if (held)
        join(list, resolved);
    tap_ok(held && strstr(list, "127.0.0.1:80"), "localhost has 127.0.0.1");
    tap_ok(held && all_differ(resolved), "and no address twice");
    tap_note("%s", list);
    resolver_destroy(&resolver);
}

static void test_unix_length(void)
{
    const struct resolved *resolved = resolve("unix://name", AF_UNSPEC);
    const struct socket_address *address = resolved ? resolved->list : NULL;
    tap_ok(address != NULL && address->storage.ss_family == AF_UNIX &&
               address->length <= sizeof(struct sockaddr_un),
           "a unix socket's address");
    resolver_destroy(&resolver);
}

static void test_all(void)
{
    const char *inputs[] = {"a", "tcp://nonexistent.invalid:1"};
    const char *outputs[] = {"tcp://[::1]:2", "-", "unix://x"};
    const char *taps[] = {"udp://127.0.0.1:3"};
    struct resolver_request request = {.inputs = inputs,
                                       .input_count = COUNT_OF(inputs),
                                       .outputs = outputs,
                                       .output_count = COUNT_OF(outputs),
                                       .taps = taps,
                                       .tap_count = COUNT_OF(taps),
                                       .family = AF_UNSPEC};
    bool done = resolver_run(&resolver, &request) == 0;
    tap_ok(done && resolver.input_count == 2 && resolver.output_count == 3 &&
               resolver.tap_count == 1,
           "as many of each as in the request");
    tap_ok(done && !resolver.inputs[0].error && resolver.inputs[1].error &&
               resolver.outputs[0].count == 1 && resolver.outputs[1].count == 0 &&
               resolver.outputs[1].address.kind == ADDRESS_NONE && resolver.outputs[2].count == 1 &&
               resolver.taps[0].count == 1,
           "one that is not found keeps no other from being found");
    resolver_destroy(&resolver);
    tap_ok(resolver.inputs == NULL && resolver.output_count == 0, "nothing is left of it");
    resolver_destroy(&resolver);
}

int main(void)
{
    test_found();
    test_not_found();
    test_localhost();
    test_unix_length();
    test_all();
    return tap_done();
}
