/*
 * test_spool.c - the spool against a plain queue of bytes, and the fate of its file.
 *
 * The bytes that are put come from a block of noise at a random place, so that a byte which is
 * lost, doubled or taken back by mistake is noticed when it is got. A full disk is RLIMIT_FSIZE: a
 * write beyond it comes short, or says EFBIG.
 */
#include "base/platform.h"
#include "buffer/spool.h"
#include "tests/files.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t mib = (size_t)1 << 20;

enum {
    MOST_PIECES = 4,
    PIECE_BITS = 20,
    NOISE = 8 << 20,
    STREAM = 48 << 20,
    MAX_BITS = 24,
    STEPS = 3000
};

static unsigned char noise[NOISE], stream[STREAM], scratch[MOST_PIECES << PIECE_BITS];

static void make_noise(void)
{
    for (size_t i = 0; i < NOISE; i += sizeof(uint64_t)) {
        uint64_t bits = tap_random(&random_state);
        memcpy(noise + i, &bits, sizeof bits);
    }
}

static struct stat file_of(const struct spool *spool)
{
    struct stat info = {.st_size = -1};
    (void)fstat(spool->fd, &info);
    return info;
}

static bool open_spool(struct spool *spool, const char *path, uint64_t max)
{
    const char *reason;
    if (spool_open(spool, path, max, &reason) == 0)
        return true;
    tap_note("%s: %s", path, reason);
    return false;
}

static bool put(struct spool *spool, void *bytes, size_t count)
{
    uint64_t calls = 0;
    struct iovec piece = {bytes, count};
    return spool_put(spool, &piece, 1, &calls) == (ssize_t)count;
}

static bool get(struct spool *spool, void *bytes, size_t count)
{
    uint64_t calls = 0;
    struct iovec piece = {bytes, count};
    return spool_get(spool, &piece, 1, &calls) == (ssize_t)count;
}

/* --- the model ------------------------------------------------------------------------------- */

struct run {
    struct spool spool;
    size_t head, tail; /* the queue is stream[tail] to stream[head - 1] */
    uint64_t max;
    unsigned piece_bits, step;
    bool failed;
};

static void expect(struct run *run, bool holds, const char *what)
{
    if (holds || run->failed)
        return;
    run->failed = true;
    tap_note("max %" PRIu64 ", step %u, held %zu: %s", run->max, run->step, run->head - run->tail,
             what);
}

static void expect_state(struct run *run)
{
    uint64_t held = run->head - run->tail;
    struct stat file = file_of(&run->spool);
    expect(run, spool_held(&run->spool) == held, "held");
    expect(run, spool_room(&run->spool) == (run->spool.refused ? 0 : run->spool.max - held),
           "room");
    expect(run, held > 0 || run->spool.max == run->max, "nothing is held, but the circle is small");
    expect(run, file.st_size >= 0 && (uint64_t)file.st_size <= run->max, "the file is too long");
    expect(run, held > 0 || file.st_size <= SPOOL_KEPT, "nothing is held, but the file is long");
}

/* Pieces of random lengths, some of them empty, in `memory` one after the other. */
static int cut(const struct run *run, struct iovec pieces[MOST_PIECES], void *memory, size_t *total)
{
    int count = (int)below(MOST_PIECES + 1);
    unsigned char *next = memory;
    *total = 0;
    for (int i = 0; i < count; i++) {
        size_t bytes = (size_t)tap_magnitude(&random_state, run->piece_bits);
        pieces[i] = (struct iovec){next, bytes};
        next += bytes;
        *total += bytes;
    }
    return count;
}

static void put_some(struct run *run)
{
    struct iovec pieces[MOST_PIECES];
    unsigned char *from = noise + below(NOISE - sizeof scratch);
    uint64_t calls = 0, room = spool_room(&run->spool);
    size_t total;
    int count = cut(run, pieces, from, &total);
    bool disk_full = below(8) == 0;

    if (disk_full)
        limit_files((rlim_t)below(run->max));
    ssize_t taken = spool_put(&run->spool, pieces, count, &calls);
    limit_files(RLIM_INFINITY);
    expect(run, taken >= 0 && (size_t)taken <= total && (uint64_t)taken <= room, "too much taken");
    expect(run, calls <= (uint64_t)count + 2 + (disk_full ? 3 : 0), "too many calls to put");
    if (run->failed)
        return;
    memcpy(stream + run->head, from, (size_t)taken);
    run->head += (size_t)taken;
    if ((size_t)taken < total && (uint64_t)taken < room) {
        expect(run, disk_full && spool_room(&run->spool) == 0, "too little taken");
        calls = 0;
        expect(run, spool_put(&run->spool, pieces, count, &calls) == 0 && calls == 0,
               "a put to a full disk makes calls");
        if (below(2) == 0)
            spool_try_again(&run->spool);
    }
}

static void get_some(struct run *run)
{
    struct iovec pieces[MOST_PIECES];
    uint64_t calls = 0;
    size_t total, held = run->head - run->tail;
    int count = cut(run, pieces, scratch, &total);
    ssize_t got = spool_get(&run->spool, pieces, count, &calls);

    expect(run, got == (ssize_t)(total < held ? total : held), "not all that it could give");
    expect(run, calls <= (uint64_t)count + 1, "too many calls to get");
    expect(run, got <= 0 || !run->spool.refused, "what was taken makes no room");
    expect(run, got < 0 || memcmp(scratch, stream + run->tail, (size_t)got) == 0, "wrong bytes");
    run->tail += got > 0 ? (size_t)got : 0;
}

static void retract_some(struct run *run)
{
    uint64_t bytes = tap_magnitude(&random_state, run->piece_bits);
    if (bytes > run->head - run->tail || below(10) == 0)
        bytes = run->head - run->tail;
    spool_retract(&run->spool, bytes);
    run->head -= bytes;
}

static void simulate(struct run *run)
{
    unsigned bias = 50;
    for (run->step = 0; run->step < STEPS && !run->failed; run->step++) {
        if (run->head + sizeof scratch > STREAM)
            break;
        if (below(100) == 0)
            bias = (unsigned)below(100); /* it fills, or it drains */
        if (below(50) == 0)
            retract_some(run);
        else if (below(100) < bias)
            put_some(run);
        else
            get_some(run);
        if (below(4) == 0)
            spool_try_again(&run->spool);
        expect_state(run);
    }
    while (run->tail < run->head && !run->failed)
        get_some(run);
    expect_state(run);
}

static bool one_run(void)
{
    struct run run = {.max = 1 + tap_magnitude(&random_state, MAX_BITS)};
    run.piece_bits = 1;
    while (run.piece_bits < PIECE_BITS && UINT64_C(1) << run.piece_bits < run.max)
        run.piece_bits++;
    if (!open_spool(&run.spool, ".", run.max))
        return false;
    run.spool.unpunchable = below(4) == 0;
    simulate(&run);
    spool_close(&run.spool);
    return !run.failed;
}

/* --- opening --------------------------------------------------------------------------------- */

static void make_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        abort();
}

static bool refused(const char *path, const char *expected)
{
    struct spool spool;
    const char *reason = "nothing";
    if (spool_open(&spool, path, 100, &reason) != -1 || spool.fd != -1)
        return false;
    if (strcmp(reason, expected) == 0)
        return true;
    tap_note("%s: %s", path, reason);
    return false;
}

static void test_names(void)
{
    struct spool spool;
    struct stat info;

    tap_ok(open_spool(&spool, "new", 100) && lstat("new", &info) == 0 && S_ISREG(info.st_mode) &&
               (info.st_mode & 0777) == 0600 && info.st_ino == file_of(&spool).st_ino,
           "a new file, for its owner only");
    tap_ok((fcntl(spool.fd, F_GETFD) & FD_CLOEXEC) != 0, "closed on exec");
    tap_ok(put(&spool, noise, 100) && spool_room(&spool) == 0,
           "a new file takes as many bytes as it may");
    spool_close(&spool);
    tap_ok(!exists("new") && spool.fd == -1, "a new file is removed at the end");
    spool_close(&spool);
    tap_ok(spool_room(&spool) == 0 && spool_held(&spool) == 0,
           "a spool that is closed twice takes nothing");

    make_file("empty", "");
    tap_ok(open_spool(&spool, "empty", 100) && put(&spool, noise, 60) &&
               stat("empty", &info) == 0 && info.st_size == 60,
           "an empty file that exists");
    spool_close(&spool);
    tap_ok(stat("empty", &info) == 0 && info.st_size == 0 && (info.st_mode & 0777) == 0640,
           "is empty again at the end, and as it was");

    tap_ok(symlink("empty", "link") == 0 && open_spool(&spool, "link", 100) &&
               put(&spool, noise, 60) && stat("empty", &info) == 0 && info.st_size == 60,
           "a symbolic link to one");
    spool_close(&spool);
    tap_ok(exists("link") && stat("empty", &info) == 0 && info.st_size == 0,
           "the link and its file stay");

    tap_ok(open_spool(&spool, "new", 100) && put(&spool, noise, 100) && unlink("new") == 0,
           "a new file whose name is removed");
    make_file("new", "another");
    spool_close(&spool);
    tap_ok(stat("new", &info) == 0 && info.st_size == 7,
           "another file of the same name is left alone");
    unlink("new");

    tap_ok(open_spool(&spool, "new", 100) && put(&spool, noise, 100) && rename("new", "old") == 0,
           "a new file that is renamed");
    spool_close(&spool);
    tap_ok(stat("old", &info) == 0 && info.st_size == 0, "holds nothing at the end");
    unlink("old");
}

static unsigned links_of(const struct spool *spool)
{
    return (unsigned)file_of(spool).st_nlink;
}

static void test_directories(void)
{
    struct spool spool;

    mkdir("directory", 0700);
    tap_ok(open_spool(&spool, "directory", 100) && spool.created == NULL &&
               put(&spool, noise, 60) && get(&spool, scratch, 60) &&
               memcmp(noise, scratch, 60) == 0,
           "a directory");
    tap_ok(links_of(&spool) == 0 && (file_of(&spool).st_mode & 07777) == 0600 &&
               (fcntl(spool.fd, F_GETFD) & FD_CLOEXEC) != 0,
           "a directory gets a file without a name, for its owner only, closed on exec");
    tap_ok(rmdir("directory") == 0, "that file does not appear in the directory");
    spool_close(&spool);
    tap_ok(open_spool(&spool, "./", 100), "a directory with a slash at its end");
    spool_close(&spool);
}

static void test_refusals(void)
{
    static const char wrong_kind[] = "is not a directory or a regular file";
    struct stat info;

    make_file("full", "x");
    mkfifo("fifo", 0600);
    symlink("missing", "dangling");
    mkdir("locked", 0);
    alarm(20);
    tap_ok(refused("full", "is not empty") && stat("full", &info) == 0 && info.st_size == 1,
           "a file that is not empty is refused, and left alone");
    tap_ok(refused("fifo", wrong_kind), "a FIFO is refused at once");
    tap_ok(refused("/dev/null", wrong_kind), "and so is a device");
    tap_ok(refused("missing/spool", strerror(ENOENT)), "a directory that is missing");
    tap_ok(refused("", strerror(ENOENT)), "an empty name");
    tap_ok(refused("full/spool", strerror(ENOTDIR)), "a file where a directory must be");
    tap_ok(refused("dangling", strerror(EEXIST)) && !exists("missing"), "a link to nothing");
    if (geteuid() == 0)
        tap_note("the superuser may write everywhere");
    else
        tap_ok(refused("locked", strerror(EACCES)) && refused("locked/spool", strerror(EACCES)),
               "a directory that may not be written");
    alarm(0);
}

/* Another process opens it, and says by its status whether the answer was the expected one. */
static bool another_is_refused(const char *path, const char *reason)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(refused(path, reason) ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static void test_two_processes(void)
{
    struct spool spool;

    tap_ok(open_spool(&spool, "shared", 100) &&
               another_is_refused("shared", "is in use by another process"),
           "no two processes have one spool");
    tap_ok(exists("shared") && put(&spool, noise, 10) &&
               another_is_refused("shared", "is not empty"),
           "the first process is not disturbed by the second");
    spool_close(&spool);
}

/* --- faults ---------------------------------------------------------------------------------- */

static void test_full_disk(void)
{
    struct spool spool;
    struct iovec pieces[2] = {{noise, 1000}, {noise + 1000, 1000}};
    uint64_t calls = 0;
    ssize_t taken, nothing;

    if (!tap_ok(open_spool(&spool, ".", 10000), "a spool on a disk that is full"))
        return;
    limit_files(1500);
    taken = spool_put(&spool, pieces, 2, &calls);
    nothing = spool_put(&spool, pieces, 2, &calls);
    limit_files(RLIM_INFINITY);
    tap_ok(taken == 1500 && calls == 3, "the bytes for which there is room are taken");
    tap_ok(nothing == 0 && calls == 3 && spool_room(&spool) == 0, "then nothing is taken");
    spool_try_again(&spool);
    tap_ok(spool_room(&spool) == 8500 && put(&spool, noise + 1500, 500),
           "it tries again when told to");
    limit_files(2000); /* not while something is printed */
    taken = spool_put(&spool, pieces, 2, &calls);
    limit_files(RLIM_INFINITY);
    tap_ok(taken == 0 && get(&spool, scratch, 100) && spool_room(&spool) == 100,
           "bytes that were taken out make room for as many");
    tap_ok(put(&spool, noise + 2000, 60) && spool_room(&spool) == 40, "their place is used");
    limit_files(0);
    calls = 0;
    taken = spool_put(&spool, pieces, 2, &calls);
    nothing = spool_put(&spool, pieces, 2, &calls);
    limit_files(RLIM_INFINITY);
    tap_ok(taken == 0 && nothing == 0 && calls == 1 && spool_room(&spool) == 0,
           "a refused place is not tried again");
    spool_try_again(&spool);
    tap_ok(spool_room(&spool) == 40, "the file does not grow while the queue crosses its end");
    limit_files(0);
    taken = spool_put(&spool, pieces, 2, &calls);
    limit_files(RLIM_INFINITY);
    spool_retract(&spool, 9);
    tap_ok(taken == 0 && spool_room(&spool) == 49, "bytes that are taken back make room, too");
    tap_ok(get(&spool, scratch + 100, 1910) && memcmp(noise, scratch, 2010) == 0, "in order");
    spool_try_again(&spool);
    tap_ok(spool_room(&spool) == 9959, "the file may grow after that");
    tap_ok(get(&spool, scratch, 41) && spool_room(&spool) == 10000,
           "all room is back when the spool is empty");
    spool_close(&spool);
}

static void test_faults(void)
{
    struct spool spool;
    struct iovec piece = {scratch, 10000};
    uint64_t calls = 0;

    if (!tap_ok(open_spool(&spool, "file", 10000) && put(&spool, noise, 10000) &&
                    truncate("file", 5000) == 0,
                "a spool whose file another process truncates"))
        return;
    tap_ok(spool_get(&spool, &piece, 1, &calls) == 5000 && memcmp(scratch, noise, 5000) == 0,
           "the remaining bytes are read");
    errno = 0;
    tap_ok(spool_get(&spool, &piece, 1, &calls) == -1 && errno == EIO,
           "the missing bytes are an EIO");
    tap_ok(spool_held(&spool) == 5000, "lost bytes count as held");

    int closed = open("/dev/null", O_RDONLY);
    dup2(closed, spool.fd);
    close(closed);
    errno = 0;
    tap_ok(spool_put(&spool, &piece, 1, &calls) == -1 && errno == EBADF && !spool.refused,
           "another fault does not count as a full disk");
    tap_ok(spool_held(&spool) == 5000, "another fault changes nothing");
    spool_close(&spool);
    tap_ok(exists("file") && unlink("file") == 0, "a name is removed only from its own file");
}

/* --- space ----------------------------------------------------------------------------------- */

static uint64_t space_of(const struct spool *spool)
{
    return (uint64_t)file_of(spool).st_blocks * 512;
}

static bool can_punch(const struct spool *spool)
{
    return platform_punch(spool->fd, 0, 1) == 0;
}

static bool fill(struct spool *spool, uint64_t bytes)
{
    bool right = true;
    for (uint64_t done = 0; done < bytes && right; done += mib)
        right = put(spool, noise + done % NOISE, mib);
    return right;
}

/* Small amounts leave the size of the file, large amounts leave an empty file. */
static void test_emptied(void)
{
    enum { SMALL = 65536 };
    struct spool spool;
    uint64_t calls = 0;
    struct iovec piece = {noise, SMALL};
    bool right = true;

    if (!tap_ok(open_spool(&spool, ".", 64 * mib), "a spool that becomes empty often"))
        return;
    for (int i = 0; i < 100; i++) {
        right = right && spool_put(&spool, &piece, 1, &calls) == SMALL;
        right = right && get(&spool, scratch, SMALL);
    }
    tap_ok(right && calls == 100 && file_of(&spool).st_size == SMALL,
           "small amounts go to the same place, without a truncation");
    tap_ok(fill(&spool, 2 * mib) && get(&spool, scratch, 2 * mib) && file_of(&spool).st_size == 0,
           "large amounts are given back");
    tap_ok(fill(&spool, 2 * mib) && (size_t)file_of(&spool).st_size == 2 * mib,
           "the file is used again from its start");
    spool_retract(&spool, 2 * mib);
    tap_ok(file_of(&spool).st_size == 0, "bytes that are taken back are given back, too");
    spool_close(&spool);
}

/* A queue that is never empty: the space of taken bytes is given back, also round the circle. */
static void test_punching(void)
{
    const uint64_t slack = SPOOL_PUNCH_SIZE + mib;
    const uint64_t whole = 64 * mib;
    struct spool spool;
    bool right, within = true;

    if (!tap_ok(open_spool(&spool, ".", whole + 12345) && fill(&spool, whole), "64 MiB in use"))
        return;
    if (!can_punch(&spool)) {
        tap_ok(true, "space is given back # SKIP %s",
               strcmp(platform_name, "linux") == 0 ? "no holes in files here"
                                                   : "a portable build makes no holes");
        spool_close(&spool);
        return;
    }
    tap_ok(space_of(&spool) >= whole, "they take as much of the disk");
    right = get(&spool, scratch, 1);
    while (right && spool_held(&spool) > mib) {
        right = get(&spool, scratch, mib / 2);
        within &= space_of(&spool) <= spool_held(&spool) + slack;
    }
    tap_ok(right && within && space_of(&spool) <= 6 * mib, "their space is given back");
    for (int i = 0; i < 300 && right; i++) {
        right = put(&spool, noise, mib / 2) && get(&spool, scratch, mib / 2);
        within &= space_of(&spool) <= spool_held(&spool) + slack;
    }
    tap_ok(right && within, "space is given back when the queue goes round");
    right = right && fill(&spool, 62 * mib) && spool_held(&spool) > 62 * mib;
    while (right && spool_held(&spool) > mib) {
        right = get(&spool, scratch, mib / 2);
        within &= space_of(&spool) <= spool_held(&spool) + slack;
    }
    tap_ok(right && within, "space is given back when the queue fills up in the middle");
    spool_close(&spool);
}

/* Removes the files that the tests have made, and their directory. */
static bool remove_directory(const char *directory)
{
    static const char *const files[] = {"empty", "link", "full", "fifo", "dangling"};
    bool right = rmdir("locked") == 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        right &= unlink(files[i]) == 0;
    return right && chdir("..") == 0 && rmdir(directory) == 0;
}

/* The bytes beside a hole, where it ends just where the queue begins, and where the circle does. */
static void test_hole_edges(void)
{
    enum { MAX = NOISE + 1000 }; /* two steps, and some */
    struct spool spool;
    bool right;

    if (!tap_ok(open_spool(&spool, ".", MAX) && put(&spool, noise, NOISE), "bytes beside a hole"))
        return;
    right = get(&spool, scratch, SPOOL_PUNCH_SIZE) && put(&spool, noise, mib);
    tap_ok(right && get(&spool, scratch, 3 * mib) &&
               memcmp(scratch, noise + SPOOL_PUNCH_SIZE, 3 * mib) == 0,
           "bytes after a hole stay");
    right = get(&spool, scratch, mib + 1000) && /* the circle's start */
            memcmp(scratch, noise + 7 * mib, mib) == 0 && memcmp(scratch + mib, noise, 1000) == 0;
    tap_ok(right && get(&spool, scratch, mib - 1000) &&
               memcmp(scratch, noise + 1000, mib - 1000) == 0,
           "bytes stay where the circle ends and begins");
    spool_close(&spool);
}

int main(void)
{
    char directory[] = "spool.XXXXXX";
    const char *temporary = getenv("TMPDIR");
    unsigned runs, failed = 0;

    signal(SIGXFSZ, SIG_IGN);
    if (chdir(temporary != NULL ? temporary : "/tmp") != 0 || mkdtemp(directory) == NULL ||
        chdir(directory) != 0)
        return 1;
    random_state = tap_seed();
    make_noise();
    test_names();
    test_directories();
    test_refusals();
    test_two_processes();
    test_full_disk();
    test_faults();
    test_emptied();
    test_punching();
    test_hole_edges();
    runs = tap_rounds(40);
    for (unsigned i = 0; i < runs; i++)
        failed += !one_run();
    tap_ok(failed == 0, "%u random runs: every byte in order", runs);
    tap_ok(remove_directory(directory), "nothing is left");
    return tap_done();
}
