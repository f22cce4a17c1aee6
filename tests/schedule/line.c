/*
 * line.c - see line.h.
 */
#include "line.h"

#include "tests/tools/die.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int new_socket(const struct wire *wire)
{
    int fd = socket(wire->kind == WIRE_TCP ? AF_INET : AF_UNIX, SOCK_STREAM, 0), on = 1;
    int size = (int)wire->buffer_size;

    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        die("socket");
    if (size > 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0 ||
                     setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0))
        die("buffers of a socket");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        die("SO_REUSEADDR");
    return fd;
}

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static struct sockaddr_un at_name(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    return address;
}

/* Binds to a port of its own, or to the name. */
static void bind_line(struct line *line)
{
    struct sockaddr_in tcp = loopback(0);
    struct sockaddr_un local = at_name(line->name);
    socklen_t length = sizeof tcp;

    line->fd = new_socket(line->wire);
    if (line->wire->kind == WIRE_UNIX) {
        if (bind(line->fd, (struct sockaddr *)&local, sizeof local) != 0)
            die(line->name);
        return;
    }
    if (bind(line->fd, (struct sockaddr *)&tcp, sizeof tcp) != 0 ||
        getsockname(line->fd, (struct sockaddr *)&tcp, &length) != 0)
        die("bind");
    line->port = ntohs(tcp.sin_port);
}

int line_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        die("O_NONBLOCK");
    return fd;
}

void line_open(struct line *line, const struct wire *wire, const char *name)
{
    *line = (struct line){.wire = wire, .fd = -1};
    snprintf(line->name, sizeof line->name, "%s", name);
    if (wire->kind == WIRE_TCP || !wire->bpipe_listens)
        bind_line(line);
    if (!wire->bpipe_listens && listen(line_nonblocking(line->fd), 1) != 0)
        die("listen");
}

static int accept_one(const struct line *line)
{
    int fd = accept(line->fd, NULL, NULL);

    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        die("accept");
    return fd;
}

static int connect_one(const struct line *line)
{
    int fd = new_socket(line->wire), result;
    struct sockaddr_in tcp = loopback(line->port);
    struct sockaddr_un local = at_name(line->name);

    if (line->wire->kind == WIRE_TCP)
        result = connect(fd, (struct sockaddr *)&tcp, sizeof tcp);
    else
        result = connect(fd, (struct sockaddr *)&local, sizeof local);
    if (result == 0)
        return fd;
    if (errno != ECONNREFUSED && errno != ENOENT && errno != ECONNRESET && errno != EINTR)
        die("connect");
    close(fd);
    return -1;
}

int line_connect(struct line *line)
{
    int fd = line->wire->bpipe_listens ? connect_one(line) : accept_one(line);

    if (fd < 0)
        return -1;
    line_close(line);
    return line_nonblocking(fd);
}

void line_close(struct line *line)
{
    if (line->fd >= 0)
        close(line->fd);
    line->fd = -1;
}

void line_reset(int fd)
{
    struct linger linger = {1, 0};

    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0)
        die("SO_LINGER");
    close(fd);
}

bool line_say_junk(int fd, size_t size)
{
    static const unsigned char junk[4096];

    if (size > sizeof junk)
        size = sizeof junk;
    return send(fd, junk, size, 0) < 0 && errno == ECONNRESET;
}
