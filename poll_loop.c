/*
 * poll_loop.c - see poll_loop.h. This file decides when something happens. Opening is in
 * loop/open.c, failures are in loop/failure.c, closing is in loop/close.c, and timeouts are in
 * loop/timeouts.c. buffer/flow.c decides which bytes may move, and buffer/transfer.c moves them.
 */
#include "poll_loop.h"

#include "base/message.h"
#include "base/platform.h"
#include "base/size.h"
#include "io/input_size.h"
#include "loop/account.h"
#include "loop/close.h"
#include "loop/commands.h"
#include "loop/confirm.h"
#include "loop/dial.h"
#include "loop/failure.h"
#include "loop/input.h"
#include "loop/loop.h"
#include "loop/merge.h"
#include "loop/move.h"
#include "loop/open.h"
#include "loop/overload.h"
#include "loop/peers.h"
#include "loop/poll.h"
#include "loop/rates.h"
#include "loop/read.h"
#include "loop/requests.h"
#include "loop/state.h"
#include "loop/stop.h"
#include "loop/timeouts.h"
#include "net/stream_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSING_NAP_NS UINT64_C(10000000)
enum { LAST_TURNS = 1000 };

/* --- setting up ------------------------------------------------------------------------------- */

static int allocate(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    loop->inputs.count = options->input_count;
    loop->outputs.main_count = options->output_count;
    loop->outputs.count = options->output_count + options->tap_count;
    loop->inputs.all = calloc(loop->inputs.count, sizeof *loop->inputs.all);
    loop->outputs.all = calloc(loop->outputs.count, sizeof *loop->outputs.all);
    loop->poll.fds = calloc(2 + loop->inputs.count + loop->outputs.count, sizeof *loop->poll.fds);
    if (loop->inputs.all == NULL || loop->outputs.all == NULL || loop->poll.fds == NULL ||
        ring_init(&loop->path.ring, (size_t)options_ring_size(options), loop->outputs.count) != 0 ||
        pipe_queue_init(&loop->path.queue, (size_t)options->buffer_size) != 0 ||
        flow_init(&loop->path.flow, &loop->path.ring, &loop->overload.admission.complete,
                  options) != 0 ||
        loop_init_merge(loop) != 0)
        return -1;
    for (size_t i = 0; i < loop->inputs.count; i++) {
        loop->inputs.all[i].meter = &loop->meter->inputs[i];
        loop->inputs.all[i].endpoint.fd = -1;
    }
    for (size_t i = 0; i < loop->outputs.count; i++) {
        loop->outputs.all[i].meter = &loop->meter->outputs[i];
        loop->outputs.all[i].endpoint.fd = -1;
        loop->outputs.all[i].tap = i >= loop->outputs.main_count;
    }
    return 0;
}

/* Returns 0, or -1 after a message. */
static int init(struct poll_loop *loop, const struct options *options,
                const struct resolver *resolver, const struct command_standard *standard,
                uint64_t total_size, struct meter *meter, struct reporter *reporter)
{
    *loop = (struct poll_loop){.options = options,
                               .meter = meter,
                               .reporter = reporter,
                               .inputs.skip_left = options->skip,
                               .inputs.size_left = total_size,
                               .inputs.size_known = total_size != INPUT_SIZE_UNKNOWN,
                               .poll.signals.fd = -1,
                               .overload.spool.fd = -1,
                               .commands.guard.fd = -1};
    control_init(&loop->requests.control, meter->start_ns + CONTROL_DELAY_NS);
    if (allocate(loop) != 0 || loop_init_network(loop, resolver) != 0) {
        char size[SIZE_TEXT];
        message_print("--buffer-size: %s: %s", size_format(size, options->buffer_size, options->si),
                      strerror(ENOMEM));
        return -1;
    }
    if (signals_open(&loop->poll.signals) != 0) {
        message_print("pipe: %s", strerror(errno));
        return -1;
    }
    if (stream_check_init(&loop->inputs.check, options) != 0)
        return -1;
    if (loop_init_commands(loop, standard) != 0) {
        message_print("%s", strerror(errno));
        return -1;
    }
    if (loop_init_overload(loop) != 0) /* creates the file of the spool, which must not stay */
        return -1;
    loop_init_rates(loop);
    loop_init_framing(loop);
    loop->display = display_open(options, meter, &loop->outputs.last_written);
    if (loop->display == NULL) {
        message_print("%s", strerror(ENOMEM));
        return -1;
    }
    if (display_is_on(loop->display))
        signals_watch(SIGWINCH);
    if (options->report_every_ns > 0)
        loop->timeouts.next_sample_ns = meter->start_ns + options->report_every_ns;
    return 0;
}

struct poll_loop *poll_loop_open(const struct options *options, const struct resolver *resolver,
                                 const struct command_standard *standard, uint64_t total_size,
                                 struct meter *meter, struct reporter *reporter)
{
    struct poll_loop *loop = malloc(sizeof *loop);
    if (loop == NULL) {
        message_print("%s", strerror(errno));
        return NULL;
    }
    if (init(loop, options, resolver, standard, total_size, meter, reporter) == 0)
        return loop;
    poll_loop_close(loop);
    return NULL;
}

const struct ending *poll_loop_ending(const struct poll_loop *loop)
{
    return &loop->ending;
}

void poll_loop_close(struct poll_loop *loop)
{
    if (loop == NULL)
        return;
    loop_destroy_control(loop);
    loop_destroy_commands(loop);
    display_close(loop->display);
    stream_check_destroy(&loop->inputs.check);
    peer_search_end(loop->peers.search);
    loop_destroy_network(loop);
    loop_destroy_merge(loop);
    loop_destroy_overload(loop);
    loop_destroy_amounts(loop);
    flow_destroy(&loop->path.flow);
    pipe_queue_destroy(&loop->path.queue);
    ring_destroy(&loop->path.ring);
    free(loop->inputs.all);
    free(loop->outputs.all);
    free(loop->poll.fds);
    free(loop);
}

static bool is_drained(const struct poll_loop *loop)
{
    return loop->phase == LOOP_DRAINING && loop_is_empty(loop) && !loop_awaits_producers(loop);
}

/* Called before reading ends. Reads the datagrams that the kernel has already received for a UDP
 * input, as far as there is room for them. */
static void take_last_datagrams(struct poll_loop *loop)
{
    bool any = false;
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop_is_current(loop, i) && loop->inputs.all[i].endpoint.socket == ENDPOINT_UDP)
            any = loop->inputs.all[i].ready = true;
    for (unsigned turns = 0; any && turns < LAST_TURNS && loop->phase == LOOP_RUNNING; turns++)
        if (!loop_move_bytes(loop))
            break;
}

/* --- signals ---------------------------------------------------------------------------------- */

/* After SIGTERM or SIGHUP bpipe still writes the bytes that it holds. After any other signal, or a
 * second one, it stops at once. */
static void end_by_signal(struct poll_loop *loop, int number)
{
    bool may_drain = (number == SIGTERM || number == SIGHUP) && loop->ending.signal == 0 &&
                     (loop->phase == LOOP_RUNNING || loop->phase == LOOP_DRAINING ||
                      loop->phase == LOOP_CONFIRMING);
    if (loop->ending.signal == 0)
        loop->ending.signal = number;
    loop->inputs.cut = true;
    if (!may_drain)
        loop->phase = LOOP_DONE;
    else if (loop->phase != LOOP_CONFIRMING) {
        loop_find_last_peers(loop);
        take_last_datagrams(loop);
        loop_cut_input(loop);
        loop_count_the_rest(loop);
        loop_tell_drain(loop, number);
    }
}

/* The exit of commands is judged after all signals have been read: a command that ^C has ended did
 * not fail by itself. */
static void handle_signals(struct poll_loop *loop)
{
    int number;
    bool any_ended = false;
    while ((number = signals_next(&loop->poll.signals)) != 0) {
        switch (number) {
        case SIGUSR1:
            loop_find_peers_now(loop);
            loop_count_the_rest(loop);
            report_now(loop->reporter, loop->meter);
            break;
        case SIGTSTP:
            loop_stop(loop);
            break;
        case SIGCONT:
            loop_continued(loop);
            break;
        case SIGWINCH:
            display_refresh(loop->display);
            break;
        case SIGCHLD:
            any_ended = true;
            break;
        default:
            if (signals_end(number))
                end_by_signal(loop, number);
            break;
        }
    }
    if (any_ended)
        loop_reap_commands(loop);
    loop_leave_input(loop);
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Whether bytes that go past the ring are waiting in the input. */
static bool bytes_wait_outside(const struct poll_loop *loop)
{
    return loop->path.flow.passing && loop_input_is_ready(&loop->inputs.all[loop->inputs.current]);
}

/* Whether bytes wait for an output: in the ring, or in the input if they go past the ring. */
static bool has_bytes(const struct poll_loop *loop, size_t index)
{
    return loop->outputs.all[index].state == OUTPUT_OPEN &&
           (flow_sendable(&loop->path.flow, index) > 0 || bytes_wait_outside(loop));
}

/* Whether an output does not accept the bytes that wait for it. */
static bool output_is_blocked(const struct poll_loop *loop, size_t index)
{
    return loop->path.flow.outputs[index].blocked && has_bytes(loop, index);
}

/* Whether the buffer absorbs the bytes that an output does not take, or that its rate limit holds
 * back, so that the producer does not wait. If bytes are dropped the producer does not wait either,
 * but then the output or its limit is the cause, and the answer is false, until the output has
 * caught up with all that is left. */
static bool is_absorbed(const struct poll_loop *loop, const struct loop_output *output)
{
    bool waits = output->blocked_since_ns != 0 || output->throttled_until_ns != 0;
    bool drops = waits && output->meter->bytes_dropped > output->dropped_before;
    return loop_may_read(loop) && !loop_is_full(loop) && !bytes_wait_outside(loop) && !drops;
}

/* The state (stats/meter.h) of a wait that begins now, when nothing can move. The first condition
 * that holds decides. Of several outputs, one whose bytes are not absorbed decides. */
static enum meter_state waiting_state(const struct poll_loop *loop)
{
    enum meter_state state = METER_INPUT;
    if (loop->phase == LOOP_OPENING)
        return METER_CONNECT;
    if (loop->phase == LOOP_CONFIRMING)
        return METER_OUTPUT;
    if (loop->inputs.throttled_until_ns != 0)
        return METER_THROTTLE;
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        const struct loop_output *output = &loop->outputs.all[i];
        bool throttled = output->throttled_until_ns != 0 && has_bytes(loop, i);
        if (!throttled && !output_is_blocked(loop, i))
            continue;
        bool absorbed = is_absorbed(loop, output);
        if (throttled && !absorbed)
            return METER_THROTTLE;
        if (!absorbed)
            state = METER_OUTPUT;
        else if (state == METER_INPUT)
            state = METER_ABSORB;
    }
    return state;
}

/* An input that may not be read is not watched: POLLHUP cannot be masked. */
static void prepare_inputs(struct poll_loop *loop)
{
    bool wanted = false, ready = false;
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        bool takes = loop_may_take_from(loop, i);
        bool watched = takes && !loop_input_is_ready(input);
        struct pollfd fd = {.fd = watched ? input->endpoint.fd : -1, .events = POLLIN};
        input->watch = loop->phase == LOOP_OPENING ? loop_dialer_poll(input->dialer) : fd;
        wanted |= takes;
        ready |= takes && !watched;
    }
    /* While a rate limit holds bytes back the input is not the reason that nothing moves. */
    if (!wanted || loop_throttled_until(loop) != UINT64_MAX)
        loop->inputs.idle_since_ns = 0;
    else if (!ready && loop->inputs.idle_since_ns == 0)
        loop->inputs.idle_since_ns = loop->meter->now_ns;
}

/* A connection is watched for POLLIN until its peer ends its side. After that a connection that is
 * being confirmed is not watched: POLLHUP, which cannot be masked, would only tell that bpipe has
 * ended its own side. A confirmed output is not watched: its peer may leave while bpipe waits for
 * other outputs. */
static struct pollfd output_poll(const struct poll_loop *loop, const struct loop_output *output,
                                 bool blocked)
{
    if (output->state == OUTPUT_UNOPENED)
        return loop_dialer_poll(output->dialer);
    if (output->gone)
        return (struct pollfd){.fd = -1};
    bool confirmed = loop->phase == LOOP_CONFIRMING && !output->confirming &&
                     output->endpoint.socket != ENDPOINT_UDP;
    if ((confirmed || loop->outputs.leaving_ns != 0) && !output->tap)
        return (struct pollfd){.fd = -1};
    bool listening = endpoint_is_connection(&output->endpoint) && !output->peer_ended;
    bool watched = output->state == OUTPUT_OPEN && endpoint_pollable(&output->endpoint) &&
                   (listening || !output->confirming);
    short events = (short)((blocked ? POLLOUT : 0) | (listening ? POLLIN : 0));
    return (struct pollfd){.fd = watched ? output->endpoint.fd : -1, .events = events};
}

/* Fills the poll set, and notes when inputs and outputs began to keep bpipe waiting. */
static void prepare_poll(struct poll_loop *loop)
{
    uint64_t now = loop->meter->now_ns;
    if (ring_fill(&loop->path.ring) > RING_KEPT || loop->path.large_ns == 0)
        loop->path.large_ns = now;
    loop->poll.signal_watch = (struct pollfd){.fd = loop->poll.signals.fd, .events = POLLIN};
    loop->poll.control_watch = control_poll(&loop->requests.control);
    prepare_inputs(loop);
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        bool blocked = output_is_blocked(loop, i) || output->parked;
        output->watch = output_poll(loop, output, blocked);
        if (output->confirming)
            continue;
        if (!blocked)
            output->blocked_since_ns = 0;
        else if (output->blocked_since_ns == 0)
            output->blocked_since_ns = now;
        if (ring_unread(&loop->path.ring, i) == 0)
            output->dropped_before = output->meter->bytes_dropped;
    }
}

/* bpipe waited for `ns` for an endpoint that is not connected. A tap may connect while the other
 * endpoints run. */
static void note_connecting(struct poll_loop *loop, struct meter_endpoint *endpoint, uint64_t ns)
{
    meter_connected(endpoint, ns);
    loop->meter->connecting = endpoint;
}

/* A wait of `ns` in `state` has ended. Adds it to the inputs and outputs that bpipe waited for. */
static void note_waits(struct poll_loop *loop, enum meter_state state, uint64_t ns)
{
    for (size_t i = 0; i < loop->inputs.count; i++) {
        if (state == METER_CONNECT && loop_is_dialling(&loop->inputs.all[i]))
            note_connecting(loop, loop->inputs.all[i].meter, ns);
        else if (state == METER_INPUT && loop_is_current(loop, i))
            meter_waited(loop->inputs.all[i].meter, ns);
    }
    for (size_t i = 0; i < loop->outputs.count; i++) {
        if (loop->outputs.all[i].state == OUTPUT_UNOPENED)
            note_connecting(loop, loop->outputs.all[i].meter, ns);
        else if ((loop->outputs.all[i].watch.events & POLLOUT) != 0 ||
                 loop->outputs.all[i].confirming)
            meter_waited(loop->outputs.all[i].meter, ns);
    }
}

/* The error behind an event of poll() on an output with nothing to send: the reader has gone
 * (EPIPE), or the socket has an error. */
static int hang_up_error(const struct endpoint *endpoint)
{
    int error = endpoint->kind == ENDPOINT_SOCKET ? stream_socket_error(endpoint->fd) : 0;
    return error != 0 ? error : EPIPE;
}

static void dispatch_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs.all[index];
    const struct pollfd *fd = &output->watch;
    if ((fd->revents & POLLIN) != 0)
        loop_discard(loop, output);
    if (output->state != OUTPUT_OPEN || (fd->revents & ~POLLIN) == 0)
        return;
    if ((fd->events & POLLOUT) != 0)
        loop->path.flow.outputs[index].blocked = output->parked =
            false; /* the next write succeeds or fails */
    else if (output->endpoint.socket == ENDPOINT_UDP)
        loop_note_datagram_error(loop, output);
    else
        loop_reader_gone(loop, output, hang_up_error(&output->endpoint));
}

/* Handles the events of poll(). Every turn checks inputs that are being connected and outputs that
 * are being confirmed anyway. */
static void dispatch(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count && loop->phase != LOOP_OPENING; i++)
        if (loop->inputs.all[i].watch.revents != 0)
            loop->inputs.all[i].ready = true;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->watch.revents == 0)
            continue;
        if (output->state == OUTPUT_UNOPENED)
            output->dialer_ready = true;
        else if (output->state == OUTPUT_OPEN && !output->confirming)
            dispatch_output(loop, i);
    }
    if (loop->poll.signal_watch.revents != 0)
        handle_signals(loop);
}

/* The ring is empty, and bpipe begins to wait. A blocked output is skipped, because more bytes may
 * still go to it past the ring. */
static void begin_idling(struct poll_loop *loop)
{
    meter_dry(loop->meter);
    for (size_t i = 0; i < loop->outputs.count; i++)
        if (loop->outputs.all[i].state == OUTPUT_OPEN && !loop->path.flow.outputs[i].blocked)
            endpoint_sent_all(&loop->outputs.all[i].endpoint);
}

/* Ends each input whose command has failed and that has nothing more to read. */
static void end_doomed_inputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop->inputs.all[i].watch.fd >= 0 && loop->inputs.all[i].watch.revents == 0 &&
            loop_is_current(loop, i) && loop_input_is_doomed(&loop->inputs.all[i]))
            loop_input_at_end(loop, i);
}

/* poll() fails, or signals cannot be read. bpipe would spin, or no signal could end it, so it ends
 * the run. */
static void cannot_wait(struct poll_loop *loop, const char *what, int error)
{
    message_print("%s: %s", what, strerror(error));
    loop_break_off(loop);
}

/* Waits until something can move; if something has `moved` it only checks for events. Returns the
 * result of poll(2). */
static int wait_for_events(struct poll_loop *loop, bool moved)
{
    meter_advance(loop->meter, METER_BUSY, platform_now());
    prepare_poll(loop);
    enum meter_state state = moved ? METER_BUSY : waiting_state(loop);
    int64_t timeout_ns = moved ? 0 : loop_time_to_wait(loop);
    if (!moved && loop->phase == LOOP_RUNNING && loop_is_empty(loop))
        begin_idling(loop);
    uint64_t before = loop->poll.start_ns = loop->meter->now_ns;
    int events = loop_poll(loop, timeout_ns);
    int error = events < 0 ? errno : 0;
    meter_advance(loop->meter, state, platform_now());
    loop->poll.last_ns = loop->meter->now_ns;
    if (error != 0 && error != EINTR)
        cannot_wait(loop, "poll", error);
    else if (!moved)
        note_waits(loop, state, loop->meter->now_ns - before);
    return events;
}

/* Handles the events of poll(2), and signals. Timers went on while bpipe was stopped, so SIGCONT
 * has to be handled before the timeouts are enforced. */
static void handle_events(struct poll_loop *loop, int events, bool moved)
{
    if (!moved && events >= 0 && loop->commands.count > 0)
        end_doomed_inputs(loop);
    if (events > 0)
        dispatch(loop);
    else if (events < 0 || !moved)
        handle_signals(loop);
    if (loop->poll.signals.error != 0)
        cannot_wait(loop, "signals", loop->poll.signals.error);
}

/* --- the run ---------------------------------------------------------------------------------- */

/* Does the work of the current phase. Returns whether something moved. */
static bool act(struct poll_loop *loop)
{
    if (loop->phase == LOOP_OPENING) {
        loop_open_endpoints(loop);
        return loop->phase != LOOP_OPENING;
    }
    if (loop->phase == LOOP_CONFIRMING) {
        loop_confirm(loop);
        return false;
    }
    loop_try_taps(loop);
    return loop_move_bytes(loop);
}

/* If all bytes that came in have been written, goes on to the end of the stream. Returns whether
 * that moved something. */
static bool end_drained(struct poll_loop *loop)
{
    if (!is_drained(loop))
        return false;
    loop_find_last_peers(loop);
    if (loop_finish_framing(loop))
        return true;
    loop_begin_confirming(loop);
    return false;
}

bool poll_loop_turn(struct poll_loop *loop)
{
    bool moved = act(loop);
    loop_close_the_failed(loop);
    moved |= end_drained(loop);
    if (loop->phase == LOOP_DONE)
        return false;
    if (moved && loop->meter->now_ns - loop->poll.last_ns < POLL_INTERVAL_NS) {
        meter_advance(loop->meter, METER_BUSY, platform_now());
        return true;
    }
    int events = wait_for_events(loop, moved);
    if (loop->phase == LOOP_DONE)
        return false;
    handle_events(loop, events, moved);
    if (loop->phase == LOOP_DONE)
        return false;
    loop_attend_control(loop, events > 0 && loop->poll.control_watch.revents != 0);
    loop_enforce_timeouts(loop);
    return loop->phase != LOOP_DONE;
}

/* One step of closing, and a wait for the event that the next step needs, or only a look for
 * signals where a tap takes everything it is given. False: all is closed. */
static bool closing_turn(struct poll_loop *loop)
{
    uint64_t wait_ns;
    if (!loop_close_some(loop, &wait_ns))
        return false;
    uint64_t before = loop->poll.start_ns = loop->meter->now_ns;
    loop_watch_closing(loop);
    int events = loop_poll(loop, (int64_t)wait_ns);
    bool failed = events < 0 && errno != EINTR;
    if (failed) /* without a nap the loop would spin */
        platform_nap(CLOSING_NAP_NS);
    meter_advance(loop->meter, loop_closing_state(loop), platform_now());
    loop_closing_waited(loop, loop->meter->now_ns - before, failed);
    loop_attend_control(loop, events > 0 && loop->poll.control_watch.revents != 0);
    return true;
}

void poll_loop_run(struct poll_loop *loop)
{
    while (poll_loop_turn(loop))
        continue;
    loop_count_queued(loop);
    loop_find_last_peers(loop);
    loop_settle_peers(loop);
    while (closing_turn(loop))
        continue;
    control_close(&loop->requests.control);
    loop->meter->ended = true;
    loop->meter->failed =
        exit_status_of(&loop->ending) != EXIT_OK && exit_signal_of(&loop->ending) == 0;
    display_final(loop->display);
}
