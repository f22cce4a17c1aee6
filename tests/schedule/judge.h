/*
 * judge.h - whether what came of a schedule is what it should be: bytes, counters, status.
 */
#ifndef SCHEDULE_JUDGE_H
#define SCHEDULE_JUDGE_H

#include "input.h"
#include "plan.h"
#include "play.h"

enum { COMPLAINT_SIZE = 512 };

/* false: *complaint says what is wrong. */
bool judge(const struct plan *plan, const struct input *input, const struct outcome *outcome,
           char complaint[COMPLAINT_SIZE]);

#endif
