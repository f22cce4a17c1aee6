#!/usr/bin/env bats
#
# Transfers from one bpipe to another, in which one of them is killed or none: what arrives is always
# the beginning of what was sent, and nobody believes that a stream was complete which was not. A
# seeded sample of what long_transfers.bats does at length. TEST_SEED=N repeats a run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../kills
load ../sockets
load ../transfers

@test "transfers killed at random moments, a sample" {
    transfers 20
}
