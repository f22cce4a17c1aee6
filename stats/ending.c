/*
 * ending.c - see ending.h.
 */
#include "stats/ending.h"

#include <signal.h>

int ending_signal(const struct ending *ending)
{
    if (ending->signal != 0)
        return ending->signal;
    if (ending->overflowed || ending->timed_out || ending->failed)
        return 0;
    return ending->departed ? SIGPIPE : 0;
}

int ending_status(const struct ending *ending)
{
    int signal = ending_signal(ending);
    if (signal != 0)
        return EXIT_SIGNAL_BASE + signal;
    if (ending->overflowed)
        return EXIT_OVERFLOW;
    if (ending->timed_out)
        return EXIT_TIMEOUT;
    return ending->failed ? EXIT_FAILED : EXIT_OK;
}
