/*
 * withfd - become a command that inherits a descriptor opened in a way that no shell offers.
 *
 *     withfd FD MODE PATH COMMAND...      MODE: r, w or rw, and n for O_NONBLOCK
 *
 * The status is 127 if something failed.
 */
#include "tests/tools/die.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char program_name[] = "withfd";
const int failure_status = 127;

int main(int argc, char *argv[])
{
    if (argc < 5) {
        fprintf(stderr, "usage: withfd FD MODE PATH COMMAND [ARGUMENT]...\n");
        return 127;
    }
    int wanted = (int)strtol(argv[1], NULL, 10);
    const char *mode = argv[2];
    int flags = strchr(mode, 'w') == NULL ? O_RDONLY : O_WRONLY;
    if (strncmp(mode, "rw", 2) == 0)
        flags = O_RDWR;
    if (strchr(mode, 'n') != NULL)
        flags |= O_NONBLOCK;
    int fd = open(argv[3], flags | O_NOCTTY);
    if (fd < 0)
        return failed(argv[3]);
    if (fd != wanted) {
        if (dup2(fd, wanted) < 0)
            return failed("dup2");
        close(fd);
    }
    execvp(argv[4], argv + 4);
    return failed(argv[4]);
}
