/*
 * failure.c - see failure.h.
 */
#include "loop/failure.h"

#include "base/message.h"
#include "loop/account.h"
#include "loop/nonblock.h"
#include "loop/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void loop_close_witness(struct loop_output *output)
{
    if (output->command != NULL && output->witness >= 0)
        (void)close(output->witness);
    output->witness = -1;
}

const char *loop_describe(const struct command *command, uint64_t bytes,
                          char reason[METER_ERROR_TEXT])
{
    char ending[COMMAND_ENDING_TEXT];
    snprintf(reason, METER_ERROR_TEXT, "%s at byte %" PRIu64, command_ending(command, ending),
             bytes);
    return reason;
}

void loop_note_unread(struct poll_loop *loop, struct loop_output *output)
{
    enum record_kind kind = loop->options->records;
    if (output->command == NULL || output->rest.lost)
        return;
    struct pipe_rest rest = output->witness >= 0 ? pipe_rest_of_witness(output->witness, kind)
                                                 : pipe_rest_of_writer(output->endpoint.fd, kind);
    output->witness = -1;
    if (rest.bytes >= 0)
        output->rest = rest;
}

static uint64_t read_by(const struct loop_output *output)
{
    return output->meter->bytes - (uint64_t)output->rest.bytes;
}

bool loop_command_ended_itself(const struct poll_loop *loop)
{
    return !loop->commands.being_ended && (loop->phase != LOOP_DONE || loop->ending.signal == 0);
}

/* Whether a consumer has gone without a fault of its own: with status 0, or because its own reader
 * had gone. */
static bool has_departed(const struct command *command)
{
    return command_succeeded(command) || command_broke_pipe(command);
}

void loop_mark_run_failed(struct poll_loop *loop)
{
    loop->ending.failed = true;
}

void loop_break_off(struct poll_loop *loop)
{
    loop_mark_run_failed(loop);
    loop->inputs.cut = true;
    loop->phase = LOOP_DONE;
}

void loop_mark_failed(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason)
{
    loop_mark_run_failed(loop);
    loop->inputs.cut |=
        meter >= loop->meter->inputs && meter < loop->meter->inputs + loop->meter->input_count;
    snprintf(meter->error, sizeof meter->error, "%s", reason);
}

void loop_note_failure(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason)
{
    loop_mark_failed(loop, meter, reason);
    message_print("%s: %s", meter->name, reason);
}

static void end_datagrams(struct loop_output *output)
{
    if (output->endpoint.socket != ENDPOINT_UDP || output->endpoint.fd < 0)
        return;
    (void)udp_take_error(&output->endpoint.udp, output->endpoint.fd); /* the last datagram's
                                                                         error */
    loop_note_datagrams(&output->endpoint, output->meter);
}

void loop_note_incomplete(struct loop_output *output)
{
    const struct atomic_file *atomic = &output->endpoint.atomic;
    if (atomic->target != NULL)
        output->meter->aftermath = atomic->replaces ? "is unchanged" : "was not created";
}

int loop_close_output(struct poll_loop *loop, struct loop_output *output, bool complete)
{
    if (!complete)
        loop_note_incomplete(output);
    end_datagrams(output);
    int result = endpoint_close_output(&output->endpoint, complete);
    loop_reapply_flags(loop);
    return result;
}

/* Whether an output is a command that still runs. It may read on, or bpipe is going to end it, and
 * only then is it known what it has read. */
static bool may_read_on(const struct loop_output *output)
{
    return output->command != NULL && command_runs(output->command);
}

void loop_close_the_failed(struct poll_loop *loop)
{
    bool commands_ended = loop->closing.step > CLOSING_COMMANDS;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (!output->to_close || (output->ran_on && !commands_ended))
            continue;
        loop_note_unread(loop, output);
        (void)loop_close_output(loop, output, false); /* it has failed already */
        output->to_close = false;
    }
}

void loop_tell_hint(const struct loop_output *output, const char *hint)
{
    if (hint[0] != '\0')
        message_print("%s: %s", output->meter->name, hint);
}

static void detach(struct poll_loop *loop, struct loop_output *output)
{
    output->ran_on = may_read_on(output);
    if (!output->ran_on)
        loop_note_unread(loop, output); /* the pipe is about to be closed */
    loop_count_records_of(loop, output);
    output->meter->left_early = true;
    ring_detach(&loop->path.ring, output->overrun.reader);
    if (loop->outputs.open_count > 1) /* else the rest has gone to no output */
        loop_note_bytes_out(loop);
    if (output->state == OUTPUT_OPEN)
        loop->outputs.open_count--;
    output->state = OUTPUT_CLOSED;
    output->blocked_since_ns = 0;
    if (loop->outputs.open_count == 0 && loop_outputs_are_open(loop))
        loop->phase = LOOP_DONE;
}

uint64_t loop_in_doubt(const struct loop_output *output)
{
    if (output->endpoint.socket != ENDPOINT_TCP || output->endpoint.fd < 0)
        return 0;
    int64_t bytes = endpoint_unacknowledged(&output->endpoint);
    return bytes > output->half_closed ? (uint64_t)(bytes - output->half_closed) : 0;
}

void loop_give_up_output(struct poll_loop *loop, struct loop_output *output, const char *reason)
{
    uint64_t bytes = loop_in_doubt(output);
    if (output->command == NULL)
        output->meter->bytes_unacknowledged = bytes;
    loop_note_failure(loop, output->meter, reason);
    if (bytes > 0)
        message_print("%s: %" PRIu64 " %s not acknowledged", output->meter->name, bytes,
                      bytes == 1 ? "byte sent was" : "bytes sent were");
    output->to_close = true;
    detach(loop, output);
    if (loop->options->stop_on_output_error)
        loop->phase = LOOP_DONE;
}

/* A call on an output failed with `error`. If the output is a command that has closed its input,
 * returns true when nothing is left to do for the caller: the command's exit status decides, now or
 * when it has exited. */
static bool settle_gone_command(struct poll_loop *loop, struct loop_output *output, int error)
{
    const struct command *command = output->command;
    if (command == NULL || error != EPIPE)
        return false;
    if (!command->ended) {
        output->gone = true;
        loop->path.flow.outputs[output - loop->outputs.all].blocked = true;
        return true;
    }
    if (has_departed(command)) {
        loop_note_unread(loop, output); /* all bytes may have been written */
        return false;
    }
    loop_judge_consumer(loop, output);
    return true;
}

/* Writes to `reason`, for a message, why the departure of a command counts as a failure. */
static void describe_departure(const struct loop_output *output, char reason[METER_ERROR_TEXT])
{
    if (command_succeeded(output->command))
        snprintf(reason, METER_ERROR_TEXT, "exited at byte %" PRIu64 " without reading the rest",
                 read_by(output));
    else
        loop_describe(output->command, read_by(output), reason);
}

/* Whether it is no error that a reader has left: the sole output's reader, or a command whose exit
 * status says that it wanted no more. If SIGPIPE was ignored when bpipe started, at least one has
 * to stay. */
static bool may_depart(const struct poll_loop *loop, const struct loop_output *output)
{
    bool last = loop->outputs.open_count == 1;
    return (loop->outputs.main_count == 1 || output->command != NULL) &&
           !(last && loop->poll.signals.pipe_ignored);
}

/* The reader of an output has left. If no output is left, that ends the run; else the others go
 * on. */
static void depart(struct poll_loop *loop, struct loop_output *output)
{
    loop->ending.departed |= loop->outputs.open_count == 1;
    output->to_close = true;
    detach(loop, output);
}

void loop_lose_tap(struct poll_loop *loop, struct loop_output *tap, const char *reason)
{
    snprintf(tap->meter->error, sizeof tap->meter->error, "%s", reason);
    message_print("%s: %s; going on without it", tap->meter->name, reason);
    tap->to_close = tap->state == OUTPUT_OPEN;
    tap->state = OUTPUT_CLOSED;
    tap->blocked_since_ns = 0;
    loop_count_records_of(loop, tap);
    if (loop->path.ring.readers[tap->overrun.reader].attached)
        ring_detach(&loop->path.ring, tap->overrun.reader);
}

void loop_fail_output(struct poll_loop *loop, struct loop_output *output, const char *reason)
{
    if (output->tap)
        loop_lose_tap(loop, output, reason);
    else
        loop_give_up_output(loop, output, reason);
}

void loop_output_failed(struct poll_loop *loop, struct loop_output *output, int error)
{
    if (output->tap) {
        loop_lose_tap(loop, output, strerror(error));
        return;
    }
    if (settle_gone_command(loop, output, error))
        return;
    if (endpoint_reader_gone(&output->endpoint, error) && may_depart(loop, output)) {
        depart(loop, output);
        return;
    }
    char reason[METER_ERROR_TEXT];
    bool connection = endpoint_is_connection(&output->endpoint);
    bool peer_closed = error == EPIPE || error == ENOTCONN; /* send(2) */
    if (output->command != NULL && error == EPIPE)
        describe_departure(output, reason);
    else
        snprintf(reason, sizeof reason, "%s at byte %" PRIu64 ": %s",
                 connection ? "lost" : "write failed", output->meter->bytes,
                 peer_closed && connection ? "closed by the peer" : strerror(error));
    const char *hint = endpoint_hint(&output->endpoint, error);
    loop_give_up_output(loop, output, reason);
    loop_tell_hint(output, hint);
}

void loop_reader_gone(struct poll_loop *loop, struct loop_output *output, int error)
{
    if (settle_gone_command(loop, output, error))
        return;
    bool last = loop->outputs.open_count == 1 && !output->tap &&
                (loop->outputs.main_count == 1 || output->command != NULL);
    bool moving = loop->phase == LOOP_RUNNING || loop->phase == LOOP_DRAINING;
    bool has_all = loop_is_empty(loop) && output->rest.bytes == 0;
    if (!last || !moving || !has_all || !endpoint_reader_gone(&output->endpoint, error)) {
        loop_output_failed(loop, output, error);
        return;
    }
    output->gone = true;
    loop->path.flow.outputs[output - loop->outputs.all].blocked = false;
    if (loop->phase == LOOP_RUNNING) {
        loop->outputs.leaving_ns = loop->meter->now_ns;
        loop->path.flow.passing = false; /* a read tells whether more comes */
    }
}

void loop_judge_consumer(struct poll_loop *loop, struct loop_output *output)
{
    char reason[METER_ERROR_TEXT];
    loop_note_unread(loop, output);
    if (!has_departed(output->command) && loop_command_ended_itself(loop))
        loop_give_up_output(loop, output, loop_describe(output->command, read_by(output), reason));
    else if (output->gone && (loop->phase == LOOP_RUNNING || loop->phase == LOOP_DRAINING))
        loop_reader_gone(loop, output, EPIPE);
}

void loop_note_datagram_error(struct poll_loop *loop, struct loop_output *output)
{
    int error = udp_take_error(&output->endpoint.udp, output->endpoint.fd);
    loop_note_datagrams(&output->endpoint, output->meter);
    if (error != 0)
        loop_output_failed(loop, output, error);
}

void loop_input_refused(struct poll_loop *loop, struct loop_input *input, const char *reason)
{
    loop_note_failure(loop, input->meter, reason);
    input->dialer = NULL;
    input->refused = true;
}
