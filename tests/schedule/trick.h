/*
 * trick.h - makes up the results of an honest bpipe and spoils one thing in them: for the
 * self-test.
 */
#ifndef SCHEDULE_TRICK_H
#define SCHEDULE_TRICK_H

#include "input.h"
#include "numbers.h"
#include "plan.h"
#include "play.h"

enum { SOURCE_BYTES = 6000, PIECE = 50 };

struct trick {
    struct plan plan;
    struct input input;
    struct outcome outcome;
    struct numbers numbers;
    bool silent; /* there is no report */
};

struct attempt {
    const char *name;
    enum policy policy;
    enum unit unit;
    const char *more; /* m: marks, M: --merge, o: two outputs, t: a tap, 2: two inputs, n: TCP, u:
                         unix sockets */
    void (*spoil)(struct trick *trick);
    bool right;
};

/* Prints a line for each attempt; returns how many the judge got wrong. */
int trick_try(const struct attempt *attempts, size_t count);

/* `size` bytes at `at` do not come to the first output, and count as dropped. */
void trick_cut(struct trick *trick, size_t at, size_t size);

/* --overflow fail: the output is only the beginning. */
void trick_overflow(struct trick *trick);

void trick_status(struct trick *trick, int status);

#endif
