/*
 * poll.c - see poll.h.
 */
#include "loop/poll.h"

#include "base/counted_call.h"
#include "base/platform.h"

#include <errno.h>

/* The pauses: 1 ms, 2 ms, ... 64 ms, and 64 ms from then on: 1.1 s in all. */
enum { FAILURES_AT_MOST = 22, DOUBLINGS = 6 };

static const uint64_t first_pause_ns = 1000000;

/* The watches in the order of the set: signals, control, the inputs, the outputs. */
static struct pollfd *watch_at(struct poll_loop *loop, size_t index)
{
    if (index == 0)
        return &loop->poll.signal_watch;
    if (index == 1)
        return &loop->poll.control_watch;
    index -= 2;
    return index < loop->inputs.count ? &loop->inputs.all[index].watch
                                      : &loop->outputs.all[index - loop->inputs.count].watch;
}

static size_t watch_count(const struct poll_loop *loop)
{
    return 2 + loop->inputs.count + loop->outputs.count;
}

static nfds_t gather(struct poll_loop *loop)
{
    nfds_t count = 0;
    for (size_t i = 0; i < watch_count(loop); i++) {
        struct pollfd *watch = watch_at(loop, i);
        watch->revents = 0;
        if (watch->fd >= 0)
            loop->poll.fds[count++] = *watch;
    }
    return count;
}

static void scatter(struct poll_loop *loop)
{
    size_t next = 0;
    for (size_t i = 0; i < watch_count(loop); i++) {
        struct pollfd *watch = watch_at(loop, i);
        if (watch->fd >= 0)
            watch->revents = loop->poll.fds[next++].revents;
    }
}

static bool may_pass(int error)
{
    return error == ENOMEM || error == EAGAIN;
}

/* Pauses if the error may pass, and then returns EINTR in its place. */
static int after_failure(struct poll_loop *loop, int error)
{
    if (!may_pass(error) || loop->poll.failures >= FAILURES_AT_MOST)
        return error;
    unsigned doublings = loop->poll.failures < DOUBLINGS ? loop->poll.failures : DOUBLINGS;
    platform_nap(first_pause_ns << doublings);
    loop->poll.failures++;
    return EINTR;
}

int loop_poll(struct poll_loop *loop, int64_t timeout_ns)
{
    int events = platform_poll(loop->poll.fds, gather(loop), timeout_ns);
    loop->meter->calls[CALL_POLL]++;
    if (events < 0) {
        errno = after_failure(loop, errno);
        return -1;
    }
    loop->poll.failures = 0;
    scatter(loop);
    return events;
}
