/*
 * network.c - see network.h.
 */
#include "loop/network.h"

#include "base/message.h"
#include "loop/closing.h"
#include "loop/commands.h"
#include "loop/endpoints.h"
#include "loop/timeouts.h"
#include "net/stream_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- dialers ---------------------------------------------------------------------------------- */

static struct dialer *new_dialer(struct poll_loop *loop, const struct resolved *resolved,
                                 bool input)
{
    struct dialer *dialer = &loop->dialers[loop->dialer_count++];
    uint64_t seed = loop->meter->start_ns + (uint64_t)getpid() + loop->dialer_count;
    dialer_init(dialer, resolved, input, &loop->options->net, seed);
    return dialer;
}

int loop_init_network(struct poll_loop *loop, const struct resolver *resolver)
{
    const struct options *options = loop->options;
    loop->confirm_delay_ns = CONFIRM_DELAY_NS;
    if (resolver == NULL)
        return 0;
    loop->dialers = calloc(loop->input_count + loop->output_count, sizeof *loop->dialers);
    if (loop->dialers == NULL)
        return -1;
    for (size_t i = 0; i < loop->input_count; i++)
        if (resolver->inputs[i].address.kind != ADDRESS_NONE)
            loop->inputs[i].dialer = new_dialer(loop, &resolver->inputs[i], true);
    for (size_t i = options->discard ? loop->main_count : 0; i < loop->output_count; i++) {
        const struct resolved *resolved =
            i < loop->main_count ? &resolver->outputs[i] : &resolver->taps[i - loop->main_count];
        if (resolved->address.kind != ADDRESS_NONE)
            loop->outputs[i].dialer = new_dialer(loop, resolved, false);
    }
    return 0;
}

void loop_destroy_network(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->dialer_count; i++)
        dialer_close(&loop->dialers[i]);
    free(loop->dialers);
    loop->dialers = NULL;
    loop->dialer_count = 0;
}

/* Tells what has happened meanwhile. */
static void tell(const struct poll_loop *loop, struct meter_endpoint *meter,
                 const struct dialer *dialer, enum dialer_status status)
{
    meter->retries += status == DIALER_RETRYING;
    bool chosen_by_us = strcmp(dialer->resolved->address.port, "0") != 0;
    if ((status == DIALER_LISTENING && chosen_by_us) ||
        (status == DIALER_RETRYING && loop->options->quiet))
        return;
    message_print("%s: %s", meter->name, dialer->text);
}

/* Steps until there is something to wait for. */
static enum dialer_status dial(struct poll_loop *loop, struct meter_endpoint *meter,
                               struct dialer *dialer)
{
    const struct resolved *resolved = dialer->resolved;
    if (resolved->error != NULL) {
        snprintf(dialer->text, sizeof dialer->text, "%.80s: %s", resolved->address.host,
                 resolved->error);
        return DIALER_FAILED;
    }
    for (;;) {
        enum dialer_status status = dialer_step(dialer, loop->meter->now_ns);
        if (status != DIALER_LISTENING && status != DIALER_REFUSED && status != DIALER_RETRYING)
            return status;
        tell(loop, meter, dialer, status);
    }
}

enum endpoint_opening loop_dial_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs[index];
    const char *name = output->meter->name;
    enum dialer_status status = dial(loop, output->meter, output->dialer);
    if (status == DIALER_WAITING)
        return ENDPOINT_PENDING;
    if (status == DIALER_CONNECTED) {
        endpoint_open_socket(&output->endpoint, name, output->dialer->resolved->address.kind,
                             dialer_take(output->dialer));
        return ENDPOINT_OPENED;
    }
    loop->ending.timed_out |= status == DIALER_TIMED_OUT && !output->tap;
    snprintf(output->endpoint.error, sizeof output->endpoint.error, "%s", output->dialer->text);
    return ENDPOINT_REFUSED;
}

bool loop_dial_inputs(struct poll_loop *loop)
{
    bool all = true;
    for (size_t i = 0; i < loop->input_count; i++) {
        struct loop_input *input = &loop->inputs[i];
        enum dialer_status status =
            input->dialer == NULL ? DIALER_CONNECTED : dial(loop, input->meter, input->dialer);
        all &= status != DIALER_WAITING;
        if (status != DIALER_FAILED && status != DIALER_TIMED_OUT)
            continue;
        loop->ending.timed_out |= status == DIALER_TIMED_OUT;
        loop_input_refused(loop, input, input->dialer->text);
    }
    return all;
}

bool loop_is_dialling(const struct loop_input *input)
{
    return input->dialer != NULL && input->dialer->state != DIALER_DONE;
}

bool loop_awaits_connecting_taps(const struct poll_loop *loop)
{
    for (size_t i = loop->main_count; i < loop->output_count; i++) {
        const struct loop_output *tap = &loop->outputs[i];
        if (tap->state == OUTPUT_UNOPENED && tap->dialer != NULL &&
            (tap->dialer->state == DIALER_CONNECTING || tap->dialer->state == DIALER_QUEUING) &&
            loop->meter->now_ns - loop->meter->start_ns < TAP_CONNECT_NS)
            return true;
    }
    return false;
}

struct pollfd loop_dialer_poll(const struct dialer *dialer)
{
    struct pollfd nothing = {.fd = -1};
    return dialer == NULL ? nothing : dialer_poll(dialer);
}

uint64_t loop_network_due(const struct poll_loop *loop)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < loop->dialer_count && loop->phase != LOOP_CONFIRMING; i++)
        if (dialer_due_ns(&loop->dialers[i]) < due)
            due = dialer_due_ns(&loop->dialers[i]);
    if (loop->phase == LOOP_OPENING && loop_awaits_connecting_taps(loop) &&
        loop->meter->start_ns + TAP_CONNECT_NS < due)
        due = loop->meter->start_ns + TAP_CONNECT_NS;
    if (loop->phase == LOOP_CONFIRMING && loop->confirm_ns < due)
        due = loop->confirm_ns;
    return due;
}

void loop_network_skip(struct poll_loop *loop, uint64_t ns)
{
    for (size_t i = 0; i < loop->dialer_count; i++)
        dialer_skip(&loop->dialers[i], ns);
}

/* --- what peers say to outputs ---------------------------------------------------------------- */

void loop_discard(struct poll_loop *loop, struct loop_output *output)
{
    ssize_t bytes = stream_socket_discard(output->endpoint.fd);
    if (bytes > 0)
        output->heard_ns = loop->meter->now_ns;
    else if (bytes == 0)
        output->peer_ended = true;
    else if (bytes < 0 && errno != EAGAIN)
        loop_output_failed(loop, output, errno);
}

/* --- the end of outputs ----------------------------------------------------------------------- */

/* Inherited TCP sockets are waited for as well; but others may share them, so that they are neither
 * half-closed nor listened to. */
static bool is_to_be_confirmed(const struct poll_loop *loop, const struct loop_output *output)
{
    bool command = output->command != NULL && ending_status(&loop->ending) == EXIT_OK;
    return output->state == OUTPUT_OPEN && (endpoint_is_connection(&output->endpoint) ||
                                            output->endpoint.socket == ENDPOINT_TCP || command);
}

static void ask_again_at(struct poll_loop *loop, bool progress)
{
    uint64_t delay = progress ? CONFIRM_DELAY_NS : loop->confirm_delay_ns;
    loop->confirm_ns = loop_awaits_commands_only(loop) ? UINT64_MAX : loop->meter->now_ns + delay;
    loop->confirm_delay_ns = delay * 2 > CONFIRM_DELAY_MAX_NS ? CONFIRM_DELAY_MAX_NS : delay * 2;
}

static void begin_confirming(struct poll_loop *loop, struct loop_output *output)
{
    bool complete =
        ending_status(&loop->ending) == EXIT_OK && endpoint_is_connection(&output->endpoint);
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

/* Commands, or all others. Whether there are any. */
static bool begin_some(struct poll_loop *loop, bool commands)
{
    bool any = false;
    for (size_t i = 0; i < loop->main_count && loop->phase == LOOP_CONFIRMING; i++) {
        struct loop_output *output = &loop->outputs[i];
        if ((output->command != NULL) != commands || !is_to_be_confirmed(loop, output))
            continue;
        begin_confirming(loop, output);
        any = true;
    }
    loop->confirm_ns = 0;
    return any;
}

/* A reset does not take back an end that a connection was told: it comes when the commands have
 * exited, and have not failed. */
void loop_begin_confirming(struct poll_loop *loop)
{
    bool any = false;
    for (size_t i = 0; i < loop->main_count; i++)
        any |= is_to_be_confirmed(loop, &loop->outputs[i]);
    loop->phase = any ? LOOP_CONFIRMING : LOOP_DONE;
    if (!any)
        return;
    loop_finish_files(loop);
    loop->confirming_commands = begin_some(loop, true);
    if (loop->confirming_commands)
        loop_release_commands(loop);
    else
        (void)begin_some(loop, false);
}

static void confirmed(struct loop_output *output)
{
    output->confirming = false;
    output->blocked_since_ns = 0;
}

/* Whether the peer, who has got everything, may not have said everything. */
static bool is_talking(const struct poll_loop *loop, struct loop_output *output)
{
    uint64_t now = loop->meter->now_ns;
    if (output->complete_ns == 0)
        output->complete_ns = now;
    return output->half_closed && !output->peer_ended && output->heard_ns != 0 &&
           now - output->heard_ns < LINGER_QUIET_NS && now - output->complete_ns < LINGER_MAX_NS;
}

/* A run that has failed is about to reset a connection of which nobody knows what was acknowledged:
 * what is on its way gets a moment to arrive. */
static bool is_on_its_way(const struct poll_loop *loop, const struct loop_output *output)
{
    return output->unknown && !output->half_closed && !output->peer_ended &&
           endpoint_is_connection(&output->endpoint) &&
           loop->meter->now_ns - output->complete_ns < LINGER_QUIET_NS;
}

/* One look at an output. Returns whether it came nearer to its end. */
static bool confirm(struct poll_loop *loop, struct loop_output *output)
{
    if (output->command != NULL)
        return loop_confirm_command(loop, output);
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
        output->blocked_since_ns = loop->meter->now_ns; /* it does not keep bytes waiting */
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

/* One that is confirmed while others are not. What becomes of it is no failure any more. */
static void hear_out(struct loop_output *output)
{
    if (endpoint_is_connection(&output->endpoint) && !output->peer_ended)
        output->peer_ended = stream_socket_discard(output->endpoint.fd) == 0;
}

bool loop_confirm(struct poll_loop *loop)
{
    bool progress = false, waiting = false;
    for (size_t i = 0; i < loop->main_count && loop->phase == LOOP_CONFIRMING; i++) {
        struct loop_output *output = &loop->outputs[i];
        if (output->state == OUTPUT_OPEN && output->confirming)
            progress |= confirm(loop, output);
        else if (output->state == OUTPUT_OPEN && !loop->confirming_commands)
            hear_out(output);
        waiting |= output->state == OUTPUT_OPEN && output->confirming;
    }
    ask_again_at(loop, progress);
    if (!waiting && loop->confirming_commands) {
        loop->confirming_commands = false;
        waiting = begin_some(loop, false);
    }
    if (!waiting)
        loop->phase = LOOP_DONE;
    return false;
}

/* --- the end of inputs ------------------------------------------------------------------------ */

void loop_close_connections(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++) {
        struct endpoint *endpoint = &loop->inputs[i].endpoint;
        if (ending_status(&loop->ending) == EXIT_OK)
            endpoint_keep(endpoint);
        endpoint_close_input(endpoint);
    }
}
