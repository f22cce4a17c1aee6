/*
 * trick.c - see trick.h.
 *
 * All outputs of an honest bpipe miss the same records (or bytes), and all counters and marks say
 * so.
 */
#include "trick.h"

#include "judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_SIZE = 4096 };

/* --- an honest bpipe ----------------------------------------------------------------------- */

/* Drops come in threes; the first and the last record are kept. */
static bool drops(const struct trick *trick, size_t number, size_t count)
{
    return plan_drops(&trick->plan) && number > 0 && number + 1 < count && number / 3 % 3 == 1;
}

static void add_mark(const struct trick *trick, struct taken *taken,
                     struct endpoint_numbers *output, size_t records, size_t bytes)
{
    char mark[128];
    int length = snprintf(mark, sizeof mark, "[bpipe: %zu records, %zu bytes dropped]%c", records,
                          bytes, plan_terminator(&trick->plan));

    if (records == 0 || !trick->plan.gap_mark)
        return;
    taken_add(taken, mark, (size_t)length);
    output->bytes_added += (size_t)length;
}

static void deliver_records(struct trick *trick, size_t number, struct taken *taken,
                            struct endpoint_numbers *output)
{
    const struct stream *stream = &trick->input.streams[number];
    uint64_t input_bytes = 0, input_records = 0;
    size_t records = 0, bytes = 0;

    for (size_t i = 0; i < stream->record_count; i++) {
        const struct record *record = &stream->records[i];
        if (drops(trick, i, stream->record_count)) {
            records++;
            bytes += record->size;
            continue;
        }
        add_mark(trick, taken, output, records, bytes);
        input_records += records;
        input_bytes += bytes;
        records = bytes = 0;
        taken_add(taken, record->bytes, record->size);
        output->bytes_added += record->supplied;
    }
    output->bytes_dropped += input_bytes;
    output->records_dropped += input_records;
    trick->numbers.inputs[number].bytes_dropped = input_bytes;
    trick->numbers.inputs[number].records_dropped = input_records;
}

static void deliver_bytes(struct trick *trick, size_t number, struct taken *taken,
                          struct endpoint_numbers *output)
{
    const struct stream *stream = &trick->input.streams[number];
    uint64_t dropped = 0;

    for (size_t i = 0; i < stream->size; i += PIECE) {
        size_t size = stream->size - i < PIECE ? stream->size - i : PIECE;
        if (drops(trick, i / PIECE, (stream->size + PIECE - 1) / PIECE))
            dropped += size;
        else
            taken_add(taken, stream->bytes + i, size);
    }
    output->bytes_dropped += dropped;
    output->records_dropped = NO_NUMBER;
    trick->numbers.inputs[number].bytes_dropped = dropped;
    trick->numbers.inputs[number].records_dropped = NO_NUMBER;
}

static void be_honest(struct trick *trick)
{
    struct numbers *numbers = &trick->numbers;

    input_make(&trick->input, &trick->plan);
    numbers->input_count = trick->plan.source_count;
    numbers->output_count = trick->plan.output_count;
    numbers->tap_count = trick->plan.tap_count;
    numbers->records_in = NO_NUMBER;
    if (trick->plan.unit != UNIT_BYTES)
        numbers->records_in = trick->input.streams[0].terminated;
    numbers->bytes_in = plan_bytes(&trick->plan);
    for (size_t i = 0; i < trick->plan.source_count; i++) {
        numbers->inputs[i].bytes = trick->plan.sources[i].bytes;
        trick->outcome.given[i] = (struct given){
            .written = trick->plan.sources[i].bytes, .connected = true, .tail = TAIL_END};
    }
    for (size_t i = 0; i < plan_sinks(&trick->plan); i++) {
        struct taken *taken = &trick->outcome.taken[i];
        struct endpoint_numbers *output = i < trick->plan.output_count
                                              ? &numbers->outputs[i]
                                              : &numbers->taps[i - trick->plan.output_count];
        for (size_t j = 0; j < trick->input.stream_count; j++) {
            if (trick->plan.unit == UNIT_BYTES)
                deliver_bytes(trick, j, taken, output);
            else
                deliver_records(trick, j, taken, output);
        }
        output->bytes = taken->size;
        taken->connected = true;
        taken->tail = TAIL_END;
    }
}

/* --- its report ---------------------------------------------------------------------------- */

static size_t print_number(char *text, const char *key, uint64_t number)
{
    if (number == NO_NUMBER)
        return (size_t)sprintf(text, ",\"%s\":null", key);
    return (size_t)sprintf(text, ",\"%s\":%" PRIu64, key, number);
}

/* How many records end in those bytes, plus `more`. */
static uint64_t count_records(const struct trick *trick, const struct taken *taken, uint64_t more)
{
    if (trick->plan.unit == UNIT_BYTES)
        return NO_NUMBER;
    for (size_t i = 0; i < taken->size; i++)
        more += taken->bytes[i] == plan_terminator(&trick->plan);
    return more;
}

/* `taken`: what the first output got; NULL: these are inputs. */
static size_t print_endpoints(const struct trick *trick, char *text, const char *name,
                              const struct endpoint_numbers *numbers, size_t count,
                              const struct taken *taken)
{
    char *at = text;

    at += sprintf(at, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, "%s{\"name\":\"x\"", i == 0 ? "" : ",");
        at += print_number(at, "bytes", numbers[i].bytes);
        at += print_number(at, "bytes_added", numbers[i].bytes_added);
        at += print_number(at, "bytes_dropped", numbers[i].bytes_dropped);
        if (taken != NULL)
            at += print_number(at, "records_out",
                               count_records(trick, &taken[i], numbers[i].records_out));
        at += print_number(at, "records_dropped", numbers[i].records_dropped);
        at += print_number(at, "bytes_undelivered", numbers[i].bytes_undelivered);
        at += sprintf(at, ",\"error\":null}");
    }
    at += sprintf(at, "]");
    return (size_t)(at - text);
}

static void print_report(const struct trick *trick, char *text)
{
    const struct numbers *numbers = &trick->numbers;
    const struct taken *taken = trick->outcome.taken;

    text += sprintf(text, "{\"type\":\"final\",\"version\":1,\"name\":null");
    text += print_number(text, "bytes_in", numbers->bytes_in);
    text += print_number(text, "records_in", numbers->records_in);
    text += print_endpoints(trick, text, "inputs", numbers->inputs, numbers->input_count, NULL);
    text += print_endpoints(trick, text, "outputs", numbers->outputs, numbers->output_count, taken);
    text += print_endpoints(trick, text, "taps", numbers->taps, numbers->tap_count,
                            taken + numbers->output_count);
    sprintf(text, ",\"exit_status\":%" PRIu64 "}\n", numbers->exit_status);
}

/* --- spoiling ------------------------------------------------------------------------------ */

void trick_cut(struct trick *trick, size_t at, size_t size)
{
    unsigned char *bytes = trick->outcome.taken[0].bytes;

    memmove(bytes + at, bytes + at + size, trick->outcome.taken[0].size - at - size);
    trick->outcome.taken[0].size -= size;
    trick->numbers.outputs[0].bytes -= size;
    trick->numbers.outputs[0].bytes_dropped += size;
}

void trick_status(struct trick *trick, int status)
{
    trick->outcome.status = status;
    trick->numbers.exit_status = (uint64_t)status;
}

void trick_overflow(struct trick *trick)
{
    struct endpoint_numbers *it = &trick->numbers.outputs[0];

    trick_status(trick, 3);
    trick->numbers.inputs[0].bytes -= 1000;
    trick->numbers.bytes_in -= 1000;
    trick->outcome.taken[0].size = it->bytes = 3333;
    it->bytes_undelivered = trick->numbers.bytes_in - it->bytes;
}

/* --- judging ------------------------------------------------------------------------------- */

static void connect_all(struct plan *plan, enum wire_kind kind)
{
    for (size_t i = 0; i < plan->source_count; i++) {
        plan->sources[i].wire.kind = kind;
        plan->sources[i].end = SOURCE_HALF_CLOSES;
    }
    for (size_t i = 0; i < plan_sinks(plan); i++) {
        plan->sinks[i].kind = SINK_SOCKET;
        plan->sinks[i].wire.kind = kind;
    }
}

static void arrange(struct trick *trick, const struct attempt *attempt)
{
    struct plan *plan = &trick->plan;

    *trick = (struct trick){0};
    plan->unit = attempt->unit;
    plan->policy = attempt->policy;
    plan->merge = strchr(attempt->more, 'M') != NULL;
    plan->gap_mark = strchr(attempt->more, 'm') != NULL;
    plan->buffer_size = 1000;
    plan->longest_record = 50;
    plan->source_count = plan->merge || strchr(attempt->more, '2') != NULL ? 2 : 1;
    plan->output_count = strchr(attempt->more, 'o') != NULL ? 2 : 1;
    plan->tap_count = strchr(attempt->more, 't') != NULL ? 1 : 0;
    for (size_t i = 0; i < plan->source_count; i++)
        plan->sources[i] = (struct source){.bytes = SOURCE_BYTES, .unterminated = i == 0};
    if (strpbrk(attempt->more, "nu") != NULL)
        connect_all(plan, strchr(attempt->more, 'u') != NULL ? WIRE_UNIX : WIRE_TCP);
    be_honest(trick);
    trick->outcome.messages = strdup("");
    trick->outcome.report = calloc(1, REPORT_SIZE);
    if (trick->outcome.messages == NULL || trick->outcome.report == NULL)
        abort();
}

int trick_try(const struct attempt *attempts, size_t count)
{
    static struct trick trick;
    char complaint[COMPLAINT_SIZE];
    int failed = 0;

    for (size_t i = 0; i < count; i++) {
        arrange(&trick, &attempts[i]);
        if (attempts[i].spoil != NULL)
            attempts[i].spoil(&trick);
        if (!trick.silent)
            print_report(&trick, trick.outcome.report);
        bool passes = judge(&trick.plan, &trick.input, &trick.outcome, complaint);
        printf("%s: %s: %s\n", passes == attempts[i].right ? "ok" : "WRONG", attempts[i].name,
               passes ? "nothing found" : complaint);
        failed += passes != attempts[i].right;
        outcome_free(&trick.outcome);
        input_free(&trick.input);
    }
    return failed;
}
