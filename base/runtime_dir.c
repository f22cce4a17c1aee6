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

/* Why a folder is not usable; NULL: it is. */
static const char *refusal(const char *folder)
{
    struct stat status;
    if (stat(folder, &status) != 0)
        return strerror(errno);
    if (!S_ISDIR(status.st_mode))
        return strerror(ENOTDIR);
    if (status.st_uid != geteuid())
        return "belongs to another user";
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "other users may write to it (chmod go-w)";
    return access(folder, R_OK | W_OK | X_OK) != 0 ? strerror(errno) : NULL;
}

/* Whether a bpipe would find or make a folder here. */
static bool would_be_used(unsigned which)
{
    char *folder = folder_name(which);
    const char *reason = folder != NULL ? refusal(folder) : "";
    bool makes = which == FOLDER_HOME && folder != NULL && access(folder, F_OK) != 0 &&
                 is_own_folder(absolute("HOME"), 0);
    free(folder);
    return reason == NULL || makes;
}

char *runtime_dir_refused(void)
{
    for (unsigned which = 0; which < RUNTIME_DIRS; which++)
        if (would_be_used(which))
            return NULL;
    bool by_user = absolute("XDG_RUNTIME_DIR") != NULL;
    char *folder = folder_name(by_user ? FOLDER_XDG : FOLDER_HOME);
    bool tell = folder != NULL && (by_user || access(folder, F_OK) == 0);
    char *text = tell ? compose("%s: %s", folder, refusal(folder)) : NULL;
    free(folder);
    return text;
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
