/*
 * marked - print the processes whose environment has a certain entry.
 *
 *     marked [-w SECONDS] NAME=VALUE
 *
 * Prints their numbers, one on a line. The environment is the one that a process was started with.
 * With -w it first waits until no such process is left, or the time is up. marked itself does not
 * count, nor do zombies, nor processes whose environment it may not read. Ends with 0.
 */
#include "tests/tools/die.h"

#include <dirent.h>
#include <poll.h>
#include <stdbool.h>
#include <time.h>

const char program_name[] = "marked";
const int failure_status = 2;

/* Whether the text, NUL-terminated entries, has this one. */
static bool has_entry(const char *text, size_t size, const char *entry)
{
    size_t length = strlen(entry) + 1, begin = 0;

    while (begin + length <= size) {
        const char *end;

        if (memcmp(text + begin, entry, length) == 0)
            return true;
        end = memchr(text + begin, '\0', size - begin);
        if (end == NULL)
            return false;
        begin = (size_t)(end - text) + 1;
    }
    return false;
}

/* Reads all of the file into *text, of *room bytes, which grows. Returns how many; 0 on failure. */
static size_t read_all(const char *path, char **text, size_t *room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    ssize_t count = -1;

    if (fd < 0)
        return 0;
    for (;;) {
        if (size == *room) {
            *room = *room * 2 + 8192;
            *text = realloc(*text, *room);
            if (*text == NULL)
                die("realloc");
        }
        count = read(fd, *text + size, *room - size);
        if (count <= 0)
            break;
        size += (size_t)count;
    }
    close(fd);
    return count < 0 ? 0 : size;
}

/* Prints those processes, if wanted. Returns how many there are. */
static int look(const char *entry, bool print)
{
    static char *text;
    static size_t room;
    DIR *directory = opendir("/proc");
    struct dirent *item;
    int found = 0;

    if (directory == NULL)
        die("/proc");
    while ((item = readdir(directory)) != NULL) {
        char path[300];
        long process = strtol(item->d_name, NULL, 10);
        size_t size;

        if (process <= 0 || process == (long)getpid())
            continue;
        snprintf(path, sizeof path, "/proc/%ld/environ", process);
        size = read_all(path, &text, &room);
        if (!has_entry(text, size, entry))
            continue;
        found++;
        if (print)
            printf("%ld\n", process);
    }
    closedir(directory);
    return found;
}

int main(int argc, char *argv[])
{
    struct timespec time;
    long long seconds = 0, deadline;
    int option;

    while ((option = getopt(argc, argv, "w:")) != -1) {
        if (option != 'w')
            return failure_status;
        seconds = strtoll(optarg, NULL, 10);
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: marked [-w SECONDS] NAME=VALUE\n");
        return failure_status;
    }
    clock_gettime(CLOCK_MONOTONIC, &time);
    for (deadline = time.tv_sec + seconds; time.tv_sec < deadline;) {
        if (look(argv[optind], false) == 0)
            return 0;
        poll(NULL, 0, 20);
        clock_gettime(CLOCK_MONOTONIC, &time);
    }
    (void)look(argv[optind], true);
    return 0;
}
