/*
 * control.c - see control.h: the socket of a running bpipe.
 *
 * Every call here is nonblocking, and whatever one refuses ends no more than control itself. A
 * client is answered at most once, and let go at once. What another one left behind under our
 * process id is taken over, if no process has that socket (net/unix_name.h): with namespaces
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

/* Clients that wait; and requests refused in one turn, so that the bytes have their turn, too. */
enum { BACKLOG = 8, REFUSALS = 8 };

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
    if (control->listener >= 0)
        close(control->listener);
    free(control->path);
    control_init(control, UINT64_MAX);
}

/* --- listening -------------------------------------------------------------------------------- */

/*
 * The socket gets its own name when it listens, and another one, with the same length, before: so
 * one of that name that refuses connections was always left behind, and anybody may remove it
 * (control/runtime_sweep.h). It has its mode from its first moment on.
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
        unix_name_remove(&control->name); /* its text is the caller's */
    return ready;
}

static void open_listener(struct control *control)
{
    struct sockaddr_un address = {0};
    control->open_ns = UINT64_MAX;
    control->path = runtime_path(NULL, (long)getpid());
    runtime_sweep(false);
    if (control->path != NULL)
        control->listener = control_socket(&address, control->path);
    if (control->path == NULL || control->listener < 0 || !listen_privately(control, &address))
        control_close(control);
}

static bool may_ask(int client)
{
    uid_t uid;
    if (platform_peer_uid(client, &uid) != 0)
        return errno == ENOSYS;
    return uid == geteuid() || uid == 0;
}

/* Somebody who has come becomes the client. False: nobody has. */
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
            control->rest_ns = now_ns + CONTROL_REST_NS; /* poll() would tell it again and again */
        return false;
    }
    control->client_ns = now_ns;
    /* Without the space a long answer is refused. */
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

/* Reads what the client asks, also of one who may not: closed with a message unread, his connection
 * would be reset, and the answer lost. False: nothing that is to be done by others; there is no
 * client any more, unless it may yet send something. */
static bool read_request(struct control *control, uint64_t now_ns, struct control_request *request)
{
    char message[CONTROL_REQUEST + 1]; /* a longer one is cut to that, which is too long */
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
        if (control->client < 0) /* it cannot be made nonblocking */
            continue;
        if (read_request(control, now_ns, request))
            return true;
        if (control->client >= 0) /* it has not said anything yet */
            return false;
    }
    return false;
}
