/*
 * oddfd - become a command that inherits a descriptor of a kind that no shell makes.
 *
 *     oddfd FD KIND COMMAND...
 *
 * KIND: tcp-listener, unix-listener (the socket ./oddfd.sock), packet-listener (SOCK_SEQPACKET,
 * ./oddfd.sock), tcp-socket (not connected), unix-socket (the same), datagrams (a connected socket
 * whose peer has sent one of 5000 bytes "d" and an empty one), datagram-socket (not connected, nor
 * bound), half-open (a TCP connection that was shut down on this side and has got "last" and the
 * end), path (O_PATH of "."), path=FILE, epoll, eventfd (whose count is 0x0a333231), timerfd (which
 * expires once), signalfd (of no signal), inotify (of nothing), pidfd (its own).
 *
 * The status is 127 if something failed, 126 if the system does not have that kind.
 */
#ifdef __linux__
#define _GNU_SOURCE /* O_PATH, syscall() */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ABOVE = 50, LENGTH = 5000, EVENTS = 0x0a333231 };

static int unix_listener(int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "oddfd.sock"};
    int fd = socket(AF_UNIX, type, 0);
    (void)unlink(address.sun_path);
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0 ? fd
                                                                                            : -1;
}

static int tcp_listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0 ? fd
                                                                                            : -1;
}

/* The sender stays open, as a descriptor of which the command does not know. */
static int datagrams(void)
{
    static char bytes[LENGTH];
    int ends[2];
    memset(bytes, 'd', sizeof bytes);
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0 || dup2(ends[1], ABOVE + 1) < 0 ||
        send(ends[1], bytes, sizeof bytes, 0) != LENGTH || send(ends[1], "", 0, 0) != 0)
        return -1;
    close(ends[1]);
    return ends[0];
}

/* The socket no longer has a peer, but still has something to be read. */
static int half_open(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = tcp_listener(), fd = socket(AF_INET, SOCK_STREAM, 0);
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
        connect(fd, (struct sockaddr *)&address, length) != 0)
        return -1;
    int peer = accept(listener, NULL, NULL);
    if (send(peer, "last", 4, 0) != 4 || shutdown(fd, SHUT_WR) != 0)
        return -1;
    char byte;
    if (recv(peer, &byte, 1, 0) != 0)
        return -1;
    const struct timespec nap = {.tv_nsec = 1000000};
    close(peer);
    close(listener);
    while (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
        (void)nanosleep(&nap, NULL);
    return fd;
}

#ifdef __linux__
static int timer(void)
{
    const struct itimerspec soon = {.it_value.tv_nsec = 1};
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    return timerfd_settime(fd, 0, &soon, NULL) == 0 ? fd : -1;
}

static int no_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    return signalfd(-1, &none, 0);
}
#endif

static int only_linux(const char *kind)
{
#ifdef __linux__
    if (strcmp(kind, "epoll") == 0)
        return epoll_create1(0);
    if (strcmp(kind, "eventfd") == 0)
        return eventfd(EVENTS, 0);
    if (strcmp(kind, "timerfd") == 0)
        return timer();
    if (strcmp(kind, "signalfd") == 0)
        return no_signals();
    if (strcmp(kind, "inotify") == 0)
        return inotify_init();
    if (strcmp(kind, "pidfd") == 0)
        return (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (strcmp(kind, "path") == 0)
        return open(".", O_PATH);
    if (strncmp(kind, "path=", 5) == 0)
        return open(kind + 5, O_PATH);
#endif
    fprintf(stderr, "oddfd: %s: not known here\n", kind);
    exit(126);
}

static int make(const char *kind)
{
    if (strcmp(kind, "tcp-listener") == 0)
        return tcp_listener();
    if (strcmp(kind, "unix-listener") == 0)
        return unix_listener(SOCK_STREAM);
    if (strcmp(kind, "packet-listener") == 0)
        return unix_listener(SOCK_SEQPACKET);
    if (strcmp(kind, "tcp-socket") == 0)
        return socket(AF_INET, SOCK_STREAM, 0);
    if (strcmp(kind, "unix-socket") == 0)
        return socket(AF_UNIX, SOCK_STREAM, 0);
    if (strcmp(kind, "half-open") == 0)
        return half_open();
    if (strcmp(kind, "datagram-socket") == 0)
        return socket(AF_UNIX, SOCK_DGRAM, 0);
    if (strcmp(kind, "datagrams") == 0)
        return datagrams();
    return only_linux(kind);
}

int main(int argc, char *argv[])
{
    if (argc < 4) {
        fprintf(stderr, "usage: oddfd FD KIND COMMAND [ARGUMENT]...\n");
        return 127;
    }
    int wanted = (int)strtol(argv[1], NULL, 10);
    int fd = make(argv[2]);
    if (fd < 0 || dup2(fd, wanted) < 0) {
        fprintf(stderr, "oddfd: %s: %s\n", argv[2], strerror(errno));
        return 127;
    }
    if (fd != wanted)
        close(fd);
    (void)fcntl(wanted, F_SETFD, 0); /* a pidfd is closed on exec */
    execvp(argv[3], argv + 3);
    fprintf(stderr, "oddfd: %s: %s\n", argv[3], strerror(errno));
    return 127;
}
