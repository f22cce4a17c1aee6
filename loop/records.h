/*
 * records.h - what happens to a record (-l, -0) that its input has begun and not ended.
 *
 * At the true end of an input the last record may lack its terminator; it is whole all the same. If
 * the input failed, it has torn the record: "rm /srv" may have been meant to be "rm /srv/tmp/x". A
 * signal, a timeout and --overflow fail tear the record, too: they end the reading before the
 * input's end. The end of a command is true only if the command exits with 0, and that is known
 * later than the end of its output.
 *
 * Where records are passed on only when they are complete, a torn record is withheld: with --merge
 * (loop/merge.h keeps it in its input's share), for UDP outputs, under a policy that drops, and for
 * taps. It counts as undelivered; for a tap it counts as missed. While it is not known whether the
 * record is torn, it waits, and the bytes of a later input wait behind it; but nothing waits for a
 * tap. An output that gets bytes as they come has got the torn record as well, and the bytes of a
 * later input follow it there, as with cat(1).
 */
#ifndef BPIPE_LOOP_RECORDS_H
#define BPIPE_LOOP_RECORDS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happens to the last record of all, when all the input is in the ring or the spool. */
enum record_fate loop_last_record(const struct poll_loop *loop);

/* Whether output `index` has got everything except a torn last record. */
bool loop_is_withheld_only(const struct poll_loop *loop, size_t index);

/* In a run whose input ended early: since when a record waits for a command to exit; 0: no record
 * waits. It is given up after COMMAND_GRACE_NS. */
uint64_t loop_record_pending_since(const struct poll_loop *loop);

/* Whether the loop's admission knows where records end: if some output gets only whole records. */
bool loop_tracks_records(const struct poll_loop *loop);

/* Whether all open outputs get only whole records. Taps do not count. */
bool loop_all_get_whole_records(const struct poll_loop *loop);

/* The position in the stream after all bytes that are in the ring and in the spool. */
uint64_t loop_stream_end(const struct poll_loop *loop);

/* Whether no output and no tap has passed the beginning of the record that has begun, so that it
 * may be taken back. (If it is being dropped as the oldest, all outputs have passed its
 * beginning.) */
bool loop_record_is_untouched(const struct poll_loop *loop);

#endif
