/*
 * probe - makes system calls as the command line says, and prints their results: for the tests of
 * the fault shim itself.
 *
 *     probe [COUNT*]CALL[:ARGUMENT]... ...       probe read:0:100 5*write:3:10 open:/dev/null
 *
 * Prints a line for each call on stderr: "read:0:100 = 37", "open:/dev/null = EACCES".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 3, BUFFER = 1 << 20 };

static char buffer[BUFFER];

struct request {
    const char *call;
    const char *text[MAX_ARGUMENTS];
    int number[MAX_ARGUMENTS];
};

/* Two pieces, so that a short count can end in the middle of either. */
static struct iovec *pieces(int bytes)
{
    static struct iovec iov[2];
    size_t first = (size_t)bytes / 2;

    iov[0] = (struct iovec){.iov_base = buffer, .iov_len = first};
    iov[1] = (struct iovec){.iov_base = buffer + first, .iov_len = (size_t)bytes - first};
    return iov;
}

/* Allocates with any of the functions that do. Returns 0, or -1 with errno. */
static ssize_t allocate(const char *call)
{
    enum { SIZE = 4096 };
    void *memory = NULL;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list = NULL;
    int error = 0;

    if (strcmp(call, "malloc") == 0)
        memory = malloc(SIZE);
    else if (strcmp(call, "calloc") == 0)
        memory = calloc(2, SIZE);
    else if (strcmp(call, "realloc") == 0)
        memory = realloc(NULL, SIZE);
    else if (strcmp(call, "aligned_alloc") == 0)
        memory = aligned_alloc(SIZE, SIZE);
    else if (strcmp(call, "strdup") == 0)
        memory = strdup(call);
    else if (strcmp(call, "posix_memalign") == 0)
        error = posix_memalign(&memory, SIZE, SIZE);
    else if (strcmp(call, "getaddrinfo") == 0)
        error = getaddrinfo("127.0.0.1", NULL, &hints, &list) == EAI_MEMORY ? ENOMEM : 0;
    else
        return -2;
    if (list != NULL)
        freeaddrinfo(list);
    else if (memory == NULL && error != 0)
        errno = error;
    error = memory == NULL && list == NULL ? -1 : 0;
    free(memory);
    return error;
}

static ssize_t move_bytes(const char *call, int fd, int bytes)
{
    struct msghdr message = {.msg_iov = pieces(bytes), .msg_iovlen = 2};
    size_t count = (size_t)bytes;

    if (strcmp(call, "read") == 0)
        return read(fd, buffer, count);
    if (strcmp(call, "readv") == 0)
        return readv(fd, pieces(bytes), 2);
    if (strcmp(call, "pread") == 0)
        return pread(fd, buffer, count, 0);
    if (strcmp(call, "preadv2") == 0)
        return preadv2(fd, pieces(bytes), 2, -1, RWF_NOWAIT);
    if (strcmp(call, "recv") == 0)
        return recv(fd, buffer, count, MSG_DONTWAIT);
    if (strcmp(call, "recvmsg") == 0)
        return recvmsg(fd, &message, MSG_DONTWAIT);
    if (strcmp(call, "write") == 0)
        return write(fd, buffer, count);
    if (strcmp(call, "writev") == 0)
        return writev(fd, pieces(bytes), 2);
    if (strcmp(call, "pwrite") == 0)
        return pwrite(fd, buffer, count, 0);
    if (strcmp(call, "pwritev2") == 0)
        return pwritev2(fd, pieces(bytes), 2, -1, RWF_NOWAIT);
    if (strcmp(call, "send") == 0)
        return send(fd, buffer, count, MSG_DONTWAIT);
    if (strcmp(call, "sendmsg") == 0)
        return sendmsg(fd, &message, MSG_DONTWAIT);
    if (strcmp(call, "ftruncate") == 0)
        return ftruncate(fd, bytes);
    if (strcmp(call, "fallocate") == 0)
        return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes);
    if (strcmp(call, "setpipe") == 0)
        return fcntl(fd, F_SETPIPE_SZ, bytes);
    return allocate(call);
}

static int wait_for(const char *call, int fd, int ms)
{
    struct pollfd fds = {.fd = fd, .events = POLLIN};
    struct timespec time = {.tv_nsec = ms * 1000000L};

    return strcmp(call, "poll") == 0 ? poll(&fds, 1, ms) : ppoll(&fds, 1, &time, NULL);
}

static int connect_to(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int socket_error(int fd)
{
    int error;
    socklen_t size = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

static ssize_t perform(const struct request *request)
{
    const char *call = request->call, *const *text = request->text;
    const int *number = request->number;

    if (strcmp(call, "poll") == 0 || strcmp(call, "ppoll") == 0)
        return wait_for(call, number[0], number[1]);
    if (strcmp(call, "open") == 0)
        return open(text[0], O_RDWR | O_CREAT, 0666);
    if (strcmp(call, "openat") == 0)
        return openat(AT_FDCWD, text[0], O_RDONLY);
    if (strcmp(call, "close") == 0)
        return close(number[0]);
    if (strcmp(call, "fsync") == 0)
        return fsync(number[0]);
    if (strcmp(call, "fdatasync") == 0)
        return fdatasync(number[0]);
    if (strcmp(call, "link") == 0)
        return link(text[0], text[1]);
    if (strcmp(call, "linkat") == 0)
        return linkat(AT_FDCWD, text[0], AT_FDCWD, text[1], 0);
    if (strcmp(call, "rename") == 0)
        return rename(text[0], text[1]);
    if (strcmp(call, "splice") == 0)
        return splice(number[0], NULL, number[1], NULL, (size_t)number[2], SPLICE_F_NONBLOCK);
    if (strcmp(call, "pipe") == 0) {
        int ends[2];

        return pipe(ends) < 0 ? -1 : ends[1];
    }
    if (strcmp(call, "socket") == 0)
        return socket(AF_UNIX, SOCK_STREAM, 0);
    if (strcmp(call, "connect") == 0)
        return connect_to(number[0], text[1]);
    if (strcmp(call, "accept") == 0)
        return accept(number[0], NULL, NULL);
    if (strcmp(call, "shutdown") == 0)
        return shutdown(number[0], SHUT_WR);
    if (strcmp(call, "getsockopt") == 0)
        return socket_error(number[0]);
    if (strcmp(call, "sendfile") == 0)
        return sendfile(number[0], number[1], NULL, (size_t)number[2]);
    if (strcmp(call, "nonblock") == 0)
        return fcntl(number[0], F_SETFL, fcntl(number[0], F_GETFL) | O_NONBLOCK);
    return move_bytes(call, number[0], number[1]);
}

static void run(const char *words)
{
    struct request request = {.text = {"", "", ""}};
    const char *star = strchr(words, '*');
    long times = star == NULL ? 1 : strtol(words, NULL, 10);
    char *copy, *rest;

    if (star != NULL)
        words = star + 1;
    copy = rest = strdup(words);
    request.call = strsep(&rest, ":");
    for (int i = 0; i < MAX_ARGUMENTS && rest != NULL; i++) {
        request.text[i] = strsep(&rest, ":");
        request.number[i] = (int)strtol(request.text[i], NULL, 10);
    }
    while (times-- > 0) {
        ssize_t result = perform(&request);

        if (result == -2) {
            fprintf(stderr, "probe: %s: unknown call\n", words);
            exit(2);
        }
        if (result < 0)
            fprintf(stderr, "%s = %s\n", words, strerrorname_np(errno));
        else
            fprintf(stderr, "%s = %zd\n", words, result);
    }
    free(copy);
}

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++)
        run(argv[i]);
    return 0;
}
