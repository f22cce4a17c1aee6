/*
 * overload.c - see overload.h.
 */
#include "loop/overload.h"

#include "base/counted_call.h"
#include "base/message.h"
#include "base/minmax.h"
#include "base/records.h"
#include "base/size.h"
#include "loop/account.h"
#include "loop/failure.h"
#include "loop/input.h"
#include "loop/state.h"
#include "loop/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether an output may be overtaken, so that it misses whole records: its overrun then has to know
 * the kind of the records. */
static bool may_miss_records(const struct poll_loop *loop, size_t index)
{
    return loop_drops_oldest(loop) || loop->outputs.all[index].tap;
}

static int open_spool(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    const char *reason;
    if (options->spool == NULL ||
        spool_open(&loop->overload.spool, options->spool, options->spool_max, &reason) == 0)
        return 0;
    message_print("--spool: %s: %s", options->spool, reason);
    return -1;
}

static int allocate(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    loop->overload.scratch_size = min_size(SCRATCH_SIZE, loop->path.ring.capacity / 4 + 1);
    if (loop->overload.scratch_size < records_least_room(options->records))
        loop->overload.scratch_size = records_least_room(options->records);
    loop->overload.scratch = malloc(loop->overload.scratch_size);
    if (loop->overload.scratch == NULL ||
        (options->records == RECORD_DATAGRAM && ring_mark_records(&loop->path.ring) != 0))
        return -1;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        enum record_kind records = may_miss_records(loop, i) ? options->records : RECORD_NONE;
        bool marks = options->gap_mark && (loop_drops_oldest(loop) || loop->outputs.all[i].tap);
        if (overrun_init(&loop->outputs.all[i].overrun, &loop->path.ring, i, records, marks) != 0)
            return -1;
    }
    return 0;
}

int loop_init_overload(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    struct spool *spool = options->spool != NULL ? &loop->overload.spool : NULL;
    admission_init(&loop->overload.admission, &loop->path.ring, spool, options->records,
                   options->gap_mark && loop_drops_newest(loop));
    if (allocate(loop) != 0 || loop_init_amounts(loop) != 0) {
        message_print("%s", strerror(ENOMEM));
        return -1;
    }
    return open_spool(loop);
}

void loop_destroy_overload(struct poll_loop *loop)
{
    for (size_t i = 0; loop->outputs.all != NULL && i < loop->outputs.count; i++)
        overrun_destroy(&loop->outputs.all[i].overrun);
    free(loop->overload.scratch);
    spool_close(&loop->overload.spool);
}

void loop_note_arrival(struct poll_loop *loop, size_t bytes)
{
    if (!loop->path.flow.eager && loop->outputs.count == loop->outputs.main_count &&
        !loop->outputs.sends_messages)
        return;
    admission_committed(&loop->overload.admission, bytes);
    loop_skip_rests(loop);
}

/* A tap that took only a part of the bytes offered, and might take more at once, is written to
 * again before it misses anything. */
static void ask_taps(struct poll_loop *loop, size_t least)
{
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++)
        while (ring_room(&loop->path.ring) < least && !loop->path.flow.outputs[i].blocked &&
               loop_write_output(loop, i))
            ;
}

/* Makes taps let go of bytes where the outputs leave room for `wanted` bytes, unless `least` bytes
 * fit already. */
static size_t overtake_taps(struct poll_loop *loop, size_t wanted, size_t least)
{
    size_t free = min_size(wanted, loop->path.ring.capacity -
                                       ring_backlog(&loop->path.ring, loop->outputs.main_count));
    least = min_size(free, least);
    ask_taps(loop, least);
    if (loop->outputs.count == loop->outputs.main_count || ring_room(&loop->path.ring) >= least)
        return min_size(wanted, ring_room(&loop->path.ring));
    uint64_t position = loop->path.ring.head + free - loop->path.ring.capacity;
    loop_overtake(loop, loop->outputs.main_count, loop->outputs.count, position, false);
    if (ring_room(&loop->path.ring) == 0 && !loop_drops_newest(loop))
        loop_overtake(loop, loop->outputs.main_count, loop->outputs.count, position, true);
    for (size_t i = loop->outputs.main_count; i < loop->outputs.count; i++)
        loop->outputs.all[i].parked = loop->path.flow.outputs[i].blocked;
    return min_size(wanted, ring_room(&loop->path.ring));
}

size_t loop_overtake_taps(struct poll_loop *loop, size_t wanted)
{
    size_t least = records_least_room(loop->options->records);
    size_t part = loop->path.ring.capacity / 16 + 1;
    return overtake_taps(loop, wanted, part > least ? part : least);
}

/* For bytes that are dropped if they do not fit: no output may miss them because of a tap. */
static void clear_taps(struct poll_loop *loop, size_t wanted)
{
    (void)overtake_taps(loop, wanted, wanted);
}

/* The position up to which the outputs have to let go under drop-oldest, so that `wanted` more
 * bytes fit. A record that is not complete yet is left alone as long as there is something
 * older. */
static uint64_t overtaking_position(const struct poll_loop *loop, size_t wanted)
{
    const struct ring *ring = &loop->path.ring;
    uint64_t room = min_size(wanted, ring->capacity);
    if (loop->path.flow.held && ring->capacity - loop->path.flow.resume_mark > room)
        room = ring->capacity - loop->path.flow.resume_mark;
    uint64_t position = ring->head + room - ring->capacity;
    bool records = loop->options->records != RECORD_NONE;
    return records && position > loop->overload.admission.complete
               ? loop->overload.admission.complete
               : position;
}

/* drop-oldest: there is no room. Bytes that leave the ring count as passed if at least one output
 * has got them, or if the only output has put them aside and gets them first. */
void loop_overtake_outputs(struct poll_loop *loop, size_t wanted)
{
    uint64_t got = loop_farthest(loop);
    uint64_t dropped = loop->outputs.all[0].meter->bytes_dropped;
    loop_overtake(loop, 0, loop->outputs.count, overtaking_position(loop, wanted), false);
    if (ring_room(&loop->path.ring) == 0)
        loop_overtake(loop, 0, loop->outputs.count, loop->path.ring.head, true);
    uint64_t tail = loop_main_tail(loop);
    if (loop->outputs.main_count == 1)
        dropped = loop->outputs.all[0].meter->bytes_dropped - dropped;
    else
        dropped = tail > got ? tail - got : 0;
    meter_left(loop->meter, tail - loop->outputs.main_tail - dropped, loop_held(loop));
    meter_dropped_oldest(loop->meter, dropped, loop_held(loop));
    loop->outputs.main_tail = tail;
    flow_overflowed(&loop->path.flow);
    loop->path.flow.held = false;
    loop->overload.admission.closed = false;
}

static bool add_mark(struct poll_loop *loop)
{
    if (admission_owes_mark(&loop->overload.admission))
        clear_taps(loop, OVERRUN_MARK_SIZE);
    size_t added = admission_mark(&loop->overload.admission, &loop->meter->calls[CALL_WRITE]);
    if (added > 0)
        loop_note_result(loop, NULL, &(struct admission_result){.added = added});
    return added > 0;
}

static void spool_broke(struct poll_loop *loop, int error)
{
    message_print("--spool: %s: read failed: %s", loop->options->spool, strerror(error));
    loop_break_off(loop);
}

/* Moves up to `max` bytes from the spool to the ring. */
static bool unspool(struct poll_loop *loop, size_t max)
{
    max = loop_overtake_taps(loop, max);
    if (max == 0 || loop_spooled(loop) == 0)
        return false;
    ssize_t bytes =
        admission_unspool(&loop->overload.admission, max, &loop->meter->calls[CALL_READ]);
    if (bytes < 0) {
        spool_broke(loop, errno);
        return true;
    }
    loop_skip_rests(loop);
    meter_refilled(loop->meter, loop_held(loop));
    loop_note_spool(loop, 0);
    return bytes > 0;
}

void loop_overflowed(struct poll_loop *loop, struct loop_input *input, size_t bytes)
{
    loop_announce(loop, input != NULL ? input->meter->name : "input", "giving up (--overflow)");
    meter_refused(loop->meter, bytes);
    loop->overload.scratch_left = 0;
    loop->ending.overflowed = true;
    loop_cut_input(loop);
}

static void admit(struct poll_loop *loop)
{
    uint64_t *calls = &loop->meter->calls[CALL_WRITE];
    const unsigned char *from = loop->overload.scratch + loop->overload.scratch_start;
    struct admission_result result =
        loop_drops_newest(loop)
            ? admission_admit_or_drop(&loop->overload.admission, from, loop->overload.scratch_left,
                                      calls)
            : admission_admit(&loop->overload.admission, from, loop->overload.scratch_left, calls);
    loop_note_result(loop, NULL, &result);
    size_t done = loop_drops_newest(loop) ? loop->overload.scratch_left : result.entered;
    loop->overload.scratch_start += done;
    loop->overload.scratch_left -= done;
    loop_skip_rests(loop);
}

size_t loop_give(struct poll_loop *loop, const struct span *span)
{
    struct admission_result result =
        admission_admit_span(&loop->overload.admission, span, &loop->meter->calls[CALL_WRITE]);
    loop_skip_rests(loop);
    meter_refilled(loop->meter, loop_held(loop));
    loop_note_spool(loop, result.spooled);
    return result.entered;
}

/* Finds a place for the bytes that were read aside. Returns false if there is none for now. */
static bool place(struct poll_loop *loop)
{
    size_t before = loop->overload.scratch_left;
    clear_taps(loop, before + OVERRUN_MARK_SIZE);
    admit(loop);
    while (loop->overload.scratch_left > 0 && loop_drops_oldest(loop) && loop->phase != LOOP_DONE) {
        loop_overtake_outputs(loop, loop->overload.scratch_left);
        unspool(loop, ring_room(&loop->path.ring)); /* unspool() may end the run */
        admit(loop);
    }
    if (loop->overload.scratch_left > 0 && loop->options->overflow == OVERFLOW_FAIL)
        loop_overflowed(loop, NULL, loop->overload.scratch_left);
    return loop->overload.scratch_left < before;
}

bool loop_move_overload(struct poll_loop *loop)
{
    bool moved = false;
    size_t room = flow_readable(&loop->path.flow);
    loop->overload.admission.closed = loop->path.flow.held;
    if (loop_spooled(loop) > 0 && loop_drops_oldest(loop) && loop_is_stuck(loop)) {
        loop_overtake_outputs(loop, 1);
        room = ring_room(&loop->path.ring);
    }
    if (loop_spooled(loop) > 0 && room > 0)
        moved = unspool(loop, room);
    if (loop->phase != LOOP_DONE && loop->overload.scratch_left > 0)
        moved |= place(loop);
    if (loop->phase != LOOP_DONE && !loop->overload.admission.closed)
        moved |= add_mark(loop);
    if (loop->phase == LOOP_DRAINING && !loop->path.flow.ended)
        moved |= loop_settle_end(loop);
    if (loop->phase == LOOP_DRAINING)
        moved |= loop_withhold_last(loop);
    return moved;
}

void loop_took_aside(struct poll_loop *loop, size_t bytes)
{
    loop->overload.scratch_start = 0;
    loop->overload.scratch_left = bytes;
    place(loop);
}

void loop_forget_scratch(struct poll_loop *loop)
{
    meter_refused(loop->meter, loop->overload.scratch_left);
    loop->overload.scratch_left = 0;
}

void loop_renew_overload(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.count; i++) {
        const struct loop_output *output = &loop->outputs.all[i];
        loop->path.flow.outputs[i].beside =
            output->state == OUTPUT_OPEN ? overrun_beside_bytes(&output->overrun) : 0;
    }
}
