/*
 * guard.h - a process of our own that outlives us long enough: no false end of file, no orphans.
 *
 * A command that reads from bpipe (--to) takes the end of its input for the end of the stream,
 * also when bpipe is killed (kill -9, the OOM killer) and the kernel closes its descriptors. So a
 * forked process holds the write ends of these pipes, too, and lets them go only when it is told
 * that the end is true. If bpipe dies before that, it ends the commands while their inputs are
 * still open. It is also who ends them when bpipe itself has failed.
 *
 * To end a command is: SIGSTOP to its process, to all descendants of it, whatever their group or
 * session, and to whoever reads a pipe that is held (a daemon has another parent, and is meant only
 * if it does); SIGTERM to all of them; SIGCONT to all of them, children before their parents; so
 * none acts on another's end, or forks unseen, before it is told. While they are stopped, a child
 * of the guard is a member of their process group: without a parent outside the group, which the
 * first that exits may have been, the kernel sends SIGHUP to a group with stopped members
 * (setpgid(2), orphaned process groups). What they start after that is how they clean up, and
 * gets no SIGTERM. After kill_after_ns (0: never) all of them, and what they have started, get
 * SIGKILL. (Without /proc only the process itself is known: process/process_tree.h.)
 *
 * One of a pipeline may outlive the one before it. So before SIGTERM the guard opens the pipes that
 * they write to as well, and holds these as long as any of them is there.
 *
 * If all that did not help, as somebody whom we cannot see or may not signal (sudo) still reads, a
 * child of the guard goes on holding what is read, as long as it is.
 *
 * The guard shares nothing else with bpipe: every other descriptor is closed in it, the signals
 * that end or stop a job are ignored in it, it is a process group of its own (kill -9 of all of
 * bpipe's is not for it), and it makes no sound. Only a pipe leads to it, whose
 * end of file means that bpipe is gone. The guard is a child of bpipe, to be reaped; ps -o comm
 * calls it bpipe-guard. What memory bpipe has written to when it forks is shared, and copied when
 * bpipe writes there again: so it is for the beginning.
 */
#ifndef BPIPE_GUARD_H
#define BPIPE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct guard {
    pid_t pid; /* 0: there is none */
    int fd;    /* the pipe to it, nonblocking; -1: there is none */
};

/* The guard's exit status when it goes on holding a pipe that is still read. */
enum { GUARD_HOLDS_ON = 1 };

/* Forks a guard, after signals_open() (SIGPIPE must be ignored), that holds the `count` descriptors
 * `held`. 0, or -1 with errno, and nothing is there. Close-on-exec is set on the pipe; its number
 * is above 2. */
int guard_start(struct guard *guard, const int *held, size_t count, uint64_t kill_after_ns);

/* A command is about to run (command_start() says so); or has ended and was reaped, so that its
 * number means nothing more. */
void guard_add(const struct guard *guard, pid_t pid);
void guard_drop(const struct guard *guard, pid_t pid);

/* The end is true: lets go of what it holds. From here on the death of bpipe is not its concern.
 * This and what follows wake a guard that was stopped. */
void guard_release(const struct guard *guard);

/* Ends the commands and all below them; with `at_once` by SIGKILL. When they are gone, or after a
 * second in which nothing more could be done, it lets go of what nobody reads, and exits. */
void guard_end(const struct guard *guard, bool at_once);

/* Closes the pipe. The guard exits when nothing is left to do: at once, if it was told to release
 * what it holds, or knows of no command. Harmless without a guard. */
void guard_close(struct guard *guard);

#endif
