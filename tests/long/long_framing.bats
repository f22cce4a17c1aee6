#!/usr/bin/env bats
#
# A framed stream is cut after each of its first 5000 bytes or at one of 1000 places, or changed at
# one of 10,000 bits. It is never taken for whole. Only for `make check-long`. TEST_SEED=N repeats a
# run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../framing

@test "damaged framed streams, 16,000 of them" {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))}
    echo "# TEST_SEED=$first" >&3
    refuse_damaged "$first" 1 1000 10000
}
