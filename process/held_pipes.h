/*
 * held_pipes.h - write ends of pipes that are held so that their readers see no end, and who reads.
 *
 * Whether somebody reads is what poll(2) says of a write end, or epoll(7), on Linux, if poll()
 * fails. While neither can tell, an end counts as read. Who it is, and which pipes a process writes
 * to, is known from /proc/pid/fd (proc(5)): where there is no such thing, or for processes that we
 * may not look at, nobody and none. Only pipes are meant, not FIFOs that have a name: to look at
 * what another process has open by that might wait for a network.
 */
#ifndef BPIPE_HELD_PIPES_H
#define BPIPE_HELD_PIPES_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct held_pipes {
    struct pollfd *fds; /* the caller's; `events` is 0 */
    size_t count, room;
};

/* Takes a write end. Without room it is closed. */
void held_pipes_add(struct held_pipes *ends, int fd);

/* Opens, and takes, a write end of each pipe that the process has open for writing and that is not
 * there yet, nor the one that `but` is an end of (-1: none), as far as there is room. */
void held_pipes_keep(struct held_pipes *ends, pid_t pid, int but);

/* Whether anybody reads one of them; whether this process does. */
bool held_pipes_are_read(const struct held_pipes *ends);
bool held_pipes_are_read_by(const struct held_pipes *ends, pid_t pid);

/* Closes those that nobody reads any more. Closes all. */
void held_pipes_close_unread(struct held_pipes *ends);
void held_pipes_close(struct held_pipes *ends);

#endif
