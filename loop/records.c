/*
 * records.c - see records.h.
 */
#include "loop/records.h"

bool loop_tracks_records(const struct poll_loop *loop)
{
    return loop->options->records != RECORD_NONE &&
           (loop->path.flow.eager || loop->outputs.count > loop->outputs.main_count ||
            loop->outputs.sends_messages);
}

bool loop_all_get_whole_records(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (loop->outputs.all[i].state == OUTPUT_OPEN && !loop->path.flow.outputs[i].whole)
            return false;
    return true;
}

uint64_t loop_stream_end(const struct poll_loop *loop)
{
    const struct spool *spool = loop->overload.admission.spool;
    return loop->path.ring.head + (spool == NULL ? 0 : spool_held(spool));
}

bool loop_record_is_untouched(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.count; i++)
        if (loop->path.ring.readers[i].attached &&
            loop->path.ring.readers[i].cursor > loop->overload.admission.begun)
            return false;
    return true;
}

/* --merge: the fate of a record that has passed in part, if no more of it comes. */
static enum record_fate last_merged(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop->inputs.all[i].overrun.in_record && loop->inputs.all[i].fate != RECORD_STANDS)
            return loop->inputs.all[i].fate;
    return RECORD_STANDS;
}

enum record_fate loop_last_record(const struct poll_loop *loop)
{
    enum record_fate fate = RECORD_STANDS;
    if (!loop_tracks_records(loop) || !admission_is_unfinished(&loop->overload.admission))
        return RECORD_STANDS;
    if (loop->options->merge)
        return last_merged(loop);
    if (loop->inputs.reading_cut)
        return RECORD_CUT;
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop->inputs.all[i].record_end > loop->overload.admission.begun &&
            loop->inputs.all[i].fate > fate)
            fate = loop->inputs.all[i].fate;
    return fate;
}

bool loop_is_withheld_only(const struct poll_loop *loop, size_t index)
{
    return loop->overload.admission.withheld && loop->path.flow.outputs[index].whole &&
           ring_unread(&loop->path.ring, index) <=
               loop->path.ring.head - loop->overload.admission.complete;
}

uint64_t loop_record_pending_since(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count && loop->inputs.cut; i++)
        if (loop->inputs.all[i].fate == RECORD_PENDING && loop->phase == LOOP_DRAINING)
            return loop->timeouts.drain_start_ns;
    return 0;
}
