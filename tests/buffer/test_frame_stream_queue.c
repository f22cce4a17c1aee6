/*
 * --frame and --unframe by way of the pipe queue, and by way of the ring, by turns at random, in
 * the middle of a chunk as well: the bytes that go through both come out unchanged.
 */
#include "base/platform.h"
#include "buffer/frame_stream.h"

#include "tests/buffer/frame_stage.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { MOST = 400000 };

/* The buffer is a queue of pipes, and the ring where that cannot be used. */
static struct {
    struct pipe_queue queue;
    size_t least_room; /* in the buffer */
    struct endpoint output;
    int drain; /* the other end of the output */
    uint64_t dequeued, poured;
} waiting;

static bool way_begin(const struct text *from, struct text *to, enum framing_kind kind,
                      size_t capacity)
{
    int in[2], out[2];
    way = (struct way){
        .from = from, .to = to, .writer = -1, .framing = {.kind = kind}, .capacity = capacity};
    memset(&waiting, 0, sizeof waiting);
    waiting.least_room = 1;
    to->length = 0;
    if (platform_pipe(in, 64 * 1024) != 0 || platform_pipe(out, 64 * 1024) != 0 ||
        ring_init(&way.ring, capacity, 1) != 0 || pipe_queue_init(&waiting.queue, capacity) != 0 ||
        pipe_queue_bounce(&waiting.queue) == NULL)
        return false;
    if (kind == FRAMING_ADD)
        waiting.least_room = frame_stream_least_room(&waiting.queue);
    way.input =
        (struct endpoint){.fd = in[0], .kind = ENDPOINT_PIPE, .nonblock.method = NONBLOCK_PRIVATE};
    waiting.output =
        (struct endpoint){.fd = out[1], .kind = ENDPOINT_PIPE, .nonblock.method = NONBLOCK_PRIVATE};
    way.writer = in[1];
    waiting.drain = out[0];
    return true;
}

static void way_finish(void)
{
    close(way.input.fd);
    close(waiting.output.fd);
    close_writer();
    close(waiting.drain);
    pipe_queue_destroy(&waiting.queue);
    ring_destroy(&way.ring);
}

static size_t queued(void)
{
    return pipe_queue_held(&waiting.queue);
}

static size_t room(void)
{
    size_t left = way.capacity - ring_fill(&way.ring) - queued();
    return left < waiting.least_room ? 0 : left - (waiting.least_room - 1);
}

/* --- steps ------------------------------------------------------------------------------------ */

static void queue_some(size_t max)
{
    if (ring_fill(&way.ring) > 0 || room() == 0 || pipe_queue_back(&waiting.queue) < 0)
        return;
    max = smaller(max, room());
    struct transfer transfer =
        frame_stream_into_queue(&way.framing, &waiting.queue, &way.input, max, way.calls);
    if (transfer.status == TRANSFER_FAILED || transfer.bytes > max)
        complain("the queue");
    way.payload += transfer.bytes;
}

static void dequeue_some(size_t max)
{
    if (queued() == 0)
        return;
    size_t before = queued();
    struct transfer transfer =
        frame_stream_from_queue(&way.framing, &waiting.queue, &waiting.output, max, way.calls);
    if (transfer.status == TRANSFER_FAILED || transfer.status == TRANSFER_END ||
        transfer.bytes > max || before - queued() != transfer.bytes)
        complain("from the queue");
    way.added += transfer.added;
    waiting.dequeued += transfer.bytes;
}

static void pour(void)
{
    size_t before = queued();
    if (before == 0)
        return;
    struct transfer transfer =
        frame_stream_pour(&way.framing, &waiting.queue, &way.ring, way.calls);
    if (transfer.status != TRANSFER_MOVED || queued() != 0 ||
        ring_fill(&way.ring) != before + transfer.added)
        complain("from the queue into the ring");
    way.added += transfer.added;
    waiting.poured += before;
}

/* Into the ring, even if the queue holds bytes. */
static void fill(size_t max)
{
    if (room() == 0)
        return;
    pour();
    way.last =
        frame_stream_fill(&way.framing, &way.ring, &way.input, max, true, &way.calls[CALL_READ]);
    if (way.framing.kind == FRAMING_ADD && ring_room(&way.ring) < FRAME_FINAL)
        complain("no room for the final record");
    way.payload += way.last.bytes;
    way.added += way.last.added;
}

static void write_some(size_t max)
{
    if (queued() > 0)
        dequeue_some(max);
    else if (ring_fill(&way.ring) > 0)
        transfer_drain(&way.ring, 0, &waiting.output, max, &way.calls[CALL_WRITE]);
}

static void receive(size_t max)
{
    ssize_t bytes = read(waiting.drain, way.to->bytes + way.to->length,
                         smaller(max, TEXT_MOST - way.to->length));
    way.to->length += bytes > 0 ? (size_t)bytes : 0;
}

/* At random until frame_stream_fill() says END or FAILED; then the rest is received. `ring_share`:
 * the percentage of steps that go by the ring. */
static void go(unsigned bits, unsigned ring_share)
{
    while (!way.failed &&
           (way.last.status == TRANSFER_MOVED || way.last.status == TRANSFER_BLOCKED)) {
        size_t size = tap_some(&random_state, bits, MOST);
        size_t step = below(4);
        bool over = way.writer < 0 && below(20) == 0;
        if (step == 0)
            send_some(size);
        else if (step == 1 && (below(100) < ring_share || over))
            fill(size);
        else if (step == 1)
            queue_some(size);
        else if (step == 2)
            write_some(size);
        else
            receive(size);
    }
    pour();
    if (way.framing.kind == FRAMING_ADD && way.last.status == TRANSFER_END)
        way.added += frame_stream_finish(&way.framing, &way.ring);
    while (!way.failed && ring_fill(&way.ring) > 0) {
        write_some(MOST);
        receive(MOST);
    }
    receive(MOST);
}

static bool run(const struct text *from, struct text *to, enum framing_kind kind, size_t capacity,
                unsigned ring_share)
{
    if (!way_begin(from, to, kind, capacity))
        return false;
    go(6 + (unsigned)below(12), ring_share);
    return !way.failed && way.last.status == TRANSFER_END;
}

static void make_noise(size_t length)
{
    original.length = length;
    for (size_t i = 0; i < length; i++)
        original.bytes[i] = (unsigned char)tap_random(&random_state);
}

static size_t some_capacity(void)
{
    return 256 + (size_t)tap_magnitude(&random_state, 22) % (TEXT_MOST / 2);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_random(void)
{
    unsigned wrong = 0, rounds = tap_rounds(60), poured = 0, dequeued = 0;
    for (unsigned i = 0; i < rounds; i++) {
        make_noise((size_t)tap_magnitude(&random_state, 19) % MOST);
        unsigned share = below(3) == 0 ? 0 : (unsigned)below(40);
        bool there = run(&original, &stream, FRAMING_ADD, some_capacity(), share) &&
                     way.payload == original.length && stream.length == original.length + way.added;
        poured += waiting.poured > 0;
        dequeued += waiting.dequeued > 0;
        way_finish();
        bool back = there && run(&stream, &copy, FRAMING_REMOVE, some_capacity(), share) &&
                    way.payload == original.length && way.added == 0 && same(&original, &copy);
        if (there)
            way_finish();
        if (!back)
            tap_note("%zu bytes, %u %% by the ring: %d %d", original.length, share, there, back);
        wrong += !back;
    }
    tap_ok(wrong == 0 && poured > 0 && dequeued > 0, "there and back at random (%u of %u wrong)",
           wrong, rounds);
}

/* Every byte that is cut off or changed is detected, by both ways. */
static void test_broken(void)
{
    unsigned wrong = 0, rounds = tap_rounds(60);
    for (unsigned i = 0; i < rounds; i++) {
        make_noise(1 + below(20000));
        bool there = run(&original, &stream, FRAMING_ADD, some_capacity(), (unsigned)below(40));
        way_finish();
        if (!there) {
            wrong++;
            continue;
        }
        if (below(2) == 0)
            stream.length = below(stream.length);
        else
            stream.bytes[below(stream.length)] ^= (unsigned char)(1 << below(8));
        run(&stream, &copy, FRAMING_REMOVE, some_capacity(), (unsigned)below(40));
        wrong += way.failed || way.last.status != TRANSFER_FAILED || way.last.error != EBADMSG ||
                 way.framing.reader.reason[0] == '\0' || copy.length != way.payload;
        way_finish();
    }
    tap_ok(wrong == 0, "streams that are not whole (%u of %u wrong)", wrong, rounds);
}

/* A chunk has the bytes that are there, and its length is written only then. */
static void test_at_once(void)
{
    make_noise(3000);
    if (!tap_ok(way_begin(&original, &stream, FRAMING_ADD, MOST), "a way"))
        return;
    bool right = true;
    for (size_t i = 1; i <= 3; i++) {
        send_some(1000);
        queue_some(MOST);
        receive(MOST);
        right &= stream.length == (i - 1) * 1004 + (i > 1 ? FRAME_HEAD : 0);
        dequeue_some(MOST);
        receive(MOST);
        right &= stream.length == i * 1004 + FRAME_HEAD && queued() == 0;
    }
    tap_ok(right, "the bytes that have come are a chunk, and leave at once");
    way_finish();
}

int main(void)
{
    int fds[2];
    signal(SIGPIPE, SIG_IGN);
    if (platform_pipe(fds, PIPE_QUEUE_PIPE_SIZE) != 0) {
        tap_ok(true, "no pipes of %d bytes here", PIPE_QUEUE_PIPE_SIZE);
        return tap_done();
    }
    close(fds[0]);
    close(fds[1]);
    random_state = tap_seed();
    test_random();
    test_broken();
    test_at_once();
    return tap_done();
}
