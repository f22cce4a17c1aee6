/*
 * dial.c - see dial.h.
 */
#include "loop/dial.h"

#include "base/hint.h"
#include "base/message.h"
#include "loop/failure.h"
#include "net/stream_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FREE_PORT = 1024 }; /* the first port that needs no privilege (ip(7)) */

static struct dialer *new_dialer(struct poll_loop *loop, const struct resolved *resolved,
                                 bool input)
{
    struct dialer *dialer = &loop->opening.dialers[loop->opening.dialer_count++];
    uint64_t seed = loop->meter->start_ns + (uint64_t)getpid() + loop->opening.dialer_count;
    dialer_init(dialer, resolved, input, &loop->options->net, seed);
    return dialer;
}

int loop_init_network(struct poll_loop *loop, const struct resolver *resolver)
{
    const struct options *options = loop->options;
    if (resolver == NULL)
        return 0;
    loop->opening.dialers =
        calloc(loop->inputs.count + loop->outputs.count, sizeof *loop->opening.dialers);
    if (loop->opening.dialers == NULL)
        return -1;
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (resolver->inputs[i].address.kind != ADDRESS_NONE)
            loop->inputs.all[i].dialer = new_dialer(loop, &resolver->inputs[i], true);
    for (size_t i = options->discard ? loop->outputs.main_count : 0; i < loop->outputs.count; i++) {
        const struct resolved *resolved = i < loop->outputs.main_count
                                              ? &resolver->outputs[i]
                                              : &resolver->taps[i - loop->outputs.main_count];
        if (resolved->address.kind != ADDRESS_NONE)
            loop->outputs.all[i].dialer = new_dialer(loop, resolved, false);
    }
    return 0;
}

void loop_destroy_network(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->opening.dialer_count; i++)
        dialer_close(&loop->opening.dialers[i]);
    free(loop->opening.dialers);
    loop->opening.dialers = NULL;
    loop->opening.dialer_count = 0;
}

/* Prints a message about the dialer's last event. */
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

/* Steps the dialer until there is something to wait for. */
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

/* Adds to the reason of a failure what to do about it. Messages about taps say that bpipe goes on
 * without them. */
static void add_hint(struct dialer *dialer)
{
    const struct address *address = &dialer->resolved->address;
    size_t length = strlen(dialer->text);
    enum hint_about about = HINT_CONNECT;
    if (address_listens(address->kind))
        about = strtoul(address->port, NULL, 10) < FREE_PORT ? HINT_LOW_PORT : HINT_LISTEN;
    if (about != HINT_CONNECT ? !address_is_unix(address->kind) : dialer->settings->retries == 0)
        snprintf(dialer->text + length, sizeof dialer->text - length, "%s",
                 hint_for(about, dialer->error));
}

enum endpoint_opening loop_dial_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs.all[index];
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
    if (!output->tap)
        add_hint(output->dialer);
    snprintf(output->endpoint.error, sizeof output->endpoint.error, "%s", output->dialer->text);
    return ENDPOINT_REFUSED;
}

bool loop_dial_inputs(struct poll_loop *loop)
{
    bool all = true;
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        enum dialer_status status =
            input->dialer == NULL ? DIALER_CONNECTED : dial(loop, input->meter, input->dialer);
        all &= status != DIALER_WAITING;
        if (status != DIALER_FAILED && status != DIALER_TIMED_OUT)
            continue;
        loop->ending.timed_out |= status == DIALER_TIMED_OUT;
        add_hint(input->dialer);
        loop_input_refused(loop, input, input->dialer->text);
    }
    return all;
}

bool loop_awaits_connecting_taps(const struct poll_loop *loop)
{
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++) {
        const struct loop_output *tap = &loop->outputs.all[i];
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
    for (size_t i = 0; i < loop->opening.dialer_count && loop->phase != LOOP_CONFIRMING; i++)
        if (dialer_due_ns(&loop->opening.dialers[i]) < due)
            due = dialer_due_ns(&loop->opening.dialers[i]);
    if (loop->phase == LOOP_OPENING && loop_awaits_connecting_taps(loop) &&
        loop->meter->start_ns + TAP_CONNECT_NS < due)
        due = loop->meter->start_ns + TAP_CONNECT_NS;
    if (loop->phase == LOOP_CONFIRMING && loop->confirming.next_ns < due)
        due = loop->confirming.next_ns;
    return due;
}

void loop_network_skip(struct poll_loop *loop, uint64_t ns)
{
    for (size_t i = 0; i < loop->opening.dialer_count; i++)
        dialer_skip(&loop->opening.dialers[i], ns);
}

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

void loop_hear_out(struct loop_output *output)
{
    if (endpoint_is_connection(&output->endpoint) && !output->peer_ended)
        output->peer_ended = stream_socket_discard(output->endpoint.fd) == 0;
}
