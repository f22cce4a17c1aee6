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

/* bpipe's end of an input or output that is a pipe. */
struct own_pipe {
    struct peer_pipe pipe;
    struct meter_endpoint *meter;
    struct former_peers *former;
};

static size_t endpoints_of(const struct poll_loop *loop)
{
    return loop->inputs.count + loop->outputs.count;
}

/* Gets input or output `index` (the outputs come after the inputs). Returns false if it is not a
 * pipe, is a command's, or is not open. */
static bool pipe_of(const struct poll_loop *loop, size_t index, struct own_pipe *own)
{
    struct loop_input *input = &loop->inputs.all[index];
    struct loop_output *output = NULL;
    const struct endpoint *endpoint;
    if (index >= loop->inputs.count) {
        output = &loop->outputs.all[index - loop->inputs.count];
        endpoint = &output->endpoint;
        *own = (struct own_pipe){.meter = output->meter, .former = &output->former_peers};
    } else {
        endpoint = &input->endpoint;
        *own = (struct own_pipe){.meter = input->meter, .former = &input->former_peers};
    }
    own->pipe =
        (struct peer_pipe){.fd = endpoint->fd, .writes = output != NULL, .peer = &own->meter->peer};
    return endpoint->kind == ENDPOINT_PIPE && endpoint->fd >= 0 &&
           !own->meter->process.is_command && (output == NULL || output->state == OUTPUT_OPEN);
}

/* Whether bpipe has waited for a pipe for PEER_WAIT_NS or more: then it looks for the process at
 * the other end. Before the first byte has come in it does not. */
static bool is_worth_it(const struct poll_loop *loop)
{
    struct own_pipe own;
    for (size_t i = 0; loop->meter->bytes_in > 0 && i < endpoints_of(loop); i++)
        if (pipe_of(loop, i, &own) && own.meter->wait_ns >= PEER_WAIT_NS)
            return true;
    return false;
}

/* Whether a peer is not known, or the known reader of an output has been followed by another one.
 * The producer has mostly exited by now, so its successor is not looked for. */
static bool has_unknown_peer(const struct poll_loop *loop)
{
    struct own_pipe own;
    for (size_t i = 0; i < endpoints_of(loop); i++)
        if (pipe_of(loop, i, &own) &&
            (own.meter->peer.pid == 0 || (own.pipe.writes && !peer_is_there(&own.pipe))))
            return true;
    return false;
}

/* The peer of a pipe has gone. From now on waits count for its successor. If that has the same
 * process id, it is the same process with another program (exec). */
static void note_gone(const struct own_pipe *own)
{
    struct former_peers *former = own->former;
    uint64_t ns = former->seen_ns - former->until_ns;
    if (former->longest.pid == own->meter->peer.pid)
        ns += former->longest_ns;
    if (ns > former->longest_ns) {
        former->longest = own->meter->peer;
        former->longest_ns = ns;
    }
    former->until_ns = former->seen_ns;
}

void loop_settle_peers(struct poll_loop *loop)
{
    struct own_pipe own;
    for (size_t i = 0; i < endpoints_of(loop); i++) {
        (void)pipe_of(loop, i, &own);
        if (own.former->longest_ns > own.meter->wait_ns - own.former->until_ns &&
            own.former->longest.pid != own.meter->peer.pid)
            own.meter->peer = own.former->longest;
    }
}

static void begin(struct poll_loop *loop)
{
    size_t count = 0;
    struct peer_pipe *pipes = calloc(endpoints_of(loop), sizeof *pipes);
    struct own_pipe own;
    for (size_t i = 0; i < endpoints_of(loop) && pipes != NULL; i++)
        if (pipe_of(loop, i, &own)) {
            bool gone = own.meter->peer.pid != 0 && !peer_is_there(&own.pipe);
            if (gone) {
                note_gone(&own);
                own.former->gone_pid = own.meter->peer.pid;
            }
            if (gone || own.meter->peer.pid == 0)
                pipes[count++] = own.pipe;
        }
    loop->peers.search = count > 0 ? peer_search_begin(pipes, count) : NULL;
    loop->peers.sought_ns = loop->meter->now_ns;
    free(pipes);
}

/* Notes of each known peer that is still there that it was seen. Returns whether one has gone that
 * no search was begun for. */
static bool look_at_peers(struct poll_loop *loop)
{
    bool any_gone = false;
    struct own_pipe own;
    for (size_t i = 0; i < endpoints_of(loop); i++) {
        if (!pipe_of(loop, i, &own) || own.meter->peer.pid == 0)
            continue;
        if (peer_is_there(&own.pipe)) {
            own.former->seen_ns = own.meter->wait_ns;
            own.former->gone_pid = 0;
        } else {
            any_gone |= own.former->gone_pid != own.meter->peer.pid;
        }
    }
    loop->peers.checked_ns = loop->meter->now_ns;
    return any_gone;
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
    (void)look_at_peers(loop); /* the peers that were found are there now */
}

/* The time at which the next search may begin. */
static uint64_t next_search_ns(const struct poll_loop *loop)
{
    return loop->peers.sought_ns == 0 ? loop->meter->start_ns + PEER_DELAY_NS
                                      : loop->peers.sought_ns + loop->peers.pause_ns;
}

/* Whether it is time to look whether the peers that were found are still there. */
static bool check_is_due(const struct poll_loop *loop)
{
    uint64_t now = loop->meter->now_ns, run_ns = now - loop->meter->start_ns;
    uint64_t pause_ns = run_ns / PEER_CHECK_SHARE;
    if (pause_ns < PEER_CHECK_NS)
        pause_ns = PEER_CHECK_NS;
    return loop->peers.sought_ns != 0 && now - loop->peers.checked_ns >= pause_ns;
}

static void lengthen_pause(struct poll_loop *loop)
{
    uint64_t pause_ns = loop->peers.pause_ns == 0 ? PEER_AGAIN_NS : 2 * loop->peers.pause_ns;
    loop->peers.pause_ns = pause_ns < PEER_PAUSE_MAX_NS ? pause_ns : PEER_PAUSE_MAX_NS;
}

void loop_look_for_peers(struct poll_loop *loop)
{
    bool moving = loop->phase == LOOP_RUNNING || loop->phase == LOOP_DRAINING;
    if (loop->peers.search == NULL && moving && has_audience(loop)) {
        if (loop->meter->now_ns >= next_search_ns(loop) && is_worth_it(loop)) {
            begin(loop);
            lengthen_pause(loop);
        } else if (check_is_due(loop) && look_at_peers(loop)) {
            begin(loop);
        }
    }
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
