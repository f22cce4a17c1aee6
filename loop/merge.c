/*
 * merge.c - see merge.h.
 */
#include "loop/merge.h"

#include "base/minmax.h"
#include "base/records.h"
#include "loop/account.h"
#include "loop/input.h"
#include "loop/overload.h"
#include "loop/rates.h"
#include "loop/read.h"
#include "loop/state.h"

int loop_init_merge(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    if (!options->merge)
        return 0;
    size_t share = ((size_t)options->buffer_size - loop->path.ring.capacity) / loop->inputs.count;
    bool oldest = options->overflow == OVERFLOW_DROP_OLDEST;
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        if (ring_init(&input->share, share, 1) != 0 ||
            (options->records == RECORD_DATAGRAM && ring_mark_records(&input->share) != 0) ||
            overrun_init(&input->overrun, &input->share, 0, oldest ? options->records : RECORD_NONE,
                         oldest && options->gap_mark) != 0)
            return -1;
        input->passes_parts =
            options->overflow == OVERFLOW_BLOCK || options->overflow == OVERFLOW_FAIL;
        admission_init(&input->admission, &input->share, NULL, options->records,
                       options->gap_mark && options->overflow == OVERFLOW_DROP_NEWEST);
    }
    return 0;
}

void loop_destroy_merge(struct poll_loop *loop)
{
    for (size_t i = 0; loop->inputs.all != NULL && i < loop->inputs.count; i++) {
        overrun_destroy(&loop->inputs.all[i].overrun);
        ring_destroy(&loop->inputs.all[i].share);
    }
}

static size_t resume_mark(const struct poll_loop *loop, const struct loop_input *input)
{
    return input->share.capacity / 100 * loop->options->resume_fill_percent +
           input->share.capacity % 100 * loop->options->resume_fill_percent / 100;
}

/* --overflow drop-oldest: the mixer lets go of the oldest bytes. It lets go of a record that is not
 * whole only if there is nothing else. */
static void overtake_mixer(struct loop_input *input, size_t wanted, size_t mark)
{
    struct ring *share = &input->share;
    size_t room = min_size(wanted, share->capacity);
    if (input->held && share->capacity - mark > room)
        room = share->capacity - mark;
    input->held = false;
    uint64_t position = share->head + room - share->capacity;
    uint64_t complete = input->admission.complete;
    if (input->admission.records != RECORD_NONE && position > complete)
        position = complete;
    overrun_overtake(&input->overrun, position, complete, false);
    if (ring_room(share) == 0)
        overrun_overtake(&input->overrun, share->head, complete, true);
}

static void place_oldest(struct poll_loop *loop, struct loop_input *input,
                         const unsigned char *from, size_t bytes)
{
    while (bytes > 0) {
        struct admission_result result = admission_admit(&input->admission, from, bytes, NULL);
        loop_note_result(loop, input, &result);
        overrun_arrived(&input->overrun, false);
        from += result.entered;
        bytes -= result.entered;
        if (bytes > 0)
            overtake_mixer(input, bytes, resume_mark(loop, input));
        loop_merge_note_misses(loop, input);
    }
}

/* Finds a place for the bytes that were read aside: for all of them. */
static void place(struct poll_loop *loop, struct loop_input *input, size_t bytes)
{
    struct admission_result result;
    switch (loop->options->overflow) {
    case OVERFLOW_DROP_NEWEST:
        result = admission_admit_or_drop(&input->admission, loop->overload.scratch, bytes, NULL);
        loop_note_result(loop, input, &result);
        break;
    case OVERFLOW_DROP_OLDEST:
        place_oldest(loop, input, loop->overload.scratch, bytes);
        break;
    case OVERFLOW_BLOCK: /* cannot happen: input is read only into the share then */
    case OVERFLOW_FAIL:
        result = admission_admit(&input->admission, loop->overload.scratch, bytes,
                                 NULL); /* a short datagram may fit */
        loop_note_result(loop, input, &result);
        if (result.entered < bytes)
            loop_overflowed(loop, input, bytes - result.entered);
        break;
    }
}

static void took(struct poll_loop *loop, struct loop_input *input, const struct transfer *transfer,
                 bool aside)
{
    loop_count_input(loop, input, transfer->bytes);
    loop_count_merged(loop, input, transfer, aside);
    loop_spend_input(loop, transfer->bytes);
    loop->inputs.idle_since_ns = 0;
    if (!input->endpoint.nonblock.writers_gone)
        input->ready = !transfer->partial;
    if (aside) {
        place(loop, input, transfer->bytes);
        return;
    }
    admission_committed(&input->admission, transfer->bytes);
    overrun_arrived(&input->overrun, false);
    meter_arrived(loop->meter, transfer->bytes, loop_held(loop));
    loop_merge_note_misses(loop, input);
}

/* Adds the mark that is due before other bytes, if it fits. */
static void add_mark(struct poll_loop *loop, struct loop_input *input)
{
    struct admission_result result = {.added = admission_mark(&input->admission, NULL)};
    if (result.added > 0)
        loop_note_result(loop, input, &result);
}

static bool read_one(struct poll_loop *loop, struct loop_input *input)
{
    input->admission.closed = input->held && loop->options->overflow == OVERFLOW_DROP_NEWEST;
    if (!input->held)
        add_mark(loop, input);
    bool aside =
        loop_merge_room(input) == 0 || input->held || !admission_takes_directly(&input->admission);
    size_t max = aside ? min_size(loop->overload.scratch_size, input->share.capacity)
                       : min_size(loop->path.flow.read_size, loop_merge_room(input));
    max = loop_allow_input(loop, max);
    if (max == 0)
        return false;
    struct transfer transfer =
        loop_call_transfer_in(loop, input, aside ? NULL : &input->share, max);
    switch (transfer.status) {
    case TRANSFER_MOVED:
        took(loop, input, &transfer, aside);
        break;
    case TRANSFER_BLOCKED:
        input->ready = false;
        input->cold = endpoint_on_disk(&input->endpoint);
        return false;
    case TRANSFER_END:
        loop_merge_input_at_end(loop, input);
        break;
    case TRANSFER_FAILED:
        loop_note_read_failure(loop, input, transfer.error);
        loop_merge_withhold(loop, input, RECORD_TORN);
        loop_merge_end_input(loop, input);
        break;
    }
    return true;
}

/* Updates the water marks of the shares: for the decision which inputs may be read, and for
 * --start-fill, which waits for no more bytes where no more can come. */
static void update_marks(struct poll_loop *loop)
{
    loop->path.flow.behind = loop_merge_held(loop);
    loop->path.flow.crowded = loop->phase == LOOP_DRAINING;
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        if (loop_merge_room(input) == 0)
            input->held = loop->options->resume_fill_percent < 100;
        else if (ring_fill(&input->share) <= resume_mark(loop, input) ||
                 !loop_merge_has_something(loop, input))
            input->held = false;
        loop->path.flow.crowded |= input->held || loop_merge_room(input) == 0;
    }
}

bool loop_merge_read(struct poll_loop *loop)
{
    bool moved = false, open = false;
    update_marks(loop);
    for (size_t i = 0; i < loop->inputs.count && loop->phase == LOOP_RUNNING; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        input->cold = false;
        if (loop_merge_may_read(loop, i) && loop_input_is_ready(input))
            moved |= read_one(loop, input);
        open |= input->open;
    }
    if (loop->phase == LOOP_RUNNING && !open) {
        loop_end_input(loop);
        moved = true;
    }
    update_marks(loop);
    return moved;
}

/* Whether the mixer is in the middle of a record of this input. */
static bool has_begun(const struct loop_input *input)
{
    return input->overrun.in_record || input->overrun.aside_left > 0 ||
           (input->overrun.mark_left > 0 && input->overrun.mark_start > 0);
}

/* The input whose turn it is, or NULL. */
static struct loop_input *choose(struct poll_loop *loop)
{
    struct loop_input *chosen = NULL;
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        bool waiting = loop_merge_has_something(loop, input);
        if (has_begun(input)) /* the others wait until the record ends */
            return waiting ? input : NULL;
        if (waiting && !input->waiting && input->served < loop->inputs.mix_clock)
            input->served = loop->inputs.mix_clock;
        input->waiting = waiting;
        if (waiting && (chosen == NULL || input->served < chosen->served))
            chosen = input;
    }
    if (chosen != NULL)
        loop->inputs.mix_clock = chosen->served;
    return chosen;
}

/* How many of the bytes that the input offers (loop_merge_offered()) go in one turn: whole records,
 * at least one; of datagrams, one. */
static size_t turn_of(const struct loop_input *input)
{
    enum record_kind records = input->admission.records;
    size_t most = loop_merge_offered(input);
    struct span span = ring_read_span(&input->share, 0, min_size(MERGE_TURN, most));
    if (records == RECORD_NONE)
        return span.bytes;
    bool several = !input->overrun.in_record && records != RECORD_DATAGRAM;
    size_t whole = several ? records_whole_span(&span, records) : 0;
    if (whole > 0)
        return whole;
    span = ring_read_span(&input->share, 0, most);
    return records_span(&span, records, 1);
}

static size_t give_memory(struct poll_loop *loop, const void *memory, size_t bytes)
{
    struct span span = {.piece = {{(void *)memory, bytes}}, .count = 1, .bytes = bytes};
    return bytes > 0 ? loop_give(loop, &span) : 0;
}

static bool mix_beside(struct poll_loop *loop, struct loop_input *input, size_t room)
{
    size_t added;
    struct iovec beside = overrun_beside(&input->overrun, &added);
    loop_note_result(loop, input, &(struct admission_result){.added = added});
    size_t given = give_memory(loop, beside.iov_base, min_size(room, beside.iov_len));
    overrun_sent_beside(&input->overrun, given);
    return given > 0;
}

static bool mix_terminator(struct poll_loop *loop, struct loop_input *input)
{
    const char terminator = input->admission.records == RECORD_NUL ? '\0' : '\n';
    if (give_memory(loop, &terminator, 1) == 0)
        return false;
    input->overrun.in_record = false;
    loop_note_result(loop, input, &(struct admission_result){.added = 1});
    loop_merge_judged(loop, input, RECORD_STANDS); /* too late to withhold any of the record */
    return true;
}

/* Moves up to `room` bytes of one turn. Returns false if there was no place after all. */
static bool mix_from(struct poll_loop *loop, struct loop_input *input, size_t room)
{
    if (overrun_has_beside(&input->overrun))
        return mix_beside(loop, input, room);
    if (loop_merge_lacks_terminator(loop, input))
        return mix_terminator(loop, input);
    size_t turn = turn_of(input);
    if (turn > room && input->admission.records == RECORD_DATAGRAM)
        return false;
    struct span span = ring_read_span(&input->share, 0, min_size(room, turn));
    size_t given = loop_give(loop, &span);
    if (given > 0 && input->admission.records != RECORD_NONE)
        input->overrun.in_record = !records_ends_span(&span, given, input->admission.records);
    ring_consume(&input->share, 0, given);
    input->served += given;
    return given > 0;
}

/* Whether an output has got all bytes that there are for it, and would take more. */
static bool any_starving(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (loop->outputs.all[i].state == OUTPUT_OPEN && !flow_is_stopped(&loop->path.flow, i) &&
            flow_sendable(&loop->path.flow, i) == 0)
            return true;
    return false;
}

/* How many bytes of this input may be mixed now. If an output is overtaken rather than holding
 * another up, the whole ring is used. */
static size_t mixing_room(struct poll_loop *loop, const struct loop_input *input)
{
    bool whole = input->admission.records == RECORD_DATAGRAM;
    size_t least = whole ? turn_of(input) : 1;
    bool overtaking =
        loop->options->overflow == OVERFLOW_DROP_OLDEST && loop->outputs.main_count > 1;
    size_t held = flow_held(&loop->path.flow);
    if (loop->overload.admission.spool != NULL)
        return min_size(admission_room(&loop->overload.admission), SIZE_MAX);
    if (overtaking && flow_room(&loop->path.flow) < least && any_starving(loop))
        loop_overtake_outputs(loop, least < MERGE_TURN ? MERGE_TURN : least);
    else if (!overtaking && held >= MERGE_WINDOW && flow_any_sendable(&loop->path.flow))
        return 0;
    return loop_overtake_taps(loop, flow_room(&loop->path.flow));
}

bool loop_merge_mix(struct poll_loop *loop)
{
    bool moved = false;
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (!loop->inputs.all[i].open)
            add_mark(loop, &loop->inputs.all[i]); /* for the bytes that were dropped at its end */
    for (;;) {
        struct loop_input *input = choose(loop);
        size_t room = input == NULL ? 0 : mixing_room(loop, input);
        if (room == 0 || !mix_from(loop, input, room))
            return moved;
        moved = true;
    }
}
