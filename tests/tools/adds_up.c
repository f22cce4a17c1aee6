/*
 * adds_up - check that the numbers of a final JSON report add up.
 *
 *     adds_up FILE [STATUS]
 *
 * Checks the last line of FILE, which is what --report json:FILE writes. It must be a final report.
 * In it the states sum to the elapsed time, to the nanosecond, and the inputs to bytes_in. For
 * every output and tap, in + added = out + dropped + undelivered. No input dropped more than it
 * had. The totals are those of the output with the least bytes. The exit status is STATUS (0). The
 * names of endpoints must be plain: no braces, no quotes.
 *
 * Ends with 0 if all that is so. Otherwise it prints what is wrong, and the line, and ends with 1.
 */
#include "tests/tools/die.h"

#include <stdbool.h>

const char program_name[] = "adds_up";
const int failure_status = 1;

/* The counters of an output, or of the run. */
struct counts {
    long long added, bytes, dropped, undelivered;
};

static bool is_wrong;

static void wrong(const char *what)
{
    printf("the report does not add up: %s\n", what);
    is_wrong = true;
}

static void equal(long long a, long long b, const char *what)
{
    char text[200];

    if (a == b)
        return;
    snprintf(text, sizeof text, "%s: %lld and %lld", what, a, b);
    wrong(text);
}

/* The first number of that name in text. The point is left out: seconds become nanoseconds. */
static long long number(const char *text, const char *key)
{
    char quoted[64];
    const char *found = text;
    size_t length = (size_t)snprintf(quoted, sizeof quoted, "\"%s\":", key);
    long long value = 0;

    while ((found = strstr(found, quoted)) != NULL) {
        found += length;
        if (*found < '0' || *found > '9')
            continue;
        for (; (*found >= '0' && *found <= '9') || *found == '.'; found++)
            if (*found != '.')
                value = value * 10 + (*found - '0');
        return value;
    }
    snprintf(quoted, sizeof quoted, "%s is missing", key);
    wrong(quoted);
    return 0;
}

static struct counts counts_of(const char *text, const char *bytes_key)
{
    struct counts counts = {
        .added = number(text, "bytes_added"),
        .bytes = number(text, bytes_key),
        .dropped = number(text, "bytes_dropped"),
        .undelivered = number(text, "bytes_undelivered"),
    };

    return counts;
}

static bool same(const struct counts *a, const struct counts *b)
{
    return a->added == b->added && a->bytes == b->bytes && a->dropped == b->dropped &&
           a->undelivered == b->undelivered;
}

/* Ends the text after the object that begins there, and returns what follows. */
static char *cut_at(char *text, const char *mark)
{
    char *end = strstr(text, mark);

    if (end == NULL)
        return NULL;
    *end = '\0';
    return end + strlen(mark);
}

/* The six states, and that they sum to the elapsed time. */
static void check_states(const char *line)
{
    static const char *const names[] = {"busy", "throttle", "input", "output", "absorb", "connect"};
    char *copy = strdup(line), *found = copy, *states = NULL;
    long long sum = 0, colons = 0;

    if (copy == NULL)
        die("strdup");
    while ((found = strstr(found, "\"state_seconds\":{")) != NULL)
        states = found = found + strlen("\"state_seconds\":{");
    if (states == NULL) {
        wrong("state_seconds is missing");
    } else {
        (void)cut_at(states, "}");
        for (found = states; *found != '\0'; found++)
            colons += *found == ':';
        equal(colons, 6, "states");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            sum += number(states, names[i]);
        equal(sum, number(line, "elapsed_seconds"), "states and elapsed time");
    }
    free(copy);
}

/* The inputs, outputs and taps: text begins after "inputs":. It is cut to pieces. */
static void check_endpoints(char *text, const struct counts *total, long long in_total)
{
    static const char name[] = "{\"name\":";
    struct counts least = {0}, other = {0};
    bool has_other = false, in_taps = false;
    int outputs = 0, index = 1;
    long long in_sum = 0;
    char *next = cut_at(text, name);

    for (char *object = next; object != NULL; object = next) {
        struct counts counts;
        char what[32];

        next = cut_at(object, name);
        index++;
        if (strstr(object, "\"bytes_undelivered\":") == NULL) {
            long long bytes = number(object, "bytes");

            in_sum += bytes;
            if (number(object, "bytes_dropped") > bytes + number(object, "bytes_added"))
                wrong("an input dropped more than it had");
            continue;
        }
        counts = counts_of(object, "bytes");
        snprintf(what, sizeof what, "%s %d", in_taps ? "tap" : "output", index);
        equal(in_total + counts.added, counts.bytes + counts.dropped + counts.undelivered, what);
        if (!in_taps) {
            if (outputs++ == 0 || counts.bytes < least.bytes)
                least = counts;
            /* A command that had enough is left out. */
            if ((counts.undelivered == 0 || strstr(object, "\"error\":null") == NULL) &&
                (!has_other || counts.bytes < other.bytes)) {
                other = counts;
                has_other = true;
            }
        }
        in_taps |= strstr(object, "\"taps\":[") != NULL; /* what follows is after the last output */
    }
    if (!in_taps)
        wrong("there is no list of taps");
    if (outputs == 0)
        wrong("there is no output");
    equal(in_sum, in_total, "inputs and bytes_in");
    if (!same(total, &least) && !(has_other && same(total, &other)))
        wrong("the totals are not those of the output with the least bytes");
}

/* The "process" objects have an exit status, too: their names are spoilt. */
static void hide_processes(char *line)
{
    static const char begin[] = "\"process\":{";

    for (char *found = line; (found = strstr(found, begin)) != NULL;) {
        char *end = strchr(found, '}');

        found += sizeof begin - 1;
        if (end != NULL)
            memset(found, ' ', (size_t)(end - found));
    }
}

static void check(char *line, long long status)
{
    static const char begin[] = "{\"type\":\"final\",";
    struct counts total;
    long long in_total;
    char *inputs;
    size_t length = strlen(line);

    if (strncmp(line, begin, sizeof begin - 1) != 0 || line[length - 1] != '}')
        wrong("it is no final one");
    hide_processes(line);
    check_states(line);
    in_total = number(line, "bytes_in");
    total = counts_of(line, "bytes_out");
    equal(number(line, "exit_status"), status, "exit_status");
    inputs = cut_at(line, "\"inputs\":");
    if (inputs == NULL) {
        wrong("there is no list of inputs");
        return;
    }
    (void)cut_at(inputs, "\"inputs\":");
    check_endpoints(inputs, &total, in_total);
}

/* The last line of the file, without its newline; NULL if it has none. */
static char *last_line(const char *path)
{
    FILE *file = fopen(path, "r");
    char *lines[2] = {NULL, NULL}; /* the last one, and the one before it */
    size_t sizes[2] = {0, 0};
    ssize_t length;
    int next = 0;

    if (file == NULL)
        die(path);
    while ((length = getline(&lines[next], &sizes[next], file)) > 0) {
        if (lines[next][length - 1] == '\n')
            lines[next][length - 1] = '\0';
        next = 1 - next;
    }
    fclose(file);
    free(lines[next]);
    return lines[1 - next];
}

int main(int argc, char *argv[])
{
    char *line, *shown;

    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: adds_up FILE [STATUS]\n");
        return failure_status;
    }
    line = last_line(argv[1]);
    if (line == NULL || *line == '\0') {
        wrong("there is none");
    } else {
        shown = strdup(line);
        if (shown == NULL)
            die("strdup");
        check(line, argc == 3 && *argv[2] != '\0' ? strtoll(argv[2], NULL, 10) : 0);
        if (is_wrong)
            puts(shown);
        free(shown);
    }
    free(line);
    return is_wrong;
}
