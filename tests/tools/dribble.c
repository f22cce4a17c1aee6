/*
 * dribble - a producer that never runs ahead.
 *
 *     dribble COUNT >PIPE
 *
 * Writes the numbers from 0 on, one on a line. It writes each number when the reader has taken all
 * that was written before (FIONREAD; Linux). So a read never gets more than one line, however busy
 * the machine is.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

    if (count <= 0) {
        fprintf(stderr, "usage: dribble COUNT >PIPE\n");
        return 2;
    }
    for (long i = 0; i < count; i++) {
        char line[32];
        int length = snprintf(line, sizeof line, "%ld\n", i), left;
        while (ioctl(STDOUT_FILENO, FIONREAD, &left) == 0 && left > 0)
            sched_yield();
        if (write(STDOUT_FILENO, line, (size_t)length) != length) {
            fprintf(stderr, "dribble: write: %s\n", strerror(errno));
            return 1;
        }
    }
    return 0;
}
