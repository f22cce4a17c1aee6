/*
 * judge.h - checks whether a schedule had the right results: bytes, counters, status.
 */
#ifndef SCHEDULE_JUDGE_H
#define SCHEDULE_JUDGE_H

#include "input.h"
#include "plan.h"
#include "play.h"

enum { COMPLAINT_SIZE = 512 };

/* False: *complaint says what is wrong. */
bool judge(const struct plan *plan, const struct input *input, const struct outcome *outcome,
           char complaint[COMPLAINT_SIZE]);

#endif
