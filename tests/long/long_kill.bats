#!/usr/bin/env bats
#
# Hundreds of pipelines in which one of bpipe's neighbours is killed at a random moment, or bpipe
# gets a signal. bpipe always ends at once, with the right status, and with numbers that add up.
# Only for `make check-long`. TEST_SEED=N repeats a run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../kills

@test "killed at random moments, 400 times" {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} seed slowest=0
    ulimit -c 0
    echo "# TEST_SEED=$first" >&3
    for ((seed = first; seed < first + 400; seed++)); do
        kill_round "$seed"
        ((late_us <= slowest)) || slowest=$late_us
    done
    echo "# the slowest end came $((slowest / 1000)) ms after the last event" >&3
}
