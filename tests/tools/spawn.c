/*
 * spawn - run a command and print what it alone used.
 *
 *     spawn [-o FILE | -f FD] COMMAND [ARGUMENT]...
 *
 * Writes one line to FILE (made new) or FD (default: stderr):
 *
 *     wall_s=1.234567 user_s=0.100000 sys_s=0.200000 maxrss_kib=1996 voluntary=12 involuntary=3
 *     status=0 signal=0
 *
 * (these two are one line). Ends with the command's status, or with 128 + N if signal N ended it
 * (then status=-1), or with 127 if it could not be run. FD is not open in the command. voluntary
 * and involuntary are context switches. Threads count, and so do children that the command waited
 * for.
 *
 * This is a program of its own for this reason: the peak memory of a process starts at the peak
 * that its parent had at exec, so bash or Python as the parent would measure themselves. spawn is
 * linked statically and stays below 1 MiB.
 */
#define _DEFAULT_SOURCE /* wait4() */
#include "tests/tools/die.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char program_name[] = "spawn";
const int failure_status = 127;

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char *argv[])
{
    int report = STDERR_FILENO, option, status;
    struct timespec start, end;
    struct rusage usage;
    pid_t child;

    /* "+": stop at the command, whose options are not for spawn; POSIX stops there anyway. */
    while ((option = getopt(argc, argv, "+o:f:")) != -1) {
        if (option == 'o')
            report = open(optarg, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        else if (option == 'f')
            report = (int)strtol(optarg, NULL, 10);
        else
            return 127;
        if (report < 0 || fcntl(report, F_SETFD, FD_CLOEXEC) < 0)
            die(optarg);
    }
    if (optind == argc) {
        dprintf(STDERR_FILENO, "usage: spawn [-o FILE | -f FD] COMMAND [ARGUMENT]...\n");
        return 127;
    }

    clock_gettime(CLOCK_MONOTONIC, &start);
    child = fork();
    if (child < 0)
        die("fork");
    if (child == 0) {
        execvp(argv[optind], argv + optind);
        die(argv[optind]);
    }
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR)
            die("wait4");
    clock_gettime(CLOCK_MONOTONIC, &end);

    dprintf(report,
            "wall_s=%.6f user_s=%.6f sys_s=%.6f maxrss_kib=%ld voluntary=%ld involuntary=%ld "
            "status=%d signal=%d\n",
            (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
            seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss, usage.ru_nvcsw,
            usage.ru_nivcsw, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
