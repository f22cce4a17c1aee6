/*
 * taps.c - see taps.h.
 */
#include "loop/taps.h"

#include "base/message.h"
#include "base/platform.h"
#include "loop/amounts.h"
#include "loop/commands.h"
#include "loop/endpoints.h"
#include "loop/merge.h"
#include "loop/moves.h"
#include "loop/overload.h"
#include "loop/poll.h"
#include "loop/records.h"
#include "net/stream_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

void loop_lose_tap(struct poll_loop *loop, struct loop_output *tap, const char *reason)
{
    snprintf(tap->meter->error, sizeof tap->meter->error, "%s", reason);
    message_print("%s: %s; going on without this tap", tap->meter->name, reason);
    if (tap->state == OUTPUT_OPEN)
        (void)loop_close_output(loop, tap, false);
    tap->state = OUTPUT_CLOSED;
    tap->blocked_since_ns = 0;
    loop_count_records_of(loop, tap);
    if (loop->ring.readers[tap->lag.reader].attached)
        ring_detach(&loop->ring, tap->lag.reader);
}

/* --- those without a reader ------------------------------------------------------------------- */

bool loop_awaits_taps(const struct poll_loop *loop)
{
    for (size_t i = loop->main_count; i < loop->output_count; i++)
        if (loop->outputs[i].state == OUTPUT_UNOPENED && loop->outputs[i].dialer == NULL &&
            loop->phase == LOOP_RUNNING)
            return true;
    return false;
}

void loop_begin_taps(struct poll_loop *loop)
{
    for (size_t i = loop->main_count; i < loop->output_count; i++)
        if (loop->outputs[i].state == OUTPUT_UNOPENED)
            ring_detach(&loop->ring, i);
    loop_postpone_opening(loop);
}

/* A tap reads from here on, a record that has begun included: that may be taken back
 * (buffer/intake.h), and must have been read by nobody then. But if an output has begun with it
 * already, the tap misses the rest. It missed whatever came in before, but for what is not in the
 * ring yet; of the records in that so many as are known to have ended. */
static void attach(struct poll_loop *loop, size_t index)
{
    struct loop_output *tap = &loop->outputs[index];
    uint64_t coming = loop->intake.spool == NULL ? 0 : spool_held(loop->intake.spool);
    size_t begun = 0;
    if (loop->options->merge)
        coming += loop_merge_held(loop);
    ring_attach(&loop->ring, index);
    if (loop->options->records != RECORD_NONE && !loop->intake.ended)
        begun = (size_t)(loop->ring.head - loop->intake.complete);
    tap->lag.skipping = begun > ring_unread(&loop->ring, index);
    if (tap->lag.skipping)
        begun = 0;
    ring_consume(&loop->ring, index, ring_unread(&loop->ring, index) - begun);
    loop_begin_records_out(loop, tap);
    tap->meter->bytes_added = loop->added;
    tap->meter->bytes_dropped = loop->meter->bytes_in + loop->added - coming - begun;
    if (loop->options->records != RECORD_NONE)
        tap->meter->records_dropped = loop->meter->records_in;
}

static void try_tap(struct poll_loop *loop, size_t index)
{
    loop->outputs[index].dialer_ready = false;
    enum endpoint_opening opening = loop_open_output(loop, index);
    if (opening == ENDPOINT_OPENED)
        attach(loop, index);
    else if (opening == ENDPOINT_REFUSED)
        loop_lose_tap(loop, &loop->outputs[index], loop->outputs[index].endpoint.error);
}

static bool dialer_is_due(const struct poll_loop *loop, const struct loop_output *tap)
{
    return tap->dialer_ready || loop->meter->now_ns >= dialer_due_ns(tap->dialer);
}

void loop_try_taps(struct poll_loop *loop)
{
    bool fifos = loop_awaits_taps(loop) && loop->meter->now_ns >= loop->next_opening_ns;
    for (size_t i = loop->main_count; i < loop->output_count; i++) {
        const struct loop_output *tap = &loop->outputs[i];
        if (tap->state == OUTPUT_UNOPENED &&
            (tap->dialer != NULL ? dialer_is_due(loop, tap) : fifos))
            try_tap(loop, i);
    }
    if (fifos)
        loop_postpone_opening(loop);
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool wants_more(const struct poll_loop *loop, size_t index)
{
    return loop->outputs[index].state == OUTPUT_OPEN && flow_sendable(&loop->flow, index) > 0;
}

static bool any_wants_more(const struct poll_loop *loop)
{
    for (size_t i = loop->main_count; i < loop->output_count; i++)
        if (wants_more(loop, i))
            return true;
    return false;
}

/* A signal came. False: one that is to end bpipe, or to stop it. */
static bool goes_on(struct poll_loop *loop)
{
    bool on = true;
    for (int number; (number = signals_next(&loop->signals)) != 0;) {
        if (number == SIGUSR1) {
            loop_count_records_out(loop);
            report_now(loop->reporter, loop->meter);
        } else if (number == SIGCHLD) {
            loop_reap_commands(loop);
        } else if (signals_end(number) || number == SIGTSTP) {
            on = false;
        }
    }
    return on;
}

static void watch_taps(struct poll_loop *loop)
{
    loop->signal_watch = (struct pollfd){.fd = loop->signals.fd, .events = POLLIN};
    loop->control_watch.fd = -1;
    for (size_t i = 0; i < loop->input_count; i++)
        loop->inputs[i].watch.fd = -1;
    for (size_t i = 0; i < loop->output_count; i++) {
        int fd = i >= loop->main_count && wants_more(loop, i) ? loop->outputs[i].endpoint.fd : -1;
        loop->outputs[i].watch = (struct pollfd){.fd = fd, .events = POLLOUT};
    }
}

/* Waits until a tap takes more, or for less: it is to be tried again. False: time is up, a signal
 * came that ends this, or poll() does not work. */
static bool wait_for_taps(struct poll_loop *loop, uint64_t until_ns)
{
    uint64_t before = loop->meter->now_ns;
    if (before >= until_ns)
        return false;
    watch_taps(loop);
    if (loop_poll(loop, (int64_t)(until_ns - before)) < 0 && errno != EINTR)
        return false;
    meter_advance(loop->meter, METER_OUTPUT, platform_now());
    for (size_t i = loop->main_count; i < loop->output_count; i++) {
        if (loop->outputs[i].watch.fd >= 0)
            meter_waited(loop->outputs[i].meter, loop->meter->now_ns - before);
        if (loop->outputs[i].watch.revents != 0)
            loop->flow.outputs[i].blocked = false;
    }
    return loop->signal_watch.revents == 0 || goes_on(loop);
}

static void drain_taps(struct poll_loop *loop)
{
    uint64_t end_ns = loop->meter->now_ns + TAP_TIME_NS;
    uint64_t progress_ns = loop->meter->now_ns;
    loop_renew_overload(loop);
    while (any_wants_more(loop) && loop->meter->now_ns < end_ns) {
        bool moved = false;
        for (size_t i = loop->main_count; i < loop->output_count; i++)
            moved |= loop_write_output(loop, i);
        meter_advance(loop->meter, METER_BUSY, platform_now());
        if (moved)
            progress_ns = loop->meter->now_ns;
        uint64_t patient_ns = progress_ns + TAP_PATIENCE_NS;
        if (!moved && !wait_for_taps(loop, patient_ns < end_ns ? patient_ns : end_ns))
            break;
    }
}

void loop_close_taps(struct poll_loop *loop)
{
    if (ending_status(&loop->ending) == EXIT_OK)
        drain_taps(loop);
    for (size_t i = loop->main_count; i < loop->output_count; i++) {
        struct loop_output *tap = &loop->outputs[i];
        bool complete = ending_status(&loop->ending) == EXIT_OK;
        if (tap->state == OUTPUT_UNOPENED) {
            snprintf(tap->meter->error, sizeof tap->meter->error, "%s",
                     tap->dialer != NULL ? "was not connected in time" : "no reader came");
            message_print("%s: %s", tap->meter->name, tap->meter->error);
            tap->meter->bytes_dropped = loop->meter->bytes_in;
            tap->meter->records_dropped = loop->meter->records_in;
        }
        if (tap->state != OUTPUT_OPEN)
            continue;
        tap->dropping_said |= loop_is_withheld_only(loop, i); /* it is not too slow */
        lag_drop_all(&tap->lag);
        loop_note_lag(loop, tap);
        if (endpoint_is_connection(&tap->endpoint) && !tap->peer_ended)
            (void)stream_socket_discard(tap->endpoint.fd); /* it would make close() a reset */
        if (loop_close_output(loop, tap, complete) != 0)
            loop_lose_tap(loop, tap, tap->endpoint.error);
        tap->state = OUTPUT_CLOSED;
    }
}
