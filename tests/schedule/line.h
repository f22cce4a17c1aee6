/*
 * line.h - our end of a connection with bpipe, until it is connected, and when it is over.
 *
 * Where bpipe is to listen, its port stays bound here (without listening), so that nobody else gets
 * it.
 */
#ifndef SCHEDULE_LINE_H
#define SCHEDULE_LINE_H

#include "plan.h"

#include <sys/types.h>

struct line {
    const struct wire *wire;
    char name[16]; /* of a unix socket */
    unsigned port;
    int fd; /* that listens, or holds the port; -1: none */
};

/* How a stream ended for us. */
enum tail {
    TAIL_NONE,  /* it did not, or we ended it */
    TAIL_END,   /* in the ordinary way: read() is 0 */
    TAIL_RESET, /* ECONNRESET */
};

void line_open(struct line *line, const struct wire *wire, const char *name);

/* Makes a descriptor nonblocking and closed on exec, and returns it. */
int line_nonblocking(int fd);

/* The socket, nonblocking; -1: not yet. */
int line_connect(struct line *line);

void line_close(struct line *line);

/* Closes a socket so that its peer sees a reset. */
void line_reset(int fd);

/* Says something that nobody wants to hear. Returns whether the connection turns out to be reset.
 */
bool line_say_junk(int fd, size_t size);

#endif
