/*
 * pipe_queue.c - see pipe_queue.h.
 */
#include "buffer/pipe_queue.h"

#include "base/minmax.h"
#include "base/platform.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* The most pipes, and the divisor for the share of the process's descriptors that they may take. */
enum { PIPES_MAX = 81, DESCRIPTOR_SHARE = 4 };

/* A quarter more pipes than would hold `max` bytes in full pages, and one more, because the first
 * and the last pipe may be filled in part. */
static size_t choose_limit(size_t max)
{
    size_t pipes = max / PIPE_QUEUE_PIPE_SIZE;
    size_t limit = min_size(pipes + pipes / 4 + 1, PIPES_MAX);
    long descriptors = sysconf(_SC_OPEN_MAX);
    if (descriptors >= 0)
        limit = min_size(limit, (size_t)descriptors / DESCRIPTOR_SHARE / 2);
    return min_size(limit, platform_pipe_allowance() / PIPE_QUEUE_PIPE_SIZE);
}

int pipe_queue_init(struct pipe_queue *queue, size_t max)
{
    *queue = (struct pipe_queue){.limit = choose_limit(max)};
    if (queue->limit == 0)
        return 0;
    queue->pipes = malloc(queue->limit * sizeof *queue->pipes);
    if (queue->pipes == NULL) {
        queue->limit = 0; /* so that pipe_queue_destroy() closes none */
        return -1;
    }
    for (size_t i = 0; i < queue->limit; i++)
        queue->pipes[i] = (struct pipe_queue_pipe){.read_fd = -1, .write_fd = -1};
    return 0;
}

static void close_pipe(struct pipe_queue_pipe *pipe)
{
    if (pipe->read_fd >= 0) {
        close(pipe->read_fd);
        close(pipe->write_fd);
    }
    *pipe = (struct pipe_queue_pipe){.read_fd = -1, .write_fd = -1};
}

void pipe_queue_destroy(struct pipe_queue *queue)
{
    for (size_t i = 0; i < queue->limit; i++)
        close_pipe(&queue->pipes[i]);
    free(queue->pipes);
    free(queue->bounce);
    *queue = (struct pipe_queue){0};
}

/* The pipe `index` places after the oldest. */
static struct pipe_queue_pipe *pipe_at(const struct pipe_queue *queue, size_t index)
{
    size_t place = queue->first + index;
    return &queue->pipes[place < queue->limit ? place : place - queue->limit];
}

static struct pipe_queue_pipe *newest(const struct pipe_queue *queue)
{
    return pipe_at(queue, queue->used - 1);
}

static bool open_pipe(struct pipe_queue_pipe *pipe)
{
    int fds[2];
    if (pipe->read_fd >= 0)
        return true;
    if (platform_pipe(fds, PIPE_QUEUE_PIPE_SIZE) != 0)
        return false;
    *pipe = (struct pipe_queue_pipe){.read_fd = fds[0], .write_fd = fds[1]};
    return true;
}

static bool newest_is_full(const struct pipe_queue *queue)
{
    return queue->used == 0 || queue->back_full || newest(queue)->bytes >= PIPE_QUEUE_PIPE_SIZE;
}

bool pipe_queue_is_full(const struct pipe_queue *queue)
{
    return queue->used == queue->limit && newest_is_full(queue);
}

int pipe_queue_back(struct pipe_queue *queue)
{
    if (queue->refusing || pipe_queue_is_full(queue))
        return -1;
    if (!newest_is_full(queue))
        return newest(queue)->write_fd;
    if (!open_pipe(pipe_at(queue, queue->used))) {
        queue->refusing = true;
        return -1;
    }
    queue->used++;
    queue->back_full = false;
    return newest(queue)->write_fd;
}

void pipe_queue_back_is_full(struct pipe_queue *queue)
{
    queue->back_full = true;
    queue->refusing |= newest(queue)->bytes < PIPE_QUEUE_DENSE;
}

void pipe_queue_put(struct pipe_queue *queue, size_t bytes)
{
    newest(queue)->bytes += bytes;
    queue->bytes += bytes;
}

int pipe_queue_front(const struct pipe_queue *queue, size_t *bytes)
{
    *bytes = pipe_at(queue, 0)->bytes;
    return pipe_at(queue, 0)->read_fd;
}

/* The queue is empty: keeps one pipe for the next time. */
static void give_pipes_back(struct pipe_queue *queue)
{
    for (size_t i = 1; i < queue->limit; i++)
        close_pipe(pipe_at(queue, i));
    queue->refusing = false;
}

void pipe_queue_got(struct pipe_queue *queue, size_t bytes)
{
    assert(bytes <= pipe_at(queue, 0)->bytes);
    pipe_at(queue, 0)->bytes -= bytes;
    queue->bytes -= bytes;
    if (queue->used == 1)
        queue->back_full = false;
    if (pipe_at(queue, 0)->bytes == 0 && queue->used > 1) {
        queue->first = queue->first + 1 < queue->limit ? queue->first + 1 : 0;
        queue->used--;
    }
    if (queue->bytes == 0)
        give_pipes_back(queue);
}

size_t pipe_queue_held(const struct pipe_queue *queue)
{
    return queue->bytes + queue->bounce_left;
}

unsigned char *pipe_queue_bounce(struct pipe_queue *queue)
{
    if (queue->bounce == NULL)
        queue->bounce = malloc(PIPE_QUEUE_BOUNCE_SIZE);
    return queue->bounce;
}
