#!/usr/bin/env bats
#
# Transfers from one bpipe to another, in which one of them or none is killed. The bytes that arrive
# are always the beginning of those that were sent, and no side takes an incomplete stream for
# complete. This is a seeded sample; long_transfers.bats plays many more. TEST_SEED=N repeats a run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../kills
load ../sockets
load ../transfers

@test "transfers killed at random moments, a sample" {
    transfers 20
}
