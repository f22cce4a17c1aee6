/*
 * packetpipe - turn a pipe into a pipe of packets.
 *
 *     packetpipe MOST <FILE >PIPE
 *
 * Copies stdin to stdout, a pipe in packet mode (pipe(2), O_DIRECT; Linux): one read gets the bytes
 * of one write, and those that have no room are lost. The packets have 1 to MOST bytes (at most
 * 4096), in an order that is the same each time.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef O_DIRECT /* then no pipe has packets */
#define O_DIRECT 0
#endif

enum { LONGEST = 4096, STEP = 1543 /* a prime */ };

int main(int argc, char *argv[])
{
    static char packet[LONGEST];
    long most = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

    if (most < 1 || most > LONGEST) {
        fprintf(stderr, "usage: packetpipe MOST <FILE >PIPE\n");
        return 2;
    }
    if (O_DIRECT == 0 || fcntl(STDOUT_FILENO, F_SETFL, O_DIRECT) != 0) {
        fprintf(stderr, "packetpipe: no packets here: %s\n", strerror(errno));
        return 1;
    }
    for (unsigned long i = 0;; i++) {
        size_t size = fread(packet, 1, 1 + i * STEP % (unsigned long)most, stdin);
        if (size == 0)
            return ferror(stdin) != 0;
        if (write(STDOUT_FILENO, packet, size) != (ssize_t)size) {
            fprintf(stderr, "packetpipe: write: %s\n", strerror(errno));
            return 1;
        }
    }
}
