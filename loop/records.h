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

/* The current input (not with --merge) was read to its end, or failed. False: the next one has to
 * wait for what becomes of this one's last record. */
bool loop_end_record(struct poll_loop *loop, struct loop_input *input, bool failed);

/* An input that was read to its end has been judged (loop_input_verdict()). */
void loop_record_judged(struct poll_loop *loop, struct loop_input *input);

/* Reading ends before the inputs do: loop_end_input() of what is torn by that. */
void loop_cut_input(struct poll_loop *loop);

/* What becomes of the last record of all, once all that came in is in the ring or the spool. */
enum record_fate loop_last_record(const struct poll_loop *loop);

/* After flow->ended: outputs that have got everything but a torn last record are done. Returns
 * whether there was one. */
bool loop_withhold_last(struct poll_loop *loop);

/* Whether all that output `index` has not got is a torn last record. */
bool loop_is_withheld_only(const struct poll_loop *loop, size_t index);

/* In a run that has failed, since when a record waits for a command to exit; 0: none does. It is
 * given up after COMMAND_GRACE_NS. */
uint64_t loop_record_pending_since(const struct poll_loop *loop);
void loop_give_up_pending(struct poll_loop *loop);

#endif
