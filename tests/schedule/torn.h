/*
 * torn.h - records that an input began and did not end, because it failed or the run was cut.
 *
 * bpipe withholds such a record where it passes on only whole records: under a policy that drops,
 * with --merge, and for taps. Then all bytes of the record are undelivered, and the output is the
 * same as if the input had ended before it.
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
    bool may_tear[MOST_SOURCES]; /* the source did not come to its end */
};

/*
 * Looks for torn records without which `bytes` is an honest output, and returns how many bytes they
 * have; 0: there are none. They are all of what is `undelivered` > 0; of an output that may end
 * anywhere they may be a part of it. *kept is the input without them, or empty; free it with
 * input_free().
 */
uint64_t torn_explain(const struct torn *torn, uint64_t undelivered, enum match_kind kind,
                      const unsigned char *bytes, size_t size, struct input *kept);

/* The same for torn records that were already being dropped, so that the bytes behind them were no
 * part of them: in *kept they are records of their own. Without --merge. */
bool torn_were_dropped(const struct torn *torn, enum match_kind kind, const unsigned char *bytes,
                       size_t size, struct input *kept);

/*
 * Whether the record that this source left unfinished is in `bytes` all the same: it ends there, or
 * what follows has become a part of it. False where that cannot be told.
 */
bool torn_is_in(const struct torn *torn, size_t source, const unsigned char *bytes, size_t size);

/*
 * Whether that record may have filled the source's share of the buffer (--merge). Then it passes in
 * parts, and gets a terminator only if another record follows.
 */
bool torn_may_pass(const struct torn *torn, size_t source);

#endif
