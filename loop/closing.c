/*
 * closing.c - see closing.h.
 */
#include "loop/closing.h"

#include "base/platform.h"
#include "loop/amounts.h"
#include "loop/commands.h"
#include "loop/endpoints.h"
#include "loop/network.h"
#include "loop/overload.h"
#include "loop/taps.h"

static void wait_ended(struct poll_loop *loop, struct loop_output *output)
{
    uint64_t before = loop->meter->now_ns;
    meter_advance(loop->meter, METER_OUTPUT, platform_now());
    meter_waited(output->meter, loop->meter->now_ns - before);
}

static void close_one(struct poll_loop *loop, struct loop_output *output)
{
    bool complete = ending_status(&loop->ending) == EXIT_OK;
    if (!complete && endpoint_is_connection(&output->endpoint)) /* it is about to be reset */
        output->meter->bytes_unacknowledged = loop_in_doubt(output);
    if (loop_close_output(loop, output, complete) != 0)
        loop_note_failure(loop, output->meter, output->endpoint.error);
    output->state = OUTPUT_CLOSED;
    wait_ended(loop, output);
}

/* What comes last: a file that gets its name by that, a connection, or a command. */
static bool is_closed_last(const struct loop_output *output)
{
    const struct endpoint *endpoint = &output->endpoint;
    return endpoint->atomic.target != NULL || endpoint_is_connection(endpoint) ||
           endpoint->socket == ENDPOINT_TCP || output->command != NULL;
}

static void close_outputs(struct poll_loop *loop, bool last)
{
    for (size_t i = 0; i < loop->main_count; i++) {
        struct loop_output *output = &loop->outputs[i];
        if (output->state == OUTPUT_OPEN && is_closed_last(output) == last)
            close_one(loop, output);
    }
}

static void sync_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->main_count; i++) {
        struct loop_output *output = &loop->outputs[i];
        if (output->state != OUTPUT_OPEN || ending_status(&loop->ending) != EXIT_OK)
            continue;
        if (endpoint_sync_output(&output->endpoint) != 0)
            loop_note_failure(loop, output->meter, output->endpoint.error);
        wait_ended(loop, output);
    }
}

void loop_finish_files(struct poll_loop *loop)
{
    sync_outputs(loop);
    close_outputs(loop, false);
}

/* Atomic outputs last: they must not appear if any of the others fails to close, and connections,
 * which are reset then. Then the taps, for which no output waits. */
void loop_close_endpoints(struct poll_loop *loop)
{
    struct meter *meter = loop->meter;
    for (size_t i = 0; i < loop->input_count; i++)
        loop_close_input(loop, &loop->inputs[i]); /* also one that is kept for later */
    loop_end_commands(loop);
    if (!meter->began)
        loop_abandon_outputs(loop);
    loop_forget_scratch(loop);
    meter_advance(meter, METER_BUSY, platform_now());
    loop_finish_files(loop);
    close_outputs(loop, true);
    loop_close_taps(loop);
    loop_close_connections(loop);
    for (size_t i = 0; i < loop->output_count; i++) {
        struct meter_endpoint *output = loop->outputs[i].meter;
        output->bytes_undelivered =
            meter->bytes_in + output->bytes_added - output->bytes - output->bytes_dropped;
    }
    loop_count_records_out(loop);
}
