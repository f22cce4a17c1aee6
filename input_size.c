/*
 * input_size.c - see input_size.h. Sizes are those of the moment; files may grow later.
 */
#include "input_size.h"

#include "again.h"
#include "endpoint.h"
#include "records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

static int count_records_in(int fd, enum record_kind kind, uint64_t *size)
{
    char buffer[READ_BYTES];
    ssize_t bytes;
    while ((bytes = read(fd, buffer, sizeof buffer)) != 0) {
        if (bytes > 0)
            *size += records_count(buffer, (size_t)bytes, kind);
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

static int add_size_at(int directory, const char *name, int flags, enum record_kind kind,
                       uint64_t *size);

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Takes `fd` over. */
static int add_directory(int fd, enum record_kind kind, uint64_t *size)
{
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return -1;
    }
    int result = 0;
    struct dirent *entry;
    errno = 0;
    while (result == 0 && (entry = readdir(directory)) != NULL) {
        if (!is_dot(entry->d_name))
            result = add_size_at(dirfd(directory), entry->d_name, O_NOFOLLOW, kind, size);
        errno = result == 0 ? 0 : errno;
    }
    int error = errno;
    closedir(directory);
    errno = error;
    return error == 0 ? 0 : -1;
}

/* Takes `fd` over. */
static int add_open_file(int fd, const struct stat *status, enum record_kind kind, uint64_t *size)
{
    if (S_ISDIR(status->st_mode))
        return add_directory(fd, kind, size);
    int result = 0;
    if (records_are_units(kind))
        result = count_records_in(fd, kind, size);
    else
        *size += (uint64_t)status->st_size;
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

/* Only regular files and directories are opened: a FIFO or a device in a tree is not for reading.
 */
static int add_size_at(int directory, const char *name, int flags, enum record_kind kind,
                       uint64_t *size)
{
    struct stat status;
    if (fstatat(directory, name, &status, flags == 0 ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    bool regular = S_ISREG(status.st_mode);
    if (regular && !records_are_units(kind)) {
        *size += (uint64_t)status.st_size;
        return 0;
    }
    if (!regular && !S_ISDIR(status.st_mode))
        return 0;
    int fd = again_openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    return fd < 0 ? -1 : add_open_file(fd, &status, kind, size);
}

/* Of a block device, which stat(2) does not tell: where its end is. It is opened anew, since the
 * position of an inherited one is shared. Negative: unknown. */
static off_t size_of_device(const char *path)
{
    int fd = again_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (fd >= 0)
        (void)close(fd);
    return size;
}

/* The size of a regular file or a block device, an endpoint; *position: how much of it is over.
 * Negative: it is something else. `standard` is what "-" is. */
static off_t size_of_endpoint(const char *text, int standard, off_t *position)
{
    enum { PROC_PATH = 32 };
    struct stat status;
    char proc_path[PROC_PATH];
    int fd = endpoint_inherited_number(text, standard);
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

/* What is left of all inputs; 0: unknown. */
static uint64_t left_of_inputs(const struct options *options)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < options->input_count; i++) {
        off_t position = 0;
        off_t size = size_of_endpoint(options->inputs[i], STDIN_FILENO, &position);
        if (size < 0)
            return 0;
        sum += left_of(size, position);
    }
    return sum;
}

/* How much a disk takes that is written to; 0: unknown. */
static uint64_t room_of_output(const struct options *options)
{
    struct stat status;
    off_t position = 0;
    if (options->output_count != 1 || options->discard)
        return 0;
    int fd = endpoint_inherited_number(options->outputs[0], STDOUT_FILENO);
    if (address_kind_of(options->outputs[0]) != ADDRESS_NONE ||
        (fd >= 0 ? fstat(fd, &status) : stat(options->outputs[0], &status)) != 0 ||
        !S_ISBLK(status.st_mode))
        return 0;
    off_t size = size_of_endpoint(options->outputs[0], STDOUT_FILENO, &position);
    return size < 0 ? 0 : left_of(size, position);
}

int input_size(const struct options *options, uint64_t *size, const char **failed)
{
    *size = options->size;
    *failed = options->size_path;
    if (options->size_path != NULL)
        return add_size_at(AT_FDCWD, options->size_path, 0, options->records, size);
    if (options->size_given || records_are_units(options->records))
        return 0;
    *size = left_of_inputs(options);
    if (*size == 0 && !options->stop_at_size)
        *size = room_of_output(options);
    return 0;
}
