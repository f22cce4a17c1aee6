/*
 * stop.c - see stop.h.
 */
#include "loop/stop.h"

#include "base/platform.h"
#include "loop/dial.h"
#include "loop/nonblock.h"
#include "loop/timeouts.h"

/* Closing and the ends of commands have deadlines of their own. */
static void put_off_ending(struct poll_loop *loop, uint64_t ns)
{
    loop->commands.end_ns += ns;
    loop->commands.unguarded_ns += ns;
    loop->closing.taps_end_ns += ns;
    loop->closing.taps_progress_ns += ns;
}

void loop_stop(struct poll_loop *loop)
{
    meter_advance(loop->meter, METER_BUSY, platform_now());
    display_stop(loop->display);
    loop_restore_flags(loop);
    guard_pause(&loop->commands.guard);
    uint64_t before = loop->meter->now_ns;
    signals_stop_process();
    meter_skip(loop->meter, platform_now());
    uint64_t ns = loop->meter->now_ns - before;
    guard_resume(&loop->commands.guard);
    loop_network_skip(loop, ns);
    put_off_ending(loop, ns);
    loop->poll.start_ns = loop->meter->now_ns; /* SIGCONT will skip the time since this, too */
    loop_reapply_flags(loop);
    loop_restart_timeouts(loop);
    display_continue(loop->display);
}

void loop_continued(struct poll_loop *loop)
{
    meter_advance(loop->meter, METER_BUSY, platform_now());
    uint64_t ns = loop->meter->now_ns - loop->poll.start_ns;
    loop_network_skip(loop, ns);
    put_off_ending(loop, ns);
    loop_restart_timeouts(loop);
    display_continue(loop->display);
}
