/*
 * size_of - print how many bytes a file has.
 *
 *     size_of FILE
 *
 * Reads what has no size: a pipe, or a file of the kernel. Prints 0, and says so, if there is no
 * such file.
 *
 * This is a program of its own because the tests ask it very often: "$(size_of FILE)" takes one
 * process, and with wc(1) in a function of the shell three.
 */
#include "tests/tools/die.h"

#include <sys/stat.h>

const char program_name[] = "size_of";
const int failure_status = 1;

int main(int argc, char *argv[])
{
    static char block[65536];
    struct stat status;
    long long size = 0;
    ssize_t count;
    int fd;

    if (argc != 2) {
        fprintf(stderr, "usage: size_of FILE\n");
        return failure_status;
    }
    fd = open(argv[1], O_RDONLY);
    if (fd < 0 || fstat(fd, &status) != 0) {
        failed(argv[1]);
    } else if (S_ISREG(status.st_mode) && status.st_size > 0) {
        size = (long long)status.st_size;
    } else {
        while ((count = read(fd, block, sizeof block)) > 0)
            size += count;
        if (count < 0)
            die(argv[1]);
    }
    if (fd >= 0)
        close(fd);
    printf("%lld\n", size);
    return 0;
}
