/*
 * settings.h - the user's choices for addresses and connections (-4, -6, --retry, --allow,
 * --tcp-buffer, --connect-timeout). struct options contains one.
 */
#ifndef BPIPE_NET_SETTINGS_H
#define BPIPE_NET_SETTINGS_H

#include "net/address.h"

#include <stddef.h>
#include <stdint.h>

struct net_settings {
    int family;                    /* AF_INET (-4), AF_INET6 (-6), or AF_UNSPEC: either */
    unsigned retries;              /* --retry */
    struct address_range *allowed; /* --allow; none: every peer */
    size_t allowed_count;
    int tcp_buffer;              /* --tcp-buffer; 0: the system's choice */
    uint64_t connect_timeout_ns; /* 0: none */
};

#endif
