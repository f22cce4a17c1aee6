/*
 * atomic_file.h - a file that appears whole or not at all (--atomic).
 *
 * The bytes go to an unnamed file in the target's directory (O_TMPFILE, open(2)), or where there is
 * no such thing to a hidden one beside it, ".NAME.bpipe-PID". Only when all is written and synced
 * does it get the target's name, by link(2) if there was no such file, else by rename(2).
 * A symbolic link is followed, and stays; an existing target keeps its mode, and its owner where
 * bpipe may set it; one that is no regular file or may not be written is refused.
 */
#ifndef BPIPE_ATOMIC_FILE_H
#define BPIPE_ATOMIC_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

struct atomic_file {
    char *target;    /* with symbolic links followed; NULL: not atomic */
    char *temporary; /* the name beside it; the file has it only while `named` */
    bool named;
    bool exclusive; /* --no-clobber: the target must not exist at the end either */
    bool replaces;  /* the target existed; `before` is what it was */
    struct stat before;
};

/* A descriptor open for writing, or -1 with errno; EEXIST with `exclusive` if the target is there,
 * EINVAL if it is no regular file. */
int atomic_file_open(struct atomic_file *file, const char *path, bool exclusive);

/* All is written: sets mode and owner, and syncs. 0, or -1 with errno. */
int atomic_file_sync(const struct atomic_file *file, int fd);

/* Gives `fd`, which is synced, the target's name. 0, or -1 with errno. */
int atomic_file_publish(struct atomic_file *file, int fd);

/* Forgets the file, removing a temporary name. Call it in the end in any case. */
void atomic_file_close(struct atomic_file *file);

#endif
