/*
 * same_file.c - see same_file.h.
 */
#include "same_file.h"

#include "endpoint.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Finds the directory of a path, and the name in it. */
static bool split_path(const char *path, struct stat *directory, const char **name)
{
    char text[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;

    *name = path + length;
    if (length >= sizeof text)
        return false;
    if (length > 0) {
        memcpy(text, path, length);
        text[length] = '\0';
    }
    return stat(text, directory) == 0;
}

bool same_file_as(const char *path, const char *endpoint, int dash)
{
    struct stat a, b;
    const char *name, *other;
    if (address_kind_of(path) != ADDRESS_NONE || address_kind_of(endpoint) != ADDRESS_NONE)
        return false;
    int fd = endpoint_inherited_number(endpoint, dash);
    bool exists = stat(path, &a) == 0;

    if (exists != ((fd >= 0 ? fstat(fd, &b) : stat(endpoint, &b)) == 0))
        return false;
    if (exists)
        return S_ISREG(a.st_mode) && same_inode(&a, &b);
    return fd < 0 && split_path(path, &a, &name) && split_path(endpoint, &b, &other) &&
           same_inode(&a, &b) && strcmp(name, other) == 0;
}

static bool is_among(const char *path, const char *const *endpoints, size_t count, int dash)
{
    for (size_t i = 0; i < count; i++)
        if (same_file_as(path, endpoints[i], dash))
            return true;
    return false;
}

bool same_file_as_any(const char *path, const struct options *options)
{
    size_t outputs = options->discard ? 0 : options->output_count;

    if (is_among(path, options->inputs, options->input_count, STDIN_FILENO) ||
        is_among(path, options->outputs, outputs, STDOUT_FILENO) ||
        is_among(path, options->taps, options->tap_count, STDOUT_FILENO))
        return true;
    for (size_t i = 0; i < options->report_count; i++)
        if (options->reports[i].path != NULL &&
            same_file_as(path, options->reports[i].path, STDOUT_FILENO))
            return true;
    return false;
}
