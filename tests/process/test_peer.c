/*
 * test_peer.c - the process at the other end: of pipes to children, of FIFOs, of sockets.
 *
 * A child writes a byte when it holds the descriptors with which it must be found. It ends when its
 * end of another pipe is closed. On a portable build nothing is found, and that is tested.
 */
#include "base/platform.h"
#include "base/platform_process.h"
#include "process/peer.h"
#include "tests/process/process_stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/bpipe-peer-XXXXXX";

/* --- children --------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int told; /* it writes a byte here */
};

/* A child that keeps `keep` open, closes `drop`, uses the processor for `busy_ns`, writes a byte,
 * and waits to be killed. With `apart` in a process group of its own. */
static struct child start(int keep, int drop, uint64_t busy_ns, bool apart)
{
    int told[2];
    char byte = 0;
    if (pipe(told) != 0)
        abort();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        if (apart)
            setpgid(0, 0);
        close(drop);
        while (platform_usage().cpu_ns < busy_ns)
            continue;
        if (write(told[1], &keep, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(told[1]);
    if (pid < 0 || read(told[0], &byte, 1) != 1)
        abort();
    return (struct child){.pid = pid, .told = told[0]};
}

static void stop(const struct child *child)
{
    close(child->told);
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
}

/* A whole search for one pipe: the process that it found. */
static struct meter_peer search(int fd, bool writes)
{
    struct meter_peer peer = {0};
    struct peer_pipe pipe = {.fd = fd, .writes = writes, .peer = &peer};
    struct peer_search *search = peer_search_begin(&pipe, 1);
    while (search != NULL && peer_search_step(search))
        continue;
    peer_search_end(search);
    return peer;
}

static bool finds(int fd, bool writes, pid_t pid)
{
    struct meter_peer peer = search(fd, writes);
    long wanted = stage_has_proc() ? (long)pid : 0;
    if (peer.pid != wanted)
        tap_note("found %ld (%s) instead of %ld", peer.pid, peer.command, wanted);
    return peer.pid == wanted;
}

static bool is_there(int fd, bool writes, pid_t pid)
{
    struct meter_peer peer = {.pid = pid, .command = "test_peer"};
    return peer_is_there(&(struct peer_pipe){.fd = fd, .writes = writes, .peer = &peer});
}

/* --- pipes ------------------------------------------------------------------------------------ */

static void test_ends(void)
{
    int fds[2];
    if (pipe(fds) != 0)
        abort();
    tap_ok(finds(fds[0], false, 0), "a pipe that only we hold has no process at the other end");
    struct child writer = start(fds[1], fds[0], 0, false);
    struct child reader = start(fds[0], fds[1], 0, false);
    tap_ok(finds(fds[0], false, writer.pid), "the writer of a pipe that we read");
    tap_ok(finds(fds[1], true, reader.pid), "the reader of a pipe that we write");
    tap_ok(is_there(fds[0], false, writer.pid) == stage_has_proc(), "the writer is there");
    tap_ok(!is_there(fds[1], true, writer.pid), "the writer is not a reader");
    struct meter_peer changed = {.pid = writer.pid, .command = "sh"};
    struct peer_pipe read_end = {.fd = fds[0], .peer = &changed};
    tap_ok(!peer_is_there(&read_end), "a process that now runs another program is not there");
    stop(&writer);
    tap_ok(!is_there(fds[0], false, writer.pid), "the writer is gone");
    tap_ok(finds(fds[0], false, 0), "a writer that is gone is not found");
    stop(&reader);
    close(fds[0]);
    close(fds[1]);
}

static void test_several_holders(void)
{
    int fds[2];
    if (pipe(fds) != 0)
        abort();
    struct child idle = start(fds[1], fds[0], 0, false);
    struct child busy = start(fds[1], fds[0], 30000000, false);
    struct child late = start(fds[1], fds[0], 0, false);
    struct child other = start(fds[1], fds[0], 90000000, true);
    tap_ok(finds(fds[0], false, busy.pid), "of several writers the busiest of our group is found");
    stop(&busy);
    stop(&idle);
    stop(&late);
    tap_ok(finds(fds[0], false, other.pid), "then a writer of another group is found");
    stop(&other);
    close(fds[0]);
    close(fds[1]);
}

static void test_many_pipes(void)
{
    enum { PIPES = 3 };
    struct meter_peer peers[PIPES + 1] = {{0}};
    struct peer_pipe pipes[PIPES + 1];
    struct child writers[PIPES];
    bool right = true;
    for (int i = 0; i < PIPES; i++) {
        int fds[2];
        if (pipe(fds) != 0)
            abort();
        writers[i] = start(fds[1], fds[0], 0, i == 1);
        close(fds[1]);
        pipes[i] = (struct peer_pipe){.fd = fds[0], .peer = &peers[i]};
    }
    pipes[PIPES] = (struct peer_pipe){.fd = open("/dev/null", O_RDONLY), .peer = &peers[PIPES]};
    struct peer_search *search = peer_search_begin(pipes, PIPES + 1);
    for (int i = 0; i <= PIPES; i++)
        close(pipes[i].fd);
    while (search != NULL && peer_search_step(search))
        continue;
    peer_search_end(search);
    for (int i = 0; i < PIPES; i++) {
        right &= peers[i].pid == (stage_has_proc() ? (long)writers[i].pid : 0);
        stop(&writers[i]);
    }
    tap_ok(right, "several pipes in one search, in two groups, closed meanwhile");
    tap_ok(peers[PIPES].pid == 0, "a file has no peer");
}

static void test_nothing_to_look_for(void)
{
    struct meter_peer peer = {.pid = 7};
    struct peer_pipe file = {.fd = open("/dev/null", O_RDONLY), .peer = &peer};
    struct peer_pipe closed = {.fd = 1000, .peer = &peer};
    tap_ok(peer_search_begin(&file, 1) == NULL, "no search for a file");
    tap_ok(peer_search_begin(&closed, 1) == NULL, "nor for a descriptor that is not open");
    tap_ok(peer_search_begin(NULL, 0) == NULL, "nor for an empty list");
    tap_ok(peer.pid == 7, "the peer is unchanged");
    peer_search_end(NULL);
    close(file.fd);
}

static void test_ended_early(void)
{
    int fds[2];
    struct meter_peer peer = {0};
    if (pipe(fds) != 0)
        abort();
    struct peer_pipe pipe = {.fd = fds[0], .peer = &peer};
    struct peer_search *search = peer_search_begin(&pipe, 1);
    if (search != NULL)
        (void)peer_search_step(search);
    peer_search_end(search);
    tap_ok((search != NULL) == stage_has_proc(), "a search that is ended before it has seen all");
    close(fds[0]);
    close(fds[1]);
}

static void test_fifo(void)
{
    if (mkfifo("fifo", 0600) != 0 || mkfifo("other", 0600) != 0)
        abort();
    int fd = open("fifo", O_RDWR | O_CLOEXEC), other = open("other", O_RDWR | O_CLOEXEC);
    struct child stranger = start(other, fd, 0, false);
    tap_ok(finds(fd, false, 0), "a process that has another FIFO open is not found");
    struct child both = start(fd, other, 0, false);
    tap_ok(finds(fd, false, both.pid) && finds(fd, true, both.pid),
           "a process that has a FIFO open for both holds both ends");
    unlink("fifo");
    tap_ok(finds(fd, true, both.pid), "a FIFO is searched for even if its name is gone");
    stop(&both);
    stop(&stranger);
    unlink("other");
    close(fd);
    close(other);
}

/* Root sees all processes, so the child that looks becomes the user nobody. */
static void test_permission(void)
{
    int fds[2], status;
    if (getuid() != 0 || !stage_has_proc()) {
        tap_ok(true, "# SKIP of another user's process: needs root, and Linux");
        return;
    }
    if (pipe(fds) != 0)
        abort();
    struct child writer = start(fds[1], fds[0], 0, false);
    fflush(stdout);
    pid_t looker = fork();
    if (looker == 0) {
        close(fds[1]);
        bool nobody = setgid(65534) == 0 && setuid(65534) == 0;
        _exit(nobody && search(fds[0], false).pid == 0 ? 0 : 1);
    }
    tap_ok(waitpid(looker, &status, 0) == looker && status == 0,
           "a process that we may not look at is not found");
    stop(&writer);
    close(fds[0]);
    close(fds[1]);
}

/* --- commands --------------------------------------------------------------------------------- */

/* Starts sleep(1) under another name, with a pipe as its stdin. */
static pid_t start_called(const char *name, int input, int output)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(input, STDIN_FILENO);
        close(input);
        close(output);
        execl(name, name, "60", (char *)NULL);
        _exit(1);
    }
    return pid;
}

static bool exists(const char *path)
{
    return access(path, X_OK) == 0;
}

static void test_odd_command(void)
{
    int fds[2];
    struct meter_peer peer = {0};
    const char *sleep_path = exists("/bin/sleep") ? "/bin/sleep" : "/usr/bin/sleep";
    if (!stage_has_proc() || symlink(sleep_path, "a (b) \n\x01)") != 0 || pipe(fds) != 0) {
        tap_ok(true, "# SKIP a command with odd characters: needs Linux and sleep(1)");
        return;
    }
    pid_t pid = start_called("a (b) \n\x01)", fds[0], fds[1]);
    uint64_t deadline = platform_now() + 30 * NS_PER_SEC;
    while (strcmp(peer.command, "a (b) \n\x01)") != 0 && platform_now() < deadline)
        peer = search(fds[1], true);
    tap_ok(peer.pid == pid && strcmp(peer.command, "a (b) \n\x01)") == 0,
           "a command with blanks, parentheses, a newline");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink("a (b) \n\x01)");
    close(fds[0]);
    close(fds[1]);
}

/* execve(2) sets the name of a process first, and then its command line. */
static bool has_arguments(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    FILE *file = fopen(path, "r");
    bool has = file != NULL && getc(file) != EOF;
    if (file != NULL)
        (void)fclose(file);
    return has;
}

/* A child that is called bpipe and has this argument, in our process group or in one of its own. */
static pid_t start_bpipe(const char *argument, bool apart, bool elsewhere)
{
    char command[METER_COMMAND_TEXT] = "";
    uint64_t deadline = stage_deadline();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        if (apart)
            setpgid(0, 0);
        if (elsewhere && freopen("elsewhere", "w", stderr) == NULL)
            _exit(1);
        execl("./bpipe", "bpipe", argument, (char *)NULL);
        _exit(1);
    }
    while ((!peer_command(pid, command) || strcmp(command, "bpipe") != 0 || !has_arguments(pid)) &&
           stage_again(deadline))
        continue;
    return pid;
}

/* Whether a search sees another bpipe. */
static bool sees_bpipe(int fd)
{
    struct meter_peer peer = {0};
    struct peer_pipe pipe = {.fd = fd, .peer = &peer};
    struct peer_search *search = peer_search_begin(&pipe, 1);
    while (search != NULL && peer_search_step(search))
        continue;
    bool saw = search != NULL && peer_search_saw_bpipe(search);
    peer_search_end(search);
    return saw;
}

static void test_other_bpipes(void)
{
    static const struct {
        const char *argument, *what;
        bool apart, elsewhere, counts;
    } others[] = {
        {"-v", "another bpipe in our process group", false, false, true},
        {"-v", "but none of another group", true, false, false},
        {"-v", "nor one with another stderr", false, true, false},
        {"-Q7", "nor a client", false, false, false},
        {"--rem=7", "of either kind", false, false, false},
    };
    int fds[2];
    FILE *script = stage_has_proc() ? fopen("bpipe", "w") : NULL;
    if (script == NULL || pipe(fds) != 0) {
        tap_ok(true, "# SKIP other bpipes: needs Linux");
        return;
    }
    fprintf(script, "#!/bin/sh\nkill -STOP $$\n");
    if (fclose(script) != 0 || chmod("bpipe", 0700) != 0)
        abort();
    tap_ok(!sees_bpipe(fds[0]), "there is no other bpipe");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        pid_t pid = start_bpipe(others[i].argument, others[i].apart, others[i].elsewhere);
        tap_ok(sees_bpipe(fds[0]) == others[i].counts, "%s", others[i].what);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    unlink("bpipe");
    unlink("elsewhere");
    close(fds[0]);
    close(fds[1]);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static void test_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char expected[METER_ADDRESS_TEXT];
    struct meter_peer peer = {0};
    int listening = socket(AF_INET, SOCK_STREAM, 0), connected = socket(AF_INET, SOCK_STREAM, 0);
    tap_ok(!peer_of_socket(connected, &peer) && peer.address[0] == '\0', "not connected: no peer");
    if (bind(listening, (struct sockaddr *)&address, length) != 0 || listen(listening, 1) != 0 ||
        getsockname(listening, (struct sockaddr *)&address, &length) != 0 ||
        connect(connected, (struct sockaddr *)&address, length) != 0)
        abort();
    snprintf(expected, sizeof expected, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    tap_ok(peer_of_socket(connected, &peer) && strcmp(peer.address, expected) == 0 && peer.pid == 0,
           "TCP: %s", peer.address);
    close(connected);
    close(listening);
}

static void test_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    struct meter_peer peer = {0};
    int listening = socket(AF_UNIX, SOCK_STREAM, 0), told[2];
    char byte;
    if (bind(listening, (struct sockaddr *)&address, sizeof address) != 0 || pipe(told) != 0)
        abort();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        if (listen(listening, 1) == 0 && write(told[1], "l", 1) == 1)
            pause();
        _exit(0);
    }
    int connected = socket(AF_UNIX, SOCK_STREAM, 0);
    if (read(told[0], &byte, 1) != 1 ||
        connect(connected, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    tap_ok(peer_of_socket(connected, &peer) == stage_has_proc() &&
               peer.pid == (stage_has_proc() ? (long)child : 0),
           "a unix socket: the process that listens");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    peer = (struct meter_peer){0};
    tap_ok(!peer_of_socket(connected, &peer) && peer.pid == 0, "unless that process is gone");
    unlink("socket");
    close(told[0]);
    close(told[1]);
    close(listening);
    close(connected);
}

static void test_own_pair(void)
{
    struct meter_peer peer = {0};
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        abort();
    tap_ok(!peer_of_socket(fds[0], &peer) && peer.pid == 0, "we are not our own peer");
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    if (mkdtemp(directory) == NULL || chdir(directory) != 0)
        abort();
    signal(SIGPIPE, SIG_IGN);
    test_ends();
    test_several_holders();
    test_many_pipes();
    test_nothing_to_look_for();
    test_ended_early();
    test_fifo();
    test_permission();
    test_odd_command();
    test_other_bpipes();
    test_tcp();
    test_unix();
    test_own_pair();
    tap_ok(chdir("/") == 0 && rmdir(directory) == 0, "nothing is left behind");
    return tap_done();
}
