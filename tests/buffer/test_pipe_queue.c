/*
 * The pipe queue against a stream whose every byte is known from its offset. Bytes come and go in
 * all sizes, by reference, counted or copied. They leave in order, and the queue takes no more
 * pipes than it may.
 */
#include "base/platform.h"
#include "buffer/transfer.h"
#include "stats/meter.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { MOST = 3 * PIPE_QUEUE_PIPE_SIZE, BUFFER = 128 * 1024, LARGE = 2 * BUFFER };

static unsigned char buffer[BUFFER];

static unsigned char byte_at(uint64_t offset)
{
    return (unsigned char)(offset * 37 + (offset >> 8) * 11 + (offset >> 16));
}

struct run {
    struct pipe_queue queue;
    struct endpoint input, output; /* a pipe's read end, and another's write end */
    int feed, drain;               /* their other ends */
    uint64_t fed, queued, sent, drained;
    uint64_t records, sent_records, fed_records; /* counted; in the bytes sent, and fed */
    enum record_kind kind;
    size_t piece; /* how large writes are at most */
    uint64_t calls[COUNTED_CALLS];
};

static bool open_ends(struct run *run)
{
    int in[2], out[2];
    if (platform_pipe(in, PIPE_QUEUE_PIPE_SIZE) != 0 || platform_pipe(out, 64 * 1024) != 0)
        return false;
    run->input =
        (struct endpoint){.fd = in[0], .kind = ENDPOINT_PIPE, .nonblock.method = NONBLOCK_PRIVATE};
    run->output =
        (struct endpoint){.fd = out[1], .kind = ENDPOINT_PIPE, .nonblock.method = NONBLOCK_PRIVATE};
    run->feed = in[1];
    run->drain = out[0];
    return true;
}

static void close_ends(struct run *run)
{
    close(run->input.fd);
    close(run->output.fd);
    close(run->feed);
    close(run->drain);
}

static void feed(struct run *run)
{
    size_t bytes = 1 + below(run->piece);
    for (size_t i = 0; i < bytes; i++)
        buffer[i] = byte_at(run->fed + i);
    ssize_t written = write(run->feed, buffer, bytes);
    for (ssize_t i = 0; i < written; i++)
        run->fed_records += buffer[i] == '\n';
    run->fed += written > 0 ? (uint64_t)written : 0;
}

static bool drain(struct run *run)
{
    ssize_t bytes = read(run->drain, buffer, 1 + below(BUFFER));
    for (ssize_t i = 0; i < bytes; i++)
        if (buffer[i] != byte_at(run->drained + (uint64_t)i))
            return false;
    run->drained += bytes > 0 ? (uint64_t)bytes : 0;
    return true;
}

static bool takes(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    return poll(&poll_fd, 1, 0) == 1;
}

static bool queue_some(struct run *run)
{
    size_t room = MOST - pipe_queue_held(&run->queue);
    int back = room == 0 ? -1 : pipe_queue_back(&run->queue);
    if (back < 0)
        return true;
    size_t max = below(2) == 0 ? room : 1 + below(room);
    struct transfer transfer =
        transfer_into_queue(&run->queue, &run->input, max, &run->calls[CALL_SPLICE]);
    if (transfer.status == TRANSFER_BLOCKED && !takes(back))
        pipe_queue_back_is_full(&run->queue);
    run->queued += transfer.bytes;
    return transfer.status == TRANSFER_MOVED || transfer.status == TRANSFER_BLOCKED;
}

static bool send_some(struct run *run)
{
    if (pipe_queue_held(&run->queue) == 0)
        return true;
    struct transfer transfer =
        transfer_from_queue(&run->queue, &run->output, 1 + below(LARGE), run->kind, run->calls);
    for (size_t i = 0; i < transfer.bytes; i++)
        run->sent_records += byte_at(run->sent + i) == '\n';
    run->sent += transfer.bytes;
    run->records += transfer.records;
    return transfer.status == TRANSFER_MOVED || transfer.status == TRANSFER_BLOCKED;
}

static size_t open_pipes(const struct pipe_queue *queue)
{
    size_t count = 0;
    for (size_t i = 0; i < queue->limit; i++)
        count += queue->pipes[i].read_fd >= 0;
    return count;
}

static bool holds(const struct run *run)
{
    return run->queued - run->sent == pipe_queue_held(&run->queue) && run->drained <= run->sent &&
           (run->kind == RECORD_NONE || run->records == run->sent_records) &&
           run->queue.used <= run->queue.limit && open_pipes(&run->queue) <= run->queue.limit;
}

static bool simulate(struct run *run)
{
    unsigned lazy = 1 + (unsigned)below(8); /* how much slower the consumer is */
    int copy_from = below(3) == 0 ? (int)below(2000) : -1;
    for (int step = 0; step < 2000; step++) {
        if (step == copy_from)
            run->queue.copying = pipe_queue_bounce(&run->queue) != NULL;
        feed(run);
        if (!queue_some(run) || (below(lazy) == 0 && (!send_some(run) || !drain(run))) ||
            !holds(run))
            return false;
    }
    while (run->drained < run->fed)
        if (!queue_some(run) || !send_some(run) || !drain(run) || !holds(run))
            return false;
    return run->queue.bytes == 0 && open_pipes(&run->queue) <= 1;
}

static bool one_run(unsigned number)
{
    struct run run = {.kind = below(2) == 0 ? RECORD_NONE : RECORD_LINE,
                      .piece = below(3) == 0 ? 1 + below(200) : 1 + below(BUFFER)};
    if (!open_ends(&run) || pipe_queue_init(&run.queue, MOST) != 0 ||
        pipe_queue_bounce(&run.queue) == NULL)
        return false;
    bool right = simulate(&run) && (run.kind == RECORD_NONE || run.records == run.fed_records);
    if (!right)
        tap_note("run %u: pieces of up to %zu, %s: fed %" PRIu64 " queued %" PRIu64 " sent %" PRIu64
                 " drained %" PRIu64 " records %" PRIu64 " of %" PRIu64,
                 number, run.piece, run.kind == RECORD_NONE ? "plain" : "counted", run.fed,
                 run.queued, run.sent, run.drained, run.records, run.fed_records);
    pipe_queue_destroy(&run.queue);
    close_ends(&run);
    return right;
}

/* Pages with one byte each: the first pipe is full with 256 bytes, and no other is taken. */
static void test_sparse(void)
{
    struct run run = {.piece = 1};
    if (!tap_ok(open_ends(&run) && pipe_queue_init(&run.queue, MOST) == 0, "a queue"))
        return;
    bool right = true;
    for (int i = 0; i < 1000; i++) {
        feed(&run);
        right &= queue_some(&run);
    }
    tap_ok(right && run.queue.refusing && open_pipes(&run.queue) == 1 && run.queued <= 256,
           "the queue refuses pipes that are full with few bytes");
    tap_ok(pipe_queue_back(&run.queue) == -1, "then it offers no pipe");
    while (right && run.drained < run.queued)
        right = send_some(&run) && drain(&run);
    tap_ok(right && pipe_queue_back(&run.queue) >= 0,
           "after it has become empty it offers a pipe again");
    pipe_queue_destroy(&run.queue);
    close_ends(&run);
}

static void test_full(void)
{
    struct run run = {.piece = BUFFER};
    if (!tap_ok(open_ends(&run) && pipe_queue_init(&run.queue, MOST) == 0, "a queue"))
        return;
    tap_ok(run.queue.limit == 4, "the limit is one pipe more than the bytes need");
    bool right = true;
    for (int i = 0; i < 1000 && right; i++) {
        feed(&run);
        right = queue_some(&run);
    }
    tap_ok(right && run.queued == MOST && pipe_queue_held(&run.queue) == MOST,
           "it holds as many bytes as it was made for");
    while (right && run.drained < run.queued)
        right = send_some(&run) && drain(&run);
    tap_ok(right && open_pipes(&run.queue) == 1, "it closes its pipes when it is empty");
    pipe_queue_destroy(&run.queue);
    pipe_queue_destroy(&run.queue);
    tap_ok(run.queue.limit == 0 && pipe_queue_back(&run.queue) == -1, "destroyed it holds none");
    close_ends(&run);
}

int main(void)
{
    int fds[2];
    signal(SIGPIPE, SIG_IGN);
    if (platform_pipe(fds, PIPE_QUEUE_PIPE_SIZE) != 0) {
        struct pipe_queue queue;
        tap_note("no pipes of %d bytes here", PIPE_QUEUE_PIPE_SIZE);
        tap_ok(pipe_queue_init(&queue, MOST) == 0 && pipe_queue_back(&queue) == -1,
               "without large pipes the queue holds none");
        pipe_queue_destroy(&queue);
        return tap_done();
    }
    close(fds[0]);
    close(fds[1]);
    test_sparse();
    test_full();
    random_state = tap_seed();
    unsigned runs = tap_rounds(20), failed = 0;
    for (unsigned i = 0; i < runs; i++)
        failed += !one_run(i);
    tap_ok(failed == 0, "%u random runs: every byte in order", runs);
    return tap_done();
}
