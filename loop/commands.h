/*
 * commands.h - the loop's commands (--from, --to): how they begin, and how their end and that
 * of the stream are made one.
 *
 * The end of a --from command's output is the end of the stream only if the command then exits with
 * 0. So the inputs may have ended, and the buffer have been drained, and yet nothing is told to the
 * outputs until all such commands were reaped (SIGCHLD). If one failed, so has the run; the --to
 * commands are ended while their inputs are open (process/guard.h), and never see an end.
 *
 * A --to command's exit status decides what its departure means: of one that closed its input, or
 * whose pipe says EPIPE, nothing more is asked until it has exited (`gone`). With 0, or by SIGPIPE,
 * it is a reader that has gone (loop/failure.h): the last output ends the run by that, one of
 * several is left out, and the others see the true end. With anything else it has failed. When the
 * end is true the pipes are closed, and the run waits for the commands to exit; one that then exits
 * with 0 but left bytes unread in its pipe has gone before the end as well.
 */
#ifndef BPIPE_LOOP_COMMANDS_H
#define BPIPE_LOOP_COMMANDS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a producer that nobody reads any more has to notice, before it is ended. */
#define COMMAND_GRACE_NS UINT64_C(1000000000)

/* Memory, and SIGCHLD is watched. `standard` outlives the loop. 0, or -1 with errno. */
int loop_init_commands(struct poll_loop *loop, const struct command_standard *standard);
void loop_destroy_commands(struct poll_loop *loop);

/* Makes the pipe of a --to command. 0, or -1 with endpoint.error. */
int loop_open_command_output(struct poll_loop *loop, struct loop_output *output);

/* All outputs are open: starts the guard and the --to commands. False, after a message: it is all
 * off. */
bool loop_start_commands(struct poll_loop *loop);

/* Starts a --from command, whose turn it is. 0, or -1 with endpoint.error. */
int loop_open_command_input(struct poll_loop *loop, struct loop_input *input);

/* SIGCHLD came: sees who has ended, and what that means. Nobody else looks: SIGINT, which ends them
 * and bpipe, has come before the SIGCHLD that tells of it, and is to be heard first. */
void loop_reap_commands(struct poll_loop *loop);

/* Whether an input's command has failed though its output has not ended: something that it started
 * holds the pipe open. When there is nothing to read in it, that is its end. */
bool loop_input_is_doomed(const struct loop_input *input);

/* Whether a producer has yet to say whether the end of its output was its end. */
bool loop_awaits_producers(const struct poll_loop *loop);

/* All that is to be confirmed has been told the end: now the commands are, if it is true. */
void loop_release_commands(struct poll_loop *loop);

/* One look at a command that was told the end: whether it has exited. */
bool loop_confirm_command(struct poll_loop *loop, struct loop_output *output);

/* Whether only commands are waited for, of which a signal will tell. */
bool loop_awaits_commands_only(const struct poll_loop *loop);

/*
 * The inputs are closed: ends what still runs, while their inputs are open. Only those that have
 * failed by themselves are reported. After loop_begin_ending_commands() each call looks once: true
 * when nothing is left to wait for; else there is to be another look after COMMAND_LOOK_NS, or a
 * signal (the guard's end may come with no SIGCHLD left). loop_hasten_commands(): harder.
 */
#define COMMAND_LOOK_NS UINT64_C(50000000)
void loop_begin_ending_commands(struct poll_loop *loop);
bool loop_end_commands(struct poll_loop *loop);
void loop_hasten_commands(struct poll_loop *loop);

#endif
