/*
 * commands.c - see commands.h.
 */
#include "loop/commands.h"

#include "base/message.h"
#include "base/platform.h"
#include "loop/account.h"
#include "loop/failure.h"
#include "loop/input.h"
#include "loop/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_PATIENCE_NS UINT64_C(2000000000) /* after SIGKILL */
#define HEARING_NS        UINT64_C(100000000)
#define GUARD_LEAVES_NS   UINT64_C(1000000000) /* once it has been let go */

enum guard_state { GUARD_IS_THERE, GUARD_IS_GONE, GUARD_HAS_LEFT_ONE };

int loop_init_commands(struct poll_loop *loop, const struct command_standard *standard)
{
    const struct options *options = loop->options;
    loop->commands.guard = (struct guard){.fd = -1};
    loop->commands.standard = standard;
    if (options->command_count == 0)
        return 0;
    loop->commands.all = calloc(options->command_count, sizeof *loop->commands.all);
    if (loop->commands.all == NULL)
        return -1;
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (options->input_commands[i].text != NULL) {
            loop->inputs.all[i].command = &loop->commands.all[loop->commands.count++];
            loop->inputs.all[i].meter->process.is_command = !options->input_commands[i].is_ours;
            command_init(loop->inputs.all[i].command, &options->input_commands[i], false);
        }
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (options->output_commands[i].text != NULL) {
            loop->outputs.all[i].command = &loop->commands.all[loop->commands.count++];
            loop->outputs.all[i].meter->process.is_command = true;
            loop->outputs.all[i].witness = -1;
            command_init(loop->outputs.all[i].command, &options->output_commands[i], true);
        }
    signals_watch(SIGCHLD);
    return 0;
}

void loop_destroy_commands(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->commands.count; i++)
        command_close(&loop->commands.all[i]);
    for (size_t i = 0; loop->commands.count > 0 && i < loop->outputs.main_count; i++)
        loop_close_witness(&loop->outputs.all[i]);
    guard_close(&loop->commands.guard);
    free(loop->commands.all);
    loop->commands.all = NULL;
    loop->commands.count = 0;
}

static int refuse(struct endpoint *endpoint, const char *what)
{
    snprintf(endpoint->error, sizeof endpoint->error, "%s: %s", what, strerror(errno));
    return -1;
}

int loop_open_command_output(struct poll_loop *loop, struct loop_output *output)
{
    if (command_open(output->command) != 0)
        return refuse(&output->endpoint, "pipe");
    endpoint_open_pipe(&output->endpoint, output->meter->name, command_take(output->command),
                       loop->options, true);
    return 0;
}

/* Starts a command and puts it under the guard. Returns 0, or -1 with errno. */
static int start(struct poll_loop *loop, struct command *command, struct meter_endpoint *meter)
{
    if (command_start(command, loop->commands.standard, &loop->commands.guard) != 0)
        return -1;
    meter->process.pid = meter->process.is_command ? command->pid : 0;
    return 0;
}

/* Starts the guard, which holds all pipes to commands. */
static bool start_guard(struct poll_loop *loop)
{
    size_t count = 0;
    int *held = calloc(loop->outputs.main_count, sizeof *held);
    for (size_t i = 0; held != NULL && i < loop->outputs.main_count; i++)
        if (loop->outputs.all[i].command != NULL && loop->outputs.all[i].endpoint.fd >= 0)
            held[count++] = loop->outputs.all[i].endpoint.fd;
    bool started = held != NULL && guard_start(&loop->commands.guard, held, count,
                                               loop->options->kill_after_ns) == 0;
    if (!started)
        loop_note_failure(loop, loop->outputs.all[0].meter, strerror(errno));
    free(held);
    return started;
}

bool loop_start_commands(struct poll_loop *loop)
{
    if (loop->commands.count == 0)
        return true;
    if (!start_guard(loop))
        return false;
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->command == NULL || start(loop, output->command, output->meter) == 0)
            continue;
        (void)refuse(&output->endpoint, "cannot be started");
        loop_note_failure(loop, output->meter, output->endpoint.error);
        return false;
    }
    return true;
}

int loop_open_command_input(struct poll_loop *loop, struct loop_input *input)
{
    if (command_open(input->command) != 0)
        return refuse(&input->endpoint, "pipe");
    endpoint_open_pipe(&input->endpoint, input->meter->name, command_take(input->command),
                       loop->options, false);
    if (start(loop, input->command, input->meter) == 0)
        return 0;
    int result = refuse(&input->endpoint, "cannot be started");
    endpoint_close_input(&input->endpoint);
    return result;
}

static void note_ending(const struct command *command, struct meter_endpoint *meter)
{
    struct meter_process *process = &meter->process;
    bool exited = WIFEXITED(command->status);
    if (!process->is_command)
        return;
    process->ended = true;
    process->exit_status = exited ? WEXITSTATUS(command->status) : -1;
    process->signal = WIFSIGNALED(command->status) ? WTERMSIG(command->status) : 0;
    process->usage_known = command->usage_known;
    process->cpu_ns = command->cpu_ns;
    process->peak_memory_bytes = command->peak_memory_bytes;
}

/* Whether the command has ended just now. */
static bool reap(struct poll_loop *loop, struct command *command, struct meter_endpoint *meter)
{
    if (command == NULL || !command_runs(command) || !command_has_ended(command))
        return false;
    guard_drop(&loop->commands.guard, command->pid);
    note_ending(command, meter);
    return true;
}

/* Looks whether the guard has exited. The guard is a child of bpipe, and no other function waits
 * for it. If it has left a process behind because a command could not be ended, bpipe cannot wait
 * for that command's end. */
static enum guard_state look_at_guard(struct poll_loop *loop)
{
    int status = 0;
    if (loop->commands.guard.pid == 0)
        return GUARD_IS_GONE;
    if (waitpid(loop->commands.guard.pid, &status, WNOHANG) == 0)
        return GUARD_IS_THERE;
    loop->commands.guard.pid = 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != GUARD_HOLDS_ON)
        return GUARD_IS_GONE;
    message_print("a command still runs: its input stays open, to hide the end");
    return GUARD_HAS_LEFT_ONE;
}

/* If another process has ended the guard, starts a new one. If the old guard has left a process
 * that holds the pipes, the commands cannot be told the end any more, and the run has failed. */
static void keep_guarded(struct poll_loop *loop)
{
    if (loop->commands.guard.fd < 0 || loop->commands.being_ended)
        return;
    enum guard_state state = look_at_guard(loop);
    if (state == GUARD_IS_THERE)
        return;
    if (state == GUARD_HAS_LEFT_ONE)
        loop_break_off(loop);
    guard_close(&loop->commands.guard);
    if (!start_guard(loop))
        return;
    for (size_t i = 0; i < loop->commands.count; i++)
        if (command_runs(&loop->commands.all[i]))
            guard_add(&loop->commands.guard, loop->commands.all[i].pid);
}

/* A consumer has ended. If a signal ended it because the run was over, the report says so. */
static void note_terminated(const struct poll_loop *loop, struct loop_output *output)
{
    if (output->meter->process.signal == 0 || loop_command_ended_itself(loop))
        return;
    output->meter->aftermath = output->confirming ? "was terminated after the end of its input"
                                                  : "was terminated before the end of its input";
}

void loop_reap_commands(struct poll_loop *loop)
{
    keep_guarded(loop);
    for (size_t i = 0; i < loop->inputs.count; i++) {
        struct loop_input *input = &loop->inputs.all[i];
        if (!reap(loop, input->command, input->meter) || !input->at_end)
            continue;
        loop_judge_producer(loop, input);
        loop_record_judged(loop, input);
    }
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (!reap(loop, output->command, output->meter))
            continue;
        note_terminated(loop, output);
        if (output->state == OUTPUT_OPEN)
            loop_judge_consumer(loop, output);
    }
}

bool loop_input_is_doomed(const struct loop_input *input)
{
    return input->command != NULL && input->command->ended && !input->at_end &&
           input->endpoint.fd >= 0 && !loop_input_is_complete(input->command);
}

bool loop_awaits_producers(const struct poll_loop *loop)
{
    if (loop->commands.count == 0 || loop->inputs.cut)
        return false;
    for (size_t i = 0; i < loop->inputs.count; i++) {
        const struct loop_input *input = &loop->inputs.all[i];
        if (input->command != NULL && input->at_end && !input->command->ended)
            return true;
    }
    return false;
}

void loop_release_commands(struct poll_loop *loop)
{
    bool true_end = loop_end_is_true(loop), any = false;
    for (size_t i = 0; loop->commands.count > 0 && i < loop->outputs.main_count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (output->command == NULL || output->state != OUTPUT_OPEN)
            continue;
        output->confirming = true_end;
        if (!true_end)
            continue;
        any = true;
        output->witness = platform_reopen(output->endpoint.fd, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        (void)endpoint_close_output(&output->endpoint, true); /* cannot fail on a pipe */
    }
    if (any)
        guard_release(&loop->commands.guard);
}

void loop_judge_confirmed(struct poll_loop *loop, struct loop_output *output)
{
    if (output->witness >= 0) /* the command had exited before, and a process that it started may
                                 have read on */
        loop_note_unread(loop, output);
    if (output->rest.bytes > 0 || !command_succeeded(output->command))
        loop_output_failed(loop, output, EPIPE);
}

bool loop_awaits_commands_only(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (loop->outputs.all[i].confirming && loop->outputs.all[i].command == NULL)
            return false;
    return true;
}

static bool any_runs(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->commands.count; i++)
        if (command_runs(&loop->commands.all[i]))
            return true;
    return false;
}

/* Goes on to the next, harder step. */
static void go_on_to(struct poll_loop *loop, enum ending_step wanted)
{
    if (wanted <= loop->commands.step)
        return;
    loop->commands.step = wanted;
    loop->commands.being_ended = true;
    guard_end(&loop->commands.guard, wanted == ENDING_KILL);
}

void loop_hasten_commands(struct poll_loop *loop)
{
    go_on_to(loop, loop->commands.step == ENDING_LET_GO ? ENDING_TERMINATE : ENDING_KILL);
}

/* Whether a command is about to exit, and its exit status will say what was wrong. */
static bool any_exits(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->inputs.count; i++) {
        const struct loop_input *input = &loop->inputs.all[i];
        if (input->at_end && input->command != NULL && !input->command->ended)
            return true;
    }
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        const struct loop_output *output = &loop->outputs.all[i];
        if (output->gone && output->command != NULL && !output->command->ended)
            return true;
    }
    return false;
}

void loop_begin_ending_commands(struct poll_loop *loop)
{
    struct loop_commands *commands = &loop->commands;
    commands->end_ns = platform_now();
    commands->stage = commands->guard.pid == 0 ? COMMANDS_ENDED : COMMANDS_HEARD;
    if (commands->stage == COMMANDS_ENDED)
        return;
    loop_reap_commands(loop);
    for (size_t i = 0; i < commands->count; i++)
        if (commands->all[i].pid == 0)
            command_close(&commands->all[i]); /* else bpipe would be the reader of its pipe */
    commands->harmless = loop_end_is_true(loop) || (loop->ending.departed && !loop->ending.failed);
}

/* Commands that are about to exit get a moment (HEARING_NS) to do so by themselves. Returns whether
 * this is over. */
static bool have_been_heard(struct poll_loop *loop, uint64_t waited_ns)
{
    if (!loop->commands.harmless && loop->ending.signal == 0 && any_exits(loop) &&
        waited_ns < HEARING_NS)
        return false;
    if (!loop->commands.harmless)
        go_on_to(loop, ENDING_TERMINATE);
    return true;
}

/* Whether no command runs any more, or none is waited for any more. */
static bool have_ended(struct poll_loop *loop, uint64_t waited_ns)
{
    enum guard_state guard = look_at_guard(loop);
    uint64_t kill_ns = loop->options->kill_after_ns;
    if (guard == GUARD_HAS_LEFT_ONE)
        return true;
    if (!any_runs(loop) && (loop->commands.step == ENDING_LET_GO || guard == GUARD_IS_GONE))
        return true;
    if (waited_ns >= COMMAND_GRACE_NS)
        go_on_to(loop, ENDING_TERMINATE);
    return kill_ns != 0 && waited_ns >= COMMAND_GRACE_NS + kill_ns + GUARD_PATIENCE_NS;
}

static bool runs(const struct command *command)
{
    return command != NULL && command_runs(command);
}

bool loop_awaits_producers_only(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (runs(loop->outputs.all[i].command))
            return false;
    return any_runs(loop);
}

void loop_commands_waited(struct poll_loop *loop, uint64_t ns)
{
    for (size_t i = 0; i < loop->inputs.count; i++)
        if (runs(loop->inputs.all[i].command))
            meter_waited(loop->inputs.all[i].meter, ns);
    for (size_t i = 0; i < loop->outputs.main_count; i++)
        if (runs(loop->outputs.all[i].command))
            meter_waited(loop->outputs.all[i].meter, ns);
}

bool loop_end_commands(struct poll_loop *loop)
{
    struct loop_commands *commands = &loop->commands;
    uint64_t waited_ns = platform_now() - commands->end_ns;
    if (commands->stage == COMMANDS_HEARD && have_been_heard(loop, waited_ns))
        commands->stage = COMMANDS_ENDING;
    if (commands->stage == COMMANDS_ENDING && have_ended(loop, waited_ns)) {
        guard_close(&commands->guard);
        commands->unguarded_ns = platform_now();
        commands->stage = COMMANDS_UNGUARDED;
    }
    if (commands->stage == COMMANDS_UNGUARDED &&
        (look_at_guard(loop) != GUARD_IS_THERE ||
         platform_now() - commands->unguarded_ns >= GUARD_LEAVES_NS)) {
        loop_reap_commands(loop);
        commands->stage = COMMANDS_ENDED;
    }
    return commands->stage == COMMANDS_ENDED;
}
