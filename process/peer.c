/*
 * peer.c - see peer.h.
 *
 * The text of a link, "pipe:[NUMBER]" or a FIFO's path, is compared first. So nothing but the links
 * of other processes' files is inspected: a stat(2) of such a file might wait for a network.
 */
#include "process/peer.h"

#include "base/platform_process.h"
#include "base/retry.h"
#include "net/address.h"
#include "options/command_line.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_TEXT = 64,
    LINK_TEXT = 512,     /* FIFOs with longer paths are not searched for */
    OPENING_COST = 8,    /* the cost of beginning with a process, in links */
    FILES_AT_MOST = 1024 /* descriptors that peer_is_there() looks at */
};

/* Whether a descriptor is the other end: open for that direction only, or for both, as in a process
 * that keeps a FIFO open, or has passed it on. */
enum likeness { OTHER, BOTH_ENDS, THE_END };

struct wanted {
    struct peer_pipe pipe;
    char link[LINK_TEXT];
    dev_t device;
    ino_t inode;
    enum likeness likeness;
    long pid; /* the best candidate so far; 0: none */
    uint64_t cpu_ns;
    bool found; /* the candidate was reported */
};

struct peer_search {
    struct platform_listing processes;
    struct platform_listing files; /* of `pid` */
    long pid;                      /* 0: the next process must be chosen */
    pid_t own, group;
    bool others;    /* the second pass */
    bool saw_bpipe; /* another one, in the group */
    size_t count;
    struct wanted wanted[];
};

/* --- what a process is called --------------------------------------------------------------- */

enum { CMDLINE_TEXT = 4096 };

/* Reads a file of a process, and puts a NUL after it. Returns the number of bytes; 0: there are
 * none. */
static size_t read_file(long pid, const char *file, char *text, size_t size)
{
    char path[PATH_TEXT];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, file);
    int fd = retry_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ssize_t bytes = retry_read_all(fd, text, size - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0 ? (size_t)bytes : 0;
}

/* Reads the name of a process, without the newline. Returns false if there is none. */
static bool read_command(long pid, char command[METER_COMMAND_TEXT])
{
    size_t length = read_file(pid, "comm", command, METER_COMMAND_TEXT);
    if (length > 0 && command[length - 1] == '\n')
        command[length - 1] = '\0';
    return length > 0;
}

bool peer_command(long pid, char command[METER_COMMAND_TEXT])
{
    char words[CMDLINE_TEXT];
    if (!read_command(pid, command))
        return false;
    if (strcmp(command, "bpipe") != 0)
        return true;
    size_t length = read_file(pid, "cmdline", words, sizeof words);
    const char *name = command_line_option(words, length, OPTION_NAME);
    if (name != NULL && name[0] != '\0')
        snprintf(command, METER_COMMAND_TEXT, "bpipe %s", name);
    return true;
}

/* The text of the link to a process's stderr. False: it is unknown. */
static bool stderr_of(long pid, char text[LINK_TEXT])
{
    char path[PATH_TEXT];
    snprintf(path, sizeof path, "/proc/%ld/fd/2", pid);
    ssize_t length = readlink(path, text, LINK_TEXT - 1);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static bool shares_stderr(long pid)
{
    char own[LINK_TEXT], other[LINK_TEXT];
    return stderr_of((long)getpid(), own) && stderr_of(pid, other) && strcmp(own, other) == 0;
}

/* Whether the process is a bpipe that carries data, not a client of -R or -Q, and reports to the
 * same place as this one. During execve(2) it has its new name already, and no command line yet. */
static bool is_stage(long pid)
{
    char words[CMDLINE_TEXT], command[METER_COMMAND_TEXT];
    if (!read_command(pid, command) || strcmp(command, "bpipe") != 0 || !shares_stderr(pid))
        return false;
    size_t length = read_file(pid, "cmdline", words, sizeof words);
    return length > 0 && command_line_option(words, length, OPTION_REMOTE) == NULL &&
           command_line_option(words, length, OPTION_QUERY) == NULL;
}

/* --- pipes ---------------------------------------------------------------------------------- */

/* Fills in the properties of the end to find. False: not a pipe, or no /proc. */
static bool describe(struct wanted *wanted, const struct peer_pipe *pipe)
{
    char path[PATH_TEXT];
    struct stat status;
    *wanted = (struct wanted){.pipe = *pipe};
    if (fstat(pipe->fd, &status) != 0 || !S_ISFIFO(status.st_mode))
        return false;
    wanted->device = status.st_dev;
    wanted->inode = status.st_ino;
    snprintf(path, sizeof path, "/proc/self/fd/%d", pipe->fd);
    ssize_t length = readlink(path, wanted->link, sizeof wanted->link);
    return length > 0 && length < LINK_TEXT;
}

/* How closely descriptor `name` in `files` matches the other end. `text` is the text of its
 * link. */
static enum likeness likeness_of(const struct wanted *wanted, const char *text, int files,
                                 const char *name)
{
    struct stat link, file;
    const mode_t both = S_IRUSR | S_IWUSR;
    mode_t end = wanted->pipe.writes ? S_IRUSR : S_IWUSR;
    if (strcmp(text, wanted->link) != 0 || fstatat(files, name, &link, AT_SYMLINK_NOFOLLOW) != 0 ||
        (link.st_mode & end) == 0 || fstatat(files, name, &file, 0) != 0 ||
        file.st_dev != wanted->device || file.st_ino != wanted->inode)
        return OTHER;
    return (link.st_mode & both) == both ? BOTH_ENDS : THE_END;
}

/* The text of a link; "" if there is none. */
static void read_link(int files, const char *name, char text[LINK_TEXT])
{
    ssize_t length = readlinkat(files, name, text, LINK_TEXT - 1);
    text[length > 0 ? length : 0] = '\0';
}

bool peer_is_there(const struct peer_pipe *pipe)
{
    struct wanted wanted;
    char text[LINK_TEXT], command[METER_COMMAND_TEXT];
    if (!peer_command(pipe->peer->pid, command) || strcmp(command, pipe->peer->command) != 0)
        return false;
    struct platform_listing files;
    if (!describe(&wanted, pipe) || platform_list_descriptors(&files, pipe->peer->pid) != 0)
        return false;
    const char *file = NULL;
    bool there = false;
    for (int i = 0; i < FILES_AT_MOST && !there; i++) {
        if ((file = platform_next_name(&files)) == NULL)
            break;
        read_link(files.fd, file, text);
        there = likeness_of(&wanted, text, files.fd, file) != OTHER;
    }
    platform_end_list(&files);
    return file != NULL;
}

/* --- the search ----------------------------------------------------------------------------- */

struct peer_search *peer_search_begin(const struct peer_pipe pipes[], size_t count)
{
    struct peer_search *search = calloc(1, sizeof *search + count * sizeof search->wanted[0]);
    if (search == NULL)
        return NULL;
    search->own = getpid();
    search->group = getpgrp();
    for (size_t i = 0; i < count; i++)
        search->count += describe(&search->wanted[search->count], &pipes[i]);
    if (search->count > 0 && platform_list(&search->processes, "/proc") == 0)
        return search;
    free(search);
    return NULL;
}

void peer_search_end(struct peer_search *search)
{
    if (search == NULL)
        return;
    if (search->pid != 0)
        platform_end_list(&search->files);
    platform_end_list(&search->processes);
    free(search);
}

/* Makes the process the candidate for the end, unless one that matches better, or has used more
 * processor time, was seen before. */
static void propose(struct wanted *wanted, long pid, enum likeness likeness)
{
    uint64_t cpu_ns = platform_process_time((pid_t)pid);
    if (likeness < wanted->likeness ||
        (likeness == wanted->likeness && cpu_ns <= wanted->cpu_ns && wanted->pid != 0))
        return;
    wanted->likeness = likeness;
    wanted->pid = pid;
    wanted->cpu_ns = cpu_ns;
}

/* Looks at the next link of the process, or ends with the process. */
static void look_at_file(struct peer_search *search)
{
    char text[LINK_TEXT];
    const char *file = platform_next_name(&search->files);
    if (file == NULL) {
        platform_end_list(&search->files);
        search->pid = 0;
        return;
    }
    read_link(search->files.fd, file, text);
    for (size_t i = 0; i < search->count; i++) {
        struct wanted *wanted = &search->wanted[i];
        enum likeness likeness =
            wanted->found ? OTHER : likeness_of(wanted, text, search->files.fd, file);
        if (likeness != OTHER)
            propose(wanted, search->pid, likeness);
    }
}

bool peer_search_saw_bpipe(const struct peer_search *search)
{
    return search->saw_bpipe;
}

/* Begins with the next process, if it belongs to this pass. False: there is no other process. */
static bool next_process(struct peer_search *search, int *steps)
{
    const char *name = platform_next_name(&search->processes);
    if (name == NULL)
        return false;
    char *end;
    long pid = strtol(name, &end, 10);
    --*steps;
    if (pid <= 0 || *end != '\0' || pid == (long)search->own ||
        (getpgid((pid_t)pid) == search->group) == search->others)
        return true;
    if (!search->others && !search->saw_bpipe)
        search->saw_bpipe = is_stage(pid);
    search->pid = platform_list_descriptors(&search->files, pid) == 0 ? pid : 0;
    *steps -= OPENING_COST;
    return true;
}

/* A pass is over: reports the peers that it found. Returns whether any is still missing. */
static bool settle(struct peer_search *search)
{
    bool all = true;
    for (size_t i = 0; i < search->count; i++) {
        struct wanted *wanted = &search->wanted[i];
        struct meter_peer peer = {.pid = wanted->pid};
        if (!wanted->found && wanted->pid != 0 && peer_command(peer.pid, peer.command)) {
            *wanted->pipe.peer = peer;
            wanted->found = true;
        }
        all &= wanted->found;
    }
    return !all;
}

bool peer_search_step(struct peer_search *search)
{
    for (int steps = PEER_STEP; steps > 0;) {
        if (search->pid != 0) {
            look_at_file(search);
            steps--;
        } else if (!next_process(search, &steps)) {
            if (!settle(search) || search->others)
                return false;
            search->others = true;
            platform_list_again(&search->processes);
        }
    }
    return true;
}

/* --- sockets -------------------------------------------------------------------------------- */

static bool process_of_socket(int fd, struct meter_peer *peer)
{
    struct meter_peer found = {.pid = platform_socket_process(fd)};
    if (found.pid <= 0 || found.pid == (long)getpid() || !peer_command(found.pid, found.command))
        return false;
    *peer = found;
    return true;
}

bool peer_of_socket(int fd, struct meter_peer *peer)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    } address;
    socklen_t length = sizeof address;
    char text[ADDRESS_TEXT_SIZE];
    if (getpeername(fd, &address.any, &length) != 0)
        return false;
    if (address.any.sa_family == AF_UNIX)
        return process_of_socket(fd, peer);
    if (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6)
        return false;
    *peer = (struct meter_peer){0};
    snprintf(peer->address, sizeof peer->address, "%s", address_format(text, &address.any, length));
    return true;
}
