/*
 * files.h - files in the C tests: whether one exists, and how much it may hold.
 */
#ifndef BPIPE_TESTS_FILES_H
#define BPIPE_TESTS_FILES_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A symbolic link exists even if it leads nowhere. */
static inline bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* Makes the disk look full to this process: a write beyond `bytes` of a file is short, or fails
 * with EFBIG and raises SIGXFSZ. RLIM_INFINITY: as much as the hard limit allows. */
static inline void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

#endif
