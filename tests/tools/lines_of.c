/*
 * lines_of - print how many newlines a file has.
 *
 *     lines_of FILE
 *
 * Prints 0 if there is no such file. A program of its own for the same reason as size_of.
 */
#include "tests/tools/die.h"

const char program_name[] = "lines_of";
const int failure_status = 1;

int main(int argc, char *argv[])
{
    static char block[65536];
    long long lines = 0;
    ssize_t count = 0;
    int fd;

    if (argc != 2) {
        fprintf(stderr, "usage: lines_of FILE\n");
        return failure_status;
    }
    fd = open(argv[1], O_RDONLY);
    if (fd < 0 && errno != ENOENT)
        die(argv[1]);
    while (fd >= 0 && (count = read(fd, block, sizeof block)) > 0)
        for (ssize_t i = 0; i < count; i++)
            lines += block[i] == '\n';
    if (count < 0)
        die(argv[1]);
    if (fd >= 0)
        close(fd);
    printf("%lld\n", lines);
    return 0;
}
