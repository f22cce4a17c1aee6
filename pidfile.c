/*
 * pidfile.c - see pidfile.h.
 */
#include "pidfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIDFILE_LINE = 32 };

int pidfile_write(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return -1;
    int written = fprintf(file, "%ld\n", (long)getpid());
    int error = errno;
    if (fclose(file) != 0 || written < 0) {
        error = written < 0 ? error : errno;
        (void)unlink(path);
        errno = error;
        return -1;
    }
    return 0;
}

void pidfile_remove(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    char line[PIDFILE_LINE] = "";
    char *text = fgets(line, sizeof line, file);
    fclose(file);
    if (text != NULL && strtol(text, NULL, 10) == (long)getpid())
        (void)unlink(path);
}
