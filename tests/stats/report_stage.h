/*
 * report_stage.h - what the tests of stats/report.c share: scenes, each played in a child.
 *
 * The child's stderr is a file or a pipe of the test's; its exit status is 0, or NOT_OPENED if
 * report_open() refused. Nothing depends on how fast anything is; a child that hangs is killed by
 * its alarm.
 */
#ifndef BPIPE_TESTS_REPORT_STAGE_H
#define BPIPE_TESTS_REPORT_STAGE_H

#include "base/message.h"
#include "stats/report.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_OPENED = 9, DEADLINE = 60, CAPTURED = 1 << 20 };

static char directory[] = "/tmp/bpipe-report-XXXXXX";
static char captured[CAPTURED + 1]; /* the last child's stderr */

static const char *const standard_output[] = {"-"};
static struct meter meter;

/* --- children -------------------------------------------------------------------------------- */

struct scene {
    const struct report_spec *specs;
    size_t spec_count;
    bool close_stderr, to_stdout;
    void (*act)(struct reporter *reporter); /* NULL: a sample and the final report */
    void (*prepare)(void);                  /* before report_open(), or NULL */
};

#define SCENE(...) (&(struct scene){__VA_ARGS__})
#define SPECS(...)                                      \
    .specs = (const struct report_spec[]){__VA_ARGS__}, \
    .spec_count = sizeof((const struct report_spec[]){__VA_ARGS__}) / sizeof(struct report_spec)

static int play(const struct scene *scene)
{
    struct options options = {.outputs = (const char **)standard_output,
                              .output_count = 1,
                              .discard = !scene->to_stdout,
                              .reports = (struct report_spec *)scene->specs,
                              .report_count = scene->spec_count};

    alarm(DEADLINE);
    if (scene->prepare != NULL)
        scene->prepare();
    struct reporter *reporter = report_open(&options);
    if (reporter == NULL) {
        report_close(NULL);
        return NOT_OPENED;
    }
    if (scene->act != NULL) {
        scene->act(reporter);
    } else {
        report_sample(reporter, &meter);
        report_final(reporter, &meter, &(struct ending){0});
    }
    report_close(reporter);
    return 0;
}

static pid_t start(const struct scene *scene, int stderr_fd)
{
    fflush(stdout);
    pid_t child = fork();
    if (child != 0)
        return child;
    if (dup2(stderr_fd, STDERR_FILENO) < 0)
        _exit(100);
    if (scene->close_stderr)
        close(STDERR_FILENO);
    int status = play(scene);
    meter_destroy(&meter);
    exit(status); /* so that a leak is found, where that is looked for */
}

static int wait_for(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child)
        abort();
    if (!WIFEXITED(status))
        tap_note("the child was killed by signal %d", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_file(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, captured, CAPTURED);

    captured[length < 0 ? 0 : length] = '\0';
    if (fd >= 0)
        close(fd);
}

/* Plays a scene with a file as stderr, which is then in `captured`. */
static int run(const struct scene *scene)
{
    char path[] = "/tmp/bpipe-stderr-XXXXXX";
    int fd = mkstemp(path);
    int status = wait_for(start(scene, fd));

    read_file(path);
    close(fd);
    unlink(path);
    return status;
}

static bool said(const char *expected)
{
    if (strcmp(captured, expected) == 0)
        return true;
    tap_note("stderr: %s", captured);
    return false;
}

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;

    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

/* Makes the meter that all scenes report on, and a directory to be in. */
static void set_stage(void)
{
    if (mkdtemp(directory) == NULL || chdir(directory) != 0 || meter_init(&meter, 0, 1, 1, 0) != 0)
        abort();
    meter.began = true;
    meter.inputs[0].name = "stdin";
    meter.outputs[0].name = "stdout";
    meter.capacity = 4096;
    meter_arrived(&meter, 4096, 4096);
    meter_advance(&meter, METER_OUTPUT, 2 * NS_PER_SEC);
    meter_left(&meter, 4096, 0);
}

/* Whether the directory is empty again. */
static bool clear_stage(void)
{
    meter_destroy(&meter);
    return chdir("/") == 0 && rmdir(directory) == 0;
}

#endif
