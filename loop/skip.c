/*
 * skip.c - see skip.h.
 */
#include "loop/skip.h"

#include "io/input_skip.h"
#include "loop/input.h"
#include "loop/open.h"
#include "loop/state.h"

#include <errno.h>

bool loop_is_skipping(const struct poll_loop *loop)
{
    return loop->inputs.skip_left > 0 && loop->phase == LOOP_RUNNING;
}

static void note_skipped(struct poll_loop *loop, struct loop_input *input, uint64_t bytes)
{
    loop->inputs.skip_left -= bytes;
    loop->inputs.idle_since_ns = 0;
    loop->meter->bytes_skipped += bytes;
    input->skipped += bytes;
    if (loop->inputs.skip_left == 0 && loop_wants_nothing(loop))
        loop_end_input(loop);
}

bool loop_skip(struct poll_loop *loop)
{
    struct loop_input *input = &loop->inputs.all[loop->inputs.current];
    if (!loop_input_is_ready(input))
        return false;
    int64_t bytes =
        input_skip(&input->endpoint, loop->inputs.skip_left, &loop->meter->calls[CALL_READ]);
    if (bytes > 0) {
        note_skipped(loop, input, (uint64_t)bytes);
        return true;
    }
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) &&
        endpoint_pollable(&input->endpoint)) {
        input->ready = false;
        return false;
    }
    if (bytes == 0)
        loop_input_at_end(loop, loop->inputs.current);
    else
        loop_input_failed(loop, errno);
    return true;
}
