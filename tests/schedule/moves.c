/*
 * moves.c - see game.h: what producers and consumers do when it is their turn.
 */
#include "game.h"

#include "tests/tools/die.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10, LAST_WAIT_MS = 3000 };

bool game_all_written(const struct game *game)
{
    for (size_t i = 0; i < game->plan->source_count; i++) {
        const struct producer *producer = &game->producers[i];
        size_t bytes = producer->source->bytes;
        if (producer->source->end == SOURCE_RESETS)
            bytes = producer->source->resets_after;
        if ((producer->fd >= 0 || producer->connecting) && producer->written < bytes)
            return false;
    }
    return true;
}

size_t game_written(const struct game *game)
{
    size_t bytes = 0;

    for (size_t i = 0; i < game->plan->source_count; i++)
        bytes += game->producers[i].written;
    return bytes;
}

uint64_t game_quiet_until(const struct game *game, uint64_t since_ns, unsigned quiet_ms)
{
    return (since_ns > game->moved_ns ? since_ns : game->moved_ns) + quiet_ms * NS_PER_MS;
}

/* --- connections --------------------------------------------------------------------------- */

static int connect_line(struct game *game, struct line *line)
{
    int fd = -1;

    if (game->now_ns >= game->start_ns + line->wire->patient_ms * NS_PER_MS)
        fd = line_connect(line);
    if (fd >= 0)
        game->moved_ns = game->now_ns;
    return fd;
}

void producer_connect(struct game *game, struct producer *producer)
{
    producer->fd = connect_line(game, &producer->line);
    producer->connecting = producer->fd < 0;
    producer->given->connected = producer->fd >= 0;
}

void consumer_connect(struct game *game, struct consumer *consumer)
{
    consumer->fd = connect_line(game, &consumer->line);
    consumer->connecting = consumer->fd < 0;
    consumer->taken->connected = consumer->fd >= 0;
    if (consumer->fd >= 0 && consumer->sink->talk == TALK_END)
        shutdown(consumer->fd, SHUT_WR);
}

/* --- producers ----------------------------------------------------------------------------- */

static void leave(struct producer *producer, enum tail tail)
{
    producer->given->tail = tail;
    close(producer->fd);
    producer->fd = -1;
}

void producer_finish(struct producer *producer)
{
    if (producer->source->wire.kind == WIRE_NONE || producer->source->end == SOURCE_CLOSES) {
        leave(producer, TAIL_NONE);
    } else {
        producer->said_all = true;
        shutdown(producer->fd, SHUT_WR);
    }
}

static bool is_to_reset(struct producer *producer)
{
    return producer->source->wire.kind != WIRE_NONE && producer->source->end == SOURCE_RESETS &&
           producer->written >= producer->source->resets_after;
}

void producer_advance(struct game *game, struct producer *producer)
{
    const struct source *source = producer->source;

    while (producer->fd >= 0 && !producer->said_all) {
        const struct burst *burst = &source->bursts[producer->burst];
        if (is_to_reset(producer)) {
            line_reset(producer->fd);
            producer->fd = -1;
            producer->given->did_reset = true;
            return;
        }
        if (producer->burst_written < burst->bytes)
            return;
        if (burst->quiet_ms > 0 && producer->paused_ns == 0)
            producer->paused_ns = game->now_ns;
        if (burst->quiet_ms > 0 &&
            game->now_ns < game_quiet_until(game, producer->paused_ns, burst->quiet_ms))
            return;
        producer->paused_ns = 0;
        producer->burst_written = 0;
        if (++producer->burst == source->burst_count)
            producer_finish(producer);
    }
}

/* bpipe sends nothing here; reading shows how the connection ends. */
static void listen_to(struct producer *producer)
{
    char byte;
    ssize_t count = read(producer->fd, &byte, 1);

    if (count > 0)
        producer->given->spoken_to = true;
    else if (count < 0 && errno == ECONNRESET)
        leave(producer, TAIL_RESET);
    else if (count == 0 || errno == EPIPE)
        leave(producer, TAIL_END);
    else if (errno != EAGAIN && errno != EINTR)
        die("read from a producer's connection");
}

static size_t how_much(const struct producer *producer)
{
    const struct source *source = producer->source;
    size_t size = source->bursts[producer->burst].bytes - producer->burst_written;

    if (source->wire.kind != WIRE_NONE && source->end == SOURCE_RESETS &&
        size > source->resets_after - producer->written)
        size = source->resets_after - producer->written;
    return size > source->write_size ? source->write_size : size;
}

/* A write to a connection that bpipe has closed fails with EPIPE, to one that it has reset with
 * ECONNRESET. */
void producer_write(struct game *game, struct producer *producer)
{
    if (producer->said_all) {
        listen_to(producer);
        return;
    }
    ssize_t count = write(producer->fd, producer->bytes + producer->written, how_much(producer));
    if (count > 0) {
        producer->written += (size_t)count;
        producer->burst_written += (size_t)count;
        game->moved_ns = game->now_ns;
    } else if (errno == EPIPE)
        leave(producer, TAIL_END);
    else if (errno == ECONNRESET)
        leave(producer, TAIL_RESET);
    else if (errno != EAGAIN && errno != EINTR)
        die("write");
}

/* Waits for bytes that are on their way; false: none come. */
static bool await(int fd)
{
    struct pollfd it = {.fd = fd, .events = POLLIN};

    return poll(&it, 1, LAST_WAIT_MS) > 0;
}

/* bpipe may have connected, and ended, before we looked. */
static void accept_late(struct line *line, int *fd, bool *connected)
{
    if (!line->wire->bpipe_listens)
        *fd = line_connect(line);
    *connected = *fd >= 0;
    line_close(line);
}

void producer_collect(struct producer *producer)
{
    producer->given->written = producer->written;
    if (producer->connecting)
        accept_late(&producer->line, &producer->fd, &producer->given->connected);
    if (producer->source->wire.kind != WIRE_NONE)
        while (producer->fd >= 0 && await(producer->fd))
            listen_to(producer);
    if (producer->fd >= 0)
        leave(producer, TAIL_NONE);
}

/* --- consumers ----------------------------------------------------------------------------- */

bool consumer_stalls(struct game *game, struct consumer *consumer)
{
    if (consumer->sink->stuck)
        return true;
    while (consumer->stall < consumer->sink->stall_count) {
        const struct stall *stall = &consumer->sink->stalls[consumer->stall];
        if (consumer->taken->size < stall->after)
            return false;
        if (consumer->stalled_ns == 0)
            consumer->stalled_ns = game->now_ns;
        if (stall->quiet_ms > 0
                ? game->now_ns < game_quiet_until(game, consumer->stalled_ns, stall->quiet_ms)
                : !game_all_written(game) && game->outcome->signals == 0)
            return true;
        consumer->stalled_ns = 0;
        consumer->stall++;
    }
    return false;
}

static void end_consumer(struct consumer *consumer, enum tail tail)
{
    consumer->taken->tail = tail;
    close(consumer->fd);
    consumer->fd = -1;
}

/* Reads once, at most `size` bytes; returns whether there was anything. */
static bool take(struct game *game, struct consumer *consumer, size_t size)
{
    static unsigned char bytes[READ_SIZE];
    ssize_t count = read(consumer->fd, bytes, size);

    if (count > 0) {
        taken_add(consumer->taken, bytes, (size_t)count);
        game->moved_ns = game->now_ns;
    }
    if (count == 0)
        end_consumer(consumer, consumer->was_reset ? TAIL_RESET : TAIL_END);
    else if (count < 0 && errno == ECONNRESET)
        end_consumer(consumer, TAIL_RESET);
    else if (count < 0 && errno != EAGAIN && errno != EINTR)
        die("read");
    return count > 0;
}

static void depart(struct game *game, struct consumer *consumer)
{
    consumer->taken->left = true;
    consumer->taken->left_early = !game_all_written(game);
    if (consumer->sink->resets)
        line_reset(consumer->fd);
    else
        close(consumer->fd);
    consumer->fd = -1;
}

void consumer_read(struct game *game, struct consumer *consumer)
{
    const struct sink *sink = consumer->sink;
    size_t size = sink->read_size;

    if (sink->leaves && sink->leaves_after - consumer->taken->size < size)
        size = sink->leaves_after - consumer->taken->size;
    bool more = take(game, consumer, size);
    if (consumer->fd >= 0 && sink->leaves && consumer->taken->size == sink->leaves_after)
        depart(game, consumer);
    else if (consumer->fd >= 0 && more && sink->kind == SINK_SOCKET && sink->talk == TALK_JUNK)
        consumer->was_reset |= line_say_junk(consumer->fd, sink->junk);
}

/* A connection's bytes may still be on their way. */
void consumer_collect(struct game *game, struct consumer *consumer)
{
    bool connection = consumer->sink->kind == SINK_SOCKET;

    if (consumer->connecting)
        accept_late(&consumer->line, &consumer->fd, &consumer->taken->connected);
    while (consumer->fd >= 0 && (!connection || await(consumer->fd)) &&
           (take(game, consumer, READ_SIZE) || connection))
        continue;
    if (consumer->fd >= 0)
        end_consumer(consumer, TAIL_NONE);
}
