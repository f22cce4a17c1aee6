/*
 * pipe_queue.h - bytes that wait without having been copied: a queue of pipes of our own.
 *
 * splice(2) moves a pipe's pages to another pipe by reference. So a burst can be held without a
 * copy of it (measured: 16 MiB are taken in 4.4 ms; read into fresh memory, in 14 ms). Pipes hold a
 * number of pages, full or not (pipe(7), fcntl(2) F_SETPIPE_SZ): a pipe that is full with less than
 * PIPE_QUEUE_DENSE bytes makes the queue refuse more until it is empty, since memory would be
 * wasted. (A producer that writes 10 KiB at a time, like tar(1), fills them to 83 %.)
 *
 * The system limits the memory of an unprivileged user's pipes, and gives all new ones a page or
 * two beyond that (pipe(7), pipe-user-pages-soft). So the queue takes a quarter of that limit at
 * most; it opens pipes as it needs them, and closes all but one when it is empty.
 *
 * This module knows which pipe is next; buffer/transfer.c moves the bytes. Bytes are only in pipes,
 * or also in `bounce`, if the output refuses what splice(2) gives: then they are copied from there.
 */
#ifndef BPIPE_PIPE_QUEUE_H
#define BPIPE_PIPE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    PIPE_QUEUE_PIPE_SIZE = 1 << 20,
    PIPE_QUEUE_DENSE = PIPE_QUEUE_PIPE_SIZE / 4 * 3,
    PIPE_QUEUE_BOUNCE_SIZE = 256 * 1024
};

struct pipe_queue_pipe {
    int read_fd, write_fd; /* -1: not open */
    size_t bytes;
};

struct pipe_queue {
    struct pipe_queue_pipe
        *pipes; /* a circle of `limit`: `used` ones from `first` on are the queue */
    size_t limit, first, used;
    size_t bytes;   /* in all pipes */
    bool back_full; /* the newest takes no more */
    bool refusing;  /* pipes are full with too little, until the queue is empty; or not to be had */

    unsigned char *bounce;            /* PIPE_QUEUE_BOUNCE_SIZE, or NULL until it is needed */
    size_t bounce_start, bounce_left; /* bytes of the first pipe that were read and not written */
    bool copying;                     /* the output refuses splice(2) and tee(2), for good */
};

/* A queue for up to `max` bytes, less if the limits are lower; for none where the system has no
 * splice(2). Returns 0, or -1 with errno ENOMEM. */
int pipe_queue_init(struct pipe_queue *queue, size_t max);
void pipe_queue_destroy(struct pipe_queue *queue); /* harmless twice, or on a zeroed one */

size_t pipe_queue_held(const struct pipe_queue *queue);  /* bytes, in pipes and in `bounce` */
bool pipe_queue_is_full(const struct pipe_queue *queue); /* all pipes are in use, the newest full */

/*
 * The write end of the newest pipe, for more bytes; -1 if it is full or refusing. If that pipe
 * turns out to be full, pipe_queue_back_is_full() and ask again.
 */
int pipe_queue_back(struct pipe_queue *queue);
void pipe_queue_back_is_full(struct pipe_queue *queue);
void pipe_queue_put(struct pipe_queue *queue, size_t bytes); /* they went into it */

/* The read end of the oldest pipe, and how many bytes that holds: > 0 if the queue's pipes do. */
int pipe_queue_front(const struct pipe_queue *queue, size_t *bytes);
void pipe_queue_got(struct pipe_queue *queue, size_t bytes); /* they were taken out of it */

/* PIPE_QUEUE_BOUNCE_SIZE bytes of memory, or NULL with errno ENOMEM. */
unsigned char *pipe_queue_bounce(struct pipe_queue *queue);

#endif
