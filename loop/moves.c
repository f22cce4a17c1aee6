/*
 * moves.c - see moves.h. Who may move is in buffer/flow.c, moving itself in buffer/transfer.c.
 */
#include "loop/moves.h"

#include "base/counted_call.h"
#include "base/minmax.h"
#include "base/platform.h"
#include "base/platform_process.h"
#include "base/records.h"
#include "loop/amounts.h"
#include "loop/datagrams.h"
#include "loop/endpoints.h"
#include "loop/framing.h"
#include "loop/merge.h"
#include "loop/overload.h"
#include "loop/rates.h"
#include "net/stream_socket.h"

#include <errno.h>

/*
 * A page that is passed on with little in it costs more than copying that little: its writer has to
 * get a new one, and a pipe is full with so many pages. After SMALL_PASSES passes in a row of less
 * than SMALL_PASS bytes input is copied, until LARGE_READ bytes come at once.
 */
enum { SMALL_PASS = 4096, SMALL_PASSES = 4, LARGE_READ = 16 * 1024 };

enum { DATAGRAM_BATCH = 64 };

/* A connection that took nothing may take more by the time that it is asked why, and an input that
 * had nothing may have something. They are not to be asked for ever. */
enum { VAIN_PASSES = 16 };

/* A call on a disk file may have waited: that time is the file's side's, not bpipe's own. Where it
 * never gave the processor up, it was at work, or others had the processor. */
static struct platform_usage before_file_call(struct poll_loop *loop)
{
    meter_advance(loop->meter, METER_BUSY, platform_now());
    return platform_usage();
}

static void after_file_call(struct poll_loop *loop, struct platform_usage before,
                            enum meter_state side, struct meter_endpoint *endpoint)
{
    uint64_t start = loop->meter->now_ns;
    uint64_t now = platform_now();
    struct platform_usage after = platform_usage();
    uint64_t wall = now - start;
    uint64_t cpu = after.cpu_ns - before.cpu_ns;
    bool waited = after.waits != before.waits && wall > cpu;
    meter_advance_file(loop->meter, side, endpoint, waited ? wall - cpu : 0, now);
}

/* --- who may move ----------------------------------------------------------------------------- */

size_t loop_held(const struct poll_loop *loop)
{
    return flow_held(&loop->flow) + (loop->options->merge ? loop_merge_held(loop) : 0);
}

/* Whether bytes that have to wait may do so in pipes. */
static bool may_store(const struct poll_loop *loop)
{
    return loop->flow.passing && ring_fill(&loop->ring) == 0 && !loop->store.refusing &&
           loop->store.limit > 0 && endpoint_gives_pages(&loop->inputs[loop->current].endpoint);
}

/* Whether the store would take bytes, had it a pipe more. It will have one when the oldest is
 * empty; so only if much of the buffer is still free, that is, larger than the store may be, the
 * ring is for the rest. (What comes after bytes in the ring has to go through it, too.) */
static bool waits_for_store(const struct poll_loop *loop)
{
    size_t room = flow_room(&loop->flow);
    return may_store(loop) && pipe_store_is_full(&loop->store) &&
           (room < PIPE_STORE_PIPE_SIZE || room < loop->ring.capacity / 4);
}

static bool may_read_any(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        if (loop_merge_may_read(loop, i))
            return true;
    return false;
}

bool loop_may_read(const struct poll_loop *loop)
{
    if (loop->options->merge)
        return may_read_any(loop);
    if (loop->phase != LOOP_RUNNING || loop->read_throttled_until_ns != 0 ||
        loop->inputs[loop->current].at_end)
        return false;
    if (loop_is_overloaded(loop))
        return loop_has_way_out(loop);
    return flow_readable(&loop->flow) > 0 && loop->scratch_left == 0 && !waits_for_store(loop);
}

bool loop_may_take(const struct poll_loop *loop)
{
    return loop_may_read(loop) ||
           (loop->phase == LOOP_RUNNING && loop->read_throttled_until_ns == 0 &&
            loop->flow.passing && loop_held(loop) == 0);
}

bool loop_is_current(const struct poll_loop *loop, size_t index)
{
    return loop->phase == LOOP_RUNNING &&
           (loop->options->merge ? loop->inputs[index].open : index == loop->current);
}

bool loop_may_take_from(const struct poll_loop *loop, size_t index)
{
    if (loop->options->merge)
        return loop_merge_may_read(loop, index);
    return index == loop->current && loop_may_take(loop);
}

bool loop_input_is_ready(const struct loop_input *input)
{
    return input->ready || !endpoint_pollable(&input->endpoint);
}

/* With -S no byte past the size is read. A record has a byte at least, so that reading as many
 * bytes as there are records left cannot go past the last one. */
static size_t limit_to_size(const struct poll_loop *loop, size_t bytes)
{
    bool whole = loop->options->records == RECORD_DATAGRAM;
    if (loop->options->stop_at_size && loop->size_known && loop->size_left < bytes && !whole)
        return (size_t)loop->size_left;
    return bytes;
}

static void count_towards_size(struct poll_loop *loop, uint64_t bytes_or_records)
{
    if (!loop->options->stop_at_size || !loop->size_known)
        return;
    loop->size_left -= bytes_or_records < loop->size_left ? bytes_or_records : loop->size_left;
    if (loop->size_left == 0)
        loop_end_input(loop);
}

/* For --expect-end. */
static void note_end(struct poll_loop *loop, size_t bytes, bool aside)
{
    if (loop->expect.end_length == 0)
        return;
    struct span span = ring_newest(&loop->ring, aside ? 0 : bytes);
    if (aside)
        expect_saw_memory(&loop->expect, loop->scratch, bytes);
    else
        expect_saw(&loop->expect, &span, bytes);
}

static void took_input(struct poll_loop *loop, struct loop_input *input,
                       const struct transfer *transfer, bool aside)
{
    struct meter *meter = loop->meter;
    uint64_t records = loop_count_arrival(loop, transfer, aside);
    loop_count_input(loop, input, transfer->bytes);
    note_end(loop, transfer->bytes, aside);
    if (aside) {
        loop_took_aside(loop, transfer->bytes);
    } else {
        meter_arrived(meter, transfer->bytes, loop_held(loop));
        loop_note_arrival(loop, transfer->bytes);
    }
    loop_spend_input(loop, transfer->bytes);
    loop->idle_since_ns = 0;
    /* A FIFO that cannot be polled for its end is read until it says EAGAIN or that end. */
    if (!input->endpoint.nonblock.writers_gone)
        input->ready = !transfer->partial;
    flow_arrived(&loop->flow, transfer->bytes, transfer->partial);
    if (transfer->bytes >= LARGE_READ)
        loop->small_passes = 0;
    count_towards_size(loop, records_are_units(loop->options->records) ? records : transfer->bytes);
}

struct transfer loop_call_transfer_in(struct poll_loop *loop, struct loop_input *input,
                                      struct ring *ring, size_t max)
{
    enum record_kind records = loop->options->records;
    uint64_t *calls = &loop->meter->calls[CALL_READ];
    bool may_wait = !flow_any_sendable(&loop->flow);
    bool on_disk = endpoint_on_disk(&input->endpoint);
    struct platform_usage before = on_disk ? before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer =
        ring == NULL ? transfer_read(loop->scratch, max, &input->endpoint, records, calls)
        : loop->framing.kind != FRAMING_NONE
            ? loop_fill_framed(loop, input, max, may_wait)
            : transfer_fill(ring, &input->endpoint, max, may_wait, records, calls);
    if (on_disk)
        after_file_call(loop, before, METER_INPUT, input->meter);
    loop_note_datagrams(&input->endpoint, input->meter);
    return transfer;
}

/* Reads up to `max` bytes, and whatever that says. False: nothing was there. */
static bool take_in(struct poll_loop *loop, size_t max, bool aside)
{
    struct loop_input *input = &loop->inputs[loop->current];
    max = loop_allow_input(loop, max);
    if (max == 0)
        return false;
    struct transfer transfer =
        loop_call_transfer_in(loop, input, aside ? NULL : &loop->ring, limit_to_size(loop, max));
    switch (transfer.status) {
    case TRANSFER_MOVED:
        took_input(loop, input, &transfer, aside);
        break;
    case TRANSFER_BLOCKED:
        input->ready = false;
        input->cold = endpoint_on_disk(&input->endpoint);
        flow_arrived(&loop->flow, 0, true);
        return false;
    case TRANSFER_END:
        loop_input_at_end(loop, loop->current);
        break;
    case TRANSFER_FAILED:
        loop_input_failed(loop, transfer.error);
        break;
    }
    return true;
}

/* Reads into the ring, for which taps may have to let go. */
static bool fill_ring(struct poll_loop *loop, size_t max)
{
    return take_in(loop, loop_overtake_taps(loop, max), false);
}

static void gave_output(struct poll_loop *loop, struct loop_output *output, size_t index,
                        const struct transfer *transfer)
{
    meter_moved(output->meter, transfer->bytes);
    endpoint_sent(&output->endpoint, transfer->bytes);
    loop_note_left(loop);
    loop->flow.outputs[index].blocked = transfer->partial && endpoint_pollable(&output->endpoint);
    output->blocked_since_ns = 0;
}

/* The most that may go past the ring in one call: as much as a pipe holds, if a chunk is. */
static size_t pass_size(const struct poll_loop *loop)
{
    return min_size(loop->flow.chunk_size, PIPE_STORE_PIPE_SIZE);
}

/* A write of `bytes` that moved nothing: the output failed (true), or is not ready. */
static bool sent_nothing(struct poll_loop *loop, size_t index, const struct transfer *transfer,
                         size_t bytes)
{
    if (transfer->status == TRANSFER_FAILED && transfer->error == EMSGSIZE) {
        loop_datagram_too_long(loop, &loop->outputs[index], bytes);
        return true;
    }
    if (transfer->status == TRANSFER_FAILED) {
        loop_output_failed(loop, &loop->outputs[index], transfer->error);
        return true;
    }
    loop->flow.outputs[index].blocked = true;
    return false;
}

static struct transfer call_transfer_unstore(struct poll_loop *loop, struct loop_output *output,
                                             size_t max)
{
    max = min_size(max, pass_size(loop));
    return loop->framing.kind != FRAMING_NONE
               ? loop_unstore_framed(loop, output, max)
               : transfer_unstore(&loop->store, &output->endpoint, max, loop->options->records,
                                  loop->meter->calls);
}

/* Sends the sole output what waits in pipes. */
static bool send_stored(struct poll_loop *loop, struct loop_output *output, size_t max)
{
    if (max == 0)
        return false;
    struct transfer transfer = call_transfer_unstore(loop, output, max);
    loop_count_unstored(loop, transfer.records);
    loop->flow.stored = pipe_store_held(&loop->store);
    if (transfer.status != TRANSFER_MOVED)
        return sent_nothing(loop, 0, &transfer, max);
    meter_moved(output->meter, transfer.bytes);
    meter_left(loop->meter, transfer.bytes, loop_held(loop));
    endpoint_sent(&output->endpoint, transfer.bytes);
    loop_spend_output(loop, 0, NULL, transfer.bytes);
    loop->meter->zero_copy_bytes += transfer.copied ? 0 : transfer.bytes;
    output->blocked_since_ns = 0;
    return true;
}

/* Sends up to `max` bytes of the ring; or `beside`, if there is such. */
static struct transfer call_transfer_out(struct poll_loop *loop, size_t index, size_t max,
                                         struct iovec beside)
{
    struct loop_output *output = &loop->outputs[index];
    uint64_t *calls = &loop->meter->calls[CALL_WRITE];
    bool on_disk = endpoint_on_disk(&output->endpoint);
    struct platform_usage before = on_disk ? before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer =
        beside.iov_len > 0 ? transfer_write(beside, &output->endpoint, calls)
                           : transfer_drain(&loop->ring, index, &output->endpoint, max, calls);
    if (on_disk)
        after_file_call(loop, before, METER_OUTPUT, output->meter);
    loop_note_datagrams(&output->endpoint, output->meter);
    return transfer;
}

/* Sends what an output gets before the next byte of the ring (buffer/lag.h). */
static bool send_beside(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs[index];
    size_t added;
    struct iovec beside = lag_beside(&output->lag, &added);
    output->meter->bytes_added += added;
    beside.iov_len = loop_allow_beside(loop, index, beside.iov_len);
    if (beside.iov_len == 0)
        return false;
    struct transfer transfer = call_transfer_out(loop, index, 0, beside);
    if (transfer.status != TRANSFER_MOVED)
        return sent_nothing(loop, index, &transfer, beside.iov_len);
    loop_spend_output(loop, index, NULL, transfer.bytes);
    lag_sent_beside(&output->lag, transfer.bytes);
    loop->flow.outputs[index].beside = lag_beside_bytes(&output->lag);
    gave_output(loop, output, index, &transfer);
    return true;
}

/* An output has left that had got everything. If there is more, it has left too early. */
static bool miss_reader(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs[index];
    bool more = ring_unread(&loop->ring, index) > 0 || loop->flow.stored > 0 ||
                loop->flow.outputs[index].beside > 0;
    if (!more || (output->command != NULL && !output->command->ended))
        return false;
    loop_output_failed(loop, output, EPIPE);
    return true;
}

bool loop_write_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs[index];
    if (output->state != OUTPUT_OPEN || flow_is_stopped(&loop->flow, index))
        return false;
    if (output->left)
        return miss_reader(loop, index);
    if (loop->flow.outputs[index].beside > 0)
        return send_beside(loop, index);
    size_t sendable = flow_sendable(&loop->flow, index);
    if (loop->flow.stored > 0)
        return send_stored(loop, output, loop_allow_beside(loop, index, sendable));
    if (output->endpoint.socket == ENDPOINT_UDP && sendable > 0)
        sendable = loop_cut_datagram(loop, index, sendable);
    if (output->state != OUTPUT_OPEN)
        return true;
    sendable = loop_allow_output(loop, index, sendable);
    if (sendable == 0)
        return false;
    struct span span = ring_read_span(&loop->ring, index, sendable);
    struct transfer transfer = call_transfer_out(loop, index, sendable, (struct iovec){0});
    if (transfer.status != TRANSFER_MOVED)
        return sent_nothing(loop, index, &transfer, sendable);
    loop_spend_output(loop, index, &span, transfer.bytes);
    if (loop->recent.wanted && index == 0)
        recent_add(&loop->recent, &span, transfer.bytes);
    if (loop->options->records != RECORD_NONE)
        output->lag.in_record = !records_ends_span(&span, transfer.bytes, loop->options->records);
    gave_output(loop, output, index, &transfer);
    flow_sent(&loop->flow, index, transfer.bytes);
    return true;
}

/* --- past the ring ---------------------------------------------------------------------------- */

static void note_pass(struct poll_loop *loop, size_t bytes, size_t max)
{
    loop->small_passes = bytes < SMALL_PASS && bytes < max ? loop->small_passes + 1 : 0;
}

/* `bytes` of `max` that it might have been. */
static void passed(struct poll_loop *loop, size_t bytes, size_t max)
{
    loop_count_input(loop, &loop->inputs[loop->current], bytes);
    meter_moved(loop->outputs[0].meter, bytes);
    meter_passed(loop->meter, bytes);
    loop_spend_input(loop, bytes);
    loop_spend_output(loop, 0, NULL, bytes);
    note_pass(loop, bytes, max);
    loop->vain_passes = 0;
    endpoint_sent(&loop->outputs[0].endpoint, bytes);
    loop->idle_since_ns = 0;
    loop->outputs[0].blocked_since_ns = 0;
    count_towards_size(loop, bytes);
}

/* Whose failure it is (buffer/transfer.h), or only the way's. */
static void pass_failed(struct poll_loop *loop, const struct loop_input *input,
                        struct loop_output *output, int error)
{
    bool broke = stream_socket_broke(error);
    if (error == EPIPE && !endpoint_is_connection(&output->endpoint))
        loop_reader_left(loop, output, error); /* splice(2) looks at the reader first */
    else if (error == EPIPE || (broke && endpoint_is_connection(&output->endpoint)))
        loop_output_failed(loop, output, error);
    else if (broke && endpoint_is_connection(&input->endpoint))
        loop_input_failed(loop, error);
    else
        loop->flow.passing = false;
}

/* EAGAIN from splice(2) does not say which side it was: one look does. Returns whether the input
 * has nothing; *full: whether `to` takes nothing (-1: cannot be waited for, and always takes). */
static bool input_is_empty(struct poll_loop *loop, int to, bool *full)
{
    struct loop_input *input = &loop->inputs[loop->current];
    struct pollfd fds[] = {
        {.fd = endpoint_pollable(&input->endpoint) ? input->endpoint.fd : -1, .events = POLLIN},
        {.fd = to, .events = POLLOUT}};
    loop->meter->calls[CALL_POLL]++;
    *full = false;
    if (platform_poll(fds, 2, 0) < 0)
        return false;
    *full = to >= 0 && fds[1].revents == 0;
    input->ready = fds[0].revents != 0;
    if (!loop_input_is_ready(input))
        flow_arrived(&loop->flow, 0, true);
    return !loop_input_is_ready(input);
}

/* Reads into the ring what cannot go past it. */
static bool fill_ring_instead(struct poll_loop *loop)
{
    size_t room = flow_room(&loop->flow);
    return fill_ring(loop, min_size(room, loop->flow.chunk_size));
}

static struct transfer call_transfer_store(struct poll_loop *loop, struct loop_input *input,
                                           size_t max)
{
    bool on_disk = endpoint_on_disk(&input->endpoint);
    struct platform_usage before = on_disk ? before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer =
        loop->framing.kind != FRAMING_NONE
            ? loop_store_framed(loop, input, max)
            : transfer_store(&loop->store, &input->endpoint, max, &loop->meter->calls[CALL_SPLICE]);
    if (on_disk)
        after_file_call(loop, before, METER_INPUT, input->meter);
    return transfer;
}

/* Whether bytes are looked at on their way, which takes the store. */
static bool must_store(const struct poll_loop *loop)
{
    return loop->options->records != RECORD_NONE || loop->framing.kind != FRAMING_NONE;
}

/* How many bytes the buffer has room for, if they go to the store: the framing is to fit as well.
 */
static size_t room_to_store(const struct poll_loop *loop)
{
    size_t room = flow_room(&loop->flow);
    return room == 0 ? 0 : room - (loop->flow.least_room - 1);
}

/* Packets are copied (io/pipe_hop.h), which is the way from here on; and what has not come yet may
 * be such. */
static bool must_copy_packets(struct poll_loop *loop)
{
    struct endpoint *input = &loop->inputs[loop->current].endpoint;
    if (input->hop.splices == NULL || pipe_hop_look(&input->hop, input->fd) == PIPE_STREAM)
        return false;
    if (input->hop.content == PIPE_UNKNOWN)
        return !input->hop.refused;
    loop_choose_way(loop);
    return true;
}

/* Moves bytes from the input to the store. False: nothing moved. */
static bool store_input(struct poll_loop *loop)
{
    if (must_copy_packets(loop))
        return fill_ring_instead(loop);
    struct loop_input *input = &loop->inputs[loop->current];
    int back = pipe_store_back(&loop->store);
    bool full;
    if (back < 0) { /* no pipe is to be had */
        loop->flow.passing &= !must_store(loop);
        return fill_ring_instead(loop);
    }
    size_t max =
        loop_allow_input(loop, limit_to_size(loop, min_size(room_to_store(loop), pass_size(loop))));
    if (max == 0)
        return false;
    struct transfer transfer = call_transfer_store(loop, input, max);
    switch (transfer.status) {
    case TRANSFER_MOVED:
        loop->flow.stored = pipe_store_held(&loop->store);
        loop_count_input(loop, input, transfer.bytes);
        meter_arrived(loop->meter, transfer.bytes, loop_held(loop));
        loop_spend_input(loop, transfer.bytes);
        loop->idle_since_ns = 0;
        note_pass(loop, transfer.bytes, max);
        loop->vain_passes = 0;
        count_towards_size(loop, transfer.bytes);
        return true;
    case TRANSFER_FAILED:
        if (endpoint_is_connection(&input->endpoint) && stream_socket_broke(transfer.error))
            loop_input_failed(loop, transfer.error);
        else
            loop->flow.passing = false;
        return true;
    case TRANSFER_BLOCKED:
        if (input_is_empty(loop, back, &full))
            return false;
        if (full)
            pipe_store_back_is_full(&loop->store);
        else if (++loop->vain_passes >= VAIN_PASSES) /* else something has come since */
            break;
        return true;
    case TRANSFER_END:
        break;
    }
    return fill_ring_instead(loop);
}

/* Moves bytes from the input to the output without a copy. False: nothing moved. */
static bool pass_bytes(struct poll_loop *loop)
{
    struct loop_input *input = &loop->inputs[loop->current];
    struct loop_output *output = &loop->outputs[0];
    int watched = endpoint_pollable(&output->endpoint) ? output->endpoint.fd : -1;
    bool empty, full;
    if (loop->phase != LOOP_RUNNING || loop->read_throttled_until_ns != 0 ||
        !flow_passable(&loop->flow) || !loop_input_is_ready(input))
        return false;
    if (loop->small_passes >= SMALL_PASSES || must_copy_packets(loop))
        return fill_ring_instead(loop);
    if (must_store(loop))
        return store_input(loop);
    size_t max = loop_allow_output(loop, 0, limit_to_size(loop, pass_size(loop)));
    max = loop_allow_input(loop, max);
    if (max == 0)
        return false;
    bool from_disk = endpoint_on_disk(&input->endpoint);
    bool on_disk = from_disk || endpoint_on_disk(&output->endpoint);
    struct platform_usage before = on_disk ? before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer = transfer_pass(loop->way, &input->endpoint, &output->endpoint, max,
                                             &loop->meter->calls[CALL_SPLICE]);
    if (on_disk)
        after_file_call(loop, before, from_disk ? METER_INPUT : METER_OUTPUT,
                        from_disk ? input->meter : output->meter);
    switch (transfer.status) {
    case TRANSFER_MOVED:
        passed(loop, transfer.bytes, max);
        return true;
    case TRANSFER_FAILED:
        pass_failed(loop, input, output, transfer.error);
        return true;
    case TRANSFER_BLOCKED:
        empty = input_is_empty(loop, watched, &full);
        full |= !empty && endpoint_is_connection(&output->endpoint) &&
                ++loop->vain_passes < VAIN_PASSES;
        loop->flow.outputs[0].blocked = full;
        if (empty || full)
            return false;
        break;
    case TRANSFER_END:
        break;
    }
    return fill_ring_instead(loop);
}

/* --- a turn ----------------------------------------------------------------------------------- */

/* One datagram is little for a turn: they come faster than they are written one by one, and what
 * the kernel has no room for is lost. */
static bool read_datagrams(struct poll_loop *loop)
{
    const struct loop_input *input = &loop->inputs[loop->current];
    unsigned count = 0;
    while (count < DATAGRAM_BATCH && loop_is_current(loop, (size_t)(input - loop->inputs)) &&
           !loop_is_overloaded(loop) && loop_may_read(loop) &&
           fill_ring(loop, flow_readable(&loop->flow)))
        count++;
    return count > 0;
}

static bool read_input(struct poll_loop *loop)
{
    if (loop->options->merge)
        return loop_merge_read(loop);
    if (loop->phase == LOOP_RUNNING)
        loop->inputs[loop->current].cold = false;
    if (!loop_may_read(loop) || !loop_input_is_ready(&loop->inputs[loop->current]))
        return false;
    if (loop->flow.eager && loop_must_read_aside(loop))
        return take_in(loop, loop->scratch_size, true);
    if (loop->inputs[loop->current].endpoint.socket == ENDPOINT_UDP)
        return read_datagrams(loop);
    return may_store(loop) ? store_input(loop) : fill_ring(loop, flow_readable(&loop->flow));
}

bool loop_move_bytes(struct poll_loop *loop)
{
    loop_renew_rates(loop);
    loop_renew_overload(loop);
    flow_update(&loop->flow);
    bool moved = pass_bytes(loop);
    for (size_t i = 0; i < loop->output_count && loop->phase != LOOP_DONE; i++)
        moved |= loop_write_output(loop, i);
    flow_update(&loop->flow);
    if (loop->options->merge && loop->phase != LOOP_DONE)
        moved |= loop_merge_mix(loop);
    moved |= loop->phase != LOOP_DONE && loop_move_overload(loop);
    return read_input(loop) || moved;
}
