#!/usr/bin/env bats
#
# bpipe is stopped, and goes on (loop/stop.c): the time between counts against no limit.
#
# A stop lasts longer than the limit under test. It may last longer still: nothing depends on that.

# Scripts for sh:
# shellcheck disable=SC2016

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# stopped PID: waits until the process is stopped.
stopped() {
    wait_until 20 in_state "$1" T
}

# The first writes to the tap take a byte each. The twentieth is one of those at the end, because all of
# the input is one chunk. After the stop the tap takes nothing at first.
@test "^Z while a tap gets the rest at the end: bpipe stops, and the tap gets all" {
    skip_unless_faults
    random_bytes 4000 >in # a pipe holds that
    open_stuck
    FAULT_ONLY=bpipe LD_PRELOAD=$FAULT_SO \
        FAULT_SCRIPT="write:*/stuck:20:raise=$(kill -l TSTP);write:*/stuck:21:EAGAIN$(
            printf ';write:*/stuck:%d:short=1' {1..20})" \
        "$BPIPE" -q -J 0 --report json:report --tap stuck -o out in {stuck}<&- &
    stopped $!
    # The outputs are closed already, and the tap is not.
    equal_files in out
    refute holds $! out
    holds $! stuck
    sleep 1.2 # longer than bpipe waits for taps
    kill -CONT $!
    ended $! 0
    adds_up report
    timeout 20 head -c 4000 <stuck | cmp - in
}

# reader_comes PID FIFO: two reports show that the process waits for a reader still, and has looked
# at its limits since it goes on. Then the reader comes, and gets all of ./in.
reader_comes() {
    sample "$1" "report.$2" && sample "$1" "report.$2" || return 1
    timeout 30 cat "$2" >"out.$2" || return 1
    ended "$1" 0 || return 1
    adds_up "report.$2" || return 1
    equal_files in "out.$2"
}

@test "the wait for the reader of a FIFO: a stop does not count, by SIGSTOP and by ^Z" {
    local signal
    local -A pids=()
    random_bytes 300000 >in
    mkfifo STOP TSTP
    for signal in STOP TSTP; do
        "$BPIPE" -q --connect-timeout 3 --report "json:report.$signal" -o $signal in 2>err.$signal &
        pids[$signal]=$!
        wait_until 20 catches_usr1 $!
        sample $! report.$signal
        kill -$signal $!
        stopped $!
    done
    sleep 3.2 # longer than the limit
    for signal in STOP TSTP; do
        kill -CONT "${pids[$signal]}"
        reader_comes "${pids[$signal]}" $signal
        equal "" "$(<err.$signal)"
    done
}

# rounds_are COUNT: whether the command has slept that often, 0.1 s each time.
rounds_are() {
    [ -e rounds ] && [ "$(size_of rounds)" -ge "$1" ]
}

rounds_pass() { # COUNT
    wait_until 30 rounds_are $(($(size_of rounds) + $1))
}

# quiet PID: whether the process does not run during three rounds.
quiet() {
    local before
    before=$(slept "$1")
    rounds_pass 3
    equal "$before" "$(slept "$1")"
}

slept() { # PID
    sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$1/status"
}

@test "while bpipe is stopped its guard sleeps, and --kill-after does not run" {
    skip_unless pgrep
    local pid guard before
    "$BPIPE" -q --kill-after 3 --from 'until [ -e ready ]; do sleep 0.01; done; exit 3' \
        --to 'trap ": >told" TERM; : >ready
            until [ -e go ]; do sleep 0.1; printf . >>rounds; done; : >over; exit 4' 2>err &
    pid=$!
    wait_until 20 test -e told
    guard=$(pgrep -P "$pid" "^bpipe")
    kill -TSTP "$pid"
    stopped "$pid"
    wait_until 20 rounds_are 1
    wait_until 5 quiet "$guard"
    before=$(slept "$guard")
    rounds_pass 32 # more time than --kill-after: the command is not stopped
    equal "$before" "$(slept "$guard")"
    refute gone "$guard"
    kill -CONT "$pid"
    rounds_pass 3 # nor does SIGKILL come now: most of --kill-after is still left
    : >go
    wait_until 20 test -e over
    ended "$pid" 1
    wait_until 20 gone "$guard"
}
