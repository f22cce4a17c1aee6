/*
 * plan.c - see plan.h.
 */
#include "plan.h"

#include "dice.h"

#include <stdarg.h>
#include <string.h>

enum {
    MOST_BYTES = 1 << 20,
    MOST_BUFFER = 256 << 10,
    MOST_CALLS = 16000, /* about how many calls the bytes of a schedule take, at each end */
    SMALL_PIPE = 4096,
    ROOM_OF_PIPES = 32 * SMALL_PIPE,
    LEAVERS = 8 * MOST_OUTPUTS, /* one in 8 schedules with MOST_OUTPUTS has one */
    GAP_MARK_BUFFER = 256,      /* the least with --gap-mark */
    MERGE_BUFFER = 64,          /* for each input */
    FIRST_SOURCE = 100,
    FIRST_SINK = 110
};

static const char *const policy_names[POLICIES] = {"block", "drop-newest", "drop-oldest", "fail"};

bool plan_drops(const struct plan *plan)
{
    return plan->policy == POLICY_DROP_NEWEST || plan->policy == POLICY_DROP_OLDEST;
}

size_t plan_sinks(const struct plan *plan)
{
    return plan->output_count + plan->tap_count;
}

size_t plan_bytes(const struct plan *plan)
{
    size_t bytes = 0;

    for (size_t i = 0; i < plan->source_count; i++)
        bytes += plan->sources[i].bytes;
    return bytes;
}

int plan_terminator(const struct plan *plan)
{
    return plan->unit == UNIT_LINES ? '\n' : plan->unit == UNIT_NULS ? '\0' : -1;
}

int plan_source_descriptor(size_t source)
{
    return FIRST_SOURCE + (int)source;
}

int plan_sink_descriptor(size_t sink)
{
    return FIRST_SINK + (int)sink;
}

void plan_sink_name(size_t sink, char name[16])
{
    snprintf(name, 16, "out%zu", sink);
}

void plan_source_name(size_t source, char name[16])
{
    snprintf(name, 16, "in%zu", source);
}

bool plan_source_is_tcp(const struct plan *plan, size_t source)
{
    return plan->sources[source].wire.kind == WIRE_TCP;
}

bool plan_sink_is_tcp(const struct plan *plan, size_t sink)
{
    return plan->sinks[sink].kind == SINK_SOCKET && plan->sinks[sink].wire.kind == WIRE_TCP;
}

/* --- throwing the dice --------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t choose_pipe_size(struct dice *dice)
{
    return dice_one_in(dice, 2) ? SMALL_PIPE : (size_t)SMALL_PIPE << dice_below(dice, 5);
}

static void choose_options(struct plan *plan, struct dice *dice)
{
    static const enum policy policies[] = {
        POLICY_BLOCK,       POLICY_BLOCK,       POLICY_BLOCK,       POLICY_DROP_NEWEST,
        POLICY_DROP_NEWEST, POLICY_DROP_NEWEST, POLICY_DROP_OLDEST, POLICY_DROP_OLDEST,
        POLICY_DROP_OLDEST, POLICY_FAIL,        POLICY_FAIL};

    plan->unit = (enum unit)dice_below(dice, 3);
    plan->policy = policies[dice_below(dice, sizeof policies / sizeof policies[0])];
    plan->merge = dice_one_in(dice, 4);
    plan->source_count = plan->merge ? dice_from_to(dice, 2, 4) : dice_one_in(dice, 4) ? 2 : 1;
    plan->gap_mark = dice_one_in(dice, 2) && plan->unit != UNIT_BYTES && plan_drops(plan);
    plan->no_splice = dice_one_in(dice, 3);
    plan->chunk_size = dice_magnitude(dice, 1, 128 << 10);
    plan->buffer_size = dice_magnitude(dice,
                                       plan->gap_mark ? GAP_MARK_BUFFER
                                       : plan->merge  ? plan->source_count * MERGE_BUFFER
                                                      : 1,
                                       MOST_BUFFER);
    plan->start_fill = dice_one_in(dice, 6) ? dice_from_to(dice, 1, 100) : 0;
    plan->resume_fill = dice_one_in(dice, 6) ? dice_from_to(dice, 1, 99) : 0;
    plan->spool_max = dice_one_in(dice, 4) ? dice_magnitude(dice, 1, 256 << 10) : 0;
    plan->pipe_size_given = !dice_one_in(dice, 4);
    plan->pipe_size = dice_one_in(dice, 3) ? choose_pipe_size(dice) : 0;
}

static void choose_bursts(struct source *source, struct dice *dice)
{
    size_t left = source->bytes;

    source->burst_count = dice_from_to(dice, 1, MOST_STEPS);
    for (size_t i = 0; i < source->burst_count; i++) {
        struct burst *burst = &source->bursts[i];
        burst->bytes = i + 1 == source->burst_count ? left : dice_below(dice, left + 1);
        burst->quiet_ms = dice_one_in(dice, 2) ? (unsigned)dice_from_to(dice, 1, 4) : 0;
        left -= burst->bytes;
    }
}

/* Mostly more than the buffer and the pipes hold, but no more than MOST_CALLS calls move. */
static size_t choose_bytes(const struct plan *plan, struct dice *dice)
{
    size_t step = least(plan->buffer_size, plan->chunk_size);
    size_t most = least(MOST_BYTES, MOST_CALLS * step);

    if (dice_one_in(dice, 20))
        return 0;
    if (dice_one_in(dice, 8))
        return dice_magnitude(dice, 1, most);
    return least(most, dice_magnitude(dice, (plan->buffer_size + SMALL_PIPE) / 2,
                                      8 * plan->buffer_size + ROOM_OF_PIPES));
}

static void choose_sources(struct plan *plan, struct dice *dice)
{
    size_t bytes = choose_bytes(plan, dice);

    plan->longest_record = least(bytes / 2 + 1, 4 * plan->buffer_size);
    for (size_t i = 0; i < plan->source_count; i++) {
        struct source *source = &plan->sources[i];
        size_t fair = 2 * bytes / (plan->source_count - i);
        source->bytes = i + 1 == plan->source_count || dice_one_in(dice, 16)
                            ? bytes
                            : dice_below(dice, least(fair, bytes) + 1);
        bytes -= source->bytes;
        source->unterminated = dice_one_in(dice, 3);
        source->pipe_size = choose_pipe_size(dice);
        source->write_size = dice_magnitude(dice, source->bytes / MOST_CALLS + 1, 64 << 10);
        choose_bursts(source, dice);
    }
}

/* `stubborn`: a stall may last until all producers are done. */
static void choose_stalls(struct sink *sink, struct dice *dice, size_t bytes, bool stubborn)
{
    size_t after = dice_one_in(dice, 2) ? 0 : dice_below(dice, bytes + 1);

    sink->stall_count = dice_below(dice, MOST_STEPS + 1);
    for (size_t i = 0; i < sink->stall_count; i++) {
        bool long_one = stubborn && dice_one_in(dice, 3);
        unsigned quiet_ms = (unsigned)dice_from_to(dice, 2, 5);
        sink->stalls[i] = (struct stall){after, long_one ? 0 : quiet_ms};
        after += dice_below(dice, bytes - least(after, bytes) + 1);
    }
}

static void choose_sink(struct plan *plan, struct dice *dice, size_t number)
{
    bool tap = number >= plan->output_count;
    struct sink *sink = &plan->sinks[number];
    size_t bytes = plan_bytes(plan);

    if (tap)
        sink->kind = SINK_DESCRIPTOR;
    else if (number == 0 && dice_one_in(dice, 2))
        sink->kind = SINK_STDOUT;
    else
        sink->kind = dice_one_in(dice, 6)   ? SINK_FILE
                     : dice_one_in(dice, 3) ? SINK_FIFO
                                            : SINK_DESCRIPTOR;
    sink->pipe_size = choose_pipe_size(dice);
    sink->read_size = dice_magnitude(dice, bytes / MOST_CALLS + 1, 64 << 10);
    choose_stalls(sink, dice, bytes, tap || plan_drops(plan));
    sink->leaves_after = dice_from_to(dice, 1, bytes);
    if (tap && dice_one_in(dice, 4))
        sink->stuck = true;
    else if (tap && dice_one_in(dice, 4))
        sink->leaves = true;
}

static void choose_sinks(struct plan *plan, struct dice *dice)
{
    bool flood = dice_one_in(dice, 3);
    size_t leaver = dice_below(dice, LEAVERS);

    plan->output_count = dice_one_in(dice, 2) ? 1 : dice_from_to(dice, 1, MOST_OUTPUTS);
    plan->tap_count = dice_one_in(dice, 2) ? 0 : dice_from_to(dice, 0, MOST_TAPS);
    for (size_t i = 0; i < plan_sinks(plan); i++)
        choose_sink(plan, dice, i);
    /* All consumers stand still, and no producer may be held up by that. (With POLICY_FAIL it may:
     * a run that fails may deliver what it has, and meanwhile hold open the inputs that it never
     * read.) */
    if (flood && plan_drops(plan))
        for (size_t i = 0; i < plan->output_count; i++) {
            struct sink *sink = &plan->sinks[i];
            sink->stalls[0].quiet_ms = 0;
            sink->stall_count += sink->stall_count == 0;
        }
    if (leaver < plan->output_count && plan->policy != POLICY_FAIL &&
        plan->sinks[leaver].kind != SINK_FILE)
        plan->sinks[leaver].leaves = true;
}

/* High rates: the whole run takes 10 to 100 ms. */
static void choose_rates(struct plan *plan, struct dice *dice)
{
    size_t bytes = plan_bytes(plan) + 1000;

    plan->rate_limit = dice_one_in(dice, 8) ? bytes * dice_from_to(dice, 10, 100) : 0;
    plan->read_rate = dice_one_in(dice, 8) ? bytes * dice_from_to(dice, 10, 100) : 0;
}

static void leave_out(struct plan *plan, unsigned without)
{
    static const unsigned of_policy[POLICIES] = {0, FEATURE_DROP_NEWEST, FEATURE_DROP_OLDEST,
                                                 FEATURE_FAIL};

    if (without & of_policy[plan->policy]) {
        plan->policy = POLICY_BLOCK;
        for (size_t i = 0; i < plan->output_count; i++) /* no stall may last for ever */
            for (size_t j = 0; j < plan->sinks[i].stall_count; j++)
                plan->sinks[i].stalls[j].quiet_ms += plan->sinks[i].stalls[j].quiet_ms == 0;
    }
    if ((without & FEATURE_GAP_MARK) || !plan_drops(plan))
        plan->gap_mark = false;
    if (without & FEATURE_TAP)
        plan->tap_count = 0;
    if (without & FEATURE_SPOOL)
        plan->spool_max = 0;
    if (without & FEATURE_MERGE)
        plan->merge = false;
}

void plan_make(struct plan *plan, uint64_t seed, unsigned without)
{
    struct dice dice = {seed * UINT64_C(0xd1342543de82ef95)};

    *plan = (struct plan){.seed = seed};
    choose_options(plan, &dice);
    choose_sources(plan, &dice);
    choose_sinks(plan, &dice);
    choose_rates(plan, &dice);
    leave_out(plan, without);
    plan_choose_network(plan, without);
}

/* --- the command line ---------------------------------------------------------------------- */

struct command {
    char text[2048];
    size_t used;
    char **arguments;
    size_t count;
};

__attribute__((format(printf, 2, 3))) static void add(struct command *command, const char *format,
                                                      ...)
{
    va_list values;
    char *argument = command->text + command->used;
    int length;

    va_start(values, format);
    length = vsnprintf(argument, sizeof command->text - command->used, format, values);
    va_end(values);
    command->used += (size_t)length + 1;
    command->arguments[command->count++] = argument;
    command->arguments[command->count] = NULL;
}

static void add_number(struct command *command, const char *option, size_t number)
{
    if (number > 0)
        add(command, "%s=%zu", option, number);
}

static void add_overload(struct command *command, const struct plan *plan)
{
    if (plan->policy != POLICY_BLOCK)
        add(command, "--overflow=%s", policy_names[plan->policy]);
    if (plan->gap_mark)
        add(command, "--gap-mark");
    if (plan->spool_max > 0) {
        add(command, "--spool=spool");
        add_number(command, "--spool-max", plan->spool_max);
    }
    if (plan->merge)
        add(command, "--merge");
}

static void add_wire(struct command *command, const struct wire *wire, unsigned port,
                     const char *name)
{
    const char *listens = wire->bpipe_listens ? "-listen" : "";

    if (wire->kind == WIRE_TCP)
        add(command, "tcp%s://127.0.0.1:%u", listens, port);
    else
        add(command, "unix%s://%s", listens, name);
}

static void add_source(struct command *command, const struct plan *plan, const struct ports *ports,
                       size_t number)
{
    char name[16];

    plan_source_name(number, name);
    if (plan->sources[number].wire.kind == WIRE_NONE)
        add(command, "fd://%d", plan_source_descriptor(number));
    else
        add_wire(command, &plan->sources[number].wire, ports->sources[number], name);
}

static void add_sink(struct command *command, const struct plan *plan, const struct ports *ports,
                     size_t number)
{
    char name[16];

    add(command, number < plan->output_count ? "-o" : "--tap");
    plan_sink_name(number, name);
    if (plan->sinks[number].kind == SINK_STDOUT)
        add(command, "-");
    else if (plan->sinks[number].kind == SINK_DESCRIPTOR)
        add(command, "fd://%d", plan_sink_descriptor(number));
    else if (plan->sinks[number].kind == SINK_SOCKET)
        add_wire(command, &plan->sinks[number].wire, ports->sinks[number], name);
    else
        add(command, "%s", name);
}

void plan_arguments(const struct plan *plan, const struct ports *ports,
                    char *arguments[MOST_ARGUMENTS])
{
    static struct command command;

    command = (struct command){.arguments = arguments};
    if (plan->unit != UNIT_BYTES)
        add(&command, plan->unit == UNIT_LINES ? "-l" : "-0");
    add(&command, "-B%zu", plan->buffer_size);
    add(&command, "-z%zu", plan->chunk_size);
    if (plan->no_splice)
        add(&command, "-C");
    if (plan->pipe_size_given)
        add(&command, "-J%zu", plan->pipe_size);
    add_number(&command, "--start-fill", plan->start_fill);
    add_number(&command, "--resume-fill", plan->resume_fill);
    add_number(&command, "--rate-limit", plan->rate_limit);
    add_number(&command, "--read-rate", plan->read_rate);
    add_overload(&command, plan);
    if (plan->on_error != ON_ERROR_DEFAULT)
        add(&command, "--on-output-error=%s",
            plan->on_error == ON_ERROR_STOP ? "stop" : "continue");
    add(&command, "--report=none");
    add(&command, "--report=json:report");
    for (size_t i = 0; i < plan_sinks(plan); i++)
        add_sink(&command, plan, ports, i);
    for (size_t i = 0; i < plan->source_count; i++)
        add_source(&command, plan, ports, i);
}

/* --- printing ------------------------------------------------------------------------------ */

static void print_source(const struct source *source, size_t number, FILE *stream)
{
    fprintf(stream, "; input %zu: ", number);
    if (source->wire.kind == WIRE_NONE)
        fprintf(stream, "pipe %zu", source->pipe_size);
    else
        plan_print_source_wire(source, stream);
    fprintf(stream, ", %zu bytes%s by %zu:", source->bytes,
            source->unterminated ? " unterminated" : "", source->write_size);
    for (size_t i = 0; i < source->burst_count; i++) {
        fprintf(stream, " %zu", source->bursts[i].bytes);
        if (source->bursts[i].quiet_ms > 0)
            fprintf(stream, " quiet %u ms", source->bursts[i].quiet_ms);
    }
}

static void print_sink(const struct plan *plan, size_t number, FILE *stream)
{
    const struct sink *sink = &plan->sinks[number];

    if (sink->kind == SINK_FILE)
        return;
    fprintf(stream, "; %s %zu: ", number < plan->output_count ? "output" : "tap",
            number < plan->output_count ? number : number - plan->output_count);
    if (sink->kind == SINK_SOCKET)
        plan_print_sink_wire(sink, stream);
    else
        fprintf(stream, "pipe %zu", sink->pipe_size);
    fprintf(stream, ", by %zu", sink->read_size);
    for (size_t i = 0; i < sink->stall_count; i++) {
        fprintf(stream, ", at %zu stalls until ", sink->stalls[i].after);
        if (sink->stalls[i].quiet_ms > 0)
            fprintf(stream, "quiet %u ms", sink->stalls[i].quiet_ms);
        else
            fprintf(stream, "all is written");
    }
    if (sink->leaves)
        fprintf(stream, ", %s at %zu", sink->resets ? "resets" : "leaves", sink->leaves_after);
    if (sink->stuck)
        fprintf(stream, ", stuck");
}

void plan_print(const struct plan *plan, FILE *stream)
{
    static const struct ports ports;
    char *arguments[MOST_ARGUMENTS];

    plan_arguments(plan, &ports, arguments);
    fprintf(stream, "seed %llu: bpipe", (unsigned long long)plan->seed);
    for (size_t i = 0; arguments[i] != NULL; i++)
        fprintf(stream, " %s", arguments[i]);
    for (size_t i = 0; i < plan->source_count; i++)
        print_source(&plan->sources[i], i, stream);
    for (size_t i = 0; i < plan_sinks(plan); i++)
        print_sink(plan, i, stream);
    plan_print_interruption(plan, stream);
    fprintf(stream, "\n");
}
