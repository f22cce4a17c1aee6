/*
 * commands.h - the loop's commands (--from, --to): how they are started, and how the end of a
 * command and the end of the stream become one.
 *
 * The end of a --from command's output is the end of the stream only if the command then exits with
 * 0. So even if the inputs have ended and the buffer is drained, the outputs see no end until all
 * these commands were reaped (SIGCHLD). If one failed, the run has failed, too: the --to commands
 * are ended while their inputs are open (process/guard.h), and never see an end.
 *
 * A --to command may leave before the end; its exit status decides what that means. If a command
 * closed its input, or its pipe returns EPIPE, bpipe waits for it to exit (`gone`). If it exits
 * with 0, or by SIGPIPE, it is a reader that has gone (loop/failure.h): if it was the last output,
 * the run ends by SIGPIPE; otherwise the other outputs still see the true end. With any other
 * status it has failed. When the end is true, bpipe closes the pipes and waits for the commands to
 * exit. A command that then exits with 0, but left bytes unread in its pipe, also counts as gone
 * before the end.
 */
#ifndef BPIPE_LOOP_COMMANDS_H
#define BPIPE_LOOP_COMMANDS_H

#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a producer whose output is no longer read has to notice that, before bpipe ends it. */
#define COMMAND_GRACE_NS UINT64_C(1000000000)

/* Allocates memory, and begins to watch SIGCHLD. `standard` must outlive the loop. Returns 0, or -1
 * with errno. */
int loop_init_commands(struct poll_loop *loop, const struct command_standard *standard);
void loop_destroy_commands(struct poll_loop *loop);

/* Makes the pipe of a --to command. Returns 0, or -1 with endpoint.error. */
int loop_open_command_output(struct poll_loop *loop, struct loop_output *output);

/* All outputs are open: starts the guard and the --to commands. Returns false after a message: the
 * run is off. */
bool loop_start_commands(struct poll_loop *loop);

/* Starts a --from command when its turn has come. Returns 0, or -1 with endpoint.error. */
int loop_open_command_input(struct poll_loop *loop, struct loop_input *input);

/* SIGCHLD came: finds the commands that have ended, and decides what their ends mean. No other
 * function looks for them: a SIGINT that ends the commands and bpipe comes before the SIGCHLD of
 * the commands, and has to be handled first. */
void loop_reap_commands(struct poll_loop *loop);

/* Whether an input's command has failed although its output has not ended: a process that the
 * command started holds the pipe open. The input then ends when there is nothing to read in the
 * pipe. */
bool loop_input_is_doomed(const struct loop_input *input);

/* Whether the output of a producer has ended and the producer has not exited yet, so that it is not
 * known whether the end is true. */
bool loop_awaits_producers(const struct poll_loop *loop);

/* All other outputs that must confirm the end have seen it. If the end is true, closes the pipes to
 * the commands, so that they see it, too. */
void loop_release_commands(struct poll_loop *loop);

/* A command that has seen the end has exited: its output has failed if the command did, or if it
 * left bytes unread. */
void loop_judge_confirmed(struct poll_loop *loop, struct loop_output *output);

/* Whether bpipe waits only for commands, so that SIGCHLD is the next event. */
bool loop_awaits_commands_only(const struct poll_loop *loop);

/*
 * The inputs are closed: ends the commands that still run, while their inputs are open. Only
 * commands that failed by themselves are reported. After loop_begin_ending_commands(), each call of
 * loop_end_commands() looks once, and returns true when nothing is left to wait for. Otherwise,
 * call it again after COMMAND_LOOK_NS or after a signal (the guard may end with no SIGCHLD left).
 * loop_hasten_commands() takes the next, harder step at once: SIGTERM, or SIGKILL if the commands
 * have got SIGTERM already.
 */
#define COMMAND_LOOK_NS UINT64_C(50000000)
void loop_begin_ending_commands(struct poll_loop *loop);
bool loop_end_commands(struct poll_loop *loop);
void loop_hasten_commands(struct poll_loop *loop);

/* While commands are being ended: whether only commands of --from still run. */
bool loop_awaits_producers_only(const struct poll_loop *loop);

/* The same: all commands that still run kept bpipe waiting for `ns`. */
void loop_commands_waited(struct poll_loop *loop, uint64_t ns);

#endif
