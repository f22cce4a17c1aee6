#!/usr/bin/env bats
#
# Two hundred times bpipe between two commands, one of which, or bpipe, is killed at a random moment.
# Only for `make check-long`. TEST_SEED=N repeats a run.

bats_require_minimum_version 1.5.0
load helpers
load commands

@test "commands, killed at random moments, 200 times" {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} seed
    ulimit -c 0
    echo "# TEST_SEED=$first" >&3
    for ((seed = first; seed < first + 200; seed++)); do
        command_round "$seed"
    done
}
