/*
 * amounts.h - which records came in, and which of them each output has got.
 *
 * Records are counted once for all outputs: where their bytes enter the ring
 * (buffer/record_index.h), or, in the pipe store, where they leave it for the sole output. So while
 * bytes wait in the pipe store records_in lacks their records. Bytes that do not enter the ring at
 * once (loop/overload.h) are counted when they are read, and once more when they enter it.
 *
 * For every output and tap, whenever loop_count_records_out() has been called, records_out is the
 * number of records that end in the `bytes` that it has accepted: marks and terminators that bpipe
 * has added included, a last record without a terminator not.
 */
#ifndef BPIPE_LOOP_AMOUNTS_H
#define BPIPE_LOOP_AMOUNTS_H

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

/* Bytes were read into the ring, or (`aside`) into loop->scratch; or with --merge into a share.
 * Counts the records in them as records_in, and returns how many these were. */
uint64_t loop_count_arrival(struct poll_loop *loop, const struct transfer *transfer, bool aside);
void loop_count_merged(struct poll_loop *loop, const struct loop_input *input,
                       const struct transfer *transfer, bool aside);

/* The sole output has got `records` from the pipe store. */
void loop_count_unstored(struct poll_loop *loop, uint64_t records);

/* A tap is about to be sent what follows its cursor: what lies before that it never gets. */
void loop_begin_records_out(struct poll_loop *loop, struct loop_output *tap);

/* Brings records_out up to date, of one output that the ring is about to lose, or of all: before
 * anybody looks at the meter. */
void loop_count_records_of(struct poll_loop *loop, struct loop_output *output);
void loop_count_records_out(struct poll_loop *loop);

/* The run is over: what the pipe store still holds has come in, too. */
void loop_count_stored(struct poll_loop *loop);

#endif
