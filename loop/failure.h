/*
 * failure.h - an input, an output, a tap or a command failed, or went away.
 */
#ifndef BPIPE_LOOP_FAILURE_H
#define BPIPE_LOOP_FAILURE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* poll() reports something about a UDP output that has nothing to send. */
void loop_note_datagram_error(struct poll_loop *loop, struct loop_output *output);

/* How many of the next `bytes` > 0 of the ring go to UDP output `index` at once. If it is a record
 * that does not fit the ring the output fails. */
size_t loop_cut_datagram(struct poll_loop *loop, size_t index, size_t bytes);

/* The kernel says that so many bytes are more than a datagram holds: the output fails. */
void loop_datagram_too_long(struct poll_loop *loop, struct loop_output *output, size_t bytes);

/*
 * Failing and closing are two moments. What fails, or leaves, is detached at once, so that the rest
 * of the turn does not see it any more: its reader of the ring, its flow, the run's ending, the
 * message. The turn closes it when nothing of it is in use: loop_close_the_failed(), once in each.
 */
void loop_close_the_failed(struct poll_loop *loop);

/* 0, or -1 with output->endpoint.error (endpoint_close_output()). */
int loop_close_output(struct poll_loop *loop, struct loop_output *output, bool complete);

/* Sets the flags again that were taken back: when bpipe goes on after being stopped
 * (loop_restore_flags() in loop/open.h), and when an endpoint was closed, which may have taken one
 * back that others still need ("bpipe <tty >tty"). */
void loop_reapply_flags(struct poll_loop *loop);

/* An input cannot be opened: reports it. */
void loop_input_refused(struct poll_loop *loop, struct loop_input *input, const char *reason);

/* Writing to an output failed with `error`: its reader has gone, or it broke. The others go on. */
void loop_output_failed(struct poll_loop *loop, struct loop_output *output, int error);

/*
 * The reader of an output is seen to have gone, and it is not known that there is more to write. If
 * it is the sole one, or the last command of several, and has got everything, that may have been
 * all: a tar(1) leaves when it has read the end of its archive, which is sooner than the end of the
 * stream comes by a network. So the input is given LEAVING_NS to end. The first byte that comes, or
 * the end of that time, is the end of bpipe. A command that exited with 0 while other outputs go on
 * has got what it wanted: that is no failure.
 */
void loop_reader_gone(struct poll_loop *loop, struct loop_output *output, int error);

/* Gives one output up for `reason`, which is reported; the run is DONE when none is left. */
void loop_give_up_output(struct poll_loop *loop, struct loop_output *output, const char *reason);

/* An endpoint failed, and so has the run: its exit status, and the reason in the reports. */
void loop_mark_failed(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason);

/* The same, with a message. */
void loop_note_failure(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason);

/* How many bytes that were written to a TCP connection its peer has not acknowledged. */
uint64_t loop_in_doubt(const struct loop_output *output);

/* A tap cannot be written, or not any more: it is given up with a message, and the run goes on. */
void loop_lose_tap(struct poll_loop *loop, struct loop_output *tap, const char *reason);

/* Closes the other reader of a command's pipe. Harmless if there is none. */
void loop_close_witness(struct loop_output *output);

/* Writes how a command has ended, "exited with status 3 after 104857600 bytes", and returns it. */
const char *loop_describe(const struct command *command, uint64_t bytes,
                          char reason[METER_ERROR_TEXT]);

/* What a command that has ended had not read of all that was put into its pipe, where that can be
 * told. */
void loop_note_unread(struct loop_output *output);

/* Whether a command that ends now has ended by itself. If not (bpipe has begun to end all of them,
 * or the user has, by ^C), its exit status says nothing. */
bool loop_command_ended_itself(const struct poll_loop *loop);

/* A --to command has exited: its output has failed, or its reader has gone, or neither. */
void loop_judge_consumer(struct poll_loop *loop, struct loop_output *output);

#endif
