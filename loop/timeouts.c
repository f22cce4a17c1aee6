/*
 * timeouts.c - see timeouts.h.
 */
#include "loop/timeouts.h"

#include "base/message.h"
#include "base/size.h"
#include "loop/account.h"
#include "loop/commands.h"
#include "loop/dial.h"
#include "loop/failure.h"
#include "loop/input.h"
#include "loop/open.h"
#include "loop/peers.h"
#include "loop/rates.h"
#include "loop/records.h"
#include "loop/state.h"

#include <errno.h>
#include <stdio.h>

static void restart(uint64_t *since_ns, uint64_t now_ns)
{
    if (*since_ns != 0)
        *since_ns = now_ns;
}

void loop_restart_timeouts(struct poll_loop *loop)
{
    uint64_t now = loop->meter->now_ns;
    restart(&loop->inputs.idle_since_ns, now);
    restart(&loop->outputs.leaving_ns, now);
    for (size_t i = 0; i < loop->outputs.count; i++) {
        restart(&loop->outputs.all[i].blocked_since_ns, now);
        restart(&loop->outputs.all[i].heard_ns, now);
        restart(&loop->outputs.all[i].complete_ns, now);
    }
    loop->timeouts.drain_start_ns = loop->timeouts.resumed_ns = now;
}

/* The limit on the drain after the end of input. There is one only where the user gave one, or
 * where something other than the input's own end began the drain; or if a peer has to close its
 * connection, which many peers never do. */
static uint64_t drain_limit_ns(const struct poll_loop *loop, const struct loop_output *output)
{
    bool limited = output->unknown || loop->options->given[OPTION_DRAIN_TIMEOUT] ||
                   loop->ending.signal != 0 || loop->ending.timed_out || loop->ending.overflowed ||
                   (loop->inputs.cut && output->command != NULL); /* bpipe ends that command */
    bool draining = loop->phase == LOOP_DRAINING || loop->phase == LOOP_CONFIRMING;
    return draining && limited ? loop->options->drain_timeout_ns : 0;
}

static void stall_message(char *text, size_t size, const struct loop_output *output,
                          uint64_t limit_ns, const char *option)
{
    char duration[SIZE_TEXT];
    const char *what = output->command != NULL && output->confirming ? "did not exit"
                       : output->unknown                             ? "was not closed by the peer"
                       : output->confirming                          ? "no ACK"
                                                                     : "took no data";
    snprintf(text, size, "%s for %s (%s)", what, size_format_duration(duration, limit_ns), option);
}

static void idle_timed_out(struct poll_loop *loop)
{
    const uint64_t limit_ns = loop->options->idle_timeout_ns;
    char duration[SIZE_TEXT];
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct meter_endpoint *meter = loop->inputs.all[i].meter;
        if (!loop_is_current(loop, i))
            continue;
        snprintf(meter->error, sizeof meter->error, "no data for %s (--idle-timeout)",
                 size_format_duration(duration, limit_ns));
        message_print("%s: %s", meter->name, meter->error);
    }
    loop->ending.timed_out = true;
    loop_find_last_peers(loop);
    loop_cut_input(loop);
}

static void output_timed_out(struct poll_loop *loop, struct loop_output *output, uint64_t limit_ns,
                             const char *option)
{
    char reason[METER_ERROR_TEXT];
    stall_message(reason, sizeof reason, output, limit_ns, option);
    loop->ending.timed_out = true;
    loop_give_up_output(loop, output, reason);
}

/* The time at which the ring has to begin absorbing, if nothing moves until then; else
 * UINT64_MAX. */
static uint64_t absorb_deadline_ns(const struct poll_loop *loop)
{
    uint64_t since = UINT64_MAX - loop->path.flow.patience_ns;
    for (size_t i = 0; i < loop->outputs.main_count && flow_is_patient(&loop->path.flow); i++)
        if (loop->outputs.all[i].blocked_since_ns != 0 &&
            loop->outputs.all[i].blocked_since_ns < since)
            since = loop->outputs.all[i].blocked_since_ns;
    return since + loop->path.flow.patience_ns;
}

static bool expired(uint64_t since_ns, uint64_t limit_ns, uint64_t now_ns)
{
    return since_ns != 0 && limit_ns != 0 && now_ns - since_ns >= limit_ns;
}

/* Since when an output takes none of the bytes that are left after the end of input; 0: it is not
 * blocked. */
static uint64_t drain_since_ns(const struct poll_loop *loop, const struct loop_output *output)
{
    uint64_t blocked = output->blocked_since_ns;
    return blocked != 0 && blocked < loop->timeouts.drain_start_ns ? loop->timeouts.drain_start_ns
                                                                   : blocked;
}

/* A FIFO got no reader: nothing has begun, and nothing will begin. */
static void no_reader_came(struct poll_loop *loop, struct loop_output *output, uint64_t limit_ns,
                           const char *option)
{
    char duration[SIZE_TEXT], reason[METER_ERROR_TEXT];
    snprintf(reason, sizeof reason, "no reader for %s (%s)",
             size_format_duration(duration, limit_ns), option);
    loop->ending.timed_out = true;
    loop_give_up_output(loop, output, reason);
    loop->phase = LOOP_DONE;
}

/* Since when a FIFO may have had a reader. */
static uint64_t opening_since_ns(const struct poll_loop *loop)
{
    uint64_t start = loop->meter->start_ns, resumed = loop->timeouts.resumed_ns;
    return resumed > start ? resumed : start;
}

/* Whether an output is a FIFO that had no reader yet. */
static bool awaits_reader(const struct loop_output *output)
{
    return output->state == OUTPUT_UNOPENED && output->dialer == NULL;
}

static void enforce_reader_timeouts(struct poll_loop *loop, struct loop_output *output)
{
    uint64_t now = loop->meter->now_ns, start = opening_since_ns(loop);
    uint64_t stall_ns = loop->options->stall_timeout_ns;
    uint64_t connect_ns = loop->options->net.connect_timeout_ns;
    if (expired(start, connect_ns, now))
        no_reader_came(loop, output, connect_ns, "--connect-timeout");
    else if (expired(start, stall_ns, now))
        no_reader_came(loop, output, stall_ns, "--stall-timeout");
}

/* No limit applies to a command that was told the end: it has nothing more to take. */
static uint64_t stall_limit_ns(const struct poll_loop *loop, const struct loop_output *output)
{
    return output->command != NULL && output->confirming ? 0 : loop->options->stall_timeout_ns;
}

static void enforce_output_timeouts(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs.all[index];
    uint64_t now = loop->meter->now_ns;
    uint64_t stall_ns = stall_limit_ns(loop, output);
    uint64_t drain_ns = drain_limit_ns(loop, output);
    if (awaits_reader(output)) {
        enforce_reader_timeouts(loop, output);
        return;
    }
    if (output->state != OUTPUT_OPEN ||
        (!loop->path.flow.outputs[index].blocked && !output->confirming))
        return;
    if (expired(output->blocked_since_ns, stall_ns, now))
        output_timed_out(loop, output, stall_ns, "--stall-timeout");
    else if (expired(drain_since_ns(loop, output), drain_ns, now))
        output_timed_out(loop, output, drain_ns, "--drain-timeout");
}

/* Whether a burst is over and its memory may be given back. */
static bool is_trimmable(const struct poll_loop *loop)
{
    return loop->path.ring.touched > RING_KEPT && ring_fill(&loop->path.ring) == 0;
}

/* Whether an input, whose command has failed, has to be checked for bytes that are left in it. */
static bool any_doomed(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop_is_current(loop, i) && loop_may_take_from(loop, i) &&
            loop_input_is_doomed(&loop->inputs.all[i]))
            return true;
    return false;
}

/* Whether poll() has just found that an input has something. */
static bool any_ready(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop_is_current(loop, i) && loop->inputs.all[i].ready)
            return true;
    return false;
}

static bool any_cold(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop_is_current(loop, i) && loop->inputs.all[i].cold)
            return true;
    return false;
}

/* The last reader left after it had got everything, and the input has had time to end. */
static void end_leaving(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count && loop->phase == LOOP_RUNNING; i++)
        if (loop->outputs.all[i].state == OUTPUT_OPEN && loop->outputs.all[i].gone)
            loop_output_failed(loop, &loop->outputs.all[i], EPIPE);
}

void loop_enforce_timeouts(struct poll_loop *loop)
{
    uint64_t now = loop->meter->now_ns;
    if (expired(loop->inputs.idle_since_ns, loop->options->idle_timeout_ns, now) &&
        !any_ready(loop))
        idle_timed_out(loop);
    loop->path.flow.absorbing |= now >= absorb_deadline_ns(loop);
    for (size_t i = 0; i < loop->outputs.main_count && loop->phase != LOOP_DONE; i++)
        enforce_output_timeouts(loop, i);
    if (expired(loop->outputs.leaving_ns, LEAVING_NS, now) && loop->phase == LOOP_RUNNING)
        end_leaving(loop);
    if (expired(loop_record_pending_since(loop), COMMAND_GRACE_NS, now))
        loop_give_up_pending(loop);
    if (is_trimmable(loop) && now - loop->path.large_ns >= RING_TRIM_NS)
        ring_trim(&loop->path.ring);
    loop_look_for_peers(loop);
    if (loop->timeouts.next_sample_ns != 0 && now >= loop->timeouts.next_sample_ns) {
        loop_count_the_rest(loop);
        report_sample(loop->reporter, loop->meter);
        uint64_t every = loop->options->report_every_ns;
        loop->timeouts.next_sample_ns +=
            ((now - loop->timeouts.next_sample_ns) / every + 1) * every;
    }
    if (now >= display_due(loop->display)) {
        loop_count_the_rest(loop);
        display_tick(loop->display);
    }
}

/* Returns the earlier of a deadline and another one, `limit_ns` after `since_ns`, if that
 * exists. */
static uint64_t earlier(uint64_t deadline_ns, uint64_t since_ns, uint64_t limit_ns)
{
    if (since_ns == 0 || limit_ns == 0 || limit_ns > UINT64_MAX - since_ns)
        return deadline_ns;
    return since_ns + limit_ns < deadline_ns ? since_ns + limit_ns : deadline_ns;
}

int64_t loop_time_to_wait(const struct poll_loop *loop)
{
    uint64_t deadline = UINT64_MAX;
    deadline = earlier(deadline, loop->inputs.idle_since_ns, loop->options->idle_timeout_ns);
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        const struct loop_output *output = &loop->outputs.all[i];
        deadline = earlier(deadline, output->blocked_since_ns, stall_limit_ns(loop, output));
        deadline = earlier(deadline, drain_since_ns(loop, output), drain_limit_ns(loop, output));
        if (awaits_reader(output)) {
            uint64_t since_ns = opening_since_ns(loop);
            deadline = earlier(deadline, since_ns, loop->options->stall_timeout_ns);
            deadline = earlier(deadline, since_ns, loop->options->net.connect_timeout_ns);
        }
    }
    if (loop->phase == LOOP_RUNNING)
        deadline = earlier(deadline, loop->outputs.leaving_ns, LEAVING_NS);
    deadline = earlier(deadline, loop_record_pending_since(loop), COMMAND_GRACE_NS);
    if (loop->timeouts.next_sample_ns != 0)
        deadline = earlier(deadline, loop->timeouts.next_sample_ns - 1, 1);
    if (loop->phase == LOOP_OPENING && loop->opening.next_ns != 0)
        deadline = earlier(deadline, loop->opening.next_ns - 1, 1);
    if (display_due(loop->display) < deadline)
        deadline = display_due(loop->display);
    if (loop_network_due(loop) < deadline)
        deadline = loop_network_due(loop);
    if (loop_peers_due(loop) < deadline)
        deadline = loop_peers_due(loop);
    if (loop_awaits_taps(loop))
        deadline = earlier(deadline, loop->opening.next_ns - 1, 1);
    if (control_due(&loop->requests.control) < deadline)
        deadline = control_due(&loop->requests.control);
    if (loop_throttled_until(loop) < deadline)
        deadline = loop_throttled_until(loop);
    if (is_trimmable(loop))
        deadline = earlier(deadline, loop->path.large_ns, RING_TRIM_NS);
    uint64_t absorb_ns = absorb_deadline_ns(loop);
    if (absorb_ns < deadline)
        deadline = absorb_ns;
    uint64_t now = loop->meter->now_ns;
    if (any_doomed(loop))
        deadline = now;
    if (any_cold(loop))
        deadline = earlier(deadline, now, COLD_RETRY_NS);
    if (deadline == UINT64_MAX)
        return -1;
    return deadline <= now ? 0 : (int64_t)(deadline - now);
}
