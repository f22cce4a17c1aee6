/*
 * unix_name.h - the name in the file system that a listening unix socket has.
 *
 * Whoever ends by SIGKILL leaves his behind: a name of a socket that no process has open is taken
 * over, anything else is left alone. To know, it is asked by a datagram socket: a stream socket
 * that is alive refuses that as the wrong type (EPROTOTYPE; connect(2)), so that nobody who listens
 * there takes the question for a peer, as a true connection would be.
 *
 * Two that take over the same name at the same moment are not kept apart by anything in POSIX: one
 * of them may end up without a name.
 */
#ifndef BPIPE_UNIX_NAME_H
#define BPIPE_UNIX_NAME_H

#include <sys/socket.h>
#include <sys/types.h>

struct unix_name {
    const char *path; /* NULL: none was made */
    dev_t device;
    ino_t inode;
};

/* Gives `fd` the name `path`, of which a pointer is kept; `address` is the same for bind(2). NULL,
 * or why not: "exists and is not a socket". */
const char *unix_name_bind(struct unix_name *name, const char *path, int fd,
                           const struct sockaddr *address, socklen_t length);

/* The name becomes `path`, of which a pointer is kept: what was left behind there is replaced.
 * NULL, or why not; then it is still the old one. */
const char *unix_name_change(struct unix_name *name, const char *path);

/* Removes `path` if it is the name of a socket that no process has open. The caller knows that
 * nobody is in the middle of bind(2) there, which makes the name before the socket has it. */
void unix_name_sweep(const char *path);

/* Removes the name, if one was made and it still is that one; harmless twice. To be called while
 * the socket is open: until then nothing else can get its inode number. */
void unix_name_remove(struct unix_name *name);

#endif
