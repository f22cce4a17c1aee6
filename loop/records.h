/*
 * records.h - what becomes of a record (-l, -0) that its input has begun and not ended.
 *
 * At the true end of an input the last record may lack its terminator; it is whole all the same. An
 * input that failed has torn it: "rm /srv" may have been meant to be "rm /srv/tmp/x". So has a
 * signal, a timeout or --overflow fail, which end the reading before the input's end. A command's
 * end is true only if it exits with 0, which is known later than the end of what it wrote.
 *
 * Where records are passed on only when they are complete, a torn record is withheld: with --merge
 * (loop/merge.h keeps it in its input's share), to UDP outputs, under a policy that drops, and to
 * taps. It is undelivered; for a tap it is missed. While it is not known whether it is torn, it
 * waits, and what comes from a later input waits behind it; nothing waits for a tap, however. An
 * output that gets bytes as they come has got the torn record as well, and what a later input
 * brings follows it there, as with cat(1).
 */
#ifndef BPIPE_LOOP_RECORDS_H
#define BPIPE_LOOP_RECORDS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What becomes of the last record of all, once all that came in is in the ring or the spool. */
enum record_fate loop_last_record(const struct poll_loop *loop);

/* Whether all that output `index` has not got is a torn last record. */
bool loop_is_withheld_only(const struct poll_loop *loop, size_t index);

/* In a run that has failed, since when a record waits for a command to exit; 0: none does. It is
 * given up after COMMAND_GRACE_NS. */
uint64_t loop_record_pending_since(const struct poll_loop *loop);

/* Whether the loop's admission knows where records end: where somebody gets only whole ones. */
bool loop_tracks_records(const struct poll_loop *loop);

/* Whether all open outputs get only whole records; taps do not count. */
bool loop_all_get_whole_records(const struct poll_loop *loop);

/* The position in the stream after all that is in the ring and in the spool. */
uint64_t loop_stream_end(const struct poll_loop *loop);

/* Whether nobody has passed the beginning of the record that has begun: it may be taken back then.
 * (If it is being dropped as the oldest, all outputs have passed that.) */
bool loop_record_is_untouched(const struct poll_loop *loop);

#endif
