/*
 * confirm.c - see confirm.h.
 */
#include "loop/confirm.h"

#include "display/display.h"
#include "loop/close.h"
#include "loop/commands.h"
#include "loop/dial.h"
#include "loop/failure.h"
#include "loop/state.h"
#include "net/stream_socket.h"

#include <errno.h>

/* Inherited TCP sockets are waited for as well. But other processes may share them, so bpipe
 * neither half-closes them nor reads from them. */
static bool is_to_be_confirmed(const struct poll_loop *loop, const struct loop_output *output)
{
    bool command = output->command != NULL && loop_end_is_true(loop);
    return output->state == OUTPUT_OPEN && (endpoint_is_connection(&output->endpoint) ||
                                            output->endpoint.socket == ENDPOINT_TCP || command);
}

static void ask_again_at(struct poll_loop *loop, bool progress)
{
    uint64_t delay = progress ? CONFIRM_DELAY_NS : loop->confirming.delay_ns;
    loop->confirming.next_ns =
        loop_awaits_commands_only(loop) ? UINT64_MAX : loop->meter->now_ns + delay;
    loop->confirming.delay_ns = delay * 2 > CONFIRM_DELAY_MAX_NS ? CONFIRM_DELAY_MAX_NS : delay * 2;
}

static void begin_confirming(struct poll_loop *loop, struct loop_output *output)
{
    bool complete = loop_end_is_true(loop) && endpoint_is_connection(&output->endpoint);
    output->confirming = true;
    output->unacknowledged = INT64_MAX;
    output->blocked_since_ns = loop->meter->now_ns;
    if (complete && stream_socket_finish(output->endpoint.fd) != 0) {
        int error = errno, cause = stream_socket_error(output->endpoint.fd);
        loop_output_failed(loop, output, cause != 0 ? cause : error);
        return;
    }
    output->half_closed = complete;
}

/* Begins to confirm the commands, or all other outputs. Returns whether there are any. */
static bool begin_some(struct poll_loop *loop, bool commands)
{
    bool any = false;
    for (size_t i = 0; i < loop->outputs.main_count && loop->phase == LOOP_CONFIRMING; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if ((output->command != NULL) != commands || !is_to_be_confirmed(loop, output))
            continue;
        begin_confirming(loop, output);
        any = true;
    }
    loop->confirming.next_ns = 0;
    return any;
}

/* A connection that was told the end cannot be told otherwise by a reset. So it is told the end
 * only after the commands have exited, and only if none has failed. */
void loop_begin_confirming(struct poll_loop *loop)
{
    bool any = false;
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        any |= is_to_be_confirmed(loop, &loop->outputs.all[i]);
    loop->phase = any ? LOOP_CONFIRMING : LOOP_DONE;
    loop->confirming.delay_ns = CONFIRM_DELAY_NS;
    if (!any)
        return;
    loop_finish_files(loop);
    loop->confirming.commands_only = begin_some(loop, true);
    if (loop->confirming.commands_only) {
        display_give_way(loop->display);
        loop_release_commands(loop);
    } else {
        (void)begin_some(loop, false);
    }
}

static void confirmed(struct loop_output *output)
{
    output->confirming = false;
    output->blocked_since_ns = 0;
}

/* Whether the peer, which has got everything, may still have something to send. */
static bool is_talking(const struct poll_loop *loop, struct loop_output *output)
{
    uint64_t now = loop->meter->now_ns;
    if (output->complete_ns == 0)
        output->complete_ns = now;
    return output->half_closed && !output->peer_ended && output->heard_ns != 0 &&
           now - output->heard_ns < LINGER_QUIET_NS && now - output->complete_ns < LINGER_MAX_NS;
}

/* A run that has failed is going to reset a connection of which the system cannot tell how much was
 * acknowledged: the bytes on their way get a moment to arrive. */
static bool is_on_its_way(const struct poll_loop *loop, const struct loop_output *output)
{
    return output->unknown && !output->half_closed && !output->peer_ended &&
           endpoint_is_connection(&output->endpoint) &&
           loop->meter->now_ns - output->complete_ns < LINGER_QUIET_NS;
}

/* Looks once at an output. Returns whether it came nearer to its end. */
static bool confirm(struct poll_loop *loop, struct loop_output *output)
{
    if (output->command != NULL) {
        if (!output->command->ended)
            return false;
        confirmed(output);
        loop_judge_confirmed(loop, output);
        return true;
    }
    if (endpoint_is_connection(&output->endpoint) && !output->peer_ended)
        loop_discard(loop, output);
    if (output->state != OUTPUT_OPEN)
        return true; /* it failed */
    int error = stream_socket_error(output->endpoint.fd);
    if (error != 0) {
        loop_output_failed(loop, output, error);
        return true;
    }
    int64_t unacknowledged = 0;
    if (output->endpoint.socket == ENDPOINT_TCP)
        unacknowledged = endpoint_unacknowledged(&output->endpoint);
    output->unknown = unacknowledged < 0;
    if (unacknowledged == 0 || (output->unknown && (output->peer_ended || !output->half_closed))) {
        output->blocked_since_ns = loop->meter->now_ns; /* no bytes wait for it */
        if (is_talking(loop, output) || is_on_its_way(loop, output))
            return false;
        confirmed(output);
        return true;
    }
    if (output->unknown || unacknowledged >= output->unacknowledged)
        return false;
    output->unacknowledged = unacknowledged;
    output->blocked_since_ns = loop->meter->now_ns;
    return true;
}

void loop_confirm(struct poll_loop *loop)
{
    bool progress = false, waiting = false;
    for (size_t i = 0; i < loop->outputs.main_count && loop->phase == LOOP_CONFIRMING; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->state == OUTPUT_OPEN && output->confirming)
            progress |= confirm(loop, output);
        else if (output->state == OUTPUT_OPEN && !loop->confirming.commands_only)
            loop_hear_out(output);
        waiting |= output->state == OUTPUT_OPEN && output->confirming;
    }
    ask_again_at(loop, progress);
    if (!waiting && loop->confirming.commands_only) {
        loop->confirming.commands_only = false;
        waiting = begin_some(loop, false);
    }
    if (!waiting)
        loop->phase = LOOP_DONE;
}
