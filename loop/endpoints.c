/*
 * endpoints.c - see endpoints.h.
 *
 * The order of opening is what makes bad input harmless: outputs are opened without touching their
 * contents, then an input, and only then files are truncated.
 */
#include "loop/endpoints.h"

#include "base/counted_call.h"
#include "base/descriptor.h"
#include "loop/amounts.h"
#include "loop/commands.h"
#include "loop/datagrams.h"
#include "loop/framing.h"
#include "loop/identity.h"
#include "loop/merge.h"
#include "loop/moves.h"
#include "loop/network.h"
#include "loop/overload.h"
#include "loop/peers.h"
#include "loop/records.h"
#include "loop/taps.h"

#include "base/message.h"
#include "base/platform.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_SLICE = 64 * 1024 };

#define OPENING_DELAY_MIN_NS UINT64_C(1000000)
#define OPENING_DELAY_MAX_NS UINT64_C(100000000)

void loop_mark_failed(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason)
{
    loop->ending.failed = true;
    loop->cut |=
        meter >= loop->meter->inputs && meter < loop->meter->inputs + loop->meter->input_count;
    snprintf(meter->error, sizeof meter->error, "%s", reason);
}

void loop_note_failure(struct poll_loop *loop, struct meter_endpoint *meter, const char *reason)
{
    loop_mark_failed(loop, meter, reason);
    message_print("%s: %s", meter->name, reason);
}

/* --- opening ---------------------------------------------------------------------------------- */

void loop_abandon_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->output_count; i++) {
        if (loop->outputs[i].state == OUTPUT_OPEN)
            endpoint_abandon_output(&loop->outputs[i].endpoint);
        loop->outputs[i].state = OUTPUT_CLOSED;
    }
    loop->open_outputs = 0;
    loop->phase = LOOP_DONE;
}

int loop_close_output(struct poll_loop *loop, struct loop_output *output, bool complete)
{
    loop_end_output_datagrams(output);
    int result = endpoint_close_output(&output->endpoint, complete);
    loop_reapply_flags(loop);
    return result;
}

const char *loop_output_text(const struct poll_loop *loop, size_t index)
{
    const struct options *options = loop->options;
    return index < loop->main_count ? options->outputs[index]
                                    : options->taps[index - loop->main_count];
}

enum endpoint_opening loop_open_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs[index];
    enum endpoint_opening opening = ENDPOINT_OPENED;
    if (loop->options->discard && !output->tap)
        endpoint_open_discard(&output->endpoint);
    else if (output->command != NULL)
        opening = loop_open_command_output(loop, output) == 0 ? ENDPOINT_OPENED : ENDPOINT_REFUSED;
    else if (output->dialer != NULL)
        opening = loop_dial_output(loop, index);
    else
        opening =
            endpoint_open_output(&output->endpoint, loop_output_text(loop, index), loop->options);
    if (opening != ENDPOINT_OPENED)
        return opening;
    output->meter->name = output->endpoint.name;
    output->state = OUTPUT_OPEN;
    loop->open_outputs += !output->tap;
    if (output->endpoint.direct.wanted)
        loop->flow.outputs[index].alignment = DIRECT_IO_ALIGNMENT;
    loop_begin_output_datagrams(loop, index);
    loop_note_peer(&output->endpoint, output->meter);
    return ENDPOINT_OPENED;
}

/* Tries every output that is not open. False: one is refused, and the run is over. */
static bool open_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->output_count; i++) {
        struct loop_output *output = &loop->outputs[i];
        if (output->state != OUTPUT_UNOPENED || loop_open_output(loop, i) != ENDPOINT_REFUSED)
            continue;
        if (output->tap) {
            loop_lose_tap(loop, output, output->endpoint.error);
            continue;
        }
        loop_note_failure(loop, output->meter, output->endpoint.error);
        return false;
    }
    return true;
}

static bool begin_outputs(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->output_count; i++) {
        struct loop_output *output = &loop->outputs[i];
        if (output->state != OUTPUT_OPEN || endpoint_begin_output(&output->endpoint) == 0)
            continue;
        if (output->tap) {
            loop_lose_tap(loop, output, output->endpoint.error);
        } else {
            loop_note_failure(loop, output->meter, output->endpoint.error);
            return false;
        }
    }
    return true;
}

bool loop_outputs_are_open(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->main_count; i++)
        if (loop->outputs[i].state == OUTPUT_UNOPENED)
            return false;
    return true;
}

/* Whether an output is a FIFO without a reader: nothing tells when one comes. */
static bool has_unread_fifo(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->output_count; i++)
        if (loop->outputs[i].state == OUTPUT_UNOPENED && loop->outputs[i].dialer == NULL)
            return true;
    return false;
}

/* --- flags of shared descriptions ------------------------------------------------------------- */

void loop_restore_flags(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        endpoint_restore(&loop->inputs[i].endpoint);
    for (size_t i = 0; i < loop->output_count; i++)
        endpoint_restore(&loop->outputs[i].endpoint);
}

void loop_reapply_flags(struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        endpoint_reapply(&loop->inputs[i].endpoint);
    for (size_t i = 0; i < loop->output_count; i++)
        endpoint_reapply(&loop->outputs[i].endpoint);
}

/* --- inputs ----------------------------------------------------------------------------------- */

/* Whether a later input stands for the same inherited descriptor ("bpipe - -"). */
static bool wanted_again(const struct poll_loop *loop, int fd)
{
    for (size_t i = loop->current + 1; i < loop->input_count; i++)
        if (descriptor_inherited_number(loop->options->inputs[i], STDIN_FILENO) == fd)
            return true;
    return false;
}

/* Whether an output has the same number ("bpipe fd://3 -o fd://3"): that closes it, then. */
static bool is_output_too(const struct poll_loop *loop, int fd)
{
    for (size_t i = 0; i < loop->output_count; i++)
        if (loop->outputs[i].state == OUTPUT_OPEN && loop->outputs[i].endpoint.fd == fd)
            return true;
    return false;
}

void loop_close_input(struct poll_loop *loop, struct loop_input *input)
{
    loop_end_input_datagrams(input);
    if (endpoint_is_connection(&input->endpoint))
        return;
    if (is_output_too(loop, input->endpoint.fd)) {
        endpoint_restore(&input->endpoint);
        input->endpoint.fd = -1;
    }
    endpoint_close_input(&input->endpoint);
    loop_reapply_flags(loop);
}

static void close_current(struct poll_loop *loop)
{
    if (loop->current >= loop->input_count)
        return;
    struct loop_input *input = &loop->inputs[loop->current];
    bool keep = input->endpoint.inherited && loop->phase == LOOP_RUNNING &&
                wanted_again(loop, input->endpoint.fd);
    if (!keep)
        loop_close_input(loop, input);
}

/* Takes over an inherited descriptor that an earlier input has read to its end: its private
 * description must not be made anew, for poll() on that would not tell the end of a FIFO again. */
static bool take_over(struct poll_loop *loop, size_t index)
{
    int fd = descriptor_inherited_number(loop->options->inputs[index], STDIN_FILENO);
    struct endpoint *endpoint = &loop->inputs[index].endpoint;
    for (size_t i = 0; fd >= 0 && i < index; i++) {
        struct endpoint *earlier = &loop->inputs[i].endpoint;
        if (earlier->fd != fd)
            continue; /* another one, or handed on already */
        pipe_hop_close(&earlier->hop);
        *endpoint = *earlier;
        endpoint->nonblock.writers_gone = true;
        earlier->fd = -1;
        return true;
    }
    return false;
}

/* With --merge also a file that is at its end: the others make it grow while it is read. */
static bool feeds_an_output(const struct poll_loop *loop, const struct endpoint *input)
{
    bool grows = loop->options->merge && loop->input_count > 1;
    for (size_t i = 0; i < loop->output_count; i++) {
        const struct loop_output *output = &loop->outputs[i];
        if (output->state == OUTPUT_OPEN &&
            (grows ? endpoint_same_regular_file(input, &output->endpoint)
                   : endpoint_feeds_itself(input, &output->endpoint)))
            return true;
    }
    return false;
}

/* What goes by is looked at on its way from a pipe of the store to an output that is a pipe:
 * records are counted. Not with -S, which must know them before it takes them, nor with a limit. */
static bool can_look_on_the_way(struct poll_loop *loop)
{
    return loop->way == TRANSFER_SPLICE && !loop->options->stop_at_size && loop->store.limit > 0 &&
           loop->outputs[0].limiter.rate == 0 && loop->outputs[0].endpoint.kind == ENDPOINT_PIPE &&
           pipe_store_bounce(&loop->store) != NULL;
}

/* Or a checksum is made, of pages that nobody changes between that and the consumer's look: those
 * of a file somebody may. */
static bool can_frame_on_the_way(struct poll_loop *loop)
{
    return can_look_on_the_way(loop) && loop->options->records == RECORD_NONE &&
           loop->inputs[loop->current].endpoint.kind == ENDPOINT_PIPE && !loop->store.copying;
}

/* A limit cuts the stream up. Each piece that is spliced takes a page of a pipe, however small it
 * is, so that a pipe of 1 MiB would be full of 256 of them (pipe(7)). */
static bool is_cut_up(const struct limiter *limiter)
{
    return limiter->rate > 0 && limiter_slice(limiter, UINT64_MAX) < SMALL_SLICE;
}

/* Bytes go past the ring where nothing has to look at them, or to hold them back. */
void loop_choose_way(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    struct endpoint *input = &loop->inputs[loop->current].endpoint;
    const struct endpoint *output = &loop->outputs[0].endpoint;
    const struct limiter *limiter = &loop->outputs[0].limiter;
    bool through_ring = options->no_splice || loop->output_count > 1 ||
                        flow_has_marks(&loop->flow) || options->block_size > 0 ||
                        loop->flow.eager || options->merge || loop->recent.wanted ||
                        input->hop.content == PIPE_PACKETS || loop->expect.end_length > 0;
    loop->way = through_ring ? TRANSFER_COPY : transfer_way(input, output);
    if (loop->way == TRANSFER_SPLICE && (is_cut_up(limiter) || is_cut_up(&loop->read_limiter)))
        loop->way = TRANSFER_COPY;
    if ((options->records != RECORD_NONE && !can_look_on_the_way(loop)) ||
        (options->framing != FRAMING_NONE && !can_frame_on_the_way(loop)))
        loop->way = TRANSFER_COPY;
    loop->flow.passing = loop->way != TRANSFER_COPY;
    input->hop.wanted =
        !options->no_splice && loop->output_count == 1 && transfer_wants_hop(output);
    bool storing = loop->flow.passing && endpoint_gives_pages(input) && loop->store.limit > 0;
    loop->flow.patience_ns = storing ? FLOW_STORE_PATIENCE_NS : FLOW_PATIENCE_NS;
}

static bool open_input(struct poll_loop *loop, size_t index)
{
    struct loop_input *input = &loop->inputs[index];
    const char *text = loop->options->inputs[index];
    if (input->refused)
        return false;
    if (input->dialer != NULL) {
        endpoint_open_socket(&input->endpoint, text, input->dialer->resolved->address.kind,
                             dialer_take(input->dialer));
    } else if (input->command != NULL) {
        if (loop_open_command_input(loop, input) != 0) {
            loop_note_failure(loop, input->meter, input->endpoint.error);
            return false;
        }
    } else if (!take_over(loop, index) &&
               endpoint_open_input(&input->endpoint, text, loop->options) != 0) {
        loop_note_failure(loop, input->meter, input->endpoint.error);
        return false;
    }
    if (feeds_an_output(loop, &input->endpoint)) {
        loop_note_failure(loop, input->meter, "input file is output file");
        endpoint_close_input(&input->endpoint);
        return false;
    }
    if (transfer_can_hop(&input->endpoint))
        input->endpoint.hop.splices = &loop->meter->calls[CALL_SPLICE];
    loop_begin_input_datagrams(loop, input);
    loop_begin_framing(loop);
    loop_note_peer(&input->endpoint, input->meter);
    if (!loop->options->merge)
        loop_choose_way(loop);
    /* A FIFO must not be read before poll() has seen a writer. What has no type may be something
     * that cannot be read at all (epoll), which poll() does not tell. */
    input->ready =
        input->endpoint.nonblock.writers_gone || input->endpoint.kind == ENDPOINT_UNTYPED;
    return true;
}

void loop_input_refused(struct poll_loop *loop, struct loop_input *input, const char *reason)
{
    loop_note_failure(loop, input->meter, reason);
    input->dialer = NULL;
    input->refused = true;
}

static bool all_are_refused(const struct poll_loop *loop)
{
    for (size_t i = 0; i < loop->input_count; i++)
        if (!loop->inputs[i].refused)
            return false;
    return true;
}

/* --merge: all inputs are read from the start. */
static void open_merged(struct poll_loop *loop)
{
    bool any = false;
    loop->current = loop->input_count; /* none in particular */
    for (size_t i = 0; i < loop->input_count; i++) {
        loop->inputs[i].open = open_input(loop, i);
        any |= loop->inputs[i].open;
    }
    loop->flow.passing = false;
    if (!any)
        loop_end_input(loop);
}

void loop_next_input(struct poll_loop *loop)
{
    loop->idle_since_ns = 0;
    close_current(loop);
    for (loop->current++; loop->current < loop->input_count; loop->current++)
        if (open_input(loop, loop->current))
            return;
    loop_end_input(loop);
}

void loop_input_at_end(struct poll_loop *loop, size_t index)
{
    struct loop_input *input = &loop->inputs[index];
    if (loop->options->merge) {
        loop_merge_input_at_end(loop, input);
        return;
    }
    loop_note_input_end(loop, input);
    if (loop_end_record(loop, input, false))
        loop_next_input(loop);
}

/* A stream that was cut is to be a failure before anything is told that it is complete. */
static void check_end(struct poll_loop *loop)
{
    char reason[EXPECT_REASON];
    const struct ending *ending = &loop->ending;
    if (ending->failed || ending->signal != 0 || ending->timed_out || ending->overflowed ||
        loop->phase != LOOP_RUNNING ||
        expect_end(&loop->expect, loop->meter->bytes_in, reason) == NULL)
        return;
    loop_note_failure(loop, loop->inputs[loop->input_count - 1].meter, reason);
}

void loop_end_input(struct poll_loop *loop)
{
    check_end(loop);
    loop->phase = LOOP_DRAINING;
    loop->flow.passing = false;
    loop->idle_since_ns = 0;
    loop->drain_start_ns = loop->meter->now_ns;
    close_current(loop);
    loop->current = loop->input_count;
    if (loop->options->merge)
        loop_merge_end(loop);
    loop_settle_end(loop);
}

void loop_note_read_failure(struct poll_loop *loop, struct loop_input *input, int error)
{
    char reason[METER_ERROR_TEXT];
    snprintf(reason, sizeof reason, "read failed at byte %" PRIu64 ": %s", input->meter->bytes,
             strerror(error));
    loop_note_failure(loop, input->meter, reason);
}

void loop_input_failed(struct poll_loop *loop, int error)
{
    struct loop_input *input = &loop->inputs[loop->current];
    const char *reason = loop_framing_reason(loop, error);
    if (reason != NULL)
        loop_note_failure(loop, input->meter, reason);
    else
        loop_note_read_failure(loop, input, error);
    (void)loop_end_record(loop, input, true);
    loop_next_input(loop);
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* All outputs are open: the first input, then the first change to a file. */
static bool begin(struct poll_loop *loop)
{
    if (!loop_files_differ(loop) || !loop_start_commands(loop))
        return false;
    loop_begin_taps(loop);
    loop->phase = LOOP_RUNNING;
    loop->current = SIZE_MAX; /* so that the next one is the first */
    bool nothing_wanted = loop->options->stop_at_size && loop->size_known && loop->size_left == 0;
    if (loop->options->merge)
        open_merged(loop);
    else if (!nothing_wanted || loop->inputs[0].command == NULL) /* else it is not started */
        loop_next_input(loop);
    loop->meter->began = loop->phase == LOOP_RUNNING || !loop->ending.failed;
    if (!loop->meter->began || !begin_outputs(loop))
        return false;
    if (nothing_wanted)
        loop_end_input(loop);
    return true;
}

void loop_postpone_opening(struct poll_loop *loop)
{
    uint64_t delay = loop->opening_delay_ns * 2;
    loop->opening_delay_ns = delay < OPENING_DELAY_MIN_NS   ? OPENING_DELAY_MIN_NS
                             : delay > OPENING_DELAY_MAX_NS ? OPENING_DELAY_MAX_NS
                                                            : delay;
    loop->next_opening_ns = loop->meter->now_ns + loop->opening_delay_ns;
}

void loop_open_endpoints(struct poll_loop *loop)
{
    if (!loop_names_differ(loop) || !open_outputs(loop)) {
        loop_abandon_outputs(loop);
        return;
    }
    bool inputs = loop_dial_inputs(loop);
    if (all_are_refused(loop)) {
        loop_abandon_outputs(loop); /* there is nothing to wait for them for */
        return;
    }
    if (inputs && loop_outputs_are_open(loop) && !loop_awaits_connecting_taps(loop)) {
        if (!begin(loop))
            loop_abandon_outputs(loop);
        return;
    }
    if (has_unread_fifo(loop))
        loop_postpone_opening(loop);
}

/* --- outputs ---------------------------------------------------------------------------------- */

static void detach(struct poll_loop *loop, struct loop_output *output)
{
    loop_count_records_of(loop, output);
    output->meter->left_early = true;
    ring_detach(&loop->ring, output->lag.reader);
    if (loop->open_outputs > 1) /* else what is left went nowhere */
        loop_note_left(loop);
    if (output->state == OUTPUT_OPEN)
        loop->open_outputs--;
    output->state = OUTPUT_CLOSED;
    output->blocked_since_ns = 0;
    if (loop->open_outputs == 0 && loop_outputs_are_open(loop))
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
    char text[METER_ERROR_TEXT];
    uint64_t bytes = loop_in_doubt(output);
    snprintf(text, sizeof text, "%s; %" PRIu64 " bytes sent were not acknowledged", reason, bytes);
    if (output->command == NULL)
        output->meter->bytes_unacknowledged = bytes;
    loop_note_failure(loop, output->meter, bytes > 0 ? text : reason);
    (void)loop_close_output(loop, output, false); /* it has failed already */
    detach(loop, output);
    if (loop->options->stop_on_output_error)
        loop->phase = LOOP_DONE;
}

/* Whether it is no error that a reader has left: that of the sole output, or a command that says by
 * its exit status that it wanted no more. If SIGPIPE was ignored when bpipe started, one at least
 * has to stay. */
static bool may_depart(const struct poll_loop *loop, const struct loop_output *output)
{
    bool last = loop->open_outputs == 1;
    return (loop->main_count == 1 || output->command != NULL) &&
           !(last && loop->signals.pipe_ignored);
}

/* It has left. Where no output is left that ends the run; else the others go on. */
static void depart(struct poll_loop *loop, struct loop_output *output)
{
    loop->ending.departed |= loop->open_outputs == 1;
    (void)loop_close_output(loop, output, false);
    detach(loop, output);
}

void loop_output_failed(struct poll_loop *loop, struct loop_output *output, int error)
{
    if (output->tap) {
        loop_lose_tap(loop, output, strerror(error));
        return;
    }
    if (loop_command_left(loop, output, error))
        return;
    if (endpoint_reader_gone(&output->endpoint, error) && may_depart(loop, output)) {
        depart(loop, output);
        return;
    }
    char reason[METER_ERROR_TEXT];
    bool connection = endpoint_is_connection(&output->endpoint);
    if (output->command != NULL && error == EPIPE)
        loop_describe_departure(output, reason);
    else
        snprintf(reason, sizeof reason, "%s at byte %" PRIu64 ": %s",
                 connection ? "connection lost" : "write failed", output->meter->bytes,
                 error == EPIPE && connection ? "the peer has closed it" : strerror(error));
    loop_give_up_output(loop, output, reason);
}

void loop_reader_left(struct poll_loop *loop, struct loop_output *output, int error)
{
    if (loop_command_left(loop, output, error))
        return;
    bool last = loop->open_outputs == 1 && !output->tap &&
                (loop->main_count == 1 || output->command != NULL);
    bool moving = loop->phase == LOOP_RUNNING || loop->phase == LOOP_DRAINING;
    bool has_all = loop_is_empty(loop) && output->meter->bytes_unacknowledged == 0;
    if (!last || !moving || !has_all || !endpoint_reader_gone(&output->endpoint, error)) {
        loop_output_failed(loop, output, error);
        return;
    }
    output->left = true;
    loop->flow.outputs[output - loop->outputs].blocked = false;
    if (loop->phase == LOOP_RUNNING) {
        loop->leaving_ns = loop->meter->now_ns;
        loop->flow.passing = false; /* a read tells whether there is more */
    }
}
