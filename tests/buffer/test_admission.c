/*
 * test_admission.c - the bytes that enter the ring and the spool, against those that were offered.
 *
 * Random runs: pieces of a stream of records are offered, read directly, or offered to be dropped;
 * the reader takes whole records; the spool moves on; the disk is full at times (RLIMIT_FSIZE).
 * The reader must get the stream without some whole records, as many as were refused.
 */
#include "buffer/admission.h"
#include "tests/buffer/record_stream.h"
#include "tests/files.h"

#include "base/records.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static struct record_stream stream;
static struct record_got got;

enum policy { BLOCK, DROP, POLICIES };

struct run {
    struct ring ring;
    struct record_index index;
    struct spool spool;
    struct admission admission;
    enum record_kind records;
    enum policy policy;
    size_t offered; /* of the stream */
    uint64_t entered, retracted, added;
    struct overrun_count refused;
    uint64_t calls;
    bool failed;
};

static void expect(struct run *run, bool holds, const char *what)
{
    if (holds || run->failed)
        return;
    run->failed = true;
    tap_note("capacity %zu, spool %" PRIu64 ", records %d, marks %d, policy %d, offered %zu: %s",
             run->ring.capacity, run->admission.spool == NULL ? 0 : run->spool.max,
             (int)run->records, run->admission.marks, (int)run->policy, run->offered, what);
}

static uint64_t held(const struct run *run)
{
    return ring_fill(&run->ring) + (run->admission.spool == NULL ? 0 : spool_held(&run->spool));
}

/* The index knows all bytes that entered the ring, and so how many records end in the received
 * bytes. (All records end with a terminator, except perhaps the last: without one it does not end,
 * unless it is a datagram.) */
static void expect_index(struct run *run)
{
    uint64_t before = record_index_before(&run->index, 0), ended = 0;
    bool lacks_end = stream.bytes[stream.length - 1] != stream.terminator;
    for (size_t i = 0; i < got.length && run->records != RECORD_NONE; i++)
        ended += got.bytes[i] == stream.terminator;
    bool last = run->records == RECORD_DATAGRAM && lacks_end && before == ended + 1;
    expect(run, before == ended || last, "the records that were taken");
    expect(run, run->records == RECORD_NONE || run->index.position == run->ring.head,
           "the index at the head");
}

/* `complete` is after the last record that ends in the ring. */
static void expect_state(struct run *run)
{
    struct span all = ring_newest(&run->ring, ring_fill(&run->ring));
    uint64_t complete = run->ring.tail, position = run->ring.tail;
    expect(run, held(run) + got.length == run->entered + run->added - run->retracted,
           "the bytes that are held");
    if (run->records == RECORD_NONE || run->admission.ended)
        return;
    if (run->records == RECORD_DATAGRAM)
        complete += records_whole_span(&all, run->records);
    for (int i = 0; i < all.count && run->records != RECORD_DATAGRAM; i++) {
        size_t whole = records_whole(all.piece[i].iov_base, all.piece[i].iov_len, run->records);
        complete = whole > 0 ? position + whole : complete;
        position += all.piece[i].iov_len;
    }
    expect(run,
           run->admission.complete == complete ||
               (complete == run->ring.tail && run->admission.complete <= complete),
           "complete");
}

/* The next record. */
static size_t datagram(const struct run *run)
{
    size_t i = 0;
    while (stream.start[i] < run->offered)
        i++;
    return stream.start[i + 1] - stream.start[i];
}

static size_t some(const struct run *run)
{
    if (run->records == RECORD_DATAGRAM)
        return run->offered < stream.length ? datagram(run) : 0;
    size_t left = stream.length - run->offered;
    size_t bytes = 1 + below(below(3) == 0 ? 20 : 2 * run->ring.capacity);
    if (run->policy == DROP && bytes > run->ring.capacity)
        bytes = run->ring.capacity;
    return bytes < left ? bytes : left;
}

/* The spool has no room, or only what was in it before. */
static bool disk_is_full(const struct run *run)
{
    return run->admission.spool != NULL && (run->spool.refused || run->spool.max < run->spool.most);
}

static void read_directly(struct run *run)
{
    size_t bytes = some(run), room = ring_room(&run->ring);
    bytes = bytes < room ? bytes : room;
    run->added += admission_mark(&run->admission, &run->calls);
    room = ring_room(&run->ring);
    bytes = bytes < room ? bytes : room;
    bool whole = run->records != RECORD_DATAGRAM || bytes == some(run);
    if (!admission_takes_directly(&run->admission) || bytes == 0 || !whole)
        return;
    ring_append(&run->ring, stream.bytes + run->offered, bytes);
    if (run->records == RECORD_DATAGRAM)
        ring_end_record(&run->ring);
    record_index_entered(&run->index, bytes);
    admission_committed(&run->admission, bytes);
    run->offered += bytes;
    run->entered += bytes;
}

/* In one piece, or as they may lie in another ring. */
static struct admission_result admit_pieces(struct run *run, size_t bytes)
{
    unsigned char *from = stream.bytes + run->offered;
    size_t first = below(bytes + 1);
    struct span span = {.bytes = bytes};
    if (below(2) == 0)
        return admission_admit(&run->admission, from, bytes, &run->calls);
    if (first > 0)
        span.piece[span.count++] = (struct iovec){from, first};
    if (first < bytes)
        span.piece[span.count++] = (struct iovec){from + first, bytes - first};
    return admission_admit_span(&run->admission, &span, &run->calls);
}

static void admit(struct run *run)
{
    size_t bytes = some(run);
    uint64_t room = admission_room(&run->admission);
    size_t most = bytes < room ? bytes : (size_t)room;
    if (run->records == RECORD_DATAGRAM && most < bytes)
        most = 0;
    struct admission_result result = admit_pieces(run, bytes);
    expect(run, result.refused.bytes == 0 && result.retracted == 0 && result.added == 0, "drops");
    expect(run, result.entered <= bytes && result.entered <= room, "takes too much");
    expect(run, result.entered == most || disk_is_full(run), "takes too little");
    run->offered += result.entered;
    run->entered += result.entered;
}

/* Whether these bytes, all of one record, must get in. */
static bool must_enter(const struct run *run, size_t bytes)
{
    bool one = run->offered + bytes <= stream.length &&
               records_first(stream.bytes + run->offered, bytes, run->records) == bytes;
    return run->records != RECORD_NONE && one && held(run) == 0 && !run->admission.skipping &&
           !run->admission.closed && !admission_owes_mark(&run->admission) &&
           bytes <= run->ring.capacity;
}

static void admit_or_drop(struct run *run)
{
    size_t bytes = some(run);
    bool must = must_enter(run, bytes);
    uint64_t before = held(run), room = admission_room(&run->admission);
    struct admission_result result =
        admission_admit_or_drop(&run->admission, stream.bytes + run->offered, bytes, &run->calls);
    expect(run, result.entered + result.refused.bytes - result.retracted == bytes, "the sum");
    expect(run, held(run) + result.retracted == before + result.entered + result.added, "the fill");
    expect(run, !must || result.entered == bytes, "refuses what fits");
    expect(run,
           run->records != RECORD_NONE || disk_is_full(run) ||
               result.entered == (bytes < room ? bytes : room),
           "bytes that fit");
    run->offered += bytes;
    run->entered += result.entered;
    run->retracted += result.retracted;
    run->added += result.added;
    run->refused.bytes += result.refused.bytes;
    run->refused.records += result.refused.records;
}

static bool take(struct run *run)
{
    bool whole = run->records != RECORD_NONE && run->policy == DROP;
    uint64_t cursor = run->ring.readers[0].cursor;
    uint64_t end = whole ? run->admission.complete : run->ring.head;
    if (cursor >= end)
        return false;
    struct span span = ring_read_span(&run->ring, 0, (size_t)(end - cursor));
    size_t bytes = 1 + below(span.piece[0].iov_len);
    stream_got(&got, span.piece[0].iov_base, bytes);
    ring_consume(&run->ring, 0, bytes);
    return true;
}

static bool unspool(struct run *run)
{
    if (run->admission.spool == NULL || spool_held(&run->spool) == 0 || ring_room(&run->ring) == 0)
        return false;
    ssize_t bytes =
        admission_unspool(&run->admission, 1 + below(ring_room(&run->ring)), &run->calls);
    expect(run, bytes > 0, "nothing came from the spool");
    return bytes > 0;
}

static void offer(struct run *run)
{
    bool disk_full = run->admission.spool != NULL && below(8) == 0;
    if (disk_full)
        limit_files((rlim_t)below(500));
    if (below(3) == 0)
        read_directly(run);
    else if (run->policy == BLOCK)
        admit(run);
    else
        admit_or_drop(run);
    if (disk_full)
        limit_files(RLIM_INFINITY);
    if (run->admission.spool != NULL && below(2) == 0)
        spool_try_again(&run->spool);
}

static void drain(struct run *run)
{
    while (take(run) || unspool(run))
        expect_state(run);
}

static void finish(struct run *run)
{
    while (run->offered < stream.length && !run->failed) {
        offer(run);
        drain(run);
    }
    run->refused.records += admission_ended(&run->admission);
    drain(run);
    run->added += admission_mark(&run->admission, &run->calls);
    expect(run, !admission_owes_mark(&run->admission), "a mark is owed");
    run->admission.complete = run->ring.head;
    drain(run);
    expect_state(run);
    expect(run, held(run) == 0, "not all was offered");
}

static void judge(struct run *run)
{
    if (run->failed)
        return;
    expect(run, got.length + run->refused.bytes == stream.length + run->added, "all bytes");
    if (run->records == RECORD_NONE || run->policy == BLOCK) {
        expect(run,
               run->policy == DROP || (got.length == stream.length &&
                                       memcmp(got.bytes, stream.bytes, stream.length) == 0),
               "the bytes");
        return;
    }
    expect(run, stream_judge(&stream, &got, run->admission.marks), "what came");
    expect(run, got.missing_bytes == run->refused.bytes, "refused bytes");
    expect(run, got.missing_records == run->refused.records, "refused records");
    expect(run, got.mark_bytes == run->added, "added bytes");
}

static bool start(struct run *run)
{
    static const enum record_kind kinds[] = {RECORD_NONE, RECORD_LINE, RECORD_NUL, RECORD_DATAGRAM};
    bool spooling = below(2) == 0;
    const char *reason;
    *run = (struct run){.records = kinds[below(4)], .policy = (enum policy)below(POLICIES)};
    bool datagrams = run->records == RECORD_DATAGRAM;
    bool marks = below(2) == 0 && (run->records == RECORD_LINE || run->records == RECORD_NUL) &&
                 run->policy == DROP;
    size_t capacity = (marks ? 100 : datagrams ? 20 : 1) + below(300);
    spooling &= !datagrams;
    run->spool.fd = -1;
    stream_make(&stream, 200 + below(6000), 1 + below(datagrams ? capacity - 10 : 2 * capacity),
                run->records == RECORD_NUL ? '\0' : '\n', &random_state);
    got.length = 0;
    if (ring_init(&run->ring, capacity, 1) != 0 ||
        (datagrams && ring_mark_records(&run->ring) != 0))
        return false;
    if (spooling && spool_open(&run->spool, ".", 1 + below(1000), &reason) != 0) {
        tap_note("%s", reason);
        return false;
    }
    admission_init(&run->admission, &run->ring, spooling ? &run->spool : NULL, run->records, marks);
    if (record_index_init(&run->index, &run->ring, run->records) != 0)
        return false;
    run->admission.index = &run->index;
    return true;
}

static bool one_run(void)
{
    struct run run;
    if (!start(&run))
        return false;
    unsigned bias = 5;
    for (unsigned step = 0; step < 3000 && run.offered < stream.length && !run.failed; step++) {
        if (below(50) == 0)
            bias = (unsigned)below(11);
        if (below(100) == 0)
            run.admission.closed = !run.admission.closed;
        if (below(10) < bias)
            offer(&run);
        else if (below(2) == 0)
            take(&run);
        else
            unspool(&run);
        expect_state(&run);
        if (below(30) == 0)
            expect_index(&run);
    }
    run.admission.closed = false;
    finish(&run);
    judge(&run);
    expect_index(&run);
    record_index_destroy(&run.index);
    spool_close(&run.spool);
    ring_destroy(&run.ring);
    return !run.failed;
}

static void test_retraction(void)
{
    struct ring ring;
    struct admission admission;
    uint64_t calls = 0;

    if (!tap_ok(ring_init(&ring, 10, 1) == 0, "memory"))
        return;
    admission_init(&admission, &ring, NULL, RECORD_LINE, false);
    ring_append(&ring, "aa\nbbb", 6);
    admission_committed(&admission, 6);
    tap_ok(admission.complete == 3 && admission.begun == 3, "a record and a part of one");
    struct admission_result result =
        admission_admit_or_drop(&admission, "bbbbbb\ncc\n", 10, &calls);
    tap_ok(result.refused.bytes == 10 && result.refused.records == 1 && result.retracted == 3 &&
               result.entered == 3 && ring_fill(&ring) == 6 && admission.complete == 6,
           "a record is taken back if its rest does not fit, and the next one enters");
    result = admission_admit_or_drop(&admission, "dddddd", 6, &calls);
    tap_ok(admission.skipping && result.refused.bytes == 6 && result.refused.records == 0 &&
               !admission_takes_directly(&admission),
           "a record whose end has not come is being dropped");
    tap_ok(admission_ended(&admission) == 1 && !admission.skipping,
           "it counts as dropped when the input ends");
    ring_destroy(&ring);
}

/* Records that are torn: their input has failed. */
static void test_torn(void)
{
    struct ring ring;
    struct admission admission;
    uint64_t calls = 0;

    if (!tap_ok(ring_init(&ring, 10, 1) == 0, "memory"))
        return;
    admission_init(&admission, &ring, NULL, RECORD_LINE, false);
    tap_ok(!admission_is_unfinished(&admission), "nothing is unfinished at the beginning");
    ring_append(&ring, "aa\nbbb", 6);
    admission_committed(&admission, 6);
    tap_ok(admission_is_unfinished(&admission), "a part of a record is unfinished");
    tap_ok(admission_take_back_begun(&admission) == 3 && !admission_is_unfinished(&admission) &&
               ring_fill(&ring) == 3,
           "an unfinished record can be taken back");
    (void)admission_admit_or_drop(&admission, "cccccccc", 8, &calls);
    tap_ok(admission.skipping && admission_end_skipping(&admission) == 1 && !admission.skipping &&
               admission_end_skipping(&admission) == 0,
           "a record that is being dropped can be ended");
    struct admission_result result = admission_admit_or_drop(&admission, "d\ne", 3, &calls);
    tap_ok(result.entered == 3 && admission.complete == 5,
           "later bytes are not part of the dropped record");
    admission.withheld = true;
    tap_ok(admission_ended(&admission) == 0 && admission.complete == 5 &&
               admission_is_unfinished(&admission),
           "a last record that is withheld does not become complete");
    admission_release(&admission);
    tap_ok(admission.complete == 6 && !admission_is_unfinished(&admission),
           "a last record becomes complete when it is released");
    ring_destroy(&ring);
}

int main(void)
{
    const char *temporary = getenv("TMPDIR");
    unsigned runs, failed = 0;

    signal(SIGXFSZ, SIG_IGN);
    if (temporary != NULL && chdir(temporary) != 0)
        return 1;
    test_retraction();
    test_torn();
    random_state = tap_seed();
    runs = tap_rounds(1000);
    for (unsigned i = 0; i < runs; i++)
        failed += !one_run();
    tap_ok(failed == 0, "%u random runs: whole records, and the missing ones are counted", runs);
    return tap_done();
}
