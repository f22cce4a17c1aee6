/*
 * test_same_file.c - which names are one file. The text of a network endpoint is the name of no
 * file, even if there is a file with that name: "tcp://h:9" is a path as well.
 */
#include "io/input_size.h"
#include "options/same_file.h"
#include "tests/tap.h"

#include <sys/stat.h>
#include <unistd.h>

#define FILE_TEXT "six by" /* 6 bytes */

static bool write_file(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    bool written = fputs(FILE_TEXT, file) >= 0;
    return fclose(file) == 0 && written;
}

static void test_paths(void)
{
    tap_ok(same_file_as("file", "./file", -1), "two paths of one file");
    tap_ok(same_file_as("link", "file", -1), "two links to one file");
    tap_ok(!same_file_as("file", "other", -1), "two files");
    tap_ok(!same_file_as("file", "new", -1), "a file, and a name without a file");
    tap_ok(same_file_as("new", "tcp:/../new", -1), "two names of one file that does not exist");
    tap_ok(!same_file_as("new", "tcp:/new", -1), "names of two files that do not exist");
    tap_ok(!same_file_as(".", ".", -1), "a directory");
}

static void test_network(void)
{
    tap_ok(same_file_as("tcp:/h:9", "./tcp://h:9", -1), "a path that looks like an endpoint");
    tap_ok(!same_file_as("tcp:/h:9", "tcp://h:9", -1), "an endpoint is no path");
    tap_ok(!same_file_as("tcp://h:9", "tcp:/h:9", -1), "nor is an endpoint on the left side");
    tap_ok(!same_file_as("tcp://h:9", "tcp://h:9", -1), "nor are two endpoints");
    tap_ok(!same_file_as("tcp:/new", "tcp://new", -1),
           "nor is an endpoint that looks like a path without a file");
    tap_ok(!same_file_as("tcp:/h:9", "tcp://h", -1), "nor is an invalid endpoint");
}

/* The size of these two inputs, or INPUT_SIZE_UNKNOWN. */
static uint64_t size_of(const char *first, const char *second)
{
    const char *inputs[] = {first, second};
    struct options options = {.inputs = inputs, .input_count = 2};
    uint64_t size = 0;
    return input_size(&options, &size) == 0 ? size : 0;
}

static void test_sizes(void)
{
    uint64_t one = strlen(FILE_TEXT);
    tap_ok(size_of("file", "./tcp://h:9") == 2 * one, "the sizes of files are summed");
    tap_ok(size_of("file", "tcp://h:9") == INPUT_SIZE_UNKNOWN, "an endpoint has no size");
    tap_ok(size_of("tcp://h:9", "file") == INPUT_SIZE_UNKNOWN,
           "an endpoint has no size, even with a file after it");
}

/* In a directory of its own: 0, or -1. */
static int make_files(char *directory)
{
    const char *temporary = getenv("TMPDIR");
    if (chdir(temporary != NULL ? temporary : "/tmp") != 0 || mkdtemp(directory) == NULL ||
        chdir(directory) != 0 || mkdir("tcp:", 0700) != 0)
        return -1;
    bool made = write_file("file") && write_file("other") && write_file("tcp:/h:9") &&
                link("file", "link") == 0;
    return made ? 0 : -1;
}

static void remove_files(const char *directory)
{
    static const char *const files[] = {"file", "link", "other", "tcp:/h:9"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    rmdir("tcp:");
    if (chdir("..") == 0)
        rmdir(directory);
}

int main(void)
{
    char directory[] = "bpipe-test-same-file.XXXXXX";
    if (tap_ok(make_files(directory) == 0, "files to compare")) {
        test_paths();
        test_network();
        test_sizes();
        remove_files(directory);
    }
    return tap_done();
}
