/*
 * write.c - see write.h.
 */
#include "loop/write.h"

#include "base/counted_call.h"
#include "base/minmax.h"
#include "base/platform.h"
#include "base/records.h"
#include "loop/account.h"
#include "loop/failure.h"
#include "loop/rates.h"
#include "loop/state.h"

#include <errno.h>
#include <stdio.h>

void loop_note_added(struct poll_loop *loop, size_t bytes)
{
    struct admission_result result = {.added = bytes};
    loop_note_result(loop, NULL, &result);
    if (loop->meter->size_known)
        loop->meter->size_bytes += bytes;
}

struct transfer loop_pour_framed(struct poll_loop *loop)
{
    struct transfer transfer = {.status = TRANSFER_MOVED};
    if (loop->path.flow.queued == 0)
        return transfer;
    transfer = frame_stream_pour(&loop->path.framing, &loop->path.queue, &loop->path.ring,
                                 loop->meter->calls);
    loop->path.flow.queued = pipe_queue_held(&loop->path.queue);
    loop_note_added(loop, transfer.added);
    return transfer;
}

/* Counts bytes of framing that the sole output got before the bytes of the pipe queue. */
static void sent_added(struct poll_loop *loop, struct loop_output *output, size_t bytes)
{
    loop_note_added(loop, bytes);
    meter_moved(output->meter, bytes);
    meter_left(loop->meter, bytes, loop_held(loop));
    loop_spend_output(loop, 0, NULL, bytes);
}

/* Sends bytes of the queue in place of transfer_from_queue(), and counts the framing that was
 * added. If the output refuses pages, this way is given up, and all bytes go to the ring. */
static struct transfer dequeue_framed(struct poll_loop *loop, struct loop_output *output,
                                      size_t max)
{
    struct transfer transfer = frame_stream_from_queue(&loop->path.framing, &loop->path.queue,
                                                       &output->endpoint, max, loop->meter->calls);
    if (transfer.added > 0)
        sent_added(loop, output, transfer.added);
    if (transfer.status != TRANSFER_END)
        return transfer;
    loop->path.queue.copying = true;
    loop->path.flow.passing = false;
    return loop_pour_framed(loop);
}

struct platform_usage loop_before_file_call(struct poll_loop *loop)
{
    meter_advance(loop->meter, METER_BUSY, platform_now());
    return platform_usage();
}

void loop_after_file_call(struct poll_loop *loop, struct platform_usage before,
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

static void gave_output(struct poll_loop *loop, struct loop_output *output, size_t index,
                        const struct transfer *transfer)
{
    meter_advance(loop->meter, METER_BUSY, platform_now()); /* bytes may have come in this turn */
    meter_moved(output->meter, transfer->bytes);
    endpoint_sent(&output->endpoint, transfer->bytes);
    loop_note_bytes_out(loop);
    loop->path.flow.outputs[index].blocked =
        transfer->partial && endpoint_pollable(&output->endpoint);
    output->blocked_since_ns = 0;
}

size_t loop_pass_size(const struct poll_loop *loop)
{
    return min_size(loop->path.flow.chunk_size, PIPE_QUEUE_PIPE_SIZE);
}

static void fail_datagram(struct poll_loop *loop, struct loop_output *output, const char *format,
                          size_t bytes)
{
    char reason[METER_ERROR_TEXT];
    snprintf(reason, sizeof reason, format, bytes);
    loop_fail_output(loop, output, reason);
}

/* Returns how many of the next `bytes` > 0 of the ring UDP output `index` gets in one datagram. If
 * a record does not fit the ring, the output fails, and this returns 0. */
static size_t cut_datagram(struct poll_loop *loop, size_t index, size_t bytes)
{
    struct loop_output *output = &loop->outputs.all[index];
    enum record_kind kind = loop->options->records;
    if (kind == RECORD_NONE)
        return min_size(bytes, loop->options->datagram_size);
    struct span span = ring_read_span(&loop->path.ring, index, bytes);
    size_t length = records_span(&span, kind, 1);
    if (loop->path.flow.ended || records_ends_span(&span, length, kind))
        return length;
    if (length > DATAGRAM_MOST)
        fail_datagram(loop, output, "record too long: UDP takes %zu bytes", DATAGRAM_MOST);
    else
        fail_datagram(loop, output, "record longer than %zu bytes: use a larger -B", length);
    return 0;
}

/* A write of `bytes` moved nothing: the output failed (returns true), or is not ready. */
static bool sent_nothing(struct poll_loop *loop, size_t index, const struct transfer *transfer,
                         size_t bytes)
{
    if (transfer->status == TRANSFER_FAILED && transfer->error == EMSGSIZE) {
        fail_datagram(loop, &loop->outputs.all[index], "datagram of %zu bytes is too long", bytes);
        return true;
    }
    if (transfer->status == TRANSFER_FAILED) {
        loop_output_failed(loop, &loop->outputs.all[index], transfer->error);
        return true;
    }
    loop->path.flow.outputs[index].blocked = true;
    return false;
}

static struct transfer call_transfer_from_queue(struct poll_loop *loop, struct loop_output *output,
                                                size_t max)
{
    max = min_size(max, loop_pass_size(loop));
    return loop->path.framing.kind != FRAMING_NONE
               ? dequeue_framed(loop, output, max)
               : transfer_from_queue(&loop->path.queue, &output->endpoint, max,
                                     loop->options->records, loop->meter->calls);
}

/* Sends the sole output bytes that wait in pipes. */
static bool send_queued(struct poll_loop *loop, struct loop_output *output, size_t max)
{
    if (max == 0)
        return false;
    struct transfer transfer = call_transfer_from_queue(loop, output, max);
    loop_count_dequeued(loop, transfer.records);
    loop->path.flow.queued = pipe_queue_held(&loop->path.queue);
    if (transfer.status != TRANSFER_MOVED)
        return sent_nothing(loop, 0, &transfer, max);
    meter_advance(loop->meter, METER_BUSY, platform_now());
    meter_moved(output->meter, transfer.bytes);
    meter_left(loop->meter, transfer.bytes, loop_held(loop));
    endpoint_sent(&output->endpoint, transfer.bytes);
    loop_spend_output(loop, 0, NULL, transfer.bytes);
    loop->meter->zero_copy_bytes += transfer.copied ? 0 : transfer.bytes;
    output->blocked_since_ns = 0;
    return true;
}

/* Sends up to `max` bytes of the ring; or `beside`, if its length is not 0. */
static struct transfer call_transfer_out(struct poll_loop *loop, size_t index, size_t max,
                                         struct iovec beside)
{
    struct loop_output *output = &loop->outputs.all[index];
    uint64_t *calls = &loop->meter->calls[CALL_WRITE];
    bool on_disk = endpoint_on_disk(&output->endpoint);
    struct platform_usage before =
        on_disk ? loop_before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer =
        beside.iov_len > 0 ? transfer_write(beside, &output->endpoint, calls)
                           : transfer_drain(&loop->path.ring, index, &output->endpoint, max, calls);
    if (on_disk)
        loop_after_file_call(loop, before, METER_OUTPUT, output->meter);
    loop_note_datagrams(&output->endpoint, output->meter);
    return transfer;
}

/* Sends the bytes that an output gets before the next byte of the ring (buffer/overrun.h). */
static bool send_beside(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs.all[index];
    size_t added;
    struct iovec beside = overrun_beside(&output->overrun, &added);
    output->meter->bytes_added += added;
    beside.iov_len = loop_allow_beside(loop, index, beside.iov_len);
    if (beside.iov_len == 0)
        return false;
    struct transfer transfer = call_transfer_out(loop, index, 0, beside);
    if (transfer.status != TRANSFER_MOVED)
        return sent_nothing(loop, index, &transfer, beside.iov_len);
    loop_spend_output(loop, index, NULL, transfer.bytes);
    overrun_sent_beside(&output->overrun, transfer.bytes);
    loop->path.flow.outputs[index].beside = overrun_beside_bytes(&output->overrun);
    gave_output(loop, output, index, &transfer);
    return true;
}

/* The reader of an output left after the output had got everything. If there are more bytes, it
 * left too early. */
static bool miss_reader(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs.all[index];
    bool more = ring_unread(&loop->path.ring, index) > 0 || loop->path.flow.queued > 0 ||
                loop->path.flow.outputs[index].beside > 0;
    if (!more || (output->command != NULL && !output->command->ended))
        return false;
    loop_output_failed(loop, output, EPIPE);
    return true;
}

bool loop_write_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs.all[index];
    if (output->state != OUTPUT_OPEN || flow_is_stopped(&loop->path.flow, index))
        return false;
    if (output->gone)
        return miss_reader(loop, index);
    if (loop->path.flow.outputs[index].beside > 0)
        return send_beside(loop, index);
    size_t sendable = flow_sendable(&loop->path.flow, index);
    if (loop->path.flow.queued > 0)
        return send_queued(loop, output, loop_allow_beside(loop, index, sendable));
    if (output->endpoint.socket == ENDPOINT_UDP && sendable > 0)
        sendable = cut_datagram(loop, index, sendable);
    if (output->state != OUTPUT_OPEN)
        return true;
    sendable = loop_allow_output(loop, index, sendable);
    if (sendable == 0)
        return false;
    struct span span = ring_read_span(&loop->path.ring, index, sendable);
    struct transfer transfer = call_transfer_out(loop, index, sendable, (struct iovec){0});
    if (transfer.status != TRANSFER_MOVED)
        return sent_nothing(loop, index, &transfer, sendable);
    loop_spend_output(loop, index, &span, transfer.bytes);
    if (loop->outputs.last_written.wanted && index == 0)
        last_written_add(&loop->outputs.last_written, &span, transfer.bytes);
    if (loop->options->records != RECORD_NONE)
        output->overrun.in_record =
            !records_ends_span(&span, transfer.bytes, loop->options->records);
    gave_output(loop, output, index, &transfer);
    flow_sent(&loop->path.flow, index, transfer.bytes);
    return true;
}
