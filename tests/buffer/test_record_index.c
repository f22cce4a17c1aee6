/*
 * test_record_index.c - counts of records at the readers of a ring, against a plain array.
 *
 * The array has, for each position of the stream, how many records end before it. Bytes enter and
 * are taken back, readers consume, leave and come again, all at random, and after each step the
 * index has to say for every reader what the array says. Rings are smaller than a block, or have a
 * few, or (once) more than RECORD_INDEX_BLOCKS of the least size.
 */
#include "buffer/record_index.h"

#include "base/records.h"
#include "tests/tap.h"

enum {
    STREAM = 4 << 20,
    LARGEST = 600 << 10,
    READERS = 3,
    RUNS = 60,
    STEPS = 1500,
    HUGE = 80 << 20 /* more than RECORD_INDEX_BLOCKS * RECORD_INDEX_LEAST_BLOCK */
};

struct run {
    struct ring ring;
    struct record_index index;
    enum record_kind kind;
    size_t one_in;    /* one byte in this many ends a record */
    uint64_t entered; /* the end of the stream, as far as it is in the array */
    bool failed;
};

static unsigned char bytes_of[STREAM];   /* the bytes of the stream */
static uint32_t before[STREAM + 1];      /* how many records end before each */
static unsigned char filler[256 * 1024]; /* without the end of a record */

static unsigned char terminator_of(enum record_kind kind)
{
    return kind == RECORD_NUL ? '\0' : '\n';
}

static void expect(struct run *run, bool holds, const char *what)
{
    if (holds || run->failed)
        return;
    run->failed = true;
    tap_note("capacity %zu, kind %d, one in %zu, at %" PRIu64 ": %s", run->ring.capacity,
             (int)run->kind, run->one_in, run->entered, what);
}

static void check(struct run *run)
{
    for (size_t i = 0; i < READERS; i++) {
        const struct ring_reader *reader = &run->ring.readers[i];
        if (reader->attached)
            expect(run, record_index_before(&run->index, i) == before[reader->cursor],
                   "the records before a reader");
    }
}

/* Adds bytes at the end of the stream: for datagrams one of them. */
static void enter(struct run *run)
{
    size_t room = ring_room(&run->ring), left = STREAM - (size_t)run->entered;
    size_t bytes = below((room < left ? room : left) + 1);
    bool datagram = run->kind == RECORD_DATAGRAM;
    if (below(3) > 0 && bytes > 5000)
        bytes = below(5000);
    if (bytes == 0)
        return;
    uint32_t count = before[run->entered];
    for (uint64_t at = run->entered; at < run->entered + bytes; at++) {
        bool ends = datagram ? at + 1 == run->entered + bytes : below(run->one_in) == 0;
        bytes_of[at] = ends && !datagram ? terminator_of(run->kind) : 'x';
        before[at + 1] = count += ends && run->kind != RECORD_NONE;
    }
    ring_append(&run->ring, bytes_of + run->entered, bytes);
    if (datagram)
        ring_end_record(&run->ring);
    run->entered += bytes;
    uint64_t more = record_index_entered(&run->index, bytes);
    expect(run, more == before[run->entered] - before[run->entered - bytes], "what has entered");
}

/* Takes bytes back that no reader has consumed. */
static void take_back(struct run *run)
{
    uint64_t farthest = run->ring.tail;
    for (size_t i = 0; i < READERS; i++)
        if (run->ring.readers[i].attached && run->ring.readers[i].cursor > farthest)
            farthest = run->ring.readers[i].cursor;
    size_t bytes = below(run->entered - farthest + 1);
    record_index_retracting(&run->index, bytes);
    ring_retract(&run->ring, bytes);
    run->entered -= bytes;
}

static void leave_or_come(struct run *run)
{
    size_t reader = 1 + below(READERS - 1); /* the first stays */
    if (run->ring.readers[reader].attached)
        ring_detach(&run->ring, reader);
    else
        ring_attach(&run->ring, reader);
}

static void consume(struct run *run)
{
    size_t reader = below(READERS);
    size_t unread = ring_unread(&run->ring, reader);
    if (unread > 0)
        ring_consume(&run->ring, reader, below(3) == 0 ? unread : below(unread + 1));
}

static bool one_run(void)
{
    static const enum record_kind kinds[] = {RECORD_NONE, RECORD_LINE, RECORD_NUL, RECORD_DATAGRAM};
    static const size_t densities[] = {1, 7, 200, 100000};
    struct run run = {.kind = kinds[below(4)], .one_in = densities[below(4)]};
    size_t capacity = 1 + below(below(2) == 0 ? 3000 : LARGEST);
    if (ring_init(&run.ring, capacity, READERS) != 0 ||
        (run.kind == RECORD_DATAGRAM && ring_mark_records(&run.ring) != 0) ||
        record_index_init(&run.index, &run.ring, run.kind) != 0)
        return false;
    for (unsigned step = 0; step < STEPS && run.entered < STREAM && !run.failed; step++) {
        size_t turn = below(20);
        if (turn < 8)
            enter(&run);
        else if (turn < 17)
            consume(&run);
        else if (turn < 18)
            leave_or_come(&run);
        else
            take_back(&run);
        check(&run);
    }
    record_index_destroy(&run.index);
    record_index_destroy(&run.index);
    ring_destroy(&run.ring);
    return !run.failed;
}

static void test_at_random(void)
{
    unsigned runs = tap_rounds(RUNS), right = 0;
    while (right < runs && one_run())
        right++;
    tap_ok(right == runs, "%u random runs", runs);
}

/* A line end each 1000 bytes or so, in a ring whose blocks are larger than the least. */
static void test_huge(void)
{
    struct ring ring;
    struct record_index index;
    uint64_t lines = 0, got = 0, entered = 0;
    bool right = true;
    memset(filler, 'x', sizeof filler);
    for (size_t i = 999; i < sizeof filler; i += 1000)
        filler[i] = '\n';
    const uint64_t in_filler = records_count(filler, sizeof filler, RECORD_LINE);
    if (!tap_ok(ring_init(&ring, HUGE, 1) == 0 &&
                    record_index_init(&index, &ring, RECORD_LINE) == 0,
                "memory"))
        return;
    tap_ok(index.count <= RECORD_INDEX_BLOCKS &&
               (size_t)1 << index.shift > RECORD_INDEX_LEAST_BLOCK,
           "a large ring has larger blocks, and not more of them");
    while (entered < 2 * (uint64_t)HUGE) {
        for (; ring_room(&ring) >= sizeof filler; entered += sizeof filler) {
            ring_append(&ring, filler, sizeof filler);
            lines += in_filler;
            right &= record_index_entered(&index, sizeof filler) == in_filler;
        }
        for (size_t rest = ring_fill(&ring) / 3; ring_fill(&ring) > rest; got += in_filler) {
            right &= record_index_before(&index, 0) == got;
            ring_consume(&ring, 0, sizeof filler);
        }
    }
    tap_ok(right && index.records == lines, "a large ring counts as well");
    record_index_destroy(&index);
    ring_destroy(&ring);
}

int main(void)
{
    random_state = tap_seed();
    test_at_random();
    test_huge();
    return tap_done();
}
