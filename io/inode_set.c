/*
 * inode_set.c - see inode_set.h.
 */
#include "io/inode_set.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>

struct file {
    dev_t device;
    ino_t inode;
};

static int compare(const void *left, const void *right)
{
    const struct file *a = left, *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

int inode_set_add(struct inode_set *set, dev_t device, ino_t inode)
{
    struct file *file = malloc(sizeof *file);
    if (file != NULL)
        *file = (struct file){.device = device, .inode = inode};
    /* A tree node begins with a pointer to its key. */
    struct file *const *node = file != NULL ? tsearch(file, &set->root, compare) : NULL;
    if (node != NULL && *node == file)
        return 1;
    free(file);
    if (node != NULL)
        return 0;
    errno = ENOMEM;
    return -1;
}

void inode_set_clear(struct inode_set *set)
{
    while (set->root != NULL) {
        struct file *file = *(struct file **)set->root;
        (void)tdelete(file, &set->root, compare);
        free(file);
    }
}
