/*
 * input_size.c - see input_size.h. Sizes are measured when this runs; files may grow later.
 */
#include "io/input_size.h"

#include "base/descriptor.h"
#include "base/message.h"
#include "base/records.h"
#include "base/retry.h"
#include "io/inode_set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024,
    DEPTH_MOST = 2048, /* levels of directories: no path of PATH_MAX bytes has more */
    PATH_TEXT = 1024
};

/* The size of a block device, which stat(2) does not report: the offset of its end. The device is
 * opened anew, because an inherited descriptor shares its position. Negative if unknown. */
static off_t size_of_device(const char *path)
{
    int fd = retry_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (fd >= 0)
        (void)close(fd);
    return size;
}

/* --- -s @PATH --------------------------------------------------------------------------------- */

/* The counts so far. */
struct tally {
    enum record_kind records; /* these are counted if records_are_units(), else bytes */
    uint64_t size;
    struct inode_set linked; /* the counted files that have several names */
    uint64_t missed;         /* files and directories that could not be counted */
    int error;               /* errno of the first of these */
    char first[PATH_TEXT];   /* its path */
};

/* A name in the tree, and the directory that contains it. */
struct place {
    const struct place *above; /* NULL: `name` is the argument of -s */
    const char *name;
    unsigned depth;
};

/* Writes the path of a place; only the last part of a path that is too long. */
static void write_path(char path[PATH_TEXT], const struct place *place)
{
    size_t at = PATH_TEXT - 1;
    path[at] = '\0';
    for (; place != NULL; place = place->above) {
        size_t length = strlen(place->name);
        if (length + 1 > at)
            break;
        if (path[at] != '\0')
            path[--at] = '/';
        at -= length;
        memcpy(path + at, place->name, length);
    }
    memmove(path, path + at, PATH_TEXT - at);
}

/* Notes that the place could not be counted, for the reason in errno. */
static void miss(struct tally *tally, const struct place *place)
{
    if (tally->missed++ > 0)
        return;
    tally->error = errno;
    write_path(tally->first, place);
}

static int count_records_in(int fd, struct tally *tally)
{
    char buffer[READ_BYTES];
    ssize_t bytes;
    while ((bytes = read(fd, buffer, sizeof buffer)) != 0) {
        if (bytes > 0)
            tally->size += records_count(buffer, (size_t)bytes, tally->records);
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

/* Whether to count a regular file: 0 if another name of it was counted. -1 with errno. */
static int is_new(struct tally *tally, const struct stat *status)
{
    return status->st_nlink > 1 ? inode_set_add(&tally->linked, status->st_dev, status->st_ino) : 1;
}

static void add_place(struct tally *tally, int directory, const struct place *place);

/* Takes over the descriptor of a directory. Notes the entries that are missed; -1 with errno if the
 * whole directory is missed. */
static int add_directory(struct tally *tally, int fd, const struct place *place)
{
    DIR *directory = fdopendir(fd);
    struct dirent *entry;
    if (directory == NULL) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    while ((errno = 0, entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        struct place below = {.above = place, .name = entry->d_name, .depth = place->depth + 1};
        add_place(tally, dirfd(directory), &below);
    }
    if (errno != 0)
        miss(tally, place);
    closedir(directory);
    return 0;
}

/* Opens a path that was a regular file, a block device or a directory (O_DIRECTORY) a moment ago.
 * It is counted only if it still is one. -1 with errno. */
static int open_place(int directory, const struct place *place, int flag)
{
    struct stat status;
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flag;
    int fd =
        retry_openat(directory, place->name, place->above == NULL ? flags : flags | O_NOFOLLOW);
    if (fd < 0 || flag == O_DIRECTORY ||
        (fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode))))
        return fd;
    close(fd);
    errno = ESTALE;
    return -1;
}

/* Adds the records of a file. */
static int add_records(struct tally *tally, int directory, const struct place *place)
{
    int fd = open_place(directory, place, 0);
    if (fd < 0)
        return -1;
    int result = count_records_in(fd, tally);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

static int add_regular(struct tally *tally, int directory, const struct place *place,
                       const struct stat *status)
{
    int new = is_new(tally, status);
    if (new <= 0)
        return new;
    if (records_are_units(tally->records))
        return add_records(tally, directory, place);
    tally->size += (uint64_t)status->st_size;
    return 0;
}

static int descend(struct tally *tally, int directory, const struct place *place)
{
    errno = ENAMETOOLONG;
    int fd = place->depth < DEPTH_MOST ? open_place(directory, place, O_DIRECTORY) : -1;
    return fd < 0 ? -1 : add_directory(tally, fd, place);
}

/* Adds an entry of a directory. FIFOs, devices, sockets and symbolic links do not count. */
static void add_place(struct tally *tally, int directory, const struct place *place)
{
    struct stat status;
    int result = fstatat(directory, place->name, &status, AT_SYMLINK_NOFOLLOW);
    if (result == 0 && S_ISREG(status.st_mode))
        result = add_regular(tally, directory, place, &status);
    else if (result == 0 && S_ISDIR(status.st_mode))
        result = descend(tally, directory, place);
    if (result < 0)
        miss(tally, place);
}

/* Whether a regular file of 0 bytes yields bytes all the same, as files in /proc do. */
static bool yields_more(const char *path)
{
    struct stat status;
    char byte;
    int fd = retry_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return false;
    bool more = retry_read_all(fd, &byte, 1) == 1 && fstat(fd, &status) == 0 && status.st_size == 0;
    (void)close(fd);
    return more;
}

/* Adds the argument of -s. 0, -1 with errno, or 1: it has no size. */
static int add_given(struct tally *tally, const char *path)
{
    const struct place place = {.name = path};
    struct stat status;
    if (stat(path, &status) != 0)
        return -1;
    if (S_ISREG(status.st_mode) && status.st_size == 0 && !records_are_units(tally->records))
        return yields_more(path);
    if (S_ISREG(status.st_mode))
        return add_regular(tally, AT_FDCWD, &place, &status);
    if (S_ISDIR(status.st_mode))
        return descend(tally, AT_FDCWD, &place);
    if (!S_ISBLK(status.st_mode))
        return 1;
    if (records_are_units(tally->records))
        return add_records(tally, AT_FDCWD, &place);
    off_t size = size_of_device(path);
    tally->size = size < 0 ? 0 : (uint64_t)size;
    return size < 0 ? -1 : 0;
}

/* Returns 0, or -1 after a message. */
static int size_of_path(const struct options *options, uint64_t *size)
{
    const char *path = options->size_path;
    struct tally tally = {.records = options->records};
    int result = add_given(&tally, path);
    if (result < 0)
        message_print("--size: %s: %s", path, strerror(errno));
    else if (result > 0)
        message_print("--size: %s: has no size", path);
    if (result == 0 && tally.missed > 0) {
        message_print("--size: %s: %s", tally.first, strerror(tally.error));
        message_print("--size: a lower bound: %" PRIu64 " %s not counted", tally.missed,
                      tally.missed == 1 ? "file or directory" : "files or directories");
    }
    inode_set_clear(&tally.linked);
    *size = tally.size;
    return result == 0 ? 0 : -1;
}

/* --- the inputs, and the output --------------------------------------------------------------- */

/* The size of an endpoint that is a regular file or a block device; *position: the part before its
 * current position. Negative: it is something else. "-" means the descriptor `standard`. */
static off_t size_of_endpoint(const char *text, int standard, off_t *position)
{
    enum { PROC_PATH = 32 };
    struct stat status;
    char proc_path[PROC_PATH];
    int fd = descriptor_inherited_number(text, standard);
    if (address_kind_of(text) != ADDRESS_NONE ||
        (fd >= 0 ? fstat(fd, &status) : stat(text, &status)) != 0)
        return -1;
    *position = fd >= 0 ? lseek(fd, 0, SEEK_CUR) : 0;
    if (S_ISREG(status.st_mode))
        return status.st_size;
    snprintf(proc_path, sizeof proc_path, "/dev/fd/%d", fd);
    return S_ISBLK(status.st_mode) ? size_of_device(fd >= 0 ? proc_path : text) : -1;
}

static uint64_t left_of(off_t size, off_t position)
{
    return position < 0 || position > size ? 0 : (uint64_t)(size - position);
}

static uint64_t not_skipped(const struct options *options, uint64_t size)
{
    return size > options->skip ? size - options->skip : 0;
}

bool input_size_missed(int fd)
{
    struct stat status;
    return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}

uint64_t input_size_sum(const struct options *options)
{
    uint64_t sum = 0;
    bool empty = false;
    for (size_t i = 0; i < options->input_count; i++) {
        off_t position = 0;
        off_t size = size_of_endpoint(options->inputs[i], STDIN_FILENO, &position);
        if (size < 0)
            return INPUT_SIZE_UNKNOWN;
        sum += left_of(size, position);
        empty |= size == 0;
    }
    return empty && (sum == 0 || options->stop_at_size) ? INPUT_SIZE_UNKNOWN
                                                        : not_skipped(options, sum);
}

/* How many bytes a block device that is the only output can accept. */
static uint64_t room_of_output(const struct options *options)
{
    struct stat status;
    off_t position = 0;
    if (options->output_count != 1 || options->discard)
        return INPUT_SIZE_UNKNOWN;
    int fd = descriptor_inherited_number(options->outputs[0], STDOUT_FILENO);
    if (address_kind_of(options->outputs[0]) != ADDRESS_NONE ||
        (fd >= 0 ? fstat(fd, &status) : stat(options->outputs[0], &status)) != 0 ||
        !S_ISBLK(status.st_mode))
        return INPUT_SIZE_UNKNOWN;
    off_t size = size_of_endpoint(options->outputs[0], STDOUT_FILENO, &position);
    return size < 0 ? INPUT_SIZE_UNKNOWN : left_of(size, position);
}

int input_size(const struct options *options, uint64_t *size)
{
    *size = options->size;
    if (options->size_path != NULL) {
        int result = size_of_path(options, size);
        *size = not_skipped(options, *size);
        return result;
    }
    if (options->given[OPTION_SIZE])
        return 0;
    *size = input_size_sum(options);
    if (*size == INPUT_SIZE_UNKNOWN && !options->stop_at_size)
        *size = room_of_output(options);
    return 0;
}
