/*
 * plan_network.c - the connections and the signals of a schedule; see plan.h.
 *
 * They come from dice of their own, so that the rest of the schedule does not depend on them.
 */
#include "plan.h"

#include "dice.h"

#include <signal.h>

enum {
    MOST_SOCKET_BUFFER = 64 << 10,
    MOST_WINDOWS = 8, /* for all bytes: TCP may wait for 200 ms when a window was closed */
    MOST_PATIENT_MS = 4,
    MOST_JUNK = 4096,
    MOST_LATE_US = 4000
};

static struct wire choose_wire(struct dice *dice, size_t bytes)
{
    size_t least = bytes / MOST_WINDOWS + 1;
    struct wire wire = {.kind = dice_one_in(dice, 3) ? WIRE_UNIX : WIRE_TCP,
                        .bpipe_listens = dice_one_in(dice, 2)};

    if (dice_one_in(dice, 2))
        wire.buffer_size =
            dice_magnitude(dice, least, least > MOST_SOCKET_BUFFER ? least : MOST_SOCKET_BUFFER);
    if (dice_one_in(dice, 3))
        wire.patient_ms = (unsigned)dice_from_to(dice, 1, MOST_PATIENT_MS);
    return wire;
}

static void connect_source(struct source *source, struct dice *dice)
{
    source->wire = choose_wire(dice, source->bytes);
    source->end = dice_one_in(dice, 3) ? SOURCE_CLOSES : SOURCE_HALF_CLOSES;
    if (dice_one_in(dice, 8) && source->wire.kind == WIRE_TCP)
        source->end = SOURCE_RESETS;
    source->resets_after = dice_below(dice, source->bytes + 1);
}

static void connect_sink(struct sink *sink, struct dice *dice, size_t bytes)
{
    size_t talk = dice_below(dice, 6);
    bool leaves = dice_one_in(dice, 10);

    sink->kind = SINK_SOCKET;
    sink->wire = choose_wire(dice, bytes);
    sink->talk = talk == 0 ? TALK_END : talk == 1 ? TALK_JUNK : TALK_NONE;
    sink->junk = dice_magnitude(dice, 1, MOST_JUNK);
    sink->leaves_after = dice_from_to(dice, 1, bytes);
    sink->leaves |= leaves && !sink->stuck;
    sink->resets = dice_one_in(dice, 2) && sink->wire.kind == WIRE_TCP;
}

static void choose_interruption(struct plan *plan, struct dice *dice)
{
    static const int signals[] = {SIGTERM, SIGTERM, SIGHUP, SIGINT, SIGKILL, SIGKILL};
    struct interruption *it = &plan->interruption;

    it->signal = signals[dice_below(dice, sizeof signals / sizeof signals[0])];
    it->after = dice_one_in(dice, 6)   ? 0
                : dice_one_in(dice, 3) ? plan_bytes(plan)
                                       : dice_below(dice, plan_bytes(plan) + 1);
    it->late_us = dice_one_in(dice, 2) ? 0 : (unsigned)dice_magnitude(dice, 1, MOST_LATE_US);
    it->again = dice_one_in(dice, 4);
}

void plan_choose_network(struct plan *plan, unsigned without)
{
    struct dice dice = {plan->seed * UINT64_C(0xda942042e4dd58b5) + 1};
    bool connects = !dice_one_in(&dice, 4) && !(without & FEATURE_NETWORK);
    bool is_interrupted = dice_one_in(&dice, 5) && !(without & FEATURE_SIGNAL);
    size_t on_error = dice_below(&dice, 6);

    for (size_t i = 0; i < plan->source_count && connects; i++)
        if (dice_one_in(&dice, 2))
            connect_source(&plan->sources[i], &dice);
    for (size_t i = 0; i < plan_sinks(plan) && connects; i++)
        if (!dice_one_in(&dice, 3))
            connect_sink(&plan->sinks[i], &dice, plan_bytes(plan));
    if (connects)
        plan->on_error = on_error == 0   ? ON_ERROR_STOP
                         : on_error == 1 ? ON_ERROR_CONTINUE
                                         : ON_ERROR_DEFAULT;
    if (is_interrupted)
        choose_interruption(plan, &dice);
    plan->freezes = dice_one_in(&dice, 4);
    plan->freezes_after = dice_below(&dice, plan_bytes(plan) + 1);
}

/* --- printing ------------------------------------------------------------------------------ */

static void print_wire(const struct wire *wire, FILE *stream)
{
    fprintf(stream, "%s", wire->kind == WIRE_TCP ? "TCP" : "unix");
    if (wire->buffer_size > 0)
        fprintf(stream, " buffers %zu", wire->buffer_size);
    if (wire->patient_ms > 0)
        fprintf(stream, " after %u ms", wire->patient_ms);
}

void plan_print_source_wire(const struct source *source, FILE *stream)
{
    print_wire(&source->wire, stream);
    if (source->end == SOURCE_RESETS)
        fprintf(stream, " resets at %zu", source->resets_after);
    else
        fprintf(stream, " %s", source->end == SOURCE_CLOSES ? "closes" : "half-closes");
}

void plan_print_sink_wire(const struct sink *sink, FILE *stream)
{
    print_wire(&sink->wire, stream);
    if (sink->talk == TALK_JUNK)
        fprintf(stream, " says %zu bytes at each read", sink->junk);
    else if (sink->talk == TALK_END)
        fprintf(stream, " half-closes");
}

void plan_print_interruption(const struct plan *plan, FILE *stream)
{
    const struct interruption *it = &plan->interruption;

    if (it->signal != 0)
        fprintf(stream, "; signal %d%s at %zu and %u us", it->signal, it->again ? " twice" : "",
                it->after, it->late_us);
    if (plan->freezes)
        fprintf(stream, "; all stand still at %zu", plan->freezes_after);
}
