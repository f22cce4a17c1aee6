/*
 * inode_set.h - a set of files, each known by its device and its inode.
 *
 * For counting a file once that has several names (hard links, link(2)). It is a tree of tsearch(3)
 * and owns its memory. A zeroed struct is an empty set.
 */
#ifndef BPIPE_INODE_SET_H
#define BPIPE_INODE_SET_H

#include <sys/types.h>

struct inode_set {
    void *root; /* of tsearch(3); its keys are allocated */
};

/* Adds a file. Returns 1; 0 if the set has it already; -1 with errno ENOMEM. */
int inode_set_add(struct inode_set *set, dev_t device, ino_t inode);

/* Gives the memory back; the set is empty then. Harmless twice. */
void inode_set_clear(struct inode_set *set);

#endif
