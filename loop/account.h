/*
 * account.h - the counters that change when bytes move.
 */
#ifndef BPIPE_LOOP_ACCOUNT_H
#define BPIPE_LOOP_ACCOUNT_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Allocates memory: call it after the ring's is allocated, and before any byte moves. Returns 0, or
 * -1 with errno ENOMEM. */
int loop_init_amounts(struct poll_loop *loop);

/* Frees that memory. Harmless if there is none. */
void loop_destroy_amounts(struct poll_loop *loop);

/* Counts bytes that were read from an input (meter_moved()). If the expected size is a sum in which
 * this input counts as 0 bytes, the size becomes unknown. */
void loop_count_input(struct poll_loop *loop, struct loop_input *input, uint64_t bytes);

/* Counts as records_in the records in bytes that were read into the ring, or (`aside`) into the
 * scratch. Returns how many records these were. */
uint64_t loop_count_arrival(struct poll_loop *loop, const struct transfer *transfer, bool aside);

/* The same for bytes that were read into a share, or aside, with --merge. */
void loop_count_merged(struct poll_loop *loop, const struct loop_input *input,
                       const struct transfer *transfer, bool aside);

/* Counts `records` that the sole output has got from the pipe queue: they came in and went out. */
void loop_count_dequeued(struct poll_loop *loop, uint64_t records);

/* A tap is about to be sent the bytes that follow its cursor. It never gets the records before
 * that. */
void loop_begin_records_out(struct poll_loop *loop, struct loop_output *tap);

/* Brings records_out of one output up to date. Call it before the ring loses that reader. */
void loop_count_records_of(struct poll_loop *loop, struct loop_output *output);

/* A report or the live line is about to read the meter: brings up to date the numbers that are not
 * counted as bytes move. These are records_out of every output, and the datagrams that the kernel
 * has dropped at the inputs. */
void loop_count_the_rest(struct poll_loop *loop);

/* The run is over: counts the records that the pipe queue still holds as records_in, too. */
void loop_count_queued(struct poll_loop *loop);

/* The run is over, and the pipes of all commands were looked at: takes the bytes that no process
 * can read any more, and their records, from those that the outputs got. Bytes that another process
 * may still read count as unacknowledged. */
void loop_count_unread(struct poll_loop *loop);

/* Copies the counters of a UDP socket to the meter, after a call on the socket. Prints a message
 * about the first datagram that --allow refuses. Harmless on any other endpoint. */
void loop_note_datagrams(const struct endpoint *endpoint, struct meter_endpoint *meter);

/* Outputs got bytes, or an output that held some back was detached: counts the bytes that have left
 * the buffer by that. */
void loop_note_bytes_out(struct poll_loop *loop);

/* Moves the numbers in overrun->dropped to the output's counters, and prints a message the first
 * time. */
void loop_note_overrun(struct poll_loop *loop, struct loop_output *output);

/* Counts the bytes that an admission let enter, added, sent to the spool or dropped. `input`: the
 * input whose share they went to (--merge); NULL: they went to the ring. */
void loop_note_result(struct poll_loop *loop, struct loop_input *input,
                      const struct admission_result *result);

/* Counts bytes that all outputs miss, and prints a message the first time. `input` as above: the
 * input that dropped them. */
void loop_note_dropped(struct poll_loop *loop, struct loop_input *input,
                       const struct overrun_count *dropped);

/* `written` bytes went to the spool, or some were taken from it: updates its counters. Prints one
 * message if the spool could not be written. */
void loop_note_spool(struct poll_loop *loop, size_t written);

/* Prints "ENDPOINT: buffer full (SIZE): ACTION". */
void loop_announce(const struct poll_loop *loop, const char *endpoint, const char *action);

/* Bytes came into the ring, or (`ended`) no more will come: drops and counts the rest of a record
 * that a reader misses. */
void loop_note_arrived(struct poll_loop *loop, bool ended);

/* Makes outputs [from, to) let go of the bytes before `position` (overrun_overtake()), and counts
 * these; also of a record of which a reader has got a part, if `incomplete_too`. It stands among
 * the counters because loop_note_bytes_out() moves parked taps by it, and may not call
 * loop/overload.h, which is above this file. */
void loop_overtake(struct poll_loop *loop, size_t from, size_t to, uint64_t position,
                   bool incomplete_too);

#endif
