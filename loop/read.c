/*
 * read.c - see read.h.
 */
#include "loop/read.h"

#include "base/counted_call.h"
#include "base/platform.h"
#include "base/records.h"
#include "loop/account.h"
#include "loop/failure.h"
#include "loop/write.h"

#include <errno.h>
#include <string.h>

void loop_init_framing(struct poll_loop *loop)
{
    loop->path.framing.kind = loop->options->framing;
    if (loop->path.framing.kind != FRAMING_ADD)
        return;
    /* A block has to fit into the part of the ring that framing does not need (options/check.c). */
    loop->path.flow.least_room = loop->meter->least_room =
        loop->options->block_size > 0 ? FRAMING_ROOM : frame_stream_least_room(&loop->path.queue);
}

/* Framing came in. The size of the inputs was their size with framing, so it shrinks. A size that
 * the user gave does not include framing. */
static void note_removed(struct poll_loop *loop, uint64_t bytes)
{
    uint64_t size = loop->meter->size_bytes;
    loop->inputs.idle_since_ns = 0;
    if (!loop->options->given[OPTION_SIZE] && size > bytes)
        loop->meter->size_bytes = size - bytes;
}

/* How many of the bytes that came in were framing. The bytes in the queue are payload that was not
 * looked at. */
static uint64_t framing_taken(const struct poll_loop *loop)
{
    const struct frame_reader *reader = &loop->path.framing.reader;
    if (loop->path.framing.kind == FRAMING_ADD)
        return 0;
    return reader->taken - reader->total - pipe_queue_held(&loop->path.queue);
}

void loop_begin_framing(struct poll_loop *loop)
{
    if (loop->path.framing.kind != FRAMING_REMOVE)
        return;
    /* The rest of the previous stream still has to be read as a part of that stream. */
    struct transfer transfer = loop_pour_framed(loop);
    if (transfer.status == TRANSFER_FAILED)
        loop_note_failure(loop, loop->outputs.all[0].meter, strerror(transfer.error));
    loop->path.framing.reader = (struct frame_reader){0};
    loop->path.framing.ahead_start = loop->path.framing.ahead_length = 0;
}

/* Fills the ring from the current input, in place of transfer_fill(). The bytes in the pipe queue
 * go into the ring first. */
static struct transfer fill_framed(struct poll_loop *loop, struct loop_input *input, size_t max,
                                   bool may_wait)
{
    struct transfer transfer = loop_pour_framed(loop);
    if (transfer.status != TRANSFER_MOVED)
        return transfer;
    uint64_t before = framing_taken(loop);
    transfer = frame_stream_fill(&loop->path.framing, &loop->path.ring, &input->endpoint, max,
                                 may_wait, &loop->meter->calls[CALL_READ]);
    if (transfer.added > 0)
        loop_note_added(loop, transfer.added);
    if (framing_taken(loop) > before)
        note_removed(loop, framing_taken(loop) - before);
    return transfer;
}

struct transfer loop_queue_framed(struct poll_loop *loop, struct loop_input *input, size_t max)
{
    uint64_t before = framing_taken(loop);
    struct transfer transfer = frame_stream_into_queue(&loop->path.framing, &loop->path.queue,
                                                       &input->endpoint, max, loop->meter->calls);
    if (framing_taken(loop) > before)
        note_removed(loop, framing_taken(loop) - before);
    return transfer;
}

const char *loop_framing_reason(const struct poll_loop *loop, int error)
{
    bool framed = loop->path.framing.kind == FRAMING_REMOVE && error == EBADMSG;
    return framed && loop->path.framing.reader.reason[0] != '\0' ? loop->path.framing.reader.reason
                                                                 : NULL;
}

bool loop_finish_framing(struct poll_loop *loop)
{
    if (loop->path.framing.kind != FRAMING_ADD || loop->path.framing.finished || loop->inputs.cut)
        return false;
    loop_note_added(loop, frame_stream_finish(&loop->path.framing, &loop->path.ring));
    loop->overload.admission.complete = loop->path.ring.head;
    return true;
}

struct transfer loop_call_transfer_in(struct poll_loop *loop, struct loop_input *input,
                                      struct ring *ring, size_t max)
{
    enum record_kind records = loop->options->records;
    uint64_t *calls = &loop->meter->calls[CALL_READ];
    bool may_wait = !flow_any_sendable(&loop->path.flow);
    bool on_disk = endpoint_on_disk(&input->endpoint);
    struct platform_usage before =
        on_disk ? loop_before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer =
        ring == NULL ? transfer_read(loop->overload.scratch, max, &input->endpoint, records, calls)
        : loop->path.framing.kind != FRAMING_NONE
            ? fill_framed(loop, input, max, may_wait)
            : transfer_fill(ring, &input->endpoint, max, may_wait, records, calls);
    if (on_disk)
        loop_after_file_call(loop, before, METER_INPUT, input->meter);
    loop_note_datagrams(&input->endpoint, input->meter);
    return transfer;
}
