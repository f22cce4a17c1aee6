#!/usr/bin/env bats
#
# Two hundred runs of bpipe between two commands. One of the commands, or bpipe, is killed at a
# random moment. Only for `make check-long`. TEST_SEED=N repeats a run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../commands

@test "commands, killed at random moments, 200 times" {
    ulimit -c 0
    with_seeds 200 command_round
}
