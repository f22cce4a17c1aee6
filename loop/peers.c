/*
 * peers.c - see peers.h.
 */
#include "loop/peers.h"

#include "base/platform.h"
#include "process/peer.h"

#include <stdlib.h>

void loop_note_peer(const struct endpoint *endpoint, struct meter_endpoint *meter)
{
    if (endpoint->kind == ENDPOINT_SOCKET)
        (void)peer_of_socket(endpoint->fd, &meter->peer);
}

/* Whether anything is going to show the result. */
static bool has_audience(const struct poll_loop *loop)
{
    return loop->options->report_count > 0 || !loop->options->quiet;
}

/* Gets bpipe's end of input or output `index` (the outputs come after the inputs). Returns false if
 * it is not a pipe, is a command's, or is not open. */
static bool pipe_of(const struct poll_loop *loop, size_t index, struct peer_pipe *pipe,
                    struct meter_endpoint **meter)
{
    bool writes = index >= loop->inputs.count;
    size_t output = writes ? index - loop->inputs.count : 0;
    const struct endpoint *endpoint =
        writes ? &loop->outputs.all[output].endpoint : &loop->inputs.all[index].endpoint;
    *meter = writes ? loop->outputs.all[output].meter : loop->inputs.all[index].meter;
    *pipe = (struct peer_pipe){.fd = endpoint->fd, .writes = writes, .peer = &(*meter)->peer};
    return endpoint->kind == ENDPOINT_PIPE && endpoint->fd >= 0 && !(*meter)->process.is_command &&
           (!writes || loop->outputs.all[output].state == OUTPUT_OPEN);
}

/* Whether bpipe has waited for a pipe for PEER_WAIT_NS or more: then it looks for the process at
 * the other end. Before the first byte has come in it does not. */
static bool is_worth_it(const struct poll_loop *loop)
{
    struct peer_pipe pipe;
    struct meter_endpoint *meter;
    for (size_t i = 0; loop->meter->bytes_in > 0 && i < loop->inputs.count + loop->outputs.count;
         i++)
        if (pipe_of(loop, i, &pipe, &meter) && meter->wait_ns >= PEER_WAIT_NS)
            return true;
    return false;
}

/* Whether a peer is not known, or the known reader of an output has been followed by another one.
 * The producer has mostly exited by now, so its successor is not looked for. */
static bool has_unknown_peer(const struct poll_loop *loop)
{
    struct peer_pipe pipe;
    struct meter_endpoint *meter;
    for (size_t i = 0; i < loop->inputs.count + loop->outputs.count; i++)
        if (pipe_of(loop, i, &pipe, &meter) &&
            (pipe.peer->pid == 0 || (pipe.writes && !peer_is_there(&pipe))))
            return true;
    return false;
}

/* The peer of a pipe has gone. From now on waits count for its successor. If that has the same
 * process id, it is the same process with another program (exec). */
static void note_gone(struct meter_endpoint *meter)
{
    uint64_t ns = meter->wait_ns - meter->peer_from_ns;
    if (meter->longest_peer.pid == meter->peer.pid)
        ns += meter->longest_peer_ns;
    if (ns > meter->longest_peer_ns) {
        meter->longest_peer = meter->peer;
        meter->longest_peer_ns = ns;
    }
    meter->peer_from_ns = meter->wait_ns;
}

void loop_settle_peers(struct poll_loop *loop)
{
    struct peer_pipe pipe;
    struct meter_endpoint *meter;
    for (size_t i = 0; i < loop->inputs.count + loop->outputs.count; i++) {
        (void)pipe_of(loop, i, &pipe, &meter);
        if (meter->longest_peer_ns > meter->wait_ns - meter->peer_from_ns &&
            meter->longest_peer.pid != meter->peer.pid)
            meter->peer = meter->longest_peer;
    }
}

static void begin(struct poll_loop *loop)
{
    size_t count = 0, endpoints = loop->inputs.count + loop->outputs.count;
    struct peer_pipe *pipes = calloc(endpoints, sizeof *pipes);
    struct meter_endpoint *meter;
    for (size_t i = 0; i < endpoints && pipes != NULL; i++)
        if (pipe_of(loop, i, &pipes[count], &meter)) {
            bool gone = meter->peer.pid != 0 && !peer_is_there(&pipes[count]);
            if (gone)
                note_gone(meter);
            count += gone || meter->peer.pid == 0;
        }
    loop->peers.search = count > 0 ? peer_search_begin(pipes, count) : NULL;
    loop->peers.sought_ns = loop->meter->now_ns;
    loop->peers.pause_ns = loop->peers.pause_ns == 0 ? PEER_AGAIN_NS : 2 * loop->peers.pause_ns;
    free(pipes);
}

static void step(struct poll_loop *loop)
{
    if (loop->peers.search == NULL)
        return;
    bool goes_on = peer_search_step(loop->peers.search);
    loop->meter->beside_bpipe |= peer_search_saw_bpipe(loop->peers.search);
    if (goes_on)
        return;
    peer_search_end(loop->peers.search);
    loop->peers.search = NULL;
}

/* The time at which the next search may begin. */
static uint64_t next_search_ns(const struct poll_loop *loop)
{
    return loop->peers.sought_ns == 0 ? loop->meter->start_ns + PEER_DELAY_NS
                                      : loop->peers.sought_ns + loop->peers.pause_ns;
}

void loop_look_for_peers(struct poll_loop *loop)
{
    bool moving = loop->phase == LOOP_RUNNING || loop->phase == LOOP_DRAINING;
    if (loop->peers.search == NULL && moving && loop->meter->now_ns >= next_search_ns(loop) &&
        has_audience(loop) && is_worth_it(loop))
        begin(loop);
    step(loop);
}

uint64_t loop_peers_due(const struct poll_loop *loop)
{
    return loop->peers.search != NULL ? loop->meter->now_ns + PEER_STEP_NS : UINT64_MAX;
}

void loop_find_peers_now(struct poll_loop *loop)
{
    uint64_t end_ns = platform_now() + PEER_AT_ONCE_NS;
    if (loop->peers.search == NULL)
        begin(loop);
    while (loop->peers.search != NULL && platform_now() < end_ns)
        step(loop);
}

void loop_find_last_peers(struct poll_loop *loop)
{
    if (meter_elapsed(loop->meter) >= PEER_WORTHWHILE_NS && has_audience(loop) &&
        has_unknown_peer(loop))
        loop_find_peers_now(loop);
}
