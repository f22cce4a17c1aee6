/*
 * command.h - a program that bpipe starts: its stdout is an input (--from), or its stdin an output
 * (--to).
 *
 * The command runs in bpipe's process group (^C reaches it), with the signal dispositions and the
 * mask that bpipe was started with. It has three descriptors: the pipe, in place of its stdin or
 * stdout, and for the others bpipe's own stdin, stdout and stderr as they were when bpipe was
 * started (closed ones are closed). (O_NONBLOCK is set only on bpipe's end of the pipe: the ends
 * have separate descriptions, pipe(7).) An input that bpipe itself reads from stdin is not shared:
 * then a command's stdin is /dev/null. The command also inherits other descriptors that bpipe has
 * inherited, unless bpipe was told to use them (fd://N). It inherits none that bpipe has opened.
 */
#ifndef BPIPE_COMMAND_H
#define BPIPE_COMMAND_H

#include "options/options.h"
#include "process/guard.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { COMMAND_NOTHING = -2 };

/* The environment that bpipe was started with, and starts commands with. */
struct command_standard {
    int fd[3]; /* copies of 0, 1 and 2, closed on exec; -1: it was closed; COMMAND_NOTHING: the
                  command gets /dev/null */
    sigset_t ignored, mask;        /* signals */
    const struct options *options; /* say which other descriptors are bpipe's */
};

/* command_save_standard(): makes the copies, if there is any command. Returns 0, or -1 with errno.
 * Call it before anything sets flags on these descriptors or takes their place, and before
 * signals_open(). The options must outlive `standard`. command_forget_standard(): closes the
 * copies. */
int command_save_standard(struct command_standard *standard, const struct options *options);
void command_forget_standard(struct command_standard *standard);

enum { COMMAND_ENDING_TEXT = 96 };

struct command {
    const struct command_spec *spec; /* options/options.h */
    bool writes;                     /* bpipe writes to it */
    int pipe[2];                     /* -1: closed. bpipe's end; the command's until it starts */
    pid_t pid;                       /* 0: not started */
    bool ended;                      /* and was reaped: the fields below are set */
    int status;                      /* from waitpid(2); -1: another process reaped it */
    bool usage_known;
    uint64_t cpu_ns;            /* user and system time, including its own reaped children */
    uint64_t peak_memory_bytes; /* ru_maxrss: of the largest of these processes */
};

void command_init(struct command *command, const struct command_spec *spec, bool writes);

/* Makes the pipe. bpipe's end is nonblocking; both ends are closed on exec and above 2. Returns 0,
 * or -1 with errno. */
int command_open(struct command *command);

/*
 * Starts the command, and closes its end of the pipe in bpipe. Returns 0, or -1 with errno, which
 * may be the reason why the program cannot be run (ENOENT, EACCES). With sh -c the shell reports
 * that, and exits with 127 or 126.
 *
 * The new process tells the guard about itself (guard_add()) before it runs the program. So there
 * is no moment at which bpipe can be killed while the guard does not know a command.
 */
int command_start(struct command *command, const struct command_standard *standard,
                  const struct guard *guard);

/* bpipe's end of the pipe, for endpoint_open_pipe(), which owns it from then on. */
int command_take(struct command *command);

/* Whether it was started and is not known to have ended. */
bool command_runs(const struct command *command);

/* Whether the command has ended, without waiting. The first time that it has, it is reaped: then
 * tell the guard (guard_drop()). */
bool command_has_ended(struct command *command);

/* Whether the command has ended with exit status 0. */
bool command_succeeded(const struct command *command);

/* Whether SIGPIPE has ended the command, or a part of it (128 + SIGPIPE, as a shell reports it):
 * the reader of its output had gone. */
bool command_broke_pipe(const struct command *command);

/* How the command ended: "exited with status 3", "exited with status 127 (not found)", "exited with
 * status 126 (cannot be executed)", "exited with status 137 (128 + signal 9: SIGKILL)", "killed by
 * signal 9 (SIGKILL)", "ended with unknown status". Returns `text`. */
const char *command_ending(const struct command *command, char text[COMMAND_ENDING_TEXT]);

/* Closes the open ends of the pipe. Neither waits for the command, nor ends it: process/guard.h. */
void command_close(struct command *command);

#endif
