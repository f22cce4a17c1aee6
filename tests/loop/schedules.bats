#!/usr/bin/env bats
#
# Random producers that burst and consumers that stall, by pipes and sockets, with signals. Nothing
# is lost except what a policy drops, drops are counted, nothing that failed looks complete, and
# nothing hangs. This is a seeded sample; long_schedules.bats plays many more.

bats_require_minimum_version 1.5.0
load ../helpers
load ../schedules

@test "the checker of schedules finds mistakes" {
    schedule -t
}

@test "random schedules, a sample" {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))}
    echo "TEST_SEED=$first"
    play_schedules "$first" 60
}

# Seed 822167807: drop-oldest is dropping a record longer than the buffer when its input fails.
@test "a torn record that was being dropped is a record of its own" {
    play_schedules 822167807 1
}

# Seed 36497058: drop-newest, and the record behind the torn one is dropped as well.
@test "a torn record and the one behind it are two dropped records" {
    play_schedules 36497058 1
}

# Seed 9000691: an input is reset within a record, and later the consumer leaves: the bytes that are
# undelivered are the torn record and what was left in the buffer.
@test "a torn record that is withheld, and an output that leaves" {
    play_schedules 9000691 1
}
