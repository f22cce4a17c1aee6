/*
 * numbers.c - see numbers.h.
 */
#include "numbers.h"

#include <stdlib.h>
#include <string.h>

/* The number after the first "key": between begin and end. */
static uint64_t number(const char *begin, const char *end, const char *key)
{
    char quoted[32];
    const char *found;

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    found = strstr(begin, quoted);
    if (found == NULL || found >= end)
        return NO_NUMBER;
    found += strlen(quoted);
    return *found >= '0' && *found <= '9' ? strtoull(found, NULL, 10) : NO_NUMBER;
}

/* Reads the objects of the array with that name; returns how many there are. */
static size_t endpoints(const char *report, const char *name, struct endpoint_numbers *numbers,
                        size_t most)
{
    static const char beginning[] = "{\"name\":";
    const char *array = strstr(report, name), *end, *next;
    size_t count = 0;

    if (array == NULL)
        return 0;
    end = strchr(array + strlen(name), ']');
    if (end == NULL)
        end = array + strlen(array);
    for (const char *at = strstr(array, beginning); at != NULL && at < end; at = next) {
        next = strstr(at + 1, beginning);
        if (count < most)
            numbers[count] = (struct endpoint_numbers){
                number(at, next != NULL && next < end ? next : end, "bytes"),
                number(at, next != NULL && next < end ? next : end, "bytes_added"),
                number(at, next != NULL && next < end ? next : end, "bytes_dropped"),
                number(at, next != NULL && next < end ? next : end, "records_dropped"),
                number(at, next != NULL && next < end ? next : end, "bytes_undelivered"),
                number(at, next != NULL && next < end ? next : end, "records_out"),
            };
        count++;
    }
    return count;
}

bool numbers_read(struct numbers *numbers, const char *report)
{
    static const char beginning[] = "{\"type\":\"final\",";
    const char *end = report + strlen(report);

    *numbers = (struct numbers){0};
    if (strncmp(report, beginning, strlen(beginning)) != 0 || end[-1] != '\n' || end[-2] != '}')
        return false;
    numbers->bytes_in = number(report, end, "bytes_in");
    numbers->records_in = number(report, end, "records_in");
    numbers->exit_status = number(report, end, "exit_status");
    numbers->input_count = endpoints(report, "\"inputs\":[", numbers->inputs, MOST_SOURCES);
    numbers->output_count = endpoints(report, "\"outputs\":[", numbers->outputs, MOST_OUTPUTS);
    numbers->tap_count = endpoints(report, "\"taps\":[", numbers->taps, MOST_TAPS);
    return true;
}
