/*
 * amounts.c - see amounts.h.
 */
#include "loop/amounts.h"

#include "base/records.h"
#include "io/input_size.h"

int loop_init_amounts(struct poll_loop *loop)
{
    if (record_index_init(&loop->record_index, &loop->ring, loop->options->records) != 0)
        return -1;
    loop->intake.index = &loop->record_index;
    return 0;
}

void loop_destroy_amounts(struct poll_loop *loop)
{
    record_index_destroy(&loop->record_index);
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

/* Of datagrams the transfer knows the number: an empty one is in no ring. */
static uint64_t count_in(struct poll_loop *loop, const struct transfer *transfer, uint64_t found)
{
    uint64_t records = records_are_units(loop->options->records) ? found : transfer->records;
    loop->meter->records_in += records;
    return records;
}

uint64_t loop_count_arrival(struct poll_loop *loop, const struct transfer *transfer, bool aside)
{
    uint64_t found =
        aside ? transfer->records : record_index_entered(&loop->record_index, transfer->bytes);
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

void loop_count_unstored(struct poll_loop *loop, uint64_t records)
{
    loop->meter->records_in += records;
    loop->outputs[0].records_unstored += records;
}

void loop_begin_records_out(struct poll_loop *loop, struct loop_output *tap)
{
    tap->lag.passed_over = record_index_before(&loop->record_index, tap->lag.reader);
}

void loop_count_records_of(struct poll_loop *loop, struct loop_output *output)
{
    if (!loop->ring.readers[output->lag.reader].attached)
        return;
    uint64_t before = record_index_before(&loop->record_index, output->lag.reader);
    output->meter->records_out = lag_records_sent(&output->lag, before) + output->records_unstored;
}

void loop_count_records_out(struct poll_loop *loop)
{
    if (loop->options->records == RECORD_NONE)
        return;
    for (size_t i = 0; i < loop->output_count; i++)
        loop_count_records_of(loop, &loop->outputs[i]);
}

void loop_count_stored(struct poll_loop *loop)
{
    loop->meter->records_in +=
        transfer_count_stored(&loop->store, loop->options->records, loop->meter->calls);
}
