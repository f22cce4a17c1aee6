/*
 * runtime_dir.c - see runtime_dir.h. A relative path does not count as a folder: the specification
 * demands that.
 */
#include "base/runtime_dir.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_XDG, FOLDER_RUN, FOLDER_HOME };

static bool is_own_folder(const char *path, mode_t forbidden)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() &&
           (status.st_mode & forbidden) == 0;
}

/* Formats text into malloc()ed memory; NULL on failure. */
static char *__attribute__((format(printf, 1, 2))) compose(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

static const char *absolute(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] == '/' ? value : NULL;
}

static char *folder_name(unsigned which)
{
    const char *xdg = absolute("XDG_RUNTIME_DIR"), *home = absolute("HOME");
    if (which == FOLDER_XDG)
        return xdg != NULL ? compose("%s", xdg) : NULL;
    if (which == FOLDER_RUN)
        return compose("/run/user/%lu", (unsigned long)geteuid());
    return home != NULL ? compose("%s/.bpipe", home) : NULL;
}

static char *usable_folder(unsigned which, bool make)
{
    char *folder = folder_name(which);
    if (folder == NULL)
        return NULL;
    if (make && which == FOLDER_HOME && is_own_folder(absolute("HOME"), 0))
        (void)mkdir(folder, S_IRWXU); /* it mostly exists; a failure is noticed below */
    if (is_own_folder(folder, S_IWGRP | S_IWOTH))
        return folder;
    free(folder);
    return NULL;
}

static char *path_in(unsigned which, bool make, const char *kind, long number)
{
    char *folder = usable_folder(which, make), *path = NULL;
    if (folder != NULL)
        path = kind != NULL ? compose("%s/bpipe-%s-%ld", folder, kind, number)
                            : compose("%s/bpipe-%ld.sock", folder, number);
    free(folder);
    return path;
}

char *runtime_dir(unsigned which)
{
    return usable_folder(which, false);
}

char *runtime_dir_refused(void)
{
    const char *folder = absolute("XDG_RUNTIME_DIR"), *reason = NULL;
    struct stat status;
    if (folder == NULL)
        return NULL;
    bool found = stat(folder, &status) == 0;
    if (found && !S_ISDIR(status.st_mode))
        reason = strerror(ENOTDIR);
    else if (found && status.st_uid != geteuid())
        reason = "belongs to another user";
    else if (found && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        reason = "other users may write to it (chmod go-w)";
    else if (!found || access(folder, R_OK | W_OK | X_OK) != 0)
        reason = strerror(errno);
    return reason != NULL ? compose("%s: %s", folder, reason) : NULL;
}

char *runtime_path(const char *kind, long number)
{
    char *path = NULL;
    for (unsigned which = 0; which < RUNTIME_DIRS && path == NULL; which++)
        path = path_in(which, true, kind, number);
    return path;
}

char *runtime_path_in(unsigned which, const char *kind, long number)
{
    return path_in(which, false, kind, number);
}

/* rmdir() fails if the folder is not empty. A bpipe that is about to create its file there fails to
 * do so, and goes on without it, as without a folder. */
void runtime_path_gone(const char *path)
{
    int error = errno;
    char *folder = folder_name(FOLDER_HOME);
    size_t length = folder != NULL ? strlen(folder) : 0;
    if (folder != NULL && path != NULL && strncmp(path, folder, length) == 0 &&
        path[length] == '/' && strchr(path + length + 1, '/') == NULL)
        (void)rmdir(folder);
    free(folder);
    errno = error;
}
