/*
 * state.c - see state.h.
 */
#include "loop/state.h"

#include "base/records.h"

bool loop_input_is_complete(const struct command *command)
{
    return command_succeeded(command) || (command->spec->is_ours && command_broke_pipe(command));
}

enum input_verdict loop_input_verdict(const struct loop_input *input)
{
    const struct command *command = input->command;
    if (command == NULL || (command->ended && loop_input_is_complete(command)))
        return INPUT_WELL;
    return command->ended ? INPUT_ILL : INPUT_UNJUDGED;
}

bool loop_wants_nothing(const struct poll_loop *loop)
{
    return loop->options->stop_at_size && loop->inputs.size_known && loop->inputs.size_left == 0;
}

bool loop_outputs_are_open(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (loop->outputs.all[i].state == OUTPUT_UNOPENED)
            return false;
    return true;
}

size_t loop_merge_room(const struct loop_input *input)
{
    size_t room = ring_room(&input->share);
    return room < records_least_room(input->admission.records) ? 0 : room;
}

/* Whether a record fills the share, so that it cannot become whole there. */
static bool is_overlong(const struct loop_input *input)
{
    return ring_room(&input->share) == 0 &&
           input->admission.complete <= input->share.readers[0].cursor;
}

size_t loop_merge_offered(const struct loop_input *input)
{
    const struct ring_reader *mixer = &input->share.readers[0];
    bool parts = input->admission.records == RECORD_NONE || input->overrun.in_record ||
                 (input->passes_parts && input->open && is_overlong(input));
    if (!parts)
        return mixer->cursor < input->admission.complete
                   ? (size_t)(input->admission.complete - mixer->cursor)
                   : 0;
    return ring_unread(&input->share, 0);
}

static bool is_offering(const struct loop_input *input)
{
    return overrun_has_beside(&input->overrun) || loop_merge_offered(input) > 0;
}

static bool any_other_is_offering(const struct poll_loop *loop, const struct loop_input *input)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (&loop->inputs.all[i] != input && is_offering(&loop->inputs.all[i]))
            return true;
    return false;
}

bool loop_merge_lacks_terminator(const struct poll_loop *loop, const struct loop_input *input)
{
    if (input->open || !input->overrun.in_record || ring_unread(&input->share, 0) > 0 ||
        input->admission.records == RECORD_NONE)
        return false;
    return input->fate == RECORD_STANDS ||
           (input->fate != RECORD_CUT && any_other_is_offering(loop, input));
}

bool loop_merge_has_something(const struct poll_loop *loop, const struct loop_input *input)
{
    return is_offering(input) || loop_merge_lacks_terminator(loop, input);
}

bool loop_merge_may_read(const struct poll_loop *loop, size_t index)
{
    const struct loop_input *input = &loop->inputs.all[index];
    if (!input->open || loop->phase != LOOP_RUNNING || loop->inputs.throttled_until_ns != 0)
        return false;
    if (loop_merge_room(input) > 0 && !input->held)
        return true;
    bool overlong = input->admission.records != RECORD_NONE && is_overlong(input);
    switch (loop->options->overflow) {
    case OVERFLOW_DROP_NEWEST:
    case OVERFLOW_DROP_OLDEST:
        /* While an output takes bytes, the mixer is going to make room. */
        return overlong ||
               (!endpoint_on_disk(&input->endpoint) && !flow_any_taking(&loop->path.flow));
    case OVERFLOW_FAIL: /* the mixer takes a record that is too long in parts */
        return !overlong && !endpoint_on_disk(&input->endpoint);
    case OVERFLOW_BLOCK:
        break;
    }
    return false;
}

size_t loop_merge_held(const struct poll_loop *loop)
{
    size_t held = 0;
    for (size_t i = 0; i < loop->inputs.count; i++)
        held += ring_fill(&loop->inputs.all[i].share);
    return held;
}

bool loop_merge_is_empty(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop->inputs.all[i].fate == RECORD_CUT &&
            !loop_merge_has_something(loop, &loop->inputs.all[i]))
            return true; /* the bytes of the other inputs are not mixed any more */
    for (size_t i = 0; i < loop->inputs.count; i++) {
        const struct loop_input *input = &loop->inputs.all[i];
        if (loop_merge_has_something(loop, input) || ring_fill(&input->share) > 0 ||
            input->fate == RECORD_PENDING || admission_owes_mark(&input->admission))
            return false;
    }
    return true;
}

bool loop_end_is_true(const struct poll_loop *loop)
{
    return exit_status_of(&loop->ending) == EXIT_OK;
}

size_t loop_held(const struct poll_loop *loop)
{
    return flow_held(&loop->path.flow) + (loop->options->merge ? loop_merge_held(loop) : 0);
}

bool loop_may_queue(const struct poll_loop *loop)
{
    return loop->path.flow.passing && ring_fill(&loop->path.ring) == 0 &&
           !loop->path.queue.refusing && loop->path.queue.limit > 0 &&
           endpoint_gives_pages(&loop->inputs.all[loop->inputs.current].endpoint);
}

/* Whether the pipe queue would take bytes if it had one more pipe. It has one more when its oldest
 * pipe is empty. The ring takes the rest only if much of the buffer is still free, that is, if the
 * buffer is larger than the queue may be. (Bytes that come after bytes in the ring have to go
 * through the ring, too.) */
static bool waits_for_queue(const struct poll_loop *loop)
{
    size_t room = flow_room(&loop->path.flow);
    return loop_may_queue(loop) && pipe_queue_is_full(&loop->path.queue) &&
           (room < PIPE_QUEUE_PIPE_SIZE || room < loop->path.ring.capacity / 4);
}

static bool may_read_any(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop_merge_may_read(loop, i))
            return true;
    return false;
}

uint64_t loop_spooled(const struct poll_loop *loop)
{
    return loop->overload.admission.spool == NULL ? 0 : spool_held(loop->overload.admission.spool);
}

bool loop_is_overloaded(const struct poll_loop *loop)
{
    return loop->path.flow.eager &&
           (loop_spooled(loop) > 0 || loop->path.flow.held || flow_room(&loop->path.flow) == 0);
}

bool loop_drops_oldest(const struct poll_loop *loop)
{
    return loop->options->overflow == OVERFLOW_DROP_OLDEST;
}

bool loop_drops_newest(const struct poll_loop *loop)
{
    return loop->options->overflow == OVERFLOW_DROP_NEWEST;
}

uint64_t loop_main_tail(const struct poll_loop *loop)
{
    return loop->path.ring.head - ring_backlog(&loop->path.ring, loop->outputs.main_count);
}

bool loop_is_stuck(const struct poll_loop *loop)
{
    return flow_room(&loop->path.flow) == 0 && loop->overload.admission.records != RECORD_NONE &&
           (loop_drops_newest(loop) || loop_drops_oldest(loop)) &&
           loop_main_tail(loop) >= loop->overload.admission.complete;
}

/* Whether there is another way, now, for the bytes of the current input. */
static bool has_way_out(const struct poll_loop *loop)
{
    if (loop->overload.scratch_left > 0)
        return false;
    if (endpoint_on_disk(
            &loop->inputs.all[loop->inputs.current].endpoint)) /* a file waits, if that helps */
        return loop_is_stuck(loop);
    if (loop->overload.admission.spool != NULL && spool_room(loop->overload.admission.spool) > 0)
        return true;
    return loop->options->overflow != OVERFLOW_BLOCK && !flow_any_taking(&loop->path.flow);
}

bool loop_may_read(const struct poll_loop *loop)
{
    if (loop->options->merge)
        return may_read_any(loop);
    if (loop->phase != LOOP_RUNNING || loop->inputs.throttled_until_ns != 0 ||
        loop->inputs.all[loop->inputs.current].at_end)
        return false;
    if (loop_is_overloaded(loop))
        return has_way_out(loop);
    return flow_readable(&loop->path.flow) > 0 && loop->overload.scratch_left == 0 &&
           !waits_for_queue(loop);
}

static bool may_take(const struct poll_loop *loop)
{
    return loop_may_read(loop) ||
           (loop->phase == LOOP_RUNNING && loop->inputs.throttled_until_ns == 0 &&
            loop->path.flow.passing && loop_held(loop) == 0);
}

bool loop_is_current(const struct poll_loop *loop, size_t index)
{
    return loop->phase == LOOP_RUNNING &&
           (loop->options->merge ? loop->inputs.all[index].open : index == loop->inputs.current);
}

bool loop_may_take_from(const struct poll_loop *loop, size_t index)
{
    if (loop->options->merge)
        return loop_merge_may_read(loop, index);
    return index == loop->inputs.current && may_take(loop);
}

bool loop_input_is_ready(const struct loop_input *input)
{
    return input->ready || !endpoint_pollable(&input->endpoint);
}

bool loop_is_dialling(const struct loop_input *input)
{
    return input->dialer != NULL && input->dialer->state != DIALER_DONE;
}

uint64_t loop_farthest(const struct poll_loop *loop)
{
    uint64_t position = loop->outputs.main_tail;
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (loop->path.ring.readers[i].attached && loop->path.ring.readers[i].cursor > position)
            position = loop->path.ring.readers[i].cursor;
    return position;
}

bool loop_is_full(const struct poll_loop *loop)
{
    if (loop->options->merge)
        return loop->path.flow.crowded;
    return admission_room(&loop->overload.admission) < loop->path.flow.least_room &&
           loop->path.flow.queued == 0 && flow_room(&loop->path.flow) == 0;
}

bool loop_must_read_aside(const struct poll_loop *loop)
{
    return loop_is_overloaded(loop) || !admission_takes_directly(&loop->overload.admission);
}

bool loop_is_empty(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (loop->outputs.all[i].state == OUTPUT_OPEN &&
            overrun_has_beside(&loop->outputs.all[i].overrun))
            return false;
    return flow_held(&loop->path.flow) == 0 && loop_spooled(loop) == 0 &&
           loop->overload.scratch_left == 0 && !admission_owes_mark(&loop->overload.admission) &&
           (!loop->options->merge || loop_merge_is_empty(loop));
}

bool loop_tap_wants_more(const struct poll_loop *loop, size_t index)
{
    return loop->outputs.all[index].state == OUTPUT_OPEN &&
           flow_sendable(&loop->path.flow, index) > 0;
}
