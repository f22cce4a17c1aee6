/*
 * sock - connected sockets for shell scripts.
 *
 *     sock pair A B COMMAND...    becomes COMMAND, with two connected stream sockets as A and B
 *     sock shut FD                shuts down the direction from here on the socket FD (shutdown(2))
 *
 * The status is 127 if something failed.
 */
#include "tests/tools/die.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char program_name[] = "sock";
const int failure_status = 127;

enum { ABOVE = 50 }; /* no test uses descriptors from here on */

static int number(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

static int pair(int a, int b, char *command[])
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return failed("socketpair");
    if (dup2(ends[0], ABOVE) < 0 || dup2(ends[1], ABOVE + 1) < 0)
        return failed("dup2");
    close(ends[0]);
    close(ends[1]);
    if (dup2(ABOVE, a) < 0 || dup2(ABOVE + 1, b) < 0)
        return failed("dup2");
    close(ABOVE);
    close(ABOVE + 1);
    execvp(command[0], command);
    return failed(command[0]);
}

int main(int argc, char *argv[])
{
    if (argc > 4 && strcmp(argv[1], "pair") == 0)
        return pair(number(argv[2]), number(argv[3]), argv + 4);
    if (argc == 3 && strcmp(argv[1], "shut") == 0)
        return shutdown(number(argv[2]), SHUT_WR) != 0 ? failed("shutdown") : 0;
    fprintf(stderr, "usage: sock pair A B COMMAND [ARGUMENT]... | sock shut FD\n");
    return 127;
}
