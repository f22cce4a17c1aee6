/*
 * datagrams - send and receive UDP datagrams on the loopback.
 *
 *     datagrams send [-n] [-f ADDRESS] PORT
 *     datagrams receive FILE COUNT
 *
 * send: sends every line of stdin as a datagram to 127.0.0.1:PORT, with its newline, or with -n
 * without it, so that an empty line is an empty datagram. -f: sends from that address (127.0.0.2).
 * It sends at most 16 datagrams in a millisecond, so that the reader loses none. It is no failure
 * if they are refused.
 *
 * receive: prints the port to which it is bound on stdout, as a line. Then it writes the bytes of
 * COUNT datagrams to FILE, and prints the length of each on stdout, as a line and at once. The
 * status is 1 if no datagram comes for 20 s.
 */
#include "tests/tools/die.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

const char program_name[] = "datagrams";
const int failure_status = 1;

enum { AT_ONCE = 16, PATIENCE_MS = 20000, LONGEST = 65535, BUFFER = 4 << 20 };

static struct sockaddr_in loopback(const char *text, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(port))};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        die(text);
    return address;
}

static int bound_to(const char *text)
{
    struct sockaddr_in address = loopback(text, "0");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die(text);
    return fd;
}

static int send_lines(int argc, char *argv[])
{
    const char *from = "127.0.0.1";
    int chop = 0, option;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while ((option = getopt(argc, argv, "nf:")) != -1) {
        if (option == 'n')
            chop = 1;
        else
            from = optarg;
    }
    if (optind >= argc)
        die("no port");
    int fd = bound_to(from);
    struct sockaddr_in to = loopback("127.0.0.1", argv[optind]);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    for (unsigned sent = 0; (length = getline(&line, &size, stdin)) > 0; sent++) {
        size_t bytes = (size_t)length - (chop && line[length - 1] == '\n');
        while (send(fd, line, bytes, 0) < 0)
            if (errno != ECONNREFUSED)
                die("send");
        if (sent % AT_ONCE == AT_ONCE - 1)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    free(line);
    return 0;
}

static int receive(const char *path, int count)
{
    static char datagram[LONGEST];
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int fd = bound_to("127.0.0.1"), buffer = BUFFER;
    FILE *file = fopen(path, "w");

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer); /* up to the system's limit */
    if (file == NULL || getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        die(path);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (; count > 0; count--) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, PATIENCE_MS) != 1)
            return 1;
        ssize_t bytes = recv(fd, datagram, sizeof datagram, 0);
        if (bytes < 0 || fwrite(datagram, 1, (size_t)bytes, file) != (size_t)bytes)
            die("recv");
        fflush(file);
        printf("%zd\n", bytes);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc == 4 && strcmp(argv[1], "receive") == 0)
        return receive(argv[2], atoi(argv[3]));
    if (argc > 2 && strcmp(argv[1], "send") == 0)
        return send_lines(argc - 1, argv + 1);
    fprintf(stderr, "usage: datagrams send [-n] [-f ADDRESS] PORT | receive FILE COUNT\n");
    return 2;
}
