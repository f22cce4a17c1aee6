/*
 * atomic_file.h - a file that appears whole or not at all (--atomic).
 *
 * The bytes go to an unnamed file in the target's directory (O_TMPFILE, open(2)), or if the system
 * has no such files, to a hidden file beside the target, ".NAME.bpipe-PID". The file gets the
 * target's name only when all bytes are written and synced. If the target did not exist, link(2)
 * gives the name to an unnamed file, and to any file with --no-clobber; otherwise rename(2) does. A
 * symbolic link is followed, and stays. An existing target keeps its mode, and its owner if bpipe
 * may set it. A target that is not a regular file or may not be written is refused.
 */
#ifndef BPIPE_ATOMIC_FILE_H
#define BPIPE_ATOMIC_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

struct atomic_file {
    char *target;    /* with symbolic links followed; NULL: not atomic */
    char *temporary; /* the hidden name beside the target; the file has it only while `named` */
    bool named;
    bool exclusive; /* --no-clobber: the target must not exist at the end, either */
    bool replaces;  /* the target existed; `before` is its status at that time */
    struct stat before;
};

/* Returns a descriptor open for writing, or -1 with errno: EEXIST with `exclusive` if the target
 * exists, EINVAL if it is not a regular file. */
int atomic_file_open(struct atomic_file *file, const char *path, bool exclusive);

/* To be called when all bytes are written: sets mode and owner, and syncs. 0, or -1 with errno. */
int atomic_file_sync(const struct atomic_file *file, int fd);

/* Gives `fd`, which must be synced, the target's name. 0, or -1 with errno. */
int atomic_file_publish(struct atomic_file *file, int fd);

/* Forgets the file and removes its temporary name. It must be called at the end in any case. */
void atomic_file_close(struct atomic_file *file);

#endif
