/*
 * overload.c - see overload.h.
 */
#include "loop/overload.h"

#include "base/counted_call.h"
#include "base/message.h"
#include "base/minmax.h"
#include "base/records.h"
#include "base/size.h"
#include "loop/amounts.h"
#include "loop/endpoints.h"
#include "loop/merge.h"
#include "loop/moves.h"
#include "loop/rates.h"
#include "loop/records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- setting up ------------------------------------------------------------------------------- */

static bool drops_oldest(const struct poll_loop *loop)
{
    return loop->options->overflow == OVERFLOW_DROP_OLDEST;
}

static bool drops_newest(const struct poll_loop *loop)
{
    return loop->options->overflow == OVERFLOW_DROP_NEWEST;
}

static bool may_be_overtaken(const struct poll_loop *loop, size_t index)
{
    return drops_oldest(loop) || loop->outputs[index].tap;
}

static int open_spool(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    const char *reason;
    if (options->spool == NULL ||
        spool_open(&loop->spool, options->spool, options->spool_max, &reason) == 0)
        return 0;
    message_print("--spool: %s: %s", options->spool, reason);
    return -1;
}

static int allocate(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    loop->scratch_size = min_size(SCRATCH_SIZE, loop->ring.capacity / 4 + 1);
    if (loop->scratch_size < records_least_room(options->records))
        loop->scratch_size = records_least_room(options->records);
    loop->scratch = malloc(loop->scratch_size);
    if (loop->scratch == NULL ||
        (options->records == RECORD_DATAGRAM && ring_mark_records(&loop->ring) != 0))
        return -1;
    for (size_t i = 0; i < loop->output_count; i++) {
        enum record_kind records = may_be_overtaken(loop, i) ? options->records : RECORD_NONE;
        bool marks = options->gap_mark && (drops_oldest(loop) || loop->outputs[i].tap);
        if (lag_init(&loop->outputs[i].lag, &loop->ring, i, records, marks) != 0)
            return -1;
    }
    return 0;
}

int loop_init_overload(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    struct spool *spool = options->spool != NULL ? &loop->spool : NULL;
    intake_init(&loop->intake, &loop->ring, spool, options->records,
                options->gap_mark && drops_newest(loop));
    if (allocate(loop) != 0 || loop_init_amounts(loop) != 0) {
        message_print("%s", strerror(ENOMEM));
        return -1;
    }
    return open_spool(loop);
}

void loop_destroy_overload(struct poll_loop *loop)
{
    for (size_t i = 0; loop->outputs != NULL && i < loop->output_count; i++)
        lag_destroy(&loop->outputs[i].lag);
    free(loop->scratch);
    spool_close(&loop->spool);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static uint64_t spooled(const struct poll_loop *loop)
{
    return loop->intake.spool == NULL ? 0 : spool_held(loop->intake.spool);
}

static uint64_t main_tail(const struct poll_loop *loop)
{
    return loop->ring.head - ring_backlog(&loop->ring, loop->main_count);
}

static void note_spool(struct poll_loop *loop, size_t written)
{
    if (loop->intake.spool != NULL)
        meter_spooled(loop->meter, written, spooled(loop));
    if (loop->intake.spool_error != 0 && !loop->spool_failed) {
        loop->spool_failed = true;
        message_print("--spool: %s: write failed: %s", loop->options->spool,
                      strerror(loop->intake.spool_error));
    }
}

static void announce(const struct poll_loop *loop, const char *who, const char *what)
{
    char size[SIZE_TEXT];
    message_print("%s: the buffer is full (%s): %s", who,
                  size_format(size, loop->options->buffer_size, loop->options->si), what);
}

void loop_note_lag(struct poll_loop *loop, struct loop_output *output)
{
    struct lag_count *dropped = &output->lag.dropped;
    if (dropped->bytes == 0 && dropped->records == 0)
        return;
    output->meter->bytes_dropped += dropped->bytes;
    output->meter->records_dropped += dropped->records;
    *dropped = (struct lag_count){0};
    if (output->dropping_said)
        return;
    output->dropping_said = true;
    if (output->tap)
        message_print("%s: does not keep up, and misses some (--tap)", output->meter->name);
    else
        announce(loop, output->meter->name, "dropping the oldest (--overflow drop-oldest)");
}

void loop_note_dropped(struct poll_loop *loop, struct loop_input *input,
                       const struct lag_count *dropped)
{
    bool *said = input != NULL ? &input->dropping_said : &loop->dropping_said;
    for (size_t i = 0; i < loop->output_count; i++) {
        struct loop_output *output = &loop->outputs[i];
        if (output->state != OUTPUT_OPEN)
            continue;
        output->meter->bytes_dropped += dropped->bytes;
        output->meter->records_dropped += dropped->records;
    }
    if (input != NULL) {
        input->meter->bytes_dropped += dropped->bytes;
        input->meter->records_dropped += dropped->records;
    }
    if (dropped->bytes > 0 && !*said) {
        *said = true;
        announce(loop, input != NULL ? input->meter->name : "input",
                 drops_newest(loop) ? "dropping what comes (--overflow drop-newest)"
                                    : "dropping the oldest (--overflow drop-oldest)");
    }
}

void loop_note_result(struct poll_loop *loop, struct loop_input *input,
                      const struct intake_result *result)
{
    meter_dropped_newest(loop->meter, result->retracted, loop_held(loop));
    meter_added(loop->meter, result->added, loop_held(loop));
    loop->added += result->added;
    meter_arrived(loop->meter, result->entered, loop_held(loop));
    meter_refused(loop->meter, result->refused.bytes - result->retracted);
    note_spool(loop, result->spooled);
    loop_note_dropped(loop, input, &result->refused);
    if (input != NULL)
        input->meter->bytes_added += result->added;
    for (size_t i = 0; i < loop->output_count; i++)
        if (loop->outputs[i].state == OUTPUT_OPEN)
            loop->outputs[i].meter->bytes_added += result->added;
    if (result->refused.bytes > 0)
        flow_overflowed(&loop->flow);
}

static void note_arrived(struct poll_loop *loop, bool ended)
{
    for (size_t i = 0; i < loop->output_count; i++) {
        lag_arrived(&loop->outputs[i].lag, ended);
        loop_note_lag(loop, &loop->outputs[i]);
    }
}

/* Bytes came into the ring, or none will any more: what they mean for those who drop a record. */
static void skip_rests(struct poll_loop *loop)
{
    note_arrived(loop, loop->intake.ended && spooled(loop) == 0);
}

void loop_end_skipping(struct poll_loop *loop)
{
    struct intake_result result = {.refused.records = intake_end_skipping(&loop->intake)};
    loop_note_result(loop, NULL, &result);
    note_arrived(loop, spooled(loop) == 0);
}

void loop_note_arrival(struct poll_loop *loop, size_t bytes)
{
    if (!loop->flow.eager && loop->output_count == loop->main_count && !loop->sends_messages)
        return;
    intake_committed(&loop->intake, bytes);
    skip_rests(loop);
}

/* --- making room ------------------------------------------------------------------------------ */

/* Makes outputs [from, to) let go of what lies before `position`. */
static void overtake(struct poll_loop *loop, size_t from, size_t to, uint64_t position,
                     bool incomplete_too)
{
    for (size_t i = from; i < to; i++) {
        if (!loop->ring.readers[i].attached)
            continue;
        lag_overtake(&loop->outputs[i].lag, position, loop->intake.complete, incomplete_too);
        loop_note_lag(loop, &loop->outputs[i]);
    }
}

/* A tap that took only a part, and might take more at once, is asked for that before it misses
 * anything. */
static void ask_taps(struct poll_loop *loop, size_t least)
{
    for (size_t i = loop->main_count; i < loop->output_count; i++)
        while (ring_room(&loop->ring) < least && !loop->flow.outputs[i].blocked &&
               loop_write_output(loop, i))
            ;
}

/* Where the outputs leave room for `wanted` bytes, taps let go unless `least` fit. */
static size_t overtake_taps(struct poll_loop *loop, size_t wanted, size_t least)
{
    size_t free =
        min_size(wanted, loop->ring.capacity - ring_backlog(&loop->ring, loop->main_count));
    least = min_size(free, least);
    ask_taps(loop, least);
    if (loop->output_count == loop->main_count || ring_room(&loop->ring) >= least)
        return min_size(wanted, ring_room(&loop->ring));
    uint64_t position = loop->ring.head + free - loop->ring.capacity;
    overtake(loop, loop->main_count, loop->output_count, position, false);
    if (ring_room(&loop->ring) == 0 && !drops_newest(loop))
        overtake(loop, loop->main_count, loop->output_count, position, true);
    for (size_t i = loop->main_count; i < loop->output_count; i++)
        loop->outputs[i].parked = loop->flow.outputs[i].blocked;
    return min_size(wanted, ring_room(&loop->ring));
}

size_t loop_overtake_taps(struct poll_loop *loop, size_t wanted)
{
    size_t least = records_least_room(loop->options->records);
    size_t part = loop->ring.capacity / 16 + 1;
    return overtake_taps(loop, wanted, part > least ? part : least);
}

/* For what is dropped if it does not fit: no output misses it because of a tap. */
static void clear_taps(struct poll_loop *loop, size_t wanted)
{
    (void)overtake_taps(loop, wanted, wanted);
}

/* A tap that was overtaken and takes nothing is kept abreast of the outputs, so that the ring runs
 * empty as if there were no such tap: it is used from its start again, where the cache is warm. */
static void move_parked(struct poll_loop *loop)
{
    for (size_t i = loop->main_count; i < loop->output_count; i++) {
        struct loop_output *tap = &loop->outputs[i];
        tap->parked &= loop->flow.outputs[i].blocked;
        if (tap->parked)
            overtake(loop, i, i + 1, loop->main_tail, !drops_newest(loop));
    }
}

void loop_note_left(struct poll_loop *loop)
{
    uint64_t tail = main_tail(loop);
    if (loop->intake.spool != NULL && tail > loop->main_tail)
        spool_try_again(loop->intake.spool);
    meter_left(loop->meter, tail - loop->main_tail, loop_held(loop));
    meter_overtaking_passed(loop->meter);
    loop->main_tail = tail;
    move_parked(loop);
}

/* Up to where the outputs are to let go under drop-oldest, so that `wanted` bytes more fit. What is
 * not complete yet is left alone as long as there is something older. */
static uint64_t overtaking_position(const struct poll_loop *loop, size_t wanted)
{
    const struct ring *ring = &loop->ring;
    uint64_t room = min_size(wanted, ring->capacity);
    if (loop->flow.held && ring->capacity - loop->flow.resume_mark > room)
        room = ring->capacity - loop->flow.resume_mark;
    uint64_t position = ring->head + room - ring->capacity;
    bool records = loop->options->records != RECORD_NONE;
    return records && position > loop->intake.complete ? loop->intake.complete : position;
}

uint64_t loop_farthest(const struct poll_loop *loop)
{
    uint64_t position = loop->main_tail;
    for (size_t i = 0; i < loop->main_count; i++)
        if (loop->ring.readers[i].attached && loop->ring.readers[i].cursor > position)
            position = loop->ring.readers[i].cursor;
    return position;
}

/* drop-oldest: there is no room. What leaves the ring has passed if at least one output has got it;
 * or if the only one has put it aside, to get it first. */
void loop_make_room(struct poll_loop *loop, size_t wanted)
{
    uint64_t got = loop_farthest(loop);
    uint64_t dropped = loop->outputs[0].meter->bytes_dropped;
    overtake(loop, 0, loop->output_count, overtaking_position(loop, wanted), false);
    if (ring_room(&loop->ring) == 0)
        overtake(loop, 0, loop->output_count, loop->ring.head, true);
    uint64_t tail = main_tail(loop);
    if (loop->main_count == 1)
        dropped = loop->outputs[0].meter->bytes_dropped - dropped;
    else
        dropped = tail > got ? tail - got : 0;
    meter_left(loop->meter, tail - loop->main_tail - dropped, loop_held(loop));
    meter_dropped_oldest(loop->meter, dropped, loop_held(loop));
    loop->main_tail = tail;
    flow_overflowed(&loop->flow);
    loop->flow.held = false;
    loop->intake.closed = false;
}

void loop_note_given_up(struct poll_loop *loop, uint64_t got)
{
    uint64_t tail = main_tail(loop), rest = tail > got ? tail - got : 0;
    meter_left(loop->meter, tail - loop->main_tail - rest, loop_held(loop));
    meter_dropped_oldest(loop->meter, rest, loop_held(loop));
    loop->main_tail = tail;
}

static bool add_mark(struct poll_loop *loop)
{
    if (intake_owes_mark(&loop->intake))
        clear_taps(loop, LAG_MARK_SIZE);
    size_t added = intake_mark(&loop->intake, &loop->meter->calls[CALL_WRITE]);
    if (added > 0)
        loop_note_result(loop, NULL, &(struct intake_result){.added = added});
    return added > 0;
}

/* --- from the spool --------------------------------------------------------------------------- */

static void spool_broke(struct poll_loop *loop, int error)
{
    message_print("--spool: %s: read failed: %s", loop->options->spool, strerror(error));
    loop->ending.failed = true;
    loop->phase = LOOP_DONE;
}

/* Moves up to `max` bytes. */
static bool unspool(struct poll_loop *loop, size_t max)
{
    max = loop_overtake_taps(loop, max);
    if (max == 0 || spooled(loop) == 0)
        return false;
    ssize_t bytes = intake_unspool(&loop->intake, max, &loop->meter->calls[CALL_READ]);
    if (bytes < 0) {
        spool_broke(loop, errno);
        return true;
    }
    skip_rests(loop);
    meter_refilled(loop->meter, loop_held(loop));
    note_spool(loop, 0);
    return bytes > 0;
}

/* --- what was read aside ---------------------------------------------------------------------- */

void loop_overflowed(struct poll_loop *loop, struct loop_input *input, size_t bytes)
{
    announce(loop, input != NULL ? input->meter->name : "input", "giving up (--overflow fail)");
    meter_refused(loop->meter, bytes);
    loop->scratch_left = 0;
    loop->ending.overflowed = true;
    loop_cut_input(loop);
}

static void admit(struct poll_loop *loop)
{
    uint64_t *calls = &loop->meter->calls[CALL_WRITE];
    const unsigned char *from = loop->scratch + loop->scratch_start;
    struct intake_result result =
        drops_newest(loop) ? intake_admit_or_drop(&loop->intake, from, loop->scratch_left, calls)
                           : intake_admit(&loop->intake, from, loop->scratch_left, calls);
    loop_note_result(loop, NULL, &result);
    size_t done = drops_newest(loop) ? loop->scratch_left : result.entered;
    loop->scratch_start += done;
    loop->scratch_left -= done;
    skip_rests(loop);
}

size_t loop_give(struct poll_loop *loop, const struct span *span)
{
    struct intake_result result =
        intake_admit_span(&loop->intake, span, &loop->meter->calls[CALL_WRITE]);
    skip_rests(loop);
    meter_refilled(loop->meter, loop_held(loop));
    note_spool(loop, result.spooled);
    return result.entered;
}

/* Finds a place for what was read aside. False: there is none for now. */
static bool place(struct poll_loop *loop)
{
    size_t before = loop->scratch_left;
    clear_taps(loop, before + LAG_MARK_SIZE);
    admit(loop);
    while (loop->scratch_left > 0 && drops_oldest(loop) && loop->phase != LOOP_DONE) {
        loop_make_room(loop, loop->scratch_left);
        unspool(loop, ring_room(&loop->ring)); /* which may end the run */
        admit(loop);
    }
    if (loop->scratch_left > 0 && loop->options->overflow == OVERFLOW_FAIL)
        loop_overflowed(loop, NULL, loop->scratch_left);
    return loop->scratch_left < before;
}

/* The ring is full of a part of a record, which is not to be offered: room cannot come. */
static bool is_stuck(const struct poll_loop *loop)
{
    return flow_room(&loop->flow) == 0 && loop->intake.records != RECORD_NONE &&
           (drops_newest(loop) || drops_oldest(loop)) && main_tail(loop) >= loop->intake.complete;
}

bool loop_move_overload(struct poll_loop *loop)
{
    bool moved = false;
    size_t room = flow_readable(&loop->flow);
    loop->intake.closed = loop->flow.held;
    if (spooled(loop) > 0 && drops_oldest(loop) && is_stuck(loop)) {
        loop_make_room(loop, 1);
        room = ring_room(&loop->ring);
    }
    if (spooled(loop) > 0 && room > 0)
        moved = unspool(loop, room);
    if (loop->phase != LOOP_DONE && loop->scratch_left > 0)
        moved |= place(loop);
    if (loop->phase != LOOP_DONE && !loop->intake.closed)
        moved |= add_mark(loop);
    if (loop->phase == LOOP_DRAINING && !loop->flow.ended)
        moved |= loop_settle_end(loop);
    if (loop->phase == LOOP_DRAINING)
        moved |= loop_withhold_last(loop);
    return moved;
}

/* --- reading ---------------------------------------------------------------------------------- */

bool loop_is_overloaded(const struct poll_loop *loop)
{
    return loop->flow.eager &&
           (spooled(loop) > 0 || loop->flow.held || flow_room(&loop->flow) == 0);
}

bool loop_is_full(const struct poll_loop *loop)
{
    if (loop->options->merge)
        return loop->flow.crowded;
    return intake_room(&loop->intake) < loop->flow.least_room && loop->flow.stored == 0 &&
           flow_room(&loop->flow) == 0;
}

bool loop_has_way_out(const struct poll_loop *loop)
{
    if (loop->scratch_left > 0)
        return false;
    if (endpoint_on_disk(&loop->inputs[loop->current].endpoint)) /* it waits, if that helps */
        return is_stuck(loop);
    if (loop->intake.spool != NULL && spool_room(loop->intake.spool) > 0)
        return true;
    return loop->options->overflow != OVERFLOW_BLOCK && !flow_any_taking(&loop->flow);
}

bool loop_must_read_aside(const struct poll_loop *loop)
{
    return loop_is_overloaded(loop) || !intake_takes_directly(&loop->intake);
}

void loop_took_aside(struct poll_loop *loop, size_t bytes)
{
    loop->scratch_start = 0;
    loop->scratch_left = bytes;
    place(loop);
}

/* --- the end ---------------------------------------------------------------------------------- */

bool loop_settle_end(struct poll_loop *loop)
{
    if (loop->scratch_left > 0 || (loop->options->merge && !loop_merge_is_empty(loop)))
        return false;
    if (!loop->intake.ended) {
        loop->intake.withheld = loop_last_record(loop) != RECORD_STANDS;
        struct intake_result result = {.refused.records = intake_ended(&loop->intake)};
        loop_note_result(loop, NULL, &result);
    }
    if (spooled(loop) > 0 || intake_owes_mark(&loop->intake))
        return false;
    loop->flow.ended = true;
    if (!loop->intake.withheld)
        loop->intake.complete = loop->ring.head;
    skip_rests(loop);
    (void)loop_withhold_last(loop);
    return true;
}

bool loop_is_empty(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->main_count; i++)
        if (loop->outputs[i].state == OUTPUT_OPEN && lag_has_beside(&loop->outputs[i].lag))
            return false;
    return flow_held(&loop->flow) == 0 && spooled(loop) == 0 && loop->scratch_left == 0 &&
           !intake_owes_mark(&loop->intake) && (!loop->options->merge || loop_merge_is_empty(loop));
}

void loop_forget_scratch(struct poll_loop *loop)
{
    meter_refused(loop->meter, loop->scratch_left);
    loop->scratch_left = 0;
}

void loop_renew_overload(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->output_count; i++) {
        const struct loop_output *output = &loop->outputs[i];
        loop->flow.outputs[i].beside =
            output->state == OUTPUT_OPEN ? lag_beside_bytes(&output->lag) : 0;
    }
}
