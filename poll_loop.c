/*
 * poll_loop.c - see poll_loop.h. Opening, failing and closing of endpoints is in loop_endpoints.c,
 * what happens when time is up in loop_timeouts.c, who may move in flow.c, moving in transfer.c;
 * here is when.
 */
#include "poll_loop.h"

#include "loop_endpoints.h"
#include "loop_timeouts.h"
#include "platform.h"
#include "size.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Where things stand in loop->fds. */
enum { FD_SIGNALS, FD_INPUT, FD_OUTPUTS };

/* The most that goes past the ring in one call: as much as a pipe holds. */
enum { PASS_BYTES = 1 << 20 };

/* --- setting up ------------------------------------------------------------------------------- */

static int allocate(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    loop->input_count = options->input_count;
    loop->output_count = options->output_count;
    loop->inputs = calloc(loop->input_count, sizeof *loop->inputs);
    loop->outputs = calloc(loop->output_count, sizeof *loop->outputs);
    loop->fds = calloc(FD_OUTPUTS + loop->output_count, sizeof *loop->fds);
    if (loop->inputs == NULL || loop->outputs == NULL || loop->fds == NULL ||
        ring_init(&loop->ring, (size_t)options->buffer_size, options->output_count) != 0 ||
        flow_init(&loop->flow, &loop->ring, options) != 0)
        return -1;
    for (size_t i = 0; i < loop->input_count; i++) {
        loop->inputs[i].meter = &loop->meter->inputs[i];
        loop->inputs[i].endpoint.fd = -1;
    }
    for (size_t i = 0; i < loop->output_count; i++) {
        loop->outputs[i].meter = &loop->meter->outputs[i];
        loop->outputs[i].endpoint.fd = -1;
    }
    return 0;
}

int poll_loop_init(struct poll_loop *loop, const struct options *options, uint64_t total_size,
                   struct meter *meter, struct reporter *reporter)
{
    *loop = (struct poll_loop){.options = options,
                               .meter = meter,
                               .reporter = reporter,
                               .size_left = total_size,
                               .size_known = total_size > 0,
                               .signals.fd = -1};
    if (allocate(loop) != 0) {
        char size[SIZE_TEXT];
        report_message("--buffer-size: %s: %s",
                       size_format(size, options->buffer_size, options->si), strerror(ENOMEM));
        return -1;
    }
    if (signals_open(&loop->signals) != 0) {
        report_message("pipe: %s", strerror(errno));
        return -1;
    }
    if (options->report_every_ns > 0)
        loop->next_sample_ns = meter->start_ns + options->report_every_ns;
    return 0;
}

void poll_loop_destroy(struct poll_loop *loop)
{
    flow_destroy(&loop->flow);
    ring_destroy(&loop->ring);
    free(loop->inputs);
    free(loop->outputs);
    free(loop->fds);
}

/* --- moving ----------------------------------------------------------------------------------- */

/* A call on a disk file may have waited: that time is the file's side's, not bpipe's own. Where it
 * never gave the processor up, it was at work, or others had the processor. */
static struct platform_usage before_file_call(struct poll_loop *loop)
{
    meter_advance(loop->meter, METER_BUSY, platform_now());
    return platform_usage();
}

static void after_file_call(struct poll_loop *loop, struct platform_usage before,
                            enum meter_state side, struct meter_endpoint *endpoint)
{
    uint64_t start = loop->meter->now_ns;
    uint64_t now = platform_now();
    struct platform_usage after = platform_usage();
    uint64_t wall = now - start;
    uint64_t cpu = after.cpu_ns - before.cpu_ns;
    bool waited = after.waits != before.waits && wall > cpu;
    meter_advance_file(loop->meter, side, endpoint, waited ? wall - cpu : 0, now);
}

static bool input_may_be_read(const struct poll_loop *loop)
{
    return loop->phase == LOOP_RUNNING && flow_readable(&loop->flow) > 0;
}

/* Whether an input that has bytes could pass them on, as far as is known. */
static bool input_may_be_passed(const struct poll_loop *loop)
{
    return loop->phase == LOOP_RUNNING && loop->flow.passing && ring_fill(&loop->ring) == 0;
}

static bool input_is_ready(const struct loop_input *input)
{
    return input->ready || !endpoint_pollable(&input->endpoint);
}

/* With -S no byte past the size is read. A record has a byte at least, so that reading as many
 * bytes as there are records left cannot go past the last one. */
static size_t limit_to_size(const struct poll_loop *loop, size_t bytes)
{
    if (loop->options->stop_at_size && loop->size_known && loop->size_left < bytes)
        return (size_t)loop->size_left;
    return bytes;
}

static void count_towards_size(struct poll_loop *loop, uint64_t bytes_or_records)
{
    if (!loop->options->stop_at_size || !loop->size_known)
        return;
    loop->size_left -= bytes_or_records;
    if (loop->size_left == 0)
        loop_end_input(loop);
}

static void took_input(struct poll_loop *loop, struct loop_input *input,
                       const struct transfer *transfer)
{
    struct meter *meter = loop->meter;
    meter_moved(input->meter, transfer->bytes);
    meter->records_in += transfer->records;
    meter_arrived(meter, transfer->bytes, ring_fill(&loop->ring));
    loop->idle_since_ns = 0;
    /* A FIFO that cannot be polled for its end is read until it says EAGAIN or that end. */
    if (!input->endpoint.nonblock.writers_gone)
        input->ready = !transfer->partial;
    flow_arrived(&loop->flow, transfer->bytes, transfer->partial);
    count_towards_size(loop,
                       loop->options->records != RECORD_NONE ? transfer->records : transfer->bytes);
}

/* Reads up to `max` bytes, and whatever that says. False: nothing was there. */
static bool fill_ring(struct poll_loop *loop, size_t max)
{
    struct loop_input *input = &loop->inputs[loop->current];
    bool may_wait = !flow_any_sendable(&loop->flow);
    bool on_disk = endpoint_on_disk(&input->endpoint);
    struct platform_usage before = on_disk ? before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer =
        transfer_fill(&loop->ring, &input->endpoint, limit_to_size(loop, max), may_wait,
                      loop->options->records, &loop->meter->calls[METER_READ]);
    if (on_disk)
        after_file_call(loop, before, METER_INPUT, input->meter);
    switch (transfer.status) {
    case TRANSFER_MOVED:
        took_input(loop, input, &transfer);
        break;
    case TRANSFER_BLOCKED:
        input->ready = false;
        input->cold = on_disk;
        flow_arrived(&loop->flow, 0, true);
        return false;
    case TRANSFER_END:
        loop_next_input(loop);
        break;
    case TRANSFER_FAILED:
        loop_input_failed(loop, transfer.error);
        break;
    }
    return true;
}

static bool read_input(struct poll_loop *loop)
{
    if (loop->phase == LOOP_RUNNING)
        loop->inputs[loop->current].cold = false;
    if (!input_may_be_read(loop) || !input_is_ready(&loop->inputs[loop->current]))
        return false;
    return fill_ring(loop, flow_readable(&loop->flow));
}

static void gave_output(struct poll_loop *loop, struct loop_output *output, size_t index,
                        const struct transfer *transfer)
{
    meter_moved(output->meter, transfer->bytes);
    meter_left(loop->meter, transfer->left_ring, ring_fill(&loop->ring));
    flow_sent(&loop->flow, index, transfer->bytes);
    loop->flow.outputs[index].blocked = transfer->partial && endpoint_pollable(&output->endpoint);
    output->blocked_since_ns = 0;
}

static bool write_output(struct poll_loop *loop, size_t index)
{
    struct loop_output *output = &loop->outputs[index];
    size_t sendable = flow_sendable(&loop->flow, index);
    if (output->state != OUTPUT_OPEN || sendable == 0 || loop->flow.outputs[index].blocked)
        return false;
    bool on_disk = endpoint_on_disk(&output->endpoint);
    struct platform_usage before = on_disk ? before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer = transfer_drain(&loop->ring, index, &output->endpoint, sendable,
                                              &loop->meter->calls[METER_WRITE]);
    if (on_disk)
        after_file_call(loop, before, METER_OUTPUT, output->meter);
    switch (transfer.status) {
    case TRANSFER_MOVED:
        gave_output(loop, output, index, &transfer);
        return true;
    case TRANSFER_FAILED:
        loop_output_failed(loop, output, transfer.error);
        return true;
    case TRANSFER_BLOCKED:
    case TRANSFER_END:
        break;
    }
    loop->flow.outputs[index].blocked = true;
    return false;
}

/* --- past the ring ---------------------------------------------------------------------------- */

static void passed(struct poll_loop *loop, uint64_t bytes)
{
    meter_moved(loop->inputs[loop->current].meter, bytes);
    meter_moved(loop->outputs[0].meter, bytes);
    meter_passed(loop->meter, bytes);
    loop->idle_since_ns = 0;
    loop->outputs[0].blocked_since_ns = 0;
    count_towards_size(loop, bytes);
}

/* EAGAIN from splice(2) does not say which side it was: one look does. False if it was neither. */
static bool find_blocked(struct poll_loop *loop)
{
    struct loop_input *input = &loop->inputs[loop->current];
    const struct endpoint *output = &loop->outputs[0].endpoint;
    struct pollfd fds[] = {
        {.fd = endpoint_pollable(&input->endpoint) ? input->endpoint.fd : -1, .events = POLLIN},
        {.fd = endpoint_pollable(output) ? output->fd : -1, .events = POLLOUT}};
    loop->meter->calls[METER_POLL]++;
    if (platform_poll(fds, 2, 0) < 0)
        return false;
    input->ready = fds[0].revents != 0;
    flow_arrived(&loop->flow, 0, !input_is_ready(input));
    loop->flow.outputs[0].blocked = fds[1].fd >= 0 && fds[1].revents == 0;
    return !input_is_ready(input) || loop->flow.outputs[0].blocked;
}

/* Moves bytes from the input to the output without a copy. False: nothing moved. */
static bool pass_bytes(struct poll_loop *loop)
{
    struct loop_input *input = &loop->inputs[loop->current];
    struct loop_output *output = &loop->outputs[0];
    if (loop->phase != LOOP_RUNNING || !flow_passable(&loop->flow) || !input_is_ready(input))
        return false;
    bool from_disk = endpoint_on_disk(&input->endpoint);
    bool on_disk = from_disk || endpoint_on_disk(&output->endpoint);
    struct platform_usage before = on_disk ? before_file_call(loop) : (struct platform_usage){0};
    struct transfer transfer =
        transfer_pass(loop->way, &input->endpoint, &output->endpoint,
                      limit_to_size(loop, PASS_BYTES), &loop->meter->calls[METER_SPLICE]);
    if (on_disk)
        after_file_call(loop, before, from_disk ? METER_INPUT : METER_OUTPUT,
                        from_disk ? input->meter : output->meter);
    switch (transfer.status) {
    case TRANSFER_MOVED:
        passed(loop, transfer.bytes);
        return true;
    case TRANSFER_END:
        return fill_ring(loop, loop->flow.chunk_size);
    case TRANSFER_FAILED:
        if (transfer.error == EPIPE)
            loop_output_failed(loop, output, EPIPE);
        else
            loop->flow.passing = false;
        return true;
    case TRANSFER_BLOCKED:
        break;
    }
    return !find_blocked(loop) && fill_ring(loop, loop->flow.chunk_size);
}

/* One turn's worth. */
static bool move_bytes(struct poll_loop *loop)
{
    flow_update(&loop->flow);
    bool moved = pass_bytes(loop);
    for (size_t i = 0; i < loop->output_count && loop->phase != LOOP_DONE; i++)
        moved |= write_output(loop, i);
    flow_update(&loop->flow);
    return read_input(loop) || moved;
}

static bool is_drained(const struct poll_loop *loop)
{
    return loop->phase == LOOP_DRAINING && ring_fill(&loop->ring) == 0;
}

/* --- signals ---------------------------------------------------------------------------------- */

static void stop_process(struct poll_loop *loop)
{
    loop_restore_flags(loop);
    meter_advance(loop->meter, METER_BUSY, platform_now());
    signals_stop_process();
    meter_skip(loop->meter, platform_now());
    loop_reapply_flags(loop);
    loop_restart_timeouts(loop);
}

static void end_by_signal(struct poll_loop *loop, int number)
{
    bool may_drain = (number == SIGTERM || number == SIGHUP) && loop->ending.signal == 0 &&
                     (loop->phase == LOOP_RUNNING || loop->phase == LOOP_DRAINING);
    if (loop->ending.signal == 0)
        loop->ending.signal = number;
    if (may_drain)
        loop_end_input(loop);
    else
        loop->phase = LOOP_DONE;
}

static void handle_signals(struct poll_loop *loop)
{
    int number;
    while ((number = signals_next(&loop->signals)) != 0) {
        switch (number) {
        case SIGUSR1:
            report_now(loop->reporter, loop->meter);
            break;
        case SIGTSTP:
            stop_process(loop);
            break;
        case SIGCONT:
            meter_advance(loop->meter, METER_BUSY, platform_now());
            loop_restart_timeouts(loop);
            break;
        default:
            end_by_signal(loop, number);
            break;
        }
    }
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Whether an output keeps bytes waiting: in the ring, or in the input if they go past the ring. */
static bool output_is_blocked(const struct poll_loop *loop, size_t index)
{
    if (loop->outputs[index].state != OUTPUT_OPEN || !loop->flow.outputs[index].blocked)
        return false;
    return flow_sendable(&loop->flow, index) > 0 ||
           (loop->flow.passing && input_is_ready(&loop->inputs[loop->current]));
}

/* Which state a wait that begins now is (DESIGN: first match wins). Nothing can move. */
static enum meter_state waiting_state(const struct poll_loop *loop)
{
    if (loop->phase == LOOP_OPENING)
        return METER_OUTPUT;
    for (size_t i = 0; i < loop->output_count; i++)
        if (output_is_blocked(loop, i))
            return input_may_be_read(loop) ? METER_ABSORB : METER_OUTPUT;
    return METER_INPUT;
}

/* What poll() is to watch, and since when what is waited for has kept bpipe waiting. */
static void prepare_poll(struct poll_loop *loop)
{
    uint64_t now = loop->meter->now_ns;
    loop->fds[FD_SIGNALS] = (struct pollfd){.fd = loop->signals.fd, .events = POLLIN};
    loop->fds[FD_INPUT] = (struct pollfd){.fd = -1};
    bool wants_input = input_may_be_read(loop) || input_may_be_passed(loop);
    if (wants_input && !input_is_ready(&loop->inputs[loop->current])) {
        const struct endpoint *endpoint = &loop->inputs[loop->current].endpoint;
        loop->fds[FD_INPUT] = (struct pollfd){.fd = endpoint->fd, .events = POLLIN};
        if (loop->idle_since_ns == 0)
            loop->idle_since_ns = now;
    } else if (!wants_input) {
        loop->idle_since_ns = 0;
    }
    for (size_t i = 0; i < loop->output_count; i++) {
        struct loop_output *output = &loop->outputs[i];
        bool blocked = output_is_blocked(loop, i);
        bool watched = output->state == OUTPUT_OPEN && endpoint_pollable(&output->endpoint);
        loop->fds[FD_OUTPUTS + i] = (struct pollfd){.fd = watched ? output->endpoint.fd : -1,
                                                    .events = blocked ? POLLOUT : 0};
        if (!blocked)
            output->blocked_since_ns = 0;
        else if (output->blocked_since_ns == 0)
            output->blocked_since_ns = now;
    }
}

/* A wait of `ns` in `state` has ended: whom it was for. */
static void note_waits(struct poll_loop *loop, enum meter_state state, uint64_t ns)
{
    if (state == METER_INPUT && loop->phase == LOOP_RUNNING)
        meter_waited(loop->inputs[loop->current].meter, ns);
    for (size_t i = 0; i < loop->output_count; i++)
        if (loop->fds[FD_OUTPUTS + i].events != 0 || loop->outputs[i].state == OUTPUT_UNOPENED)
            meter_waited(loop->outputs[i].meter, ns);
}

/* The error that poll() saw on an output that has nothing to send: its reader has gone, or its
 * socket broke. */
static int hang_up_error(const struct endpoint *endpoint)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (endpoint->kind == ENDPOINT_SOCKET &&
        getsockopt(endpoint->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        return error;
    return EPIPE;
}

static void dispatch(struct poll_loop *loop)
{
    if (loop->fds[FD_INPUT].revents != 0)
        loop->inputs[loop->current].ready = true;
    for (size_t i = 0; i < loop->output_count; i++) {
        struct loop_output *output = &loop->outputs[i];
        const struct pollfd *fd = &loop->fds[FD_OUTPUTS + i];
        if (fd->revents == 0)
            continue;
        if (fd->events != 0)
            loop->flow.outputs[i].blocked = false; /* it takes more, or fails at the next write */
        else
            loop_output_failed(loop, output, hang_up_error(&output->endpoint));
    }
    if (loop->fds[FD_SIGNALS].revents != 0)
        handle_signals(loop);
}

/* Waits until something can move, or just looks if something did. */
static void wait_for_events(struct poll_loop *loop, bool moved)
{
    meter_advance(loop->meter, METER_BUSY, platform_now());
    prepare_poll(loop);
    enum meter_state state = moved ? METER_BUSY : waiting_state(loop);
    int64_t timeout_ns = moved ? 0 : loop_time_to_wait(loop);
    if (!moved && loop->phase == LOOP_RUNNING && ring_fill(&loop->ring) == 0)
        meter_dry(loop->meter);
    uint64_t before = loop->meter->now_ns;
    int events = platform_poll(loop->fds, (nfds_t)(FD_OUTPUTS + loop->output_count), timeout_ns);
    loop->meter->calls[METER_POLL]++;
    meter_advance(loop->meter, state, platform_now());
    loop->last_poll_ns = loop->meter->now_ns;
    if (!moved)
        note_waits(loop, state, loop->meter->now_ns - before);
    /* Timers ran on while bpipe was stopped: SIGCONT has to be seen before they are enforced. */
    if (events > 0)
        dispatch(loop);
    else if (events < 0 || !moved)
        handle_signals(loop);
    if (loop->phase != LOOP_DONE)
        loop_enforce_timeouts(loop);
}

/* --- the run ---------------------------------------------------------------------------------- */

static bool turn(struct poll_loop *loop)
{
    if (loop->phase != LOOP_OPENING)
        return move_bytes(loop);
    if (loop->meter->now_ns < loop->next_opening_ns)
        return false;
    loop_open_endpoints(loop);
    return loop->phase != LOOP_OPENING;
}

void poll_loop_run(struct poll_loop *loop)
{
    while (loop->phase != LOOP_DONE) {
        bool moved = turn(loop);
        if (is_drained(loop))
            loop->phase = LOOP_DONE;
        if (loop->phase == LOOP_DONE)
            break;
        if (!moved || loop->meter->now_ns - loop->last_poll_ns >= POLL_INTERVAL_NS)
            wait_for_events(loop, moved);
        else
            meter_advance(loop->meter, METER_BUSY, platform_now());
    }
    loop_close_endpoints(loop);
}
