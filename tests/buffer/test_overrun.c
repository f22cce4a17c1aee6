/*
 * test_overrun.c - a reader that is overtaken, against the bytes that it should have got.
 *
 * Random runs: bytes arrive in a small ring, the reader takes some, is overtaken, takes a part of a
 * record, is overtaken again. It must get the stream without some whole records (or bytes), the
 * losses that are counted must be those that are missing, and no more may be dropped than was asked
 * for.
 */
#include "buffer/overrun.h"
#include "tests/buffer/record_stream.h"

#include "base/records.h"
#include "buffer/record_index.h"

static struct record_stream stream;
static struct record_got got;

struct run {
    struct ring ring;
    struct record_index index;
    struct overrun overrun;
    enum record_kind records;
    bool marks;
    size_t arrived;    /* of the stream */
    uint64_t complete; /* after the last whole record that has arrived */
    uint64_t added;
    bool ended, failed;
};

static void expect(struct run *run, bool holds, const char *what)
{
    if (holds || run->failed)
        return;
    run->failed = true;
    tap_note("capacity %zu, records %d, marks %d, arrived %zu: %s", run->ring.capacity,
             (int)run->records, run->marks, run->arrived, what);
}

static uint64_t cursor(const struct run *run)
{
    return run->ring.readers[0].cursor;
}

/* Where the first record ends at which `position` is reached; the stream's position 0 is the
 * ring's. */
static uint64_t reaching(uint64_t position)
{
    size_t i = 0;
    while (i < stream.count && stream.start[i + 1] < position)
        i++;
    return stream.start[i + 1];
}

/* As many whole records as are in the next `bytes`, each marked as one. */
static void arrive_in_datagrams(struct run *run, size_t bytes)
{
    size_t to = run->arrived + bytes;
    for (size_t i = 0; i < stream.count; i++) {
        size_t length = stream.start[i + 1] - stream.start[i];
        if (stream.start[i] != run->arrived || stream.start[i + 1] > to)
            continue;
        ring_append(&run->ring, stream.bytes + run->arrived, length);
        ring_end_record(&run->ring);
        record_index_entered(&run->index, length);
        run->arrived += length;
        run->complete = run->arrived;
    }
}

static void arrive(struct run *run)
{
    size_t left = stream.length - run->arrived, bytes = below(ring_room(&run->ring) + 1);
    bytes = bytes < left ? bytes : left;
    if (run->records == RECORD_DATAGRAM)
        arrive_in_datagrams(run, bytes);
    else
        ring_append(&run->ring, stream.bytes + run->arrived, bytes);
    if (run->records != RECORD_DATAGRAM)
        record_index_entered(&run->index, bytes);
    run->arrived += run->records == RECORD_DATAGRAM ? 0 : bytes;
    for (size_t i = 0; i < stream.count && run->records != RECORD_DATAGRAM; i++)
        if (stream.start[i + 1] <= run->arrived &&
            stream.bytes[stream.start[i + 1] - 1] == stream.terminator)
            run->complete = stream.start[i + 1];
    overrun_arrived(&run->overrun, false);
    expect(run, !run->overrun.skipping || cursor(run) == run->ring.head, "the rest is not dropped");
}

/* Takes part of what is offered. */
static bool take(struct run *run)
{
    size_t added;
    bool beside = overrun_has_beside(&run->overrun);
    struct iovec piece = overrun_beside(&run->overrun, &added);
    expect(run, beside == (piece.iov_len > 0), "something beside, or not");
    run->added += added;
    if (piece.iov_len > 0) {
        expect(run, overrun_beside_bytes(&run->overrun) == piece.iov_len, "bytes beside");
        size_t bytes = 1 + below(piece.iov_len);
        stream_got(&got, piece.iov_base, bytes);
        overrun_sent_beside(&run->overrun, bytes);
        return true;
    }
    uint64_t end = run->records == RECORD_NONE || run->ended ? run->ring.head : run->complete;
    if (cursor(run) >= end)
        return false;
    struct span span = ring_read_span(&run->ring, 0, (size_t)(end - cursor(run)));
    size_t bytes = 1 + below(span.piece[0].iov_len);
    stream_got(&got, span.piece[0].iov_base, bytes);
    run->overrun.in_record =
        run->records != RECORD_NONE && !records_ends_span(&span, bytes, run->records);
    expect(run,
           run->records != RECORD_NONE ||
               memcmp(span.piece[0].iov_base, stream.bytes + cursor(run), bytes) == 0,
           "a byte");
    ring_consume(&run->ring, 0, bytes);
    return true;
}

static void overtake(struct run *run)
{
    struct overrun_count dropped = run->overrun.dropped;
    size_t aside = run->overrun.aside_left;
    uint64_t before = cursor(run), tail = run->ring.tail;
    uint64_t position = tail + below(run->ring.head - tail + 1), wanted;
    uint64_t complete = run->ended ? run->ring.head : run->complete;
    bool incomplete_too = below(4) == 0;

    overrun_overtake(&run->overrun, position, complete, incomplete_too);
    wanted = run->records == RECORD_NONE ? position
                                         : reaching(position < complete ? position : complete);
    if (run->records != RECORD_NONE && before >= complete)
        wanted = before;
    if (run->records != RECORD_NONE && position > complete && incomplete_too && before < position)
        wanted = run->ring.head;
    wanted = before >= position ? before : wanted;
    expect(run, cursor(run) == wanted, "how far it is overtaken");
    expect(run,
           run->overrun.dropped.bytes - dropped.bytes + run->overrun.aside_left - aside ==
               cursor(run) - before,
           "the bytes that were dropped, and those put aside");
    expect(run, run->records != RECORD_NONE || run->overrun.dropped.records == 0,
           "records of bytes");
}

/* As many records end in the received bytes as are counted as sent. (All end with a terminator,
 * datagrams too. The last may lack it, and then it does not end unless it is a datagram.) */
static void expect_records_sent(struct run *run)
{
    uint64_t sent = overrun_records_sent(&run->overrun, record_index_before(&run->index, 0)),
             ended = 0;
    bool lacks_end = stream.bytes[stream.length - 1] != stream.terminator;
    for (size_t i = 0; i < got.length && run->records != RECORD_NONE; i++)
        ended += got.bytes[i] == stream.terminator;
    bool last = run->records == RECORD_DATAGRAM && lacks_end && sent == ended + 1;
    expect(run, sent == ended || last, "the records that were sent");
}

static void finish(struct run *run)
{
    while (run->arrived < stream.length && !run->failed) {
        arrive(run);
        while (take(run))
            ;
        if (ring_room(&run->ring) == 0)
            overrun_overtake(&run->overrun, run->ring.head, run->complete, true);
    }
    run->ended = true;
    overrun_arrived(&run->overrun, true);
    expect(run, !run->overrun.skipping, "skipping at the end");
    while (take(run))
        ;
    expect(run, ring_fill(&run->ring) == 0, "not all was offered");
}

static void judge(struct run *run)
{
    if (run->failed)
        return;
    if (run->records == RECORD_NONE) {
        expect(run, got.length + run->overrun.dropped.bytes == stream.length, "the sum");
        return;
    }
    expect(run, stream_judge(&stream, &got, run->marks), "what came");
    expect(run, got.missing_bytes == run->overrun.dropped.bytes, "dropped bytes");
    expect(run, got.missing_records == run->overrun.dropped.records, "dropped records");
    expect(run, got.mark_bytes == run->added, "added bytes");
    expect_records_sent(run);
}

static bool one_run(void)
{
    static const enum record_kind kinds[] = {RECORD_NONE, RECORD_LINE, RECORD_NUL, RECORD_DATAGRAM};
    struct run run = {.records = kinds[below(4)], .marks = below(2) == 0};
    size_t capacity = 1 + below(200);

    bool datagrams = run.records == RECORD_DATAGRAM;
    run.marks &= run.records != RECORD_NONE && !datagrams;
    if (datagrams)
        capacity += 20;
    stream_make(&stream, 200 + below(4000), 1 + below(datagrams ? capacity - 10 : 2 * capacity),
                run.records == RECORD_NUL ? '\0' : '\n', &random_state);
    got.length = 0;
    if (ring_init(&run.ring, capacity, 1) != 0 ||
        (datagrams && ring_mark_records(&run.ring) != 0) ||
        record_index_init(&run.index, &run.ring, run.records) != 0 ||
        overrun_init(&run.overrun, &run.ring, 0, run.records, run.marks) != 0)
        return false;
    unsigned bias = 5;
    for (unsigned step = 0; step < 2000 && run.arrived < stream.length && !run.failed; step++) {
        if (below(50) == 0)
            bias = (unsigned)below(11);
        if (below(3) == 0)
            arrive(&run);
        else if (below(10) < bias)
            take(&run);
        else
            overtake(&run);
    }
    finish(&run);
    judge(&run);
    record_index_destroy(&run.index);
    overrun_destroy(&run.overrun);
    ring_destroy(&run.ring);
    return !run.failed;
}

static void put(struct ring *ring, const char *text)
{
    ring_append(ring, text, strlen(text));
}

static void test_drop_all(void)
{
    struct ring ring;
    struct overrun overrun;
    size_t added;

    if (!tap_ok(ring_init(&ring, 20, 1) == 0 &&
                    overrun_init(&overrun, &ring, 0, RECORD_LINE, true) == 0,
                "memory"))
        return;
    put(&ring, "aaa\nbbb\nccc\ndd");
    ring_consume(&ring, 0, 2);
    overrun.in_record = true;
    overrun_overtake(&overrun, 8, 12, false);
    tap_ok(overrun.dropped.bytes == 4 && overrun.dropped.records == 1 && overrun.aside_left == 2 &&
               ring.tail == 8,
           "the rest of a record that was sent in part is put aside");
    struct iovec piece = overrun_beside(&overrun, &added);
    tap_ok(piece.iov_len == 2 && memcmp(piece.iov_base, "a\n", 2) == 0 && added == 0,
           "the rest comes before the mark");
    overrun_sent_beside(&overrun, 2);
    piece = overrun_beside(&overrun, &added);
    tap_ok(added == piece.iov_len && added == strlen("[bpipe: 1 records, 4 bytes dropped]\n") &&
               memcmp(piece.iov_base, "[bpipe: 1 records, 4 bytes dropped]\n", added) == 0,
           "the mark counts the missing records and bytes");
    overrun_sent_beside(&overrun, added);
    overrun_drop_all(&overrun);
    tap_ok(overrun.dropped.bytes == 10 && overrun.dropped.records == 3 && ring_fill(&ring) == 0,
           "all the rest is dropped: a whole record, and one without its end");
    put(&ring, "eeee");
    overrun_overtake(&overrun, ring.head, 12, true);
    tap_ok(overrun.skipping && overrun.dropped.bytes == 14 && overrun.dropped.records == 3,
           "a record whose end has not come");
    put(&ring, "ee");
    overrun_arrived(&overrun, false);
    tap_ok(overrun.skipping && overrun.dropped.bytes == 16 && !overrun_has_beside(&overrun),
           "its bytes are dropped as they come, without a mark in the middle");
    overrun_drop_all(&overrun);
    tap_ok(!overrun.skipping && overrun.dropped.records == 4,
           "it counts as one record when it is given up");
    overrun_destroy(&overrun);
    overrun_destroy(&overrun);
    ring_destroy(&ring);
}

static void test_marks(void)
{
    char mark[OVERRUN_MARK_SIZE];
    struct overrun_count most = {UINT64_MAX, UINT64_MAX};
    size_t length = overrun_format_mark(mark, &most, RECORD_LINE);
    tap_ok(length < OVERRUN_MARK_SIZE && mark[length - 1] == '\n' && strlen(mark) == length,
           "the longest mark fits");
    tap_ok(overrun_format_mark(mark, &most, RECORD_NUL) == length && mark[length - 1] == '\0' &&
               strlen(mark) == length - 1,
           "the mark ends as records do");
}

int main(void)
{
    unsigned runs, failed = 0;

    test_marks();
    test_drop_all();
    random_state = tap_seed();
    runs = tap_rounds(4000);
    for (unsigned i = 0; i < runs; i++)
        failed += !one_run();
    tap_ok(failed == 0, "%u random runs: whole records, and the missing ones are counted", runs);
    return tap_done();
}
