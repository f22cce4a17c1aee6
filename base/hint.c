/*
 * hint.c - see hint.h.
 */
#include "base/hint.h"

#include <errno.h>
#include <stddef.h>

static const struct {
    enum hint_about about;
    int error;
    const char *text;
} hints[] = {
    {HINT_CONNECT, ECONNREFUSED, " (--retry tries again)"},
    {HINT_LISTEN, EADDRINUSE, " (try another port)"},
    {HINT_LOW_PORT, EADDRINUSE, " (try another port)"},
    {HINT_LOW_PORT, EACCES, " (ports < 1024 need root)"}, /* ip(7), CAP_NET_BIND_SERVICE */
    {HINT_FILE, ENOSPC, "is incomplete"},
    {HINT_FILE, EDQUOT, "is incomplete"},
};

const char *hint_for(enum hint_about about, int error)
{
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (hints[i].about == about && hints[i].error == error)
            return hints[i].text;
    return "";
}
