#!/usr/bin/env bats
#
# bpipe when memory is short, in runs that together reach every module. The first allocation fails,
# then the second, and so on, until a run makes no more; each fails alone, and then all from there
# on. Each run ends with a message and status 1, or goes on without the memory and is complete.
#
# `make check` does this in full for one run, and for one allocation of a dozen others. TEST_LONG=1
# does it for all. TEST_SEED=N repeats the choice. TEST_CASES="tap spool" runs only these.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../cases

setup() {
    common_setup
    skip_unless_faults
    ! is_sanitized || skip "the sanitizer has an allocator of its own"
    make_case_data
}

B() {
    with_faults FAULT_SCRIPT="malloc:*:$when:ENOMEM" FAULT_LOG="$T/log" timeout -k 1 60 "$BPIPE" "$@"
}

# one_short CASE WHEN: returns 1 if no allocation was made to fail. Sets $run_status.
one_short() {
    local case=$1 when=$2 status=0
    rm -rf out* report* tap odd* log err
    "run_$case" 2>err || status=$?
    run_status=$status
    case $status in
    0) "good_$case" ;;
    1) grep -q '^bpipe: ' err ;;
    *) false ;;
    esac || {
        echo "$case, allocation $when: status $status, $(tail -n 3 err)"
        return 2
    }
    no_litter || return 2
    [ -s log ]
}

# No file is left that a run makes for itself.
no_litter() (
    shopt -s dotglob
    for file in *; do
        case $file in
        in | in2 | in.both | lines | lines.sorted | framed | out* | report* | tap | odd* | log | err) ;;
        *) echo "left over: $file" && return 1 ;;
        esac
    done
    [ -z "$(ls -A "$XDG_RUNTIME_DIR")" ] || { ls -A "$XDG_RUNTIME_DIR" && return 1; }
)

# sweep CASE SUFFIX: fails each allocation in turn. Sets $count: how many there are.
sweep() {
    local result
    for ((count = 1; count < 1000; count++)); do
        result=0
        one_short "$1" "$count$2" || result=$?
        case $result in
        0) ;;
        1) return 0 ;;
        *) return 1 ;;
        esac
    done
    false
}

@test "without a failing allocation every run succeeds" {
    local case status
    for case in "${cases[@]}"; do
        status=0
        one_short "$case" 5000 || status=$?
        equal "$case 1" "$case $status"
        equal 0 "$run_status" "status of $case"
    done
}

@test "every allocation fails in turn: a plain copy" {
    sweep pipe ''
    echo "$count"
    ((count > 20))
}

@test "an allocation fails, in runs that reach every module" {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} case
    echo "TEST_SEED=$first"
    RANDOM=$((first % 32768))
    for _ in {1..12}; do
        case=${cases[RANDOM % ${#cases[@]}]}
        result=0
        one_short "$case" $((RANDOM % 40 + 1)) || result=$?
        [ $result -le 1 ]
    done
}

# sweep_all SUFFIX
sweep_all() {
    local case
    for case in "${cases[@]}"; do
        sweep "$case" "$1"
        echo "# $case: $((count - 1))" >&3
    done
}

@test "every allocation fails in turn, in runs that reach every module" {
    [ -n "${TEST_LONG:-}" ] || skip "TEST_LONG=1"
    sweep_all ''
}

@test "all allocations from one on fail, in runs that reach every module" {
    [ -n "${TEST_LONG:-}" ] || skip "TEST_LONG=1"
    sweep_all +
}
