/*
 * test_loop_rates.c - limits that change while the loop runs.
 *
 * A loop between two pipes is driven turn by turn. Nothing depends on the speed of the machine: the
 * bytes that may move are compared with the time that has passed on the meter's own clock.
 */
#include "base/platform.h"
#include "loop/loop.h"
#include "loop/open.h"
#include "loop/rates.h"
#include "poll_loop.h"
#include "stats/report.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE = 60, TURNS = 20000, PIECE = 65536, BLOCK = 4096 };

#define SLOW 100000
#define FAST UINT64_C(1000000000000)

struct stage {
    struct options options;
    struct meter meter;
    struct reporter *reporter;
    struct poll_loop *loop;
    int feed, drain; /* the other ends of its pipes, nonblocking */
};

/* Fills the input, and empties the output. */
static void serve(const struct stage *stage)
{
    static char piece[PIECE];
    memset(piece, '\n', sizeof piece);
    while (write(stage->feed, piece, sizeof piece) > 0)
        continue;
    while (read(stage->drain, piece, sizeof piece) > 0)
        continue;
}

static uint64_t sent(const struct stage *stage)
{
    return stage->meter.outputs[0].bytes;
}

static bool set_up(struct stage *stage, const char *option)
{
    char *argv[] = {"bpipe",   "-q", "-B",      "256K",         "--report", "none",
                    "fd://50", "-o", "fd://51", (char *)option, NULL};
    int argc = option == NULL ? 9 : 10;
    int in[2], out[2];
    *stage = (struct stage){0};
    if (pipe(in) != 0 || pipe(out) != 0 || dup2(in[0], 50) < 0 || dup2(out[1], 51) < 0)
        return false;
    stage->feed = in[1];
    stage->drain = out[0];
    fcntl(stage->feed, F_SETFL, O_NONBLOCK);
    fcntl(stage->drain, F_SETFL, O_NONBLOCK);
    close(in[0]);
    close(out[1]);
    return options_parse(&stage->options, argc, argv) == OPTIONS_RUN &&
           meter_init(&stage->meter, platform_now(), 1, 1, 0) == 0 &&
           (stage->reporter = report_open(&stage->options)) != NULL &&
           (stage->loop = poll_loop_open(&stage->options, NULL, NULL, 0, &stage->meter,
                                         stage->reporter)) != NULL;
}

static void take_down(struct stage *stage)
{
    close(stage->feed);
    close(stage->drain);
    poll_loop_run(stage->loop);
    poll_loop_close(stage->loop);
    report_close(stage->reporter);
    meter_destroy(&stage->meter);
    options_destroy(&stage->options);
}

/* Turns until the output is throttled; false: it never was. */
static bool reach_throttle(struct stage *stage)
{
    for (int i = 0; i < TURNS; i++) {
        serve(stage);
        if (loop_throttled_until(stage->loop) != UINT64_MAX)
            return true;
        poll_loop_turn(stage->loop);
    }
    return false;
}

/* Under a limit that has just been set, bytes go out no faster than the limit. */
static bool keeps(struct stage *stage, uint64_t rate)
{
    uint64_t before = sent(stage), start_ns = stage->meter.now_ns;
    for (int i = 0; i < 20; i++) {
        serve(stage);
        poll_loop_turn(stage->loop);
    }
    uint64_t passed_ns = stage->meter.now_ns - start_ns;
    uint64_t burst = rate / 50 + BLOCK; /* 20 ms worth, and a block fits */
    uint64_t most = burst + 1 + rate * passed_ns / NS_PER_SEC;
    if (sent(stage) - before > most)
        tap_note("%llu bytes in %llu ns", (unsigned long long)(sent(stage) - before),
                 (unsigned long long)passed_ns);
    return sent(stage) - before <= most;
}

static void test_changes(const char *option, const char *name)
{
    struct stage stage;
    if (!tap_ok(set_up(&stage, option), "%s: a loop", name))
        return;
    for (int i = 0; i < 4; i++) {
        serve(&stage);
        poll_loop_turn(stage.loop);
    }
    tap_ok(sent(&stage) >= BLOCK, "%s: bytes move without a limit", name);

    loop_set_rates(stage.loop, SLOW, 0);
    tap_ok(keeps(&stage, SLOW), "%s: a lower limit holds from the next turn on", name);
    tap_ok(reach_throttle(&stage), "%s: the lower limit throttles", name);

    uint64_t before = sent(&stage);
    loop_set_rates(stage.loop, FAST, 0);
    tap_ok(loop_throttled_until(stage.loop) == UINT64_MAX, "%s: a higher limit ends the throttling",
           name);
    for (int i = 0; i < 8; i++) { /* its bucket begins empty */
        serve(&stage);
        poll_loop_turn(stage.loop);
    }
    tap_ok(sent(&stage) - before >= BLOCK, "%s: bytes go at once under the higher limit", name);

    loop_set_rates(stage.loop, 0, SLOW);
    tap_ok(stage.loop->inputs.limiter.rate == SLOW, "%s: the same for --read-rate", name);
    tap_ok(reach_throttle(&stage), "%s: --read-rate throttles, too", name);
    enum loop_phase phase = stage.loop->phase;
    stage.loop->phase = LOOP_CONFIRMING;
    tap_ok(loop_throttled_until(stage.loop) == UINT64_MAX,
           "%s: no limit wakes bpipe up while it only waits for confirmations", name);
    stage.loop->phase = phase;
    loop_set_rates(stage.loop, 0, 0);
    tap_ok(loop_throttled_until(stage.loop) == UINT64_MAX, "%s: until --read-rate is lifted", name);
    take_down(&stage);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    alarm(DEADLINE);
    test_changes(NULL, "past the ring");
    test_changes("-C", "through the ring");
    test_changes("-l", "counting lines");
    test_changes("--block-size=4096", "in blocks");
    return tap_done();
}
