/*
 * tap.h - what a C test says to tests/run: a plan, then one line for each case.
 *
 *     int main(void)
 *     {
 *         tap_plan(2);
 *         tap_ok(ring_fill(&ring) == 0, "a new ring is empty");
 *         tap_skip("a FIFO", "mkfifo(3) is missing");
 *         return tap_done();
 *     }
 *
 * A test that dies, or ends before its plan is fulfilled, counts as failed. Diagnostics, such as
 * the seed of a random run, go to tap_note().
 */
#ifndef BPIPE_TAP_H
#define BPIPE_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static struct {
    int planned, done, failed;
} tap;

static inline void tap_plan(int cases)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* what was said survives a crash */
    tap.planned = cases;
    printf("1..%d\n", cases);
}

/* One case; returns whether it held. */
__attribute__((format(printf, 2, 3))) static inline bool tap_ok(bool held, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("%s %d - ", held ? "ok" : "not ok", ++tap.done);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    tap.failed += !held;
    return held;
}

static inline void tap_skip(const char *what, const char *reason)
{
    printf("ok %d - %s # skip %s\n", ++tap.done, what, reason);
}

__attribute__((format(printf, 1, 2))) static inline void tap_note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("# ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}

/* The exit status of main(). */
static inline int tap_done(void)
{
    return tap.failed != 0 || tap.done != tap.planned;
}

#endif
