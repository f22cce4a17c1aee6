/*
 * same_inode.h - whether two results of stat(2) are of one file, whatever names led to it.
 */
#ifndef BPIPE_SAME_INODE_H
#define BPIPE_SAME_INODE_H

#include <stdbool.h>
#include <sys/stat.h>

static inline bool same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

#endif
