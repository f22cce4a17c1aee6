/*
 * dice.c - see dice.h.
 */
#include "dice.h"

#include "tests/random.h"

uint64_t dice_next(struct dice *dice)
{
    return random_next(&dice->state);
}

size_t dice_below(struct dice *dice, size_t end)
{
    uint64_t word = dice_next(dice);

    return end == 0 ? 0 : (size_t)(word % end);
}

size_t dice_from_to(struct dice *dice, size_t low, size_t high)
{
    return low + dice_below(dice, high < low ? 1 : high - low + 1);
}

size_t dice_magnitude(struct dice *dice, size_t low, size_t high)
{
    size_t first = 0, last, value;

    while (low >> (first + 1) > 0)
        first++;
    last = first;
    while (high >> (last + 1) > 0)
        last++;
    value = (size_t)1 << dice_from_to(dice, first, last);
    value += dice_below(dice, value);
    return value < low ? low : value > high ? high : value;
}

bool dice_one_in(struct dice *dice, size_t count)
{
    return dice_below(dice, count) == 0;
}
