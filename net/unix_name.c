/*
 * unix_name.c - see unix_name.h. No link is ever followed: lstat(2) is called first.
 */
#include "net/unix_name.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_still(const char *path, dev_t device, ino_t inode)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISSOCK(info.st_mode) && info.st_dev == device &&
           info.st_ino == inode;
}

/* 0 if a process has a socket with this name open, or the errno that tells why no process can be
 * reached there: ECONNREFUSED if none has. */
static int ask(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0)
        return errno;
    int error = connect(fd, address, length) == 0 || errno == EPROTOTYPE ? 0 : errno;
    close(fd);
    return error;
}

/* Removes a name left behind. NULL if there is no name now, or the reason against removing it. */
static const char *make_way(const char *path, const struct sockaddr *address, socklen_t length)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? NULL : strerror(errno);
    if (!S_ISSOCK(info.st_mode))
        return "exists and is not a socket";
    int error = ask(address, length);
    if (error == 0)
        return "another process is listening on it";
    if (error != ECONNREFUSED)
        return error == ENOENT ? NULL : strerror(error);
    if (!is_still(path, info.st_dev, info.st_ino) || unlink(path) == 0 || errno == ENOENT)
        return NULL; /* if another process has taken the name meanwhile, bind() says so */
    return strerror(errno);
}

const char *unix_name_bind(struct unix_name *name, const char *path, int fd,
                           const struct sockaddr *address, socklen_t length)
{
    struct stat info;
    const char *objection = make_way(path, address, length);
    if (objection == NULL && bind(fd, address, length) != 0)
        objection = strerror(errno);
    if (objection == NULL && lstat(path, &info) == 0)
        *name = (struct unix_name){path, info.st_dev, info.st_ino};
    return objection;
}

/* False if the path is too long for a socket address. */
static bool address_of(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, path, strlen(path));
    return true;
}

const char *unix_name_change(struct unix_name *name, const char *path)
{
    struct sockaddr_un address;
    if (!address_of(path, &address))
        return strerror(ENAMETOOLONG);
    const char *objection =
        make_way(path, (const struct sockaddr *)&address, (socklen_t)sizeof address);
    if (objection == NULL && rename(name->path, path) != 0)
        objection = strerror(errno);
    if (objection == NULL)
        name->path = path;
    return objection;
}

void unix_name_sweep(const char *path)
{
    struct sockaddr_un address;
    if (address_of(path, &address))
        (void)make_way(path, (const struct sockaddr *)&address, (socklen_t)sizeof address);
}

void unix_name_remove(struct unix_name *name)
{
    if (name->path != NULL && is_still(name->path, name->device, name->inode))
        (void)unlink(name->path);
    name->path = NULL;
}
