/*
 * pipeline - a pipeline in which signals arrive at given moments.
 *
 *     pipeline -w N -o FILE [-l SECONDS] [-e MICROSECONDS:N:SIGNAL]... COMMAND...
 *         [-- COMMAND...]...
 *
 * Runs the commands, joined by pipes, with every signal at its default action. At each moment (-e;
 * counted from the start, in the given order) process N, counted from 0, gets the signal with that
 * number. Waits for process -w N to end. Then it kills the processes before that one, continues
 * those after it if they were stopped, and waits for them. Writes to FILE, made new, a line for
 * each event, which says whether its process was still there, and a line for each process:
 *
 *     event=0 process=2 signal=9 us=41230 alive=1
 *     process=1 status=141 us=41377
 *
 * The status in a line is 128 + N for a process killed by signal N. pipeline ends with 0;
 * with 1, after it has killed everything, if process -w is still there SECONDS (10) after the last
 * event, or the processes after it SECONDS later; with 127 if something cannot be run.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/tools/die.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char program_name[] = "pipeline";
const int failure_status = 127;

enum { MOST = 16, LAST_SIGNAL = 64 };

struct event {
    long long at_us;
    int process, signal;
};

struct process {
    char **command;
    pid_t id;
    int status;
    long long ended_us; /* -1: it runs */
};

static struct event events[MOST];
static struct process processes[MOST];
static int event_count, process_count, watched = -1;
static long long limit_us = 10000000;
static struct timespec start_time;
static FILE *output;

static long long now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)(time.tv_sec - start_time.tv_sec) * 1000000 +
           (time.tv_nsec - start_time.tv_nsec) / 1000;
}

/* --- starting ------------------------------------------------------------------------------ */

static void become(char **command, int in, int out)
{
    sigset_t none;

    for (int number = 1; number <= LAST_SIGNAL; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if ((in >= 0 && dup2(in, STDIN_FILENO) < 0) || (out >= 0 && dup2(out, STDOUT_FILENO) < 0))
        die("dup2");
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    execvp(command[0], command);
    die(command[0]);
}

static void start_all(void)
{
    int in = -1;

    clock_gettime(CLOCK_MONOTONIC, &start_time);
    for (int i = 0; i < process_count; i++) {
        int ends[2] = {-1, -1};

        if (i + 1 < process_count && pipe(ends) < 0)
            die("pipe");
        processes[i].ended_us = -1;
        processes[i].id = fork();
        if (processes[i].id < 0)
            die("fork");
        if (processes[i].id == 0) {
            if (ends[0] >= 0)
                close(ends[0]);
            become(processes[i].command, in, ends[1]);
        }
        if (in >= 0)
            close(in);
        if (ends[1] >= 0)
            close(ends[1]);
        in = ends[0];
    }
}

/* --- running ------------------------------------------------------------------------------- */

static void reap(void)
{
    int status;
    pid_t id;

    while ((id = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < process_count; i++)
            if (processes[i].id == id) {
                processes[i].ended_us = now_us();
                processes[i].status =
                    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            }
}

static int send_signal(int process, int number)
{
    return processes[process].ended_us < 0 && kill(processes[process].id, number) == 0;
}

/* Waits until at_us, or until a child has ended. */
static void wait_until(long long at_us)
{
    long long left_us = at_us - now_us();
    struct timespec time = {0};
    sigset_t set;

    if (left_us > 0) {
        time.tv_sec = (time_t)(left_us / 1000000);
        time.tv_nsec = (long)(left_us % 1000000 * 1000);
    }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &time);
    reap();
}

static void play_events(void)
{
    for (int i = 0; i < event_count; i++) {
        const struct event *event = &events[i];

        while (now_us() < event->at_us)
            wait_until(event->at_us);
        reap();
        fprintf(output, "event=%d process=%d signal=%d us=%lld alive=%d\n", i, event->process,
                event->signal, now_us(), send_signal(event->process, event->signal));
    }
}

/* Returns whether the processes from `first` to `last` have ended in time. */
static int all_ended(int first, int last)
{
    long long deadline_us = now_us() + limit_us;

    for (int i = first; i <= last; i++) {
        while (processes[i].ended_us < 0 && now_us() < deadline_us)
            wait_until(deadline_us);
        if (processes[i].ended_us < 0)
            return 0;
    }
    return 1;
}

static int run(void)
{
    int in_time;

    play_events();
    in_time = all_ended(watched, watched);
    for (int i = 0; i < watched; i++)
        send_signal(i, SIGKILL);
    for (int i = watched + 1; i < process_count; i++)
        send_signal(i, SIGCONT);
    in_time = in_time && all_ended(watched + 1, process_count - 1);
    for (int i = 0; i < process_count; i++)
        send_signal(i, SIGKILL);
    all_ended(0, process_count - 1);
    for (int i = 0; i < process_count; i++)
        fprintf(output, "process=%d status=%d us=%lld\n", i, processes[i].status,
                processes[i].ended_us);
    return in_time ? 0 : 1;
}

/* --- arguments ----------------------------------------------------------------------------- */

static void parse_event(const char *text)
{
    struct event *event = &events[event_count++];

    if (event_count == MOST ||
        sscanf(text, "%lld:%d:%d", &event->at_us, &event->process, &event->signal) != 3) {
        errno = EINVAL;
        die(text);
    }
}

static void parse_options(int argc, char *argv[])
{
    int option;

    while ((option = getopt(argc, argv, "+w:o:l:e:")) != -1) {
        if (option == 'w')
            watched = (int)strtol(optarg, NULL, 10);
        else if (option == 'o')
            output = fopen(optarg, "we");
        else if (option == 'l')
            limit_us = strtoll(optarg, NULL, 10) * 1000000;
        else if (option == 'e')
            parse_event(optarg);
        else
            exit(failure_status);
    }
}

/* The commands: each is a part of argv, which is cut where it has "--". */
static void parse_commands(char *argv[])
{
    char **command = argv;

    for (char **word = argv; *word != NULL; word++) {
        if (strcmp(*word, "--") != 0)
            continue;
        *word = NULL;
        processes[process_count++].command = command;
        command = word + 1;
        if (process_count == MOST - 1)
            break;
    }
    processes[process_count++].command = command;
}

int main(int argc, char *argv[])
{
    sigset_t set;

    parse_options(argc, argv);
    parse_commands(argv + optind);
    if (output == NULL || watched < 0 || watched >= process_count) {
        fprintf(stderr, "usage: pipeline -w N -o FILE [-l SECONDS] [-e MICROSECONDS:N:SIGNAL]... "
                        "COMMAND... [-- COMMAND...]...\n");
        return failure_status;
    }
    for (int i = 0; i < event_count; i++)
        if (events[i].process < 0 || events[i].process >= process_count) {
            errno = EINVAL;
            die("-e");
        }
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    start_all();
    return run();
}
