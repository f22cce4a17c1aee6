/*
 * test_process_tree.c - families of forked processes: which of them are found, stopped and killed.
 *
 * Each has the write end of a pipe, the lifeline, and writes its pid there when it is up. The end
 * of file shows that all are gone.
 */
#include "process/process_tree.h"
#include "tests/process/process_stage.h"

static int lifeline[2];

static void open_lifeline(void)
{
    stage_pipe(lifeline);
    fcntl(lifeline[1], F_SETFD, FD_CLOEXEC);
}

/* Whether all are gone. */
static bool close_lifeline(void)
{
    close(lifeline[1]);
    bool ended = stage_is_ended(lifeline[0]);
    close(lifeline[0]);
    return ended;
}

static void say(void)
{
    pid_t pid = getpid();
    if (write(lifeline[1], &pid, sizeof pid) != (ssize_t)sizeof pid)
        _exit(1);
}

static void hear(int times, pid_t heard[])
{
    for (int i = 0; i < times; i++)
        if (read(lifeline[0], &heard[i], sizeof heard[i]) != (ssize_t)sizeof heard[i])
            abort();
}

static _Noreturn void stay(void)
{
    alarm(STAGE_SECONDS);
    say();
    for (;;)
        pause();
}

static pid_t start(void (*run)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run();
        stay();
    }
    return pid;
}

static void in_own_session(void)
{
    setsid();
}

static void in_own_group(void)
{
    setpgid(0, 0);
}

static void nothing(void)
{
}

static void with_child(void)
{
    start(nothing);
}

static void with_family(void)
{
    start(with_child);
    start(in_own_session);
    start(in_own_group);
}

static void oddly_named(void)
{
    platform_set_title("a) Z 1 (b\n) ");
    with_child();
}

static void kill_and_reap(struct process_tree *tree, pid_t root)
{
    process_tree_kill(tree, SIGKILL);
    (void)stage_status(root);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_root(void)
{
    struct process_tree tree = {0};
    open_lifeline();
    pid_t heard, root = start(nothing);
    hear(1, &heard);
    tap_ok(process_tree_add(&tree, root) == 0 && tree.count == 1, "a root");
    tap_ok(process_tree_add(&tree, root) == 0 && tree.count == 1,
           "a root that is added again is there once");
    process_tree_drop(&tree, getpid());
    tap_ok(process_tree_update(&tree) == 0 && tree.count == 1,
           "a process that lives stays in the tree");
    process_tree_drop(&tree, root);
    tap_ok(tree.count == 0, "a process can be dropped");
    tap_ok(process_tree_update(&tree) == 0 && tree.count == 0,
           "a dropped process is not found again");
    process_tree_add(&tree, root);
    kill_and_reap(&tree, root);
    process_tree_update(&tree);
    tap_ok(tree.count == 0, "a process that is gone is forgotten");
    process_tree_kill(&tree, SIGKILL);
    process_tree_destroy(&tree);
    tap_ok(close_lifeline(), "the process was killed");
}

static void test_family(void)
{
    struct process_tree tree = {0};
    enum { FAMILY = 5 };
    pid_t heard[FAMILY];
    if (stage_skip("descendants"))
        return;
    open_lifeline();
    pid_t root = start(with_family);
    hear(FAMILY, heard);
    process_tree_add(&tree, root);
    tap_ok(process_tree_update(&tree) == 4 && tree.count == 5,
           "children and their children are found, in any group or session");
    tap_ok(process_tree_update(&tree) == 0 && tree.count == 5, "once");
    kill_and_reap(&tree, root);
    uint64_t deadline = stage_deadline();
    while (process_tree_update(&tree) == 0 && tree.count > 0 && stage_again(deadline))
        continue;
    tap_ok(tree.count == 0, "all killed processes are forgotten");
    tap_ok(close_lifeline(), "all killed processes are gone");
    process_tree_destroy(&tree);
}

static void with_many(void)
{
    for (int i = 0; i < 6; i++)
        start(with_child);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    size_t bytes = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    const char *after = strrchr(text, ')');
    if (file != NULL)
        fclose(file);
    return bytes > 0 && after != NULL && strlen(after) > 4 ? (pid_t)strtol(after + 4, NULL, 10) : 0;
}

/* Whether each except the first comes after its parent. */
static bool is_in_order(const struct process_tree *tree)
{
    for (size_t i = 1; i < tree->count; i++) {
        size_t parent = 0;
        while (parent < i && tree->processes[parent].pid != parent_of(tree->processes[i].pid))
            parent++;
        if (parent == i)
            return false;
    }
    return true;
}

static bool all_are(const struct process_tree *tree, bool stopped)
{
    bool right = true;
    for (size_t i = 0; i < tree->count; i++)
        right &= (stage_state(tree->processes[i].pid) == 'T') == stopped;
    return right;
}

/* Whether the tree is what it was before, without one. */
static bool is_without(const struct process_tree *tree, const pid_t *before, size_t missing)
{
    bool same = true;
    for (size_t i = 0; i < tree->count; i++)
        same &= tree->processes[i].pid == before[i < missing ? i : i + 1];
    return same;
}

static void test_order(void)
{
    struct process_tree tree = {0};
    enum { FAMILY = 13 };
    pid_t heard[FAMILY], before[FAMILY];
    size_t leaf = 1;
    if (stage_skip("the order of a family"))
        return;
    open_lifeline();
    pid_t root = start(with_many);
    hear(FAMILY, heard);
    process_tree_add(&tree, root);
    process_tree_update(&tree);
    tap_ok(tree.count == FAMILY && is_in_order(&tree), "parents come before their children");
    process_tree_stop(&tree);
    tap_ok(all_are(&tree, true), "all of them are stopped");
    process_tree_continue(&tree);
    tap_ok(all_are(&tree, false), "all of them are continued");
    for (size_t i = 0; i < FAMILY; i++)
        before[i] = tree.processes[i].pid;
    while (parent_of(before[leaf]) == root)
        leaf++;
    kill(before[leaf], SIGKILL);
    uint64_t deadline = stage_deadline();
    while (tree.count == FAMILY && stage_again(deadline))
        process_tree_update(&tree);
    tap_ok(tree.count == FAMILY - 1 && is_without(&tree, before, leaf),
           "the order stays when one of them is gone");
    kill_and_reap(&tree, root);
    tap_ok(close_lifeline(), "the whole tree is killed");
    process_tree_destroy(&tree);
}

/* Two unrelated processes, one of which reads. This process reads as well. */
static void test_readers(void)
{
    int pipe[2];
    if (stage_skip("readers"))
        return;
    open_lifeline();
    stage_pipe(pipe);
    struct pollfd fd = {.fd = pipe[1]};
    struct held_pipes ends = {.fds = &fd, .count = 1, .room = 1};
    struct process_tree tree = {.pipes = &ends};
    pid_t heard[2], reader = start(nothing);
    int own = dup(pipe[0]);
    hear(1, &heard[0]);
    close(pipe[0]), close(own);
    pid_t other = start(nothing);
    hear(1, &heard[1]);
    own = platform_reopen(pipe[1], O_RDONLY | O_NONBLOCK);
    tap_ok(process_tree_update(&tree) == 1 && tree.processes[0].pid == reader,
           "an unrelated reader belongs to the tree, but neither we nor others");
    tap_ok(process_tree_update(&tree) == 0 && tree.count == 1, "once");
    kill_and_reap(&tree, reader);
    tap_ok(process_tree_update(&tree) == 0 && tree.count == 0,
           "the reader is in the tree until it is gone");
    kill(other, SIGKILL);
    (void)stage_status(other);
    tap_ok(close_lifeline(), "both processes are gone");
    close(own), close(pipe[1]);
    process_tree_destroy(&tree);
}

static void test_orphan(void)
{
    struct process_tree tree = {0};
    if (stage_skip("orphans"))
        return;
    open_lifeline();
    pid_t heard[2], root = start(with_child);
    hear(2, heard);
    process_tree_add(&tree, root);
    process_tree_update(&tree);
    kill(root, SIGKILL);
    (void)stage_status(root);
    tap_ok(process_tree_update(&tree) == 0 && tree.count == 1 && tree.processes[0].pid != root,
           "a process whose parent is gone stays in the tree");
    process_tree_kill(&tree, SIGKILL);
    tap_ok(close_lifeline(), "and killed");
    process_tree_destroy(&tree);
}

static void test_zombie(void)
{
    struct process_tree tree = {0};
    if (stage_skip("zombies"))
        return;
    open_lifeline();
    pid_t heard, root = start(nothing);
    hear(1, &heard);
    process_tree_add(&tree, root);
    kill(root, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)root, &info, WEXITED | WNOWAIT);
    process_tree_update(&tree);
    tap_ok(tree.count == 0, "a zombie is gone");
    (void)stage_status(root);
    process_tree_destroy(&tree);
    close_lifeline();
}

static void test_start_time(void)
{
    struct process_tree tree = {0};
    if (stage_skip("start times"))
        return;
    open_lifeline();
    pid_t heard, root = start(nothing);
    hear(1, &heard);
    process_tree_add(&tree, root);
    tap_ok(tree.processes[0].start != 0, "a start time is known");
    tree.processes[0].start--;
    process_tree_update(&tree);
    tap_ok(tree.count == 0, "a process that was started at another time is a different one");
    kill_and_reap(&(struct process_tree){.processes = &(struct process){.pid = root}, .count = 1},
                  root);
    process_tree_destroy(&tree);
    close_lifeline();
}

static void test_odd_name(void)
{
    struct process_tree tree = {0};
    if (stage_skip("odd names"))
        return;
    open_lifeline();
    pid_t heard[2], root = start(oddly_named);
    hear(2, heard);
    process_tree_add(&tree, root);
    tap_ok(process_tree_update(&tree) == 1, "a name with parentheses, blanks and a newline");
    process_tree_update(&tree);
    tap_ok(tree.count == 2, "a process with an odd name is not taken for one that is gone");
    kill_and_reap(&tree, root);
    tap_ok(close_lifeline(), "they are killed");
    process_tree_destroy(&tree);
}

/* Forks as fast as it can, and every fifth child does so, too. */
static void forking(void)
{
    say();
    for (int i = 0; i < 40; i++) {
        if (fork() != 0)
            continue;
        for (int j = 0; i % 5 == 0 && j < 5; j++)
            if (fork() == 0)
                break;
        stay();
    }
}

static void test_stop(void)
{
    bool all = true, stopped = true;
    uint64_t seed = tap_seed();
    if (stage_skip("those that fork meanwhile"))
        return;
    for (unsigned round = tap_rounds(10); round > 0; round--) {
        struct process_tree tree = {0};
        open_lifeline();
        pid_t heard, root = start(forking);
        hear(1, &heard);
        stage_nap(tap_below(&seed, 3000000));
        process_tree_add(&tree, root);
        process_tree_stop(&tree);
        for (size_t i = 0; i < tree.count; i++) {
            uint64_t deadline = stage_deadline();
            while (stage_state(tree.processes[i].pid) != 'T' && stage_again(deadline))
                continue;
            stopped &= stage_state(tree.processes[i].pid) == 'T';
        }
        kill_and_reap(&tree, root);
        all &= close_lifeline();
        process_tree_destroy(&tree);
    }
    tap_ok(stopped, "processes that go on forking are stopped");
    tap_ok(all, "all of them are stopped, so that all are killed");
}

/* As a shell that is stopped just before fork(2), where it blocks signals. */
static void forks_when_continued(void)
{
    sigset_t all, mask, awaited;
    int number;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &mask);
    say();
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCONT);
    (void)sigwait(&awaited, &number);
    fflush(stdout);
    pid_t pid = fork();
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (pid == 0)
        stay();
}

/* Starts a process and stops it, with all that belongs to it. */
static pid_t start_and_stop(void (*run)(void), struct process_tree *tree)
{
    pid_t heard, root;
    open_lifeline();
    root = start(run);
    hear(1, &heard);
    process_tree_add(tree, root);
    process_tree_stop(tree);
    return root;
}

static void test_blocked(void)
{
    struct process_tree tree = {0};
    if (stage_skip("which signals are blocked"))
        return;
    pid_t root = start_and_stop(forks_when_continued, &tree);
    tap_ok(tree.count == 2, "a process that was about to fork is stopped after it, with its child");
    process_tree_kill(&tree, SIGTERM);
    process_tree_kill(&tree, SIGCONT);
    tap_ok(stage_status(root) == -1 && close_lifeline(), "the process and its child get SIGTERM");
    process_tree_destroy(&tree);
}

static void blocks_for_good(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

static void test_blocked_for_good(void)
{
    struct process_tree tree = {0};
    if (stage_skip("which signals are blocked for good"))
        return;
    pid_t root = start_and_stop(blocks_for_good, &tree);
    tap_ok(stage_state(root) == 'T', "a process that always blocks SIGTERM is stopped in the end");
    kill_and_reap(&tree, root);
    process_tree_destroy(&tree);
    tap_ok(close_lifeline(), "and killed");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_root();
    test_family();
    test_order();
    test_readers();
    test_orphan();
    test_zombie();
    test_start_time();
    test_odd_name();
    test_stop();
    test_blocked();
    test_blocked_for_good();
    tap_ok(stage_has_no_children(), "no process is left");
    return tap_done();
}
