/*
 * fdflags - what is set on the open file descriptions behind inherited descriptors.
 *
 *     fdflags FD...       a line for each: "FD r|w|rw blocking|nonblocking [append] [direct]",
 *                         or "FD closed"
 *     fdflags -n FD...    sets O_NONBLOCK on them first
 *
 * The description is shared with the process that started this one, so the flags show what others
 * did to it. Reads and writes nothing. The status is 1 if a descriptor is closed.
 */
#ifdef __linux__
#define _GNU_SOURCE /* O_DIRECT */
#endif
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef O_DIRECT
#define O_DIRECT 0
#endif

static const char *access_of(int flags)
{
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return "r";
    case O_WRONLY:
        return "w";
    default:
        return "rw";
    }
}

static int show(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0) {
        printf("%d closed\n", fd);
        return 1;
    }
    printf("%d %s %s%s%s\n", fd, access_of(flags),
           (flags & O_NONBLOCK) != 0 ? "nonblocking" : "blocking",
           (flags & O_APPEND) != 0 ? " append" : "", (flags & O_DIRECT) != 0 ? " direct" : "");
    return 0;
}

int main(int argc, char *argv[])
{
    int status = 0, option, set = 0;

    while ((option = getopt(argc, argv, "n")) != -1) {
        set |= option == 'n';
        if (option == '?')
            return 2;
    }
    for (int i = optind; i < argc; i++) {
        int fd = (int)strtol(argv[i], NULL, 10);
        int flags = fcntl(fd, F_GETFL);

        if (set && flags >= 0)
            (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        status |= show(fd);
    }
    return status;
}
