/*
 * schedule - plays a random schedule of bursts and stalls to bpipe, and checks the results.
 *
 *     schedule [-pv] [-x WITHOUT] SEED BPIPE [DIR]
 *     schedule -t                                      checks its own checks
 *
 * All of the schedule comes from the SEED: how BPIPE is called, what its producers write and when
 * they pause, where its consumers stall, which of them leaves early, which of them are connections,
 * which side listens, and which signal bpipe gets. Only the timing differs from run to run. These
 * things are checked: Every output has exactly the input's bytes except whole dropped records. The
 * counters of the JSON report equal what is missing. A connection ends like a whole stream if the
 * stream was whole, and by a reset if bpipe failed. Nothing hangs: 20 s without a byte moved is an
 * error, and so is a producer that is held up under a policy that drops. bpipe does not use the
 * processor while all others stand still.
 *
 * WITHOUT: features that no schedule may have, names of
 * {drop-newest,drop-oldest,fail,gap-mark,tap, spool,merge,network,signal} separated by commas. The
 * rest of the schedule stays as it was. -v prints the schedule and the report. -p: this BPIPE
 * cannot tell what a peer's system has acknowledged. DIR is made and kept, with the producers'
 * bytes (in0 ...), the consumers' bytes (out0 ...), bpipe's messages and its report. Without DIR a
 * directory in TMPDIR is used, and removed.
 *
 * Status 0; 1 if something is wrong, with the schedule and the error on stdout; 2 for a failure
 * that is not bpipe's.
 *
 * plan.c and plan_network.c make the schedule, input.c the bytes; play.c plays it, with moves.c and
 * line.c; match.c compares bytes, numbers.c reads the report, judge.c decides. selftest.c,
 * selftest_network.c and trick.c test the judge.
 */
#define _XOPEN_SOURCE 700 /* realpath(), mkdtemp() */
#include "input.h"
#include "judge.h"
#include "plan.h"
#include "play.h"
#include "selftest.h"

#include "tests/tools/die.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char program_name[] = "schedule";
const int failure_status = 2;

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: schedule [-pv] [-x WITHOUT] SEED BPIPE [DIR] | schedule -t\n");
    exit(2);
}

/* Words separated by commas. */
static unsigned parse_features(char *words)
{
    static const struct {
        const char *name;
        enum feature feature;
    } names[] = {{"drop-newest", FEATURE_DROP_NEWEST},
                 {"drop-oldest", FEATURE_DROP_OLDEST},
                 {"fail", FEATURE_FAIL},
                 {"gap-mark", FEATURE_GAP_MARK},
                 {"tap", FEATURE_TAP},
                 {"spool", FEATURE_SPOOL},
                 {"merge", FEATURE_MERGE},
                 {"network", FEATURE_NETWORK},
                 {"signal", FEATURE_SIGNAL}};
    unsigned features = 0;

    for (const char *word = strtok(words, ","); word != NULL; word = strtok(NULL, ",")) {
        size_t i = 0, count = sizeof names / sizeof names[0];
        while (i < count && strcmp(names[i].name, word) != 0)
            i++;
        if (i == count)
            usage();
        features |= names[i].feature;
    }
    return features;
}

/* Enters the directory for all files. */
static void enter(const char *wanted, char directory[PATH_MAX])
{
    const char *parent = getenv("TMPDIR");

    if (wanted != NULL)
        snprintf(directory, PATH_MAX, "%s", wanted);
    else
        snprintf(directory, PATH_MAX, "%s/schedule.XXXXXX", parent != NULL ? parent : "/tmp");
    if (wanted != NULL ? mkdir(directory, 0700) != 0 : mkdtemp(directory) == NULL)
        die(directory);
    if (chdir(directory) != 0)
        die(directory);
}

static void keep(const char *name, size_t number, const unsigned char *bytes, size_t size)
{
    char path[32];
    snprintf(path, sizeof path, "%s%zu", name, number);
    remove(path); /* it may be a FIFO */
    FILE *file = fopen(path, "w");

    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        die(path);
}

static void keep_all(const struct plan *plan, const struct input *input,
                     const struct outcome *outcome)
{
    for (size_t i = 0; i < plan->source_count; i++)
        keep("in", i, input->sources[i], plan->sources[i].bytes);
    for (size_t i = 0; i < plan_sinks(plan); i++)
        keep("out", i, outcome->taken[i].bytes, outcome->taken[i].size);
}

static void empty(const char *name)
{
    DIR *directory = opendir(name);
    const struct dirent *entry;
    char path[PATH_MAX];

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove(path);
    }
    if (directory != NULL)
        closedir(directory);
}

static void leave(const char *directory)
{
    empty("spool");
    empty(".");
    if (chdir("/") != 0 || rmdir(directory) != 0)
        die(directory);
}

static bool play_and_judge(const struct plan *plan, const char *bpipe, bool verbose, bool keeps)
{
    char complaint[COMPLAINT_SIZE];
    struct input input = {0};
    struct outcome outcome = {0};
    bool right;

    input_make(&input, plan);
    play(plan, &input, bpipe, &outcome);
    right = judge(plan, &input, &outcome, complaint);
    if (verbose || !right)
        plan_print(plan, stdout);
    if (!right)
        printf("%s\n", complaint);
    if (verbose || !right)
        printf("status %d\n%s%s", outcome.status, outcome.messages, outcome.report);
    if (keeps)
        keep_all(plan, &input, &outcome);
    outcome_free(&outcome);
    input_free(&input);
    return right;
}

int main(int argc, char *argv[])
{
    char directory[PATH_MAX], bpipe[PATH_MAX];
    unsigned without = 0;
    bool verbose = false, portable = false, right;
    struct plan plan;
    int option;

    while ((option = getopt(argc, argv, "ptvx:")) != -1) {
        if (option == 't')
            return selftest() == 0 ? 0 : 1;
        if (option == 'x')
            without |= parse_features(optarg);
        else if (option == 'v')
            verbose = true;
        else if (option == 'p')
            portable = true;
        else
            usage();
    }
    if (argc - optind < 2 || argc - optind > 3)
        usage();
    if (realpath(argv[optind + 1], bpipe) == NULL)
        die(argv[optind + 1]);
    plan_make(&plan, strtoull(argv[optind], NULL, 10), without);
    plan.portable = portable;
    enter(argv[optind + 2], directory);
    right = play_and_judge(&plan, bpipe, verbose, argv[optind + 2] != NULL);
    if (argv[optind + 2] == NULL)
        leave(directory);
    return right ? 0 : 1;
}
