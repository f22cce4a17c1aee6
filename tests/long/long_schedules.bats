#!/usr/bin/env bats
#
# A thousand random schedules of producers that burst and consumers that stall. Nothing is lost
# except what a policy drops, drops are counted, and nothing hangs. Only for `make check-long`.
# TEST_SEED=N repeats a run.

bats_require_minimum_version 1.5.0
load ../helpers
load ../schedules

@test "random schedules, 1000 of them" {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))}
    echo "# TEST_SEED=$first" >&3
    play_schedules "$first" 1000
}
