/*
 * The precedence of endings: every combination, against the order that the man page gives.
 */
#include "stats/exit_status.h"
#include "tests/tap.h"

#include <signal.h>

static int expected(int sent, int timed_out, int failed, int departed)
{
    if (sent != 0)
        return 128 + sent;
    if (timed_out)
        return 4;
    if (failed)
        return 1;
    return departed ? 128 + SIGPIPE : 0;
}

int main(void)
{
    static const int sent[] = {0, SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    for (size_t s = 0; s < sizeof sent / sizeof sent[0]; s++)
        for (int bits = 0; bits < 8; bits++) {
            struct ending ending = {.signal = sent[s],
                                    .timed_out = (bits & 1) != 0,
                                    .failed = (bits & 2) != 0,
                                    .departed = (bits & 4) != 0};
            int status = expected(sent[s], bits & 1, bits & 2, bits & 4);
            tap_ok(exit_status_of(&ending) == status, "signal %d, bits %d: status %d", sent[s],
                   bits, status);
            int signal = exit_signal_of(&ending);
            tap_ok(signal == (status > 128 ? status - 128 : 0), "signal %d, bits %d: dies by %d",
                   sent[s], bits, signal);
        }
    return tap_done();
}
