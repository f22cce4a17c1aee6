/*
 * game.h - a schedule that is being played: all ends that do not belong to bpipe. For play.c, which
 * decides when an end acts, and moves.c, which moves the bytes.
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
    struct given *given; /* what becomes of the producer */
    const unsigned char *bytes;
    size_t written, burst, burst_written;
    struct line line;
    bool connecting;
    bool said_all;      /* it has half-closed the connection and listens */
    int fd;             /* -1: done, or not connected */
    uint64_t paused_ns; /* since when it pauses; 0: it does not */
};

struct consumer {
    const struct sink *sink;
    struct taken *taken;
    struct line line;
    bool connecting;
    bool was_reset; /* a reset was seen, but there may be more to read */
    int fd;         /* -1: a file, or done, or not connected */
    size_t stall;
    uint64_t stalled_ns; /* since when it stalls; 0: it does not */
};

struct game {
    const struct plan *plan;
    struct outcome *outcome;
    struct producer producers[MOST_SOURCES];
    struct consumer consumers[MOST_SINKS];
    int source_fds[MOST_SOURCES], sink_fds[MOST_SINKS]; /* bpipe's ends; -1: it opens a name */
    int life[2];                                        /* a pipe: its end shows that bpipe ended */
    pid_t bpipe;
    uint64_t now_ns, moved_ns, start_ns;
    uint64_t interrupt_ns; /* 0: not yet */
    bool froze;
};

/* Whether every producer has written all that it will write, or can write no more. */
bool game_all_written(const struct game *game);
size_t game_written(const struct game *game);

/* When a pause of `quiet_ms` that began at `since_ns` is over, if nothing moves. */
uint64_t game_quiet_until(const struct game *game, uint64_t since_ns, unsigned quiet_ms);

/* Connect, if it is time for that and bpipe is there. */
void producer_connect(struct game *game, struct producer *producer);
void consumer_connect(struct game *game, struct consumer *consumer);

/* Begins the next burst if one is done and its pause is over; ends the stream after the last one.
 * */
void producer_advance(struct game *game, struct producer *producer);

void producer_write(struct game *game, struct producer *producer); /* or listens */
void producer_finish(struct producer *producer);

/* Whether it is at a stall, or has come to one. */
bool consumer_stalls(struct game *game, struct consumer *consumer);

void consumer_read(struct game *game, struct consumer *consumer);

/* bpipe has ended: take what is still on its way. */
void producer_collect(struct producer *producer);
void consumer_collect(struct game *game, struct consumer *consumer);

#endif
