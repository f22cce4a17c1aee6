/*
 * selftest.h - the judge judged: what is right must pass, and each kind of wrong be found.
 */
#ifndef SCHEDULE_SELFTEST_H
#define SCHEDULE_SELFTEST_H

/* Prints a line for each case; returns how many failed. */
int selftest(void);

/* The part of it that is about connections and signals. */
int selftest_network(void);

#endif
