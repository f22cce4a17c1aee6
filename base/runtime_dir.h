/*
 * runtime_dir.h - where a user's programs keep sockets and locks while they run.
 *
 * $XDG_RUNTIME_DIR (XDG Base Directory Specification), else /run/user/UID, else $HOME/.bpipe, which
 * is made with mode 0700, if that $HOME is the user's. Only a folder that belongs to the effective
 * user and that nobody else may write to is used; one that is not is passed over. A superuser by
 * sudo(8) is another user, and has another folder. What a killed program leaves there is removed
 * by the next one (control/runtime_sweep.h).
 */
#ifndef BPIPE_RUNTIME_DIR_H
#define BPIPE_RUNTIME_DIR_H

enum { RUNTIME_DIRS = 3 };

/* What is there: bpipe-NUMBER and one of these, or bpipe-KIND-NUMBER. */
#define RUNTIME_PREFIX     "bpipe-"
#define RUNTIME_SOCKET     ".sock"
#define RUNTIME_NEW_SOCKET ".bind" /* of the same length; a socket that does not listen yet */

/* FOLDER/bpipe-KIND-NUMBER, or FOLDER/bpipe-NUMBER.sock for a NULL kind, in the first of these
 * folders that can be used: malloc()ed, or NULL where there is none. */
char *runtime_path(const char *kind, long number);

/* The same in the folder `which` < RUNTIME_DIRS, if it is there: nothing is made. To look for
 * what another process of the user has put into his first one, which may not be ours: a daemon's
 * environment is another one. */
char *runtime_path_in(unsigned which, const char *kind, long number);

/* The folder `which` itself, malloc()ed, or NULL: it is not there, or not to be used. */
char *runtime_dir(unsigned which);

#endif
