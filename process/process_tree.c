/*
 * process_tree.c - see process_tree.h.
 *
 * If nothing can be read about a process (there is no /proc and no ps(1), or other users' processes
 * are hidden), it counts as existing until kill(2) says that it does not exist.
 */
#include "process/process_tree.h"

#include "base/platform.h"
#include "base/platform_process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STAT_TEXT = 512,
    STOPS_AT_MOST = 100,  /* a process that may not be stopped may go on forking */
    LOOKS_AT_MOST = 1000, /* looks whether they have stopped */
    TURNS_AT_MOST = 100   /* a process may block a signal for good */
};

static const uint64_t look_pause_ns = 100000;

struct stat_fields {
    char state;
    pid_t parent;
    unsigned long long start;
    bool blocks_term; /* SIGTERM is blocked */
};

/* "PID (COMM) STATE PPID PGRP ...": field 22 is the start time, and field 32 tells which of the
 * first 31 signals are blocked. COMM may contain any character, but no parenthesis follows it. */
static bool read_stat(pid_t pid, struct stat_fields *fields)
{
    char text[STAT_TEXT];
    if (platform_process_stat(pid, text, sizeof text) <= 0)
        return false;
    const char *field = strrchr(text, ')');
    for (int number = 3; number <= 32; number++) {
        field = field == NULL ? NULL : strchr(field + 1, ' ');
        if (field == NULL)
            return false;
        if (number == 3)
            fields->state = field[1];
        else if (number == 4)
            fields->parent = (pid_t)strtol(field, NULL, 10);
        else if (number == 22)
            fields->start = strtoull(field, NULL, 10);
    }
    fields->blocks_term = (strtoull(field, NULL, 10) >> (SIGTERM - 1) & 1) != 0;
    return true;
}

static bool is_dead(const struct stat_fields *fields)
{
    return fields->state == 'Z' || fields->state == 'X';
}

/* Also fills in a start time that could not be read when the process was added. Without it a later
 * process with the same number would be taken for this one, and ended. */
static bool is_gone(struct process *process)
{
    struct stat_fields fields;
    if (!read_stat(process->pid, &fields))
        return kill(process->pid, 0) != 0 && errno == ESRCH;
    if (process->start == 0)
        process->start = fields.start;
    return is_dead(&fields) || (process->start != 0 && fields.start != process->start);
}

static struct process *find(const struct process_tree *tree, pid_t pid)
{
    for (size_t i = 0; i < tree->count; i++)
        if (tree->processes[i].pid == pid)
            return &tree->processes[i];
    return NULL;
}

static int add(struct process_tree *tree, struct process process)
{
    if (tree->count == tree->room) {
        size_t room = tree->room == 0 ? 8 : tree->room * 2;
        struct process *processes = realloc(tree->processes, room * sizeof *processes);
        if (processes == NULL)
            return -1;
        tree->processes = processes;
        tree->room = room;
    }
    tree->processes[tree->count++] = process;
    return 0;
}

/* Keeps the order of the others: parents come before their children. */
static void forget(struct process_tree *tree, struct process *process)
{
    const struct process *end = tree->processes + tree->count--;
    memmove(process, process + 1, (size_t)(end - (process + 1)) * sizeof *process);
}

int process_tree_add(struct process_tree *tree, pid_t pid)
{
    struct stat_fields fields;
    struct process process = {.pid = pid};
    if (find(tree, pid) != NULL)
        return 0;
    if (read_stat(pid, &fields))
        process.start = fields.start;
    return add(tree, process);
}

void process_tree_drop(struct process_tree *tree, pid_t pid)
{
    struct process *process = find(tree, pid);
    if (process != NULL)
        forget(tree, process);
}

/* Whether a process that is not a descendant belongs to the tree because of the pipes that it
 * reads. init does not, even if a pipe was passed to it, nor does this process, nor its parent. */
static bool is_reader(const struct process_tree *tree, pid_t pid)
{
    return pid > 1 && pid != getpid() && pid != getppid() &&
           held_pipes_are_read_by(tree->pipes, pid);
}

/* Adds a process if it belongs to the tree. Without memory it stays unknown. */
static void consider(struct process_tree *tree, const char *name, bool readers)
{
    struct stat_fields fields;
    char *end;
    pid_t pid = (pid_t)strtol(name, &end, 10);
    if (pid > 0 && *end == '\0' && find(tree, pid) == NULL && read_stat(pid, &fields) &&
        !is_dead(&fields) &&
        (find(tree, fields.parent) != NULL || (readers && is_reader(tree, pid))))
        (void)add(tree, (struct process){.pid = pid, .start = fields.start});
}

/* Repeats the search, because a child may be listed before its parent: process ids start again at
 * the end of their range. */
static void add_others(struct process_tree *tree)
{
    struct platform_listing listing;
    size_t before;
    bool readers = tree->pipes != NULL && held_pipes_are_read(tree->pipes);
    if ((tree->count == 0 && !readers) || platform_list(&listing, "/proc") != 0)
        return;
    do {
        before = tree->count;
        platform_list_again(&listing);
        for (const char *name; (name = platform_next_name(&listing)) != NULL;)
            consider(tree, name, readers);
    } while (tree->count > before);
    platform_end_list(&listing);
}

/* --- where only ps(1) tells ------------------------------------------------------------------- */

static bool is_listed(const struct platform_process *all, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].pid == pid)
            return !all[i].dead;
    return false;
}

static void add_listed(struct process_tree *tree, const struct platform_process *all, size_t count)
{
    size_t before;
    do {
        before = tree->count;
        for (size_t i = 0; i < count; i++)
            if (!all[i].dead && find(tree, all[i].pid) == NULL && find(tree, all[i].parent) != NULL)
                (void)add(tree, (struct process){.pid = all[i].pid});
    } while (tree->count > before);
}

size_t process_tree_update(struct process_tree *tree)
{
    size_t listed;
    struct platform_process *all = tree->count == 0 ? NULL : platform_processes(&listed);
    for (size_t i = tree->count; i-- > 0;) {
        struct process *process = &tree->processes[i];
        if (all != NULL ? !is_listed(all, listed, process->pid) : is_gone(process))
            forget(tree, process);
    }
    size_t before = tree->count;
    if (all != NULL)
        add_listed(tree, all, listed);
    else
        add_others(tree);
    free(all);
    return tree->count - before;
}

void process_tree_kill(const struct process_tree *tree, int signal)
{
    for (size_t i = 0; i < tree->count; i++)
        (void)kill(tree->processes[i].pid, signal); /* it may be gone, or belong to another user */
}

void process_tree_continue(const struct process_tree *tree)
{
    for (size_t i = tree->count; i-- > 0;)
        (void)kill(tree->processes[i].pid, SIGCONT);
}

static bool is_stopped(const struct process *process)
{
    struct stat_fields fields;
    return !read_stat(process->pid, &fields) || is_dead(&fields) || fields.state == 'T' ||
           fields.state == 't';
}

/* A process in the middle of a fork(2) sees a signal only after it. Does not wait for long: a
 * process that waits for a disk, or that may not be stopped, does not stop. */
static void wait_until_stopped(const struct process_tree *tree)
{
    int looks = 0;
    for (size_t i = 0; i < tree->count; i++)
        while (!is_stopped(&tree->processes[i]) && ++looks < LOOKS_AT_MOST)
            platform_nap(look_pause_ns);
}

/* A shell blocks signals around fork(2). If it were stopped before the fork and sent SIGTERM, it
 * would go on to fork a child that was not sent any. So it is continued for a moment. Returns
 * whether there was such a process. */
static bool let_unblock(const struct process_tree *tree)
{
    struct stat_fields fields;
    bool any = false;
    for (size_t i = 0; i < tree->count; i++)
        if (read_stat(tree->processes[i].pid, &fields) && fields.blocks_term && !is_dead(&fields)) {
            (void)kill(tree->processes[i].pid, SIGCONT);
            any = true;
        }
    if (any)
        platform_nap(look_pause_ns);
    return any;
}

void process_tree_stop(struct process_tree *tree)
{
    int stops = 0, turns = 0;
    bool again;
    do {
        process_tree_kill(tree, SIGSTOP);
        wait_until_stopped(tree);
        if (turns < TURNS_AT_MOST && let_unblock(tree)) {
            turns++;
            again = true;
        } else {
            again = process_tree_update(tree) > 0 && ++stops < STOPS_AT_MOST;
        }
    } while (again);
}

void process_tree_destroy(struct process_tree *tree)
{
    free(tree->processes);
    *tree = (struct process_tree){0};
}
