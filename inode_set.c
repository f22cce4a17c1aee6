/*
 * inode_set.c - see inode_set.h. A hash table with open addressing and linear probing, at most half
 * full.
 */
#include "inode_set.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum { FIRST_ROOM = 64 };

/* splitmix64 (Steele, Lea, Flood 2014): neighbouring inodes get distant places. */
static uint64_t hash(dev_t device, ino_t inode)
{
    uint64_t x = (uint64_t)inode + (uint64_t)device * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The place of that file, or the free one where it would go. The table has a free place. */
static struct inode_set_place *find(struct inode_set_place *places, size_t room, dev_t device,
                                    ino_t inode)
{
    size_t at = (size_t)hash(device, inode) & (room - 1);
    while (places[at].taken && (places[at].inode != inode || places[at].device != device))
        at = (at + 1) & (room - 1);
    return &places[at];
}

static int grow(struct inode_set *set)
{
    size_t room = set->room == 0 ? FIRST_ROOM : set->room * 2;
    struct inode_set_place *places = calloc(room, sizeof *places);
    if (places == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; i < set->room; i++)
        if (set->places[i].taken)
            *find(places, room, set->places[i].device, set->places[i].inode) = set->places[i];
    free(set->places);
    set->places = places;
    set->room = room;
    return 0;
}

int inode_set_add(struct inode_set *set, dev_t device, ino_t inode)
{
    if (set->count >= set->room / 2 && grow(set) != 0)
        return -1;
    struct inode_set_place *place = find(set->places, set->room, device, inode);
    if (place->taken)
        return 0;
    *place = (struct inode_set_place){.device = device, .inode = inode, .taken = true};
    set->count++;
    return 1;
}

void inode_set_clear(struct inode_set *set)
{
    free(set->places);
    *set = (struct inode_set){0};
}
