/*
 * selftest.h - tests the judge: it must accept what is right, and find each kind of error.
 */
#ifndef SCHEDULE_SELFTEST_H
#define SCHEDULE_SELFTEST_H

/* Prints a line for each case; returns how many failed. */
int selftest(void);

/* The part of it that tests connections and signals. */
int selftest_network(void);

#endif
