/*
 * flow.c - see flow.h.
 */
#include "buffer/flow.h"

#include "base/minmax.h"
#include "base/records.h"

#include <stdlib.h>

/* `percent` of `bytes`, rounded down, but at least 1 byte if `percent` is not 0. */
static size_t mark_of(uint64_t bytes, unsigned percent)
{
    size_t mark = (size_t)(bytes / 100 * percent + bytes % 100 * percent / 100);
    return mark == 0 && percent > 0 ? 1 : mark;
}

int flow_init(struct flow *flow, const struct ring *ring, const uint64_t *complete,
              const struct options *options)
{
    bool records = options->records != RECORD_NONE;
    size_t least_room = records_least_room(options->records);
    *flow = (struct flow){.ring = ring,
                          .main_readers = ring->reader_count - options->tap_count,
                          .complete = complete,
                          .eager = options->overflow != OVERFLOW_BLOCK || options->spool != NULL,
                          .outputs = calloc(ring->reader_count, sizeof *flow->outputs),
                          .resume_mark = ring->capacity,
                          .block_size = (size_t)options->block_size,
                          .chunk_size = min_size(ring->capacity, options->chunk_size),
                          .least_room = options->merge ? 1 : least_room,
                          .drops = options_drop(options),
                          .patience_ns = FLOW_PATIENCE_NS};
    if (flow->outputs == NULL)
        return -1;
    flow_set_start(flow, options->buffer_size, options->start_fill_percent);
    if (!options->merge)
        flow_set_resume(flow, options->resume_fill_percent);
    flow->read_size = flow->chunk_size < least_room ? least_room : flow->chunk_size;
    for (size_t i = 0; i < ring->reader_count; i++) {
        struct flow_output *output = &flow->outputs[i];
        output->tap = i >= flow->main_readers;
        output->whole = records && (output->tap || options_drop(options));
        output->filling = flow->start_mark > 0 && !output->tap;
        output->alignment = 1;
    }
    return 0;
}

void flow_destroy(struct flow *flow)
{
    free(flow->outputs);
    flow->outputs = NULL;
}

void flow_set_start(struct flow *flow, uint64_t buffer_size, unsigned percent)
{
    flow->start_mark = mark_of(buffer_size, percent);
    for (size_t i = 0; i < flow->ring->reader_count && percent == 0; i++)
        flow->outputs[i].filling = false;
}

void flow_set_resume(struct flow *flow, unsigned percent)
{
    flow->resume_mark = mark_of(flow->ring->capacity, percent);
    flow->held &= flow->resume_mark < flow->ring->capacity;
}

bool flow_has_marks(const struct flow *flow)
{
    return flow->start_mark > 0 || flow->resume_mark < flow->ring->capacity;
}

void flow_send_messages(struct flow *flow, size_t index)
{
    flow->outputs[index].whole = flow->outputs[index].message = true;
}

size_t flow_held(const struct flow *flow)
{
    return ring_backlog(flow->ring, flow->main_readers) + flow->queued;
}

size_t flow_room(const struct flow *flow)
{
    size_t room = flow->ring->capacity - flow_held(flow);
    return room < flow->least_room ? 0 : room;
}

static bool no_more_can_come(const struct flow *flow)
{
    return flow->ended || flow->held || flow->crowded ||
           (flow_room(flow) == 0 && flow->behind == 0);
}

static bool sends_blocks(const struct flow *flow, const struct flow_output *output)
{
    return flow->block_size > 0 && !output->tap && !output->message;
}

/* Whether an output has run dry, with a rest that is too short to be written: the begin of a block,
 * or with --direct-io of an aligned piece. */
static bool has_only_rest(const struct flow *flow, const struct flow_output *output, size_t unread)
{
    if (sends_blocks(flow, output))
        return output->block_left == 0 && unread < flow->block_size;
    return unread < output->alignment;
}

static void update_filling(const struct flow *flow, size_t index)
{
    struct flow_output *output = &flow->outputs[index];
    size_t unread = ring_unread(flow->ring, index);
    if (unread == 0)
        output->filling = flow->start_mark > 0 && !flow->ended;
    else if (has_only_rest(flow, output, unread) && !no_more_can_come(flow))
        output->filling = flow->start_mark > 0;
    else if (unread + flow->behind >= flow->start_mark || no_more_can_come(flow))
        output->filling = false;
}

void flow_overflowed(struct flow *flow)
{
    for (size_t i = 0; i < flow->main_readers; i++)
        flow->outputs[i].filling = false;
}

bool flow_any_sendable(const struct flow *flow)
{
    for (size_t i = 0; i < flow->main_readers; i++)
        if (flow_sendable(flow, i) > 0)
            return true;
    return false;
}

/* Whether the ring holds as much as it may without absorbing. */
static bool window_is_full(const struct flow *flow)
{
    return flow->passing || flow_held(flow) >= FLOW_WINDOW;
}

bool flow_is_stopped(const struct flow *flow, size_t index)
{
    return flow->outputs[index].blocked || flow->outputs[index].throttled;
}

static bool any_stopped(const struct flow *flow)
{
    for (size_t i = 0; i < flow->main_readers; i++)
        if (flow_is_stopped(flow, i))
            return true;
    return false;
}

void flow_arrived(struct flow *flow, size_t bytes, bool empty)
{
    if (empty)
        flow->absorbed = 0;
    else if (flow->absorbing)
        flow->absorbed += bytes;
}

/* Whether absorbing has been of no use for long. With marks the ring should be full. */
static bool is_tired(const struct flow *flow)
{
    return flow->absorbed / FLOW_ROUNDS >= flow->ring->capacity && !flow_has_marks(flow) &&
           !flow->eager;
}

void flow_update(struct flow *flow)
{
    if (is_tired(flow) || !window_is_full(flow) || (flow_held(flow) == 0 && !any_stopped(flow)))
        flow->absorbing = false;
    flow->absorbing |= flow->eager && any_stopped(flow);
    if (flow->resume_mark < flow->ring->capacity) {
        if (flow_room(flow) == 0)
            flow->held = true;
        else if (flow_held(flow) <= flow->resume_mark)
            flow->held = false;
    }
    if (flow->start_mark > 0)
        for (size_t i = 0; i < flow->main_readers; i++)
            update_filling(flow, i);
    if (flow->held && !flow_any_sendable(flow))
        flow->held = false;
}

bool flow_any_taking(const struct flow *flow)
{
    for (size_t i = 0; i < flow->main_readers; i++)
        if (!flow_is_stopped(flow, i) && flow_sendable(flow, i) > 0)
            return true;
    return false;
}

static bool may_read(const struct flow *flow)
{
    return !flow->held && !flow->ended && flow_room(flow) > 0;
}

bool flow_passable(const struct flow *flow)
{
    return flow->passing && may_read(flow) && flow_held(flow) == 0 && !any_stopped(flow);
}

/* Whether outputs should first take bytes, from the ring or past it. */
static bool outputs_first(const struct flow *flow)
{
    if (!window_is_full(flow))
        return false;
    return flow_any_taking(flow) ||
           (!flow->absorbing && (flow_any_sendable(flow) || (flow->passing && any_stopped(flow))));
}

bool flow_is_patient(const struct flow *flow)
{
    return may_read(flow) && !is_tired(flow) && outputs_first(flow) && !flow_any_taking(flow);
}

size_t flow_readable(const struct flow *flow)
{
    if (!may_read(flow) || flow_passable(flow) || outputs_first(flow))
        return 0;
    return min_size(flow_room(flow), flow->read_size);
}

/* The bytes in the ring that output `index` may have. */
static size_t offered(const struct flow *flow, size_t index)
{
    size_t unread = ring_unread(flow->ring, index);
    size_t begun = (size_t)(flow->ring->head - *flow->complete);
    const struct flow_output *output = &flow->outputs[index];
    bool fills_the_ring = unread == flow->ring->capacity && unread <= begun;
    if (!output->whole)
        return unread;
    if (fills_the_ring && output->message && !output->tap && !flow->drops && !flow->ended)
        return unread; /* the record cannot become complete: let the write fail */
    return unread > begun ? unread - begun : 0;
}

static size_t sendable_in_blocks(const struct flow *flow, const struct flow_output *output,
                                 size_t unread)
{
    if (output->block_left > 0)
        return min_size(unread, output->block_left);
    if (unread >= flow->block_size)
        return flow->block_size;
    return flow->ended ? unread : 0;
}

size_t flow_sendable(const struct flow *flow, size_t index)
{
    const struct flow_output *output = &flow->outputs[index];
    if (flow->queued > 0)
        return flow->queued;
    if (output->beside > 0)
        return output->beside;
    size_t unread = offered(flow, index);
    if (unread == 0 || output->filling)
        return 0;
    if (output->message)
        return unread;
    if (sends_blocks(flow, output))
        return sendable_in_blocks(flow, output, unread);
    size_t aligned = unread - unread % output->alignment;
    if (aligned == 0)
        return no_more_can_come(flow) ? min_size(unread, flow->chunk_size) : 0;
    size_t chunk = flow->chunk_size - flow->chunk_size % output->alignment;
    return min_size(aligned, chunk > 0 ? chunk : flow->chunk_size);
}

void flow_sent(struct flow *flow, size_t index, size_t bytes)
{
    struct flow_output *output = &flow->outputs[index];
    if (sends_blocks(flow, output))
        output->block_left =
            (output->block_left > 0 ? output->block_left : flow->block_size) - bytes;
}
