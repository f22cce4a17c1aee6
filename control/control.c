/*
 * control.c - see control.h: the socket of a running bpipe.
 *
 * Every call here is nonblocking. A call that fails ends control, but never the run. A client gets
 * at most one answer, and is closed at once. If a socket with bpipe's process id was left behind
 * and no process has it open, its name is taken over (net/unix_name.h). With namespaces
 * (pid_namespaces(7)) two processes may have the same id and share a folder.
 */
#include "control/control.h"

#include "base/descriptor.h"
#include "base/platform.h"
#include "base/runtime_dir.h"
#include "control/runtime_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The number of clients that may wait, and of requests that are refused in one turn. The latter is
 * bounded so that the loop can move bytes in between. */
enum { BACKLOG = 8, REFUSALS = 8, MOST_TRIES = 3 };

int control_socket(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address->sun_path, path, strlen(path));
    int fd = descriptor_above_standard(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    if (fd >= 0 && descriptor_keep(fd) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

void control_init(struct control *control, uint64_t open_ns)
{
    *control = (struct control){.listener = -1, .client = -1, .open_ns = open_ns};
}

uint64_t control_due(const struct control *control)
{
    if (control->client >= 0)
        return control->client_ns + CONTROL_SILENCE_NS;
    return control->rest_ns != 0 ? control->rest_ns : control->open_ns;
}

struct pollfd control_poll(const struct control *control)
{
    int listener = control->rest_ns != 0 ? -1 : control->listener;
    int fd = control->client >= 0 ? control->client : listener;
    return (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop_client(struct control *control)
{
    if (control->client >= 0)
        close(control->client);
    control->client = -1;
}

void control_close(struct control *control)
{
    drop_client(control);
    unix_name_remove(&control->name);
    runtime_path_gone(control->path);
    if (control->listener >= 0)
        close(control->listener);
    free(control->path);
    control_init(control, UINT64_MAX);
}

/* --- listening -------------------------------------------------------------------------------- */

/*
 * The socket gets its final name after it has begun to listen. Before that it has another name of
 * the same length. So a socket with the final name that refuses connections was left behind, and
 * any bpipe may remove it (control/runtime_sweep.h). umask() sets the mode of the socket from its
 * creation on.
 */
static bool listen_privately(struct control *control, struct sockaddr_un *address)
{
    size_t stem = strlen(control->path) - strlen(RUNTIME_SOCKET);
    snprintf(address->sun_path + stem, sizeof address->sun_path - stem, "%s", RUNTIME_NEW_SOCKET);
    mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
    const char *objection =
        unix_name_bind(&control->name, address->sun_path, control->listener,
                       (const struct sockaddr *)address, (socklen_t)sizeof *address);
    umask(mask);
    bool ready = objection == NULL && listen(control->listener, BACKLOG) == 0 &&
                 unix_name_change(&control->name, control->path) == NULL;
    if (!ready)
        unix_name_remove(&control->name); /* the path in it belongs to the caller */
    return ready;
}

static void try_listening(struct control *control)
{
    struct sockaddr_un address = {0};
    control->path = runtime_path(NULL, (long)getpid());
    runtime_sweep(false);
    if (control->path != NULL)
        control->listener = control_socket(&address, control->path);
    if (control->path == NULL || control->listener < 0 || !listen_privately(control, &address))
        control_close(control);
}

/* Another bpipe may remove an empty folder just after this one has made it, and before the socket
 * is in it (runtime_path_gone()). So a failure is followed by more tries. */
static void open_listener(struct control *control)
{
    control->open_ns = UINT64_MAX;
    for (int tries = 0; tries < MOST_TRIES && control->listener < 0; tries++)
        try_listening(control);
}

static bool may_ask(int client)
{
    uid_t uid;
    if (platform_peer_uid(client, &uid) != 0)
        return errno == ENOSYS;
    return uid == geteuid() || uid == 0;
}

/* Accepts the next client. False: there is none. */
static bool accept_client(struct control *control, uint64_t now_ns)
{
    int space = CONTROL_ANSWER;
    if (control->listener < 0)
        return false;
    do
        control->client = descriptor_above_standard(accept(control->listener, NULL, NULL));
    while (control->client < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (control->client < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            control->rest_ns = now_ns + CONTROL_REST_NS; /* or poll() would report it repeatedly */
        return false;
    }
    control->client_ns = now_ns;
    /* With a smaller send buffer the kernel would refuse a long answer. */
    (void)setsockopt(control->client, SOL_SOCKET, SO_SNDBUF, &space, sizeof space);
    if (descriptor_keep(control->client) != 0)
        drop_client(control);
    return true;
}

/* --- a client --------------------------------------------------------------------------------- */

static bool send_answer(const struct control *control, const char *first, const char *report,
                        size_t length, const char *last)
{
    struct iovec iov[] = {
        {(void *)first, strlen(first)}, {(void *)report, length}, {(void *)last, strlen(last)}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = sizeof iov / sizeof iov[0]};
    ssize_t sent;
    do
        sent = sendmsg(control->client, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 || errno != EMSGSIZE;
}

void control_answer(struct control *control, const char *refusal, const char *report, size_t length)
{
    if (refusal == NULL && (length > CONTROL_ANSWER - strlen("ok\n") ||
                            !send_answer(control, "ok\n", report, length, "")))
        refusal = "report too long";
    if (refusal != NULL)
        (void)send_answer(control, "error: ", refusal, strlen(refusal), "\n");
    drop_client(control);
}

/* Reads the client's request. The request of a client that is not allowed to ask is read, too: if
 * bpipe closed the connection with a message unread, the kernel would reset it and the answer would
 * be lost. False: the caller has nothing to do. Then the client was closed, or may still send its
 * request. */
static bool read_request(struct control *control, uint64_t now_ns, struct control_request *request)
{
    char message[CONTROL_REQUEST + 1]; /* recv() cuts a longer message to this size: too long */
    ssize_t length;
    do
        length = recv(control->client, message, sizeof message, 0);
    while (length < 0 && errno == EINTR);
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        if (now_ns - control->client_ns >= CONTROL_SILENCE_NS)
            drop_client(control);
        return false;
    }
    if (length <= 0) {
        drop_client(control);
        return false;
    }
    const char *refusal = may_ask(control->client) ? control_parse(request, message, (size_t)length)
                                                   : strerror(EPERM);
    if (refusal != NULL)
        control_answer(control, refusal, NULL, 0);
    return refusal == NULL;
}

bool control_turn(struct control *control, uint64_t now_ns, struct control_request *request)
{
    if (now_ns >= control->open_ns)
        open_listener(control);
    if (now_ns >= control->rest_ns)
        control->rest_ns = 0;
    for (unsigned i = 0; i < REFUSALS; i++) {
        if (control->client < 0 && !accept_client(control, now_ns))
            return false;
        if (control->client < 0) /* it could not be made nonblocking, and was closed */
            continue;
        if (read_request(control, now_ns, request))
            return true;
        if (control->client >= 0) /* it has not sent its request yet */
            return false;
    }
    return false;
}
