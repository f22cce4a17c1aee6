/*
 * held_pipes.c - see held_pipes.h.
 */
#include "process/held_pipes.h"

#include "base/platform.h"
#include "base/platform_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT = 64 };

void held_pipes_add(struct held_pipes *ends, int fd)
{
    if (ends->count == ends->room)
        (void)close(fd);
    else
        ends->fds[ends->count++] = (struct pollfd){.fd = fd};
}

/* --- what others have open -------------------------------------------------------------------- */

static ino_t inode_of(int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static bool has(const struct held_pipes *ends, ino_t inode)
{
    for (size_t i = 0; i < ends->count; i++)
        if (inode_of(ends->fds[i].fd) == inode)
            return true;
    return false;
}

/* Descriptor `name` in `files` is a link to "pipe:[INODE]", whose mode says what it is open for.
 * Returns the inode of the pipe if it is open for `mode` (S_IRUSR, S_IWUSR); 0 if it is not, or is
 * no pipe. */
static ino_t pipe_of(const struct platform_listing *files, const char *name, mode_t mode)
{
    static const char begin[] = "pipe:[";
    char text[TEXT];
    struct stat link;
    ssize_t length = readlinkat(files->fd, name, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    if (strncmp(text, begin, sizeof begin - 1) != 0 ||
        fstatat(files->fd, name, &link, AT_SYMLINK_NOFOLLOW) != 0 || (link.st_mode & mode) == 0)
        return 0;
    return (ino_t)strtoull(text + sizeof begin - 1, NULL, 10);
}

void held_pipes_keep(struct held_pipes *ends, pid_t pid, int but)
{
    struct platform_listing files;
    ino_t inode, not_this = inode_of(but);
    if (platform_list_descriptors(&files, pid) != 0)
        return;
    for (const char *name; (name = platform_next_name(&files)) != NULL;) {
        if ((inode = pipe_of(&files, name, S_IWUSR)) == 0 || inode == not_this || has(ends, inode))
            continue;
        int fd = openat(files.fd, name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (inode_of(fd) == inode)
            held_pipes_add(ends, fd);
        else if (fd >= 0)
            (void)close(fd);
    }
    platform_end_list(&files);
}

bool held_pipes_are_read_by(const struct held_pipes *ends, pid_t pid)
{
    struct platform_listing files;
    bool found = false;
    if (platform_list_descriptors(&files, pid) != 0)
        return false;
    for (const char *name; !found && (name = platform_next_name(&files)) != NULL;) {
        ino_t inode = pipe_of(&files, name, S_IRUSR);
        found = inode != 0 && has(ends, inode);
    }
    platform_end_list(&files);
    return found;
}

/* --- our own ---------------------------------------------------------------------------------- */

/* Sets `revents` of each end that no process reads: poll(2) reports POLLERR, or another event on
 * other systems. If poll() fails, the ends are checked one by one; an end for which that fails,
 * too, counts as read. */
static void find_unread(const struct held_pipes *ends)
{
    if (platform_poll(ends->fds, ends->count, 0) >= 0)
        return;
    for (size_t i = 0; i < ends->count; i++)
        ends->fds[i].revents = platform_has_no_reader(ends->fds[i].fd) ? POLLERR : 0;
}

bool held_pipes_are_read(const struct held_pipes *ends)
{
    bool any = false;
    find_unread(ends);
    for (size_t i = 0; i < ends->count; i++)
        any |= ends->fds[i].revents == 0;
    return any;
}

void held_pipes_close_unread(struct held_pipes *ends)
{
    find_unread(ends);
    for (size_t i = ends->count; i-- > 0;)
        if (ends->fds[i].revents != 0) {
            (void)close(ends->fds[i].fd);
            ends->fds[i] = ends->fds[--ends->count];
        }
}

void held_pipes_close(struct held_pipes *ends)
{
    while (ends->count > 0)
        (void)close(ends->fds[--ends->count].fd);
}
