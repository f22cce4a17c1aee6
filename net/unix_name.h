/*
 * unix_name.h - the name of a listening unix socket in the file system.
 *
 * A process killed by SIGKILL leaves its name behind. bpipe takes over the name of a socket
 * that no process has open, and leaves everything else alone. To find out, it connects a datagram
 * socket to the name: a live stream socket refuses that as the wrong type (EPROTOTYPE; connect(2)).
 * So a listener does not take the attempt for a peer, as it would with a stream socket.
 *
 * Nothing in POSIX keeps two processes apart that take over the same name at the same moment: one
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

/* Binds `fd` to the name `path`, to which it keeps a pointer; `address` is the same name for
 * bind(2). NULL, or the reason of the failure: "exists and is not a socket". */
const char *unix_name_bind(struct unix_name *name, const char *path, int fd,
                           const struct sockaddr *address, socklen_t length);

/* Renames it to `path`, to which it keeps a pointer, and replaces a name left behind there. NULL,
 * or the reason of the failure; then it still has the old name. */
const char *unix_name_change(struct unix_name *name, const char *path);

/* Removes `path` if it is the name of a socket that no process has open. The caller must know that
 * no process is inside bind(2) there, because bind(2) makes the name before the socket has it. */
void unix_name_sweep(const char *path);

/* Removes the name, if one was made and the path still refers to the same socket; harmless twice.
 * It must be called while the socket is open: until then no other file can get its inode number. */
void unix_name_remove(struct unix_name *name);

#endif
