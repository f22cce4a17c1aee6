/*
 * default_line.h - the line that is shown without any display switch: the first of several formats
 * that fits the width, with the name in front if that fits as well.
 *
 * With a known size, 80 columns have room for all parts, in short forms:
 *
 *   1.21GiB 0:12  103MiB/s =======>............ 43% ETA 0:16 buf▆ ◀ waiting for zstd
 *
 * In a wider terminal the parts have their usual forms, as soon as there is room for these beside
 * "waiting for" and any name: that of the meter "▕████▍ ▏", its number, the share of the slow side.
 * In a narrower one these are shortened or left out, one after the other:
 *
 *   1. the name of -N is shortened in its middle to 16 columns
 *   2. the bar shrinks from 20 columns to 8, and is left out. (In 80 columns or more it keeps 20;
 *      there "waiting for zstd" becomes "slow: zstd" if the name is longer.)
 *   3. "waiting for zstd" becomes "slow: zstd", and a long name is cut
 *   4. the meter of the buffer
 *   5. the elapsed time
 *   6. "slow: zstd" becomes "zstd"; the sign in front stays
 *   7. the name of -N is shortened to 9 columns, and is left out
 *   8. the slow side
 *   9. the rate
 *  10. the ETA
 *  11. the amount; the percentage is the last to go
 *
 * The final frame is without the meter of the buffer.
 *
 * Once bytes were dropped the amount is followed by their number, which outlasts all other parts:
 *
 *   1.21GiB (15.0MiB dropped) 0:12  103MiB/s  43% ETA 0:16 buf▆ ◀ waiting for zstd 81%
 *   1.21M (12 records dropped) 0:12 ...                                        (of -l and -0)
 *   1.21GiB (up to 15.0MiB dropped) 0:12 ...                             (of several outputs)
 *
 * With an unknown size the order is: the whole name of -N, the moving mark (before anything of the
 * slow side is cut), the number of the meter, the usual forms, "waiting for", the meter, "slow:",
 * the name of -N, the slow side, the time, the rate.
 */
#ifndef BPIPE_DISPLAY_DEFAULT_LINE_H
#define BPIPE_DISPLAY_DEFAULT_LINE_H

#include "display/format.h"

/* Adds only the line to `text`. Returns its width in columns. In less than 7 columns the line may
 * be empty. */
unsigned display_format_default(struct text *text, const struct display_values *values,
                                const struct display_style *style);

#endif
