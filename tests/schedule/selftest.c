/*
 * selftest.c - see selftest.h. One thing is spoiled, and counters hide it as far as they can.
 */
#include "selftest.h"

#include "trick.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { FOUR_PIECES = 4 * PIECE };

/* --- what the judge must find -------------------------------------------------------------- */

static struct taken *output(struct trick *trick)
{
    return &trick->outcome.taken[0];
}

/* Where the record begins that has `from_end` records after it. */
static size_t record_before(struct trick *trick, size_t from_end)
{
    int terminator = plan_terminator(&trick->plan);
    size_t at = output(trick)->size - 1;

    for (; at > 0; at--)
        if (output(trick)->bytes[at - 1] == terminator && from_end-- == 0)
            break;
    return at;
}

static size_t record_size(struct trick *trick, size_t at)
{
    const unsigned char *bytes = output(trick)->bytes;
    size_t size = 1;

    while (bytes[at + size - 1] != plan_terminator(&trick->plan))
        size++;
    return size;
}

static void tear(struct trick *trick)
{
    trick_cut(trick, record_before(trick, 6) + 5, 3);
}

static void tear_mark(struct trick *trick)
{
    size_t from_end = 0;

    while (output(trick)->bytes[record_before(trick, from_end)] != '[')
        from_end++;
    trick_cut(trick, record_before(trick, from_end) + 5, 3);
}

static void tear_between(struct trick *trick) /* two records become one */
{
    trick_cut(trick, record_before(trick, 4) - 1, 1);
}

static void lose(struct trick *trick) /* and count it */
{
    size_t at = record_before(trick, 4);

    trick_cut(trick, at, record_size(trick, at));
    trick->numbers.outputs[0].records_dropped++;
}

static void lose_last(struct trick *trick)
{
    trick_cut(trick, record_before(trick, 0), output(trick)->size - record_before(trick, 0));
    trick->numbers.outputs[0].records_dropped++;
}

static void lose_uncounted(struct trick *trick)
{
    size_t at = record_before(trick, 4);
    size_t size = record_size(trick, at);

    trick_cut(trick, at, size);
    trick->numbers.outputs[0].bytes_dropped -= size;
    trick->numbers.outputs[0].bytes_undelivered += size;
}

static void lose_first(struct trick *trick)
{
    trick_cut(trick, 0, record_size(trick, 0));
    trick->numbers.outputs[0].records_dropped++;
}

static void duplicate(struct trick *trick)
{
    size_t at = record_before(trick, 4);
    size_t size = record_size(trick, at), rest = output(trick)->size - at;
    struct taken tail = {0};

    taken_add(&tail, output(trick)->bytes + at, rest);
    output(trick)->size = at + size;
    taken_add(output(trick), tail.bytes, rest);
    free(tail.bytes);
    trick->numbers.outputs[0].bytes += size;
    trick->numbers.outputs[0].bytes_added += size;
}

static void swap(struct trick *trick)
{
    size_t at = record_before(trick, 5), size = record_size(trick, at);
    unsigned char *bytes = output(trick)->bytes;
    struct taken first = {0};

    taken_add(&first, bytes + at, size);
    size_t next = record_size(trick, at + size);
    memmove(bytes + at, bytes + at + size, next);
    memcpy(bytes + at + next, first.bytes, size);
    free(first.bytes);
}

/* Changes the number in the last mark that begins `behind` bytes after the bracket. */
static void change_mark(struct trick *trick, size_t behind)
{
    unsigned char *bytes = output(trick)->bytes;
    size_t at = output(trick)->size - 1;

    while (bytes[at] != '[')
        at--;
    at += behind;
    bytes[at] = bytes[at] == '9' ? '8' : (unsigned char)(bytes[at] + 1);
}

static void change_mark_records(struct trick *trick)
{
    change_mark(trick, strlen("[bpipe: "));
}

static void change_mark_bytes(struct trick *trick)
{
    change_mark(trick, strlen("[bpipe: 3 records, "));
}

static void move_mark(struct trick *trick) /* to after the next record */
{
    unsigned char *bytes = output(trick)->bytes;
    size_t from_end = 0;

    while (bytes[record_before(trick, from_end)] != '[')
        from_end++;
    size_t at = record_before(trick, from_end), size = record_size(trick, at);
    size_t next = record_size(trick, at + size);
    struct taken mark = {0};
    taken_add(&mark, bytes + at, size);
    memmove(bytes + at, bytes + at + size, next);
    memcpy(bytes + at + next, mark.bytes, size);
    free(mark.bytes);
}

static void miscount_records(struct trick *trick)
{
    trick->numbers.outputs[0].records_dropped++;
}

static void miscount_records_out(struct trick *trick)
{
    trick->numbers.outputs[0].records_out++; /* one more than there are */
}

static void miscount_records_of_tap(struct trick *trick)
{
    trick->numbers.taps[0].records_out--;
}

static void miscount_input_records(struct trick *trick)
{
    trick->numbers.inputs[1].records_dropped++;
}

static void miscount_input_bytes(struct trick *trick)
{
    trick->numbers.inputs[1].bytes_dropped--;
    trick->numbers.inputs[0].bytes_dropped++;
}

static void miscount_bytes(struct trick *trick) /* as added and dropped */
{
    trick->numbers.outputs[0].bytes_dropped++;
    trick->numbers.outputs[0].bytes_added++;
}

static void miscount_output(struct trick *trick)
{
    trick->numbers.outputs[0].bytes++;
    trick->numbers.outputs[0].bytes_dropped--;
}

static void miscount_input(struct trick *trick)
{
    trick->numbers.inputs[0].bytes--;
}

static void miscount_sum(struct trick *trick)
{
    trick->numbers.outputs[0].bytes_dropped++;
}

static void change_byte(struct trick *trick)
{
    output(trick)->bytes[output(trick)->size - 20] ^= 33;
}

static void swap_pieces(struct trick *trick)
{
    unsigned char *bytes = output(trick)->bytes, piece[PIECE];
    size_t at = output(trick)->size - FOUR_PIECES;

    memcpy(piece, bytes + at, PIECE);
    memmove(bytes + at, bytes + at + PIECE, PIECE);
    memcpy(bytes + at + PIECE, piece, PIECE);
}

static void lose_byte(struct trick *trick)
{
    trick_cut(trick, output(trick)->size / 2, 1);
}

static void lose_last_byte(struct trick *trick)
{
    trick_cut(trick, output(trick)->size - 1, 1);
}

/* A tap that was stuck: the last of its bytes never came. */
static void stop_tap(struct trick *trick)
{
    struct endpoint_numbers *tap = &trick->numbers.taps[0];
    struct taken *taken = &trick->outcome.taken[1];
    const unsigned char *bytes = taken->bytes;

    for (size_t i = taken->size / 2; i < taken->size; i++)
        tap->records_dropped += bytes[i] == plan_terminator(&trick->plan);
    tap->bytes_dropped += taken->size - taken->size / 2;
    taken->size = tap->bytes = taken->size / 2;
}

static void miscount_tap(struct trick *trick)
{
    stop_tap(trick);
    trick->numbers.taps[0].records_dropped -= 2;
}

static void tear_tap(struct trick *trick)
{
    struct taken *taken = &trick->outcome.taken[1];

    memmove(taken->bytes + 30, taken->bytes + 32, taken->size - 32);
    taken->size -= 2;
    trick->numbers.taps[0].bytes -= 2;
    trick->numbers.taps[0].bytes_dropped += 2;
}

static void overflow_with_hole(struct trick *trick)
{
    trick_overflow(trick);
    lose(trick);
    trick->numbers.outputs[0].bytes_undelivered += trick->numbers.outputs[0].bytes_dropped;
    trick->numbers.outputs[0].bytes_dropped = 0;
}

/* The output ends with the first letter of a record, and the input with that of the next one. */
static void end_alike(struct trick *trick)
{
    const struct stream *stream = &trick->input.streams[0];
    struct endpoint_numbers *it = &trick->numbers.outputs[0];
    size_t last = stream->record_count / 2;
    size_t written = (size_t)(stream->records[last].bytes - stream->bytes) + 1;

    trick_overflow(trick);
    trick->outcome.taken[0].size = it->bytes = written;
    it->bytes_undelivered = stream->records[last].size;
    trick->numbers.bytes_in = trick->numbers.inputs[0].bytes = written + stream->records[last].size;
}

static void overflow_for_nothing(struct trick *trick)
{
    trick_overflow(trick);
    trick->plan.buffer_size = SOURCE_BYTES;
}

static void depart(struct trick *trick)
{
    trick_overflow(trick);
    trick_status(trick, 128 + SIGPIPE);
    output(trick)->left = true;
}

static void depart_quietly(struct trick *trick)
{
    depart(trick);
    trick_status(trick, 0);
    trick->numbers.inputs[0].bytes += 1000;
    trick->numbers.bytes_in += 1000;
    trick->numbers.outputs[0].bytes_undelivered += 1000;
}

static void fail(struct trick *trick)
{
    trick_status(trick, 1);
}

static void hang(struct trick *trick)
{
    trick->outcome.hung = "in the self-test";
}

static void complain(struct trick *trick)
{
    free(trick->outcome.messages);
    trick->outcome.messages = strdup("bpipe: something\n");
}

static void leave_spool(struct trick *trick)
{
    trick->outcome.spool_left = true;
}

/* --- the cases ----------------------------------------------------------------------------- */

static const struct attempt attempts[] = {
    {"lines, block", POLICY_BLOCK, UNIT_LINES, "", NULL, true},
    {"bytes, block, two inputs", POLICY_BLOCK, UNIT_BYTES, "2o", NULL, true},
    {"records, block, two inputs", POLICY_BLOCK, UNIT_NULS, "2", NULL, true},
    {"records, block, merged", POLICY_BLOCK, UNIT_NULS, "M", NULL, true},
    {"bytes, block, merged", POLICY_BLOCK, UNIT_BYTES, "M", NULL, true},
    {"lines, dropped", POLICY_DROP_OLDEST, UNIT_LINES, "", NULL, true},
    {"records, dropped, two outputs", POLICY_DROP_NEWEST, UNIT_NULS, "o", NULL, true},
    {"bytes, dropped", POLICY_DROP_NEWEST, UNIT_BYTES, "o", NULL, true},
    {"lines, dropped, marked", POLICY_DROP_OLDEST, UNIT_LINES, "m", NULL, true},
    {"records, dropped, marked, two inputs", POLICY_DROP_NEWEST, UNIT_NULS, "mo2", NULL, true},
    {"lines, dropped, merged", POLICY_DROP_NEWEST, UNIT_LINES, "M", NULL, true},
    {"lines, dropped, merged, marked", POLICY_DROP_OLDEST, UNIT_LINES, "Mm", NULL, true},
    {"bytes, dropped, merged", POLICY_DROP_OLDEST, UNIT_BYTES, "M", NULL, true},
    {"a tap that stopped in a record", POLICY_BLOCK, UNIT_LINES, "t", stop_tap, true},
    {"an overflow", POLICY_FAIL, UNIT_LINES, "", trick_overflow, true},
    {"an end that a later record has, too", POLICY_FAIL, UNIT_NULS, "", end_alike, true},
    {"a departed consumer", POLICY_BLOCK, UNIT_LINES, "", depart, true},

    {"a torn record", POLICY_DROP_OLDEST, UNIT_LINES, "", tear, false},
    {"a torn record, marked", POLICY_DROP_OLDEST, UNIT_NULS, "m", tear, false},
    {"a torn record, merged", POLICY_DROP_NEWEST, UNIT_LINES, "M", tear, false},
    {"a torn mark", POLICY_DROP_OLDEST, UNIT_NULS, "m", tear_mark, false},
    {"a lost terminator", POLICY_DROP_OLDEST, UNIT_NULS, "", tear_between, false},
    {"a record twice", POLICY_DROP_OLDEST, UNIT_LINES, "", duplicate, false},
    {"a record twice, block", POLICY_BLOCK, UNIT_LINES, "", duplicate, false},
    {"two records swapped", POLICY_DROP_OLDEST, UNIT_LINES, "", swap, false},
    {"two records swapped, merged", POLICY_BLOCK, UNIT_LINES, "M", swap, false},
    {"a lost record, block", POLICY_BLOCK, UNIT_LINES, "", lose, false},
    {"a lost record, merged", POLICY_BLOCK, UNIT_LINES, "M", lose, false},
    {"a lost record, uncounted", POLICY_DROP_OLDEST, UNIT_LINES, "", lose_uncounted, false},
    {"a lost record without a mark", POLICY_DROP_OLDEST, UNIT_LINES, "m", lose, false},
    {"a lost record without a mark, merged", POLICY_DROP_OLDEST, UNIT_LINES, "Mm", lose, false},
    {"the last record lost without a mark", POLICY_DROP_NEWEST, UNIT_LINES, "m", lose_last, false},
    {"the newest dropped as the oldest", POLICY_DROP_OLDEST, UNIT_LINES, "", lose_last, false},
    {"the oldest dropped as the newest", POLICY_DROP_NEWEST, UNIT_LINES, "", lose_first, false},
    {"outputs that differ", POLICY_DROP_NEWEST, UNIT_LINES, "o", lose, false},
    {"a mark with another count", POLICY_DROP_OLDEST, UNIT_LINES, "m", change_mark_records, false},
    {"a mark with other bytes", POLICY_DROP_OLDEST, UNIT_LINES, "m", change_mark_bytes, false},
    {"a mark with other bytes, merged", POLICY_DROP_OLDEST, UNIT_LINES, "Mm", change_mark_bytes,
     false},
    {"a mark in the wrong place", POLICY_DROP_OLDEST, UNIT_LINES, "m", move_mark, false},
    {"a mark in the wrong place, merged", POLICY_DROP_OLDEST, UNIT_LINES, "Mm", move_mark, false},
    {"a wrong records_dropped", POLICY_DROP_OLDEST, UNIT_LINES, "", miscount_records, false},
    {"a wrong records_out", POLICY_DROP_OLDEST, UNIT_LINES, "m", miscount_records_out, false},
    {"a wrong records_out of a tap", POLICY_BLOCK, UNIT_NULS, "t", miscount_records_of_tap, false},
    {"a wrong bytes_dropped", POLICY_DROP_OLDEST, UNIT_LINES, "m", miscount_bytes, false},
    {"a wrong bytes_added, block", POLICY_BLOCK, UNIT_LINES, "", miscount_bytes, false},
    {"a wrong bytes of an output", POLICY_DROP_OLDEST, UNIT_LINES, "", miscount_output, false},
    {"a wrong bytes of an input", POLICY_BLOCK, UNIT_LINES, "", miscount_input, false},
    {"a wrong sum", POLICY_DROP_NEWEST, UNIT_BYTES, "", miscount_sum, false},
    {"a wrong records_dropped of an input", POLICY_DROP_OLDEST, UNIT_LINES, "M",
     miscount_input_records, false},
    {"a wrong bytes_dropped of an input", POLICY_DROP_OLDEST, UNIT_BYTES, "M", miscount_input_bytes,
     false},
    {"another byte", POLICY_DROP_OLDEST, UNIT_BYTES, "", change_byte, false},
    {"another byte, merged", POLICY_DROP_OLDEST, UNIT_BYTES, "M", change_byte, false},
    {"bytes swapped", POLICY_DROP_OLDEST, UNIT_BYTES, "", swap_pieces, false},
    {"a lost byte, block", POLICY_BLOCK, UNIT_BYTES, "", lose_byte, false},
    {"a lost byte, merged", POLICY_BLOCK, UNIT_BYTES, "M", lose_byte, false},
    {"the last byte dropped as the oldest", POLICY_DROP_OLDEST, UNIT_BYTES, "", lose_last_byte,
     false},
    {"a tap that misses more than it says", POLICY_BLOCK, UNIT_LINES, "t", miscount_tap, false},
    {"a torn record in a tap", POLICY_BLOCK, UNIT_LINES, "t", tear_tap, false},
    {"an overflow with a hole", POLICY_FAIL, UNIT_LINES, "", overflow_with_hole, false},
    {"an overflow under block", POLICY_BLOCK, UNIT_LINES, "", trick_overflow, false},
    {"an overflow where all fits", POLICY_FAIL, UNIT_LINES, "", overflow_for_nothing, false},
    {"status 0 with bytes undelivered", POLICY_BLOCK, UNIT_LINES, "", depart_quietly, false},
    {"a failure without a reason", POLICY_BLOCK, UNIT_LINES, "", fail, false},
    {"a hang", POLICY_BLOCK, UNIT_LINES, "", hang, false},
    {"a message without a reason", POLICY_BLOCK, UNIT_LINES, "", complain, false},
    {"a spool that is left", POLICY_BLOCK, UNIT_LINES, "", leave_spool, false},
};

int selftest(void)
{
    return trick_try(attempts, sizeof attempts / sizeof attempts[0]) + selftest_network();
}
