/*
 * play.c - see play.h.
 *
 * One poll() loop; all ends here are nonblocking. The end of a pipe that only bpipe has open for
 * writing shows that bpipe has ended.
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ, where there is one */
#include "play.h"

#include "game.h"

#include "tests/tools/die.h"

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

#define HUNG_NS    (20000 * NS_PER_MS)
#define FREEZE_NS  (5000 * NS_PER_MS) /* until bpipe sleeps */
#define CONNECT_NS NS_PER_MS          /* between tries */
#define QUIT_NS    (2000 * NS_PER_MS) /* from SIGQUIT, for its report, to SIGKILL */

enum { ABOVE = 200 /* no test uses descriptors from here on */, FREEZE_STEP_MS = 10 };

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

static void make_pipe_of(int ends[2], size_t size)
{
    make_pipe(ends);
    set_pipe_size(ends[1], size);
}

static void open_sink(struct game *game, size_t number)
{
    const struct sink *sink = &game->plan->sinks[number];
    struct consumer *consumer = &game->consumers[number];
    char name[16];
    int ends[2];

    consumer->fd = game->sink_fds[number] = -1;
    plan_sink_name(number, name);
    if (sink->kind == SINK_FILE)
        return;
    if (sink->kind == SINK_SOCKET) {
        line_open(&consumer->line, &sink->wire, name);
        consumer->connecting = true;
        return;
    }
    if (sink->kind == SINK_FIFO) {
        if (mkfifo(name, 0600) != 0)
            die(name);
        consumer->fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (consumer->fd < 0)
            die(name);
        set_pipe_size(consumer->fd, sink->pipe_size);
        return;
    }
    make_pipe_of(ends, sink->pipe_size);
    consumer->fd = line_nonblocking(ends[0]);
    game->sink_fds[number] = ends[1];
}

static void open_source(struct game *game, size_t number)
{
    struct producer *producer = &game->producers[number];
    char name[16];
    int ends[2];

    producer->fd = game->source_fds[number] = -1;
    if (producer->source->wire.kind != WIRE_NONE) {
        plan_source_name(number, name);
        line_open(&producer->line, &producer->source->wire, name);
        producer->connecting = true;
        return;
    }
    make_pipe_of(ends, producer->source->pipe_size);
    game->source_fds[number] = ends[0];
    producer->fd = line_nonblocking(ends[1]);
}

static void open_all(struct game *game, const struct input *input)
{
    make_pipe_of(game->life, 4096);
    for (size_t i = 0; i < game->plan->source_count; i++) {
        game->producers[i] = (struct producer){.source = &game->plan->sources[i],
                                               .given = &game->outcome->given[i],
                                               .bytes = input->sources[i]};
        open_source(game, i);
    }
    for (size_t i = 0; i < plan_sinks(game->plan); i++) {
        game->consumers[i] =
            (struct consumer){.sink = &game->plan->sinks[i], .taken = &game->outcome->taken[i]};
        open_sink(game, i);
    }
    if (game->plan->spool_max > 0 && mkdir("spool", 0700) != 0)
        die("spool");
}

/* --- bpipe --------------------------------------------------------------------------------- */

/* In the child: moves `fd` to the number `wanted`. */
static void give(int fd, int wanted)
{
    if (dup2(fd, wanted) < 0)
        die("dup2");
}

static struct ports ports_of(const struct game *game)
{
    struct ports ports = {0};

    for (size_t i = 0; i < game->plan->source_count; i++)
        ports.sources[i] = game->producers[i].line.port;
    for (size_t i = 0; i < plan_sinks(game->plan); i++)
        ports.sinks[i] = game->consumers[i].line.port;
    return ports;
}

static void become_bpipe(const struct game *game, const char *bpipe)
{
    const struct ports ports = ports_of(game);
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
        if (game->source_fds[i] >= 0)
            give(game->source_fds[i], plan_source_descriptor(i));
    for (size_t i = 0; i < plan_sinks(game->plan); i++)
        if (game->sink_fds[i] >= 0)
            give(game->sink_fds[i], game->plan->sinks[i].kind == SINK_STDOUT
                                        ? STDOUT_FILENO
                                        : plan_sink_descriptor(i));
    plan_arguments(game->plan, &ports, arguments + 1);
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
        if (game->source_fds[i] >= 0)
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

/* --- signals, and standing still ----------------------------------------------------------- */

static void interrupt(struct game *game)
{
    const struct interruption *it = &game->plan->interruption;

    kill(game->bpipe, it->signal);
    game->outcome->signals++;
    game->moved_ns = game->now_ns;
    game->interrupt_ns = UINT64_MAX;
    if (it->again && game->outcome->signals == 1)
        game->interrupt_ns = game->now_ns + it->late_us * NS_PER_MS / 1000;
}

/* Returns when the next signal is due, or UINT64_MAX. */
static uint64_t interrupt_when_due(struct game *game)
{
    const struct interruption *it = &game->plan->interruption;

    if (it->signal == 0)
        return UINT64_MAX;
    if (game->interrupt_ns == 0 && (game_written(game) >= it->after || game_all_written(game)))
        game->interrupt_ns = game->now_ns + it->late_us * NS_PER_MS / 1000;
    if (game->interrupt_ns != 0 && game->now_ns >= game->interrupt_ns)
        interrupt(game);
    return game->interrupt_ns == 0 ? UINT64_MAX : game->interrupt_ns;
}

static uint64_t cpu_ns(const struct game *game)
{
    struct timespec time = {0};
    clockid_t clock;

    if (clock_getcpuclockid(game->bpipe, &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0; /* it has gone */
    return (uint64_t)time.tv_sec * 1000 * NS_PER_MS + (uint64_t)time.tv_nsec;
}

/* When no process has anything to do, bpipe must come to rest. It may first write its last bytes.
 * */
static void freeze(struct game *game)
{
    uint64_t before, end_ns = game->now_ns + FREEZE_NS;
    struct pollfd life = {.fd = game->life[0], .events = POLLIN};

    game->froze = true;
    do {
        before = cpu_ns(game);
        if (poll(&life, 1, FREEZE_STEP_MS) > 0)
            return;
        game->now_ns = clock_ns();
        if (game->now_ns > end_ns) {
            game->outcome->hung = "bpipe spins while all stand still";
            return;
        }
    } while (cpu_ns(game) - before > FREEZE_STEP_MS * NS_PER_MS / 2);
}

/* --- the loop ------------------------------------------------------------------------------ */

/* The descriptors to poll, and the ends to which they belong. */
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
        if (producer->connecting)
            producer_connect(game, producer);
        if (producer->connecting)
            wake_at(watch, game->now_ns + CONNECT_NS);
        if (producer->fd >= 0)
            producer_advance(game, producer);
        if (producer->fd < 0)
            continue;
        if (producer->paused_ns > 0) {
            wake_at(watch, game_quiet_until(game, producer->paused_ns,
                                            producer->source->bursts[producer->burst].quiet_ms));
            continue;
        }
        watch->producers[watch->count] = producer;
        watch->fds[watch->count++] = (struct pollfd){
            .fd = producer->fd, .events = (short)(producer->said_all ? POLLIN : POLLOUT)};
    }
}

static void watch_consumers(struct game *game, struct watch *watch)
{
    for (size_t i = 0; i < plan_sinks(game->plan); i++) {
        struct consumer *consumer = &game->consumers[i];
        if (consumer->connecting)
            consumer_connect(game, consumer);
        if (consumer->connecting)
            wake_at(watch, game->now_ns + CONNECT_NS);
        if (consumer->fd < 0)
            continue;
        if (consumer_stalls(game, consumer)) {
            if (!consumer->sink->stuck && consumer->sink->stalls[consumer->stall].quiet_ms > 0)
                wake_at(watch, game_quiet_until(game, consumer->stalled_ns,
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

    if (game->plan->freezes && !game->froze && game_written(game) >= game->plan->freezes_after)
        freeze(game);
    wake_at(&watch, interrupt_when_due(game));
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
            producer_write(game, watch.producers[i]);
        if (watch.fds[i].revents != 0 && watch.consumers[i] != NULL)
            consumer_read(game, watch.consumers[i]);
    }
    return watch.fds[0].revents != 0;
}

static const char *who_waits(const struct game *game)
{
    return !game_all_written(game) ? "a producer cannot write all"
                                   : "all was written, and bpipe does not end";
}

/* --- afterwards ---------------------------------------------------------------------------- */

/* Adds the content of the file, if the file is there. */
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

    for (size_t i = 0; i < game->plan->source_count; i++)
        producer_collect(&game->producers[i]);
    for (size_t i = 0; i < plan_sinks(game->plan); i++) {
        struct consumer *consumer = &game->consumers[i];
        consumer_collect(game, consumer);
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
    struct game game = {.plan = plan, .outcome = outcome};

    *outcome = (struct outcome){0};
    signal(SIGPIPE, SIG_IGN);
    open_all(&game, input);
    start(&game, bpipe);
    game.now_ns = game.moved_ns = game.start_ns = clock_ns();
    while (!turn(&game) && outcome->hung == NULL)
        if (game.now_ns >= game.moved_ns + HUNG_NS)
            outcome->hung = who_waits(&game);
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
