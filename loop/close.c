/*
 * close.c - see close.h.
 */
#include "loop/close.h"

#include "base/message.h"
#include "base/platform.h"
#include "loop/account.h"
#include "loop/commands.h"
#include "loop/dial.h"
#include "loop/failure.h"
#include "loop/input.h"
#include "loop/open.h"
#include "loop/overload.h"
#include "loop/records.h"
#include "loop/state.h"
#include "loop/stop.h"
#include "loop/write.h"
#include "net/stream_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

static void wait_ended(struct poll_loop *loop, struct loop_output *output)
{
    uint64_t before = loop->meter->now_ns;
    meter_advance(loop->meter, METER_OUTPUT, platform_now());
    meter_waited(output->meter, loop->meter->now_ns - before);
}

static void note_failure(struct poll_loop *loop, const struct loop_output *output)
{
    loop_note_failure(loop, output->meter, output->endpoint.error);
    loop_tell_hint(output, output->endpoint.hint);
}

static void close_one(struct poll_loop *loop, struct loop_output *output)
{
    bool complete = loop_end_is_true(loop);
    loop_note_unread(loop, output);
    if (!complete && endpoint_is_connection(&output->endpoint)) /* the close is going to reset it */
        output->meter->bytes_unacknowledged = loop_in_doubt(output);
    if (complete && output->endpoint.socket == ENDPOINT_UNIX &&
        endpoint_is_connection(&output->endpoint)) /* whose peer may still talk */
        stream_socket_hush(output->endpoint.fd);
    if (loop_close_output(loop, output, complete) != 0)
        note_failure(loop, output);
    output->state = OUTPUT_CLOSED;
    wait_ended(loop, output);
}

/* Whether an output is closed last: a file that gets its name by that, a connection, or a
 * command. */
static bool is_closed_last(const struct loop_output *output)
{
    const struct endpoint *endpoint = &output->endpoint;
    return endpoint->atomic.target != NULL || endpoint_is_connection(endpoint) ||
           endpoint->socket == ENDPOINT_TCP || output->command != NULL;
}

static void close_outputs(struct poll_loop *loop, bool last)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->state == OUTPUT_OPEN && is_closed_last(output) == last)
            close_one(loop, output);
    }
}

static void sync_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->state != OUTPUT_OPEN || !loop_end_is_true(loop))
            continue;
        if (endpoint_sync_output(&output->endpoint) != 0)
            note_failure(loop, output);
        wait_ended(loop, output);
    }
}

void loop_finish_files(struct poll_loop *loop)
{
    sync_outputs(loop);
    close_outputs(loop, false);
}

/* The run is over: closes the inputs' connections, which were kept open. */
static void close_kept_inputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct endpoint *endpoint = &loop->inputs.all[i].endpoint;
        if (loop_end_is_true(loop))
            endpoint_keep(endpoint);
        endpoint_close_input(endpoint);
    }
}

static bool any_wants_more(const struct poll_loop *loop)
{
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++)
        if (loop_tap_wants_more(loop, i))
            return true;
    return false;
}

/* Only a run that has not failed gives its taps the rest. */
static void begin_taps(struct poll_loop *loop)
{
    struct loop_closing *closing = &loop->closing;
    closing->taps_end_ns = loop->meter->now_ns + TAP_TIME_NS;
    closing->taps_progress_ns = loop->meter->now_ns;
    closing->taps_given_up = !loop_end_is_true(loop);
    if (!closing->taps_given_up)
        loop_renew_overload(loop);
}

/* Gives the taps the bytes that they take. Returns false if they have got everything, or time is
 * up. Otherwise *wait_ns is the longest time to wait for one of them. */
static bool drain_taps(struct poll_loop *loop, uint64_t *wait_ns)
{
    struct loop_closing *closing = &loop->closing;
    bool moved = false;
    if (closing->taps_given_up || !any_wants_more(loop) ||
        loop->meter->now_ns >= closing->taps_end_ns)
        return false;
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++)
        moved |= loop_write_output(loop, i);
    meter_advance(loop->meter, METER_BUSY, platform_now());
    uint64_t now = loop->meter->now_ns;
    if (moved)
        closing->taps_progress_ns = now;
    uint64_t until = closing->taps_progress_ns + TAP_PATIENCE_NS;
    if (until > closing->taps_end_ns)
        until = closing->taps_end_ns;
    *wait_ns = moved || until <= now ? 0 : until - now;
    return moved || until > now;
}

/* The outputs are closed: closes the taps, too. */
static void close_taps(struct poll_loop *loop)
{
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++) {
        struct loop_output *tap = &loop->outputs.all[i];
        bool complete = loop_end_is_true(loop);
        if (tap->state == OUTPUT_UNOPENED) {
            snprintf(tap->meter->error, sizeof tap->meter->error, "%s",
                     tap->dialer != NULL ? "no connection in time" : "no reader in time");
            message_print("%s: %s", tap->meter->name, tap->meter->error);
            tap->meter->bytes_dropped = loop->meter->bytes_in;
            tap->meter->records_dropped = loop->meter->records_in;
        }
        if (tap->state != OUTPUT_OPEN)
            continue;
        /* Only a tap that had its time can be too slow. */
        tap->dropping_said |= !complete || loop_is_withheld_only(loop, i);
        overrun_drop_all(&tap->overrun);
        loop_note_overrun(loop, tap);
        if (endpoint_is_connection(&tap->endpoint) && !tap->peer_ended)
            (void)stream_socket_discard(tap->endpoint.fd); /* unread bytes would make close() a
                                                              reset */
        if (loop_close_output(loop, tap, complete) != 0)
            loop_lose_tap(loop, tap, tap->endpoint.error);
        tap->state = OUTPUT_CLOSED;
    }
}

/* See enum closing_step. */
static void close_main_outputs(struct poll_loop *loop)
{
    if (!loop->meter->began)
        loop_abandon_outputs(loop);
    loop_forget_scratch(loop);
    meter_advance(loop->meter, METER_BUSY, platform_now());
    loop_finish_files(loop);
    close_outputs(loop, true);
}

static void settle(struct poll_loop *loop)
{
    struct meter *meter = loop->meter;
    close_taps(loop);
    loop_close_the_failed(loop);
    close_kept_inputs(loop);
    loop_count_the_rest(loop);
    loop_count_unread(loop);
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct meter_endpoint *output = loop->outputs.all[i].meter;
        output->bytes_undelivered =
            meter->bytes_in + output->bytes_added - output->bytes - output->bytes_dropped;
    }
}

bool loop_close_some(struct poll_loop *loop, uint64_t *wait_ns)
{
    struct loop_closing *closing = &loop->closing;
    *wait_ns = 0;
    loop_close_the_failed(loop);
    if (closing->step == CLOSING_INPUTS) {
        for (size_t i = 0; i < loop->inputs.count; i++)
            loop_close_input(loop, &loop->inputs.all[i]); /* also an input that is kept for later */
        loop_begin_ending_commands(loop);
        closing->step = CLOSING_COMMANDS;
    }
    if (closing->step == CLOSING_COMMANDS) {
        *wait_ns = COMMAND_LOOK_NS;
        if (!loop_end_commands(loop))
            return true;
        close_main_outputs(loop);
        begin_taps(loop);
        closing->step = CLOSING_TAPS;
    }
    if (closing->step == CLOSING_TAPS) {
        if (drain_taps(loop, wait_ns))
            return true;
        settle(loop);
        closing->step = CLOSED;
    }
    return false;
}

/* A signal that ends bpipe makes closing end sooner. */
static void hear_signals(struct poll_loop *loop)
{
    bool commands = loop->closing.step == CLOSING_COMMANDS;
    for (int number; (number = signals_next(&loop->poll.signals)) != 0;) {
        if (number == SIGUSR1) {
            loop_count_the_rest(loop);
            report_now(loop->reporter, loop->meter);
        } else if (commands && signals_end(number)) {
            loop_hasten_commands(loop);
        } else if (signals_end(number)) {
            loop->closing.taps_given_up = true;
        } else if (number == SIGTSTP) {
            loop_stop(loop);
        } else if (number == SIGCONT) {
            loop_continued(loop);
        }
    }
    loop_reap_commands(loop);
}

enum meter_state loop_closing_state(const struct poll_loop *loop)
{
    return loop->closing.step == CLOSING_COMMANDS && loop_awaits_producers_only(loop)
               ? METER_INPUT
               : METER_OUTPUT;
}

void loop_closing_waited(struct poll_loop *loop, uint64_t ns, bool failed)
{
    bool taps = loop->closing.step == CLOSING_TAPS;
    for (size_t i = loop->outputs.main_count; taps && i < loop->outputs.count; i++) {
        struct loop_output *tap = &loop->outputs.all[i];
        if (tap->watch.fd >= 0)
            meter_waited(tap->meter, ns);
        if (tap->watch.revents != 0)
            loop->path.flow.outputs[i].blocked = false;
    }
    if (loop->closing.step == CLOSING_COMMANDS)
        loop_commands_waited(loop, ns);
    loop->closing.taps_given_up |= taps && failed;
    hear_signals(loop);
}

void loop_watch_closing(struct poll_loop *loop)
{
    loop->poll.signal_watch = (struct pollfd){.fd = loop->poll.signals.fd, .events = POLLIN};
    loop->poll.control_watch = control_poll(&loop->requests.control);
    for (size_t i = 0; i < loop->inputs.count; i++)
        loop->inputs.all[i].watch.fd = -1;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        int fd = loop->closing.step == CLOSING_TAPS && i >= loop->outputs.main_count &&
                         loop_tap_wants_more(loop, i)
                     ? loop->outputs.all[i].endpoint.fd
                     : -1;
        loop->outputs.all[i].watch = (struct pollfd){.fd = fd, .events = POLLOUT};
    }
}
