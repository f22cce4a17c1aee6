/*
 * records.c - see records.h.
 */
#include "loop/records.h"

bool loop_tracks_records(const struct poll_loop *loop)
{
    return loop->options->records != RECORD_NONE &&
           (loop->flow.eager || loop->output_count > loop->main_count || loop->sends_messages);
}

bool loop_all_get_whole_records(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->main_count; i++)
        if (loop->outputs[i].state == OUTPUT_OPEN && !loop->flow.outputs[i].whole)
            return false;
    return true;
}

uint64_t loop_stream_end(const struct poll_loop *loop)
{
    const struct spool *spool = loop->admission.spool;
    return loop->ring.head + (spool == NULL ? 0 : spool_held(spool));
}

bool loop_record_is_untouched(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->output_count; i++)
        if (loop->ring.readers[i].attached && loop->ring.readers[i].cursor > loop->admission.begun)
            return false;
    return true;
}

/* --merge: whether a record has passed in part, and no more of it comes. */
static enum record_fate last_merged(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        if (loop->inputs[i].overrun.in_record && loop->inputs[i].fate != RECORD_STANDS)
            return loop->inputs[i].fate;
    return RECORD_STANDS;
}

enum record_fate loop_last_record(const struct poll_loop *loop)
{
    enum record_fate fate = RECORD_STANDS;
    if (!loop_tracks_records(loop) || !admission_is_unfinished(&loop->admission))
        return RECORD_STANDS;
    if (loop->options->merge)
        return last_merged(loop);
    if (loop->reading_cut)
        return RECORD_CUT;
    for (size_t i = 0; i < loop->input_count; i++)
        if (loop->inputs[i].record_end > loop->admission.begun && loop->inputs[i].fate > fate)
            fate = loop->inputs[i].fate;
    return fate;
}

bool loop_is_withheld_only(const struct poll_loop *loop, size_t index)
{
    return loop->admission.withheld && loop->flow.outputs[index].whole &&
           ring_unread(&loop->ring, index) <= loop->ring.head - loop->admission.complete;
}

uint64_t loop_record_pending_since(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count && loop->cut; i++)
        if (loop->inputs[i].fate == RECORD_PENDING && loop->phase == LOOP_DRAINING)
            return loop->drain_start_ns;
    return 0;
}
