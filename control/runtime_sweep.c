/*
 * runtime_sweep.c - see runtime_sweep.h.
 */
#include "control/runtime_sweep.h"

#include "base/runtime_dir.h"
#include "display/cursor.h"
#include "net/unix_name.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum kind { NONE_OF_OURS, SOCKET, NEW_SOCKET, ROWS };

static const char digits[] = "0123456789", hexadecimal[] = "0123456789abcdef";

/* A file of rows is named after a process group. The file of bpipe's own group is skipped, because
 * this process may have a row in it. */
static enum kind kind_of_rows(const char *text)
{
    size_t device = strspn(text, hexadecimal);
    const char *group = text + device + 1;
    if (device == 0 || text[device] != '-' || strspn(group, digits) != strlen(group))
        return NONE_OF_OURS;
    return *group != '\0' && strtol(group, NULL, 10) != (long)getpgrp() ? ROWS : NONE_OF_OURS;
}

static enum kind kind_of(const char *name)
{
    static const char rows[] = CURSOR_KIND "-";
    if (strncmp(name, RUNTIME_PREFIX, strlen(RUNTIME_PREFIX)) != 0)
        return NONE_OF_OURS;
    name += strlen(RUNTIME_PREFIX);
    if (strncmp(name, rows, strlen(rows)) == 0)
        return kind_of_rows(name + strlen(rows));
    size_t number = strspn(name, digits);
    if (number > 0 && strcmp(name + number, RUNTIME_SOCKET) == 0)
        return SOCKET;
    return number > 0 && strcmp(name + number, RUNTIME_NEW_SOCKET) == 0 ? NEW_SOCKET : NONE_OF_OURS;
}

/* A modification time in the future means that the clock was set back. Then a .bind file is not old
 * yet, and is kept until it is. */
static void sweep_file(const char *path, enum kind kind)
{
    struct stat info;
    if (lstat(path, &info) != 0 || info.st_uid != geteuid())
        return;
    bool old = time(NULL) - info.st_mtime >= SWEEP_AGE_S;
    if (S_ISREG(info.st_mode) && kind == ROWS)
        cursor_sweep(path);
    else if (S_ISSOCK(info.st_mode) && (kind == SOCKET || (kind == NEW_SOCKET && old)))
        unix_name_sweep(path);
}

static void sweep_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        enum kind kind = kind_of(entry->d_name);
        size_t size = strlen(folder) + strlen(entry->d_name) + sizeof "/";
        char *path = kind == NONE_OF_OURS ? NULL : malloc(size);
        if (path == NULL)
            continue;
        snprintf(path, size, "%s/%s", folder, entry->d_name);
        sweep_file(path, kind);
        free(path);
    }
    (void)closedir(directory);
}

void runtime_sweep(bool all)
{
    bool found = false;
    for (unsigned which = 0; which < RUNTIME_DIRS && (all || !found); which++) {
        char *folder = runtime_dir(which);
        found = folder != NULL;
        if (found)
            sweep_folder(folder);
        free(folder);
    }
}
