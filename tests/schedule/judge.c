/*
 * judge.c - see judge.h.
 */
#include "judge.h"

#include "match.h"
#include "numbers.h"
#include "torn.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATUS_FAILED = 1,
    STATUS_OVERFLOW = 3,
    STATUS_SIGNAL = 128,
    STATUS_SIGPIPE = STATUS_SIGNAL + SIGPIPE,
    MARK_ROOM = 100
};

struct trial {
    const struct plan *plan;
    const struct input *input; /* the part that bpipe could read */
    const struct input *all;   /* all that it should read */
    const struct outcome *outcome;
    struct numbers numbers;
    bool reported; /* there are numbers */
    char *complaint;
    size_t whole; /* the first output of which all is known; MOST_OUTPUTS: none yet */
    struct torn torn;
};

__attribute__((format(printf, 2, 3))) static void complain(struct trial *trial, const char *format,
                                                           ...)
{
    va_list values;

    if (trial->complaint[0] != '\0')
        return;
    va_start(values, format);
    vsnprintf(trial->complaint, COMPLAINT_SIZE, format, values);
    va_end(values);
}

/* Compares a number of the report, which may be missing. */
static void check(struct trial *trial, const char *what, size_t number, uint64_t wanted,
                  uint64_t got)
{
    if (got == NO_NUMBER)
        complain(trial, "%s %zu: the report does not say it", what, number);
    else if (got != wanted)
        complain(trial, "%s %zu: the report says %" PRIu64 ", and it is %" PRIu64, what, number,
                 got, wanted);
}

static bool has_records(const struct trial *trial)
{
    return trial->plan->unit != UNIT_BYTES;
}

static bool was_killed(const struct trial *trial)
{
    return trial->outcome->status == STATUS_SIGNAL + SIGKILL;
}

/* Whether bpipe ended by a signal that it was sent. */
static bool was_interrupted(const struct trial *trial)
{
    return trial->outcome->signals > 0 &&
           trial->outcome->status == STATUS_SIGNAL + trial->plan->interruption.signal;
}

static bool was_drained(const struct trial *trial)
{
    int signal = trial->plan->interruption.signal;

    return was_interrupted(trial) && (signal == SIGTERM || signal == SIGHUP) &&
           trial->outcome->signals == 1 && trial->plan->policy != POLICY_FAIL && trial->reported;
}

/* How many of the outputs' consumers departed, except that one. */
static size_t lost_outputs(const struct trial *trial, size_t except)
{
    size_t count = 0;

    for (size_t i = 0; i < trial->plan->output_count; i++)
        count += trial->outcome->taken[i].left && i != except;
    return count;
}

static bool any_reset_source(const struct trial *trial)
{
    bool any = false;

    for (size_t i = 0; i < trial->plan->source_count; i++)
        any = any || trial->outcome->given[i].did_reset;
    return any;
}

/* Whether the run came to the end of its input. */
static bool came_to_end(const struct trial *trial)
{
    size_t lost = lost_outputs(trial, MOST_OUTPUTS);

    if (trial->outcome->status == 0)
        return true;
    return trial->outcome->status == STATUS_FAILED && lost < trial->plan->output_count &&
           (lost == 0 || trial->plan->on_error != ON_ERROR_STOP);
}

/* Whether all of the input fits into the buffer, so that nothing has to be dropped. (With --merge
 * each input has only its share.) */
static bool fits(const struct trial *trial)
{
    return !trial->plan->merge && plan_bytes(trial->plan) <= trial->plan->buffer_size;
}

/* --- the whole run ------------------------------------------------------------------------- */

/* Whether bpipe may end with this status, with that number of lost outputs. */
static bool may_be_status(const struct trial *trial, size_t lost)
{
    bool quiet = trial->plan->output_count == 1 && trial->plan->sinks[0].kind != SINK_SOCKET;

    switch (trial->outcome->status) {
    case 0:
        return !any_reset_source(trial);
    case STATUS_FAILED:
        return any_reset_source(trial) || (lost > 0 && !quiet);
    case STATUS_OVERFLOW:
        return trial->plan->policy == POLICY_FAIL;
    default:
        return was_interrupted(trial) ||
               (trial->outcome->status == STATUS_SIGPIPE && quiet && lost > 0);
    }
}

static void check_status(struct trial *trial)
{
    int status = trial->outcome->status;

    if (!may_be_status(trial, lost_outputs(trial, MOST_OUTPUTS)))
        complain(trial, "status %d", status);
    if (status == STATUS_OVERFLOW && fits(trial))
        complain(trial, "status %d, and all of the input fits into the buffer", status);
    for (size_t i = 0; i < trial->plan->output_count; i++)
        if (status == 0 && trial->outcome->taken[i].left_early && !plan_drops(trial->plan))
            complain(trial, "status 0, and output %zu left before all was written", i);
}

/* A run that is interrupted before it begins has no report. */
static void check_report(struct trial *trial)
{
    trial->reported = numbers_read(&trial->numbers, trial->outcome->report);
    if (trial->reported || was_killed(trial))
        return;
    if (!was_interrupted(trial))
        complain(trial, "there is no report");
    for (size_t i = 0; i < plan_sinks(trial->plan); i++)
        if (trial->outcome->taken[i].size > 0)
            complain(trial, "there is no report, and there are bytes of output %zu", i);
}

/* bpipe may only print messages about dropped bytes, departed readers, and its end. */
static void check_messages(struct trial *trial)
{
    bool may_warn = trial->outcome->status != 0;

    for (size_t i = 0; i < plan_sinks(trial->plan); i++)
        may_warn = may_warn || trial->outcome->taken[i].left ||
                   (i >= trial->plan->output_count && trial->plan->sinks[i].kind == SINK_SOCKET);
    for (size_t i = 0; i < trial->plan->output_count; i++)
        may_warn = may_warn || trial->numbers.outputs[i].bytes_dropped > 0;
    for (size_t i = 0; i < trial->plan->tap_count; i++)
        may_warn = may_warn || trial->numbers.taps[i].bytes_dropped > 0;
    if (!may_warn && trial->outcome->messages[0] != '\0')
        complain(trial, "there are messages");
    if (trial->outcome->spool_left && !was_killed(trial))
        complain(trial, "something is left in the spool's directory");
}

static void check_inputs(struct trial *trial)
{
    const struct numbers *numbers = &trial->numbers;
    uint64_t sum = 0;

    check(trial, "number of inputs", 0, trial->plan->source_count, numbers->input_count);
    check(trial, "number of outputs", 0, trial->plan->output_count, numbers->output_count);
    check(trial, "number of taps", 0, trial->plan->tap_count, numbers->tap_count);
    if (!was_killed(trial)) /* or it wrote that before it was killed */
        check(trial, "exit status", 0, (uint64_t)trial->outcome->status, numbers->exit_status);
    for (size_t i = 0; i < trial->plan->source_count; i++) {
        uint64_t bytes = numbers->inputs[i].bytes, written = trial->outcome->given[i].written;
        if (came_to_end(trial) && !trial->outcome->given[i].did_reset) {
            check(trial, "written and bytes of input", i, trial->plan->sources[i].bytes, written);
            check(trial, "bytes of input", i, written, bytes);
        } else if (bytes > written)
            complain(trial, "input %zu: %" PRIu64 " bytes were read of %" PRIu64 " written", i,
                     bytes, written);
        sum += bytes;
    }
    check(trial, "bytes_in", 0, sum, numbers->bytes_in);
    if (came_to_end(trial) && has_records(trial) && !trial->plan->merge)
        check(trial, "records_in", 0, trial->input->streams[0].terminated, numbers->records_in);
}

static void check_identity(struct trial *trial, const char *what, size_t number,
                           const struct endpoint_numbers *it)
{
    if (it->bytes == NO_NUMBER || it->bytes_added == NO_NUMBER || it->bytes_dropped == NO_NUMBER ||
        it->bytes_undelivered == NO_NUMBER)
        complain(trial, "%s %zu: the report does not say it", what, number);
    else if (trial->numbers.bytes_in + it->bytes_added !=
             it->bytes + it->bytes_dropped + it->bytes_undelivered)
        complain(trial,
                 "%s %zu: %" PRIu64 " in + %" PRIu64 " added are not %" PRIu64 " out + %" PRIu64
                 " dropped + %" PRIu64 " undelivered",
                 what, number, trial->numbers.bytes_in, it->bytes_added, it->bytes,
                 it->bytes_dropped, it->bytes_undelivered);
}

/* --- outputs ------------------------------------------------------------------------------- */

/* With --merge each input drops from its share of the buffer. Under drop-oldest an output also
 * misses bytes if another one holds it up, and a mark may be among the bytes that it misses. */
static bool drops_twice(const struct trial *trial)
{
    return trial->plan->merge && trial->plan->policy == POLICY_DROP_OLDEST &&
           trial->plan->output_count > 1;
}

/* A dropped record may have got its terminator before: that counts as added and as dropped. */
static void check_counters(struct trial *trial, size_t number, const struct match *match,
                           uint64_t withheld)
{
    const struct endpoint_numbers *it = &trial->numbers.outputs[number];
    uint64_t extra = it->bytes_added - match->added;

    if (extra > match->all.supplied && !(drops_twice(trial) && trial->plan->gap_mark))
        complain(trial, "bytes_added of output %zu: the report says %" PRIu64 ", and it is %zu",
                 number, it->bytes_added, match->added);
    check(trial, "bytes_dropped of output", number, match->all.bytes + extra, it->bytes_dropped);
    check(trial, "bytes_undelivered of output", number, withheld, it->bytes_undelivered);
    if (has_records(trial) && plan_drops(trial->plan))
        check(trial, "records_dropped of output", number, match->all.records, it->records_dropped);
    if (!has_records(trial) && it->records_dropped != NO_NUMBER)
        complain(trial, "records_dropped of output %zu is not null", number);
}

static void check_input_counters(struct trial *trial, size_t number, const struct match *match)
{
    for (size_t i = 0; i < trial->plan->source_count; i++) {
        const struct endpoint_numbers *it = &trial->numbers.inputs[i];
        const struct missing *missing = &match->missing[i];
        if (drops_twice(trial)) {
            if (it->bytes_dropped > missing->bytes + missing->supplied ||
                (has_records(trial) && it->records_dropped > missing->records))
                complain(trial, "input %zu dropped more than output %zu misses", i, number);
            continue;
        }
        if (it->bytes_dropped - missing->bytes > missing->supplied)
            complain(trial,
                     "bytes_dropped of input %zu: the report says %" PRIu64
                     ", and output %zu misses %zu",
                     i, it->bytes_dropped, number, missing->bytes);
        if (has_records(trial))
            check(trial, "records_dropped of input", i, missing->records, it->records_dropped);
    }
}

/* Under drop-newest the first record, or byte, is the last one that may be dropped; under
 * drop-oldest the last one is. */
static void check_direction(struct trial *trial, size_t number, const struct taken *taken)
{
    const struct stream *stream = &trial->input->streams[0];
    bool newest = trial->plan->policy == POLICY_DROP_NEWEST;
    struct record wanted = {stream->bytes, 1, false};
    size_t longest = 0;

    if (trial->plan->merge || stream->size == 0 || !plan_drops(trial->plan))
        return;
    if (has_records(trial)) {
        wanted = stream->records[newest ? 0 : stream->record_count - 1];
        for (size_t i = 0; i < stream->record_count; i++)
            longest = stream->records[i].size > longest ? stream->records[i].size : longest;
        if (2 * longest + MARK_ROOM > trial->plan->buffer_size)
            return;
    } else if (!newest)
        wanted.bytes += stream->size - 1;
    if (taken->size < wanted.size ||
        memcmp(newest ? taken->bytes : taken->bytes + taken->size - wanted.size, wanted.bytes,
               wanted.size) != 0)
        complain(trial, "output %zu: the %s is missing", number,
                 newest ? "oldest although the newest is dropped"
                        : "newest although the oldest is dropped");
}

/* drop-newest drops for all outputs. */
static void check_equal_outputs(struct trial *trial, size_t number)
{
    const struct taken *first, *taken = &trial->outcome->taken[number];

    if (trial->whole == MOST_OUTPUTS)
        trial->whole = number;
    first = &trial->outcome->taken[trial->whole];
    if (trial->plan->policy == POLICY_DROP_NEWEST &&
        (taken->size != first->size ||
         (taken->size > 0 && memcmp(taken->bytes, first->bytes, taken->size) != 0)))
        complain(trial, "outputs %zu and %zu did not get the same", trial->whole, number);
}

/* A reset destroys the bytes that the peer's system has not acknowledged. But after the end of the
 * input, or a signal, bpipe waits for acknowledgements. */
static bool got_all_written(const struct trial *trial, size_t sink)
{
    const struct taken *taken = &trial->outcome->taken[sink];
    bool output = sink < trial->plan->output_count;
    bool waits = output && !trial->plan->portable && (came_to_end(trial) || was_drained(trial));

    if (taken->left || (!trial->reported && was_killed(trial)))
        return false;
    return !plan_sink_is_tcp(trial->plan, sink) || taken->tail == TAIL_END || waits;
}

static void check_bytes(struct trial *trial, const char *what, size_t number, size_t sink,
                        const struct endpoint_numbers *it)
{
    const struct taken *taken = &trial->outcome->taken[sink];

    if (got_all_written(trial, sink))
        check(trial, what, number, taken->size, it->bytes);
    else if (trial->reported && taken->size > it->bytes)
        complain(trial, "%s %zu: %zu came, %" PRIu64 " are counted", what, number, taken->size,
                 it->bytes);
}

/* Counts the records that end in the bytes that came to a consumer. */
static uint64_t ended_records(const struct trial *trial, const struct taken *taken)
{
    uint64_t count = 0;

    for (size_t i = 0; i < taken->size; i++)
        count += taken->bytes[i] == plan_terminator(trial->plan);
    return count;
}

/* Checks records_out, if all that was written is there to be counted. */
static void check_records_out(struct trial *trial, const char *what, size_t number, size_t sink,
                              const struct endpoint_numbers *it)
{
    if (!trial->reported)
        return;
    if (!has_records(trial) && it->records_out != NO_NUMBER)
        complain(trial, "%s %zu is not null", what, number);
    if (has_records(trial) && got_all_written(trial, sink))
        check(trial, what, number, ended_records(trial, &trial->outcome->taken[sink]),
              it->records_out);
}

/* Every record that came in went out or was dropped. A last record without a terminator is no
 * record, unless it was dropped. Marks and supplied terminators make records that did not come in.
 * */
static void check_records(struct trial *trial, size_t number)
{
    const struct endpoint_numbers *it = &trial->numbers.outputs[number];
    const struct stream *stream = &trial->input->streams[0];
    uint64_t extra = it->records_out + it->records_dropped - trial->numbers.records_in;

    if (has_records(trial) && !trial->plan->merge && !trial->plan->gap_mark &&
        extra > stream->record_count - stream->terminated)
        complain(trial,
                 "output %zu: %" PRIu64 " records in are not %" PRIu64 " out + %" PRIu64 " dropped",
                 number, trial->numbers.records_in, it->records_out, it->records_dropped);
}

/* Whether it is known, from a report or otherwise, which bytes bpipe could read. */
static bool input_is_known(const struct trial *trial)
{
    return trial->reported || trial->plan->source_count == 1 || !any_reset_source(trial);
}

/* Returns how many of the undelivered bytes are torn records that were withheld, which then are no
 * longer part of the trial's input. */
static uint64_t withhold(struct trial *trial, uint64_t undelivered, enum match_kind kind,
                         const struct taken *taken, struct input *kept)
{
    uint64_t withheld;

    if (!trial->reported || !has_records(trial) || undelivered == 0 || undelivered == NO_NUMBER ||
        trial->torn.plan == NULL)
        return 0;
    withheld = torn_explain(&trial->torn, undelivered, kind, taken->bytes, taken->size, kept);
    if (withheld > 0)
        trial->input = kept;
    return withheld;
}

/* Torn records that were already being dropped when their source failed are records of their own.
 * Under a policy that drops, all that were not withheld were being dropped. Otherwise they are tried
 * only if the output makes no sense without. */
static void end_dropped(struct trial *trial, enum match_kind kind, const struct taken *taken,
                        struct input *kept)
{
    struct match match;

    if (!trial->reported || !has_records(trial) || trial->torn.plan == NULL || trial->plan->merge)
        return;
    match_output(&match, trial->plan, trial->input, kind, taken->bytes, taken->size);
    if ((plan_drops(trial->plan) || match.complaint[0] != '\0') &&
        torn_were_dropped(&trial->torn, kind, taken->bytes, taken->size, kept))
        trial->input = kept;
}

/* Whether the last record may be a torn one that could not be withheld. */
static bool ends_torn(const struct trial *trial)
{
    bool any = false;

    for (size_t i = 0; trial->torn.plan != NULL && i < trial->plan->source_count; i++)
        any = any || (trial->torn.may_tear[i] && torn_may_pass(&trial->torn, i));
    return any;
}

/* Matches the output as if its last record had a terminator. */
static void match_ended(struct match *match, const struct trial *trial, const struct taken *taken)
{
    unsigned char terminator = (unsigned char)plan_terminator(trial->plan);
    struct taken ended = {0};

    taken_add(&ended, taken->bytes, taken->size);
    taken_add(&ended, &terminator, 1);
    match_output(match, trial->plan, trial->input, MATCH_WHOLE, ended.bytes, ended.size);
    match->added--;
    free(ended.bytes);
}

/* `withheld`: bytes of torn records, which are not part of the trial's input. */
static void check_output_without(struct trial *trial, size_t number, bool whole, uint64_t withheld)
{
    const struct taken *taken = &trial->outcome->taken[number];
    const struct endpoint_numbers *it = &trial->numbers.outputs[number];
    struct match match;

    if (was_drained(trial) && lost_outputs(trial, MOST_OUTPUTS) == 0)
        check(trial, "bytes_undelivered of output", number, withheld, it->bytes_undelivered);
    if (!input_is_known(trial))
        return;
    match_output(&match, trial->plan, trial->input, whole ? MATCH_WHOLE : MATCH_BEGINNING,
                 taken->bytes, taken->size);
    if (match.complaint[0] != '\0' && whole && ends_torn(trial))
        match_ended(&match, trial, taken);
    if (match.complaint[0] != '\0')
        complain(trial, "output %zu %s", number, match.complaint);
    if ((!plan_drops(trial->plan) || fits(trial)) && match.all.bytes > 0)
        complain(trial, "output %zu: %zu bytes are missing, and nothing may be dropped", number,
                 match.all.bytes);
    if (!plan_drops(trial->plan) && it->bytes_dropped != 0)
        complain(trial, "output %zu: bytes_dropped, and nothing may be dropped", number);
    if (trial->outcome->status == 0 && it->bytes_undelivered != 0)
        complain(trial, "output %zu: status 0, and bytes are undelivered", number);
    if (!whole)
        return;
    check_counters(trial, number, &match, withheld);
    check_records(trial, number);
    if (trial->plan->merge && plan_drops(trial->plan))
        check_input_counters(trial, number, &match);
    check_direction(trial, number, taken);
    check_equal_outputs(trial, number);
}

/* The record that a producer left unfinished when it reset its connection must not be written. (A
 * record that is longer than a share of the buffer may be written in parts.) */
static void check_torn(struct trial *trial, size_t number)
{
    const struct plan *plan = trial->plan;
    const struct taken *taken = &trial->outcome->taken[number];

    if (!trial->reported || !has_records(trial) || trial->torn.plan == NULL)
        return;
    for (size_t i = 0; i < plan->source_count; i++)
        if (trial->outcome->given[i].did_reset && !torn_may_pass(&trial->torn, i) &&
            torn_is_in(&trial->torn, i, taken->bytes, taken->size))
            complain(trial, "output %zu: a torn record of input %zu was written", number, i);
}

static void check_output(struct trial *trial, size_t number)
{
    const struct taken *taken = &trial->outcome->taken[number];
    const struct endpoint_numbers *it = &trial->numbers.outputs[number];
    const struct input *input = trial->input;
    bool whole = came_to_end(trial) && !taken->left && got_all_written(trial, number);
    uint64_t withheld = 0;
    struct input kept = {0};

    if (trial->reported)
        check_identity(trial, "output", number, it);
    check_bytes(trial, "bytes of output", number, number, it);
    check_records_out(trial, "records_out of output", number, number, it);
    if (trial->plan->merge || plan_drops(trial->plan)) {
        enum match_kind kind = whole ? MATCH_WHOLE : MATCH_BEGINNING;
        check_torn(trial, number);
        withheld = withhold(trial, it->bytes_undelivered, kind, taken, &kept);
        if (withheld == 0 && plan_drops(trial->plan))
            end_dropped(trial, kind, taken, &kept);
    }
    check_output_without(trial, number, whole, withheld);
    trial->input = input;
    input_free(&kept);
}

/* --- taps ---------------------------------------------------------------------------------- */

/* A tap that comes late counts as missed the records that waited in the spool or in a share of the
 * buffer when it came. */
static bool may_be_late(const struct trial *trial, size_t sink)
{
    return trial->plan->sinks[sink].kind == SINK_SOCKET &&
           (trial->plan->merge || trial->plan->spool_max > 0);
}

static void check_tap(struct trial *trial, size_t number)
{
    const struct taken *taken = &trial->outcome->taken[trial->plan->output_count + number];
    const struct endpoint_numbers *it = &trial->numbers.taps[number];
    size_t sink = trial->plan->output_count + number;
    bool whole = came_to_end(trial) && !taken->left && got_all_written(trial, sink);
    enum match_kind kind = whole ? MATCH_TAP : MATCH_TAP_BEGINNING;
    const struct input *input = trial->input;
    struct input kept = {0};
    struct match match;

    if (trial->reported)
        check_identity(trial, "tap", number, it);
    check_bytes(trial, "bytes of tap", number, sink, it);
    check_records_out(trial, "records_out of tap", number, sink, it);
    if (!input_is_known(trial))
        return;
    uint64_t withheld = withhold(trial, it->bytes_undelivered, kind, taken, &kept);
    if (withheld == 0 && plan_drops(trial->plan))
        end_dropped(trial, kind, taken, &kept);
    match_output(&match, trial->plan, trial->input, kind, taken->bytes, taken->size);
    trial->input = input;
    input_free(&kept);
    if (match.complaint[0] != '\0')
        complain(trial, "tap %zu %s", number, match.complaint);
    if (!whole)
        return;
    check(trial, "bytes_undelivered of tap", number, withheld, it->bytes_undelivered);
    if (!may_be_late(trial, sink) && has_records(trial) && !trial->plan->gap_mark &&
        !(match.torn && it->records_dropped == match.all.records - 1))
        check(trial, "records_dropped of tap", number, match.all.records, it->records_dropped);
}

/* --- the ends of connections ----------------------------------------------------------------- */

/* Whether an output got all bytes that it must get. */
static bool is_whole(const struct trial *trial, size_t number)
{
    const struct taken *taken = &trial->outcome->taken[number];
    struct match match;

    match_output(&match, trial->plan, trial->all, MATCH_WHOLE, taken->bytes, taken->size);
    return match.complaint[0] == '\0' && (plan_drops(trial->plan) || match.all.bytes == 0);
}

static bool are_whole(const struct trial *trial)
{
    for (size_t i = 0; i < trial->plan->output_count; i++)
        if (!is_whole(trial, i))
            return false;
    return true;
}

/* An output ends before bpipe does. If the run fails after that, by a signal or because another
 * output is lost at that moment, this output has at least all bytes. Taps end when all is done. */
static bool may_end_although_failed(const struct trial *trial, size_t number)
{
    bool late = was_interrupted(trial) || lost_outputs(trial, number) > 0;

    if (number >= trial->plan->output_count)
        return was_killed(trial) && (are_whole(trial) || lost_outputs(trial, MOST_OUTPUTS) > 0);
    return late && !any_reset_source(trial) && is_whole(trial, number);
}

/* A tap may be reset if it sends while it is closed, or comes too late. */
static void check_sink_end(struct trial *trial, size_t number)
{
    const struct sink *sink = &trial->plan->sinks[number];
    const struct taken *taken = &trial->outcome->taken[number];
    bool tap = number >= trial->plan->output_count, complete = trial->outcome->status == 0;
    bool may_reset = sink->talk == TALK_JUNK && tap;
    bool too_late = tap && taken->size == 0;

    if (sink->kind != SINK_SOCKET || taken->left)
        return;
    if (!taken->connected) {
        if (complete && !tap)
            complain(trial, "status 0, and output %zu was never connected", number);
    } else if (taken->tail == TAIL_NONE)
        complain(trial, "the connection of output %zu is still there", number);
    else if (complete && taken->tail == TAIL_RESET && !may_reset && !too_late)
        complain(trial, "status 0, and output %zu was reset", number);
    else if (!complete && taken->tail == TAIL_END && sink->wire.kind == WIRE_TCP &&
             !may_end_although_failed(trial, number))
        complain(trial, "status %d, and output %zu ended like a whole one", trial->outcome->status,
                 number);
}

/* bpipe closes the connections of inputs after all is done. */
static void check_source_end(struct trial *trial, size_t number)
{
    const struct given *given = &trial->outcome->given[number];
    bool complete = trial->outcome->status == 0;

    if (trial->plan->sources[number].wire.kind == WIRE_NONE)
        return;
    if (given->spoken_to)
        complain(trial, "bpipe says something to input %zu", number);
    else if (complete && given->tail == TAIL_RESET)
        complain(trial, "status 0, and input %zu was reset", number);
    else if (!complete && given->tail == TAIL_END && plan_source_is_tcp(trial->plan, number) &&
             !(was_killed(trial) && are_whole(trial)))
        complain(trial, "status %d, and input %zu was closed in the ordinary way",
                 trial->outcome->status, number);
}

/* --- all of it ------------------------------------------------------------------------------- */

/* If a producer reset its connection, or the run ended early, only the bytes came that bpipe says.
 * */
static void cut_input(struct trial *trial, struct input *cut)
{
    struct torn *torn = &trial->torn;

    *torn = (struct torn){.plan = trial->plan, .all = trial->all};
    for (size_t i = 0; i < trial->plan->source_count; i++) {
        uint64_t said = trial->numbers.inputs[i].bytes;
        torn->came[i] = trial->plan->sources[i].bytes;
        if (said < torn->came[i])
            torn->came[i] = said;
        torn->may_tear[i] = trial->outcome->given[i].did_reset || !came_to_end(trial);
    }
    input_cut(cut, trial->plan, trial->input, torn->came);
    trial->input = cut;
}

static void check_all(struct trial *trial)
{
    struct input cut = {0};

    if (trial->reported && (any_reset_source(trial) || !came_to_end(trial)))
        cut_input(trial, &cut);
    check_messages(trial);
    if (trial->reported)
        check_inputs(trial);
    for (size_t i = 0; i < trial->plan->output_count && trial->complaint[0] == '\0'; i++)
        check_output(trial, i);
    for (size_t i = 0; i < trial->plan->tap_count && trial->complaint[0] == '\0'; i++)
        check_tap(trial, i);
    for (size_t i = 0; i < plan_sinks(trial->plan); i++)
        check_sink_end(trial, i);
    for (size_t i = 0; i < trial->plan->source_count; i++)
        check_source_end(trial, i);
    input_free(&cut);
}

bool judge(const struct plan *plan, const struct input *input, const struct outcome *outcome,
           char complaint[COMPLAINT_SIZE])
{
    struct trial trial = {.plan = plan,
                          .input = input,
                          .all = input,
                          .outcome = outcome,
                          .complaint = complaint,
                          .whole = MOST_OUTPUTS};

    complaint[0] = '\0';
    if (outcome->hung != NULL)
        complain(&trial, "nothing moves: %s", outcome->hung);
    check_status(&trial);
    check_report(&trial);
    check_all(&trial);
    return complaint[0] == '\0';
}
