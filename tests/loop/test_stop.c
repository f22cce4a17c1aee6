/*
 * test_stop.c - SIGCONT came: every time since which the loop waits for something begins again, and
 * those that are not set stay so.
 */
#include "loop/timeouts.h"
#include "tests/tap.h"

#include <stdlib.h>

enum { OUTPUTS = 2, NOW = 5000 };

static struct meter meter;
static struct options options;
static struct loop_output outputs[OUTPUTS];
static struct poll_loop loop;

static void set_up(uint64_t since_ns)
{
    if (meter_init(&meter, 1, 1, OUTPUTS, 0) != 0)
        abort();
    meter.now_ns = NOW;
    loop = (struct poll_loop){.options = &options, .meter = &meter};
    loop.outputs.all = outputs;
    loop.outputs.count = loop.outputs.main_count = OUTPUTS;
    loop.outputs.leaving_ns = loop.inputs.idle_since_ns = since_ns;
    outputs[1] = (struct loop_output){
        .blocked_since_ns = since_ns, .heard_ns = since_ns, .complete_ns = since_ns};
}

static bool all_are(uint64_t ns)
{
    const struct loop_output *output = &outputs[1];
    return loop.outputs.leaving_ns == ns && loop.inputs.idle_since_ns == ns &&
           output->blocked_since_ns == ns && output->heard_ns == ns && output->complete_ns == ns;
}

int main(void)
{
    set_up(17);
    loop_restart_timeouts(&loop);
    tap_ok(all_are(NOW), "each wait begins again");
    tap_ok(loop.timeouts.drain_start_ns == NOW && loop.timeouts.resumed_ns == NOW,
           "and so do draining and opening");
    meter_destroy(&meter);
    set_up(0);
    loop_restart_timeouts(&loop);
    tap_ok(all_are(0), "no wait begins by that");
    tap_ok(outputs[0].blocked_since_ns == 0 && outputs[0].complete_ns == 0, "of no output");
    meter_destroy(&meter);
    return tap_done();
}
