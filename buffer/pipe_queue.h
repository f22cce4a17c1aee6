/*
 * pipe_queue.h - bytes that wait without having been copied: a queue of bpipe's own pipes.
 *
 * splice(2) moves a pipe's pages to another pipe by reference. So a burst can be held without
 * copying it (measured: 16 MiB are taken in 4.4 ms; reading them into fresh memory takes 14 ms). A
 * pipe holds a number of pages, full or not (pipe(7), fcntl(2) F_SETPIPE_SZ). A pipe that is full
 * with fewer than PIPE_QUEUE_DENSE bytes would waste memory, so the queue then refuses more bytes
 * until it is empty. (A producer that writes 10 KiB at a time, like tar(1), fills pipes to 83 %.)
 *
 * The system limits the memory of an unprivileged user's pipes, and gives every new pipe beyond the
 * limit only a page or two (pipe(7), pipe-user-pages-soft). So the queue takes at most a quarter of
 * that limit. It opens pipes as it needs them, and closes all but one when it is empty.
 *
 * This module knows which pipe is next; buffer/transfer.c moves the bytes. Bytes are in pipes only,
 * or, if the output refuses the pages of splice(2), also in `bounce`, from which they are copied.
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
        *pipes; /* a circle of `limit` pipes; the queue is the `used` pipes from `first` on */
    size_t limit, first, used;
    size_t bytes;   /* in all pipes */
    bool back_full; /* the newest pipe takes no more */
    bool refusing;  /* a pipe was full with too little, or none could be opened: until empty */

    unsigned char *bounce;            /* PIPE_QUEUE_BOUNCE_SIZE bytes; NULL: not needed yet */
    size_t bounce_start, bounce_left; /* bytes that were read from the first pipe and not written */
    bool copying;                     /* the output refuses splice(2) and tee(2), for good */
};

/* A queue for up to `max` bytes, or fewer if the limits are lower; for none if the system has no
 * splice(2). Returns 0, or -1 with errno ENOMEM. */
int pipe_queue_init(struct pipe_queue *queue, size_t max);
void pipe_queue_destroy(struct pipe_queue *queue); /* harmless twice, or on a zeroed queue */

size_t pipe_queue_held(const struct pipe_queue *queue);  /* bytes, in pipes and in `bounce` */
bool pipe_queue_is_full(const struct pipe_queue *queue); /* all pipes in use, the newest full */

/*
 * The write end of the newest pipe, for more bytes; -1 if the queue is full or refusing. If the
 * pipe turns out to be full, call pipe_queue_back_is_full() and ask again.
 */
int pipe_queue_back(struct pipe_queue *queue);
void pipe_queue_back_is_full(struct pipe_queue *queue);
void pipe_queue_put(struct pipe_queue *queue, size_t bytes); /* put into the newest pipe */

/* The read end of the oldest pipe, and the number of bytes in it: > 0 if the queue's pipes hold
 * any. */
int pipe_queue_front(const struct pipe_queue *queue, size_t *bytes);
void pipe_queue_got(struct pipe_queue *queue, size_t bytes); /* taken from the oldest pipe */

/* PIPE_QUEUE_BOUNCE_SIZE bytes of memory, or NULL with errno ENOMEM. */
unsigned char *pipe_queue_bounce(struct pipe_queue *queue);

#endif
