/*
 * exit_status.c - see exit_status.h.
 */
#include "stats/exit_status.h"

#include <signal.h>

int exit_signal_of(const struct ending *ending)
{
    if (ending->signal != 0)
        return ending->signal;
    if (ending->overflowed || ending->timed_out || ending->failed)
        return 0;
    return ending->departed ? SIGPIPE : 0;
}

int exit_status_of(const struct ending *ending)
{
    int signal = exit_signal_of(ending);
    if (signal != 0)
        return EXIT_SIGNAL_BASE + signal;
    if (ending->overflowed)
        return EXIT_OVERFLOW;
    if (ending->timed_out)
        return EXIT_TIMEOUT;
    return ending->failed ? EXIT_FAILED : EXIT_OK;
}
