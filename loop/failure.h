/*
 * failure.h - an input, an output, a tap or a command failed, or went away.
 *
 * What can happen to an output is in layers. Each calls the one before it:
 *
 *   loop_mark_failed()     sets the exit status, and the reason in the reports
 *   loop_note_failure()    prints the message, too
 *   loop_give_up_output()  detaches the output, too
 *   loop_output_failed()   a call on it failed with an error: decides whether it is given up, or
 *                          its reader has left, or it is a tap, which is only lost
 *   loop_reader_gone()     nothing was to be written: the input may still turn out to be at its end
 *
 * A failure and the close that follows it happen at two moments. If an output fails, or its reader
 * leaves, it is detached at once, so that the rest of the turn does not see it any more. Its reader
 * of the ring, the run's ending and the message are dealt with then. It is closed when nothing of
 * it is in use (loop_close_the_failed()).
 */
#ifndef BPIPE_LOOP_FAILURE_H
#define BPIPE_LOOP_FAILURE_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The run has failed: sets the exit status. For a failure that no endpoint has; the caller prints
 * the message. */
void loop_mark_run_failed(struct poll_loop *loop);

/* The same, and ends the run at once: the phase becomes DONE, and the input counts as cut off. */
void loop_break_off(struct poll_loop *loop);

/* An endpoint failed, and so has the run: sets the exit status, and the reason in the reports. If
 * it is an input, the stream counts as cut off. */
void loop_mark_failed(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason);

/* The same, and prints a message. */
void loop_note_failure(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason);

/* Gives one output up and reports `reason`. The phase becomes DONE if no output is left, and with
 * --on-output-error stop. */
void loop_give_up_output(struct poll_loop *loop, struct loop_output *output, const char *reason);

/* A tap cannot be written, or cannot be written any more: gives it up with a message. The run goes
 * on. */
void loop_lose_tap(struct poll_loop *loop, struct loop_output *tap, const char *reason);

/* An output or a tap cannot be written, for a reason that is no errno: one of the two above. */
void loop_fail_output(struct poll_loop *loop, struct loop_output *output, const char *reason);

/* A call on an output failed with `error` (a write, mostly; also a read from its peer, or poll()),
 * or its command's exit means the same: its reader has gone, or the output broke. The others go
 * on. */
void loop_output_failed(struct poll_loop *loop, struct loop_output *output, int error);

/*
 * The reader of an output was seen to have gone, and it is not known whether there is more to
 * write. If the output is the sole one, or the last command of several, and has got everything,
 * that may have been all: tar(1) leaves when it has read the end of its archive, and over a network
 * the end of the stream comes later than that. So the input gets LEAVING_NS to end. If a byte
 * comes, or this time passes, bpipe ends. If there are other outputs, a command that exits with 0
 * before the end needs no more bytes: that is not a failure.
 */
void loop_reader_gone(struct poll_loop *loop, struct loop_output *output, int error);

/* poll() reports an event of a UDP output that has nothing to send: takes its error. */
void loop_note_datagram_error(struct poll_loop *loop, struct loop_output *output);

/* An input cannot be connected: reports it. */
void loop_input_refused(struct poll_loop *loop, struct loop_input *input, const char *reason);

/* Prints what endpoint_hint() says about the output, if it says anything. */
void loop_tell_hint(const struct loop_output *output, const char *hint);

/* Returns how many of the bytes that were written to a TCP connection its peer has not
 * acknowledged. */
uint64_t loop_in_doubt(const struct loop_output *output);

/* Closes the outputs that were detached; each turn, and closing, call it. The pipe of a command
 * that still ran then stays open until all commands have ended, with the processes that they have
 * started, or bpipe has given them up: only then is it known what was read. */
void loop_close_the_failed(struct poll_loop *loop);

/* Notes for the report what is left of a file with --atomic that is not complete. To be called
 * before the endpoint is closed. */
void loop_note_incomplete(struct loop_output *output);

/* Closes an output or a tap (endpoint_close_output()); a UDP socket's last error is taken before
 * that. Sets the flags that another endpoint on the same open file needs. Returns 0, or -1 with
 * output->endpoint.error. */
int loop_close_output(struct poll_loop *loop, struct loop_output *output, bool complete);

/* Whether a command that ends now has ended by itself. If bpipe has begun to end all commands, or
 * the user has ended them (^C), a command's exit status means nothing. */
bool loop_command_ended_itself(const struct poll_loop *loop);

/* A --to command has exited: decides whether its output has failed, or its reader has gone, or
 * neither. */
void loop_judge_consumer(struct poll_loop *loop, struct loop_output *output);

/* Writes to `reason` how a command has ended, "exited with status 3 at byte 104857600", and
 * returns it. */
const char *loop_describe(const struct command *command, uint64_t bytes,
                          char reason[METER_ERROR_TEXT]);

/* Notes how many of the bytes in the pipe of a command it has not read, where the system can tell.
 * Call it when the command has ended, and before its pipe is closed. The last answer counts, but
 * nothing changes one after which no process can read any more. Closes the witness. Harmless if the
 * output is no command. */
void loop_note_unread(struct poll_loop *loop, struct loop_output *output);

/* Closes the other reader of a command's pipe (`witness`). Harmless if there is none. */
void loop_close_witness(struct loop_output *output);

#endif
