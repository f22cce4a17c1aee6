/*
 * way.c - see way.h.
 */
#include "loop/way.h"

#include "base/records.h"

enum { SMALL_SLICE = 64 * 1024 };

/* Whether bytes can be looked at on their way from a pipe of the queue to an output that is a pipe,
 * to count records. Not with -S, which has to know the records before it takes them, and not with a
 * limit. */
static bool can_look_on_the_way(struct poll_loop *loop)
{
    return loop->path.way == TRANSFER_SPLICE && !loop->options->stop_at_size &&
           loop->path.queue.limit > 0 && loop->outputs.all[0].limiter.rate == 0 &&
           loop->outputs.all[0].endpoint.kind == ENDPOINT_PIPE &&
           pipe_queue_bounce(&loop->path.queue) != NULL;
}

/* Whether a checksum can be made on the way, too. That needs pages that no process changes between
 * the checksum and the consumer's read; a process may change the pages of a file. */
static bool can_frame_on_the_way(struct poll_loop *loop)
{
    return can_look_on_the_way(loop) && loop->options->records == RECORD_NONE &&
           loop->inputs.all[loop->inputs.current].endpoint.kind == ENDPOINT_PIPE &&
           !loop->path.queue.copying;
}

/* Whether a limit cuts the stream into small pieces. Each spliced piece takes a page of a pipe,
 * however small it is, so that 256 pieces would fill a pipe of 1 MiB (pipe(7)). */
static bool is_cut_up(const struct limiter *limiter)
{
    return limiter->rate > 0 && limiter_slice(limiter, UINT64_MAX) < SMALL_SLICE;
}

/* Bytes go past the ring where nothing has to look at them or hold them back. */
void loop_choose_way(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    struct endpoint *input = &loop->inputs.all[loop->inputs.current].endpoint;
    const struct endpoint *output = &loop->outputs.all[0].endpoint;
    const struct limiter *limiter = &loop->outputs.all[0].limiter;
    bool through_ring = options->no_splice || loop->outputs.count > 1 ||
                        flow_has_marks(&loop->path.flow) || options->block_size > 0 ||
                        loop->path.flow.eager || options->merge ||
                        loop->outputs.last_written.wanted || input->relay.content == PIPE_PACKETS ||
                        loop->inputs.check.end_length > 0;
    loop->path.way = through_ring ? TRANSFER_COPY : transfer_way(input, output);
    if (loop->path.way == TRANSFER_SPLICE &&
        (is_cut_up(limiter) || is_cut_up(&loop->inputs.limiter)))
        loop->path.way = TRANSFER_COPY;
    if ((options->records != RECORD_NONE && !can_look_on_the_way(loop)) ||
        (options->framing != FRAMING_NONE && !can_frame_on_the_way(loop)))
        loop->path.way = TRANSFER_COPY;
    loop->path.flow.passing = loop->path.way != TRANSFER_COPY;
    input->relay.wanted =
        !options->no_splice && loop->outputs.count == 1 && transfer_wants_relay(output);
    bool queueing =
        loop->path.flow.passing && endpoint_gives_pages(input) && loop->path.queue.limit > 0;
    loop->path.flow.patience_ns = queueing ? FLOW_QUEUE_PATIENCE_NS : FLOW_PATIENCE_NS;
}
