/*
 * records.c - see records.h.
 */
#include "loop/records.h"

#include "loop/commands.h"
#include "loop/endpoints.h"
#include "loop/merge.h"
#include "loop/moves.h"
#include "loop/overload.h"

/* Whether the loop's intake knows where records end: where somebody gets only whole ones. */
static bool are_tracked(const struct poll_loop *loop)
{
    return loop->options->records != RECORD_NONE &&
           (loop->flow.eager || loop->output_count > loop->main_count || loop->sends_messages);
}

static bool all_outputs_get_whole_ones(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->main_count; i++)
        if (loop->outputs[i].state == OUTPUT_OPEN && !loop->flow.outputs[i].whole)
            return false;
    return true;
}

static uint64_t stream_end(const struct poll_loop *loop)
{
    const struct spool *spool = loop->intake.spool;
    return loop->ring.head + (spool == NULL ? 0 : spool_held(spool));
}

/* Nobody has passed the beginning of the record that has begun: it may be taken out of the stream.
 * (If it is being dropped as the oldest, all outputs have passed that.) */
static bool is_untouched(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->output_count; i++)
        if (loop->ring.readers[i].attached && loop->ring.readers[i].cursor > loop->intake.begun)
            return false;
    return true;
}

/* The record that has begun is torn, and another input may follow. What comes then is no part of
 * it, unless an output has begun with it already. */
static void tear(struct poll_loop *loop, struct loop_input *input)
{
    input->fate = RECORD_TORN;
    if (!all_outputs_get_whole_ones(loop))
        return;
    loop_end_skipping(loop);
    if (is_untouched(loop))
        meter_dropped_newest(loop->meter, intake_take_back_begun(&loop->intake), loop_held(loop));
    else
        intake_release(&loop->intake); /* it was dropped */
    input->record_end = 0;
}

bool loop_end_record(struct poll_loop *loop, struct loop_input *input, bool failed)
{
    enum input_verdict verdict = failed ? INPUT_ILL : loop_input_verdict(input);
    bool skipping = loop->intake.skipping; /* which is unfinished as well */
    if (!are_tracked(loop) || verdict == INPUT_WELL ||
        (!intake_is_unfinished(&loop->intake) && !skipping))
        return true;
    input->record_end = stream_end(loop);
    if (verdict == INPUT_ILL) {
        tear(loop, input);
        return true;
    }
    input->fate = RECORD_PENDING;
    bool last = input == &loop->inputs[loop->input_count - 1];
    return last || !all_outputs_get_whole_ones(loop);
}

/* The last record, which was held back, is whole after all. */
static void release_last(struct poll_loop *loop)
{
    if (!loop->intake.withheld || loop_last_record(loop) != RECORD_STANDS)
        return;
    intake_release(&loop->intake);
    loop_settle_end(loop);
}

static void settle(struct poll_loop *loop, struct loop_input *input, enum record_fate fate)
{
    bool running = loop->phase == LOOP_RUNNING;
    if (input->fate != RECORD_PENDING || (!running && loop->phase != LOOP_DRAINING))
        return;
    if (loop->options->merge) {
        loop_merge_judged(loop, input, fate);
        return;
    }
    input->fate = fate;
    bool waiting = running && input == &loop->inputs[loop->current];
    if (fate != RECORD_STANDS && waiting)
        tear(loop, input);
    if (waiting)
        loop_next_input(loop);
    else
        release_last(loop);
}

void loop_record_judged(struct poll_loop *loop, struct loop_input *input)
{
    settle(loop, input, loop_input_verdict(input) == INPUT_WELL ? RECORD_STANDS : RECORD_TORN);
}

void loop_cut_input(struct poll_loop *loop)
{
    loop->cut = true;
    for (size_t i = 0; i < loop->input_count; i++)
        if (loop->options->merge)
            settle(loop, &loop->inputs[i], RECORD_CUT);
        else if (loop->inputs[i].fate == RECORD_PENDING)
            loop->inputs[i].fate = RECORD_TORN;
    loop->reading_cut |= loop->phase == LOOP_RUNNING;
    loop_end_input(loop);
}

/* --merge: whether a record has passed in part, and no more of it comes. */
static enum record_fate last_merged(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        if (loop->inputs[i].lag.in_record && loop->inputs[i].fate != RECORD_STANDS)
            return loop->inputs[i].fate;
    return RECORD_STANDS;
}

enum record_fate loop_last_record(const struct poll_loop *loop)
{
    enum record_fate fate = RECORD_STANDS;
    if (!are_tracked(loop) || !intake_is_unfinished(&loop->intake))
        return RECORD_STANDS;
    if (loop->options->merge)
        return last_merged(loop);
    if (loop->reading_cut)
        return RECORD_CUT;
    for (size_t i = 0; i < loop->input_count; i++)
        if (loop->inputs[i].record_end > loop->intake.begun && loop->inputs[i].fate > fate)
            fate = loop->inputs[i].fate;
    return fate;
}

bool loop_is_withheld_only(const struct poll_loop *loop, size_t index)
{
    return loop->intake.withheld && loop->flow.outputs[index].whole &&
           ring_unread(&loop->ring, index) <= loop->ring.head - loop->intake.complete;
}

bool loop_withhold_last(struct poll_loop *loop)
{
    bool any = false;
    if (!loop->flow.ended || !loop->intake.withheld || loop_last_record(loop) == RECORD_PENDING)
        return false;
    uint64_t got = loop_farthest(loop);
    for (size_t i = 0; i < loop->main_count; i++) {
        size_t unread = ring_unread(&loop->ring, i);
        if (unread == 0 || !loop_is_withheld_only(loop, i))
            continue;
        ring_consume(&loop->ring, i, unread);
        any = true;
    }
    if (any)
        loop_note_given_up(loop, got);
    return any;
}

uint64_t loop_record_pending_since(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count && loop->cut; i++)
        if (loop->inputs[i].fate == RECORD_PENDING && loop->phase == LOOP_DRAINING)
            return loop->drain_start_ns;
    return 0;
}

void loop_give_up_pending(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        settle(loop, &loop->inputs[i], RECORD_TORN);
}
