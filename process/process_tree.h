/*
 * process_tree.h - a process and its descendants, to send a signal to all of them.
 *
 * POSIX knows only process groups, and commands share bpipe's (so that ^C reaches them), unless
 * they make their own (timeout(1), setsid(1)). Linux tells the parent and start time of each
 * process (proc(5), /proc/pid/stat). A descendant whose parent has died belongs to init; so what
 * was seen once is remembered, with its start time, by which a process is told from a later one of
 * the same number. One that was never seen, and whoever else reads certain pipes, is known by that.
 * Where there is no /proc, or not Linux's, ps(1) tells whose children there are, and nothing tells
 * who reads.
 */
#ifndef BPIPE_PROCESS_TREE_H
#define BPIPE_PROCESS_TREE_H

#include "process/held_pipes.h"

#include <stddef.h>
#include <sys/types.h>

struct process {
    pid_t pid;
    unsigned long long start; /* in ticks since boot; 0: unknown */
};

struct process_tree {
    struct process *processes; /* owned */
    size_t count, room;
    const struct held_pipes *pipes; /* who reads them belongs to it, too; NULL: none */
};

/* A root; one that is there already is not there twice. 0, or -1 with errno ENOMEM. Dropping one
 * that is not there is harmless. */
int process_tree_add(struct process_tree *tree, pid_t pid);
void process_tree_drop(struct process_tree *tree, pid_t pid);

/* Forgets those that are gone (a zombie is), and adds all descendants of those that are there, and
 * who reads the pipes: but not this process, its parent, or init. How many it added. */
size_t process_tree_update(struct process_tree *tree);

/* Sends a signal to all, to parents before their children. */
void process_tree_kill(const struct process_tree *tree, int signal);

/* SIGCONT to all, to children before their parents. For where a parent exits that was continued,
 * the process group of a child may become orphaned, and who is stopped there gets SIGHUP (POSIX,
 * _exit()). */
void process_tree_continue(const struct process_tree *tree);

/*
 * SIGSTOP to all, until an update finds no more of them: no process that is stopped forks, or
 * learns of another's end, so that all who are there are known, and can be sent a signal before any
 * of them does something about it. Waits until they have stopped, or about 0.1 s: who waits for a
 * disk, or is another user's, does not. One that blocks SIGTERM just then is continued, and stopped
 * a little later: it may be about to fork, and what is sent to it now would come too late. The
 * caller continues them (process_tree_continue()).
 */
void process_tree_stop(struct process_tree *tree);

void process_tree_destroy(struct process_tree *tree);

#endif
