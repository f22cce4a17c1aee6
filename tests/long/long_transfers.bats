#!/usr/bin/env bats
#
# Hundreds of transfers from one bpipe to another. In each, one of them or none is killed at a
# random moment (transfers.bash). Only for `make check-long`. TEST_SEED=N repeats a run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../kills
load ../sockets
load ../transfers

@test "transfers killed at random moments, 500 times" {
    transfers 500
    echo "# $cuts were cut short" >&3
    ((cuts > 0))
}
