/*
 * plan.c - parses the shim's variables, which shim.c describes.
 */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fault_plan fault_plan;

static const char *const group_names[] = {
    [GROUP_READ] = "read",
    [GROUP_WRITE] = "write",
    [GROUP_POLL] = "poll",
    [GROUP_OPEN] = "open",
    [GROUP_CLOSE] = "close",
    [GROUP_FSYNC] = "fsync",
    [GROUP_FCNTL] = "fcntl",
    [GROUP_LINK] = "link",
    [GROUP_RENAME] = "rename",
    [GROUP_SPLICE] = "splice",
    [GROUP_FTRUNCATE] = "ftruncate",
    [GROUP_FALLOCATE] = "fallocate",
    [GROUP_SOCKET] = "socket",
    [GROUP_CONNECT] = "connect",
    [GROUP_ACCEPT] = "accept",
    [GROUP_SHUTDOWN] = "shutdown",
    [GROUP_GETSOCKOPT] = "getsockopt",
    [GROUP_MALLOC] = "malloc",
};

static const struct {
    const char *name;
    enum kind kind;
} kind_names[] = {
    {"short", KIND_SHORT},   {"eintr", KIND_EINTR}, {"eagain", KIND_EAGAIN}, {"delay", KIND_DELAY},
    {"wakeup", KIND_WAKEUP}, {"nosys", KIND_NOSYS}, {"pipe", KIND_PIPE},
};

#define CALL_ROW(name, group, kinds) [CALL_##name] = {#name, group, kinds},
const struct fault_call fault_calls[CALL_COUNT] = {CALLS(CALL_ROW)};

static const struct {
    const char *name;
    int value;
} errors[] = {
#define ERROR_ROW(name) \
    {                   \
#name, name     \
    }
    ERROR_ROW(EACCES),       ERROR_ROW(EAGAIN),        ERROR_ROW(EBADF),
    ERROR_ROW(EBUSY),        ERROR_ROW(ECONNRESET),    ERROR_ROW(EDQUOT),
    ERROR_ROW(EEXIST),       ERROR_ROW(EFBIG),         ERROR_ROW(EINTR),
    ERROR_ROW(EINVAL),       ERROR_ROW(EIO),           ERROR_ROW(EISDIR),
    ERROR_ROW(ELOOP),        ERROR_ROW(EMFILE),        ERROR_ROW(ENFILE),
    ERROR_ROW(ENODEV),       ERROR_ROW(ENOENT),        ERROR_ROW(ENOMEM),
    ERROR_ROW(ENOSPC),       ERROR_ROW(ENOSYS),        ERROR_ROW(ENOTCONN),
    ERROR_ROW(ENXIO),        ERROR_ROW(EOPNOTSUPP),    ERROR_ROW(EPERM),
    ERROR_ROW(EPIPE),        ERROR_ROW(EROFS),         ERROR_ROW(ESTALE),
    ERROR_ROW(ETIMEDOUT),    ERROR_ROW(ETXTBSY),       ERROR_ROW(EXDEV),
    ERROR_ROW(EADDRINUSE),   ERROR_ROW(EADDRNOTAVAIL), ERROR_ROW(EAFNOSUPPORT),
    ERROR_ROW(ECONNABORTED), ERROR_ROW(ECONNREFUSED),  ERROR_ROW(EHOSTUNREACH),
    ERROR_ROW(ENETUNREACH),  ERROR_ROW(ENOBUFS),       ERROR_ROW(EPROTO),
};

const char *fault_error_name(int error)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].value == error)
            return errors[i].name;
    return "?";
}

__attribute__((noreturn)) static void bad_variable(const char *name, const char *text)
{
    dprintf(STDERR_FILENO, "fault.so: %s: %s: not understood\n", name, text);
    _exit(126);
}

static bool parse_number(const char *text, unsigned long long *number)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    *number = strtoull(text, &end, 10);
    return *end == '\0';
}

static unsigned long long number_variable(const char *name, unsigned long long fallback,
                                          unsigned long long most)
{
    const char *text = getenv(name);
    unsigned long long number;

    if (text == NULL || *text == '\0')
        return fallback;
    if (!parse_number(text, &number) || number > most)
        bad_variable(name, text);
    return number;
}

/* Copies of variables, cut into words. They stay, because rules point into them. */
static char script_text[8192], kinds_text[256], fds_text[256];

static char *word_variable(const char *name, char *copy, size_t size)
{
    const char *text = getenv(name);

    if (text == NULL || *text == '\0')
        return NULL;
    if (strlen(text) >= size)
        bad_variable(name, "too long");
    return memcpy(copy, text, strlen(text) + 1);
}

static void parse_kinds(void)
{
    char *words = word_variable("FAULT_KINDS", kinds_text, sizeof kinds_text), *word;

    fault_plan.kinds = words == NULL ? KIND_ALL : 0;
    while ((word = strsep(&words, ",")) != NULL) {
        size_t i = 0;

        while (strcmp(kind_names[i].name, word) != 0)
            if (++i == sizeof kind_names / sizeof kind_names[0])
                bad_variable("FAULT_KINDS", word);
        fault_plan.kinds |= (int)kind_names[i].kind;
    }
}

static void parse_fds(void)
{
    char *words = word_variable("FAULT_FDS", fds_text, sizeof fds_text), *word;
    unsigned long long fd;

    fault_plan.some_fds = words != NULL;
    while ((word = strsep(&words, ",")) != NULL) {
        if (!parse_number(word, &fd) || fd >= SLOTS)
            bad_variable("FAULT_FDS", word);
        fault_plan.fds[fd] = true;
    }
}

/* A group has the same name as its first function; the name means the group. */
static bool parse_call(struct rule *rule, const char *text)
{
    for (int i = 0; i < (int)(sizeof group_names / sizeof group_names[0]); i++)
        if (strcmp(group_names[i], text) == 0) {
            rule->whole_group = true;
            rule->call = i;
            return true;
        }
    for (int i = 0; i < CALL_COUNT; i++)
        if (strcmp(fault_calls[i].name, text) == 0) {
            rule->call = i;
            return true;
        }
    return false;
}

static bool parse_when(struct rule *rule, char *text)
{
    size_t length = strlen(text);

    rule->when = WHEN_NTH;
    if (strcmp(text, "*") == 0) {
        rule->when = WHEN_ALWAYS;
        return true;
    }
    if (*text == '@') {
        rule->when = WHEN_AFTER_BYTES;
        return parse_number(text + 1, &rule->threshold);
    }
    if (length > 0 && text[length - 1] == '+') {
        rule->when = WHEN_FROM_NTH;
        text[length - 1] = '\0';
    }
    return parse_number(text, &rule->threshold) && rule->threshold > 0;
}

static bool parse_what(struct rule *rule, char *text)
{
    char *argument = strchr(text, '=');

    if (strcmp(text, "zero") == 0) {
        rule->what = WHAT_ZERO;
        return true;
    }
    if (argument == NULL) {
        rule->what = WHAT_ERROR;
        for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
            if (strcmp(errors[i].name, text) == 0)
                rule->error = errors[i].value;
        return rule->error != 0;
    }
    *argument++ = '\0';
    if (strcmp(text, "short") == 0)
        rule->what = WHAT_SHORT;
    else if (strcmp(text, "delay") == 0)
        rule->what = WHAT_DELAY;
    else if (strcmp(text, "raise") == 0)
        rule->what = WHAT_RAISE;
    else
        return false;
    return parse_number(argument, &rule->argument) && rule->argument > 0;
}

static bool parse_rule(struct rule *rule, char *text)
{
    char *call = strsep(&text, ":"), *on = strsep(&text, ":"), *when = strsep(&text, ":");
    unsigned long long fd;

    if (on == NULL || when == NULL || text == NULL)
        return false;
    rule->fd = -1;
    rule->pattern = on;
    if (parse_number(on, &fd) && fd <= INT32_MAX)
        rule->fd = (int)fd;
    return parse_call(rule, call) && parse_when(rule, when) && parse_what(rule, text);
}

static void parse_script(void)
{
    char *rules = word_variable("FAULT_SCRIPT", script_text, sizeof script_text), *text;

    while ((text = strsep(&rules, ";")) != NULL) {
        if (*text == '\0')
            continue;
        if (fault_plan.rule_count == MAX_RULES ||
            !parse_rule(&fault_plan.rules[fault_plan.rule_count++], text))
            bad_variable("FAULT_SCRIPT", text);
    }
}

void fault_read_plan(void)
{
    fault_plan.seed = number_variable("FAULT_SEED", 1, UINT64_MAX);
    fault_plan.rate_percent = (unsigned)number_variable("FAULT_RATE", 0, 100);
    fault_plan.delay_us = (unsigned)number_variable("FAULT_DELAY_US", 500, 1000000);
    fault_plan.log = getenv("FAULT_LOG");
    parse_kinds();
    parse_fds();
    parse_script();
    fault_plan.active = true;
}
