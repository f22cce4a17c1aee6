/*
 * peer.h - who is at the other end of a pipe, or of a socket.
 *
 * The links in /proc/PID/fd (proc(5)) of those processes that one may look at tell by their text
 * which pipe or FIFO a descriptor is, and by their mode which end of it. Looking at them takes long
 * where there are many processes, so it is done in steps, each of which looks at PEER_STEP links:
 * first at bpipe's own process group, where a shell puts a pipeline, and for what is not found
 * there at all others.
 *
 * Several processes may hold an end: a subshell and the command that it waits for, a shell's loop
 * and what runs in it. It is the one that has used the most processor time; of equals, the one that
 * /proc lists first.
 *
 * Linux only: elsewhere nothing is found. Nothing here waits, but for /proc, and no file or socket
 * of another process is touched.
 */
#ifndef BPIPE_PEER_H
#define BPIPE_PEER_H

#include "stats/meter.h"

#include <stdbool.h>
#include <stddef.h>

enum { PEER_STEP = 64 };

/* Our end of a pipe or FIFO whose other end is looked for. */
struct peer_pipe {
    int fd;
    bool writes;             /* we write to it: the other end reads */
    struct meter_peer *peer; /* of that endpoint: filled when found */
};

struct peer_search; /* opaque */

/*
 * Begins to look for the other ends of `count` pipes; what is no pipe is passed over. The array is
 * copied, and the descriptors are looked at now only: they may be closed meanwhile. NULL: no
 * memory, no /proc, or nothing to look for.
 */
struct peer_search *peer_search_begin(const struct peer_pipe pipes[], size_t count);

/* Looks at the next PEER_STEP links. False: all was seen, and the peers are filled; those that
 * were not found are left as they were. Those of our own group are filled as soon as that has been
 * looked at. */
bool peer_search_step(struct peer_search *search);

/* At any time; NULL is fine. */
void peer_search_end(struct peer_search *search);

/* Whether the process in pipe->peer still has the other end, and is still called so: it has run no
 * other program. (Of one with very many descriptors not all are looked at; then it has.) */
bool peer_is_there(const struct peer_pipe *pipe);

/*
 * The address of whoever a socket is connected to: "192.0.2.7:40222", "[::1]:7"; or for a unix
 * socket, on Linux, the process that connected it, or began to listen. False: it is not connected,
 * or that cannot be told; *peer is left alone then.
 */
bool peer_of_socket(int fd, struct meter_peer *peer);

/* --- what a process is called (proc(5)) ----------------------------------------------------- */

/* Its command; of another bpipe that has a name (-N) "bpipe NAME". False: there is no such process,
 * or no /proc. */
bool peer_command(long pid, char command[METER_COMMAND_TEXT]);

/*
 * What -N, --name or an abbreviation of it gives on a command line as /proc/PID/cmdline shows it:
 * each word with a NUL after it; `words` of `length` has a NUL at its end. Points into it; NULL:
 * nothing.
 */
const char *peer_name_option(const char *words, size_t length);

#endif
