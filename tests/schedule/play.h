/*
 * play.h - plays a schedule: a bpipe between pipes of which this process has all other ends.
 */
#ifndef SCHEDULE_PLAY_H
#define SCHEDULE_PLAY_H

#include "input.h"
#include "line.h"
#include "plan.h"

/* What a consumer has got. */
struct taken {
    unsigned char *bytes;
    size_t size, room;
    bool left;       /* its consumer departed before the end */
    bool left_early; /* when a producer had not written all */
    bool connected;  /* SINK_SOCKET */
    enum tail tail;  /* of what is no file */
};

/* What has become of a producer. */
struct given {
    size_t written;
    bool connected;
    bool did_reset;
    bool spoken_to; /* bpipe said something */
    enum tail tail;
};

struct outcome {
    int status;       /* 128 + N: died of signal N */
    const char *hung; /* what waited for what, or NULL */
    struct given given[MOST_SOURCES];
    unsigned signals; /* so many were sent */
    struct taken taken[MOST_SINKS];
    char *messages;  /* bpipe's stderr */
    char *report;    /* JSON; empty if there is none */
    bool spool_left; /* there is something in the spool's directory */
};

/* In the current directory, which is empty. Ends the program where something fails that has nothing
 * to do with bpipe. */
void play(const struct plan *plan, const struct input *input, const char *bpipe,
          struct outcome *outcome);
void outcome_free(struct outcome *outcome);

void taken_add(struct taken *taken, const void *bytes, size_t size);

#endif
