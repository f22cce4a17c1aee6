/*
 * dice.h - random numbers that are the same for the same seed on every machine.
 */
#ifndef SCHEDULE_DICE_H
#define SCHEDULE_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

uint64_t dice_next(struct dice *dice);
size_t dice_below(struct dice *dice, size_t end); /* 0 if end is 0 */
size_t dice_from_to(struct dice *dice, size_t low, size_t high);
size_t dice_magnitude(struct dice *dice, size_t low, size_t high); /* each power of two as likely */
bool dice_one_in(struct dice *dice, size_t count);

#endif
