/*
 * selftest_network.c - the self-test's connections and signals; see selftest.h.
 */
#include "selftest.h"

#include "trick.h"

#include <signal.h>

static const size_t few = 40;

/* --- what is right ------------------------------------------------------------------------- */

static void reset_all(struct trick *trick)
{
    for (size_t i = 0; i < trick->plan.source_count; i++)
        trick->outcome.given[i].tail = TAIL_RESET;
    for (size_t i = 0; i < plan_sinks(&trick->plan); i++)
        trick->outcome.taken[i].tail = TAIL_RESET;
}

static void overflow(struct trick *trick)
{
    trick_overflow(trick);
    reset_all(trick);
}

/* The consumer of the second output leaves; the first one's still gets everything. */
static void leave(struct trick *trick)
{
    struct endpoint_numbers *it = &trick->numbers.outputs[1];

    trick_status(trick, 1);
    reset_all(trick);
    trick->outcome.taken[1].left = true;
    trick->outcome.taken[1].tail = TAIL_NONE;
    trick->outcome.taken[1].size -= 2 * few;
    it->bytes -= few;
    it->bytes_undelivered += few;
}

/* The producer resets, and some of the bytes that it wrote never come. */
static void reset_source(struct trick *trick)
{
    size_t bytes = SOURCE_BYTES - 2 * few;

    trick_status(trick, 1);
    reset_all(trick);
    trick->outcome.given[0].did_reset = true;
    trick->outcome.given[0].written = SOURCE_BYTES - few;
    trick->outcome.taken[0].size = bytes;
    trick->numbers.bytes_in = trick->numbers.inputs[0].bytes = bytes;
    trick->numbers.outputs[0].bytes = bytes;
}

/* The second producer resets before the terminator of its last record. Nothing of that record is
 * written. Returns the bytes of the record. */
static size_t withhold(struct trick *trick)
{
    const struct stream *stream = &trick->input.streams[1];
    size_t torn = stream->records[stream->record_count - 1].size - 1;

    trick_status(trick, 1);
    reset_all(trick);
    trick->outcome.given[1].did_reset = true;
    trick->numbers.inputs[1].bytes--;
    trick->numbers.bytes_in--;
    trick->outcome.taken[0].size -= torn + 1;
    trick->numbers.outputs[0].bytes -= torn + 1;
    trick->numbers.outputs[0].bytes_undelivered += torn;
    return torn;
}

static void withhold_torn(struct trick *trick)
{
    (void)withhold(trick);
}

static void interrupt(struct trick *trick, int signal)
{
    trick->plan.interruption.signal = signal;
    trick->outcome.signals = 1;
    trick_status(trick, 128 + signal);
}

static void kill_late(struct trick *trick)
{
    interrupt(trick, SIGKILL);
    trick->silent = true;
}

static void kill_it(struct trick *trick)
{
    kill_late(trick);
    reset_all(trick);
    trick->outcome.taken[0].size /= 2;
}

/* SIGTERM: the bytes that were read are still written. */
static void drain(struct trick *trick)
{
    size_t bytes = SOURCE_BYTES / 2;

    interrupt(trick, SIGTERM);
    reset_all(trick);
    trick->outcome.taken[0].size = trick->numbers.outputs[0].bytes = bytes;
    trick->numbers.bytes_in = trick->numbers.inputs[0].bytes = bytes;
}

static void end_before_beginning(struct trick *trick)
{
    interrupt(trick, SIGTERM);
    trick->silent = true;
    trick->outcome.taken[0] = (struct taken){.bytes = trick->outcome.taken[0].bytes};
    trick->outcome.given[0] = (struct given){0};
}

/* --- what is wrong ------------------------------------------------------------------------- */

static void end_output(struct trick *trick)
{
    trick->outcome.taken[0].tail = TAIL_END;
}

static void end_after_overflow(struct trick *trick)
{
    overflow(trick);
    end_output(trick);
}

static void end_after_kill(struct trick *trick)
{
    kill_it(trick);
    end_output(trick);
}

static void end_after_drain(struct trick *trick)
{
    drain(trick);
    end_output(trick);
}

static void end_after_reset_source(struct trick *trick)
{
    reset_source(trick);
    end_output(trick);
}

static void end_input_after_overflow(struct trick *trick)
{
    overflow(trick);
    trick->outcome.given[0].tail = TAIL_END;
}

static void reset_output(struct trick *trick)
{
    trick->outcome.taken[0].tail = TAIL_RESET;
}

static void reset_input(struct trick *trick)
{
    trick->outcome.given[0].tail = TAIL_RESET;
}

static void hold_output(struct trick *trick)
{
    trick->outcome.taken[0].tail = TAIL_NONE;
}

static void speak(struct trick *trick)
{
    trick->outcome.given[0].spoken_to = true;
}

static void lose_last_byte(struct trick *trick)
{
    trick->outcome.taken[0].size--;
}

static void lose_last_byte_counted(struct trick *trick)
{
    trick_cut(trick, trick->outcome.taken[0].size - 1, 1);
}

static void lose_byte_for_one(struct trick *trick)
{
    leave(trick);
    lose_last_byte(trick);
}

static void succeed_after_reset(struct trick *trick)
{
    reset_source(trick);
    trick_status(trick, 0);
    trick->outcome.taken[0].tail = trick->outcome.given[0].tail = TAIL_END;
}

static void change_byte_before_reset(struct trick *trick)
{
    reset_source(trick);
    trick->outcome.taken[0].bytes[SOURCE_BYTES / 2] ^= 1;
}

static void invent_after_reset(struct trick *trick) /* more than was written */
{
    reset_source(trick);
    trick->outcome.given[0].written = trick->numbers.bytes_in - 1;
}

/* The torn record is written, with a terminator or without. */
static void pass_torn(struct trick *trick, size_t terminator)
{
    size_t torn = withhold(trick) + terminator;

    trick->outcome.taken[0].size += torn;
    trick->numbers.outputs[0].bytes += torn;
    trick->numbers.outputs[0].bytes_undelivered = 0;
    trick->numbers.outputs[0].bytes_added += terminator;
}

static void end_torn(struct trick *trick)
{
    pass_torn(trick, 1);
}

static void leave_torn(struct trick *trick)
{
    pass_torn(trick, 0);
}

static void miscount_torn(struct trick *trick)
{
    size_t torn = withhold(trick);

    trick->numbers.outputs[0].bytes_dropped += torn;
    trick->numbers.outputs[0].bytes_undelivered = 0;
}

static void withhold_too_much(struct trick *trick)
{
    const struct stream *stream = &trick->input.streams[1];
    size_t more = stream->records[stream->record_count - 2].size;

    (void)withhold(trick);
    trick->outcome.taken[0].size -= more;
    trick->numbers.outputs[0].bytes -= more;
    trick->numbers.outputs[0].bytes_undelivered += more;
}

static void change_byte_before_kill(struct trick *trick)
{
    kill_it(trick);
    trick->outcome.taken[0].bytes[few] ^= 1;
}

static void lose_byte_before_kill(struct trick *trick)
{
    trick_cut(trick, few, 1);
    kill_it(trick);
}

static void succeed_without_one(struct trick *trick)
{
    leave(trick);
    trick_status(trick, 0);
    trick->numbers.outputs[1].bytes += few;
    trick->numbers.outputs[1].bytes_undelivered = 0;
    trick->outcome.taken[1].left_early = true;
    trick->outcome.taken[0].tail = trick->outcome.given[0].tail = TAIL_END;
}

static void drain_not_all(struct trick *trick)
{
    drain(trick);
    trick->outcome.taken[0].size -= few;
    trick->numbers.outputs[0].bytes -= few;
    trick->numbers.outputs[0].bytes_undelivered += few;
}

static void die_unasked(struct trick *trick)
{
    kill_it(trick);
    trick->outcome.signals = 0;
}

static void lose_report(struct trick *trick)
{
    drain(trick);
    trick->silent = true;
}

static const struct attempt attempts[] = {
    {"connections", POLICY_BLOCK, UNIT_LINES, "n", NULL, true},
    {"connections, dropped, two of each", POLICY_DROP_NEWEST, UNIT_NULS, "no2", NULL, true},
    {"unix sockets, merged", POLICY_BLOCK, UNIT_BYTES, "uMt", NULL, true},
    {"an overflow, reset", POLICY_FAIL, UNIT_LINES, "n", overflow, true},
    {"an overflow, unix sockets", POLICY_FAIL, UNIT_LINES, "u", trick_overflow, true},
    {"a connection that is left", POLICY_BLOCK, UNIT_LINES, "no", leave, true},
    {"a producer that resets", POLICY_BLOCK, UNIT_BYTES, "n", reset_source, true},
    {"a torn record is withheld", POLICY_BLOCK, UNIT_LINES, "nM", withhold_torn, true},
    {"a torn record is withheld, dropped", POLICY_DROP_OLDEST, UNIT_NULS, "nM", withhold_torn,
     true},
    {"killed", POLICY_BLOCK, UNIT_BYTES, "n", kill_it, true},
    {"killed after all was done", POLICY_BLOCK, UNIT_BYTES, "n", kill_late, true},
    {"SIGTERM", POLICY_BLOCK, UNIT_LINES, "n", drain, true},
    {"SIGTERM before all began", POLICY_BLOCK, UNIT_LINES, "n", end_before_beginning, true},

    {"a clean end after an overflow", POLICY_FAIL, UNIT_LINES, "n", end_after_overflow, false},
    {"a clean end after SIGKILL", POLICY_BLOCK, UNIT_LINES, "n", end_after_kill, false},
    {"a clean end after SIGTERM", POLICY_BLOCK, UNIT_LINES, "n", end_after_drain, false},
    {"a clean end after a reset", POLICY_BLOCK, UNIT_BYTES, "n", end_after_reset_source, false},
    {"an input closed after an overflow", POLICY_FAIL, UNIT_LINES, "n", end_input_after_overflow,
     false},
    {"status 0, reset", POLICY_BLOCK, UNIT_LINES, "n", reset_output, false},
    {"status 0, reset, unix", POLICY_BLOCK, UNIT_LINES, "u", reset_output, false},
    {"status 0, an input reset", POLICY_BLOCK, UNIT_LINES, "n", reset_input, false},
    {"a connection without an end", POLICY_BLOCK, UNIT_LINES, "n", hold_output, false},
    {"an input that is spoken to", POLICY_BLOCK, UNIT_LINES, "n", speak, false},
    {"the last byte missing", POLICY_BLOCK, UNIT_BYTES, "n", lose_last_byte, false},
    {"the last byte missing, counted", POLICY_BLOCK, UNIT_BYTES, "n", lose_last_byte_counted,
     false},
    {"the last byte missing because another left", POLICY_BLOCK, UNIT_BYTES, "no",
     lose_byte_for_one, false},
    {"status 0 after a reset", POLICY_BLOCK, UNIT_BYTES, "n", succeed_after_reset, false},
    {"another byte before a reset", POLICY_BLOCK, UNIT_BYTES, "n", change_byte_before_reset, false},
    {"more than was written before a reset", POLICY_BLOCK, UNIT_BYTES, "n", invent_after_reset,
     false},
    {"a torn record is written", POLICY_BLOCK, UNIT_LINES, "nM", leave_torn, false},
    {"a torn record is ended", POLICY_BLOCK, UNIT_LINES, "nM", end_torn, false},
    {"a torn record is ended, dropped", POLICY_DROP_OLDEST, UNIT_NULS, "nM", end_torn, false},
    {"a torn record counts as dropped", POLICY_DROP_NEWEST, UNIT_LINES, "nM", miscount_torn, false},
    {"a torn record, and one more", POLICY_BLOCK, UNIT_LINES, "nM", withhold_too_much, false},
    {"another byte before SIGKILL", POLICY_BLOCK, UNIT_LINES, "n", change_byte_before_kill, false},
    {"a byte missing before SIGKILL", POLICY_BLOCK, UNIT_LINES, "n", lose_byte_before_kill, false},
    {"status 0 without an output", POLICY_BLOCK, UNIT_LINES, "no", succeed_without_one, false},
    {"SIGTERM, and bytes are left", POLICY_BLOCK, UNIT_BYTES, "n", drain_not_all, false},
    {"death by a signal that nobody sent", POLICY_BLOCK, UNIT_LINES, "n", die_unasked, false},
    {"SIGTERM without a report", POLICY_BLOCK, UNIT_LINES, "n", lose_report, false},
};

int selftest_network(void)
{
    return trick_try(attempts, sizeof attempts / sizeof attempts[0]);
}
