/*
 * dial - become a command with a TCP connection that comes from a given address.
 *
 *     dial FD FROM HOST PORT COMMAND...        IPv4 addresses
 *
 * The status is 127 if something failed.
 */
#include "tests/tools/die.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char program_name[] = "dial";
const int failure_status = 127;

static struct sockaddr_in address(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)strtol(port, NULL, 10))};

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "dial: %s: no IPv4 address\n", host);
        exit(127);
    }
    return address;
}

int main(int argc, char *argv[])
{
    struct sockaddr_in from, to;
    int fd, wanted;

    if (argc < 6) {
        fprintf(stderr, "usage: dial FD FROM HOST PORT COMMAND [ARGUMENT]...\n");
        return 127;
    }
    wanted = (int)strtol(argv[1], NULL, 10);
    from = address(argv[2], "0");
    to = address(argv[3], argv[4]);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        die("socket");
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        die(argv[2]);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die(argv[3]);
    if (fd != wanted && (dup2(fd, wanted) < 0 || close(fd) != 0))
        die("dup2");
    execvp(argv[5], argv + 5);
    die(argv[5]);
    return 127;
}
