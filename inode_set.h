/*
 * inode_set.h - a set of files, each known by its device and its inode.
 *
 * For counting a file once that has several names (hard links, link(2)). A zeroed struct is an
 * empty set. It owns its memory: 24 bytes for each place on most systems, and never more than four
 * places for each file.
 */
#ifndef BPIPE_INODE_SET_H
#define BPIPE_INODE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct inode_set_place {
    dev_t device;
    ino_t inode;
    bool taken;
};

struct inode_set {
    struct inode_set_place *places; /* `room` places, a power of 2, or NULL */
    size_t count, room;
};

/* Adds a file. Returns 1; 0 if the set has it already; -1 with errno ENOMEM. */
int inode_set_add(struct inode_set *set, dev_t device, ino_t inode);

/* Gives the memory back; the set is empty then. Harmless twice. */
void inode_set_clear(struct inode_set *set);

#endif
