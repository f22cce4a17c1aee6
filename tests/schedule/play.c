/*
 * play.c - see play.h.
 *
 * One poll() loop; all ends here are nonblocking. That bpipe has ended shows in a pipe that nobody
 * but it has open for writing.
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ, where there is one */
#include "play.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
#define HUNG_NS   (20000 * NS_PER_MS)
#define QUIT_NS   (2000 * NS_PER_MS) /* from SIGQUIT, for its report, to SIGKILL */

enum { READ_SIZE = 64 << 10, ABOVE = 200 /* descriptors for nobody */ };

struct producer {
    const struct source *source;
    const unsigned char *bytes;
    size_t written, burst, burst_written;
    int fd;             /* -1: done */
    uint64_t paused_ns; /* since then; 0: it is not */
};

struct consumer {
    const struct sink *sink;
    struct taken *taken;
    int fd; /* -1: a file, or done */
    size_t stall;
    uint64_t stalled_ns; /* since then; 0: it is not */
};

struct game {
    const struct plan *plan;
    struct producer producers[MOST_SOURCES];
    struct consumer consumers[MOST_SINKS];
    int source_fds[MOST_SOURCES], sink_fds[MOST_SINKS]; /* bpipe's ends; -1: it opens a name */
    int life[2];                                        /* shows the end when bpipe has ended */
    pid_t bpipe;
    uint64_t now_ns, moved_ns;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "schedule: %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t clock_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 * NS_PER_MS + (uint64_t)time.tv_nsec;
}

void taken_add(struct taken *taken, const void *bytes, size_t size)
{
    if (taken->size + size > taken->room) {
        taken->room = 2 * (taken->size + size);
        taken->bytes = realloc(taken->bytes, taken->room);
        if (taken->bytes == NULL)
            die("realloc");
    }
    memcpy(taken->bytes + taken->size, bytes, size);
    taken->size += size;
}

/* --- opening ------------------------------------------------------------------------------- */

static void set_pipe_size(int fd, size_t size)
{
#ifdef F_SETPIPE_SZ
    if (fcntl(fd, F_SETPIPE_SZ, (int)size) < 0 && errno != EPERM)
        die("F_SETPIPE_SZ");
#else
    (void)fd;
    (void)size;
#endif
}

static void make_pipe(int ends[2], size_t size)
{
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0)
        die("pipe");
    set_pipe_size(ends[1], size);
}

static int nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        die("O_NONBLOCK");
    return fd;
}

static void open_sink(struct game *game, size_t number)
{
    const struct sink *sink = &game->plan->sinks[number];
    struct consumer *consumer = &game->consumers[number];
    char name[16];
    int ends[2];

    consumer->fd = game->sink_fds[number] = -1;
    if (sink->kind == SINK_FILE)
        return;
    if (sink->kind == SINK_FIFO) {
        plan_sink_name(number, name);
        if (mkfifo(name, 0600) != 0)
            die(name);
        consumer->fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (consumer->fd < 0)
            die(name);
        set_pipe_size(consumer->fd, sink->pipe_size);
        return;
    }
    make_pipe(ends, sink->pipe_size);
    consumer->fd = nonblocking(ends[0]);
    game->sink_fds[number] = ends[1];
}

static void open_all(struct game *game, const struct input *input, struct outcome *outcome)
{
    int ends[2];

    make_pipe(game->life, 4096);
    for (size_t i = 0; i < game->plan->source_count; i++) {
        make_pipe(ends, game->plan->sources[i].pipe_size);
        game->source_fds[i] = ends[0];
        game->producers[i] = (struct producer){.source = &game->plan->sources[i],
                                               .bytes = input->sources[i],
                                               .fd = nonblocking(ends[1])};
    }
    for (size_t i = 0; i < plan_sinks(game->plan); i++) {
        game->consumers[i] =
            (struct consumer){.sink = &game->plan->sinks[i], .taken = &outcome->taken[i]};
        open_sink(game, i);
    }
    if (game->plan->spool_max > 0 && mkdir("spool", 0700) != 0)
        die("spool");
}

/* --- bpipe --------------------------------------------------------------------------------- */

/* In the child: what was `fd` becomes `wanted`. */
static void give(int fd, int wanted)
{
    if (dup2(fd, wanted) < 0)
        die("dup2");
}

static void become_bpipe(const struct game *game, const char *bpipe)
{
    const struct rlimit no_core = {0, 0};
    char *arguments[MOST_ARGUMENTS + 1] = {(char[]){"bpipe"}};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int messages = open("messages", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (null < 0 || messages < 0)
        die("open");
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    give(null, STDIN_FILENO);
    give(null, STDOUT_FILENO);
    give(game->life[1], ABOVE);
    for (size_t i = 0; i < game->plan->source_count; i++)
        give(game->source_fds[i], plan_source_descriptor(i));
    for (size_t i = 0; i < plan_sinks(game->plan); i++)
        if (game->sink_fds[i] >= 0)
            give(game->sink_fds[i], game->plan->sinks[i].kind == SINK_STDOUT
                                        ? STDOUT_FILENO
                                        : plan_sink_descriptor(i));
    plan_arguments(game->plan, arguments + 1);
    give(messages, STDERR_FILENO);
    execv(bpipe, arguments);
    die(bpipe);
}

static void start(struct game *game, const char *bpipe)
{
    game->bpipe = fork();
    if (game->bpipe < 0)
        die("fork");
    if (game->bpipe == 0)
        become_bpipe(game, bpipe);
    close(game->life[1]);
    for (size_t i = 0; i < game->plan->source_count; i++)
        close(game->source_fds[i]);
    for (size_t i = 0; i < plan_sinks(game->plan); i++)
        if (game->sink_fds[i] >= 0)
            close(game->sink_fds[i]);
}

static void reap(struct game *game, struct outcome *outcome)
{
    int status;

    while (waitpid(game->bpipe, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void quit(struct game *game, struct outcome *outcome)
{
    struct pollfd life = {.fd = game->life[0], .events = POLLIN};

    kill(game->bpipe, SIGQUIT);
    poll(&life, 1, (int)(QUIT_NS / NS_PER_MS));
    kill(game->bpipe, SIGKILL);
    reap(game, outcome);
}

/* --- moving bytes -------------------------------------------------------------------------- */

static bool all_written(const struct game *game)
{
    for (size_t i = 0; i < game->plan->source_count; i++)
        if (game->producers[i].fd >= 0 &&
            game->producers[i].written < game->producers[i].source->bytes)
            return false;
    return true;
}

/* When a pause that began then and lasts so long is over, if nothing moves. */
static uint64_t quiet_until(const struct game *game, uint64_t since_ns, unsigned quiet_ms)
{
    return (since_ns > game->moved_ns ? since_ns : game->moved_ns) + quiet_ms * NS_PER_MS;
}

static void finish_producer(struct producer *producer)
{
    close(producer->fd);
    producer->fd = -1;
}

/* The next burst, when one is done and its pause is over. */
static void advance_producer(struct game *game, struct producer *producer)
{
    const struct source *source = producer->source;

    while (producer->fd >= 0) {
        const struct burst *burst = &source->bursts[producer->burst];
        if (producer->burst_written < burst->bytes)
            return;
        if (burst->quiet_ms > 0 && producer->paused_ns == 0)
            producer->paused_ns = game->now_ns;
        if (burst->quiet_ms > 0 &&
            game->now_ns < quiet_until(game, producer->paused_ns, burst->quiet_ms))
            return;
        producer->paused_ns = 0;
        producer->burst_written = 0;
        if (++producer->burst == source->burst_count)
            finish_producer(producer);
    }
}

static void let_write(struct game *game, struct producer *producer)
{
    size_t size = producer->source->bursts[producer->burst].bytes - producer->burst_written;
    ssize_t count;

    if (size > producer->source->write_size)
        size = producer->source->write_size;
    count = write(producer->fd, producer->bytes + producer->written, size);
    if (count > 0) {
        producer->written += (size_t)count;
        producer->burst_written += (size_t)count;
        game->moved_ns = game->now_ns;
    } else if (errno == EPIPE)
        finish_producer(producer);
    else if (errno != EAGAIN && errno != EINTR)
        die("write");
}

/* Is it at a stall, or has it come to one? */
static bool stalls(struct game *game, struct consumer *consumer)
{
    if (consumer->sink->stuck)
        return true;
    while (consumer->stall < consumer->sink->stall_count) {
        const struct stall *stall = &consumer->sink->stalls[consumer->stall];
        if (consumer->taken->size < stall->after)
            return false;
        if (consumer->stalled_ns == 0)
            consumer->stalled_ns = game->now_ns;
        if (stall->quiet_ms > 0
                ? game->now_ns < quiet_until(game, consumer->stalled_ns, stall->quiet_ms)
                : !all_written(game))
            return true;
        consumer->stalled_ns = 0;
        consumer->stall++;
    }
    return false;
}

/* Reads once, at most `size`; returns whether there was anything. */
static bool take(struct game *game, struct consumer *consumer, size_t size)
{
    static unsigned char bytes[READ_SIZE];
    ssize_t count = read(consumer->fd, bytes, size);

    if (count < 0 && errno != EAGAIN && errno != EINTR)
        die("read");
    if (count > 0) {
        taken_add(consumer->taken, bytes, (size_t)count);
        game->moved_ns = game->now_ns;
    }
    if (count == 0) {
        close(consumer->fd);
        consumer->fd = -1;
    }
    return count > 0;
}

static void let_read(struct game *game, struct consumer *consumer)
{
    const struct sink *sink = consumer->sink;
    size_t size = sink->read_size;

    if (sink->leaves && sink->leaves_after - consumer->taken->size < size)
        size = sink->leaves_after - consumer->taken->size;
    take(game, consumer, size);
    if (consumer->fd >= 0 && sink->leaves && consumer->taken->size == sink->leaves_after) {
        consumer->taken->left = true;
        close(consumer->fd);
        consumer->fd = -1;
    }
}

/* --- the loop ------------------------------------------------------------------------------ */

/* What is polled for, and whose it is. */
struct watch {
    struct pollfd fds[1 + MOST_SOURCES + MOST_SINKS];
    struct producer *producers[1 + MOST_SOURCES + MOST_SINKS];
    struct consumer *consumers[1 + MOST_SOURCES + MOST_SINKS];
    nfds_t count;
    uint64_t wake_ns;
};

static void wake_at(struct watch *watch, uint64_t wake_ns)
{
    if (wake_ns < watch->wake_ns)
        watch->wake_ns = wake_ns;
}

static void watch_producers(struct game *game, struct watch *watch)
{
    for (size_t i = 0; i < game->plan->source_count; i++) {
        struct producer *producer = &game->producers[i];
        if (producer->fd >= 0)
            advance_producer(game, producer);
        if (producer->fd < 0)
            continue;
        if (producer->paused_ns > 0) {
            wake_at(watch, quiet_until(game, producer->paused_ns,
                                       producer->source->bursts[producer->burst].quiet_ms));
            continue;
        }
        watch->producers[watch->count] = producer;
        watch->fds[watch->count++] = (struct pollfd){.fd = producer->fd, .events = POLLOUT};
    }
}

static void watch_consumers(struct game *game, struct watch *watch)
{
    for (size_t i = 0; i < plan_sinks(game->plan); i++) {
        struct consumer *consumer = &game->consumers[i];
        if (consumer->fd < 0)
            continue;
        if (stalls(game, consumer)) {
            if (!consumer->sink->stuck && consumer->sink->stalls[consumer->stall].quiet_ms > 0)
                wake_at(watch, quiet_until(game, consumer->stalled_ns,
                                           consumer->sink->stalls[consumer->stall].quiet_ms));
            continue;
        }
        watch->consumers[watch->count] = consumer;
        watch->fds[watch->count++] = (struct pollfd){.fd = consumer->fd, .events = POLLIN};
    }
}

/* Returns whether bpipe has ended. */
static bool turn(struct game *game)
{
    struct watch watch = {.fds = {{.fd = game->life[0], .events = POLLIN}},
                          .count = 1,
                          .wake_ns = game->moved_ns + HUNG_NS};

    watch_producers(game, &watch);
    watch_consumers(game, &watch);
    game->now_ns = clock_ns();
    uint64_t wait_ns = watch.wake_ns > game->now_ns ? watch.wake_ns - game->now_ns : 0;
    if (poll(watch.fds, watch.count, (int)((wait_ns + NS_PER_MS - 1) / NS_PER_MS)) < 0 &&
        errno != EINTR)
        die("poll");
    game->now_ns = clock_ns();
    for (nfds_t i = 1; i < watch.count; i++) {
        if (watch.fds[i].revents != 0 && watch.producers[i] != NULL)
            let_write(game, watch.producers[i]);
        if (watch.fds[i].revents != 0 && watch.consumers[i] != NULL)
            let_read(game, watch.consumers[i]);
    }
    return watch.fds[0].revents != 0;
}

static const char *who_waits(const struct game *game)
{
    return !all_written(game) ? "a producer cannot write all"
                              : "all was written, and bpipe does not end";
}

/* --- afterwards ---------------------------------------------------------------------------- */

/* Adds what is in the file, if it is there. */
static void take_file(struct taken *taken, const char *name)
{
    unsigned char bytes[4096];
    ssize_t count;
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT)
        die(name);
    while (fd >= 0 && (count = read(fd, bytes, sizeof bytes)) != 0) {
        if (count < 0)
            die(name);
        taken_add(taken, bytes, (size_t)count);
    }
    if (fd >= 0)
        close(fd);
}

static char *text_of(const char *name)
{
    struct taken taken = {0};

    take_file(&taken, name);
    taken_add(&taken, "", 1);
    return (char *)taken.bytes;
}

static bool has_entries(const char *name)
{
    DIR *directory = opendir(name);
    size_t entries = 0;

    if (directory == NULL)
        die(name);
    while (readdir(directory) != NULL)
        entries++;
    closedir(directory);
    return entries > 2; /* . and .. */
}

static void collect(struct game *game, struct outcome *outcome)
{
    char name[16];

    for (size_t i = 0; i < game->plan->source_count; i++) {
        outcome->written[i] = game->producers[i].written;
        if (game->producers[i].fd >= 0)
            finish_producer(&game->producers[i]);
    }
    for (size_t i = 0; i < plan_sinks(game->plan); i++) {
        struct consumer *consumer = &game->consumers[i];
        while (consumer->fd >= 0 && take(game, consumer, READ_SIZE))
            continue;
        if (consumer->fd >= 0)
            close(consumer->fd);
        plan_sink_name(i, name);
        if (consumer->sink->kind == SINK_FILE)
            take_file(consumer->taken, name);
    }
    outcome->messages = text_of("messages");
    outcome->report = text_of("report");
    outcome->spool_left = game->plan->spool_max > 0 && has_entries("spool");
}

void play(const struct plan *plan, const struct input *input, const char *bpipe,
          struct outcome *outcome)
{
    struct game game = {.plan = plan};

    *outcome = (struct outcome){0};
    signal(SIGPIPE, SIG_IGN);
    open_all(&game, input, outcome);
    start(&game, bpipe);
    game.now_ns = game.moved_ns = clock_ns();
    while (!turn(&game))
        if (game.now_ns >= game.moved_ns + HUNG_NS) {
            outcome->hung = who_waits(&game);
            break;
        }
    if (outcome->hung != NULL)
        quit(&game, outcome);
    else
        reap(&game, outcome);
    collect(&game, outcome);
    close(game.life[0]);
}

void outcome_free(struct outcome *outcome)
{
    for (size_t i = 0; i < MOST_SINKS; i++)
        free(outcome->taken[i].bytes);
    free(outcome->messages);
    free(outcome->report);
}
