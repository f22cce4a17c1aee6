/*
 * command.h - a program that bpipe starts itself: its stdout is an input (--from), or its stdin an
 * output (--to).
 *
 * It runs in bpipe's process group (^C reaches it), with the signal dispositions and the mask that
 * bpipe was started with, and with three descriptors: the pipe, and of bpipe's own stdin, stdout
 * and stderr, as they were when bpipe was started (closed ones are closed), those that the pipe
 * does not take the place of.
 * (O_NONBLOCK is on our end of the pipe only: the ends have descriptions of their own, pipe(7).)
 * An input that bpipe itself reads from stdin is not shared: a command's stdin is /dev/null then.
 * Other descriptors that bpipe has inherited are inherited by it as well, unless bpipe was told to
 * use them (fd://N); none that bpipe has opened is.
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

/* What bpipe was started with, and commands are, too. */
struct command_standard {
    int fd[3]; /* copies of 0, 1 and 2, closed on exec; -1: it was closed, COMMAND_NOTHING: to be
                  /dev/null */
    sigset_t ignored, mask;        /* signals */
    const struct options *options; /* they say which other descriptors are bpipe's */
};

/* Takes the copies, if there is any command: 0, or -1 with errno. To be done before anything sets
 * flags on these descriptors or takes their place, and before signals_open(). The options have to
 * outlive it. Closes the copies. */
int command_save_standard(struct command_standard *standard, const struct options *options);
void command_forget_standard(struct command_standard *standard);

enum { COMMAND_ENDING_TEXT = 96 };

struct command {
    const struct command_spec *spec; /* options/options.h */
    bool writes;                     /* bpipe writes to it */
    int pipe[2];                     /* -1: closed. Ours, and its own until it has started */
    pid_t pid;                       /* 0: not started */
    bool ended;                      /* and reaped: the rest is known */
    int status;                      /* waitpid(2); -1: somebody else has reaped it */
    bool usage_known;
    uint64_t cpu_ns;            /* user and system time, its own reaped children included */
    uint64_t peak_memory_bytes; /* ru_maxrss: of the largest of these */
};

void command_init(struct command *command, const struct command_spec *spec, bool writes);

/* Makes the pipe. Ours is nonblocking; both are closed on exec and above 2. 0, or -1 with errno. */
int command_open(struct command *command);

/*
 * Starts it; its end of the pipe is closed here then. 0, or -1 with errno, which may be why the
 * program cannot be run (ENOENT, EACCES): with sh -c the shell says that, and exits with 127 or
 * 126.
 *
 * The guard hears of it (guard_add()) from the new process, before that runs the program; so there
 * is no moment at which bpipe can be killed and the guard does not know of a command.
 */
int command_start(struct command *command, const struct command_standard *standard,
                  const struct guard *guard);

/* Our end of the pipe, for endpoint_open_pipe(), whose it is from now on. */
int command_take(struct command *command);

/* Whether it has ended, without waiting. The first time that it has, it is reaped: the guard is to
 * be told then (guard_drop()). */
bool command_has_ended(struct command *command);

/* Whether it has ended with exit status 0. */
bool command_succeeded(const struct command *command);

/* Whether SIGPIPE has ended it, or (128 + SIGPIPE, as a shell says it) a part of it: its own reader
 * had gone. */
bool command_broke_pipe(const struct command *command);

/* How it ended: "exited with status 3", "exited with status 127 (not found)", "exited with status
 * 126 (cannot be executed)", "exited with status 137 (128 + signal 9: SIGKILL)", "killed by signal 9
 * (SIGKILL)", "ended with unknown status". Returns `text`. */
const char *command_ending(const struct command *command, char text[COMMAND_ENDING_TEXT]);

/* Closes what is open of the pipe. Does not wait for it, nor end it: process/guard.h. */
void command_close(struct command *command);

#endif
