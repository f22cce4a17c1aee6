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
