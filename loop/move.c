/*
 * move.c - see move.h.
 */
#include "loop/move.h"

#include "base/counted_call.h"
#include "base/minmax.h"
#include "base/platform.h"
#include "base/records.h"
#include "loop/account.h"
#include "loop/failure.h"
#include "loop/input.h"
#include "loop/merge.h"
#include "loop/open.h"
#include "loop/overload.h"
#include "loop/rates.h"
#include "loop/read.h"
#include "loop/skip.h"
#include "loop/state.h"
#include "loop/way.h"
#include "loop/write.h"
#include "net/stream_socket.h"

#include <errno.h>

/*
 * To pass on a page with few bytes in it costs more than to copy the bytes: the writer has to get a
 * new page, and a pipe holds only a fixed number of pages. After SMALL_PASSES passes in a row of
 * fewer than SMALL_PASS bytes each, input is copied until LARGE_READ bytes come at once.
 */
enum { SMALL_PASS = 4096, SMALL_PASSES = 4, LARGE_READ = 16 * 1024 };

enum { DATAGRAM_BATCH = 64 };

/* A connection that took nothing may take more by the time that poll() is asked why, and an input
 * that had nothing may have something by then. After VAIN_PASSES such passes in a row bpipe stops
 * asking. */
enum { VAIN_PASSES = 16 };

/* With -S bpipe reads no byte past the size. A record has at least one byte, so reading as many
 * bytes as there are records left cannot go past the last record. */
static size_t limit_to_size(const struct poll_loop *loop, size_t bytes)
{
    bool whole = loop->options->records == RECORD_DATAGRAM;
    if (loop->options->stop_at_size && loop->inputs.size_known && loop->inputs.size_left < bytes &&
        !whole)
        return (size_t)loop->inputs.size_left;
    return bytes;
}

static void count_towards_size(struct poll_loop *loop, uint64_t bytes_or_records)
{
    if (!loop->options->stop_at_size || !loop->inputs.size_known)
        return;
    loop->inputs.size_left -= min_u64(bytes_or_records, loop->inputs.size_left);
    if (loop->inputs.size_left == 0)
        loop_end_input(loop);
}

/* For --expect-end. */
static void note_end(struct poll_loop *loop, size_t bytes, bool aside)
{
    if (loop->inputs.check.end_length == 0)
        return;
    struct span span = ring_newest(&loop->path.ring, aside ? 0 : bytes);
    if (aside)
        stream_check_saw_memory(&loop->inputs.check, loop->overload.scratch, bytes);
    else
        stream_check_saw(&loop->inputs.check, &span, bytes);
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
    loop->inputs.idle_since_ns = 0;
    /* A FIFO that cannot be polled for its end is read until a read says EAGAIN or end of file. */
    if (!input->endpoint.nonblock.writers_gone)
        input->ready = !transfer->partial;
    flow_arrived(&loop->path.flow, transfer->bytes, transfer->partial);
    if (transfer->bytes >= LARGE_READ)
        loop->path.small_passes = 0;
    count_towards_size(loop, records_are_units(loop->options->records) ? records : transfer->bytes);
}

/* Reads up to `max` bytes, and handles the result of the read, whatever it is. Returns false if
 * nothing was there. */
static bool take_in(struct poll_loop *loop, size_t max, bool aside)
{
    struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    max = loop_allow_input(loop, max);
    if (max == 0)
        return false;
    struct transfer transfer = loop_call_transfer_in(loop, input, aside ? NULL : &loop->path.ring,
                                                     limit_to_size(loop, max));
    switch (transfer.status) {
    case TRANSFER_MOVED:
        took_input(loop, input, &transfer, aside);
        break;
    case TRANSFER_BLOCKED:
        input->ready = false;
        input->cold = endpoint_on_disk(&input->endpoint);
        flow_arrived(&loop->path.flow, 0, true);
        return false;
    case TRANSFER_END:
        loop_input_at_end(loop, loop->inputs.current);
        break;
    case TRANSFER_FAILED:
        loop_input_failed(loop, transfer.error);
        break;
    }
    return true;
}

/* Reads into the ring; taps may have to let go of bytes for that. */
static bool fill_ring(struct poll_loop *loop, size_t max)
{
    return take_in(loop, loop_overtake_taps(loop, max), false);
}

static void note_pass(struct poll_loop *loop, size_t bytes, size_t max)
{
    loop->path.small_passes = bytes < SMALL_PASS && bytes < max ? loop->path.small_passes + 1 : 0;
}

/* `bytes` passed, of a possible `max`. */
static void passed(struct poll_loop *loop, size_t bytes, size_t max)
{
    loop_count_input(loop, &loop->inputs.all[loop->inputs.current], bytes);
    meter_moved(loop->outputs.all[0].meter, bytes);
    meter_passed(loop->meter, bytes);
    loop_spend_input(loop, bytes);
    loop_spend_output(loop, 0, NULL, bytes);
    note_pass(loop, bytes, max);
    loop->path.vain_passes = 0;
    endpoint_sent(&loop->outputs.all[0].endpoint, bytes);
    loop->inputs.idle_since_ns = 0;
    loop->outputs.all[0].blocked_since_ns = 0;
    count_towards_size(loop, bytes);
}

/* Decides whether the output or the input failed (buffer/transfer.h), or only the way of the
 * bytes. */
static void pass_failed(struct poll_loop *loop, const struct loop_input *input,
                        struct loop_output *output, int error)
{
    bool broke = stream_socket_broke(error);
    if (error == EPIPE && !endpoint_is_connection(&output->endpoint))
        loop_reader_gone(loop, output, error); /* splice(2) looks at the reader first */
    else if (error == EPIPE || (broke && endpoint_is_connection(&output->endpoint)))
        loop_output_failed(loop, output, error);
    else if (broke && endpoint_is_connection(&input->endpoint))
        loop_input_failed(loop, error);
    else
        loop->path.flow.passing = false;
}

/* EAGAIN from splice(2) does not say which side was not ready; one poll() does. Returns whether the
 * input has nothing. *full: whether `to` takes nothing (`to` is -1: the output cannot be waited
 * for, and always takes bytes). A FIFO may be at its end without a word from poll(): only a read
 * tells (base/nonblock.h, writers_gone). */
static bool input_is_empty(struct poll_loop *loop, int to, bool *full)
{
    struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    struct pollfd fds[] = {
        {.fd = endpoint_pollable(&input->endpoint) ? input->endpoint.fd : -1, .events = POLLIN},
        {.fd = to, .events = POLLOUT}};
    loop->meter->calls[CALL_POLL]++;
    *full = false;
    if (platform_poll(fds, 2, 0) < 0)
        return false;
    *full = to >= 0 && fds[1].revents == 0;
    input->ready = fds[0].revents != 0 || input->endpoint.nonblock.writers_gone;
    if (!loop_input_is_ready(input))
        flow_arrived(&loop->path.flow, 0, true);
    return !loop_input_is_ready(input);
}

/* Reads into the ring the bytes that cannot go past it. */
static bool fill_ring_instead(struct poll_loop *loop)
{
    size_t room = flow_room(&loop->path.flow);
    return fill_ring(loop, min_size(room, loop->path.flow.chunk_size));
}

static struct transfer call_transfer_into_queue(struct poll_loop *loop, struct loop_input *input,
                                                size_t max)
{
    bool on_disk = endpoint_on_disk(&input->endpoint);
    struct platform_usage before =
        on_disk ? loop_before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer = loop->path.framing.kind != FRAMING_NONE
                                   ? loop_queue_framed(loop, input, max)
                                   : transfer_into_queue(&loop->path.queue, &input->endpoint, max,
                                                         &loop->meter->calls[CALL_SPLICE]);
    if (on_disk)
        loop_after_file_call(loop, before, METER_INPUT, input->meter);
    return transfer;
}

/* Whether bytes are looked at on their way, which needs the pipe queue. */
static bool must_queue(const struct poll_loop *loop)
{
    return loop->options->records != RECORD_NONE || loop->path.framing.kind != FRAMING_NONE;
}

/* How many bytes the buffer has room for, if they go to the pipe queue: their framing has to fit as
 * well. */
static size_t room_to_queue(const struct poll_loop *loop)
{
    size_t room = flow_room(&loop->path.flow);
    return room == 0 ? 0 : room - (loop->path.flow.least_room - 1);
}

/* Whether the input has to be copied because it may consist of packets (io/pipe_relay.h). If
 * packets were seen, bytes are copied from here on. If it is not known yet, the bytes that come may
 * be packets. */
static bool must_copy_packets(struct poll_loop *loop)
{
    struct endpoint *input = &loop->inputs.all[loop->inputs.current].endpoint;
    if (input->relay.splices == NULL || pipe_relay_look(&input->relay, input->fd) == PIPE_STREAM)
        return false;
    if (input->relay.content == PIPE_UNKNOWN)
        return !input->relay.refused;
    loop_choose_way(loop);
    return true;
}

/* Moves bytes from the input to the pipe queue. Returns false if nothing moved. */
static bool queue_input(struct poll_loop *loop)
{
    if (must_copy_packets(loop))
        return fill_ring_instead(loop);
    struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    int back = pipe_queue_back(&loop->path.queue);
    bool full;
    if (back < 0) { /* no pipe takes more */
        loop->path.flow.passing &= !must_queue(loop);
        return fill_ring_instead(loop);
    }
    size_t max = loop_allow_input(
        loop, limit_to_size(loop, min_size(room_to_queue(loop), loop_pass_size(loop))));
    if (max == 0)
        return false;
    struct transfer transfer = call_transfer_into_queue(loop, input, max);
    switch (transfer.status) {
    case TRANSFER_MOVED:
        loop->path.flow.queued = pipe_queue_held(&loop->path.queue);
        loop_count_input(loop, input, transfer.bytes);
        meter_arrived(loop->meter, transfer.bytes, loop_held(loop));
        loop_spend_input(loop, transfer.bytes);
        loop->inputs.idle_since_ns = 0;
        note_pass(loop, transfer.bytes, max);
        loop->path.vain_passes = 0;
        count_towards_size(loop, transfer.bytes);
        return true;
    case TRANSFER_FAILED:
        if (endpoint_is_connection(&input->endpoint) && stream_socket_broke(transfer.error))
            loop_input_failed(loop, transfer.error);
        else
            loop->path.flow.passing = false;
        return true;
    case TRANSFER_BLOCKED:
        if (input_is_empty(loop, back, &full))
            return false;
        if (full)
            pipe_queue_back_is_full(&loop->path.queue);
        else if (++loop->path.vain_passes >= VAIN_PASSES) /* else something has come since */
            break;
        return true;
    case TRANSFER_END:
        break;
    }
    return fill_ring_instead(loop);
}

/* Moves bytes from the input to the output without a copy. Returns false if nothing moved. */
static bool pass_bytes(struct poll_loop *loop)
{
    struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    struct loop_output *output = &loop->outputs.all[0];
    int watched = endpoint_pollable(&output->endpoint) ? output->endpoint.fd : -1;
    bool empty, full;
    if (loop->phase != LOOP_RUNNING || loop->inputs.throttled_until_ns != 0 ||
        !flow_passable(&loop->path.flow) || !loop_input_is_ready(input))
        return false;
    if (loop->path.small_passes >= SMALL_PASSES || must_copy_packets(loop))
        return fill_ring_instead(loop);
    if (must_queue(loop))
        return queue_input(loop);
    size_t max = loop_allow_output(loop, 0, limit_to_size(loop, loop_pass_size(loop)));
    max = loop_allow_input(loop, max);
    if (max == 0)
        return false;
    bool from_disk = endpoint_on_disk(&input->endpoint);
    bool on_disk = from_disk || endpoint_on_disk(&output->endpoint);
    struct platform_usage before =
        on_disk ? loop_before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer = transfer_pass(loop->path.way, &input->endpoint, &output->endpoint,
                                             max, &loop->meter->calls[CALL_SPLICE]);
    if (on_disk)
        loop_after_file_call(loop, before, from_disk ? METER_INPUT : METER_OUTPUT,
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
                ++loop->path.vain_passes < VAIN_PASSES;
        loop->path.flow.outputs[0].blocked = full;
        if (empty || full)
            return false;
        break;
    case TRANSFER_END:
        break;
    }
    return fill_ring_instead(loop);
}

/* Reads up to DATAGRAM_BATCH datagrams. One in a turn would be too few: they come faster than bpipe
 * writes them one by one, and the kernel drops those for which it has no room. */
static bool read_datagrams(struct poll_loop *loop)
{
    const struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    unsigned count = 0;
    while (count < DATAGRAM_BATCH && loop_is_current(loop, (size_t)(input - loop->inputs.all)) &&
           !loop_is_overloaded(loop) && loop_may_read(loop) &&
           fill_ring(loop, flow_readable(&loop->path.flow)))
        count++;
    return count > 0;
}

static bool read_input(struct poll_loop *loop)
{
    if (loop->options->merge)
        return loop_merge_read(loop);
    if (loop->phase == LOOP_RUNNING)
        loop->inputs.all[loop->inputs.current].cold = false;
    if (!loop_may_read(loop) || !loop_input_is_ready(&loop->inputs.all[loop->inputs.current]))
        return false;
    if (loop->path.flow.eager && loop_must_read_aside(loop))
        return take_in(loop, loop->overload.scratch_size, true);
    if (loop->inputs.all[loop->inputs.current].endpoint.socket == ENDPOINT_UDP)
        return read_datagrams(loop);
    return loop_may_queue(loop) ? queue_input(loop)
                                : fill_ring(loop, flow_readable(&loop->path.flow));
}

bool loop_move_bytes(struct poll_loop *loop)
{
    if (loop_is_skipping(loop))
        return loop_skip(loop);
    loop_renew_rates(loop);
    loop_renew_overload(loop);
    flow_update(&loop->path.flow);
    bool moved = pass_bytes(loop);
    for (size_t i = 0; i < loop->outputs.count && loop->phase != LOOP_DONE; i++)
        moved |= loop_write_output(loop, i);
    flow_update(&loop->path.flow);
    if (loop->options->merge && loop->phase != LOOP_DONE)
        moved |= loop_merge_mix(loop);
    moved |= loop->phase != LOOP_DONE && loop_move_overload(loop);
    return read_input(loop) || moved;
}
