/*
 * process_tree.h - a process and its descendants, to send a signal to all of them.
 *
 * POSIX knows only process groups. Commands share bpipe's group (so that ^C reaches them), unless
 * they make their own (timeout(1), setsid(1)). Linux tells the parent and the start time of each
 * process (proc(5), /proc/pid/stat). A descendant whose parent has died belongs to init. So
 * processes that were seen once are remembered with their start time, which distinguishes a process
 * from a later one with the same number. A descendant that was never seen, and any other process
 * that reads certain pipes, is found by its descriptors. Without Linux's /proc, ps(1) shows the
 * parents, and the readers are unknown.
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
    const struct held_pipes *pipes; /* their readers belong to the tree, too; NULL: none */
};

/* Adds a root, unless it is there already. Returns 0, or -1 with errno ENOMEM. Dropping a process
 * that is not there is harmless. */
int process_tree_add(struct process_tree *tree, pid_t pid);
void process_tree_drop(struct process_tree *tree, pid_t pid);

/* Forgets processes that are gone (zombies count as gone). Adds all descendants of those that
 * exist, and the readers of the pipes, except this process, its parent and init. Returns how many
 * it added. */
size_t process_tree_update(struct process_tree *tree);

/* Sends a signal to all, to parents before their children. */
void process_tree_kill(const struct process_tree *tree, int signal);

/* Sends SIGCONT to all, to children before their parents. If a parent that was continued exits, the
 * process group of a child may become orphaned, and a process stopped there gets SIGHUP (POSIX,
 * _exit()). */
void process_tree_continue(const struct process_tree *tree);

/*
 * Sends SIGSTOP to all, until an update finds no more processes. A stopped process neither forks
 * nor learns that another one has ended, so all existing processes are known, and can be sent a
 * signal before any of them reacts. Waits until they have stopped, or about 0.1 s: a process that
 * waits for a disk, or belongs to another user, does not stop. A process that blocks SIGTERM at
 * that moment is continued, and stopped a little later: it may be about to fork, and a signal sent
 * to it now would come too late. The caller continues the processes (process_tree_continue()).
 */
void process_tree_stop(struct process_tree *tree);

void process_tree_destroy(struct process_tree *tree);

#endif
