/*
 * atomic_file.c - see atomic_file.h.
 *
 * Limits: kill -9 leaves a file behind if the filesystem has no O_TMPFILE, or in the moment between
 * link() and rename() when an existing target is replaced.
 */
#include "io/atomic_file.h"

#include "base/platform.h"
#include "base/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* the kernel's limit (path_resolution(7)) */

/* dirname(3) of a path in new memory, or NULL. */
static char *directory_of(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return NULL;
    char *directory = strdup(dirname(copy));
    free(copy);
    return directory;
}

/* "DIRECTORY/[.]NAME[suffix]" in new memory, or NULL. */
static char *join(const char *directory, const char *dot, const char *name, const char *suffix)
{
    size_t size = strlen(directory) + strlen(dot) + strlen(name) + strlen(suffix) + 2;
    char *path = malloc(size);
    if (path != NULL)
        snprintf(path, size, "%s/%s%s%s", directory, dot, name, suffix);
    return path;
}

/* The target of the symbolic link `path`, as a path from the current directory; NULL with errno
 * EINVAL if `path` is not a link. */
static char *follow_link(const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return NULL;
    target[length] = '\0';
    if (target[0] == '/')
        return strdup(target);
    char *directory = directory_of(path);
    char *joined = directory == NULL ? NULL : join(directory, "", target, "");
    free(directory);
    return joined;
}

/* Follows the symbolic links at the end of the path, also if the last one dangles. */
static char *resolve(const char *path)
{
    char *current = strdup(path);
    for (int links = 0; current != NULL && links < LINKS_MAX; links++) {
        char *next = follow_link(current);
        if (next == NULL)
            return current;
        free(current);
        current = next;
    }
    free(current);
    errno = current == NULL ? ENOMEM : ELOOP;
    return NULL;
}

/* Whether the target may be replaced, as far as can be told in advance. 0, or -1 with errno. */
static int check_target(struct atomic_file *file)
{
    size_t length = strlen(file->target);
    if (length == 0 || file->target[length - 1] == '/') {
        errno = length == 0 ? ENOENT : EISDIR;
        return -1;
    }
    if (stat(file->target, &file->before) != 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISREG(file->before.st_mode))
        errno = EINVAL;
    else if (file->exclusive)
        errno = EEXIST;
    else if (faccessat(AT_FDCWD, file->target, W_OK, AT_EACCESS) == 0)
        file->replaces = true;
    return file->replaces ? 0 : -1;
}

static int open_temporary(struct atomic_file *file, const char *directory)
{
    int fd = platform_open_unnamed(directory, 0666);
    if (fd >= 0)
        return fd;
    fd = retry_open(file->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    file->named = fd >= 0;
    return fd;
}

int atomic_file_open(struct atomic_file *file, const char *path, bool exclusive)
{
    *file = (struct atomic_file){.exclusive = exclusive};
    file->target = resolve(path);
    if (file->target == NULL)
        return -1;
    int fd = -1;
    char *directory = directory_of(file->target);
    char *name = strdup(file->target);
    if (directory != NULL && name != NULL && check_target(file) == 0) {
        char suffix[32];
        snprintf(suffix, sizeof suffix, ".bpipe-%ld", (long)getpid());
        file->temporary = join(directory, ".", basename(name), suffix);
        if (file->temporary != NULL)
            fd = open_temporary(file, directory);
    }
    int error = errno;
    free(directory);
    free(name);
    if (fd < 0)
        atomic_file_close(file);
    errno = error;
    return fd;
}

/* The owner is set first: chown(2) may clear set-id bits, and fchmod(2) then restores them. */
static int copy_attributes(const struct atomic_file *file, int fd)
{
    if (!file->replaces)
        return 0;
    if (fchown(fd, file->before.st_uid, file->before.st_gid) != 0 &&
        fchown(fd, (uid_t)-1, file->before.st_gid) != 0) {
        /* bpipe may not set them: the file then belongs to the user of bpipe, as a new file
         * would. */
    }
    return fchmod(fd, file->before.st_mode & 07777);
}

/* The new name must survive a crash, like the bytes. A directory that cannot be opened for reading
 * is not synced. */
static void sync_directory(const char *path)
{
    char *directory = directory_of(path);
    int fd = directory == NULL ? -1 : retry_open(directory, O_RDONLY | O_CLOEXEC, 0);
    free(directory);
    if (fd >= 0) {
        (void)retry_sync(fd);
        close(fd);
    }
}

/* Gives the file its name if no file has it; otherwise fails with EEXIST. */
static int link_target(struct atomic_file *file, int fd)
{
    if (!file->named)
        return platform_link_unnamed(fd, file->target);
    return link(file->temporary, file->target); /* atomic_file_close() removes the other name */
}

static int rename_target(struct atomic_file *file, int fd)
{
    if (!file->named) {
        if (platform_link_unnamed(fd, file->temporary) != 0)
            return -1;
        file->named = true;
    }
    if (rename(file->temporary, file->target) != 0)
        return -1;
    file->named = false;
    return 0;
}

int atomic_file_sync(const struct atomic_file *file, int fd)
{
    if (copy_attributes(file, fd) != 0)
        return -1;
    /* Some filesystems cannot sync, and return EINVAL: that is not an error. */
    return retry_sync(fd) == 0 || errno == EINVAL ? 0 : -1;
}

int atomic_file_publish(struct atomic_file *file, int fd)
{
    int result = -1;
    if (!file->replaces && (file->exclusive || !file->named)) {
        result = link_target(file, fd);
        if (result != 0 && (file->exclusive || errno != EEXIST))
            return -1;
    }
    if (result != 0)
        result = rename_target(file, fd);
    if (result == 0)
        sync_directory(file->target);
    return result;
}

void atomic_file_close(struct atomic_file *file)
{
    if (file->named)
        (void)unlink(file->temporary);
    free(file->temporary);
    free(file->target);
    *file = (struct atomic_file){.target = NULL};
}
