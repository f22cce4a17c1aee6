/*
 * account.c - see account.h.
 */
#include "loop/account.h"

#include "base/message.h"
#include "base/records.h"
#include "base/size.h"
#include "io/input_size.h"
#include "loop/state.h"

#include <string.h>
#include <unistd.h>

int loop_init_amounts(struct poll_loop *loop)
{
    if (record_index_init(&loop->path.record_index, &loop->path.ring, loop->options->records) != 0)
        return -1;
    loop->overload.admission.index = &loop->path.record_index;
    return 0;
}

void loop_destroy_amounts(struct poll_loop *loop)
{
    record_index_destroy(&loop->path.record_index);
}

void loop_count_input(struct poll_loop *loop, struct loop_input *input, uint64_t bytes)
{
    struct meter *meter = loop->meter;
    bool first = input->meter->bytes == 0 && bytes > 0;
    meter_moved(input->meter, bytes);
    if (first && meter->size_is_sum && input_size_missed(input->endpoint.fd)) {
        meter->size_known = meter->size_is_sum = false;
        meter->size_bytes = 0;
    }
}

/* The transfer knows the number of datagrams; the ring does not, since an empty datagram is in no
 * ring. */
static uint64_t count_in(struct poll_loop *loop, const struct transfer *transfer, uint64_t found)
{
    uint64_t records = records_are_units(loop->options->records) ? found : transfer->records;
    loop->meter->records_in += records;
    return records;
}

uint64_t loop_count_arrival(struct poll_loop *loop, const struct transfer *transfer, bool aside)
{
    uint64_t found =
        aside ? transfer->records : record_index_entered(&loop->path.record_index, transfer->bytes);
    return count_in(loop, transfer, found);
}

void loop_count_merged(struct poll_loop *loop, const struct loop_input *input,
                       const struct transfer *transfer, bool aside)
{
    bool ended;
    uint64_t found = transfer->records;
    if (!aside) {
        struct span span = ring_newest(&input->share, transfer->bytes);
        found = records_count_span(&span, transfer->bytes, loop->options->records, &ended);
    }
    (void)count_in(loop, transfer, found);
}

void loop_count_dequeued(struct poll_loop *loop, uint64_t records)
{
    loop->meter->records_in += records;
    loop->outputs.all[0].records_dequeued += records;
}

void loop_begin_records_out(struct poll_loop *loop, struct loop_output *tap)
{
    tap->overrun.passed_over = record_index_before(&loop->path.record_index, tap->overrun.reader);
}

void loop_count_records_of(struct poll_loop *loop, struct loop_output *output)
{
    if (!loop->path.ring.readers[output->overrun.reader].attached)
        return;
    uint64_t before = record_index_before(&loop->path.record_index, output->overrun.reader);
    output->meter->records_out =
        overrun_records_sent(&output->overrun, before) + output->records_dequeued;
}

void loop_count_queued(struct poll_loop *loop)
{
    loop->meter->records_in +=
        transfer_count_queued(&loop->path.queue, loop->options->records, loop->meter->calls);
}

void loop_count_unread(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        uint64_t bytes = (uint64_t)output->rest.bytes;
        if (output->rest.lost)
            meter_unread(loop->meter, output->meter, bytes, output->rest.records);
        else if (bytes > 0)
            output->meter->bytes_unacknowledged = bytes;
    }
}

void loop_note_datagrams(const struct endpoint *endpoint, struct meter_endpoint *meter)
{
    if (endpoint->socket != ENDPOINT_UDP)
        return;
    if (endpoint->udp.strangers > 0 && meter->strangers == 0)
        message_print("%s: datagrams from %s are refused (--allow)", meter->name,
                      endpoint->udp.stranger);
    meter->datagrams = true;
    meter->kernel_tells = endpoint->udp.kernel_tells;
    meter->strangers = endpoint->udp.strangers;
    meter->refusals = endpoint->udp.refusals;
    meter->kernel_drops = endpoint->udp.kernel_drops;
}

static void count_kernel_drops(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct endpoint *endpoint = &loop->inputs.all[i].endpoint;
        if (endpoint->socket != ENDPOINT_UDP || endpoint->fd < 0)
            continue;
        udp_count_drops(&endpoint->udp, endpoint->fd);
        loop_note_datagrams(endpoint, loop->inputs.all[i].meter);
    }
}

void loop_count_the_rest(struct poll_loop *loop)
{
    count_kernel_drops(loop);
    for (size_t i = 0; i < loop->outputs.count && loop->options->records != RECORD_NONE; i++)
        loop_count_records_of(loop, &loop->outputs.all[i]);
}

void loop_note_spool(struct poll_loop *loop, size_t written)
{
    if (loop->overload.admission.spool != NULL)
        meter_spooled(loop->meter, written, loop_spooled(loop));
    if (loop->overload.admission.spool_error != 0 && !loop->overload.spool_failed) {
        loop->overload.spool_failed = true;
        message_print("--spool: %s: write failed: %s", loop->options->spool,
                      strerror(loop->overload.admission.spool_error));
    }
}

void loop_announce(const struct poll_loop *loop, const char *endpoint, const char *action)
{
    char size[SIZE_TEXT];
    message_print("%s: buffer full (%s): %s", endpoint,
                  size_format(size, loop->options->buffer_size, loop->options->si), action);
}

void loop_note_overrun(struct poll_loop *loop, struct loop_output *output)
{
    struct overrun_count *dropped = &output->overrun.dropped;
    if (dropped->bytes == 0 && dropped->records == 0)
        return;
    output->meter->bytes_dropped += dropped->bytes;
    output->meter->records_dropped += dropped->records;
    *dropped = (struct overrun_count){0};
    if (output->dropping_said)
        return;
    output->dropping_said = true;
    if (output->tap)
        message_print("%s: tap too slow: skipping data", output->meter->name);
    else
        loop_announce(loop, output->meter->name, "dropping old data");
}

void loop_note_dropped(struct poll_loop *loop, struct loop_input *input,
                       const struct overrun_count *dropped)
{
    bool *said = input != NULL ? &input->dropping_said : &loop->overload.dropping_said;
    loop->overload.refused_records += dropped->records;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->state != OUTPUT_OPEN)
            continue;
        output->meter->bytes_dropped += dropped->bytes;
        output->meter->records_dropped += dropped->records;
    }
    if (input != NULL) {
        input->meter->bytes_dropped += dropped->bytes;
        input->meter->records_dropped += dropped->records;
    }
    if (dropped->bytes > 0 && !*said) {
        *said = true;
        loop_announce(loop, input != NULL ? input->meter->name : "input",
                      loop_drops_newest(loop) ? "dropping new data" : "dropping old data");
    }
}

void loop_note_result(struct poll_loop *loop, struct loop_input *input,
                      const struct admission_result *result)
{
    meter_dropped_newest(loop->meter, result->retracted, loop_held(loop));
    meter_added(loop->meter, result->added, loop_held(loop));
    loop->overload.added += result->added;
    meter_arrived(loop->meter, result->entered, loop_held(loop));
    meter_refused(loop->meter, result->refused.bytes - result->retracted);
    loop_note_spool(loop, result->spooled);
    loop_note_dropped(loop, input, &result->refused);
    if (input != NULL)
        input->meter->bytes_added += result->added;
    for (size_t i = 0; i < loop->outputs.count; i++)
        if (loop->outputs.all[i].state == OUTPUT_OPEN)
            loop->outputs.all[i].meter->bytes_added += result->added;
    if (result->refused.bytes > 0)
        flow_overflowed(&loop->path.flow);
}

void loop_note_arrived(struct poll_loop *loop, bool ended)
{
    for (size_t i = 0; i < loop->outputs.count; i++) {
        overrun_arrived(&loop->outputs.all[i].overrun, ended);
        loop_note_overrun(loop, &loop->outputs.all[i]);
    }
}

void loop_overtake(struct poll_loop *loop, size_t from, size_t to, uint64_t position,
                   bool incomplete_too)
{
    for (size_t i = from; i < to; i++) {
        if (!loop->path.ring.readers[i].attached)
            continue;
        overrun_overtake(&loop->outputs.all[i].overrun, position, loop->overload.admission.complete,
                         incomplete_too);
        loop_note_overrun(loop, &loop->outputs.all[i]);
    }
}

/* A tap that was overtaken and takes nothing is moved along with the outputs, so that the ring runs
 * empty as if that tap did not exist. The ring is then used from its start again, where the cache
 * is warm. */
static void move_parked(struct poll_loop *loop)
{
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++) {
        struct loop_output *tap = &loop->outputs.all[i];
        tap->parked &= loop->path.flow.outputs[i].blocked;
        if (tap->parked)
            loop_overtake(loop, i, i + 1, loop->outputs.main_tail, !loop_drops_newest(loop));
    }
}

void loop_note_bytes_out(struct poll_loop *loop)
{
    uint64_t tail = loop_main_tail(loop);
    if (loop->overload.admission.spool != NULL && tail > loop->outputs.main_tail)
        spool_try_again(loop->overload.admission.spool);
    meter_left(loop->meter, tail - loop->outputs.main_tail, loop_held(loop));
    meter_overtaking_passed(loop->meter);
    loop->outputs.main_tail = tail;
    move_parked(loop);
}
