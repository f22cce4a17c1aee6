/*
 * input.c - see input.h.
 */
#include "loop/input.h"

#include "base/descriptor.h"
#include "base/records.h"
#include "base/size.h"
#include "loop/account.h"
#include "loop/failure.h"
#include "loop/nonblock.h"
#include "loop/records.h"
#include "loop/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void loop_judge_producer(struct poll_loop *loop, struct loop_input *input)
{
    char reason[METER_ERROR_TEXT];
    const struct command *command = input->command;
    if (loop_input_is_complete(command) || !loop_command_ended_itself(loop))
        return;
    loop_describe(command, input->skipped + input->meter->bytes, reason);
    if (command->spec->is_ours && WIFEXITED(command->status))
        loop_mark_failed(loop, input->meter, reason);
    else
        loop_note_failure(loop, input->meter, reason);
}

void loop_note_input_end(struct poll_loop *loop, struct loop_input *input)
{
    input->at_end = true;
    if (input->command != NULL && input->command->ended)
        loop_judge_producer(loop, input);
}

static void end_datagrams(struct loop_input *input)
{
    if (input->endpoint.socket != ENDPOINT_UDP || input->endpoint.fd < 0)
        return;
    udp_drop_rest(&input->endpoint.udp, input->endpoint.fd);
    loop_note_datagrams(&input->endpoint, input->meter);
}

/* Whether a later input is the same inherited descriptor ("bpipe - -"). */
static bool wanted_again(const struct poll_loop *loop, int fd)
{
    for (size_t i = loop->inputs.current + 1; i < loop->inputs.count; i++)
        if (descriptor_inherited_number(loop->options->inputs[i], STDIN_FILENO) == fd)
            return true;
    return false;
}

/* Whether an output has the same descriptor number ("bpipe fd://3 -o fd://3"): then the output
 * closes it. */
static bool is_output_too(const struct poll_loop *loop, int fd)
{
    for (size_t i = 0; i < loop->outputs.count; i++) {
        const struct loop_output *output = &loop->outputs.all[i];
        if ((output->state == OUTPUT_OPEN || output->to_close) && output->endpoint.fd == fd)
            return true;
    }
    return false;
}

void loop_close_input(struct poll_loop *loop, struct loop_input *input)
{
    end_datagrams(input);
    if (endpoint_is_connection(&input->endpoint))
        return;
    if (is_output_too(loop, input->endpoint.fd)) {
        endpoint_restore(&input->endpoint);
        input->endpoint.fd = -1;
    }
    endpoint_close_input(&input->endpoint);
    loop_reapply_flags(loop);
}

void loop_close_current(struct poll_loop *loop)
{
    if (loop->inputs.current >= loop->inputs.count)
        return;
    struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    bool keep = input->endpoint.inherited && loop->phase == LOOP_RUNNING &&
                wanted_again(loop, input->endpoint.fd);
    if (!keep)
        loop_close_input(loop, input);
}

/* Whether fewer bytes came than --skip leaves out. */
static bool is_too_short(const struct poll_loop *loop, char reason[STREAM_CHECK_REASON])
{
    if (loop->inputs.skip_left == 0)
        return false;
    snprintf(reason, STREAM_CHECK_REASON, "ended at byte %" PRIu64 ", before --skip %" PRIu64,
             loop->meter->bytes_skipped, loop->options->skip);
    return true;
}

/* Checks that the stream has not been cut. If it was, the run has to fail before any output is told
 * that the stream is complete. */
static void check_end(struct poll_loop *loop)
{
    char reason[STREAM_CHECK_REASON];
    const struct ending *ending = &loop->ending;
    if (ending->failed || ending->signal != 0 || ending->timed_out || ending->overflowed ||
        loop->phase != LOOP_RUNNING ||
        (!is_too_short(loop, reason) &&
         stream_check_end(&loop->inputs.check, loop->meter->bytes_in, reason) == NULL))
        return;
    loop_note_failure(loop, loop->inputs.all[loop->inputs.count - 1].meter, reason);
}

void loop_merge_withhold(struct poll_loop *loop, struct loop_input *input, enum record_fate fate)
{
    if (input->admission.records == RECORD_NONE)
        return;
    if (input->overrun.in_record && input->admission.complete <= input->share.readers[0].cursor)
        input->fate = fate;
    else if (!input->overrun.skipping)
        meter_dropped_newest(loop->meter, admission_take_back_begun(&input->admission),
                             loop_held(loop));
}

void loop_merge_note_misses(struct poll_loop *loop, struct loop_input *input)
{
    struct overrun_count dropped = input->overrun.dropped;
    input->overrun.dropped = (struct overrun_count){0};
    meter_dropped_oldest(loop->meter, dropped.bytes, loop_held(loop));
    loop_note_dropped(loop, input, &dropped);
}

void loop_merge_end_input(struct poll_loop *loop, struct loop_input *input)
{
    struct admission_result result = {.refused.records = admission_ended(&input->admission)};
    loop_note_result(loop, input, &result);
    input->admission.closed = false;
    overrun_arrived(&input->overrun, true);
    loop_merge_note_misses(loop, input);
    input->open = false;
    loop_close_input(loop, input);
}

/* Ends all inputs that are still open, even if they are not at their end. */
static void end_merged_inputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        if (!input->open)
            continue;
        loop_merge_withhold(loop, input, RECORD_CUT);
        loop_merge_end_input(loop, input);
    }
    loop->path.flow.crowded = true; /* --start-fill waits for no more, from the next turn on */
}

void loop_skip_rests(struct poll_loop *loop)
{
    loop_note_arrived(loop, loop->overload.admission.ended && loop_spooled(loop) == 0);
}

static void note_given_up(struct poll_loop *loop, uint64_t got)
{
    uint64_t tail = loop_main_tail(loop), rest = tail > got ? tail - got : 0;
    meter_left(loop->meter, tail - loop->outputs.main_tail - rest, loop_held(loop));
    meter_dropped_oldest(loop->meter, rest, loop_held(loop));
    loop->outputs.main_tail = tail;
}

bool loop_withhold_last(struct poll_loop *loop)
{
    bool any = false;
    if (!loop->path.flow.ended || !loop->overload.admission.withheld ||
        loop_last_record(loop) == RECORD_PENDING)
        return false;
    uint64_t got = loop_farthest(loop);
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        size_t unread = ring_unread(&loop->path.ring, i);
        if (unread == 0 || !loop_is_withheld_only(loop, i))
            continue;
        ring_consume(&loop->path.ring, i, unread);
        any = true;
    }
    if (any)
        note_given_up(loop, got);
    return any;
}

bool loop_settle_end(struct poll_loop *loop)
{
    if (loop->overload.scratch_left > 0 || (loop->options->merge && !loop_merge_is_empty(loop)))
        return false;
    if (!loop->overload.admission.ended) {
        loop->overload.admission.withheld = loop_last_record(loop) != RECORD_STANDS;
        struct admission_result result = {.refused.records =
                                              admission_ended(&loop->overload.admission)};
        loop_note_result(loop, NULL, &result);
    }
    if (loop_spooled(loop) > 0 || admission_owes_mark(&loop->overload.admission))
        return false;
    loop->path.flow.ended = true;
    if (!loop->overload.admission.withheld)
        loop->overload.admission.complete = loop->path.ring.head;
    loop_skip_rests(loop);
    (void)loop_withhold_last(loop);
    return true;
}

void loop_end_input(struct poll_loop *loop)
{
    check_end(loop);
    loop->phase = LOOP_DRAINING;
    loop->path.flow.passing = false;
    loop->inputs.idle_since_ns = 0;
    loop->timeouts.drain_start_ns = loop->meter->now_ns;
    loop_close_current(loop);
    loop->inputs.current = loop->inputs.count;
    if (loop->options->merge)
        end_merged_inputs(loop);
    loop_settle_end(loop);
}

void loop_note_read_failure(struct poll_loop *loop, struct loop_input *input, int error)
{
    char reason[METER_ERROR_TEXT];
    snprintf(reason, sizeof reason, "%s at byte %" PRIu64 ": %s",
             endpoint_is_connection(&input->endpoint) ? "lost" : "read failed",
             input->skipped + input->meter->bytes, strerror(error));
    loop_note_failure(loop, input->meter, reason);
}

void loop_merge_input_at_end(struct poll_loop *loop, struct loop_input *input)
{
    loop_note_input_end(loop, input);
    enum input_verdict verdict = loop_input_verdict(input);
    if (verdict == INPUT_UNJUDGED && admission_is_unfinished(&input->admission)) {
        input->fate = RECORD_PENDING;
        input->open = false;
        loop_close_input(loop, input);
        return;
    }
    if (verdict == INPUT_ILL)
        loop_merge_withhold(loop, input, RECORD_TORN);
    loop_merge_end_input(loop, input);
}

void loop_merge_judged(struct poll_loop *loop, struct loop_input *input, enum record_fate fate)
{
    if (input->fate != RECORD_PENDING)
        return;
    input->fate = RECORD_STANDS;
    if (fate != RECORD_STANDS)
        loop_merge_withhold(loop, input, fate);
    loop_merge_end_input(loop, input);
}

/* The record that is being dropped ends here, for the admission and for the outputs that miss
 * it. */
static void end_skipping(struct poll_loop *loop)
{
    struct admission_result result = {.refused.records =
                                          admission_end_skipping(&loop->overload.admission)};
    loop_note_result(loop, NULL, &result);
    loop_note_arrived(loop, loop_spooled(loop) == 0);
}

/* The record that has begun is torn, and another input may follow. The bytes of that input are no
 * part of the record, unless an output gets bytes as they come. */
static void tear(struct poll_loop *loop, struct loop_input *input)
{
    input->fate = RECORD_TORN;
    if (!loop_all_get_whole_records(loop))
        return;
    end_skipping(loop);
    if (loop_record_is_untouched(loop))
        meter_dropped_newest(loop->meter, admission_take_back_begun(&loop->overload.admission),
                             loop_held(loop));
    else
        admission_release(&loop->overload.admission); /* the record was dropped */
    input->record_end = 0;
}

bool loop_end_record(struct poll_loop *loop, struct loop_input *input, bool failed)
{
    enum input_verdict verdict = failed ? INPUT_ILL : loop_input_verdict(input);
    bool skipping = loop->overload.admission.skipping; /* that record is unfinished as well */
    if (!loop_tracks_records(loop) || verdict == INPUT_WELL ||
        (!admission_is_unfinished(&loop->overload.admission) && !skipping))
        return true;
    input->record_end = loop_stream_end(loop);
    if (verdict == INPUT_ILL) {
        tear(loop, input);
        return true;
    }
    input->fate = RECORD_PENDING;
    bool last = input == &loop->inputs.all[loop->inputs.count - 1];
    return last || !loop_all_get_whole_records(loop);
}

/* If the last record, which was held back, is whole after all, releases it. */
static void release_last(struct poll_loop *loop)
{
    if (!loop->overload.admission.withheld || loop_last_record(loop) != RECORD_STANDS)
        return;
    admission_release(&loop->overload.admission);
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
    bool waiting = running && input == &loop->inputs.all[loop->inputs.current];
    if (fate != RECORD_STANDS && waiting)
        tear(loop, input);
    if (waiting)
        loop->inputs.judged = true;
    else
        release_last(loop);
}

void loop_record_judged(struct poll_loop *loop, struct loop_input *input)
{
    settle(loop, input, loop_input_verdict(input) == INPUT_WELL ? RECORD_STANDS : RECORD_TORN);
}

void loop_cut_input(struct poll_loop *loop)
{
    loop->inputs.cut = true;
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (loop->options->merge)
            settle(loop, &loop->inputs.all[i], RECORD_CUT);
        else if (loop->inputs.all[i].fate == RECORD_PENDING)
            loop->inputs.all[i].fate = RECORD_TORN;
    loop->inputs.reading_cut |= loop->phase == LOOP_RUNNING;
    loop_end_input(loop);
}

void loop_give_up_pending(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        settle(loop, &loop->inputs.all[i], RECORD_TORN);
}
