/*
 * holes - find out which records of a stream are missing, and what marks say about them.
 *
 *     holes [-m] [-0] IN OUT
 *
 * OUT must be IN without some whole records. Records are lines, or with -0 end in NUL. Each begins
 * with its number, counted from 1. -m: at each place where records are missing in OUT there are
 * marks, "[bpipe: 3 records, 120 bytes dropped]", which together give their number and their bytes.
 * Prints how many records are missing, how many bytes these have, how many bytes the marks have,
 * and how many records end in OUT.
 *
 * Ends with 1, and says where, if OUT is anything else.
 */
#include "tests/tools/die.h"

#include <stdbool.h>
#include <sys/stat.h>

const char program_name[] = "holes";
const int failure_status = 1;

struct record {
    const char *text;
    size_t length; /* without what ends it */
};

struct records {
    char *bytes;
    struct record *all;
    size_t count, ended;
};

struct dropped {
    long long records, bytes;
};

static bool has_marks;
static struct dropped total, marked; /* marked: since the last record */
static long long marks_length;

static void *memory(size_t size)
{
    void *bytes = calloc(size + 1, 1);

    if (bytes == NULL)
        die("calloc");
    return bytes;
}

static struct records load_records(const char *path, char end)
{
    struct records records = {NULL, NULL, 0, 0};
    struct stat status;
    size_t size, used;
    char *bytes;
    FILE *file = fopen(path, "rbe");

    if (file == NULL || fstat(fileno(file), &status) != 0)
        die(path);
    size = (size_t)status.st_size;
    records.bytes = bytes = memory(size);
    if (fread(bytes, 1, size, file) != size)
        die(path);
    fclose(file);
    for (size_t i = 0; i < size; i++)
        records.ended += bytes[i] == end;
    records.all = memory((records.ended + 1) * sizeof *records.all);
    for (size_t at = 0; at < size; at += used) {
        char *found = memchr(bytes + at, end, size - at);
        size_t length = found != NULL ? (size_t)(found - bytes) - at : size - at;

        records.all[records.count++] = (struct record){bytes + at, length};
        used = length + (found != NULL);
    }
    return records;
}

static void free_records(struct records *records)
{
    free(records->all);
    free(records->bytes);
}

static _Noreturn void wrong(size_t before, const char *what, const struct record *record)
{
    printf("before record %zu: %s: %.*s\n", before, what,
           (int)(record->length < 100 ? record->length : 100), record->text);
    exit(failure_status);
}

/* Reads "[bpipe: N records, N bytes dropped]". */
static bool parse_mark(const struct record *record, struct dropped *mark)
{
    char text[128], again[128];

    if (record->length >= sizeof text)
        return false;
    memcpy(text, record->text, record->length);
    text[record->length] = '\0';
    if (sscanf(text, "[bpipe: %lld records, %lld bytes dropped]", &mark->records, &mark->bytes) !=
        2)
        return false;
    snprintf(again, sizeof again, "[bpipe: %lld records, %lld bytes dropped]", mark->records,
             mark->bytes);
    return strcmp(text, again) == 0;
}

/* Counts the records of `in` from `from` up to `to` as missing, and compares them with the marks. */
static void miss(const struct records *in, size_t from, size_t to)
{
    struct dropped missing = {0, 0};

    for (size_t i = from; i < to; i++) {
        missing.records++;
        missing.bytes += (long long)in->all[i].length + 1;
    }
    if (has_marks && (missing.records != marked.records || missing.bytes != marked.bytes)) {
        printf("before record %zu are missing %lld, %lld bytes; marked are %lld, %lld bytes\n",
               to + 1, missing.records, missing.bytes, marked.records, marked.bytes);
        exit(failure_status);
    }
    total.records += missing.records;
    total.bytes += missing.bytes;
    marked = (struct dropped){0, 0};
}

static void compare_records(const struct records *in, const struct records *out)
{
    size_t next = 0; /* of `in` */

    for (size_t i = 0; i < out->count; i++) {
        const struct record *record = &out->all[i];
        struct dropped mark = {0, 0};
        char digits[24] = "";
        size_t number;

        if (has_marks && parse_mark(record, &mark)) {
            marked.records += mark.records;
            marked.bytes += mark.bytes;
            marks_length += (long long)record->length + 1;
            continue;
        }
        memcpy(digits, record->text, record->length < 20 ? record->length : 20);
        number = strtoul(digits, NULL, 10);
        if (number <= next || number > in->count)
            wrong(next + 1, "comes", record);
        if (record->length != in->all[number - 1].length ||
            memcmp(record->text, in->all[number - 1].text, record->length) != 0)
            wrong(next + 1, "is another one", record);
        miss(in, next, number - 1);
        next = number;
    }
    miss(in, next, in->count);
}

int main(int argc, char *argv[])
{
    struct records in, out;
    int option;
    char end = '\n';

    while ((option = getopt(argc, argv, "m0")) != -1) {
        if (option == '?')
            return failure_status;
        has_marks |= option == 'm';
        if (option == '0')
            end = '\0';
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: holes [-m] [-0] IN OUT\n");
        return failure_status;
    }
    in = load_records(argv[optind], end);
    out = load_records(argv[optind + 1], end);
    compare_records(&in, &out);
    printf("%lld %lld %lld %zu\n", total.records, total.bytes, marks_length, out.ended);
    free_records(&in);
    free_records(&out);
    return 0;
}
