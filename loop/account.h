/*
 * account.h - every counter that a move touches.
 */
#ifndef BPIPE_LOOP_ACCOUNT_H
#define BPIPE_LOOP_ACCOUNT_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory: after the ring's, and before any byte. 0, or -1 with errno ENOMEM. */
int loop_init_amounts(struct poll_loop *loop);

/* Gives it back. Harmless if there is none. */
void loop_destroy_amounts(struct poll_loop *loop);

/* Bytes were read from an input: meter_moved(). The expected size is not known any more if it is a
 * sum that they are not in. */
void loop_count_input(struct poll_loop *loop, struct loop_input *input, uint64_t bytes);

/* Bytes were read into the ring, or (`aside`) into the scratch: counts the records in them as
 * records_in, and returns how many these were. */
uint64_t loop_count_arrival(struct poll_loop *loop, const struct transfer *transfer, bool aside);

/* The same for bytes that were read into a share, or aside, with --merge. */
void loop_count_merged(struct poll_loop *loop, const struct loop_input *input,
                       const struct transfer *transfer, bool aside);

/* The sole output has got `records` from the pipe queue. */
void loop_count_dequeued(struct poll_loop *loop, uint64_t records);

/* A tap is about to be sent what follows its cursor: what lies before that it never gets. */
void loop_begin_records_out(struct poll_loop *loop, struct loop_output *tap);

/* Brings records_out of one output up to date: before the ring loses that reader. */
void loop_count_records_of(struct poll_loop *loop, struct loop_output *output);

/* The same of all outputs: before anybody looks at the meter. */
void loop_count_records_out(struct poll_loop *loop);

/* The run is over: what the pipe queue still holds has come in, too. */
void loop_count_queued(struct poll_loop *loop);

/* A call was made on a UDP socket: what it has counted by now. Harmless on anything else. */
void loop_note_datagrams(const struct endpoint *endpoint, struct meter_endpoint *meter);

/* A report is about to be made: what the kernels of the inputs have dropped by now. */
void loop_count_drops(struct poll_loop *loop);

/* Outputs got bytes, or one that held some back was detached: what has left the buffer by that. */
void loop_note_bytes_out(struct poll_loop *loop);

/* What overrun->dropped counts goes to the output's counters, with a message the first time. */
void loop_note_overrun(struct poll_loop *loop, struct loop_output *output);

/* Counts what an admission did with bytes: what entered, was added, went to the spool, was dropped.
 * `input`: whose share it was (--merge); NULL: it was into the ring. */
void loop_note_result(struct poll_loop *loop, struct loop_input *input,
                      const struct admission_result *result);

/* Counts bytes that all outputs miss, with a message the first time. `input` as above: it dropped
 * them. */
void loop_note_dropped(struct poll_loop *loop, struct loop_input *input,
                       const struct overrun_count *dropped);

/* `written` bytes went to the spool, or some were taken from it: its counters, and one message if
 * it could not be written. */
void loop_note_spool(struct poll_loop *loop, size_t written);

/* Prints "WHO: the buffer is full (SIZE): WHAT". */
void loop_announce(const struct poll_loop *loop, const char *who, const char *what);

/* Bytes came into the ring, or (`ended`) none will any more: the rest of a record that a reader
 * misses is dropped, and counted. */
void loop_note_arrived(struct poll_loop *loop, bool ended);

/* Makes outputs [from, to) let go of what lies before `position` (overrun_overtake()), and counts
 * that. It acts, and yet stands among the counters: loop_note_bytes_out(), which moves parked taps
 * by it, may not call loop/overload.h, which is above. */
void loop_overtake(struct poll_loop *loop, size_t from, size_t to, uint64_t position,
                   bool incomplete_too);

#endif
