/*
 * guard.h - a process of bpipe's own that outlives bpipe, so that no command sees a false end of
 * file, and no command stays behind.
 *
 * A command that reads from bpipe (--to) takes the end of its input for the end of the stream, even
 * if bpipe was killed (kill -9, the OOM killer) and the kernel closed its descriptors. So a forked
 * process, the guard, also holds the write ends of these pipes. It releases them only when bpipe
 * says that the end is true. If bpipe dies before that, the guard ends the commands while their
 * inputs are still open. It also ends them if bpipe itself has failed.
 *
 * The guard ends a command as follows. It sends SIGSTOP to the command's process, to all
 * descendants of it, in any group or session, and to every process that reads a held pipe. (A
 * daemon has another parent, and is included only if it reads one.) Then it sends SIGTERM to all of
 * them, and SIGCONT to all of them, children before their parents. So no process reacts to the end
 * of another, or forks unseen, before it gets SIGTERM. While they are stopped, a child of the
 * guard is a member of their process group. It has a parent outside the group; the only other
 * process that has one may be the first to exit. The kernel sends SIGHUP to a group with stopped
 * members that has no such process (setpgid(2), orphaned process groups). Processes that they start
 * after that belong to their cleanup, and get no SIGTERM. After kill_after_ns (0: never) all of
 * them, and the processes that they have started, get SIGKILL. (Without /proc only the process
 * itself is known: process/process_tree.h.)
 *
 * A process of a pipeline may outlive the one before it. So before SIGTERM the guard also opens the
 * pipes that these processes write to, and holds them as long as any of the processes exists.
 *
 * If a process that the guard cannot see or may not signal (sudo) still reads after all that, a
 * child of the guard continues to hold the pipes that are read, as long as they are.
 *
 * The guard shares nothing else with bpipe. All other descriptors are closed in it, and the signals
 * that end or stop a job are ignored. It has a process group of its own (a kill -9 of bpipe's whole
 * group does not reach it), and it prints nothing. Only a pipe leads to it; the end of file on it
 * means that bpipe is gone. (There is none while another guard has that pipe open: guard_close().)
 * The guard is a child of bpipe, and must be reaped. ps -o comm shows it as bpipe-guard. Memory
 * that bpipe has written to before the fork is shared, and copied when bpipe writes there again: so
 * start the guard early.
 */
#ifndef BPIPE_GUARD_H
#define BPIPE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct guard {
    pid_t pid; /* 0: no guard */
    int fd;    /* the pipe to it, nonblocking; -1: no guard */
};

/* The guard's exit status if it continues to hold a pipe that is still read. */
enum { GUARD_HOLDS_ON = 1 };

/* Forks a guard that holds the `count` descriptors `held`. Call it after signals_open() (SIGPIPE
 * must be ignored). When it returns, the guard has closed all other descriptors, so it is no reader
 * of a command's pipe. (Without a spare descriptor that comes a moment later.) Returns 0, or -1
 * with errno, and then no guard exists. The pipe is closed on exec; its number is above 2. */
int guard_start(struct guard *guard, const int *held, size_t count, uint64_t kill_after_ns);

/* guard_add(): a command is about to run (command_start() calls it). guard_drop(): it has ended and
 * was reaped, so its process id no longer means anything. */
void guard_add(const struct guard *guard, pid_t pid);
void guard_drop(const struct guard *guard, pid_t pid);

/* The end is true: the guard releases the held pipes. From then on it does nothing if bpipe dies.
 * This function and the following ones wake a guard that was stopped. */
void guard_release(const struct guard *guard);

/* Ends the commands and all their descendants; `at_once`: with SIGKILL. The guard then releases the
 * pipes that are not read, and exits: when all are gone, or after a second in which nothing more
 * could be done. */
void guard_end(const struct guard *guard, bool at_once);

/* bpipe and the commands are about to be stopped, and go on: the time between these calls does not
 * count against kill_after_ns. If bpipe is killed between them, it counts from then on. */
void guard_pause(const struct guard *guard);
void guard_resume(const struct guard *guard);

/* Closes the pipe. The guard exits when nothing is left to do: at once, if guard_release() was
 * called, or if it knows no command. Harmless without a guard. */
void guard_close(struct guard *guard);

#endif
