/*
 * The water marks, block sizes and the window in every combination: nothing waits for an event that
 * cannot come.
 *
 * A simulated run: a source of some bytes, a ring, readers that take part of what they are offered
 * and some of which are stuck for a while. As long as a reader is free, either something may be
 * read or that reader may be sent something, until it has everything; what is sent comes in blocks.
 */
#include "buffer/flow.h"
#include "tests/tap.h"

struct run {
    struct options options;
    struct ring ring;
    struct flow flow;
    size_t readers;
    bool changes;   /* the marks change */
    uint64_t scale; /* small rings, and rings beyond FLOW_WINDOW */
    uint64_t source_left;
    uint64_t sent[4];
    bool in_block[4]; /* a block was sent in part */
};

static void choose_options(struct run *run)
{
    static const unsigned percents[] = {0, 1, 10, 50, 99, 100};
    size_t least = 1 + (size_t)run->scale / 16; /* large rings in small steps would take long */
    size_t capacity = least + below(70 * run->scale);
    run->options = (struct options){
        .buffer_size = capacity,
        .chunk_size = least + below(90 * run->scale),
        .start_fill_percent = percents[below(6)],
        .resume_fill_percent = percents[below(6)],
        .block_size = below(2) == 0 ? 0 : least + below(capacity - least + 1),
    };
    run->readers = 1 + below(4);
}

static bool start(struct run *run)
{
    *run = (struct run){.scale = below(3) == 0 ? 1 << 14 : 1, .changes = below(2) == 0};
    choose_options(run);
    run->source_left = below((run->scale == 1 ? 100 : 10) * run->options.buffer_size);
    if (ring_init(&run->ring, (size_t)run->options.buffer_size, run->readers) != 0 ||
        flow_init(&run->flow, &run->ring, &run->ring.tail, &run->options) != 0)
        return false;
    if (below(3) == 0)
        for (size_t i = 0; i < run->readers; i++)
            run->flow.outputs[i].alignment = 8;
    return true;
}

static bool read_some(struct run *run)
{
    size_t readable = flow_readable(&run->flow);
    if (readable == 0)
        return false;
    if (run->source_left == 0) {
        run->flow.ended = true;
        return true;
    }
    size_t bytes = 1 + below(readable);
    if (bytes > run->source_left)
        bytes = (size_t)run->source_left;
    (void)ring_write_span(&run->ring, bytes);
    ring_commit(&run->ring, bytes);
    flow_arrived(&run->flow, bytes, below(100) == 0);
    run->source_left -= bytes;
    return true;
}

/* A reader takes all or part of what it may get. Returns false if a rule was broken. */
static bool send_some(struct run *run, size_t reader, bool *moved)
{
    size_t sendable = flow_sendable(&run->flow, reader);
    size_t block = (size_t)run->options.block_size;
    *moved = sendable > 0;
    if (sendable == 0)
        return true;
    size_t unread = ring_unread(&run->ring, reader);
    if (sendable > unread)
        return false;
    bool whole = run->in_block[reader] || block == 0 || sendable == block ||
                 (run->flow.ended && sendable == unread && unread < block);
    size_t bytes = below(3) == 0 ? 1 + below(sendable) : sendable;
    if (block > 0)
        run->in_block[reader] = (run->sent[reader] + bytes) % block != 0;
    flow_sent(&run->flow, reader, bytes);
    (void)ring_consume(&run->ring, reader, bytes);
    run->sent[reader] += bytes;
    return whole;
}

static bool is_done(const struct run *run)
{
    return run->flow.ended && ring_fill(&run->ring) == 0;
}

/* -R: other marks, now and then. */
static void change_marks(struct run *run)
{
    static const unsigned percents[] = {0, 1, 50, 100};
    if (below(50) == 0)
        flow_set_start(&run->flow, run->options.buffer_size, percents[below(4)]);
    if (below(50) == 0)
        flow_set_resume(&run->flow, percents[below(4)]);
}

/* One step in random order; with `stuck` the readers whose bit is set take nothing. When nothing
 * moves the patience with them ends. */
static bool step(struct run *run, unsigned stuck, bool *moved)
{
    *moved = false;
    if (run->changes)
        change_marks(run);
    for (size_t i = 0; i < run->readers; i++)
        run->flow.outputs[i].blocked = (stuck & 1u << i) != 0;
    flow_update(&run->flow);
    if (below(2) == 0) {
        *moved |= read_some(run);
        flow_update(&run->flow);
    }
    for (size_t i = 0; i < run->readers; i++) {
        bool sent = false;
        if ((stuck & 1u << i) == 0 && !send_some(run, i, &sent))
            return false;
        *moved |= sent;
    }
    if (!*moved && flow_is_patient(&run->flow))
        run->flow.absorbing = true;
    return true;
}

/* Nothing moved though no reader is stuck: then reading must be possible. */
static bool not_deadlocked(struct run *run)
{
    for (size_t i = 0; i < run->readers; i++)
        run->flow.outputs[i].blocked = false;
    flow_update(&run->flow);
    if (flow_readable(&run->flow) > 0)
        return true;
    for (size_t i = 0; i < run->readers; i++)
        if (flow_sendable(&run->flow, i) > 0)
            return true;
    return false;
}

static bool simulate(struct run *run, uint64_t total)
{
    for (int steps = 0; !is_done(run); steps++) {
        if (steps > 1000000)
            return false;
        bool moved;
        unsigned stuck = below(4) == 0 ? (unsigned)below(16) : 0;
        if (!step(run, stuck, &moved))
            return false;
        if (!moved && !is_done(run) && !not_deadlocked(run))
            return false;
    }
    for (size_t i = 0; i < run->readers; i++)
        if (run->sent[i] != total)
            return false;
    return true;
}

static void test_start_fill(void)
{
    struct options options = {
        .buffer_size = 10, .chunk_size = 10, .start_fill_percent = 50, .resume_fill_percent = 100};
    struct ring ring;
    struct flow flow;
    if (!tap_ok(ring_init(&ring, 10, 1) == 0 && flow_init(&flow, &ring, &ring.tail, &options) == 0,
                "memory"))
        return;
    ring_commit(&ring, 4);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 0, "start-fill 50%%: 4 of 10 bytes wait");
    ring_commit(&ring, 1);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 5, "start-fill 50%%: 5 of 10 bytes go");
    ring_consume(&ring, 0, 4);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 1, "start-fill: and on until dry");
    ring_consume(&ring, 0, 1);
    flow_update(&flow);
    ring_commit(&ring, 1);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 0, "start-fill: after running dry it waits again");
    flow.ended = true;
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 1, "start-fill: the end of input releases the rest");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

static void test_resume_fill(void)
{
    struct options options = {
        .buffer_size = 10, .chunk_size = 10, .start_fill_percent = 0, .resume_fill_percent = 30};
    struct ring ring;
    struct flow flow;
    if (!tap_ok(ring_init(&ring, 10, 1) == 0 && flow_init(&flow, &ring, &ring.tail, &options) == 0,
                "memory"))
        return;
    ring_commit(&ring, 9);
    flow_update(&flow);
    tap_ok(flow_readable(&flow) == 1, "resume-fill: reading goes on until full");
    ring_commit(&ring, 1);
    flow_update(&flow);
    ring_consume(&ring, 0, 6);
    flow_update(&flow);
    tap_ok(flow_readable(&flow) == 0, "resume-fill 30%%: 4 of 10 bytes left, reading is held");
    ring_consume(&ring, 0, 1);
    flow_update(&flow);
    tap_ok(flow_readable(&flow) == 7, "resume-fill 30%%: 3 of 10 bytes left, reading resumes");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

static void test_window(void)
{
    struct options options = {.buffer_size = (uint64_t)4 * FLOW_WINDOW,
                              .chunk_size = FLOW_WINDOW,
                              .resume_fill_percent = 100};
    struct ring ring;
    struct flow flow;
    if (!tap_ok(ring_init(&ring, (size_t)4 * FLOW_WINDOW, 2) == 0 &&
                    flow_init(&flow, &ring, &ring.tail, &options) == 0,
                "memory"))
        return;
    ring_commit(&ring, FLOW_WINDOW - 1);
    flow_update(&flow);
    tap_ok(flow_readable(&flow) == FLOW_WINDOW, "window: below it reading goes on");
    ring_commit(&ring, 1);
    flow_update(&flow);
    tap_ok(flow_readable(&flow) == 0 && !flow_is_patient(&flow),
           "window: filled, outputs that take bytes go first");
    flow.outputs[0].blocked = flow.outputs[1].blocked = true;
    tap_ok(flow_readable(&flow) == 0 && flow_is_patient(&flow),
           "window: blocked outputs have time");
    flow.absorbing = true;
    tap_ok(flow_readable(&flow) > 0, "window: then the ring absorbs");
    flow.outputs[0].blocked = false;
    ring_consume(&ring, 0, FLOW_WINDOW);
    flow_update(&flow);
    tap_ok(flow_readable(&flow) > 0, "window: and feeds an output that has got everything");
    ring_consume(&ring, 1, FLOW_WINDOW);
    flow_update(&flow);
    tap_ok(!flow.absorbing, "window: drained, it absorbs no more");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

/* The reader takes nothing: the ring takes what it may. */
static void fill_up(struct flow *flow, struct ring *ring)
{
    flow->outputs[0].blocked = true;
    flow_update(flow);
    while (flow_readable(flow) > 0 || flow_is_patient(flow)) {
        flow->absorbing |= flow_is_patient(flow);
        ring_commit(ring, FLOW_WINDOW);
        flow_arrived(flow, FLOW_WINDOW, false);
        flow_update(flow);
    }
}

/* A ring of 4 windows, a reader that takes one at a time, and an input that is never empty. */
static void absorb(struct flow *flow, struct ring *ring, int rounds)
{
    for (int i = 0; i < 4 * rounds; i++) {
        fill_up(flow, ring);
        flow->outputs[0].blocked = false;
        (void)ring_consume(ring, 0, FLOW_WINDOW);
    }
    fill_up(flow, ring);
}

static void test_absorbing_in_vain(void)
{
    struct options options = {.buffer_size = (uint64_t)4 * FLOW_WINDOW,
                              .chunk_size = FLOW_WINDOW,
                              .resume_fill_percent = 100};
    struct ring ring;
    struct flow flow;
    bool ready = ring_init(&ring, (size_t)4 * FLOW_WINDOW, 1) == 0 &&
                 flow_init(&flow, &ring, &ring.tail, &options) == 0;
    tap_ok(ready, "memory");
    if (!ready)
        return;
    absorb(&flow, &ring, FLOW_ROUNDS - 2);
    tap_ok(ring_room(&ring) == 0, "absorbing: it goes on for rounds");
    absorb(&flow, &ring, 4);
    tap_ok(ring_fill(&ring) == FLOW_WINDOW,
           "absorbing: not for ever, if the input never runs empty");
    flow_arrived(&flow, 0, true);
    absorb(&flow, &ring, 1);
    tap_ok(ring_room(&ring) == 0, "absorbing: again once the input ran empty");
    flow.resume_mark = ring.capacity / 2;
    absorb(&flow, &ring, 4 * FLOW_ROUNDS);
    tap_ok(ring_fill(&ring) > FLOW_WINDOW, "absorbing: for ever if a mark asks for it");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

static bool make_flow(struct ring *ring, struct flow *flow, size_t readers,
                      const uint64_t *complete, const struct options *options)
{
    return tap_ok(ring_init(ring, (size_t)options->buffer_size, readers) == 0 &&
                      flow_init(flow, ring, complete != NULL ? complete : &ring->tail, options) ==
                          0,
                  "memory");
}

/* If new bytes can go elsewhere when the ring is full, the ring absorbs at once. */
static void test_eager(void)
{
    struct options options = {.buffer_size = (uint64_t)4 * FLOW_WINDOW,
                              .chunk_size = FLOW_WINDOW,
                              .resume_fill_percent = 100,
                              .overflow = OVERFLOW_DROP_OLDEST};
    struct ring ring;
    struct flow flow;
    if (!make_flow(&ring, &flow, 1, NULL, &options))
        return;
    ring_commit(&ring, FLOW_WINDOW);
    flow_update(&flow);
    tap_ok(flow_readable(&flow) == 0, "eager: an output that takes bytes goes first");
    flow.outputs[0].blocked = true;
    flow_update(&flow);
    tap_ok(flow_readable(&flow) > 0 && !flow_is_patient(&flow), "eager: a blocked one has no time");
    absorb(&flow, &ring, 4 * FLOW_ROUNDS);
    tap_ok(ring_room(&ring) == 0, "eager: it absorbs for ever");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

/* Nothing waits for the readers behind the outputs, the taps. */
static void test_taps(void)
{
    struct options options = {.buffer_size = 10,
                              .chunk_size = 10,
                              .start_fill_percent = 50,
                              .resume_fill_percent = 100,
                              .block_size = 4,
                              .tap_count = 1};
    struct ring ring;
    struct flow flow;
    if (!make_flow(&ring, &flow, 2, NULL, &options))
        return;
    ring_commit(&ring, 3);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 0 && flow_sendable(&flow, 1) == 3 &&
               !flow_any_sendable(&flow),
           "taps: start-fill and blocks do not apply");
    ring_commit(&ring, 5);
    flow_update(&flow);
    ring_consume(&ring, 0, 8);
    flow_update(&flow);
    tap_ok(flow_held(&flow) == 0 && flow_room(&flow) == 10 && flow_readable(&flow) == 10,
           "taps: bytes that only taps have not got are not held");
    flow.outputs[1].blocked = true;
    flow_update(&flow);
    tap_ok(flow_readable(&flow) == 10 && !flow_is_patient(&flow),
           "taps: reading does not wait for one");
    flow_sent(&flow, 1, 3);
    tap_ok(flow.outputs[1].block_left == 0, "taps: they have no unfinished block");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

/* A rest that is shorter than a block does not keep start-fill from waiting again. */
static void test_dry_with_a_rest(void)
{
    struct options options = {.buffer_size = 20,
                              .chunk_size = 20,
                              .start_fill_percent = 50,
                              .resume_fill_percent = 100,
                              .block_size = 4};
    struct ring ring;
    struct flow flow;
    if (!make_flow(&ring, &flow, 1, NULL, &options))
        return;
    ring_commit(&ring, 11);
    flow_update(&flow);
    for (int i = 0; i < 2; i++) {
        tap_ok(flow_sendable(&flow, 0) == 4, "start-fill: block %d is sent", i);
        ring_consume(&ring, 0, 4);
        flow_sent(&flow, 0, 4);
        flow_update(&flow);
    }
    ring_commit(&ring, 6);
    flow_update(&flow);
    tap_ok(ring_unread(&ring, 0) == 9 && flow_sendable(&flow, 0) == 0,
           "start-fill: it waits again after a rest of 3 bytes");
    ring_commit(&ring, 1);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 4, "start-fill: until the mark is reached");
    flow_sent(&flow, 0, 1);
    ring_consume(&ring, 0, 1);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 3, "start-fill: it does not wait within a block");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

static void test_whole_records(void)
{
    struct options options = {.buffer_size = 10,
                              .chunk_size = 10,
                              .resume_fill_percent = 100,
                              .records = RECORD_LINE,
                              .overflow = OVERFLOW_DROP_NEWEST};
    struct ring ring;
    struct flow flow;
    uint64_t complete = 0;
    if (!make_flow(&ring, &flow, 1, &complete, &options))
        return;
    ring_commit(&ring, 6);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 0, "records: none is complete");
    complete = 4;
    tap_ok(flow_sendable(&flow, 0) == 4 && flow_any_taking(&flow),
           "records: complete ones are sent");
    flow.outputs[0].beside = 7;
    tap_ok(flow_sendable(&flow, 0) == 7, "records: bytes that were put aside go first");
    flow.outputs[0].beside = 0;
    flow.outputs[0].filling = true;
    tap_ok(flow_sendable(&flow, 0) == 0, "records: start-fill holds them");
    flow_overflowed(&flow);
    tap_ok(flow_sendable(&flow, 0) == 4, "records: start-fill releases them when the ring is full");
    ring_consume(&ring, 0, 4);
    tap_ok(flow_sendable(&flow, 0) == 0 && !flow_any_taking(&flow),
           "records: an incomplete rest is not sent");
    flow_destroy(&flow);
    options.overflow = OVERFLOW_FAIL;
    bool again = flow_init(&flow, &ring, &complete, &options) == 0;
    flow_update(&flow);
    tap_ok(again && flow_sendable(&flow, 0) == 2, "records: parts are sent if none is dropped");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

static bool set_up(struct ring *ring, struct flow *flow, const uint64_t *complete, size_t capacity,
                   struct options options)
{
    options.buffer_size = capacity;
    options.chunk_size = 10;
    options.resume_fill_percent = 100;
    return ring_init(ring, capacity, 1) == 0 && flow_init(flow, ring, complete, &options) == 0;
}

/* A ring for datagrams is full if the longest datagram does not fit. */
static void test_datagrams(void)
{
    struct ring ring;
    struct flow flow;
    uint64_t complete = 0;
    struct options options = {.records = RECORD_DATAGRAM};
    if (!tap_ok(set_up(&ring, &flow, &complete, 70000, options), "a ring for datagrams"))
        return;
    flow_update(&flow);
    tap_ok(flow_room(&flow) == 70000 && flow_readable(&flow) == 65535,
           "a read can take the longest datagram, for any chunk size");
    ring_commit(&ring, 70000 - 65535);
    complete = ring.head;
    flow_update(&flow);
    tap_ok(flow_room(&flow) == 65535 && flow_sendable(&flow, 0) == 10,
           "the longest datagram just fits");
    ring_commit(&ring, 1);
    complete = ring.head;
    flow_update(&flow);
    tap_ok(flow_room(&flow) == 0 && flow_readable(&flow) == 0, "the longest datagram does not fit");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

/* An output that takes one record in each write. */
static void test_messages(bool drops)
{
    struct ring ring;
    struct flow flow;
    uint64_t complete = 0;
    struct options options = {.records = RECORD_LINE,
                              .overflow = drops ? OVERFLOW_DROP_OLDEST : OVERFLOW_BLOCK};
    if (!tap_ok(set_up(&ring, &flow, &complete, 100, options), "a ring for records"))
        return;
    flow_send_messages(&flow, 0);
    ring_commit(&ring, 99);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == 0 && flow_room(&flow) == 1, "an incomplete record waits");
    complete = 50;
    tap_ok(flow_sendable(&flow, 0) == 50, "a complete record goes in one piece");
    complete = 0;
    ring_commit(&ring, 1);
    flow_update(&flow);
    tap_ok(flow_sendable(&flow, 0) == (drops ? 0 : 100), "a record that fills the ring %s",
           drops ? "waits to be dropped" : "is offered, to fail");
    complete = 1;
    tap_ok(flow_sendable(&flow, 0) == 1, "but not if another record is before it");
    flow_destroy(&flow);
    ring_destroy(&ring);
}

int main(void)
{
    test_datagrams();
    test_messages(false);
    test_messages(true);
    test_eager();
    test_taps();
    test_dry_with_a_rest();
    test_whole_records();
    test_window();
    test_absorbing_in_vain();
    test_start_fill();
    test_resume_fill();
    random_state = tap_seed();
    unsigned runs = tap_rounds(20000), failed = 0;
    for (unsigned i = 0; i < runs; i++) {
        struct run run;
        if (!start(&run))
            return tap_ok(false, "memory") ? 0 : 1;
        uint64_t total = run.source_left;
        if (!simulate(&run, total)) {
            failed++;
            tap_note("run %u: B %zu z %zu start %u resume %u block %zu readers %zu bytes %" PRIu64,
                     i, run.ring.capacity, (size_t)run.options.chunk_size,
                     run.options.start_fill_percent, run.options.resume_fill_percent,
                     (size_t)run.options.block_size, run.readers, total);
        }
        flow_destroy(&run.flow);
        ring_destroy(&run.ring);
    }
    tap_ok(failed == 0, "%u random runs end with every byte at every reader", runs);
    return tap_done();
}
