/*
 * pipesize - the size of a pipe that was inherited.
 *
 *     pipesize FD [BYTES]        FD: a descriptor; with BYTES its pipe is resized first
 *
 * Prints how many bytes the kernel keeps in the pipe. The status is 1, with the reason on stderr,
 * if FD is no pipe or the size is refused.
 */
#define _GNU_SOURCE /* F_GETPIPE_SZ */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char *argv[])
{
    int fd, size;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: pipesize FD [BYTES]\n");
        return 2;
    }
    fd = (int)strtol(argv[1], NULL, 10);
    if (argc == 3 && fcntl(fd, F_SETPIPE_SZ, (int)strtol(argv[2], NULL, 10)) < 0) {
        fprintf(stderr, "pipesize: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    size = fcntl(fd, F_GETPIPE_SZ);
    if (size < 0) {
        fprintf(stderr, "pipesize: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    printf("%d\n", size);
    return 0;
}
