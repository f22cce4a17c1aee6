#!/usr/bin/env bats
#
# Thousands of runs that reach every module (cases.bash). In each run some calls fail at random: one
# to three calls of any kind with an error of their own, including allocations, among calls that are
# short, late, interrupted or missing. No run hangs or crashes or ends with 0 and wrong bytes, and
# the counters add up. Only for `make check-long`.
#
# FAULT_ROUNDS=N sets the number of runs. TEST_SEED=N begins with another seed, and repeats a run.
# TEST_CASES="tap spool" runs only these.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../cases

setup() {
    common_setup
    skip_unless_faults
    make_case_data
}

# The errors that each call may return when the system is to blame.
calls=(malloc:ENOMEM open:EMFILE open:EACCES open:ENFILE read:EIO read:ENOMEM write:ENOSPC write:EIO
    write:EDQUOT poll:EINVAL poll:ENOMEM poll:EAGAIN close:EIO close:EINTR fsync:EIO fcntl:EPERM link:EACCES
    rename:EACCES ftruncate:EIO splice:EINVAL splice:EIO splice:ENOMEM fallocate:ENOSPC socket:EMFILE
    connect:ECONNREFUSED accept:ENOBUFS shutdown:ENOTCONN getsockopt:ENOBUFS pread:EIO pwrite:ENOSPC
    recv:ECONNRESET send:EPIPE)

# plan_faults SEED: sets $picked_case, $script, $rate.
plan_faults() {
    local rules picked when
    RANDOM=$(($1 % 32768))
    rules=$((1 + RANDOM % 3))
    picked_case=${cases[RANDOM % ${#cases[@]}]}
    rate=$((RANDOM % 4 * 8))
    script=
    while ((rules-- > 0)); do
        picked=${calls[RANDOM % ${#calls[@]}]}
        when=$((RANDOM % (RANDOM % 3 == 0 ? 60 : 8) + 1))
        ((RANDOM % 3)) || when+=+
        script+=${script:+;}${picked%:*}:\*:$when:${picked#*:}
    done
}

# Runs bpipe, and keeps its status in odd.status, for cases where the neighbours' status counts.
B() {
    local status=0
    local -a report=(--report json:report.faulted)
    [[ $1 != -[QR] && $1 != --version && $1 != --no-such-option ]] || report=()
    with_faults FAULT_SCRIPT="$script" FAULT_RATE="$rate" FAULT_SEED="$seed" FAULT_DELAY_US=200 \
        FAULT_LOG="$T/log" timeout -k 1 60 "$BPIPE" "${report[@]}" "$@" || status=$?
    echo $status >odd.status
    return $status
}

# one_round SEED
one_round() {
    local seed=$1 status=0 picked_case script rate
    plan_faults "$seed"
    rm -rf out* report* tap odd* log err
    "run_$picked_case" 2>err || status=$?
    statuses[status]=$((${statuses[status]:-0} + 1))
    if ! judge || ! counters_add_up || ! nothing_runs; then
        echo "TEST_SEED=$seed: $picked_case, rate $rate, $script: status $status"
        tail -n 3 err
        return 1
    fi
}

# A guard that cannot look into /proc does not find the processes that it should end. The portable
# guard cannot tell without poll() whether a pipe is still read. It then holds the pipes, so that no
# reader sees a false end.
nothing_runs() {
    if [[ $script =~ (read|open|malloc): ]] || { is_portable && [[ $script == *poll:* ]]; }; then
        end_processes 2>/dev/null
        return 0
    fi
    wait_until 30 none_is_left
}

none_is_left() { [ -z "$(test_processes)" ]; }

judge() {
    case $status in
    0) "good_$picked_case" ;;
    1) true ;;
    4) [[ $picked_case == *_from ]] ;; # its port was not printed, so no peer connected to it
    141) [[ $script == *EPIPE* ]] ;; # a reader that left
    *) false ;;
    esac
}

# The report of a run that began is whole and has the status, unless a report could not be written.
# The message about that may have failed, too.
counters_add_up() {
    [ -s report.faulted ] || return 0
    ! grep -q '^bpipe: report[.a-z]*: ' err || return 0
    [[ $script != *write:* || $(last_line report.faulted) == '{"type":"final",'*'}' ]] || return 0
    adds_up report.faulted "$(<odd.status)"
}

@test "runs with random failures of any call" {
    local rounds=${FAULT_ROUNDS:-3000} first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} seed
    local -a statuses=()
    echo "# TEST_SEED=$first" >&3
    for ((seed = first; seed < first + rounds; seed++)); do
        one_round "$seed"
        ((seed % 100 != 99)) || echo "# TEST_SEED=$seed" >&3
    done
    echo "# statuses: $(declare -p statuses)" >&3
    ((${statuses[0]:-0} > 0 && ${statuses[1]:-0} > 0))
}
