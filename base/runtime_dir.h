/*
 * runtime_dir.h - the folder where a user's programs keep sockets and locks while they run.
 *
 * It is $XDG_RUNTIME_DIR (XDG Base Directory Specification), else /run/user/UID, else $HOME/.bpipe.
 * bpipe creates the last one with mode 0700, if $HOME belongs to the user, and removes it when it
 * is empty. A folder is used only if it belongs to the effective user and no other user may write
 * to it; others are skipped. The superuser under sudo(8) is another user, with another folder. The
 * next program removes files that a killed program leaves there (control/runtime_sweep.h).
 */
#ifndef BPIPE_RUNTIME_DIR_H
#define BPIPE_RUNTIME_DIR_H

enum { RUNTIME_DIRS = 3 };

/* The names in the folder: bpipe-NUMBER with one of these suffixes, or bpipe-KIND-NUMBER. */
#define RUNTIME_PREFIX     "bpipe-"
#define RUNTIME_SOCKET     ".sock"
#define RUNTIME_NEW_SOCKET ".bind" /* of the same length; a socket that does not listen yet */

/* FOLDER/bpipe-KIND-NUMBER, or FOLDER/bpipe-NUMBER.sock if `kind` is NULL, in the first usable
 * folder. Returns malloc()ed memory, or NULL if there is none. */
char *runtime_path(const char *kind, long number);

/* The same in the folder `which` < RUNTIME_DIRS if it exists; nothing is created. It serves to look
 * for a file that another process of the user has put into the first usable folder of its own,
 * which may differ from ours: a daemon has another environment. */
char *runtime_path_in(unsigned which, const char *kind, long number);

/* If no folder can be used: $XDG_RUNTIME_DIR, or if that is not set, an existing $HOME/.bpipe, and
 * why, as "FOLDER: REASON", malloc()ed. Otherwise NULL. */
char *runtime_dir_refused(void);

/* After the file `path` of runtime_path() was removed: removes its folder if that is $HOME/.bpipe,
 * which bpipe creates, and it is empty. Any bpipe may do so, because the one that created it may
 * have ended while others still used it. NULL does nothing. Keeps errno. */
void runtime_path_gone(const char *path);

/* The folder `which` itself, malloc()ed, or NULL if it does not exist or must not be used. */
char *runtime_dir(unsigned which);

#endif
