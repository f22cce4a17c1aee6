/*
 * meter.c - the arithmetic behind the reports.
 *
 * Invariants: the states sum to now_ns - start_ns, exactly; now_ns never goes back; the open window
 * contains now_ns, and the windows since the first are the running time; fill_area is the integral
 * of the fill over the running time. The caller passes in all times, and nothing here makes a
 * system call, so a test can use its own clock.
 */
#include "stats/meter.h"

#include "base/minmax.h"
#include "base/platform.h"
#include "net/address.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct meter_endpoint *new_endpoints(size_t count)
{
    size_t room = count == 0 ? 1 : count;
    struct meter_endpoint *endpoints = calloc(room, sizeof *endpoints);

    for (size_t i = 0; endpoints != NULL && i < room; i++)
        endpoints[i].name = "";
    return endpoints;
}

int meter_init(struct meter *meter, uint64_t start_ns, size_t input_count, size_t output_count,
               size_t tap_count)
{
    *meter = (struct meter){0};
    meter->start_ns = meter->now_ns = meter->window_start_ns = start_ns;
    meter->inputs = new_endpoints(input_count);
    meter->outputs = new_endpoints(output_count + tap_count);
    meter->input_count = input_count;
    meter->output_count = output_count;
    meter->tap_count = tap_count;
    if (meter->inputs != NULL && meter->outputs != NULL && residence_init(&meter->residence) == 0)
        return 0;
    free(meter->inputs);
    free(meter->outputs);
    *meter = (struct meter){0};
    errno = ENOMEM;
    return -1;
}

void meter_destroy(struct meter *meter)
{
    free(meter->inputs);
    free(meter->outputs);
    residence_destroy(&meter->residence);
    *meter = (struct meter){0};
}

/* --- time ---------------------------------------------------------------------------------- */

/* Adds `count` windows of the same rate (Chan's method of merging means and square deviations). */
static void add_windows(struct meter_windows *windows, double rate, uint64_t count)
{
    double total = (double)windows->count + (double)count;
    double share = (double)count / total;
    double delta = rate - windows->mean;

    if (windows->count == 0 || rate < windows->min)
        windows->min = rate;
    if (rate > windows->max)
        windows->max = rate;
    windows->mean += delta * share;
    windows->square_deviations += delta * delta * (double)windows->count * share;
    windows->count += count;
}

static double bytes_per_sec(uint64_t bytes, uint64_t ns)
{
    return ns == 0 ? 0 : (double)bytes * ((double)NS_PER_SEC / (double)ns);
}

/* Whether a window has ended; its bytes are last_bytes. */
static bool has_last_window(const struct meter *meter)
{
    return meter->window_start_ns > meter->start_ns + meter->state_ns[METER_CONNECT];
}

/* Closes the windows that ended at or before now_ns. The bytes belong to the first of them. */
static void close_windows(struct meter *meter)
{
    uint64_t ended = (meter->now_ns - meter->window_start_ns) / METER_WINDOW_NS;
    uint64_t bytes = meter->bytes_passed - meter->window_bytes;

    if (ended == 0)
        return;
    if (has_last_window(meter))
        add_windows(&meter->windows, bytes_per_sec(meter->last_bytes, METER_WINDOW_NS), 1);
    if (ended > 1)
        add_windows(&meter->windows, bytes_per_sec(bytes, METER_WINDOW_NS), 1);
    if (ended > 2)
        add_windows(&meter->windows, 0, ended - 2);
    meter->last_bytes = ended == 1 ? bytes : 0;
    meter->window_start_ns += ended * METER_WINDOW_NS;
    meter->window_bytes = meter->bytes_passed;
    meter->just_ended = ended < 2 ? 1 : 2;
}

/* The totals `ago_ns` before now_ns. The time since then was spent in `state`, except what is more
 * than `most_ns` of it, which was spent in METER_BUSY. */
static struct meter_mark totals_before(const struct meter *meter, uint64_t ago_ns,
                                       enum meter_state state, uint64_t most_ns)
{
    struct meter_mark mark = {.bytes = meter->bytes_passed};
    uint64_t part_ns = min_u64(ago_ns, most_ns);
    memcpy(mark.state_ns, meter->state_ns, sizeof mark.state_ns);
    mark.state_ns[state] -= part_ns;
    mark.state_ns[METER_BUSY] -= ago_ns - part_ns;
    return mark;
}

/* Marks the ends of the windows that have just ended, when the time has been added to `state`. */
static void make_marks(struct meter *meter, enum meter_state state, uint64_t most_ns)
{
    uint64_t ago_ns = meter->now_ns - meter->window_start_ns;
    if (meter->just_ended == 0)
        return;
    meter->marks[0] = meter->just_ended == 1
                          ? meter->marks[1]
                          : totals_before(meter, ago_ns + METER_WINDOW_NS, state, most_ns);
    meter->marks[1] = totals_before(meter, ago_ns, state, most_ns);
    meter->mark_count = (unsigned)min_u64(meter->mark_count + meter->just_ended, 2);
    meter->just_ended = 0;
}

/* Advances the time to `now_ns` and returns by how much. The caller adds that to a state. */
static uint64_t pass_time(struct meter *meter, uint64_t now_ns)
{
    if (now_ns <= meter->now_ns)
        return 0;
    uint64_t ns = now_ns - meter->now_ns;
    meter->fill_area += (double)meter->fill * (double)ns;
    meter->now_ns = now_ns;
    close_windows(meter);
    return ns;
}

/* Time spent connecting belongs to no window: the open one is moved. */
static void connect_time(struct meter *meter, uint64_t now_ns)
{
    if (now_ns <= meter->now_ns)
        return;
    uint64_t ns = now_ns - meter->now_ns;
    meter->state_ns[METER_CONNECT] += ns;
    meter->window_start_ns += ns;
    meter->now_ns = now_ns;
}

void meter_advance(struct meter *meter, enum meter_state state, uint64_t now_ns)
{
    if (state == METER_CONNECT)
        connect_time(meter, now_ns);
    else
        meter->state_ns[state] += pass_time(meter, now_ns);
    make_marks(meter, state, UINT64_MAX);
}

void meter_advance_file(struct meter *meter, enum meter_state side, struct meter_endpoint *endpoint,
                        uint64_t off_cpu_ns, uint64_t now_ns)
{
    uint64_t ns = pass_time(meter, now_ns);
    uint64_t waited_ns = min_u64(off_cpu_ns, ns);

    assert(side == METER_INPUT || side == METER_OUTPUT);
    meter->state_ns[side] += waited_ns;
    meter->state_ns[METER_BUSY] += ns - waited_ns;
    make_marks(meter, side, waited_ns);
    meter_waited(endpoint, waited_ns);
}

void meter_skip(struct meter *meter, uint64_t now_ns)
{
    if (now_ns <= meter->now_ns)
        return;
    uint64_t ns = now_ns - meter->now_ns;
    meter->start_ns += ns;
    meter->window_start_ns += ns;
    if (meter->first_ns != 0)
        meter->first_ns += ns;
    meter->now_ns = now_ns;
    residence_skip(&meter->residence, ns);
}

void meter_connected(struct meter_endpoint *endpoint, uint64_t ns)
{
    endpoint->connect_ns += ns;
}

void meter_waited(struct meter_endpoint *endpoint, uint64_t ns)
{
    endpoint->wait_ns += ns;
    endpoint->stall_ns += ns;
}

/* --- bytes --------------------------------------------------------------------------------- */

void meter_moved(struct meter_endpoint *endpoint, uint64_t bytes)
{
    endpoint->bytes += bytes;
    endpoint->longest_stall_ns = meter_longest_stall(endpoint);
    endpoint->stall_ns = 0;
}

void meter_arrived(struct meter *meter, uint64_t bytes, uint64_t fill)
{
    meter->bytes_in += bytes;
    meter_added(meter, bytes, fill);
}

static bool is_full(const struct meter *meter, uint64_t fill)
{
    uint64_t least = meter->least_room > 0 ? meter->least_room : 1;
    return fill + least > meter->capacity;
}

void meter_refilled(struct meter *meter, uint64_t fill)
{
    if (is_full(meter, fill) && !meter->full)
        meter->full_count++;
    meter->full |= is_full(meter, fill);
    meter->fill = fill;
    if (fill > meter->peak)
        meter->peak = fill;
    meter->ran_dry = false;
}

void meter_added(struct meter *meter, uint64_t bytes, uint64_t fill)
{
    if (bytes == 0)
        return;
    meter_refilled(meter, fill);
    residence_arrived(&meter->residence, bytes, meter->now_ns);
}

static void count_passed(struct meter *meter, uint64_t bytes)
{
    if (meter->bytes_passed == 0)
        meter->first_ns = meter->now_ns;
    meter->bytes_passed += bytes;
}

void meter_left(struct meter *meter, uint64_t bytes, uint64_t fill)
{
    if (bytes == 0)
        return;
    if (!meter->overtaking)
        count_passed(meter, bytes);
    meter->fill = fill;
    meter->full = meter->full && is_full(meter, fill);
    residence_left(&meter->residence, bytes, meter->now_ns);
}

void meter_overtaking_passed(struct meter *meter)
{
    uint64_t got = meter->overtaking ? meter_shown_output(meter)->bytes : 0;

    if (got > meter->bytes_passed)
        count_passed(meter, got - meter->bytes_passed);
}

void meter_refused(struct meter *meter, uint64_t bytes)
{
    if (bytes == 0)
        return;
    meter->bytes_in += bytes;
    meter->ran_dry = false;
}

void meter_dropped_oldest(struct meter *meter, uint64_t bytes, uint64_t fill)
{
    meter->fill = fill;
    residence_drop_oldest(&meter->residence, bytes);
}

void meter_dropped_newest(struct meter *meter, uint64_t bytes, uint64_t fill)
{
    meter->fill = fill;
    residence_drop_newest(&meter->residence, bytes);
}

void meter_spooled(struct meter *meter, uint64_t written, uint64_t fill)
{
    meter->spool_bytes += written;
    meter->spool_fill = fill;
    if (fill > meter->spool_peak)
        meter->spool_peak = fill;
}

void meter_passed(struct meter *meter, uint64_t bytes)
{
    meter->bytes_in += bytes;
    count_passed(meter, bytes);
    meter->zero_copy_bytes += bytes;
    meter->ran_dry = false;
}

/* The newest bytes are taken back first: those of the open window, then those of the last one. */
static void take_back_passed(struct meter *meter, uint64_t bytes)
{
    uint64_t of_open = min_u64(bytes, meter->bytes_passed - meter->window_bytes);

    meter->bytes_passed -= bytes;
    meter->window_bytes -= bytes - of_open;
    meter->last_bytes -= min_u64(bytes - of_open, meter->last_bytes);
    meter->zero_copy_bytes = min_u64(meter->zero_copy_bytes, meter->bytes_passed);
}

void meter_unread(struct meter *meter, struct meter_endpoint *output, uint64_t bytes,
                  uint64_t records)
{
    output->bytes -= bytes;
    output->records_out -= records;
    uint64_t passed = meter_shown_output(meter)->bytes;
    if (passed < meter->bytes_passed)
        take_back_passed(meter, meter->bytes_passed - passed);
}

void meter_dry(struct meter *meter)
{
    if (!meter->ran_dry)
        meter->empty_count++;
    meter->ran_dry = true;
}

/* --- reading ------------------------------------------------------------------------------- */

uint64_t meter_elapsed(const struct meter *meter)
{
    return meter->now_ns - meter->start_ns;
}

uint64_t meter_running(const struct meter *meter)
{
    return meter_elapsed(meter) - meter->state_ns[METER_CONNECT];
}

uint64_t meter_running_of(const uint64_t state_ns[METER_STATES])
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < METER_STATES; i++)
        sum += i == METER_CONNECT ? 0 : state_ns[i];
    return sum;
}

void meter_percents(const uint64_t state_ns[METER_STATES], unsigned percents[METER_STATES])
{
    /* Of equal remainders the first gets the missing percent. */
    static const enum meter_state order[] = {METER_INPUT, METER_OUTPUT, METER_ABSORB,
                                             METER_THROTTLE, METER_BUSY};
    enum { SHARES = sizeof order / sizeof order[0] };
    uint64_t rest[METER_STATES] = {0}, sum = 0;
    unsigned shift = 0, missing = 100; /* a shift only for runs of years: a hundredfold must fit */

    memset(percents, 0, METER_STATES * sizeof percents[0]);
    while (meter_running_of(state_ns) >> shift > UINT64_MAX / 100)
        shift++;
    for (unsigned i = 0; i < SHARES; i++)
        sum += state_ns[order[i]] >> shift;
    if (sum == 0)
        return;
    for (unsigned i = 0; i < SHARES; i++) {
        const uint64_t hundredfold = (state_ns[order[i]] >> shift) * 100;
        percents[order[i]] = (unsigned)(hundredfold / sum);
        rest[order[i]] = hundredfold % sum;
        missing -= percents[order[i]];
    }
    for (; missing > 0; missing--) {
        unsigned largest = order[0];
        for (unsigned i = 1; i < SHARES; i++)
            if (rest[order[i]] > rest[largest])
                largest = order[i];
        percents[largest]++;
        rest[largest] = 0;
    }
}

const struct meter_mark *meter_recently(const struct meter *meter)
{
    return meter->mark_count == 2 ? &meter->marks[0] : NULL;
}

struct meter_rate meter_rate(const struct meter *meter)
{
    struct meter_windows windows = meter->windows;
    uint64_t ns = meter->now_ns - meter->window_start_ns;
    uint64_t bytes = meter->bytes_passed - meter->window_bytes;
    double mean = bytes_per_sec(meter->bytes_passed, meter_running(meter));

    if (!has_last_window(meter))
        return (struct meter_rate){.mean = mean, .current = mean, .min = mean, .max = mean};
    double current = bytes_per_sec(meter->last_bytes + bytes, METER_WINDOW_NS + ns);
    add_windows(&windows, current, 1);
    return (struct meter_rate){
        .mean = mean,
        .current = current,
        .min = windows.min,
        .max = windows.max,
        .stddev = sqrt(windows.square_deviations / (double)windows.count),
        .windows = windows.count,
    };
}

double meter_mean_fill(const struct meter *meter)
{
    uint64_t running_ns = meter_running(meter);

    return running_ns == 0 ? 0 : meter->fill_area / (double)running_ns;
}

uint64_t meter_longest_stall(const struct meter_endpoint *endpoint)
{
    return endpoint->stall_ns > endpoint->longest_stall_ns ? endpoint->stall_ns
                                                           : endpoint->longest_stall_ns;
}

static const struct meter_endpoint *longest_waited_for(const struct meter_endpoint *endpoints,
                                                       size_t count)
{
    const struct meter_endpoint *longest = endpoints;

    for (size_t i = 1; i < count; i++)
        if (endpoints[i].wait_ns > longest->wait_ns)
            longest = &endpoints[i];
    return longest;
}

bool meter_awaits_peer(const struct meter *meter)
{
    if (meter->began || meter->connecting == NULL)
        return false;
    enum address_kind kind = address_kind_of(meter->connecting->name);
    return kind == ADDRESS_NONE || address_listens(kind);
}

enum meter_state meter_verdict_state(enum meter_verdict verdict)
{
    static const enum meter_state states[METER_VERDICT_BALANCED] = {
        [METER_VERDICT_INPUT] = METER_INPUT,
        [METER_VERDICT_OUTPUT] = METER_OUTPUT,
        [METER_VERDICT_THROTTLE] = METER_THROTTLE,
        [METER_VERDICT_BUSY] = METER_BUSY,
    };
    return states[verdict];
}

enum meter_verdict meter_verdict_of(const uint64_t state_ns[METER_STATES])
{
    unsigned verdict = 0;
    uint64_t outside_absorb = 0, largest = 0;

    for (unsigned i = 0; i < METER_VERDICT_BALANCED; i++) {
        uint64_t ns = state_ns[meter_verdict_state((enum meter_verdict)i)];
        outside_absorb += ns;
        if (ns > largest) {
            largest = ns;
            verdict = i;
        }
    }
    if (largest == 0 || largest < outside_absorb - largest)
        verdict = METER_VERDICT_BALANCED;
    return (enum meter_verdict)verdict;
}

const struct meter_endpoint *meter_side(const struct meter *meter, enum meter_verdict verdict)
{
    if (verdict == METER_VERDICT_INPUT)
        return longest_waited_for(meter->inputs, meter->input_count);
    if (verdict == METER_VERDICT_OUTPUT)
        return longest_waited_for(meter->outputs, meter->output_count);
    return NULL;
}

bool meter_is_judged(const struct meter *meter)
{
    const uint64_t *state_ns = meter->state_ns;

    if (meter->ended && (meter->failed || meter->bytes_in == 0))
        return false;
    return state_ns[METER_INPUT] + state_ns[METER_OUTPUT] + state_ns[METER_THROTTLE] >=
               METER_JUDGED_NS ||
           state_ns[METER_BUSY] >= METER_BUSY_JUDGED_NS;
}

enum meter_verdict meter_verdict(const struct meter *meter, const struct meter_endpoint **endpoint)
{
    enum meter_verdict verdict =
        meter_is_judged(meter) ? meter_verdict_of(meter->state_ns) : METER_VERDICT_NONE;
    *endpoint = meter_side(meter, verdict);
    return verdict;
}

const char *meter_peer_name(const struct meter_endpoint *endpoint)
{
    const struct meter_peer *peer = &endpoint->peer;
    const char *name = peer->command[0] != '\0' ? peer->command : peer->address;
    return name[0] != '\0' ? name : NULL;
}

const char *meter_verdict_name(enum meter_verdict verdict)
{
    static const char *const names[] = {
        [METER_VERDICT_INPUT] = "input",       [METER_VERDICT_OUTPUT] = "output",
        [METER_VERDICT_THROTTLE] = "throttle", [METER_VERDICT_BUSY] = "busy",
        [METER_VERDICT_BALANCED] = "balanced", [METER_VERDICT_NONE] = NULL,
    };
    return names[verdict];
}

const char *meter_state_name(enum meter_state state)
{
    static const char *const names[METER_STATES] = {
        [METER_BUSY] = "busy",     [METER_THROTTLE] = "throttle", [METER_INPUT] = "input",
        [METER_OUTPUT] = "output", [METER_ABSORB] = "absorb",     [METER_CONNECT] = "connect",
    };
    return names[state];
}

/* Whether the output is a command that has read enough. */
static bool had_enough(const struct meter_endpoint *output)
{
    return output->left_early && output->error[0] == '\0';
}

const struct meter_endpoint *meter_worst_output(const struct meter *meter)
{
    const struct meter_endpoint *worst = meter->outputs;

    for (size_t i = 1; i < meter->output_count; i++)
        if (meter->outputs[i].bytes_dropped > worst->bytes_dropped)
            worst = &meter->outputs[i];
    return worst;
}

const struct meter_endpoint *meter_least_output(const struct meter *meter)
{
    const struct meter_endpoint *least = meter->outputs;

    for (size_t i = 1; i < meter->output_count; i++) {
        const struct meter_endpoint *output = &meter->outputs[i];
        bool less = output->bytes < least->bytes;
        if (had_enough(least) == had_enough(output) ? less : had_enough(least))
            least = output;
    }
    return least;
}

const struct meter_endpoint *meter_shown_output(const struct meter *meter)
{
    const struct meter_endpoint *shown = meter->outputs;

    for (size_t i = 1; i < meter->output_count; i++) {
        const struct meter_endpoint *output = &meter->outputs[i];
        bool more = output->bytes > shown->bytes, less = output->bytes < shown->bytes;
        if (meter->overtaking || (shown->left_early && output->left_early))
            shown = more ? output : shown;
        else if (shown->left_early || (less && !output->left_early))
            shown = output;
    }
    return shown;
}
