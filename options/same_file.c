/*
 * same_file.c - see same_file.h.
 *
 * Each of bpipe's own files is compared with all others, with a stat(2) for each pair. There are
 * few of them, and in most runs none is a file.
 */
#include "options/same_file.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "base/same_inode.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The maximum number of links in a row that Linux follows (path_resolution(7)); the size of a name
 * in a folder, with its NUL. */
enum { LINKS_AT_MOST = 40, LAST_NAME = 256 };

/* The file that a name leads to. */
struct identity {
    const char *name;
    int fd; /* the descriptor that it names, or -1 */
    bool exists;
    struct stat status;   /* of the file; if there is none, of the folder that it would be in */
    char last[LAST_NAME]; /* its name in that folder; "": it exists, or cannot be created */
};

/* --- identities ----------------------------------------------------------------------------- */

/* Replaces the path by the target of its symbolic link, repeatedly. The last target need not exist.
 * False: the links form a circle, or the path is too long. */
static bool follow_links(char path[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t length;
    for (int links = 0; (length = readlink(path, target, sizeof target - 1)) >= 0; links++) {
        const char *slash = strrchr(path, '/');
        size_t folder = target[0] == '/' || slash == NULL ? 0 : (size_t)(slash - path) + 1;
        if (links == LINKS_AT_MOST || folder + (size_t)length >= PATH_MAX)
            return false;
        memcpy(path + folder, target, (size_t)length);
        path[folder + (size_t)length] = '\0';
    }
    return true;
}

/* Finds where a file that does not exist would be created: its folder, and its name there. */
static void find_place(struct identity *identity, const char *path)
{
    char text[PATH_MAX];
    if (snprintf(text, sizeof text, "%s", path) >= (int)sizeof text || !follow_links(text))
        return;
    char *slash = strrchr(text, '/');
    const char *last = slash == NULL ? text : slash + 1;
    if (strlen(last) >= sizeof identity->last)
        return;
    memcpy(identity->last, last, strlen(last) + 1);
    if (slash != NULL)
        slash[1] = '\0';
    if (stat(slash == NULL ? "." : text, &identity->status) != 0)
        identity->last[0] = '\0';
}

static struct identity identify_path(const char *path)
{
    struct identity identity = {.name = path, .fd = -1};
    identity.exists = stat(path, &identity.status) == 0;
    if (!identity.exists)
        find_place(&identity, path);
    return identity;
}

/* A descriptor that bpipe has opened itself counts as not existing. */
static struct identity identify_descriptor(const char *name, int fd)
{
    struct identity identity = {.name = name, .fd = fd};
    identity.exists = descriptor_was_inherited(fd) && fstat(fd, &identity.status) == 0;
    return identity;
}

/* `name` is an endpoint, or the FILE of a report. A unix socket has a path like a file. The text of
 * another network endpoint counts as not existing, and so does "" (a command). */
static struct identity identify(const char *name, int dash)
{
    struct address address;
    if (address_is_unix(address_kind_of(name)) && address_parse(&address, name) == NULL)
        return identify_path(address.path);
    if (*name == '\0' || address_kind_of(name) != ADDRESS_NONE)
        return (struct identity){.name = name, .fd = -1};
    int fd = descriptor_inherited_number(name, dash);
    return fd >= 0 ? identify_descriptor(name, fd) : identify_path(name);
}

/* Whether both are one regular file or block device, so that each could overwrite the other. */
static bool same_storage(const struct identity *a, const struct identity *b)
{
    if (a->exists && b->exists) {
        if (S_ISBLK(a->status.st_mode) && S_ISBLK(b->status.st_mode))
            return a->status.st_rdev == b->status.st_rdev;
        return S_ISREG(a->status.st_mode) && same_inode(&a->status, &b->status);
    }
    return !a->exists && !b->exists && a->last[0] != '\0' && same_inode(&a->status, &b->status) &&
           strcmp(a->last, b->last) == 0;
}

/* Whether both are one regular file, block device or pipe. */
static bool same_storage_or_pipe(const struct identity *a, const struct identity *b)
{
    bool pipes = a->exists && b->exists && S_ISFIFO(a->status.st_mode);
    return same_storage(a, b) || (pipes && same_inode(&a->status, &b->status));
}

/* Whether both are the same descriptor, name, file, pipe or socket. Two different names of a
 * terminal or of /dev/null do not count, since several writers can share these. */
static bool same_target(const struct identity *a, const struct identity *b)
{
    if (*a->name == '\0' || *b->name == '\0')
        return false;
    if (a->fd >= 0 && b->fd >= 0 && a->fd == b->fd)
        return true;
    if (a->fd < 0 && b->fd < 0 && strcmp(a->name, b->name) == 0)
        return true;
    bool sockets = a->exists && b->exists && S_ISSOCK(a->status.st_mode);
    return same_storage_or_pipe(a, b) || (sockets && same_inode(&a->status, &b->status));
}

bool same_file_as(const char *name, const char *other, int dash)
{
    struct identity a = identify(name, STDOUT_FILENO), b = identify(other, dash);
    return same_storage(&a, &b);
}

/* --- open file descriptions ------------------------------------------------------------------ */

static bool appends(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_APPEND) != 0;
}

/*
 * Whether two descriptors of one file share their position and flags (open(2), "open file
 * description"). The test changes a flag of one and looks for the change in the other. It uses
 * O_NONBLOCK, which has no effect on a file, and restores it at once.
 */
static bool same_description(int a, int b)
{
    if (a == b)
        return true;
    int flags = fcntl(a, F_GETFL);
    if (flags < 0 || fcntl(b, F_GETFL) != flags || lseek(a, 0, SEEK_CUR) != lseek(b, 0, SEEK_CUR) ||
        fcntl(a, F_SETFL, flags ^ O_NONBLOCK) != 0)
        return false;
    bool shared = fcntl(b, F_GETFL) != flags;
    (void)fcntl(a, F_SETFL, flags);
    return shared;
}

/* Whether messages and the data of an output to the same file would overwrite each other. */
static bool stderr_overwrites(const struct options *options, const struct identity *output)
{
    if (output->fd >= 0)
        return !same_description(STDERR_FILENO, output->fd) &&
               !(appends(STDERR_FILENO) && appends(output->fd));
    return !(options->file_mode == FILE_APPEND && appends(STDERR_FILENO));
}

/* Whether a message itself would overwrite data in the file. */
static bool message_overwrites(const struct identity *own)
{
    return S_ISBLK(own->status.st_mode) ||
           (S_ISREG(own->status.st_mode) && !appends(STDERR_FILENO) &&
            lseek(STDERR_FILENO, 0, SEEK_CUR) < own->status.st_size);
}

/* --- bpipe's own files ------------------------------------------------------------------------ */

enum own_kind { OWN_STDERR, OWN_REPORT, OWN_PIDFILE, OWN_SPOOL };

struct own_file {
    enum own_kind kind;
    struct identity identity;
    bool replaced; /* a report that replaces the file */
};

static const char taken[] = "is also an input, output or report";
static const char taken_by_stderr[] = "is also the file of stderr";

/* Index 0 is standard error; the reports, the pidfile and the spool follow. False: the run has no
 * such file. */
static bool get_own(const struct options *options, size_t index, struct own_file *own)
{
    const char *name = NULL;
    *own = (struct own_file){.kind = OWN_STDERR};
    if (index == 0) {
        own->identity = identify_descriptor("stderr", STDERR_FILENO);
        return true;
    }
    if (index <= options->report_count) {
        const struct report_spec *report = &options->reports[index - 1];
        own->kind = OWN_REPORT;
        name = report->path;
    } else if (index == options->report_count + 1) {
        own->kind = OWN_PIDFILE;
        name = options->pidfile;
    } else {
        own->kind = OWN_SPOOL;
        name = options->spool;
    }
    if (name == NULL)
        return false;
    own->identity = own->kind == OWN_REPORT ? identify(name, STDOUT_FILENO) : identify_path(name);
    const struct identity *identity = &own->identity;
    own->replaced = own->kind == OWN_REPORT && identity->fd < 0 &&
                    options->reports[index - 1].format == REPORT_PROMETHEUS &&
                    (!identity->exists || S_ISREG(identity->status.st_mode));
    return true;
}

/* --- conflicts: each function returns the reason, or NULL ------------------------------------- */

static const char *clash_with_output(const struct options *options, const struct own_file *own,
                                     const char *text)
{
    struct identity output = identify(text, STDOUT_FILENO);
    const struct identity *identity = &own->identity;
    switch (own->kind) {
    case OWN_STDERR:
        return same_storage(identity, &output) && stderr_overwrites(options, &output)
                   ? "is also an output: messages would overwrite the data"
                   : NULL;
    case OWN_REPORT:
        return same_target(identity, &output) ? "is an output too: give the report another file"
                                              : NULL;
    case OWN_PIDFILE:
    case OWN_SPOOL:
        break;
    }
    return same_storage(identity, &output) ? taken : NULL;
}

static const char *clash_with_input(const struct own_file *own, const char *text)
{
    struct identity input = identify(text, STDIN_FILENO);
    const struct identity *identity = &own->identity;
    switch (own->kind) {
    case OWN_STDERR:
        return same_storage_or_pipe(identity, &input)
                   ? "is also an input: messages would become data"
                   : NULL;
    case OWN_REPORT:
        return same_storage_or_pipe(identity, &input) ? "is an input; the report would overwrite it"
                                                      : NULL;
    case OWN_PIDFILE:
    case OWN_SPOOL:
        break;
    }
    return same_storage(identity, &input) ? taken : NULL;
}

/* `path` is a file that is read besides the inputs. Messages to it are allowed. */
static const char *clash_with_argument(const struct own_file *own, const char *path)
{
    if (own->kind == OWN_STDERR)
        return NULL;
    struct identity argument = identify_path(path);
    return same_storage(&own->identity, &argument) ? "is read for --size or --expect-end" : NULL;
}

static const char *clash_with_own(const struct own_file *own, const struct own_file *earlier)
{
    const struct identity *a = &own->identity, *b = &earlier->identity;
    if (own->kind != OWN_REPORT)
        return !same_storage(a, b)            ? NULL
               : earlier->kind == OWN_STDERR  ? taken_by_stderr
               : earlier->kind == OWN_PIDFILE ? "is also the pidfile"
                                              : taken;
    if (earlier->kind == OWN_STDERR)
        return own->replaced && same_storage(a, b) ? taken_by_stderr : NULL;
    bool same = (a->fd >= 0 && a->fd == b->fd) ||
                (a->fd < 0 && b->fd < 0 && strcmp(a->name, b->name) == 0) || same_storage(a, b);
    return same ? "two reports cannot share a file" : NULL;
}

static const char *clash_with_data(const struct options *options, const struct own_file *own)
{
    const char *reason = NULL;
    for (size_t i = 0; i < options->output_count && !options->discard && reason == NULL; i++)
        reason = clash_with_output(options, own, options->outputs[i]);
    for (size_t i = 0; i < options->tap_count && reason == NULL; i++)
        reason = clash_with_output(options, own, options->taps[i]);
    for (size_t i = 0; i < options->input_count && reason == NULL; i++)
        reason = clash_with_input(own, options->inputs[i]);
    if (reason == NULL && options->size_path != NULL)
        reason = clash_with_argument(own, options->size_path);
    if (reason == NULL && options->expect_end != NULL && *options->expect_end == '@')
        reason = clash_with_argument(own, options->expect_end + 1);
    return reason;
}

/* Whether it is standard error and cannot conflict: it is closed, a socket, a terminal or
 * /dev/null. */
static bool is_harmless(const struct own_file *own)
{
    const struct identity *identity = &own->identity;
    mode_t mode = identity->status.st_mode;
    return own->kind == OWN_STDERR &&
           (!identity->exists || (!S_ISREG(mode) && !S_ISBLK(mode) && !S_ISFIFO(mode)));
}

int same_file_check(const struct options *options)
{
    struct own_file own, earlier;
    for (size_t i = 0; i < options->report_count + 3; i++) {
        if (!get_own(options, i, &own) || is_harmless(&own))
            continue;
        const char *reason = clash_with_data(options, &own);
        for (size_t j = 0; j < i && reason == NULL; j++)
            if (get_own(options, j, &earlier))
                reason = clash_with_own(&own, &earlier);
        if (reason == NULL)
            continue;
        if (own.kind != OWN_STDERR || !message_overwrites(&own.identity))
            message_print("%s%s: %s",
                          own.kind == OWN_PIDFILE ? "--pidfile: "
                          : own.kind == OWN_SPOOL ? "--spool: "
                                                  : "",
                          own.identity.name, reason);
        return -1;
    }
    return 0;
}
