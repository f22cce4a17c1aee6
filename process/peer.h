/*
 * peer.h - finds the process at the other end of a pipe or a socket.
 *
 * The links in /proc/PID/fd (proc(5)) of the processes that bpipe may inspect tell which pipe or
 * FIFO a descriptor is, by their text, and which end of it, by their mode. Looking at all links
 * takes long if there are many processes. So it is done in steps of PEER_STEP links: first in
 * bpipe's own process group, where a shell puts a pipeline, then in all other processes for the
 * ends that were not found there.
 *
 * Several processes may hold an end: a subshell and the command that it waits for, or a shell's
 * loop and the command that runs in it. The one that has used the most processor time is chosen; of
 * equals, the one that /proc lists first.
 *
 * While it looks at the process group, a search also notices other bpipes there: other stages of
 * the same pipeline, whose reports go to the same terminal or log.
 *
 * Linux only: elsewhere nothing is found. Nothing here waits, except for /proc, and no file or
 * socket of another process is touched.
 */
#ifndef BPIPE_PEER_H
#define BPIPE_PEER_H

#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>

enum { PEER_STEP = 64 };

/* bpipe's end of a pipe or FIFO whose other end is searched for. */
struct peer_pipe {
    int fd;
    bool writes;             /* bpipe writes to it: the other end reads */
    struct meter_peer *peer; /* of that endpoint: filled in when found */
};

struct peer_search; /* opaque */

/*
 * Begins to look for the other ends of `count` pipes; descriptors that are not pipes are skipped.
 * The array is copied. The descriptors are inspected only now, and may be closed later. NULL: no
 * memory, no /proc, or nothing to look for.
 */
struct peer_search *peer_search_begin(const struct peer_pipe pipes[], size_t count);

/* Looks at the next PEER_STEP links. False: all links were seen, and the peers are filled in; peers
 * that were not found are left unchanged. Peers in bpipe's own group are filled in as soon as the
 * group has been searched. */
bool peer_search_step(struct peer_search *search);

/* Whether the search has seen another bpipe in bpipe's own process group, with the same stderr:
 * their reports have to be told apart. The clients of -R and -Q do not count. The guard and the
 * commands (--from, --to) are in another group. */
bool peer_search_saw_bpipe(const struct peer_search *search);

/* May be called at any time; NULL is harmless. */
void peer_search_end(struct peer_search *search);

/* Whether the process in pipe->peer still has the other end, and still has the same name: it has
 * run no other program. (If it has very many descriptors, not all are looked at; then the answer is
 * true.) */
bool peer_is_there(const struct peer_pipe *pipe);

/*
 * The address that a socket is connected to: "192.0.2.7:40222", "[::1]:7". For a unix socket, on
 * Linux: the process that connected it, or began to listen. False: the socket is not connected, or
 * the answer is unknown; then *peer is left unchanged.
 */
bool peer_of_socket(int fd, struct meter_peer *peer);

/* --- what a process is called (proc(5)) ----------------------------------------------------- */

/* The process's command name; "bpipe NAME" for another bpipe that has a name (-N). False: there is
 * no such process, or no /proc. */
bool peer_command(long pid, char command[METER_COMMAND_TEXT]);

#endif
