/*
 * game.h - a schedule that is being played: all ends that are not bpipe's. For play.c, who says
 * when, and moves.c, who moves the bytes.
 */
#ifndef SCHEDULE_GAME_H
#define SCHEDULE_GAME_H

#include "input.h"
#include "line.h"
#include "plan.h"
#include "play.h"

#define NS_PER_MS UINT64_C(1000000)

struct producer {
    const struct source *source;
    struct given *given; /* what comes of it */
    const unsigned char *bytes;
    size_t written, burst, burst_written;
    struct line line;
    bool connecting;
    bool said_all;      /* half-closed: listens */
    int fd;             /* -1: done, or not connected */
    uint64_t paused_ns; /* since then; 0: it is not */
};

struct consumer {
    const struct sink *sink;
    struct taken *taken;
    struct line line;
    bool connecting;
    bool was_reset; /* it is known, but there may be more to read */
    int fd;         /* -1: a file, or done, or not connected */
    size_t stall;
    uint64_t stalled_ns; /* since then; 0: it is not */
};

struct game {
    const struct plan *plan;
    struct outcome *outcome;
    struct producer producers[MOST_SOURCES];
    struct consumer consumers[MOST_SINKS];
    int source_fds[MOST_SOURCES], sink_fds[MOST_SINKS]; /* bpipe's ends; -1: it opens a name */
    int life[2];                                        /* shows the end when bpipe has ended */
    pid_t bpipe;
    uint64_t now_ns, moved_ns, start_ns;
    uint64_t interrupt_ns; /* 0: not yet */
    bool froze;
};

/* Has every producer written all that it is going to, or may it no more? */
bool game_all_written(const struct game *game);
size_t game_written(const struct game *game);

/* When a pause that began then and lasts so long is over, if nothing moves. */
uint64_t game_quiet_until(const struct game *game, uint64_t since_ns, unsigned quiet_ms);

/* A connection, if it is time for that and bpipe is there. */
void producer_connect(struct game *game, struct producer *producer);
void consumer_connect(struct game *game, struct consumer *consumer);

/* The next burst, when one is done and its pause is over; the end, when the last one is. */
void producer_advance(struct game *game, struct producer *producer);

void producer_write(struct game *game, struct producer *producer); /* or listen */
void producer_finish(struct producer *producer);

/* Is it at a stall, or has it come to one? */
bool consumer_stalls(struct game *game, struct consumer *consumer);

void consumer_read(struct game *game, struct consumer *consumer);

/* bpipe has ended: what is still on its way. */
void producer_collect(struct producer *producer);
void consumer_collect(struct game *game, struct consumer *consumer);

#endif
