/*
 * dice.c - decides what happens to a call.
 *
 * It may run in a signal handler, and does run in any thread. So it takes no locks, allocates
 * nothing, and keeps no descriptor open; the counters are atomic.
 */
#define _GNU_SOURCE
#include "fault.h"

#include "tests/random.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* By function, and by descriptor modulo SLOTS. */
static atomic_uint counts[CALL_COUNT][SLOTS], stuck[CALL_COUNT][SLOTS];

/* --- the log ------------------------------------------------------------------------------- */

/* The log is opened for each line: a descriptor kept open might get the number of a closed stdin.
 * */
__attribute__((format(printf, 2, 3))) static void report(const struct attempt *attempt,
                                                         const char *format, ...)
{
    char line[PATH_TEXT + 256];
    va_list arguments;
    int length, fd, saved = errno;

    if (fault_plan.log == NULL)
        return;
    length =
        snprintf(line, sizeof line, "call=%s fd=%d n=%u fault=", fault_calls[attempt->call].name,
                 attempt->fd, attempt->number);
    va_start(arguments, format);
    length += vsnprintf(line + length, sizeof line - (size_t)length, format, arguments);
    va_end(arguments);
    if (attempt->path != NULL)
        length += snprintf(line + length, sizeof line - (size_t)length, " path=%.*s", PATH_TEXT,
                           attempt->path);
    line[length++] = '\n';
    fd = (int)syscall(SYS_openat, AT_FDCWD, fault_plan.log,
                      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, line, (size_t)length);
        syscall(SYS_close, fd);
    }
    errno = saved;
}

static void wait_us(unsigned long long us)
{
    struct timespec time = {.tv_sec = (time_t)(us / 1000000),
                            .tv_nsec = (long)(us % 1000000 * 1000)};

    syscall(SYS_nanosleep, &time, NULL);
}

/* --- directed faults ----------------------------------------------------------------------- */

static bool rule_matches(const struct rule *rule, const struct attempt *attempt)
{
    char link[32], path[PATH_TEXT];
    const char *name = attempt->path;
    ssize_t length;

    if (rule->call !=
        (rule->whole_group ? (int)fault_calls[attempt->call].group : (int)attempt->call))
        return false;
    if (rule->fd >= 0)
        return rule->fd == attempt->fd;
    if (strcmp(rule->pattern, "*") == 0)
        return true;
    if (name == NULL) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", attempt->fd);
        length = readlink(link, path, sizeof path - 1);
        if (length < 0)
            return false;
        path[length] = '\0';
        name = path;
    }
    return fnmatch(rule->pattern, name, 0) == 0;
}

static bool rule_fires(struct rule *rule, struct attempt *attempt)
{
    unsigned long long match = atomic_fetch_add(&rule->matches, 1) + 1, moved;

    switch (rule->when) {
    case WHEN_ALWAYS:
        return true;
    case WHEN_NTH:
        return match == rule->threshold;
    case WHEN_FROM_NTH:
        return match >= rule->threshold;
    case WHEN_AFTER_BYTES:
        moved = atomic_load(&rule->moved);
        if (moved >= rule->threshold)
            return true;
        if (rule->threshold - moved < attempt->limit)
            attempt->limit = (size_t)(rule->threshold - moved);
        return false;
    }
    return false;
}

/* Returns whether the rule has decided what happens. */
static bool apply_rule(const struct rule *rule, struct attempt *attempt)
{
    switch (rule->what) {
    case WHAT_ERROR:
        attempt->error = rule->error;
        report(attempt, "%s", fault_error_name(rule->error));
        return true;
    case WHAT_ZERO:
        attempt->zero = true;
        report(attempt, "zero");
        return true;
    case WHAT_SHORT:
        if (rule->argument < attempt->limit)
            attempt->limit = (size_t)rule->argument;
        report(attempt, "short asked=%zu bytes=%zu", attempt->asked, attempt->limit);
        return true;
    case WHAT_DELAY:
        report(attempt, "delay us=%llu", rule->argument * 1000);
        wait_us(rule->argument * 1000);
        return false;
    case WHAT_RAISE:
        report(attempt, "raise signal=%llu", rule->argument);
        raise((int)rule->argument);
        return false;
    }
    return false;
}

static bool follow_script(struct attempt *attempt)
{
    bool decided = false;

    for (int i = 0; i < fault_plan.rule_count; i++) {
        struct rule *rule = &fault_plan.rules[i];

        if (!rule_matches(rule, attempt))
            continue;
        attempt->matched |= UINT32_C(1) << i;
        if (rule_fires(rule, attempt) && !decided)
            decided = apply_rule(rule, attempt);
    }
    return decided;
}

/* --- random faults ------------------------------------------------------------------------- */

/* Every bit of the result depends on every bit of the argument. */
static uint64_t mix(uint64_t question)
{
    return random_next(&question);
}

static uint64_t draw(enum call call, int fd, unsigned number)
{
    return mix(fault_plan.seed ^ mix((uint64_t)call ^ mix((uint64_t)(fd + 1) ^ mix(number))));
}

static int status_flags(int fd)
{
    int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);

    return flags < 0 ? 0 : flags;
}

static bool may_say_eagain(const struct attempt *attempt)
{
    struct stat info;

    if (attempt->nowait)
        return true;
    if ((status_flags(attempt->fd) & O_NONBLOCK) == 0 || fstat(attempt->fd, &info) < 0)
        return false;
    return S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) ||
           (S_ISCHR(info.st_mode) && isatty(attempt->fd));
}

/*
 * Returns into how many units a short call can be cut: units of 1 byte, or of a block with
 * O_DIRECT. A short call does fewer than all of them. 0 if it must not be short: a datagram is sent
 * whole.
 */
static size_t short_units(const struct attempt *attempt, size_t *unit)
{
    enum { DIRECT_BLOCK = 4096 };
    struct stat info;
    int type = SOCK_STREAM;
    socklen_t size = sizeof type;

    *unit = 1;
    if (attempt->asked < 2 || fstat(attempt->fd, &info) < 0)
        return 0;
    if (S_ISSOCK(info.st_mode) &&
        (syscall(SYS_getsockopt, attempt->fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
         type != SOCK_STREAM))
        return 0;
    if (S_ISREG(info.st_mode) && (status_flags(attempt->fd) & O_DIRECT) != 0)
        *unit = DIRECT_BLOCK;
    return (attempt->asked - 1) / *unit;
}

static int possible_kinds(const struct attempt *attempt)
{
    atomic_uint *in_a_row = &stuck[attempt->call][(unsigned)attempt->fd % SLOTS];
    int kinds = fault_plan.kinds & fault_calls[attempt->call].kinds & ~KIND_NOSYS;
    size_t unit;

    if (atomic_load(in_a_row) >= MAX_STUCK)
        kinds &= ~(KIND_EINTR | KIND_EAGAIN | KIND_WAKEUP);
    if ((kinds & KIND_EAGAIN) != 0 && !may_say_eagain(attempt))
        kinds &= ~KIND_EAGAIN;
    if ((kinds & KIND_SHORT) != 0 && short_units(attempt, &unit) == 0)
        kinds &= ~KIND_SHORT;
    return kinds;
}

/* Picks one of the bits of `kinds`, which has at least one. */
static enum kind pick(int kinds, uint64_t random)
{
    unsigned steps = (unsigned)(random % (unsigned)__builtin_popcount((unsigned)kinds));

    while (steps-- > 0)
        kinds &= kinds - 1;
    return (enum kind)(kinds & -kinds);
}

static void come_short(struct attempt *attempt, uint64_t random)
{
    size_t unit, units = short_units(attempt, &unit);
    bool least = random % 4 == 0; /* a single byte would be rare otherwise */
    size_t bytes = units < 2 || least ? unit : ((size_t)(random >> 2) % units + 1) * unit;

    if (bytes < attempt->limit)
        attempt->limit = bytes;
    report(attempt, "short asked=%zu bytes=%zu", attempt->asked, attempt->limit);
}

static void apply_kind(struct attempt *attempt, enum kind kind, uint64_t random)
{
    unsigned us;

    switch (kind) {
    case KIND_SHORT:
        come_short(attempt, random);
        break;
    case KIND_EINTR:
        attempt->error = EINTR;
        break;
    case KIND_EAGAIN:
        attempt->error = EAGAIN;
        break;
    case KIND_PIPE:
        attempt->error = random % 2 == 0 ? EPERM : EBUSY;
        break;
    case KIND_WAKEUP:
        attempt->zero = true;
        report(attempt, "wakeup");
        break;
    case KIND_DELAY:
        us = fault_plan.delay_us == 0 ? 0 : (unsigned)(random % fault_plan.delay_us) + 1;
        report(attempt, "delay us=%u", us);
        wait_us(us);
        break;
    default:
        break;
    }
    if (attempt->error != 0)
        report(attempt, "%s", fault_error_name(attempt->error));
}

/* Whether the system lacks this call, for the whole life of this process. */
static bool is_missing(struct attempt *attempt)
{
    static const int answers[] = {ENOSYS, EOPNOTSUPP, EINVAL};
    uint64_t random;

    if ((fault_plan.kinds & fault_calls[attempt->call].kinds & KIND_NOSYS) == 0 ||
        fault_plan.rate_percent == 0)
        return false;
    random = draw(attempt->call, -1, 0);
    if (random % 2 == 0)
        return false;
    attempt->error = answers[(random >> 1) % 3];
    report(attempt, "%s", fault_error_name(attempt->error));
    return true;
}

static void throw_dice(struct attempt *attempt)
{
    unsigned slot = (unsigned)attempt->fd % SLOTS;
    uint64_t random = draw(attempt->call, attempt->fd, attempt->number);
    int kinds = 0;

    if (fault_plan.some_fds && attempt->fd >= 0 && !fault_plan.fds[slot])
        return;
    if (is_missing(attempt))
        return;
    if (random % 100 < fault_plan.rate_percent)
        kinds = possible_kinds(attempt);
    random = mix(random);
    if (kinds != 0)
        apply_kind(attempt, pick(kinds, random), mix(random));
    if (attempt->error != 0 || attempt->zero)
        atomic_fetch_add(&stuck[attempt->call][slot], 1);
    else
        atomic_store(&stuck[attempt->call][slot], 0);
}

void fault_decide(struct attempt *attempt)
{
    int saved = errno;

    attempt->limit = attempt->asked;
    if (fault_plan.active) {
        attempt->number =
            atomic_fetch_add(&counts[attempt->call][(unsigned)attempt->fd % SLOTS], 1) + 1;
        if (!follow_script(attempt) && fault_plan.rate_percent > 0)
            throw_dice(attempt);
    }
    errno = saved;
}

ssize_t fault_moved(const struct attempt *attempt, ssize_t bytes)
{
    for (int i = 0; bytes > 0 && i < fault_plan.rule_count; i++)
        if ((attempt->matched >> i & 1) != 0)
            atomic_fetch_add(&fault_plan.rules[i].moved, (unsigned long long)bytes);
    return bytes;
}
