/*
 * judge.c - see judge.h.
 */
#include "judge.h"

#include "match.h"
#include "numbers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { STATUS_FAILED = 1, STATUS_OVERFLOW = 3, STATUS_SIGPIPE = 128 + 13, MARK_ROOM = 100 };

struct trial {
    const struct plan *plan;
    const struct input *input;
    const struct outcome *outcome;
    struct numbers numbers;
    char *complaint;
    size_t whole; /* the first output of which all is known; MOST_OUTPUTS: none yet */
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

/* A number of the report, which may be missing. */
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

/* The run came to the end of its input. */
static bool came_to_end(const struct trial *trial)
{
    return trial->outcome->status == 0 || trial->outcome->status == STATUS_FAILED;
}

/* All of the input fits into the buffer, so that nothing has to be dropped. (With --merge each has
 * only its share.) */
static bool fits(const struct trial *trial)
{
    return !trial->plan->merge && plan_bytes(trial->plan) <= trial->plan->buffer_size;
}

/* --- the whole ----------------------------------------------------------------------------- */

static void check_status(struct trial *trial)
{
    int status = trial->outcome->status;
    bool several = trial->plan->output_count > 1, left = false;

    for (size_t i = 0; i < trial->plan->output_count; i++)
        left = left || trial->outcome->taken[i].left;
    if (status != 0 && !(left && status == (several ? STATUS_FAILED : STATUS_SIGPIPE)) &&
        !(trial->plan->policy == POLICY_FAIL && status == STATUS_OVERFLOW))
        complain(trial, "status %d", status);
    if (status == STATUS_OVERFLOW && fits(trial))
        complain(trial, "status %d, and all of the input fits into the buffer", status);
}

/* bpipe speaks only of what it drops, of who left, and of its end. */
static void check_messages(struct trial *trial)
{
    bool may_warn = trial->outcome->status != 0;

    for (size_t i = 0; i < plan_sinks(trial->plan); i++)
        may_warn = may_warn || trial->outcome->taken[i].left;
    for (size_t i = 0; i < trial->plan->output_count; i++)
        may_warn = may_warn || trial->numbers.outputs[i].bytes_dropped > 0;
    for (size_t i = 0; i < trial->plan->tap_count; i++)
        may_warn = may_warn || trial->numbers.taps[i].bytes_dropped > 0;
    if (!may_warn && trial->outcome->messages[0] != '\0')
        complain(trial, "there are messages");
    if (trial->outcome->spool_left)
        complain(trial, "something is left in the spool's directory");
}

static void check_inputs(struct trial *trial)
{
    const struct numbers *numbers = &trial->numbers;
    uint64_t sum = 0;

    check(trial, "number of inputs", 0, trial->plan->source_count, numbers->input_count);
    check(trial, "number of outputs", 0, trial->plan->output_count, numbers->output_count);
    check(trial, "number of taps", 0, trial->plan->tap_count, numbers->tap_count);
    check(trial, "exit status", 0, (uint64_t)trial->outcome->status, numbers->exit_status);
    for (size_t i = 0; i < trial->plan->source_count; i++) {
        uint64_t bytes = numbers->inputs[i].bytes, written = trial->outcome->written[i];
        if (came_to_end(trial)) {
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

/* With --merge each input drops from its share of the buffer. Under drop-oldest an output that
 * holds another one up misses more than that, and a mark may be among what it misses. */
static bool drops_twice(const struct trial *trial)
{
    return trial->plan->merge && trial->plan->policy == POLICY_DROP_OLDEST &&
           trial->plan->output_count > 1;
}

/* A dropped record may have got its terminator before, which is then added and dropped. */
static void check_counters(struct trial *trial, size_t number, const struct match *match)
{
    const struct endpoint_numbers *it = &trial->numbers.outputs[number];
    uint64_t extra = it->bytes_added - match->added;

    if (extra > match->all.supplied && !(drops_twice(trial) && trial->plan->gap_mark))
        complain(trial, "bytes_added of output %zu: the report says %" PRIu64 ", and it is %zu",
                 number, it->bytes_added, match->added);
    check(trial, "bytes_dropped of output", number, match->all.bytes + extra, it->bytes_dropped);
    check(trial, "bytes_undelivered of output", number, 0, it->bytes_undelivered);
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

/* The first record, or byte, is the last that is dropped as the newest; the last one the last that
 * is dropped as the oldest. */
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

/* drop-newest drops for all. */
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

static void check_output(struct trial *trial, size_t number)
{
    const struct taken *taken = &trial->outcome->taken[number];
    const struct endpoint_numbers *it = &trial->numbers.outputs[number];
    bool whole = came_to_end(trial) && !taken->left;
    struct match match;

    check_identity(trial, "output", number, it);
    if (!taken->left)
        check(trial, "bytes of output", number, taken->size, it->bytes);
    else if (taken->size > it->bytes)
        complain(trial, "output %zu: %zu bytes came, %" PRIu64 " are counted", number, taken->size,
                 it->bytes);
    match_output(&match, trial->plan, trial->input, whole ? MATCH_WHOLE : MATCH_BEGINNING,
                 taken->bytes, taken->size);
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
    check_counters(trial, number, &match);
    if (trial->plan->merge && plan_drops(trial->plan))
        check_input_counters(trial, number, &match);
    check_direction(trial, number, taken);
    check_equal_outputs(trial, number);
}

/* --- taps ---------------------------------------------------------------------------------- */

static void check_tap(struct trial *trial, size_t number)
{
    const struct taken *taken = &trial->outcome->taken[trial->plan->output_count + number];
    const struct endpoint_numbers *it = &trial->numbers.taps[number];
    bool whole = came_to_end(trial) && !taken->left;
    struct match match;

    check_identity(trial, "tap", number, it);
    if (!taken->left)
        check(trial, "bytes of tap", number, taken->size, it->bytes);
    else if (taken->size > it->bytes)
        complain(trial, "tap %zu: %zu bytes came, %" PRIu64 " are counted", number, taken->size,
                 it->bytes);
    match_output(&match, trial->plan, trial->input, whole ? MATCH_TAP : MATCH_BEGINNING,
                 taken->bytes, taken->size);
    if (match.complaint[0] != '\0')
        complain(trial, "tap %zu %s", number, match.complaint);
    if (!whole)
        return;
    check(trial, "bytes_undelivered of tap", number, 0, it->bytes_undelivered);
    if (has_records(trial) && !trial->plan->gap_mark &&
        !(match.torn && it->records_dropped == match.all.records - 1))
        check(trial, "records_dropped of tap", number, match.all.records, it->records_dropped);
}

bool judge(const struct plan *plan, const struct input *input, const struct outcome *outcome,
           char complaint[COMPLAINT_SIZE])
{
    struct trial trial = {.plan = plan,
                          .input = input,
                          .outcome = outcome,
                          .complaint = complaint,
                          .whole = MOST_OUTPUTS};

    complaint[0] = '\0';
    if (outcome->hung != NULL)
        complain(&trial, "nothing moves: %s", outcome->hung);
    check_status(&trial);
    if (!numbers_read(&trial.numbers, outcome->report))
        complain(&trial, "there is no report");
    check_messages(&trial);
    check_inputs(&trial);
    for (size_t i = 0; i < plan->output_count && complaint[0] == '\0'; i++)
        check_output(&trial, i);
    for (size_t i = 0; i < plan->tap_count && complaint[0] == '\0'; i++)
        check_tap(&trial, i);
    return complaint[0] == '\0';
}
