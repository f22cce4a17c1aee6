/*
 * test_inode_set.c - the set of files against a list of those that were added.
 */
#include "io/inode_set.h"
#include "tests/tap.h"

enum { FILES = 2000 };

struct file {
    dev_t device;
    ino_t inode;
};

static bool has(const struct file *files, size_t count, struct file file)
{
    for (size_t i = 0; i < count; i++)
        if (files[i].device == file.device && files[i].inode == file.inode)
            return true;
    return false;
}

/* Few devices, inodes close together or anywhere: many are added again. */
static struct file any_file(uint64_t *random)
{
    uint64_t inode =
        tap_below(random, 2) == 0 ? tap_below(random, 1000) : tap_magnitude(random, 64);
    return (struct file){.device = (dev_t)tap_below(random, 3), .inode = (ino_t)inode};
}

static void test_against_list(uint64_t *random)
{
    struct inode_set set = {0};
    static struct file files[FILES];
    size_t count = 0;
    bool passed = true;

    while (count < FILES && passed) {
        struct file file = any_file(random);
        bool known = has(files, count, file);
        passed = inode_set_add(&set, file.device, file.inode) == (known ? 0 : 1);
        if (!known)
            files[count++] = file;
    }
    for (size_t i = 0; i < count && passed; i++)
        passed = inode_set_add(&set, files[i].device, files[i].inode) == 0;
    tap_ok(passed, "a file is new once");
    inode_set_clear(&set);
    tap_ok(set.root == NULL && inode_set_add(&set, files[0].device, files[0].inode) == 1,
           "after the set was cleared every file is new");
    inode_set_clear(&set);
    inode_set_clear(&set);
}

static void test_zeros(void)
{
    struct inode_set set = {0};

    tap_ok(inode_set_add(&set, 0, 0) == 1, "device 0 and inode 0 are a file, too");
    tap_ok(inode_set_add(&set, 0, 0) == 0, "that file is new once");
    tap_ok(inode_set_add(&set, 1, 0) == 1 && inode_set_add(&set, 0, 1) == 1,
           "both numbers tell files apart");
    inode_set_clear(&set);
}

int main(void)
{
    uint64_t random = tap_seed();

    test_zeros();
    test_against_list(&random);
    return tap_done();
}
