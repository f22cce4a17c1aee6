/*
 * resolver.h - resolves the names on the command line to socket addresses.
 *
 * getaddrinfo(3) blocks and cannot be interrupted. So it is called first of all, while signals
 * still have their default action and nothing has been opened or created.
 */
#ifndef BPIPE_RESOLVER_H
#define BPIPE_RESOLVER_H

#include "net/address.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* One INPUT, --output or --tap. */
struct resolved {
    struct address address;      /* ADDRESS_NONE: nothing to resolve */
    struct socket_address *list; /* in the order in which the dialer tries them (RFC 6724) */
    size_t count;                /* > 0 unless there is an error or nothing to resolve */
    const char *error;           /* NULL; or why there is no address, as text */
    uint64_t took_ns;            /* to resolve host and port; 0 for a unix socket or a path */
};

struct resolver {
    struct resolved *inputs, *outputs, *taps; /* as many as in the request */
    size_t input_count, output_count, tap_count;
};

/* The texts of all endpoints, and the wanted family of addresses (net/settings.h). */
struct resolver_request {
    const char *const *inputs, *const *outputs, *const *taps;
    size_t input_count, output_count, tap_count;
    int family;
};

/*
 * Resolves the names of all endpoints. An endpoint that cannot be resolved gets an error. A
 * listener without a host gets the loopback address: 127.0.0.1, or ::1 with -6. No address is
 * listed twice. Returns 0, or -1 with errno ENOMEM, and then there is nothing to destroy.
 */
int resolver_run(struct resolver *resolver, const struct resolver_request *request);
void resolver_destroy(struct resolver *resolver); /* harmless on a zeroed one */

#endif
