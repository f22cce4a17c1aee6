#!/usr/bin/env bats
#
# Bytes that wait in pipes of bpipe's own (buffer/pipe_queue.h). A burst is held without a copy,
# records are counted on their way, and nothing is lost if a call is refused.

# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

skip_portable() {
    ! is_portable || skip "the portable build holds bytes in its ring only"
}

# burst OPTION...: in | bpipe OPTION... >out, where the reader takes nothing until the producer is
# done. The report is in ./report.
burst() {
    rm -f feed finished report
    mkfifo feed
    "$BPIPE" "$@" --report json:report <feed | { wait_until 30 [ -e finished ] && cat >out; } &
    cat in >feed
    touch finished
    wait_until 30 [ -s report ]
    wait "$!" # bpipe is done before its reader has written everything
    cmp in out
    adds_up report
}

# burst_with SCRIPT OPTION...: the same under the fault shim, with its log in ./log.
burst_with() {
    local script=$1
    shift
    rm -f log
    FAULT_ONLY=bpipe FAULT_RATE=0 FAULT_SCRIPT=$script FAULT_LOG=log LD_PRELOAD=${FAULT_SO:?} burst "$@"
}

zero_copy_share() { # REPORT: in percent
    echo $(($(last_number zero_copy_bytes "$1") * 100 / $(last_number bytes_in "$1")))
}

@test "a burst is absorbed without a copy of a byte" {
    skip_portable
    random_bytes 12M >in
    burst
    equal 100 "$(zero_copy_share report)"
    equal 0 "$(last_number write report)" "writes"
    [ "$(last_number peak_bytes report)" -gt 9000000 ]
    end_processes
}

sampled() { # KEY VALUE: whether the last line of ./report has this
    [ -s report ] && equal "$2" "$(last_number "$1" report)"
}

@test "the pipe queue holds no more than the buffer, to the byte" {
    local size
    random_bytes 12M >in
    mkfifo feed out
    for size in 1000000 1048577 3000001 8388608; do
        "$BPIPE" -B "$size" --report json:report --report-every 0.05 <feed >out &
        exec {to}>feed {from}<out
        cat in >&"$to" &
        exec {to}>&-
        wait_until 10 sampled fill_bytes "$size"
        cat <&"$from" | cmp in -
        wait
        exec {from}<&-
        adds_up report
        equal "$size" "$(last_number peak_bytes report)" "$size"
        rm report
    done
}

@test "pages with little in them are not held in pipes: the ring absorbs them" {
    awk 'BEGIN { for (i = 0; i < 60000; i++) print i }' >in
    rm -f feed
    mkfifo feed
    # The first bpipe makes pages of one line each.
    "$BPIPE" -q <feed | "$BPIPE" -J 0 --report json:report |
        { wait_until 30 [ -e finished ] && cat >out; } &
    awk '{ print; fflush() }' in >feed
    touch finished
    wait_until 30 [ -s report ]
    cmp in out
    adds_up report
    end_processes
}

@test "records are counted on their way" {
    skip_portable
    set -o pipefail
    seq 1 700000 >in
    local option
    for option in -l -0; do
        tr '\n' '\000' <in >in0
        [ "$option" = -l ] || mv in0 in
        cat in | "$BPIPE" "$option" --report json:report | cmp in -
        adds_up report
        equal 700000 "$(last_number records_in report)" "lines"
        equal 100 "$(zero_copy_share report)"
        "$BPIPE" "$option" in --report json:report | cmp in -
        equal 700000 "$(last_number records_in report)" "lines of a file"
        burst "$option"
        equal 700000 "$(last_number records_in report)" "lines of a burst"
        burst "$option" -C
        equal 700000 "$(last_number records_in report)" "lines through the ring"
        equal 0 "$(last_number zero_copy_bytes report)"
    done
    end_processes
}

@test "records that were not delivered are counted as well" {
    seq 1 200000 >in
    mkfifo feed
    { "$BPIPE" -l --report json:report <feed || echo $? >status; } | { wait_until 30 [ -e finished ]; } &
    cat in >feed # fits into the pipes and the buffer
    touch finished
    wait_until 30 [ -s report ]
    wait_until 30 [ -s status ]
    equal 200000 "$(last_number records_in report)"
    equal "$(size_of in)" "$(last_number bytes_in report)"
    adds_up report "$(<status)"
    end_processes
}

@test "-S with records stops at the record" {
    seq 1 100000 >in
    cat in | { "$BPIPE" -q -l -S -s 1234 && cat >rest; } >first
    head -n 1234 in | cmp - first
    cat first rest | cmp in -
}

@test "-S in the middle of a burst: the next command finds the next byte" {
    random_bytes 9M >in
    mkfifo feed
    {
        "$BPIPE" --report json:report --report-every 0.05 -S -s 7000001 |
            { wait_until 30 sampled bytes_in 7000001 && touch stopped && cat >out; }
        cat >rest
    } <feed &
    cat in >feed
    wait
    [ -e stopped ]
    cat out rest | cmp in -
    equal 7000001 "$(size_of out)"
}

# --- other behaviour, with bytes in the pipe queue ---------------------------------------------

# stalled OPTION...: starts a bpipe whose pipe queue holds all of ./in except what two pipes hold.
# Its input does not end. Read its output from $from. $pid is its process.
stalled() {
    mkfifo feed out
    "$BPIPE" "$@" --report json:report --report-every 0.05 <feed >out &
    pid=$!
    exec {to}>feed {from}<out
    cat in >&"$to"
    wait_until 10 sampled bytes_in "$(size_of in)"
}

@test "SIGTERM drains the pipe queue" {
    random_bytes 9M >in
    stalled -q
    kill -TERM "$pid"
    cat <&"$from" | cmp in -
    local status=0
    wait "$pid" || status=$?
    equal 143 "$status"
    adds_up report 143
    equal 0 "$(last_number bytes_undelivered report)"
}

@test "bytes that the pipe queue holds when a timeout expires are undelivered, to the byte" {
    random_bytes 9M >in
    stalled -q --stall-timeout 0.4
    local status=0
    wait "$pid" || status=$?
    equal 4 "$status"
    adds_up report 4
    cat <&"$from" >rest
    equal "$(size_of rest)" "$(last_number bytes_out report)"
    cmp -n "$(size_of rest)" in rest
    [ "$(last_number bytes_undelivered report)" -gt 7000000 ]
}

@test "a reader that leaves while the pipe queue is full" {
    random_bytes 9M >in
    stalled -q
    exec {from}<&-
    local status=0
    wait "$pid" || status=$?
    equal 141 "$status"
    adds_up report 141
}

@test "the verdict is the output, and the residence time includes the pipe queue" {
    random_bytes 9M >in
    stalled
    exec {to}>&-
    sleep 0.3
    cat <&"$from" | cmp in -
    wait "$pid"
    adds_up report
    grep -q '"bottleneck":"output"' report
    awk -v p50="$(last_number p50 report)" 'BEGIN { exit !(p50 >= 0.29) }'
}

@test "an input after a pipe whose bytes still wait" {
    random_bytes 5M >in
    random_bytes 3M 8 >file
    mkfifo feed
    "$BPIPE" --report json:report - file in <feed | { wait_until 30 [ -e finished ] && cat >out; } &
    cat in >feed
    touch finished
    wait
    cat in file in | cmp - out
    adds_up report
}

# --- refusals ---------------------------------------------------------------------------------

@test "an output that refuses pages of the pipe queue gets copies of them" {
    skip_portable
    skip_unless_faults
    random_bytes 12M >in
    local when error
    for error in EINVAL EBADF ENOSYS; do
        for when in 1+ 3+; do
            echo "$error $when"
            burst_with "splice:pipe?*:$when:$error"
            grep -q "call=splice.*$error" log
            [ "$(zero_copy_share report)" -lt 100 ]
        done
    done
    end_processes
}

@test "an output that refuses tee(2): records are counted nevertheless" {
    skip_portable
    skip_unless_faults
    seq 1 700000 >in
    local when
    for when in 1+ 3+; do
        burst_with "tee:*:$when:EINVAL" -l
        equal 700000 "$(last_number records_in report)"
        grep -q "call=tee.*EINVAL" log
    done
    end_processes
}

@test "an input that refuses to be spliced into the pipe queue goes through the ring" {
    skip_portable
    skip_unless_faults
    random_bytes 12M >in
    local when
    for when in 1+ 3+ 5+; do
        burst_with "splice:*/feed:$when:EINVAL"
        grep -q "call=splice.*EINVAL" log
    done
    seq 1 700000 >in
    burst_with "splice:*/feed:3+:EINVAL" -l
    equal 700000 "$(last_number records_in report)"
    end_processes
}

@test "if no more pipes can be opened, the ring absorbs" {
    skip_portable
    skip_unless_faults
    random_bytes 12M >in
    # A pipe of bpipe's own needs only to be large.
    burst_with "fcntl:pipe?*:*:EPERM" -J 0
    grep -q "call=fcntl.*EPERM" log
    seq 1 700000 >in
    burst_with "fcntl:pipe?*:*:EPERM" -J 0 -l
    equal 700000 "$(last_number records_in report)"
    (ulimit -n 16 && burst -l && equal 700000 "$(last_number records_in report)")
    end_processes
}

@test "random faults while a burst is absorbed: 10 seeds" {
    skip_portable
    skip_unless_faults
    local seed first=$RANDOM runs=10
    [ -z "${TEST_LONG:-}" ] || runs=200
    echo "first seed $first"
    seq 1 700000 >in
    export FAULT_ONLY=bpipe FAULT_RATE=30 FAULT_LOG=log FAULT_KINDS=short,eintr,eagain,wakeup
    for ((seed = first; seed < first + runs; seed++)); do
        echo "seed $seed"
        FAULT_SEED=$seed LD_PRELOAD=$FAULT_SO burst
        FAULT_SEED=$seed LD_PRELOAD=$FAULT_SO burst -l
        equal 700000 "$(last_number records_in report)"
    done
    grep -q 'call=tee' log
    end_processes
}

# --- neighbours -------------------------------------------------------------------------------

own_pipes() { # PID: how many of its descriptors are pipes without a name
    find "/proc/$1/fd" -lname 'pipe:*' | wc -l
}

@test "an ordinary user's other pipes keep their room" {
    skip_portable
    skip_unless_other_user
    skip_unless pgrep
    public_dir
    random_bytes 30M >"$public/in"
    mkfifo -m 666 "$public/feed" "$public/out"
    as_other_user "$BPIPE" -q -B 40M <"$public/feed" >"$public/out" &
    exec {to}>"$public/feed" {from}<"$public/out"
    local pid before pipes
    wait_until 10 pgrep -U nobody -x bpipe
    pid=$(pgrep -U nobody -x bpipe)
    wait_until 10 in_poll "$pid"
    before=$(own_pipes "$pid")
    cat "$public/in" >&"$to" # all of it is absorbed
    pipes=$((($(own_pipes "$pid") - before) / 2))
    echo "pipes: $pipes"
    [ "$pipes" -ge 8 ]
    [ "$pipes" -le $(($(</proc/sys/fs/pipe-user-pages-soft) * $(getconf PAGESIZE) / 4194304)) ]
    exec {to}>&-
    cat <&"$from" | cmp "$public/in" -
    wait
}
