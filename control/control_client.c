/*
 * control_client.c - see control_client.h.
 *
 * If no answer came the request is sent again. This is safe, because a request sets a state, and
 * setting it twice has the same effect as setting it once.
 */
#include "control/control_client.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "base/platform.h"
#include "base/runtime_dir.h"
#include "control/control.h"
#include "control/runtime_sweep.h"
#include "io/input_size.h"
#include "stats/exit_status.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGAIN_NS INT64_C(10000000)

static const char another_user[] = "belongs to another user";
static const char not_found[] = "is not a bpipe, or cannot be reached";

struct asking {
    long pid;
    uint64_t deadline_ns;
    bool found; /* the process has a socket and listens on it */
    char request[CONTROL_REQUEST];
    size_t request_length;
    char *answer; /* CONTROL_ANSWER + 1 bytes */
    size_t length;
};

/* --- the request ------------------------------------------------------------------------------ */

static void ask_number(struct control_request *request, bool given, enum control_field field,
                       uint64_t number)
{
    request->given[field] = given;
    request->numbers[field] = number;
}

/* False after a message: the text is too long. */
static bool ask_text(struct control_request *request, enum control_field field, const char *name,
                     const char *text)
{
    if (text == NULL)
        return true;
    request->given[field] = true;
    if (snprintf(control_text(request, field), CONTROL_TEXT, "%s", text) < CONTROL_TEXT)
        return true;
    message_print("%s: is too long", name);
    return false;
}

static bool ask_change(struct control_request *request, const struct options *options)
{
    const struct display_options *display = &options->display;
    char format[DISPLAY_FORMAT_TEXT];
    uint64_t size = options->size;
    if (options->size_path != NULL && input_size(options, &size) != 0)
        return false;
    ask_number(request, options->given[OPTION_RATE_LIMIT], CONTROL_RATE_LIMIT, options->rate_limit);
    ask_number(request, options->given[OPTION_READ_RATE], CONTROL_READ_RATE, options->read_rate);
    ask_number(request, options->given[OPTION_SIZE], CONTROL_SIZE, size);
    ask_number(request, options->given[OPTION_INTERVAL], CONTROL_INTERVAL, display->interval_ns);
    ask_number(request, display->width > 0, CONTROL_WIDTH, display->width);
    ask_number(request, display->height > 0, CONTROL_HEIGHT, display->height);
    ask_number(request, options->given[OPTION_START_FILL], CONTROL_START_FILL,
               options->start_fill_percent);
    ask_number(request, options->given[OPTION_RESUME_FILL], CONTROL_RESUME_FILL,
               options->resume_fill_percent);
    return ask_text(request, CONTROL_FORMAT, "--format", options_display_format(options, format)) &&
           ask_text(request, CONTROL_NAME, "--name", options->name);
}

static bool ask_report(struct control_request *request, const struct options *options)
{
    bool json = options->report_count > 0 && options->reports[0].format == REPORT_JSON;
    request->report = json ? CONTROL_REPORT_JSON : CONTROL_REPORT_TEXT;
    request->verbose = options->verbose;
    request->si = options->si;
    return true;
}

static bool compose(struct asking *asking, const struct options *options)
{
    struct control_request request = {0};
    if (!(options->query != 0 ? ask_report(&request, options) : ask_change(&request, options)))
        return false;
    asking->request_length = control_compose(asking->request, sizeof asking->request, &request);
    if (asking->request_length == 0)
        message_print("--format, --name: are too long");
    return asking->request_length > 0;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Waits for `events` on `fd`, or without events just waits. At most `most_ns`, and not beyond the
 * deadline. */
static void wait_for(const struct asking *asking, int fd, short events, int64_t most_ns)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    uint64_t now = platform_now();
    int64_t left = now < asking->deadline_ns ? (int64_t)(asking->deadline_ns - now) : 0;
    (void)platform_poll_or_nap(&poll_fd, 1, left < most_ns ? left : most_ns);
}

static bool may_wait(const struct asking *asking)
{
    return platform_now() < asking->deadline_ns;
}

/* Returns a socket that is connected to the listener at `path`, or -1 with errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address;
    int fd = control_socket(&address, path), result;
    if (fd < 0)
        return -1;
    do
        result = connect(fd, (const struct sockaddr *)&address, (socklen_t)sizeof address);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool not_yet(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Connects to the process in whichever runtime folder its socket is. `found` is also set if its
 * queue is full. */
static int connect_to_process(struct asking *asking)
{
    int fd = -1;
    for (unsigned which = 0; which < RUNTIME_DIRS && fd < 0; which++) {
        char *path = runtime_path_in(which, NULL, asking->pid);
        if (path != NULL)
            fd = connect_to(path);
        asking->found |= path != NULL && (fd >= 0 || not_yet());
        free(path);
    }
    return fd;
}

/* Sends the request and receives the answer. True: there is an answer. */
static bool exchange(struct asking *asking, int fd)
{
    ssize_t bytes;
    while (send(fd, asking->request, asking->request_length, MSG_NOSIGNAL) < 0 && not_yet() &&
           may_wait(asking))
        wait_for(asking, fd, POLLOUT, INT64_MAX);
    while ((bytes = recv(fd, asking->answer, CONTROL_ANSWER + 1, 0)) < 0 && not_yet() &&
           may_wait(asking))
        wait_for(asking, fd, POLLIN, INT64_MAX);
    asking->length = bytes > 0 ? (size_t)bytes : 0;
    return bytes > 0;
}

/* Whether the process belongs to this user. True also if that is not known (proc(5)). */
static bool is_own(long pid)
{
    struct stat status;
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld", pid);
    return stat(path, &status) != 0 || status.st_uid == geteuid();
}

/* Asks until there is an answer or the deadline. Returns NULL, or the reason why there is no
 * answer. */
static const char *ask(struct asking *asking)
{
    bool answered = false, exists;
    asking->deadline_ns = platform_now() + CONTROL_PATIENCE_NS;
    do {
        exists = kill((pid_t)asking->pid, 0) == 0;
        int error = errno;
        if (!exists && error != ESRCH)
            return error == EPERM ? another_user : strerror(error);
        int fd = exists ? connect_to_process(asking) : -1;
        if (fd >= 0) {
            answered = exchange(asking, fd);
            close(fd);
        }
        if (!answered && exists)
            wait_for(asking, -1, 0, AGAIN_NS);
    } while (!answered && exists && may_wait(asking));
    if (answered)
        return NULL;
    if (!exists)
        return strerror(ESRCH);
    if (asking->found)
        return "does not answer";
    return is_own(asking->pid) ? not_found : another_user;
}

/* --- the answer ------------------------------------------------------------------------------- */

static int print(const char *bytes, size_t length)
{
    if (!descriptor_was_inherited(STDOUT_FILENO) && length > 0)
        return -1;
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written < 0 && errno != EINTR)
            return -1;
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* The answer is "ok\n" and a report, or "error: REASON\n". */
static int take_answer(const struct asking *asking)
{
    static const char ok[] = "ok\n", error[] = "error: ";
    const char *answer = asking->answer;
    size_t length = asking->length;
    if (length >= strlen(ok) && memcmp(answer, ok, strlen(ok)) == 0) {
        if (print(answer + strlen(ok), length - strlen(ok)) == 0)
            return EXIT_OK;
        message_print("stdout: %s", strerror(errno));
        return EXIT_FAILED;
    }
    if (length > strlen(error) && memcmp(answer, error, strlen(error)) == 0)
        message_print("PID %ld: %.*s", asking->pid, (int)(length - strlen(error) - 1),
                      answer + strlen(error));
    else
        message_print("PID %ld: invalid answer", asking->pid);
    return EXIT_FAILED;
}

static void tell(const struct asking *asking, const char *reason)
{
    char *refused = reason == not_found ? runtime_dir_refused() : NULL;
    if (refused != NULL)
        message_print("%s", refused);
    message_print("PID %ld: %s", asking->pid, refused != NULL ? "no control socket" : reason);
    free(refused);
}

int control_client_run(const struct options *options)
{
    struct asking asking = {.pid = options->query != 0 ? options->query : options->remote,
                            .answer = malloc(CONTROL_ANSWER + 1)};
    int status = EXIT_FAILED;
    if (asking.answer == NULL) {
        message_print("%s", strerror(ENOMEM));
        return EXIT_FAILED;
    }
    if (compose(&asking, options)) {
        const char *reason = ask(&asking);
        runtime_sweep(true);
        if (reason == NULL)
            status = take_answer(&asking);
        else
            tell(&asking, reason);
    }
    free(asking.answer);
    return status;
}
