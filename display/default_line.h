/*
 * default_line.h - the line that is shown without any display switch: the first of several formats
 * that fits the width, with the name in front if that fits as well.
 *
 * With a known size, 80 columns have room for all parts, in short forms:
 *
 *   1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf▆ ◀ waiting for zstd
 *
 * In a wider terminal the parts have their usual forms, as soon as there is room: that of the meter
 * "▕████▍ ▏", its number, the share of the slow side. In a narrower one these are shortened or left
 * out, one after the other:
 *
 *   1. the bar shrinks from 20 columns to 8, and is left out. (Before it has less than 20 columns
 *      "waiting for zstd" becomes "slow: zstd", if that is enough.)
 *   2. "waiting for zstd" becomes "slow: zstd", and a long name is cut
 *   3. the meter of the buffer
 *   4. the elapsed time
 *   5. "slow: zstd" becomes "zstd"; the sign in front stays
 *   6. the slow side
 *   7. the rate
 *   8. the ETA
 *   9. the amount; the percentage is the last to go
 *
 * Once bytes were dropped the amount is followed by their number, which outlasts all other parts:
 *
 *   1.21GiB dropped 15.0MiB 0:12  103MiB/s  43% ETA 0:16 buf▆ ◀ waiting for zstd 81%
 *   1.21M dropped 12 records 0:12 ...                                        (of -l and -0)
 *
 * With an unknown size the order is: the number of the meter, the moving mark, the usual forms,
 * "waiting for", the meter, "slow:", the slow side, the time, the rate.
 */
#ifndef BPIPE_DISPLAY_DEFAULT_LINE_H
#define BPIPE_DISPLAY_DEFAULT_LINE_H

#include "display/format.h"

/* Adds only the line to `text`. Returns its width in columns. In less than 7 columns the line may
 * be empty. */
unsigned display_format_default(struct text *text, const struct display_values *values,
                                const struct display_style *style);

#endif
