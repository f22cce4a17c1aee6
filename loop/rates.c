/*
 * rates.c - see rates.h.
 */
#include "loop/rates.h"

#include "base/message.h"
#include "base/platform.h"
#include "base/records.h"
#include "base/signal_name.h"
#include "base/size.h"
#include "loop/state.h"
#include "loop/way.h"

#include <inttypes.h>
#include <stdio.h>

static bool limits_records(const struct poll_loop *loop)
{
    return records_are_units(loop->options->records) && loop->outputs.all[0].limiter.rate > 0;
}

/* A block has to fit into the bucket. */
static uint64_t burst_for(const struct options *options)
{
    uint64_t burst = options->burst;
    return burst > 0 && burst < options->block_size ? options->block_size : burst;
}

static void fit_a_block(struct limiter *limiter, const struct options *options)
{
    if (limiter->burst < options->block_size)
        limiter->burst = options->block_size;
}

void loop_init_rates(struct poll_loop *loop)
{
    const struct options *options = loop->options;
    uint64_t now = loop->meter->now_ns;
    limiter_init(&loop->inputs.limiter, options->read_rate, options->burst, now);
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct limiter *limiter = &loop->outputs.all[i].limiter;
        uint64_t rate = loop->outputs.all[i].tap ? 0 : options->rate_limit;
        limiter_init(limiter, rate, burst_for(options), now);
        fit_a_block(limiter, options);
    }
}

void loop_set_rates(struct poll_loop *loop, uint64_t rate_limit, uint64_t read_rate)
{
    uint64_t now = loop->meter->now_ns;
    limiter_set_rate(&loop->inputs.limiter, read_rate, now);
    loop->inputs.throttled_until_ns = 0;
    for (size_t i = 0; i < loop->outputs.main_count; i++) {
        limiter_set_rate(&loop->outputs.all[i].limiter, rate_limit, now);
        fit_a_block(&loop->outputs.all[i].limiter, loop->options);
        loop->outputs.all[i].throttled_until_ns = 0;
    }
    if (loop->phase == LOOP_RUNNING && !loop->options->merge)
        loop_choose_way(loop);
}

void loop_renew_rates(struct poll_loop *loop)
{
    uint64_t now = loop->meter->now_ns;
    if (now >= loop->inputs.throttled_until_ns)
        loop->inputs.throttled_until_ns = 0;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        struct loop_output *output = &loop->outputs.all[i];
        if (now >= output->throttled_until_ns)
            output->throttled_until_ns = 0;
        loop->path.flow.outputs[i].throttled = output->throttled_until_ns != 0;
    }
}

/* Whether a producer is held up if the input is not read. A file has no producer, so it need not be
 * absorbed. */
static bool has_producer(const struct poll_loop *loop)
{
    if (loop->options->merge)
        return true;
    return loop->phase == LOOP_RUNNING &&
           !endpoint_on_disk(&loop->inputs.all[loop->inputs.current].endpoint);
}

static void throttle(struct poll_loop *loop, size_t index, uint64_t tokens)
{
    struct loop_output *output = &loop->outputs.all[index];
    output->throttled_until_ns = limiter_when(&output->limiter, tokens);
    loop->path.flow.outputs[index].throttled = true;
    loop->path.flow.absorbing |= has_producer(loop);
}

/* Returns the tokens for the records in `bytes` that have not begun to go out yet. */
static uint64_t tokens_for(const struct poll_loop *loop, const struct loop_output *output,
                           const struct span *span, size_t bytes)
{
    bool ended;
    uint64_t records = records_count_span(span, bytes, loop->options->records, &ended);
    return records + !ended - output->overrun.in_record;
}

/* Allows all of the bytes, or at least a slice of records, as for bytes: records sent one by one
 * would cost a write each. */
static size_t allow_records(struct poll_loop *loop, size_t index, size_t bytes, uint64_t tokens)
{
    struct loop_output *output = &loop->outputs.all[index];
    enum record_kind kind = loop->options->records;
    uint64_t begun = output->overrun.in_record; /* a begun record is paid for */
    uint64_t slice = limiter_slice(&output->limiter, UINT64_MAX);
    struct span span = ring_read_span(&loop->path.ring, index, bytes);
    size_t allowed = tokens + begun > 0 ? records_span(&span, kind, tokens + begun) : 0;
    if (allowed == bytes || tokens + begun >= slice)
        return allowed;
    size_t most = records_span(&span, kind, slice + begun);
    throttle(loop, index, tokens_for(loop, output, &span, most));
    return 0;
}

size_t loop_allow_output(struct poll_loop *loop, size_t index, size_t bytes)
{
    struct limiter *limiter = &loop->outputs.all[index].limiter;
    if (limiter->rate == 0 || bytes == 0)
        return bytes;
    uint64_t tokens = limiter_available(limiter, loop->meter->now_ns);
    if (limits_records(loop))
        return allow_records(loop, index, bytes, tokens);
    bool whole = loop->options->block_size > 0;
    uint64_t wanted = whole ? bytes : limiter_slice(limiter, bytes);
    if (tokens < wanted) {
        throttle(loop, index, wanted);
        return 0;
    }
    if (loop->outputs.all[index].endpoint.socket == ENDPOINT_UDP) /* cut to a datagram already */
        return bytes;
    size_t alignment = loop->path.flow.outputs[index].alignment;
    size_t allowed = tokens < bytes ? (size_t)tokens : bytes;
    return allowed < bytes && allowed > alignment ? allowed - allowed % alignment : allowed;
}

size_t loop_allow_beside(struct poll_loop *loop, size_t index, size_t bytes)
{
    return limits_records(loop) ? bytes : loop_allow_output(loop, index, bytes);
}

size_t loop_allow_input(struct poll_loop *loop, size_t bytes)
{
    struct limiter *limiter = &loop->inputs.limiter;
    if (limiter->rate == 0 || bytes == 0)
        return bytes;
    uint64_t tokens = limiter_available(limiter, loop->meter->now_ns);
    uint64_t wanted = limiter_slice(limiter, bytes);
    if (tokens < wanted) {
        loop->inputs.throttled_until_ns = limiter_when(limiter, wanted);
        return 0;
    }
    return tokens < bytes && loop->options->records != RECORD_DATAGRAM ? (size_t)tokens : bytes;
}

void loop_spend_output(struct poll_loop *loop, size_t index, const struct span *span, size_t bytes)
{
    struct loop_output *output = &loop->outputs.all[index];
    if (output->limiter.rate == 0 || bytes == 0)
        return;
    if (limits_records(loop) && span != NULL)
        limiter_take(&output->limiter, tokens_for(loop, output, span, bytes));
    else if (!limits_records(loop))
        limiter_take(&output->limiter, bytes);
}

void loop_spend_input(struct poll_loop *loop, size_t bytes)
{
    limiter_take(&loop->inputs.limiter, bytes);
}

/* Records that came in and have not gone to the first output. Those that bpipe added are in
 * records_out only. */
static uint64_t records_left(const struct meter *meter)
{
    uint64_t gone = meter->outputs[0].records_out + meter->outputs[0].records_dropped;
    return meter->records_in > gone ? meter->records_in - gone : 0;
}

void loop_tell_drain(const struct poll_loop *loop, int number)
{
    char left[SIZE_TEXT], duration[SIZE_TEXT];
    uint64_t rate = loop->outputs.all[0].limiter.rate;
    uint64_t units = limits_records(loop) ? records_left(loop->meter)
                                          : loop_held(loop) + loop->meter->spool_fill;
    if (rate == 0)
        return;
    double ns = (double)units / (double)rate * (double)NS_PER_SEC;
    if (ns < (double)DRAIN_TOLD_NS || ns >= (double)UINT64_MAX)
        return;
    if (limits_records(loop))
        snprintf(left, sizeof left, "%" PRIu64 " records", units);
    else
        size_format(left, units, false);
    message_print("%s: %s left will take %s; repeat to end now", signal_name(number), left,
                  size_format_duration(duration, (uint64_t)ns));
}

uint64_t loop_throttled_until(const struct poll_loop *loop)
{
    uint64_t until = UINT64_MAX;
    if (loop->phase == LOOP_CONFIRMING)
        return until; /* all bytes have left; nobody renews the rates */
    if (loop->inputs.throttled_until_ns != 0)
        until = loop->inputs.throttled_until_ns;
    for (size_t i = 0; i < loop->outputs.count; i++) {
        uint64_t output_until = loop->outputs.all[i].throttled_until_ns;
        if (output_until != 0 && output_until < until)
            until = output_until;
    }
    return until;
}
