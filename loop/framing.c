/*
 * framing.c - see framing.h.
 */
#include "loop/framing.h"

#include "base/counted_call.h"
#include "loop/endpoints.h"
#include "loop/moves.h"
#include "loop/overload.h"
#include "loop/rates.h"

#include <errno.h>
#include <string.h>

void loop_init_framing(struct poll_loop *loop)
{
    loop->framing.kind = loop->options->framing;
    if (loop->framing.kind != FRAMING_ADD)
        return;
    /* A block has to fit what the ring has beside what it needs itself (options/check.c). */
    loop->flow.least_room = loop->meter->least_room =
        loop->options->block_size > 0 ? FRAMING_ROOM : framing_least_room(&loop->store);
}

/* The size that is announced is that of what goes out, as the amount is that is compared with it.
 */
static void note_added(struct poll_loop *loop, size_t bytes)
{
    struct intake_result result = {.added = bytes};
    loop_note_result(loop, NULL, &result);
    if (loop->meter->size_known)
        loop->meter->size_bytes += bytes;
}

/* Framing came in. The size of the inputs was that with their framing; one that was given is not.
 */
static void note_removed(struct poll_loop *loop, uint64_t bytes)
{
    uint64_t size = loop->meter->size_bytes;
    loop->idle_since_ns = 0;
    if (!loop->options->size_given && size > bytes)
        loop->meter->size_bytes = size - bytes;
}

/* How much of what came in was framing. What the store holds is payload that was not looked at. */
static uint64_t framing_taken(const struct poll_loop *loop)
{
    const struct frame_reader *reader = &loop->framing.reader;
    if (loop->framing.kind == FRAMING_ADD)
        return 0;
    return reader->taken - reader->total - pipe_store_held(&loop->store);
}

/* Moves what the store holds into the ring, from where it goes on. */
static struct transfer pour(struct poll_loop *loop)
{
    struct transfer transfer = {.status = TRANSFER_MOVED};
    if (loop->flow.stored == 0)
        return transfer;
    transfer = framing_pour(&loop->framing, &loop->store, &loop->ring, loop->meter->calls);
    loop->flow.stored = pipe_store_held(&loop->store);
    note_added(loop, transfer.added);
    return transfer;
}

void loop_begin_framing(struct poll_loop *loop)
{
    if (loop->framing.kind != FRAMING_REMOVE)
        return;
    /* What is left of the stream before is still to be seen as a part of that. */
    struct transfer transfer = pour(loop);
    if (transfer.status == TRANSFER_FAILED)
        loop_note_failure(loop, loop->outputs[0].meter, strerror(transfer.error));
    loop->framing.reader = (struct frame_reader){0};
    loop->framing.ahead_start = loop->framing.ahead_length = 0;
}

struct transfer loop_fill_framed(struct poll_loop *loop, struct loop_input *input, size_t max,
                                 bool may_wait)
{
    struct transfer transfer = pour(loop);
    if (transfer.status != TRANSFER_MOVED)
        return transfer;
    uint64_t before = framing_taken(loop);
    transfer = framing_fill(&loop->framing, &loop->ring, &input->endpoint, max, may_wait,
                            &loop->meter->calls[CALL_READ]);
    if (transfer.added > 0)
        note_added(loop, transfer.added);
    if (framing_taken(loop) > before)
        note_removed(loop, framing_taken(loop) - before);
    return transfer;
}

struct transfer loop_store_framed(struct poll_loop *loop, struct loop_input *input, size_t max)
{
    uint64_t before = framing_taken(loop);
    struct transfer transfer =
        framing_store(&loop->framing, &loop->store, &input->endpoint, max, loop->meter->calls);
    if (framing_taken(loop) > before)
        note_removed(loop, framing_taken(loop) - before);
    return transfer;
}

/* Bytes of framing that the sole output got before those of the store. */
static void sent_added(struct poll_loop *loop, struct loop_output *output, size_t bytes)
{
    note_added(loop, bytes);
    meter_moved(output->meter, bytes);
    meter_left(loop->meter, bytes, loop_held(loop));
    loop_spend_output(loop, 0, NULL, bytes);
}

struct transfer loop_unstore_framed(struct poll_loop *loop, struct loop_output *output, size_t max)
{
    struct transfer transfer =
        framing_unstore(&loop->framing, &loop->store, &output->endpoint, max, loop->meter->calls);
    if (transfer.added > 0)
        sent_added(loop, output, transfer.added);
    if (transfer.status != TRANSFER_END)
        return transfer;
    loop->store.copying = true;
    loop->flow.passing = false;
    return pour(loop);
}

const char *loop_framing_reason(const struct poll_loop *loop, int error)
{
    bool framed = loop->framing.kind == FRAMING_REMOVE && error == EBADMSG;
    return framed && loop->framing.reader.reason[0] != '\0' ? loop->framing.reader.reason : NULL;
}

bool loop_finish_framing(struct poll_loop *loop)
{
    if (loop->framing.kind != FRAMING_ADD || loop->framing.finished || loop->cut)
        return false;
    note_added(loop, framing_finish(&loop->framing, &loop->ring));
    loop->intake.complete = loop->ring.head;
    return true;
}
