/*
 * test_meter.c - the meter against a model that keeps everything and adds it up only at the end.
 *
 * Random schedules, then what a table shows better than chance: verdicts, windows, edge cases.
 */
#include "stats/meter.h"
#include "tests/tap.h"

#include <math.h>

enum { ENDPOINTS = 3, TAPS = 2, STEPS = 400, WINDOWS_MOST = 1 << 12, CAPACITY = 1000 };

struct model_endpoint {
    uint64_t bytes, connect_ns, wait_ns, stall_ns, longest_ns;
};

/* The same run, kept naively. */
struct model {
    uint64_t start_ns, now_ns;
    uint64_t state_ns[METER_STATES];
    uint64_t window_bytes[WINDOWS_MOST]; /* by the moment at which they were counted */
    uint64_t bytes_in, bytes_passed, fill, peak, full_count, empty_count;
    uint64_t fill_area; /* exact: the schedules are small enough */
    bool dry, full;     /* full since an output last made room */
    uint64_t spool_fill, spool_peak, spool_bytes;
    struct model_endpoint inputs[ENDPOINTS], outputs[ENDPOINTS + TAPS];
};

static bool close_to(double value, double expected, double scale)
{
    return fabs(value - expected) <= 1e-9 * scale + 1e-9;
}

/* --- random schedules ------------------------------------------------------------------------ */

static uint64_t running(const struct model *model)
{
    return model->now_ns - model->start_ns - model->state_ns[METER_CONNECT];
}

/* Mostly short steps; at times many windows, exactly to a window's end, no time, or back. */
static uint64_t next_time(const struct model *model, uint64_t *random)
{
    uint64_t open_ns = running(model) % METER_WINDOW_NS;

    switch (tap_below(random, 12)) {
    case 0:
        return model->now_ns;
    case 1:
        return model->now_ns - tap_below(random, model->now_ns - model->start_ns + 1);
    case 2:
        return model->now_ns + METER_WINDOW_NS - open_ns;
    case 3:
        return model->now_ns + METER_WINDOW_NS - open_ns - 1;
    case 4:
        return model->now_ns + tap_below(random, 5) * METER_WINDOW_NS;
    case 5:
        return model->now_ns + METER_WINDOW_NS / 2 - open_ns % (METER_WINDOW_NS / 2);
    default:
        return model->now_ns + tap_magnitude(random, 28);
    }
}

static void model_time(struct model *model, uint64_t now_ns, enum meter_state state,
                       uint64_t off_cpu_ns)
{
    if (now_ns <= model->now_ns)
        return;
    uint64_t ns = now_ns - model->now_ns;
    model->state_ns[state] += off_cpu_ns;
    model->state_ns[METER_BUSY] += ns - off_cpu_ns;
    if (state != METER_CONNECT)
        model->fill_area += model->fill * ns;
    model->now_ns = now_ns;
}

static void model_wait(struct model_endpoint *endpoint, uint64_t ns)
{
    endpoint->wait_ns += ns;
    endpoint->stall_ns += ns;
    if (endpoint->stall_ns > endpoint->longest_ns)
        endpoint->longest_ns = endpoint->stall_ns;
}

static void step_time(struct meter *meter, struct model *model, uint64_t *random)
{
    uint64_t now_ns = next_time(model, random);
    uint64_t ns = now_ns > model->now_ns ? now_ns - model->now_ns : 0;

    if (tap_below(random, 3) > 0) {
        enum meter_state state = (enum meter_state)tap_below(random, METER_STATES);
        model_time(model, now_ns, state, ns);
        meter_advance(meter, state, now_ns);
        return;
    }
    bool reads = tap_below(random, 2) == 0;
    size_t i = tap_below(random, reads ? ENDPOINTS : ENDPOINTS + TAPS);
    struct model_endpoint *endpoint = reads ? &model->inputs[i] : &model->outputs[i];
    uint64_t claimed_ns = tap_magnitude(random, 31); /* at times more than there was */
    uint64_t off_cpu_ns = claimed_ns < ns ? claimed_ns : ns;
    model_wait(endpoint, off_cpu_ns);
    model_time(model, now_ns, reads ? METER_INPUT : METER_OUTPUT, off_cpu_ns);
    meter_advance_file(meter, reads ? METER_INPUT : METER_OUTPUT,
                       reads ? &meter->inputs[i] : &meter->outputs[i], claimed_ns, now_ns);
}

static void step_endpoint(struct meter *meter, struct model *model, uint64_t *random)
{
    bool reads = tap_below(random, 2) == 0;
    size_t i = tap_below(random, reads ? ENDPOINTS : ENDPOINTS + TAPS);
    struct model_endpoint *endpoint = reads ? &model->inputs[i] : &model->outputs[i];
    struct meter_endpoint *metered = reads ? &meter->inputs[i] : &meter->outputs[i];
    uint64_t amount = tap_magnitude(random, 30);

    if (tap_below(random, 3) > 0) {
        model_wait(endpoint, amount);
        meter_waited(metered, amount);
    } else if (tap_below(random, 3) == 0) {
        endpoint->connect_ns += amount;
        meter_connected(metered, amount);
    } else {
        endpoint->bytes += amount;
        endpoint->stall_ns = 0;
        meter_moved(metered, amount);
    }
}

static void model_entered(struct model *model, uint64_t bytes)
{
    if (bytes == 0)
        return;
    model->dry = false;
    model->fill += bytes;
    model->full_count += !model->full && model->fill == CAPACITY;
    model->full |= model->fill == CAPACITY;
    if (model->fill > model->peak)
        model->peak = model->fill;
}

static void step_into_buffer(struct meter *meter, struct model *model, uint64_t *random)
{
    uint64_t bytes = tap_below(random, CAPACITY - model->fill + 1);

    model_entered(model, bytes);
    if (tap_below(random, 3) == 0) {
        meter_added(meter, bytes, model->fill);
    } else {
        model->bytes_in += bytes;
        meter_arrived(meter, bytes, model->fill);
    }
}

static void step_out_of_buffer(struct meter *meter, struct model *model, uint64_t *random)
{
    size_t window = running(model) / METER_WINDOW_NS;
    uint64_t bytes = tap_below(random, 2) == 0 ? model->fill : tap_below(random, model->fill + 1);

    model->fill -= bytes;
    switch (tap_below(random, 4)) {
    case 0:
        meter_dropped_oldest(meter, bytes, model->fill);
        break;
    case 1:
        meter_dropped_newest(meter, bytes, model->fill);
        break;
    default:
        model->bytes_passed += bytes;
        model->window_bytes[window] += bytes;
        model->full &= bytes == 0 || model->fill == CAPACITY;
        meter_left(meter, bytes, model->fill);
    }
}

static void step_spool(struct meter *meter, struct model *model, uint64_t *random)
{
    uint64_t written = tap_magnitude(random, 20);

    model->spool_bytes += written;
    model->spool_fill = tap_below(random, model->spool_fill + written + 1);
    if (model->spool_fill > model->spool_peak)
        model->spool_peak = model->spool_fill;
    meter_spooled(meter, written, model->spool_fill);
}

static void step_bytes(struct meter *meter, struct model *model, uint64_t *random)
{
    uint64_t bytes;

    switch (tap_below(random, 8)) {
    case 0:
    case 1:
        step_into_buffer(meter, model, random);
        break;
    case 2:
    case 3:
        step_out_of_buffer(meter, model, random);
        break;
    case 4:
        bytes = 1 + tap_below(random, CAPACITY);
        model->bytes_in += bytes;
        model->dry = false;
        meter_refused(meter, bytes);
        break;
    case 5:
        step_spool(meter, model, random);
        break;
    default:
        if (model->fill > 0)
            break;
        model->empty_count += !model->dry;
        model->dry = true;
        meter_dry(meter);
    }
}

/* The windows' rates by their definition; how many. */
static size_t model_rates(const struct model *model, double rates[WINDOWS_MOST])
{
    uint64_t running_ns = running(model);
    uint64_t open_ns = running_ns % METER_WINDOW_NS;
    size_t whole = running_ns / METER_WINDOW_NS;
    for (size_t i = 0; i < whole; i++)
        rates[i] = (double)model->window_bytes[i];
    if (whole > 0)
        rates[whole - 1] =
            (rates[whole - 1] + (double)model->window_bytes[whole]) * 1e9 / (1e9 + (double)open_ns);
    return whole;
}

static bool rate_agrees(const struct meter *meter, const struct model *model)
{
    static double rates[WINDOWS_MOST];
    uint64_t running_ns = running(model);
    size_t count = model_rates(model, rates);
    struct meter_rate rate = meter_rate(meter);
    double mean = running_ns == 0 ? 0 : (double)model->bytes_passed * 1e9 / (double)running_ns;
    double min = INFINITY, max = 0, sum = 0, squares = 0;

    if (rate.windows != count || !close_to(rate.mean, mean, mean))
        return false;
    if (count == 0)
        return rate.min == rate.mean && rate.max == rate.mean && rate.current == rate.mean &&
               rate.stddev == 0;
    for (size_t i = 0; i < count; i++) {
        min = fmin(min, rates[i]);
        max = fmax(max, rates[i]);
        sum += rates[i];
    }
    for (size_t i = 0; i < count; i++)
        squares += pow(rates[i] - sum / (double)count, 2);
    return close_to(rate.min, min, max) && close_to(rate.max, max, max) &&
           close_to(rate.current, rates[count - 1], max) && min <= mean * (1 + 1e-9) &&
           mean <= max * (1 + 1e-9) && close_to(rate.stddev, sqrt(squares / (double)count), max);
}

static bool endpoints_agree(const struct meter_endpoint *metered,
                            const struct model_endpoint *model, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (metered[i].bytes != model[i].bytes || metered[i].connect_ns != model[i].connect_ns ||
            metered[i].wait_ns != model[i].wait_ns || metered[i].stall_ns != model[i].stall_ns ||
            meter_longest_stall(&metered[i]) != model[i].longest_ns)
            return false;
    return true;
}

/* What stats/residence.c believes to be in the buffer. */
static uint64_t bytes_held(const struct meter *meter)
{
    const struct residence *residence = &meter->residence;
    uint64_t bytes = 0;

    for (size_t i = 0; i < residence->count; i++)
        bytes += residence->marks[(residence->first + i) % RESIDENCE_MARKS].bytes;
    return bytes;
}

/* What is wrong, or NULL. */
static const char *compare(const struct meter *meter, const struct model *model)
{
    uint64_t sum = 0;
    double ran = (double)running(model);

    for (unsigned i = 0; i < METER_STATES; i++) {
        sum += meter->state_ns[i];
        if (meter->state_ns[i] != model->state_ns[i])
            return meter_state_name((enum meter_state)i);
    }
    if (sum != meter_elapsed(meter) || meter->now_ns != model->now_ns)
        return "the states do not sum to the elapsed time";
    if (meter_running(meter) != running(model) ||
        meter_running_of(meter->state_ns) != running(model))
        return "the running time";
    if (meter->fill_area != (double)model->fill_area)
        return "the fill's integral";
    if (!close_to(meter_mean_fill(meter), ran > 0 ? (double)model->fill_area / ran : 0, CAPACITY))
        return "the mean fill";
    if (meter->fill != model->fill || meter->peak != model->peak ||
        meter->bytes_in != model->bytes_in || meter->bytes_passed != model->bytes_passed)
        return "bytes";
    if (meter->full_count != model->full_count || meter->empty_count != model->empty_count)
        return "full or empty count";
    if (meter->spool_fill != model->spool_fill || meter->spool_peak != model->spool_peak ||
        meter->spool_bytes != model->spool_bytes)
        return "the spool";
    if (meter->residence.bytes != model->bytes_passed || bytes_held(meter) != model->fill)
        return "residence";
    if (!rate_agrees(meter, model))
        return "rates";
    if (!endpoints_agree(meter->inputs, model->inputs, ENDPOINTS) ||
        !endpoints_agree(meter->outputs, model->outputs, ENDPOINTS + TAPS))
        return "endpoints";
    return NULL;
}

static const char *random_run(uint64_t *random)
{
    static struct model model;
    struct meter meter;
    const char *wrong = NULL;

    model = (struct model){.start_ns = tap_magnitude(random, 60)};
    model.now_ns = model.start_ns;
    if (meter_init(&meter, model.start_ns, ENDPOINTS, ENDPOINTS, TAPS) != 0)
        return "meter_init";
    meter.capacity = CAPACITY;
    for (unsigned i = 0; i < STEPS && wrong == NULL; i++) {
        uint64_t kind = tap_below(random, 3);
        if (kind == 0)
            step_time(&meter, &model, random);
        else if (kind == 1)
            step_endpoint(&meter, &model, random);
        else
            step_bytes(&meter, &model, random);
        if (tap_below(random, 8) == 0)
            wrong = compare(&meter, &model);
    }
    wrong = wrong == NULL ? compare(&meter, &model) : wrong;
    meter_destroy(&meter);
    return wrong;
}

static void test_random(uint64_t *random)
{
    const char *wrong = NULL;
    unsigned rounds = tap_rounds(500), i;

    for (i = 0; i < rounds && wrong == NULL; i++)
        wrong = random_run(random);
    tap_ok(wrong == NULL, "%u random runs of %d steps agree with the model%s%s", i, STEPS,
           wrong == NULL ? "" : ": ", wrong == NULL ? "" : wrong);
}

/* --- windows --------------------------------------------------------------------------------- */

static struct meter new_meter(void)
{
    struct meter meter;

    if (meter_init(&meter, 5, 2, 2, 1) != 0)
        abort();
    meter.capacity = CAPACITY;
    return meter;
}

static void pass(struct meter *meter, uint64_t bytes)
{
    meter_arrived(meter, bytes, bytes);
    meter_left(meter, bytes, 0);
}

static void test_windows(void)
{
    struct meter meter = new_meter();
    struct meter_rate rate = meter_rate(&meter);

    tap_ok(rate.mean == 0 && rate.min == 0 && rate.max == 0 && rate.current == 0 &&
               rate.stddev == 0 && rate.windows == 0 && meter_mean_fill(&meter) == 0,
           "no time has passed: all rates are 0");
    pass(&meter, 700);
    rate = meter_rate(&meter);
    tap_ok(rate.mean == 0 && rate.max == 0, "bytes in no time: still no rate");

    meter_advance(&meter, METER_INPUT, 5 + NS_PER_SEC - 1);
    rate = meter_rate(&meter);
    tap_ok(rate.windows == 0 && rate.min == rate.mean && rate.max == rate.mean &&
               rate.current == rate.mean && rate.mean > 700,
           "less than a window: min and max are the mean");
    meter_advance(&meter, METER_INPUT, 5 + NS_PER_SEC);
    rate = meter_rate(&meter);
    tap_ok(rate.windows == 1 && rate.max == 700 && rate.current == 700, "a whole one counts");

    meter_advance(&meter, METER_INPUT, 5 + 100 * NS_PER_SEC);
    rate = meter_rate(&meter);
    tap_ok(rate.windows == 100 && rate.max == 700 && rate.min == 0 && rate.current == 0 &&
               close_to(rate.stddev, sqrt(49.0 * 99), 1),
           "a hundred windows closed at once: the bytes are the first one's");
    pass(&meter, 900);
    meter_advance(&meter, METER_BUSY, 5 + 101 * NS_PER_SEC);
    rate = meter_rate(&meter);
    tap_ok(rate.max == 900 && rate.current == 900 && rate.windows == 101,
           "bytes counted at the very start of a window are its own");
    pass(&meter, 300);
    meter_advance(&meter, METER_BUSY, 5 + 101 * NS_PER_SEC + NS_PER_SEC / 5);
    rate = meter_rate(&meter);
    tap_ok(close_to(rate.current, 1000, 1) && close_to(rate.max, 1000, 1) && rate.windows == 101,
           "a short rest is added to the window before");
    meter_advance(&meter, METER_BUSY, 5 + 102 * NS_PER_SEC - NS_PER_SEC / 4);
    rate = meter_rate(&meter);
    tap_ok(close_to(rate.current, 1200 / 1.75, 1) && rate.max == 700 && rate.windows == 101,
           "and so is a long one: it is not scaled up to a second");
    meter_advance(&meter, METER_BUSY, 5 + 102 * NS_PER_SEC);
    rate = meter_rate(&meter);
    tap_ok(rate.current == 300 && rate.max == 900 && rate.windows == 102,
           "and is a window of its own when it has become long enough");
    meter_destroy(&meter);
}

static void test_recently(void)
{
    struct meter meter = new_meter();
    const struct meter_mark *mark;

    meter_advance(&meter, METER_INPUT, 5 + 3 * NS_PER_SEC / 2);
    pass(&meter, 700);
    meter_advance(&meter, METER_INPUT, 5 + 19 * NS_PER_SEC / 10);
    tap_ok(meter_recently(&meter) == NULL, "one window has ended: no mark");
    meter_advance_file(&meter, METER_OUTPUT, &meter.outputs[0], NS_PER_SEC / 2,
                       5 + 28 * NS_PER_SEC / 10);
    mark = meter_recently(&meter);
    tap_ok(mark != NULL && mark->bytes == 0 && mark->state_ns[METER_INPUT] == NS_PER_SEC &&
               meter_running_of(mark->state_ns) == NS_PER_SEC,
           "two have ended: the totals at the end of the first");
    meter_advance(&meter, METER_BUSY, 5 + 29 * NS_PER_SEC / 10);
    tap_ok(meter_recently(&meter)->bytes == 0, "within a window it stays");
    meter_advance(&meter, METER_BUSY, 5 + 3 * NS_PER_SEC);
    mark = meter_recently(&meter);
    tap_ok(mark->bytes == 700 && meter_running_of(mark->state_ns) == 2 * NS_PER_SEC &&
               mark->state_ns[METER_INPUT] == 19 * NS_PER_SEC / 10 &&
               mark->state_ns[METER_OUTPUT] == 0 && mark->state_ns[METER_BUSY] == NS_PER_SEC / 10,
           "of a call on a file, the wait is taken to be the last part");
    pass(&meter, 900);
    meter_advance(&meter, METER_OUTPUT, 5 + 99 * NS_PER_SEC + 1);
    mark = meter_recently(&meter);
    tap_ok(mark->bytes == 1600 && meter_running_of(mark->state_ns) == 98 * NS_PER_SEC &&
               mark->state_ns[METER_OUTPUT] == 95 * NS_PER_SEC + NS_PER_SEC / 2,
           "a long wait: the mark is within it");
    meter_skip(&meter, 5 + 999 * NS_PER_SEC);
    tap_ok(meter_running_of(mark->state_ns) == 98 * NS_PER_SEC,
           "time for which the process was stopped makes no mark");
    meter_destroy(&meter);
}

/* The time before anything can move. */
static void test_connecting(void)
{
    struct meter meter = new_meter();
    struct meter_rate rate;

    meter_advance(&meter, METER_BUSY, 5 + NS_PER_SEC / 10);
    meter_advance(&meter, METER_CONNECT, 5 + 10 * NS_PER_SEC);
    meter_connected(&meter.outputs[0], 99 * NS_PER_SEC / 10);
    rate = meter_rate(&meter);
    tap_ok(rate.windows == 0 && meter_elapsed(&meter) == 10 * NS_PER_SEC &&
               meter_running(&meter) == NS_PER_SEC / 10,
           "connecting takes time, and is in no window");
    tap_ok(meter_longest_stall(&meter.outputs[0]) == 0 && meter.outputs[0].wait_ns == 0,
           "an output that is being connected is not stalled");
    meter_advance(&meter, METER_CONNECT, 5);
    tap_ok(meter_elapsed(&meter) == 10 * NS_PER_SEC, "connecting does not go back in time, either");

    meter_arrived(&meter, 100, 100);
    meter_advance(&meter, METER_OUTPUT, 5 + 12 * NS_PER_SEC - NS_PER_SEC / 10);
    meter_left(&meter, 100, 0);
    rate = meter_rate(&meter);
    tap_ok(rate.mean == 50 && rate.windows == 2 && rate.min == 0, "the rate is that since then");
    tap_ok(close_to(meter_mean_fill(&meter), 95, 100), "and so is the mean fill");
    meter_skip(&meter, 5 + 20 * NS_PER_SEC);
    tap_ok(meter_running(&meter) == 2 * NS_PER_SEC && meter_rate(&meter).mean == 50,
           "time for which the process was stopped is in neither");
    meter_destroy(&meter);
}

/* A long, fast and perfectly even run: sums of squares would have cancelled to nonsense. */
static void test_even_rate(void)
{
    struct meter meter = new_meter();
    struct meter_rate rate;

    meter.capacity = UINT64_MAX;
    for (uint64_t second = 1; second <= 100000; second++) {
        pass(&meter, UINT64_C(12345678901));
        meter_advance(&meter, METER_BUSY, 5 + second * NS_PER_SEC);
    }
    rate = meter_rate(&meter);
    tap_ok(rate.stddev == 0 && rate.min == rate.max && close_to(rate.mean, rate.max, rate.max),
           "a day of an even 12 GB/s has no deviation");
    meter_destroy(&meter);
}

/* --- verdicts -------------------------------------------------------------------------------- */

/* In seconds, except where that would overflow. */
static const struct {
    uint64_t input, output, throttle, busy, absorb;
    const char *verdict, *endpoint;
} verdicts[] = {
    {0, 0, 0, 0, 0, NULL, NULL},
    {0, 0, 0, 0, 9, NULL, NULL},
    {1, 0, 0, 0, 1000, "input", "in-1"},
    {0, 1, 0, 0, 0, "output", "out-1"},
    {0, 0, 1, 0, 0, "throttle", NULL},
    {0, 0, 0, 1, 0, "busy", NULL},
    {50, 20, 20, 10, 0, "input", "in-1"},
    {49, 20, 21, 10, 0, "balanced", NULL},
    {20, 50, 20, 10, 1000, "output", "out-1"},
    {20, 20, 50, 10, 7, "throttle", NULL},
    {10, 20, 20, 50, 7, "busy", NULL},
    {25, 25, 25, 25, 7, "balanced", NULL},
    {50, 50, 0, 0, 0, "input", "in-1"},
    {0, 50, 0, 50, 0, "output", "out-1"},
    {UINT64_MAX / 4, UINT64_MAX / 2, 0, 0, 0, "output", "out-1"},
};

static uint64_t seconds(uint64_t count)
{
    return count <= 1000 ? count * NS_PER_SEC : count;
}

static bool same_text(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static void test_verdicts(void)
{
    unsigned wrong = 0;
    struct meter meter = new_meter();

    meter.inputs[0].name = "in-0", meter.inputs[1].name = "in-1";
    meter.outputs[0].name = "out-0", meter.outputs[1].name = "out-1";
    meter_waited(&meter.inputs[1], 2);
    meter_waited(&meter.outputs[0], 4);
    meter_waited(&meter.outputs[1], 5);
    meter_waited(&meter.outputs[2], 6); /* a tap, which limits nothing */
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        const struct meter_endpoint *endpoint = meter.inputs;
        meter.state_ns[METER_INPUT] = seconds(verdicts[i].input);
        meter.state_ns[METER_OUTPUT] = seconds(verdicts[i].output);
        meter.state_ns[METER_THROTTLE] = seconds(verdicts[i].throttle);
        meter.state_ns[METER_BUSY] = seconds(verdicts[i].busy);
        meter.state_ns[METER_ABSORB] = seconds(verdicts[i].absorb);
        meter.state_ns[METER_CONNECT] = seconds(1000);
        const char *name = meter_verdict_name(meter_verdict(&meter, &endpoint));
        bool right = same_text(name, verdicts[i].verdict) &&
                     same_text(endpoint == NULL ? NULL : endpoint->name, verdicts[i].endpoint);
        if (!right)
            tap_note("row %zu: %s", i, name == NULL ? "none" : name);
        wrong += !right;
    }
    tap_ok(wrong == 0, "the table of verdicts");

    meter.outputs[0].wait_ns = meter.outputs[1].wait_ns = 0;
    const struct meter_endpoint *endpoint;
    meter.state_ns[METER_OUTPUT] = UINT64_MAX / 2;
    meter_verdict(&meter, &endpoint);
    tap_ok(endpoint == &meter.outputs[0], "outputs that were never waited for: the first is named");
    meter_destroy(&meter);
}

#define MS UINT64_C(1000000)
#define US UINT64_C(1000)

/* The times from which on a run has a verdict. */
static const struct {
    uint64_t input, output, throttle, busy, absorb, bytes;
    bool ended, failed;
    const char *verdict;
} judged[] = {
    {100 * MS - 1, 0, 0, 0, 0, 1, true, false, NULL},
    {100 * MS, 0, 0, 0, 0, 1, true, false, "input"},
    {0, 100 * MS, 0, 0, 0, 1, true, false, "output"},
    {0, 0, 100 * MS, 0, 0, 1, true, false, "throttle"},
    {40 * MS, 30 * MS, 30 * MS - 1, 0, 0, 1, true, false, NULL},
    {40 * MS, 30 * MS, 30 * MS, 0, 0, 1, true, false, "balanced"},
    {60 * MS, 30 * MS, 10 * MS, 0, 0, 1, true, false, "input"},
    {0, 0, 0, 0, 1000 * MS, 1, true, false, NULL},
    {0, 0, 0, 1000 * MS - 1, 0, 1, true, false, NULL},
    {0, 0, 0, 1000 * MS, 0, 1, true, false, "busy"},
    {100 * MS - 1, 0, 0, 999 * MS, 0, 1, true, false, NULL},
    {100 * MS, 0, 0, 110 * MS, 0, 1, true, false, "busy"},
    {99 * MS, 0, 0, 1000 * MS, 0, 1, true, false, "busy"},
    {0, 1000 * MS, 0, 0, 0, 1, true, true, NULL},      /* it failed */
    {1000 * MS, 0, 0, 0, 0, 0, true, false, NULL},     /* it was empty */
    {1000 * MS, 0, 0, 0, 0, 0, false, false, "input"}, /* it may not be */
    {0, 0, 0, 5000 * MS, 0, 0, true, false, NULL},
    {10 * US, 20 * US, 0, 300 * US, 0, 0, false, false, NULL},
};

static void test_judged(void)
{
    struct meter meter = new_meter();
    unsigned wrong = 0;

    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        const struct meter_endpoint *endpoint;
        meter.state_ns[METER_INPUT] = judged[i].input;
        meter.state_ns[METER_OUTPUT] = judged[i].output;
        meter.state_ns[METER_THROTTLE] = judged[i].throttle;
        meter.state_ns[METER_BUSY] = judged[i].busy;
        meter.state_ns[METER_ABSORB] = judged[i].absorb;
        meter.bytes_in = judged[i].bytes;
        meter.ended = judged[i].ended;
        meter.failed = judged[i].failed;
        const char *name = meter_verdict_name(meter_verdict(&meter, &endpoint));
        if (!same_text(name, judged[i].verdict) || (name == NULL && endpoint != NULL)) {
            tap_note("row %zu: %s", i, name == NULL ? "none" : name);
            wrong++;
        }
    }
    tap_ok(wrong == 0, "the table of what can be judged");
    meter_destroy(&meter);
}

/* --- the rest -------------------------------------------------------------------------------- */

static void test_counts(void)
{
    struct meter meter = new_meter();

    meter_arrived(&meter, CAPACITY, CAPACITY);
    meter_left(&meter, 1, CAPACITY - 1);
    meter_left(&meter, 0, CAPACITY - 1);
    meter_arrived(&meter, 1, CAPACITY);
    tap_ok(meter.full_count == 2, "full is counted when it becomes full, each time");
    meter_left(&meter, CAPACITY, 0);
    meter_dry(&meter);
    meter_dry(&meter);
    meter_arrived(&meter, 0, 0);
    meter_dry(&meter);
    tap_ok(meter.empty_count == 1, "running dry counts once, until bytes arrive");
    pass(&meter, 1);
    meter_dry(&meter);
    tap_ok(meter.empty_count == 2, "and then again");
    meter_destroy(&meter);

    meter = new_meter();
    meter_waited(&meter.inputs[0], 7);
    meter_moved(&meter.inputs[0], 1);
    meter_waited(&meter.inputs[0], 4);
    meter_waited(&meter.inputs[0], 5);
    tap_ok(meter_longest_stall(&meter.inputs[0]) == 9, "a stall that is going on may be longest");
    meter_moved(&meter.inputs[0], 0);
    meter_waited(&meter.inputs[0], 8);
    tap_ok(meter_longest_stall(&meter.inputs[0]) == 9, "a stall ends with the end of the input");

    tap_ok(meter_least_output(&meter) == &meter.outputs[0], "of equal outputs the first is least");
    meter_moved(&meter.outputs[0], 2);
    meter_moved(&meter.outputs[1], 1);
    tap_ok(meter_least_output(&meter) == &meter.outputs[1],
           "the output with the least bytes; a tap with less is none");
    meter.outputs[1].left_early = true;
    tap_ok(meter_least_output(&meter) == &meter.outputs[0], "it had enough: the other one");
    snprintf(meter.outputs[1].error, sizeof meter.outputs[1].error, "Broken pipe");
    tap_ok(meter_least_output(&meter) == &meter.outputs[1], "unless it failed");
    meter.outputs[1].error[0] = '\0';
    meter.outputs[0].left_early = true;
    tap_ok(meter_least_output(&meter) == &meter.outputs[1], "all had enough: the least of them");

    tap_ok(meter_worst_output(&meter) == &meter.outputs[0], "nothing dropped: the first is worst");
    meter.outputs[0].bytes_dropped = 1;
    meter.outputs[1].bytes_dropped = 2;
    tap_ok(meter_worst_output(&meter) == &meter.outputs[1], "the output that misses most");
    meter_destroy(&meter);

    if (meter_init(&meter, 0, 0, 0, 0) != 0)
        abort();
    tap_ok(meter_least_output(&meter)->name[0] == '\0', "no outputs: there is still a least one");
    meter_destroy(&meter);
}

static void test_drops(void)
{
    struct meter meter = new_meter();

    meter_dry(&meter);
    meter_refused(&meter, 7);
    tap_ok(meter.bytes_in == 7 && meter.fill == 0 && meter.bytes_passed == 0 &&
               meter.residence.count == 0,
           "what is refused came in, and never was in the buffer");
    meter_added(&meter, 3, 3);
    tap_ok(meter.bytes_in == 7 && meter.fill == 3 && meter.peak == 3,
           "what is added did not come in, and takes room");
    meter_arrived(&meter, CAPACITY - 3, CAPACITY);
    meter_dropped_newest(&meter, 10, CAPACITY - 10);
    meter_added(&meter, 10, CAPACITY);
    meter_dropped_oldest(&meter, CAPACITY, 0);
    meter_advance(&meter, METER_BUSY, 5 + NS_PER_SEC);
    tap_ok(meter.full_count == 1 && meter.fill == 0 && meter.peak == CAPACITY,
           "what is dropped makes room, but that ends no overload: it was full once");
    tap_ok(meter.bytes_passed == 0 && meter.residence.bytes == 0 && meter_rate(&meter).mean == 0,
           "what is dropped did not pass, and has no age");
    meter_dry(&meter);
    tap_ok(meter.empty_count == 2, "a buffer that was emptied by dropping ran dry");
    meter_destroy(&meter);

    meter = new_meter();
    meter_arrived(&meter, 10, 10);
    meter_advance(&meter, METER_OUTPUT, 5 + 1000);
    meter_arrived(&meter, 10, 20);
    meter_advance(&meter, METER_OUTPUT, 5 + 1010);
    meter_arrived(&meter, 10, 30);
    meter_dropped_oldest(&meter, 10, 20);
    meter_dropped_newest(&meter, 10, 10);
    meter_left(&meter, 10, 0);
    tap_ok(meter.residence.bytes == 10 && meter.residence.max_ns == 10 &&
               residence_percentile(&meter.residence, 1) == 10,
           "of the oldest, the newest and the others, the others leave with their age");
    meter_destroy(&meter);
}

/* Which of three outputs is shown. */
static void test_shown_output(void)
{
    struct meter meter;

    if (meter_init(&meter, 5, 1, 3, 0) != 0)
        abort();
    meter_moved(&meter.outputs[0], 30);
    meter_moved(&meter.outputs[1], 10);
    meter_moved(&meter.outputs[2], 20);
    tap_ok(meter_shown_output(&meter) == &meter.outputs[1], "the output with the least is shown");
    meter.outputs[1].left_early = true;
    tap_ok(meter_shown_output(&meter) == &meter.outputs[2], "of those that have not left early");
    meter.outputs[0].left_early = meter.outputs[2].left_early = true;
    tap_ok(meter_shown_output(&meter) == &meter.outputs[0],
           "the one with the most, when all have: it does not shrink");
    meter.outputs[0].left_early = meter.outputs[1].left_early = false;
    meter.overtaking = true;
    tap_ok(meter_shown_output(&meter) == &meter.outputs[0],
           "the one with the most, where one that is stuck is overtaken");

    meter_arrived(&meter, 100, 100);
    meter_left(&meter, 50, 50);
    tap_ok(meter.bytes_passed == 0 && meter.fill == 50 && meter.residence.bytes == 50,
           "there, bytes that leave the buffer have not passed by that");
    meter_overtaking_passed(&meter);
    tap_ok(meter.bytes_passed == 30, "but those that this output has got");
    meter_moved(&meter.outputs[1], 15);
    meter_overtaking_passed(&meter);
    tap_ok(meter.bytes_passed == 30, "whatever another one gets");
    meter_destroy(&meter);
}

/* Takes `bytes` back from output 0 at 2.5 s, when 100, 200 and 300 bytes have passed in the windows
 * that began at 0, 1 and 2 s, 200 of all these without a copy. */
static struct meter_rate take_back(struct meter *meter, uint64_t bytes)
{
    *meter = new_meter();
    for (uint64_t i = 0; i < 3; i++) {
        pass(meter, 100 + i * 100);
        meter_advance(meter, METER_BUSY, 5 + (i == 2 ? 5 : i * 2 + 2) * NS_PER_SEC / 2);
    }
    meter->zero_copy_bytes = 200;
    meter_moved(&meter->outputs[0], 600);
    meter_moved(&meter->outputs[1], 600);
    meter->outputs[0].records_out = 6;
    meter_unread(meter, &meter->outputs[0], bytes, 2);
    return meter_rate(meter);
}

static void test_unread(void)
{
    struct meter meter;

    struct meter_rate rate = take_back(&meter, 250);
    tap_ok(meter.outputs[0].bytes == 350 && meter.outputs[0].records_out == 4 &&
               meter.outputs[1].bytes == 600 && meter.bytes_passed == 350 &&
               meter.zero_copy_bytes == 200,
           "what a command left unread did not get there, and has not passed");
    tap_ok(rate.mean == 350 / 2.5 && rate.current == 250 / 1.5 && rate.min == 100 &&
               rate.max == 250 / 1.5,
           "it is taken from the open window");
    meter_destroy(&meter);

    rate = take_back(&meter, 590);
    tap_ok(meter.bytes_passed == 10 && meter.zero_copy_bytes == 10,
           "no more bytes are zero-copy than passed");
    tap_ok(rate.mean == 4 && rate.current == 0 && rate.min == 0 && rate.max == 100,
           "then from the last one, and no rate is below 0");
    meter_destroy(&meter);

    meter = new_meter();
    for (uint64_t i = 1; i <= 4; i++) {
        pass(&meter, 100);
        meter_advance(&meter, METER_BUSY, 5 + i * NS_PER_SEC);
    }
    meter_moved(&meter.outputs[1], 400);
    meter.outputs[1].left_early = true;
    meter_moved(&meter.outputs[0], 400);
    meter_unread(&meter, &meter.outputs[1], 400, 0);
    tap_ok(meter.outputs[1].bytes == 0 && meter.bytes_passed == 400,
           "an output that is not shown has got less, and the same has passed");
    meter_destroy(&meter);
}

int main(void)
{
    uint64_t random = tap_seed();

    test_random(&random);
    test_windows();
    test_recently();
    test_connecting();
    test_even_rate();
    test_verdicts();
    test_judged();
    test_counts();
    test_drops();
    test_shown_output();
    test_unread();
    return tap_done();
}
