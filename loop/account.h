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
void loop_destroy_amounts(struct poll_loop *loop);

/* Bytes were read from an input: meter_moved(). The expected size is not known any more if it is a
 * sum that they are not in. */
void loop_count_input(struct poll_loop *loop, struct loop_input *input, uint64_t bytes);

/* Bytes were read into the ring, or (`aside`) into the scratch; or with --merge into a share.
 * Counts the records in them as records_in, and returns how many these were. */
uint64_t loop_count_arrival(struct poll_loop *loop, const struct transfer *transfer, bool aside);
void loop_count_merged(struct poll_loop *loop, const struct loop_input *input,
                       const struct transfer *transfer, bool aside);

/* The sole output has got `records` from the pipe queue. */
void loop_count_dequeued(struct poll_loop *loop, uint64_t records);

/* A tap is about to be sent what follows its cursor: what lies before that it never gets. */
void loop_begin_records_out(struct poll_loop *loop, struct loop_output *tap);

/* Brings records_out up to date, of one output that the ring is about to lose, or of all: before
 * anybody looks at the meter. */
void loop_count_records_of(struct poll_loop *loop, struct loop_output *output);
void loop_count_records_out(struct poll_loop *loop);

/* The run is over: what the pipe queue still holds has come in, too. */
void loop_count_queued(struct poll_loop *loop);

/* A call was made. */
void loop_note_datagrams(const struct endpoint *endpoint, struct meter_endpoint *meter);

/* A report is about to be made: what the kernels of the inputs have dropped by now. */
void loop_count_drops(struct poll_loop *loop);

/* Outputs got bytes: what has left the buffer by that. */
void loop_note_bytes_out(struct poll_loop *loop);

/* What overrun->dropped counts goes to the output's counters, with a message the first time. */
void loop_note_overrun(struct poll_loop *loop, struct loop_output *output);

/*
 * For those who find a place for bytes elsewhere (loop/merge.h), with the input that they are of:
 * what an admission did is counted; bytes were dropped, for all outputs; there was no place for
 * `bytes`, and the run ends (--overflow fail); the outputs let go of what is in the way of `wanted`
 * bytes (drop-oldest); bytes that have come in before go on into the ring or the spool, as many as
 * the result says.
 */
void loop_note_result(struct poll_loop *loop, struct loop_input *input,
                      const struct admission_result *result);
void loop_note_dropped(struct poll_loop *loop, struct loop_input *input,
                       const struct overrun_count *dropped);

void loop_note_spool(struct poll_loop *loop, size_t written);

void loop_announce(const struct poll_loop *loop, const char *who, const char *what);

void loop_note_arrived(struct poll_loop *loop, bool ended);

/* Makes outputs [from, to) let go of what lies before `position`. */
void loop_overtake(struct poll_loop *loop, size_t from, size_t to, uint64_t position,
                   bool incomplete_too);

#endif
