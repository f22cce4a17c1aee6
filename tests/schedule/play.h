/*
 * play.h - plays a schedule: a bpipe between pipes, with all other ends in this process.
 */
#ifndef SCHEDULE_PLAY_H
#define SCHEDULE_PLAY_H

#include "input.h"
#include "line.h"
#include "plan.h"

/* What a consumer got. */
struct taken {
    unsigned char *bytes;
    size_t size, room;
    bool left;       /* the consumer departed before the end */
    bool left_early; /* and before a producer had written everything */
    bool connected;  /* SINK_SOCKET */
    enum tail tail;  /* not for a file */
};

/* What became of a producer. */
struct given {
    size_t written;
    bool connected;
    bool did_reset;
    bool spoken_to; /* bpipe sent something */
    enum tail tail;
};

struct outcome {
    int status;       /* 128 + N: died of signal N */
    const char *hung; /* what waited for what, or NULL */
    struct given given[MOST_SOURCES];
    unsigned signals; /* how many were sent */
    struct taken taken[MOST_SINKS];
    char *messages;  /* bpipe's stderr */
    char *report;    /* JSON; empty if there is none */
    bool spool_left; /* the spool's directory is not empty */
};

/* Plays in the current directory, which is empty. Ends the program if something fails that is not
 * bpipe's fault. */
void play(const struct plan *plan, const struct input *input, const char *bpipe,
          struct outcome *outcome);
void outcome_free(struct outcome *outcome);

void taken_add(struct taken *taken, const void *bytes, size_t size);

#endif
