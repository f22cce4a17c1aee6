/*
 * torn.h - the records that an input began and did not end, because it failed or the run was cut.
 *
 * bpipe withholds such a record where it passes on whole records only: under a policy that drops,
 * with --merge, and for taps. Then all of its bytes are undelivered, and the output is what it
 * would be if the input had ended before it.
 */
#ifndef SCHEDULE_TORN_H
#define SCHEDULE_TORN_H

#include "input.h"
#include "match.h"
#include "plan.h"

#include <stdbool.h>
#include <stdint.h>

struct torn {
    const struct plan *plan;
    const struct input *all;     /* with `sources` */
    size_t came[MOST_SOURCES];   /* bytes of each source */
    bool may_tear[MOST_SOURCES]; /* it did not come to its end */
};

/*
 * Looks for torn records that make `undelivered` > 0 bytes in all, and without which `bytes` is an
 * honest output. True: *kept is the input without them, which input_free() frees.
 */
bool torn_explains(const struct torn *torn, uint64_t undelivered, enum match_kind kind,
                   const unsigned char *bytes, size_t size, struct input *kept);

/* The same if torn records were being dropped already, and what came behind them was no part of
 * them: *kept has them as records of their own. Without --merge. */
bool torn_were_dropped(const struct torn *torn, enum match_kind kind, const unsigned char *bytes,
                       size_t size, struct input *kept);

/*
 * Whether the record that this source left unfinished is in `bytes` all the same: it ends there, or
 * has grown together with what follows. false where that cannot be told.
 */
bool torn_is_in(const struct torn *torn, size_t source, const unsigned char *bytes, size_t size);

/*
 * Whether that record may have filled the source's share of the buffer (--merge). Then it passes in
 * parts, and gets a terminator only if another record follows.
 */
bool torn_may_pass(const struct torn *torn, size_t source);

#endif
