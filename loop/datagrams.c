/*
 * datagrams.c - see datagrams.h.
 */
#include "loop/datagrams.h"

#include "base/message.h"
#include "base/records.h"
#include "loop/endpoints.h"
#include "loop/moves.h"
#include "loop/taps.h"

#include <stdio.h>

enum { LAST_TURNS = 1000 };

void loop_begin_input_datagrams(struct poll_loop *loop, struct loop_input *input)
{
    const struct options *options = loop->options;
    if (input->endpoint.socket == ENDPOINT_UDP)
        udp_begin_input(&input->endpoint.udp, input->endpoint.fd, options->net.allowed,
                        options->net.allowed_count);
}

void loop_begin_output_datagrams(struct poll_loop *loop, size_t index)
{
    if (loop->outputs[index].endpoint.socket != ENDPOINT_UDP ||
        loop->options->records == RECORD_NONE)
        return;
    flow_send_messages(&loop->flow, index);
    loop->sends_messages = true;
}

void loop_end_input_datagrams(struct loop_input *input)
{
    if (input->endpoint.socket != ENDPOINT_UDP || input->endpoint.fd < 0)
        return;
    udp_drop_rest(&input->endpoint.udp, input->endpoint.fd);
    loop_note_datagrams(&input->endpoint, input->meter);
}

void loop_count_drops(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++) {
        struct endpoint *endpoint = &loop->inputs[i].endpoint;
        if (endpoint->socket != ENDPOINT_UDP || endpoint->fd < 0)
            continue;
        udp_count_drops(&endpoint->udp, endpoint->fd);
        loop_note_datagrams(endpoint, loop->inputs[i].meter);
    }
}

void loop_take_last_datagrams(struct poll_loop *loop)
{
    bool any = false;
    for (size_t i = 0; i < loop->input_count; i++)
        if (loop_is_current(loop, i) && loop->inputs[i].endpoint.socket == ENDPOINT_UDP)
            any = loop->inputs[i].ready = true;
    for (unsigned turns = 0; any && turns < LAST_TURNS && loop->phase == LOOP_RUNNING; turns++)
        if (!loop_move_bytes(loop))
            break;
}

void loop_end_output_datagrams(struct loop_output *output)
{
    if (output->endpoint.socket != ENDPOINT_UDP || output->endpoint.fd < 0)
        return;
    (void)udp_take_error(&output->endpoint.udp, output->endpoint.fd); /* of the last datagram */
    loop_note_datagrams(&output->endpoint, output->meter);
}

void loop_note_datagrams(const struct endpoint *endpoint, struct meter_endpoint *meter)
{
    if (endpoint->socket != ENDPOINT_UDP)
        return;
    if (endpoint->udp.strangers > 0 && meter->strangers == 0)
        message_print("%s: datagrams of %s are refused (--allow)", meter->name,
                      endpoint->udp.stranger);
    meter->datagrams = true;
    meter->kernel_tells = endpoint->udp.kernel_tells;
    meter->strangers = endpoint->udp.strangers;
    meter->refusals = endpoint->udp.refusals;
    meter->kernel_drops = endpoint->udp.kernel_drops;
}

void loop_note_datagram_error(struct poll_loop *loop, struct loop_output *output)
{
    int error = udp_take_error(&output->endpoint.udp, output->endpoint.fd);
    loop_note_datagrams(&output->endpoint, output->meter);
    if (error != 0)
        loop_output_failed(loop, output, error);
}

static void fail(struct poll_loop *loop, struct loop_output *output, const char *format,
                 size_t bytes)
{
    char reason[METER_ERROR_TEXT];
    snprintf(reason, sizeof reason, format, bytes);
    if (output->tap)
        loop_lose_tap(loop, output, reason);
    else
        loop_give_up_output(loop, output, reason);
}

size_t loop_cut_datagram(struct poll_loop *loop, size_t index, size_t bytes)
{
    struct loop_output *output = &loop->outputs[index];
    enum record_kind kind = loop->options->records;
    if (kind == RECORD_NONE)
        return bytes < loop->options->datagram_size ? bytes : loop->options->datagram_size;
    struct span span = ring_read_span(&loop->ring, index, bytes);
    size_t length = records_span(&span, kind, 1);
    if (loop->flow.ended || records_ends_span(&span, length, kind))
        return length;
    fail(loop, output, "record of more than %zu bytes does not fit the buffer", length);
    return 0;
}

void loop_datagram_too_long(struct poll_loop *loop, struct loop_output *output, size_t bytes)
{
    fail(loop, output, "datagram of %zu bytes is too long", bytes);
}
