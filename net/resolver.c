/*
 * resolver.c - see resolver.h.
 */
#include "net/resolver.h"

#include "base/platform.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

/* --- one endpoint --------------------------------------------------------------------------- */

static bool same_address(const struct socket_address *a, const struct addrinfo *b)
{
    return a->length == b->ai_addrlen && memcmp(&a->storage, b->ai_addr, b->ai_addrlen) == 0;
}

/* A name that is twice in /etc/hosts, for example, is listed twice. */
static bool is_known(const struct resolved *resolved, const struct addrinfo *info)
{
    for (size_t i = 0; i < resolved->count; i++)
        if (same_address(&resolved->list[i], info))
            return true;
    return false;
}

/* Functions that may run out of memory return 0, or -1 with errno, here and below. */
static int allocate_list(struct resolved *resolved, size_t count)
{
    resolved->list = calloc(count, sizeof *resolved->list);
    return resolved->list != NULL ? 0 : -1;
}

static int take_list(struct resolved *resolved, const struct addrinfo *first)
{
    size_t count = 0;
    for (const struct addrinfo *info = first; info != NULL; info = info->ai_next)
        count++;
    if (allocate_list(resolved, count) != 0)
        return -1;
    for (const struct addrinfo *info = first; info != NULL; info = info->ai_next) {
        struct socket_address *next = &resolved->list[resolved->count];
        if (info->ai_addrlen > sizeof next->storage || is_known(resolved, info))
            continue;
        memcpy(&next->storage, info->ai_addr, info->ai_addrlen);
        next->length = info->ai_addrlen;
        resolved->count++;
    }
    return 0;
}

/* address_parse() has checked that the path and a NUL after it fit. */
static int take_path(struct resolved *resolved)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (allocate_list(resolved, 1) != 0)
        return -1;
    memcpy(address.sun_path, resolved->address.path, strlen(resolved->address.path));
    memcpy(&resolved->list[0].storage, &address, sizeof address);
    resolved->list[0].length = sizeof address;
    resolved->count = 1;
    return 0;
}

static int look_up_with(int flags, const struct address *address, int family, const char *host,
                        struct addrinfo **list)
{
    struct addrinfo hints = {
        .ai_flags = AI_NUMERICSERV | flags,
        .ai_family = family,
        .ai_socktype = address_is_datagram(address->kind) ? SOCK_DGRAM : SOCK_STREAM,
    };
    return getaddrinfo(host, address->port, &hints, list);
}

/*
 * AI_ADDRCONFIG leaves out addresses that no interface can reach. If such an address were tried
 * last, its error would be the reported reason. But AI_ADDRCONFIG does not count loopback as an
 * interface. So the flag is used only for names, and not for localhost; if nothing is found, the
 * name is looked up again without it.
 */
static int look_up(const struct address *address, int family, const char *host,
                   struct addrinfo **list)
{
    int error = look_up_with(AI_NUMERICHOST, address, family, host, list);
    if (error == EAI_NONAME && strcasecmp(host, "localhost") != 0)
        error = look_up_with(AI_ADDRCONFIG, address, family, host, list);
    if (error == EAI_NONAME)
        error = look_up_with(0, address, family, host, list);
    return error;
}

/* The host of a listener without one. */
static const char *loopback(int family)
{
    return family == AF_INET6 ? "::1" : "127.0.0.1";
}

static int take_host(struct resolved *resolved, int family)
{
    const char *host = resolved->address.host;
    struct addrinfo *list = NULL;
    int error = look_up(&resolved->address, family, *host ? host : loopback(family), &list);
    int result = 0;
    if (error == 0) {
        result = take_list(resolved, list);
        freeaddrinfo(list);
    } else if (error == EAI_MEMORY) {
        errno = ENOMEM;
        result = -1;
    } else {
        resolved->error = error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error);
    }
    return result;
}

static int resolve(struct resolved *resolved, const char *text, int family)
{
    resolved->error = address_parse(&resolved->address, text);
    if (resolved->error != NULL || resolved->address.kind == ADDRESS_NONE)
        return 0;
    if (address_is_unix(resolved->address.kind))
        return take_path(resolved);
    uint64_t before_ns = platform_now();
    int result = take_host(resolved, family);
    resolved->took_ns = platform_now() - before_ns;
    return result;
}

/* --- all endpoints -------------------------------------------------------------------------- */

static int resolve_all(struct resolved **all, size_t *count, const char *const *texts,
                       size_t text_count, int family)
{
    int result = 0;
    *all = calloc(text_count + 1, sizeof **all); /* never 0 bytes, which may give NULL */
    if (*all == NULL)
        return -1;
    *count = text_count;
    for (size_t i = 0; i < text_count && result == 0; i++)
        result = resolve(&(*all)[i], texts[i], family);
    return result;
}

int resolver_run(struct resolver *resolver, const struct resolver_request *request)
{
    int family = request->family;
    *resolver = (struct resolver){0};
    if (resolve_all(&resolver->inputs, &resolver->input_count, request->inputs,
                    request->input_count, family) == 0 &&
        resolve_all(&resolver->outputs, &resolver->output_count, request->outputs,
                    request->output_count, family) == 0 &&
        resolve_all(&resolver->taps, &resolver->tap_count, request->taps, request->tap_count,
                    family) == 0)
        return 0;
    resolver_destroy(resolver);
    errno = ENOMEM;
    return -1;
}

static void destroy_all(struct resolved *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(all[i].list);
    free(all);
}

void resolver_destroy(struct resolver *resolver)
{
    destroy_all(resolver->inputs, resolver->input_count);
    destroy_all(resolver->outputs, resolver->output_count);
    destroy_all(resolver->taps, resolver->tap_count);
    *resolver = (struct resolver){0};
}
