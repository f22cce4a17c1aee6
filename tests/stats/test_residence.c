/*
 * test_residence.c - residence times against an exact model that forgets nothing.
 *
 * The model keeps every arrival, and the exact age of everything that left. At the end of a
 * schedule all percentiles must be within stats/residence.h's 2 % of the exact ones. The schedules
 * are there to make the queue of marks overflow in every way that could hurt: see main().
 */
#include "stats/residence.h"
#include "tests/tap.h"

#include <errno.h>

/* What merging must leave at most: stats/residence.h's reckoning. */
enum { MARKS_AFTER_MERGE = 5640 };

#define BUCKETS ((size_t)RESIDENCE_OCTAVES * RESIDENCE_STEPS)
#define EXACT   (UINT64_C(2) * RESIDENCE_STEPS) /* below it an age has a bucket of its own */

struct entry {
    uint64_t bytes, ns; /* of an arrival: when it came; of a departure: its age */
};

struct list {
    struct entry *entry;
    size_t count, room;
};

struct world {
    struct residence residence;
    struct list arrivals, departures;
    size_t next;           /* the oldest arrival that has not left */
    uint64_t now, pending; /* bytes that have not left */
    uint64_t random;
    size_t merges, since_merge, rarest; /* arrivals between merges; the fewest */
    size_t most_after;                  /* marks after a merge, the most */
    bool failed;
};

static void expect(struct world *world, bool holds, const char *what)
{
    if (holds || world->failed)
        return;
    world->failed = true;
    tap_note("after %zu arrivals: %s", world->arrivals.count, what);
}

static void append(struct list *list, uint64_t bytes, uint64_t ns)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 1024 : list->room * 2;
        list->entry = realloc(list->entry, list->room * sizeof(*list->entry));
        if (list->entry == NULL)
            abort();
    }
    list->entry[list->count++] = (struct entry){bytes, ns};
}

static struct world *world_new(uint64_t *random)
{
    struct world *world = calloc(1, sizeof(*world));

    if (world == NULL || residence_init(&world->residence) != 0)
        abort();
    world->random = tap_random(random);
    world->now = tap_magnitude(&world->random, 60); /* the clock may have started anywhere */
    world->rarest = SIZE_MAX;
    return world;
}

static void world_free(struct world *world)
{
    residence_destroy(&world->residence);
    free(world->arrivals.entry);
    free(world->departures.entry);
    free(world);
}

/* All marks: in order, of the right width, and all bytes that have not left are in them. */
static void check_marks(struct world *world)
{
    const struct residence *residence = &world->residence;
    uint64_t bytes = 0;

    for (size_t i = 0; i < residence->count; i++) {
        const struct residence_mark *mark =
            &residence->marks[(residence->first + i) % RESIDENCE_MARKS];
        const struct residence_mark *next =
            &residence->marks[(residence->first + i + 1) % RESIDENCE_MARKS];
        uint64_t width = mark->youngest_ns - mark->oldest_ns;

        bytes += mark->bytes;
        expect(world, mark->bytes > 0, "an empty mark");
        expect(world, mark->oldest_ns <= mark->youngest_ns, "a mark's order");
        expect(world, width <= (world->now - mark->youngest_ns) / RESIDENCE_STEPS,
               "a mark's width");
        if (i + 1 < residence->count)
            expect(world, mark->youngest_ns < next->oldest_ns, "the marks' order");
    }
    expect(world, bytes == world->pending, "the bytes in all marks");
}

static void arrive(struct world *world, uint64_t bytes)
{
    size_t before = world->residence.count;

    residence_arrived(&world->residence, bytes, world->now);
    world->pending += bytes;
    world->since_merge++;
    if (bytes > 0)
        append(&world->arrivals, bytes, world->now);
    expect(world, world->residence.count <= RESIDENCE_MARKS, "too many marks");
    if (world->residence.count < before) {
        if (world->merges++ > 0 && world->since_merge < world->rarest)
            world->rarest = world->since_merge;
        if (world->residence.count > world->most_after)
            world->most_after = world->residence.count;
        world->since_merge = 0;
        check_marks(world);
    }
}

static void leave(struct world *world, uint64_t bytes)
{
    if (bytes > world->pending)
        bytes = world->pending;
    residence_left(&world->residence, bytes, world->now);
    world->pending -= bytes;
    while (bytes > 0) {
        struct entry *oldest = &world->arrivals.entry[world->next];
        uint64_t part = bytes < oldest->bytes ? bytes : oldest->bytes;

        append(&world->departures, part, world->now - oldest->ns);
        oldest->bytes -= part;
        bytes -= part;
        world->next += oldest->bytes == 0;
    }
}

/* The oldest, or the newest, go and count nowhere. */
static void drop(struct world *world, bool oldest, uint64_t bytes)
{
    struct list *arrivals = &world->arrivals;

    if (bytes > world->pending)
        bytes = world->pending;
    if (oldest)
        residence_drop_oldest(&world->residence, bytes);
    else
        residence_drop_newest(&world->residence, bytes);
    world->pending -= bytes;
    while (bytes > 0) {
        struct entry *entry = &arrivals->entry[oldest ? world->next : arrivals->count - 1];
        uint64_t part = bytes < entry->bytes ? bytes : entry->bytes;

        entry->bytes -= part;
        bytes -= part;
        if (entry->bytes == 0 && oldest)
            world->next++;
        else if (entry->bytes == 0)
            arrivals->count--;
    }
}

static int by_age(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;

    return (left->ns > right->ns) - (left->ns < right->ns);
}

static bool near(uint64_t value, uint64_t exact, uint64_t fraction)
{
    return (value > exact ? value - exact : exact - value) <= exact / fraction;
}

/* All percentiles against the exact ones. Frees the world; returns whether all was well. */
static bool settle(struct world *world)
{
    const struct residence *residence = &world->residence;
    /* 2 %, or half a histogram step: */
    const uint64_t fraction = world->merges > 0 ? 50 : EXACT - 1;
    struct list *departures = &world->departures;
    uint64_t total = 0, seen = 0, counted = 0, last = 0;
    size_t place = 0;
    bool passed;

    check_marks(world);
    qsort(departures->entry, departures->count, sizeof(*departures->entry), by_age);
    for (size_t i = 0; i < departures->count; i++)
        total += departures->entry[i].bytes;
    for (size_t i = 0; i < BUCKETS; i++)
        counted += residence->histogram[i];
    expect(world, residence->bytes == total && counted == total, "the bytes that left");
    expect(world, total < UINT64_MAX / 1001, "the schedule itself (too many bytes for the test)");
    expect(world, total > 0, "the schedule itself (nothing left)");
    for (unsigned per_mille = 0; per_mille <= 1000 && !world->failed; per_mille++) {
        uint64_t value = residence_percentile(residence, per_mille);
        uint64_t rank = (total * per_mille + 999) / 1000;

        while (seen < rank || place == 0)
            seen += departures->entry[place++].bytes;
        expect(world, near(value, departures->entry[place - 1].ns, fraction), "a percentile");
        expect(world, value >= last, "percentiles in order");
        expect(world, value <= residence->max_ns, "a percentile above the maximum");
        if (world->failed)
            tap_note("%u per mille: %" PRIu64 ", exactly %" PRIu64, per_mille, value,
                     departures->entry[place - 1].ns);
        last = value;
    }
    if (!world->failed) {
        uint64_t exact_max = departures->entry[departures->count - 1].ns;
        expect(world, residence->max_ns >= exact_max, "the maximum is too low");
        expect(world,
               near(residence->max_ns, exact_max, world->merges > 0 ? RESIDENCE_STEPS : UINT64_MAX),
               "the maximum");
    }
    expect(world, world->most_after <= MARKS_AFTER_MERGE, "a merge left too many marks");
    expect(world, world->rarest >= RESIDENCE_MARKS - MARKS_AFTER_MERGE, "merges are too frequent");
    passed = !world->failed;
    world_free(world);
    return passed;
}

/* What is left goes at random moments in random parts. */
static void drain(struct world *world, unsigned gap_bits)
{
    while (world->pending > 0) {
        world->now += tap_magnitude(&world->random, gap_bits);
        leave(world, 1 + tap_below(&world->random, world->pending / 100 + 1000));
    }
}

/* Anything in any order, in phases of filling and emptying. */
static void schedule_random(struct world *world)
{
    uint64_t writes = 4;
    unsigned gap_bits = 20;

    for (unsigned i = 0; i < 100000; i++) {
        if (i % 16384 == 0) {
            writes = 1 + tap_below(&world->random, 8);
            gap_bits = (unsigned)tap_below(&world->random, 44);
        }
        world->now += tap_magnitude(&world->random, gap_bits);
        if (tap_below(&world->random, 8) < writes)
            arrive(world, tap_magnitude(&world->random, 30));
        else
            leave(world, tap_magnitude(&world->random, 31));
    }
    leave(world, 1);
}

/* The same with drops, at both ends and at times of all: merged marks are cut, too. */
static void schedule_drops(struct world *world)
{
    uint64_t writes = 12;
    unsigned gap_bits = 20;

    for (unsigned i = 0; i < 100000; i++) {
        if (i % 16384 == 0) {
            writes = 8 + tap_below(&world->random, 8);
            gap_bits = (unsigned)tap_below(&world->random, 44);
        }
        world->now += tap_magnitude(&world->random, gap_bits);
        if (tap_below(&world->random, 16) < writes)
            arrive(world, tap_magnitude(&world->random, 20));
        else if (tap_below(&world->random, 2) == 0)
            leave(world, tap_magnitude(&world->random, 21));
        else
            drop(world, tap_below(&world->random, 2) == 0, tap_magnitude(&world->random, 22));
        if (i % 1024 == 0)
            check_marks(world);
        if (tap_below(&world->random, 20000) == 0)
            drop(world, tap_below(&world->random, 2) == 0, UINT64_MAX);
    }
    arrive(world, 1);
    leave(world, world->pending);
}

/* A trickle into an output that is stuck, under a policy: it holds more writes than marks. */
static void schedule_overflow(struct world *world)
{
    const uint64_t most = 100 * UINT64_C(12000);
    bool oldest = tap_below(&world->random, 2) == 0;

    for (unsigned i = 0; i < 12 * RESIDENCE_MARKS; i++) {
        world->now += tap_magnitude(&world->random, 24);
        arrive(world, 1 + tap_below(&world->random, 200));
        if (world->pending > most)
            drop(world, oldest, world->pending - most);
        if (tap_below(&world->random, 10000) == 0)
            leave(world, world->pending / (1 + tap_below(&world->random, 4)));
    }
    drain(world, 30);
}

/* Lines trickle into an output that does not move for a long time. */
static void schedule_trickle(struct world *world)
{
    for (unsigned i = 0; i < 12 * RESIDENCE_MARKS; i++) {
        world->now += 500000 + tap_below(&world->random, 1000000);
        arrive(world, 1 + tap_below(&world->random, 200));
    }
    if (tap_below(&world->random, 2) == 0)
        leave(world, world->pending);
    drain(world, 30);
}

/* As before, but the output takes a little now and then: marks are merged, begun and merged again.
 */
static void schedule_sawtooth(struct world *world)
{
    for (unsigned i = 0; i < 12 * RESIDENCE_MARKS; i++) {
        world->now += tap_magnitude(&world->random, 24);
        arrive(world, 1 + tap_below(&world->random, 5000));
        if (tap_below(&world->random, 3000) == 0)
            leave(world, world->pending / (1 + tap_below(&world->random, 4)));
    }
    drain(world, 30);
}

/*
 * Clusters of arrivals, 1 ns apart, whose ages at the end make a geometric row from 2e18 ns (63
 * years) down to nothing. All leave at the end.
 */
static void geometric(struct world *world, double ratio, unsigned cluster)
{
    double age = 2e18;
    const uint64_t end = world->now + (uint64_t)age;

    while (age >= 1) {
        if (world->now < end - (uint64_t)age) /* else the last cluster reaches into this one */
            world->now = end - (uint64_t)age;
        for (unsigned i = 0; i < cluster && world->now < end; i++, world->now++)
            arrive(world, 1 + tap_below(&world->random, 1000));
        age *= ratio;
    }
    world->now = end;
    leave(world, world->pending);
}

static void schedule_geometric(struct world *world)
{
    geometric(world, 0.9985, 1);
    geometric(world, 0.9995, 1);
}

/* Clusters that are just too far apart to be merged with each other. */
static void schedule_geometric_sparse(struct world *world)
{
    geometric(world, RESIDENCE_STEPS / (RESIDENCE_STEPS + 1.001), 4);
}

/* The other way round: each arrival takes longer than the one before. */
static void schedule_slowing(struct world *world)
{
    double gap = 1;

    for (unsigned i = 0; i < 40000; i++) {
        world->now += (uint64_t)gap;
        gap *= 1.0008;
        arrive(world, 1 + tap_below(&world->random, 1000));
    }
    drain(world, 50);
}

static void schedule_nanoseconds(struct world *world)
{
    for (unsigned i = 0; i < 12 * RESIDENCE_MARKS; i++) {
        world->now++;
        arrive(world, 1 + tap_below(&world->random, 9));
    }
    drain(world, 12);
}

static void schedule_one_moment(struct world *world)
{
    for (unsigned i = 0; i < 2 * RESIDENCE_MARKS; i++)
        arrive(world, 1 + tap_below(&world->random, 1000));
    expect(world, world->residence.count == 1, "bytes of one moment share a mark");
    leave(world, 1000);
    drain(world, 40);
}

/* The usual run: a short queue that never empties and goes round and round. */
static void schedule_steady(struct world *world)
{
    arrive(world, 131072);
    for (unsigned i = 0; i < 30000; i++) {
        world->now += 20000 + tap_below(&world->random, 50000);
        arrive(world, 131072);
        world->now += tap_below(&world->random, 50000);
        leave(world, world->pending - 131072 * tap_below(&world->random, 2) - 1);
    }
    expect(world, world->merges == 0, "nothing was merged");
}

/*
 * The most marks that merging may have to leave: marks as wide as they may be, each followed by a
 * lone one that fits to neither neighbour, and as the oldest of all some that fit together, so that
 * the queue is full.
 */
static void schedule_worst_marks(struct world *world)
{
    const uint64_t oldest = UINT64_C(1) << 61;
    struct residence_mark worst[RESIDENCE_MARKS];
    struct residence *residence = &world->residence;
    size_t place = RESIDENCE_MARKS; /* filled from the youngest on, backwards */
    uint64_t age = 1;

    world->now = UINT64_C(1) << 62;
    while (place > 0) {
        bool wide = place % 2 == 0 && age < oldest;
        uint64_t width = wide ? age / RESIDENCE_STEPS : 0;

        worst[--place] = (struct residence_mark){1, world->now - age - width, world->now - age};
        age += width + 1;
    }
    residence->first = (size_t)tap_below(&world->random, RESIDENCE_MARKS);
    residence->count = RESIDENCE_MARKS;
    for (; place < RESIDENCE_MARKS; place++) {
        residence->marks[(residence->first + place) % RESIDENCE_MARKS] = worst[place];
        append(&world->arrivals, 1, /* either may be true, and is the worst for one estimate */
               tap_below(&world->random, 2) == 0 ? worst[place].oldest_ns
                                                 : worst[place].youngest_ns);
    }
    world->pending = RESIDENCE_MARKS;
    check_marks(world);
    arrive(world, 1);
    expect(world, world->most_after > 4800, "the schedule itself (not so bad)");
    leave(world, world->pending);
}

static void test_schedule(const char *what, void (*schedule)(struct world *world), unsigned rounds,
                          uint64_t *random)
{
    size_t merges = 0, most_after = 0;
    bool passed = true;

    for (unsigned i = 0; i < tap_rounds(rounds) && passed; i++) {
        struct world *world = world_new(random);

        schedule(world);
        merges += world->merges;
        if (world->most_after > most_after)
            most_after = world->most_after;
        passed = settle(world);
    }
    tap_ok(passed, "%s", what);
    tap_note("%zu merges, at most %zu marks left", merges, most_after);
}

static void test_edges(void)
{
    struct residence residence;

    if (!tap_ok(residence_init(&residence) == 0, "init"))
        return;
    tap_ok(residence_percentile(&residence, 0) == 0 && residence_percentile(&residence, 500) == 0 &&
               residence_percentile(&residence, 1000) == 0 && residence.max_ns == 0,
           "nothing has left: 0");
    residence_arrived(&residence, 0, 5);
    residence_left(&residence, 0, 5);
    tap_ok(residence.count == 0 && residence.bytes == 0, "no bytes: no mark");
    residence_arrived(&residence, 1, 100);
    residence_left(&residence, 1, 1000100);
    tap_ok(residence.count == 0 && residence.first == 0, "empty again: back to the first mark");
    tap_ok(residence_percentile(&residence, 0) == 1000000 &&
               residence_percentile(&residence, 500) == 1000000 &&
               residence_percentile(&residence, 1000) == 1000000 && residence.max_ns == 1000000,
           "one byte: all percentiles are its age");
    residence_arrived(&residence, 1, 2000000);
    residence_skip(&residence, 500000000);
    residence_left(&residence, 1, 503000000);
    tap_ok(residence.max_ns == 1000000 && residence.bytes == 2,
           "time that does not count makes nothing older");
    residence_arrived(&residence, 5, 503000000);
    residence_drop_newest(&residence, 2);
    residence_drop_oldest(&residence, 3);
    residence_drop_oldest(&residence, 0);
    residence_drop_newest(&residence, 0);
    tap_ok(residence.count == 0 && residence.bytes == 2, "all were dropped: none is left");
    residence_destroy(&residence);

    if (!tap_ok(residence_init(&residence) == 0, "init again"))
        return;
    residence_arrived(&residence, UINT64_C(1) << 62, 1000);
    residence_left(&residence, UINT64_C(1) << 62, 1005);
    residence_arrived(&residence, UINT64_C(1) << 62, 2000);
    residence_left(&residence, UINT64_C(1) << 62, 2100);
    tap_ok(residence_percentile(&residence, 1) == 5 && residence_percentile(&residence, 500) == 5 &&
               residence_percentile(&residence, 501) == 100,
           "bytes are weighed without overflow");
    residence_arrived(&residence, 1, 0 + 2100);
    residence_left(&residence, 1, UINT64_MAX);
    tap_ok(residence_percentile(&residence, 1000) == UINT64_MAX - 2100 &&
               residence_percentile(&residence, 501) == 100,
           "an age beyond the histogram is counted in its last step");
    residence_destroy(&residence);
    residence_destroy(&residence);
    tap_ok(residence.marks == NULL && residence.histogram == NULL, "destroyed twice");
}

/* Each age up to 2^20, and about each power of two, alone: the histogram's own error. */
static void test_histogram(void)
{
    struct residence residence;
    bool passed = residence_init(&residence) == 0;

    for (uint64_t age = 0; passed && age < UINT64_C(1) << 62; age++) {
        uint64_t value;

        memset(residence.histogram, 0, BUCKETS * sizeof(*residence.histogram));
        residence.bytes = 0;
        residence_arrived(&residence, 4, 0);
        residence_left(&residence, 4, age);
        residence.max_ns = UINT64_MAX; /* or it would be the answer */
        value = residence_percentile(&residence, 500);
        passed = near(value, age, EXACT) && (age >= EXACT || value == age);
        if (!passed)
            tap_note("age %" PRIu64 ": %" PRIu64, age, value);
        if (age > 5000)
            age += age / 300;
    }
    tap_ok(passed, "the histogram is off by 1/128 at most, and not at all below 128 ns");
    residence_destroy(&residence);
}

int main(void)
{
    uint64_t random = tap_seed();

    test_edges();
    test_histogram();
    test_schedule("random schedules", schedule_random, 10, &random);
    test_schedule("random schedules with drops", schedule_drops, 10, &random);
    test_schedule("an overflow policy", schedule_overflow, 3, &random);
    test_schedule("a steady stream", schedule_steady, 1, &random);
    test_schedule("a long trickle into a stuck output", schedule_trickle, 3, &random);
    test_schedule("a stuck output that takes a little", schedule_sawtooth, 3, &random);
    test_schedule("geometric ages", schedule_geometric, 2, &random);
    test_schedule("geometric ages, just too far apart", schedule_geometric_sparse, 2, &random);
    test_schedule("arrivals that slow down", schedule_slowing, 2, &random);
    test_schedule("steps of 1 ns", schedule_nanoseconds, 2, &random);
    test_schedule("everything at once", schedule_one_moment, 2, &random);
    test_schedule("as many marks as can be", schedule_worst_marks, 3, &random);
    return tap_done();
}
