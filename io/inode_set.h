/*
 * inode_set.h - a set of files, each identified by its device and its inode.
 *
 * It serves to count a file with several names (hard links, link(2)) only once. It is a tsearch(3)
 * tree and owns its memory. A zeroed struct is an empty set.
 */
#ifndef BPIPE_INODE_SET_H
#define BPIPE_INODE_SET_H

#include <sys/types.h>

struct inode_set {
    void *root; /* of tsearch(3); its keys are allocated */
};

/* Adds a file. Returns 1; 0 if the set already has it; -1 with errno ENOMEM. */
int inode_set_add(struct inode_set *set, dev_t device, ino_t inode);

/* Frees the memory and empties the set. Harmless twice. */
void inode_set_clear(struct inode_set *set);

#endif
