/*
 * die.h - how the tools of the tests, and of the benchmarks, give up.
 */
#ifndef BPIPE_TESTS_DIE_H
#define BPIPE_TESTS_DIE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each program defines them. */
extern const char program_name[];
extern const int failure_status;

/* Prints "PROGRAM: WHAT: " and errno's message. Returns failure_status. */
static inline int failed(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_name, what, strerror(errno));
    return failure_status;
}

/* The same, and ends the program with that status. */
static inline _Noreturn void die(const char *what)
{
    exit(failed(what));
}

/* A pipe whose ends are closed on exec. */
static inline void make_pipe(int ends[2])
{
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0)
        die("pipe");
}

#endif
