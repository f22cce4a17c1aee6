/*
 * held_pipes.h - write ends of pipes that are held so that their readers see no end of file, and
 * the processes that read them.
 *
 * poll(2) on a write end tells whether a process reads it, or epoll(7), on Linux, if poll() fails.
 * If neither can tell, the pipe counts as read. /proc/pid/fd (proc(5)) tells which process it is,
 * and which pipes a process writes to. Where there is no /proc, or for processes that bpipe may not
 * inspect, no process and no pipe is found. Only pipes are included, not FIFOs that have a name:
 * looking at another process's open files by name might wait for a network.
 */
#ifndef BPIPE_HELD_PIPES_H
#define BPIPE_HELD_PIPES_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct held_pipes {
    struct pollfd *fds; /* owned by the caller; `events` is 0 */
    size_t count, room;
};

/* Takes ownership of a write end. If there is no room, closes it. */
void held_pipes_add(struct held_pipes *ends, int fd);

/* Opens, and takes, a write end of each pipe that the process has open for writing, as far as there
 * is room. Leaves out pipes that are already there, and the pipe of which `but` is an end (-1:
 * none). */
void held_pipes_keep(struct held_pipes *ends, pid_t pid, int but);

/* Whether any process, or this process, reads one of them. */
bool held_pipes_are_read(const struct held_pipes *ends);
bool held_pipes_are_read_by(const struct held_pipes *ends, pid_t pid);

/* held_pipes_close_unread(): closes those that no process reads any more. held_pipes_close():
 * closes all. */
void held_pipes_close_unread(struct held_pipes *ends);
void held_pipes_close(struct held_pipes *ends);

#endif
