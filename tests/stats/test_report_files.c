/*
 * test_report_files.c - reports in files and descriptors: what is refused, what fails later, and
 * files that are replaced as a whole.
 */
#include "tests/stats/report_stage.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        abort();
}

static unsigned files_here(void)
{
    DIR *listing = opendir(".");
    unsigned files = 0;

    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        files += entry->d_name[0] != '.';
    closedir(listing);
    return files;
}

/* --- files ----------------------------------------------------------------------------------- */

static void nothing(struct reporter *reporter)
{
    (void)reporter;
}

static void test_files(void)
{
    struct stat status;

    write_file("r.json", "old content\n");
    run(SCENE(SPECS({REPORT_JSON, "r.json"}), .act = nothing));
    read_file("r.json");
    tap_ok(said("old content\n"), "a file keeps its content until the first report");
    tap_ok(run(SCENE(SPECS({REPORT_JSON, "r.json"}))) == 0 && said(""), "a report in a file");
    read_file("r.json");
    tap_ok(lines_of(captured) == 2 && strncmp(captured, "{\"type\":\"sample\"", 16) == 0 &&
               strstr(captured, "\n{\"type\":\"final\"") != NULL,
           "it replaces the old content; a line for each report");
    umask(022);
    tap_ok(run(SCENE(SPECS({REPORT_TEXT, "r.txt"}, {REPORT_JSON, "r.json"}))) == 0 &&
               stat("r.txt", &status) == 0 && (status.st_mode & 0777) == 0644,
           "a new file gets the mode that the umask leaves");

    int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    write_file("log", "kept\n");
    char name[32];
    snprintf(name, sizeof name, "fd://%d", fd);
    tap_ok(run(SCENE(SPECS({REPORT_TEXT, name}))) == 0, "an inherited descriptor");
    close(fd);
    read_file("log");
    tap_ok(strncmp(captured, "kept\nbpipe: ", 12) == 0, "whose file is not emptied");
}

struct refusal {
    const char *path, *message;
};

static void test_refusals(void)
{
    static const struct refusal refusals[] = {
        {"missing/r", "bpipe: missing/r: No such file or directory\n"},
        {".", "bpipe: .: Is a directory\n"},
        {"fifo", "bpipe: fifo: No such device or address\n"},
        {"fd://77", "bpipe: fd://77: Bad file descriptor\n"},
        {"fd://5", "bpipe: fd://5: Bad file descriptor\n"},
        {"fd://x", NULL},
    };
    int read_only = open("/dev/null", O_RDONLY);
    bool right = true;

    dup2(read_only, 5);
    mkfifo("fifo", 0600);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        for (int format = REPORT_TEXT; format <= REPORT_PROMETHEUS; format++) {
            int status = run(SCENE(SPECS({(enum report_format)format, refusals[i].path})));
            right = right && status == NOT_OPENED && lines_of(captured) == 1;
            if (refusals[i].message != NULL && format != REPORT_PROMETHEUS)
                right = said(refusals[i].message) && right;
        }
    }
    close(5);
    close(read_only);
    tap_ok(right, "what cannot be written is found out when it is opened");
}

static void limit_files(void)
{
    struct rlimit limit = {.rlim_cur = 3000, .rlim_max = 3000};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void sample_often(struct reporter *reporter)
{
    for (unsigned i = 0; i < 10; i++)
        report_sample(reporter, &meter);
}

/* A byte a millisecond, a sample after each, and with somebody_asks a report between them. */
static bool somebody_asks;

static void sample_and_ask(struct reporter *reporter)
{
    static const struct report_look look = {REPORT_JSON, .verbose = true, .si = true};
    for (unsigned i = 0; i < 4; i++) {
        size_t length = 0;
        meter_advance(&meter, METER_INPUT, meter.now_ns + 1000000);
        meter_passed(&meter, 1 + i);
        if (somebody_asks &&
            (report_compose(reporter, &meter, &look, &length) == NULL || length < 100))
            abort();
        if (i % 2 == 1)
            report_sample(reporter, &meter);
    }
}

static void test_asking(void)
{
    static char unasked[CAPTURED + 1];
    run(SCENE(SPECS({REPORT_TEXT, "r.txt"}, {REPORT_JSON, "r.json"}), .act = sample_and_ask));
    read_file("r.txt");
    memcpy(unasked, captured, sizeof unasked);
    somebody_asks = true;
    run(SCENE(SPECS({REPORT_TEXT, "r.txt"}, {REPORT_JSON, "r.json"}), .act = sample_and_ask));
    read_file("r.txt");
    tap_ok(lines_of(unasked) == 2 && strcmp(captured, unasked) == 0,
           "samples are the same whether somebody asks meanwhile or not");
    if (strcmp(captured, unasked) != 0)
        tap_note("%s", captured);
}

static void test_failures(void)
{
    tap_ok(run(SCENE(SPECS({REPORT_JSON, "/dev/full"}))) == 0 &&
               said("bpipe: /dev/full: the report cannot be written: No space left on device\n"),
           "a report that cannot be written: one message");
    tap_ok(run(SCENE(SPECS({REPORT_JSON, "r.json"}), .act = sample_often,
                     .prepare = limit_files)) == 0 &&
               said("bpipe: r.json: the report cannot be written: File too large\n"),
           "a file that becomes too large");
    read_file("r.json");
    tap_ok(lines_of(captured) >= 1 && captured[strlen(captured) - 1] == '\n',
           "it ends with a whole line");
    tap_ok(run(SCENE(SPECS({REPORT_PROMETHEUS, "p.prom"}), .act = sample_often,
                     .prepare = limit_files)) == 0 &&
               said("bpipe: p.prom: the report cannot be written: File too large\n") &&
               access("p.prom", F_OK) != 0,
           "a Prometheus file that becomes too large never appears");
}

/* --- Prometheus files ------------------------------------------------------------------------ */

static void replace_by_directory(struct reporter *reporter)
{
    report_sample(reporter, &meter);
    unlink("p.prom");
    mkdir("p.prom", 0700);
    report_final(reporter, &meter, &(struct ending){0});
}

/* A file with the temporary name, as a killed run with the same process id leaves it. */
static void take_temporary_name(void)
{
    char name[64];

    snprintf(name, sizeof name, "p.prom.%ld.tmp", (long)getpid());
    if (symlink("victim", name) != 0)
        abort();
}

static bool temporary_name_was_left(void)
{
    DIR *listing = opendir(".");
    bool left = false;

    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        if (strstr(entry->d_name, ".tmp") != NULL)
            left = unlink(entry->d_name) == 0;
    closedir(listing);
    return left;
}

static void test_prometheus(void)
{
    struct stat status;
    unsigned before = files_here();

    tap_ok(run(SCENE(SPECS({REPORT_PROMETHEUS, "p.prom"}), .act = nothing)) == 0 &&
               files_here() == before,
           "opening leaves nothing behind");
    tap_ok(run(SCENE(SPECS({REPORT_PROMETHEUS, "p.prom"}))) == 0 && files_here() == before + 1,
           "a Prometheus file, and nothing beside it");
    read_file("p.prom");
    tap_ok(strncmp(captured, "# HELP bpipe_", 13) == 0 &&
               strstr(captured, "\nbpipe_exit_status 0\n") != NULL,
           "it is the final report");
    write_file("victim", "untouched");
    tap_ok(run(SCENE(SPECS({REPORT_PROMETHEUS, "p.prom"}), .prepare = take_temporary_name)) == 0 &&
               said("") && temporary_name_was_left(),
           "a temporary name that is taken");
    read_file("victim");
    tap_ok(said("untouched") && unlink("victim") == 0 && files_here() == before + 1,
           "is not followed or removed");
    tap_ok(symlink("p.prom", "link.prom") == 0 &&
               run(SCENE(SPECS({REPORT_PROMETHEUS, "link.prom"}))) == 0 &&
               lstat("link.prom", &status) == 0 && S_ISLNK(status.st_mode),
           "a symbolic link stays one");
    unlink("link.prom");
    tap_ok(run(SCENE(SPECS({REPORT_PROMETHEUS, "p.prom"}), .act = replace_by_directory)) == 0 &&
               said("bpipe: p.prom: the report cannot be written: Is a directory\n") &&
               files_here() == before + 1,
           "a rename that fails: a message, and no temporary file");
    rmdir("p.prom");
    run(SCENE(SPECS({REPORT_PROMETHEUS, NULL})));
    tap_ok(strncmp(captured, "# HELP bpipe_", 13) == 0, "without a file it goes to stderr");
    tap_ok(run(SCENE(SPECS({REPORT_PROMETHEUS, "/dev/null"}))) == 0 &&
               stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode),
           "a device is written to, not replaced");
}

int main(void)
{
    static const char *const made[] = {"r.json", "r.txt", "log", "fifo", "p.prom"};

    set_stage();
    test_files();
    test_refusals();
    test_asking();
    test_failures();
    test_prometheus();
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        unlink(made[i]);
    tap_ok(clear_stage(), "nothing else was made");
    return tap_done();
}
