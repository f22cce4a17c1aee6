/*
 * line.h - our end of a connection with bpipe, before it is connected, and how it ends.
 *
 * If bpipe will listen, its port stays bound here (without listening), so that no other process
 * gets it.
 */
#ifndef SCHEDULE_LINE_H
#define SCHEDULE_LINE_H

#include "plan.h"

#include <sys/types.h>

struct line {
    const struct wire *wire;
    char name[16]; /* of a unix socket */
    unsigned port;
    int fd; /* a socket that listens, or that holds the port; -1: none */
};

/* How a stream ended, as we see it. */
enum tail {
    TAIL_NONE,  /* it did not end, or we ended it */
    TAIL_END,   /* in the ordinary way: read() returns 0 */
    TAIL_RESET, /* ECONNRESET */
};

void line_open(struct line *line, const struct wire *wire, const char *name);

/* Makes a descriptor nonblocking and closed on exec, and returns it. */
int line_nonblocking(int fd);

/* Returns the socket, nonblocking; -1: not connected yet. */
int line_connect(struct line *line);

void line_close(struct line *line);

/* Closes a socket so that its peer sees a reset. */
void line_reset(int fd);

/* Writes bytes that bpipe must discard. Returns whether the connection turns out to be reset. */
bool line_say_junk(int fd, size_t size);

#endif
