#!/usr/bin/env bats
#
# --spool, --spool-max: bytes that the buffer cannot hold wait on disk, in order and bounded, and
# leave no trace. (test_spool.c tests the file itself.)

# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002
# $marking and $nul are for loses_whole_records:
# shellcheck disable=SC2034

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../overload

spool_number() { # KEY: prints a number of the spool in ./report
    [[ ! $(last_line report) =~ \"spool\":\{[^}]*\"$1\":([0-9]*) ]] || echo "${BASH_REMATCH[1]}"
}

nothing_left() { # NAME...: these are all the files in ./place
    equal "$*" "$(cd place && shopt -s dotglob nullglob && echo *)" "files that are left"
}

# --- order and bounds -------------------------------------------------------------------------

@test "bytes that the buffer cannot hold come from the spool, in order" {
    random_bytes 3M >in
    mkdir place
    local where option
    for where in place place/file place/there; do
        for option in "-B 1" "-B 1000" "-B 100000 -z 777" "-B 1M --start-fill 100" \
            "-B 100000 --resume-fill 10" "-B 10000 --block-size 3000" "-B 100000 --overflow drop-oldest" \
            "-B 100000 --overflow drop-newest" "-B 100000 --overflow fail"; do
            [[ $option != *"-B 1" ]] || { mv in in.long && head -c 150000 in.long >in; }
            echo "$where $option"
            [ $where != place/there ] || : >$where
            # shellcheck disable=SC2086
            flood --spool "$where" $option
            cmp in out
            equal 0 "$(last_number bytes_dropped report)"
            [ "$(spool_number peak_bytes)" -gt $(($(size_of in) / 2)) ]
            [ "$(spool_number written_bytes)" -ge "$(spool_number peak_bytes)" ]
            equal 0 "$(spool_number fill_bytes)"
            [ ! -s err ]
            if [ $where = place/there ]; then
                nothing_left there && [ ! -s $where ]
            else
                nothing_left
            fi
            [ ! -e in.long ] || mv in.long in
        done
    done
}

@test "a spool that is not needed is not used" {
    random_bytes 300000 >in
    cat in | "$BPIPE" --spool . --report json:report 2>err | cmp in -
    adds_up report
    equal 0 "$(spool_number written_bytes)"
    # A file is not spooled either: it can wait where it is.
    open_stuck
    "$BPIPE" -q -J 0 -B 1000 --spool . --report json:report in >stuck {stuck}<&- &
    wait_until 10 in_poll $!
    timeout -k 1 20 head -c 300000 <stuck | cmp in -
    ended $! 0
    equal 0 "$(spool_number written_bytes)"
}

@test "with several outputs, taps and records" {
    numbered 20000 60 >in
    mkdir place
    flood --spool place -B 5000 -o copy -o -
    cmp in copy
    cmp in out
    flood --spool place -B 5000 -l --tap copy2 -o copy -o -
    cmp in copy
    cmp in out
    cmp in copy2
    equal 20000 "$(last_number records_in report)"
    flood --spool place -B 5000 -l --overflow drop-oldest --gap-mark -o - -o copy
    cmp in out
    cmp in copy
    nothing_left
}

stops_at() { # REPORT BYTES: at least BYTES have been read, and no more come
    [ -s "$1" ] && [ "$(last_number bytes_in "$1")" -ge "$2" ]
}

@test "when the spool is full, the producer waits" {
    random_bytes 3M >in
    open_stuck
    mkfifo feed place
    "$BPIPE" -q -J 0 -B 10000 --spool . --spool-max 100000 --report json:report --report-every 0.02 \
        <feed >stuck {stuck}<&- &
    local pid=$!
    cat in >feed {stuck}<&- &
    local producer=$!
    wait_until 20 stops_at report 170000
    wait_until 10 in_poll "$pid"
    refute gone "$producer"
    equal 100000 "$(spool_number fill_bytes)"
    local came
    came=$(last_number bytes_in report)
    # The pipe, the buffer, the spool, and what bpipe had just read when it was full.
    [ "$came" -le $((65536 + 10000 + 100000 + 262144)) ]
    sleep 0.2
    equal "$came" "$(last_number bytes_in report)"
    drained "$pid" 0
    cmp in out
    adds_up report
    equal 100000 "$(spool_number peak_bytes)"
}

@test "when the spool is full, the policy decides: every policy, bytes and records" {
    numbered 20000 60 >in
    mkdir place
    local policy where size
    for where in place place/file; do
        for policy in drop-newest drop-oldest; do
            marking=
            flood --spool $where --spool-max 50000 --overflow $policy -l -B 5000
            loses_whole_records
            [ "$(last_number records_dropped report)" -gt 1000 ]
            [ "$(spool_number peak_bytes)" -le 50000 ]
            [ "$(spool_number peak_bytes)" -gt 40000 ]
            equal 1 "$(lines_of err)"
            marking=1
            flood --spool $where --spool-max 50000 --overflow $policy -l --gap-mark -B 5000
            loses_whole_records
            flood --spool $where --spool-max 70 --overflow $policy -l --gap-mark -B 500
            loses_whole_records
            flood --spool $where --spool-max 50000 --overflow $policy -B 5000
            size=$(size_of out)
            if [ $policy = drop-newest ]; then
                cmp -n "$size" in out
            else
                cmp <(tail -c 55000 in) <(tail -c 55000 out)
                cmp -n $((size - 55000)) in out
            fi
            nothing_left
        done
        flood --spool $where --spool-max 50000 --overflow fail -B 5000
        adds_up report 3
        said_once "$giving_up"
        size=$(size_of out)
        [ "$size" -ge 55000 ]
        cmp -n "$size" in out
        nothing_left
    done
}

@test "a record longer than the buffer, half of it on the disk" {
    { numbered 2000 60 && head -c 20000 /dev/zero | tr '\000' y && echo && seq 2002 2100; } >in
    mkdir place
    local policy
    for policy in drop-newest drop-oldest; do
        marking=1
        flood --spool place --overflow "$policy" -l --gap-mark -B 5000
        grep -v '^\[bpipe\|y' out | cmp <(grep -v y in) -
        equal 1 "$(last_number records_dropped report)"
        equal 20001 "$(last_number bytes_dropped report)"
        equal '[bpipe: 1 records, 20001 bytes dropped]' "$(sed -n 2001p out)"
    done
}

# --- names ------------------------------------------------------------------------------------

refused() { # NAME REASON: nothing is changed, nothing is read
    local before
    before=$(ls -lR --time-style=full-iso)
    run -1 timeout -k 1 10 "$BPIPE" -q --spool "$1" -o new <in
    equal "bpipe: --spool: $1: $2" "$output"
    equal "$before" "$(ls -lR --time-style=full-iso)"
}

@test "a name that cannot be a spool is refused, and nothing is touched" {
    echo in >in
    echo something >full
    mkfifo fifo
    mkdir directory
    refused full 'is not empty'
    refused fifo 'is not a directory or a regular file'
    refused /dev/null 'is not a directory or a regular file'
    refused missing/spool 'No such file or directory'
    equal something "$(<full)"
}

@test "no two bpipes spool in one file" {
    random_bytes 300000 >in
    open_stuck
    mkfifo feed
    "$BPIPE" -q -J 0 -B 1000 --spool shared --report json:report <feed >stuck {stuck}<&- &
    local pid=$!
    exec {to}>feed
    wait_until 10 [ -e shared ]
    wait_until 10 in_poll "$pid"
    run -1 "$BPIPE" -q --spool shared <in
    [ -e shared ]
    cat in >&"$to"
    exec {to}>&-
    drained "$pid" 0
    cmp in out
    [ ! -e shared ]
}

# --- the end ----------------------------------------------------------------------------------

@test "the spool is removed however bpipe ends" {
    random_bytes 1000000 >in
    mkdir place
    local signal where
    for where in place place/file; do
        for signal in INT QUIT TERM; do
            echo "$where $signal"
            rm -f stuck feed report
            open_stuck
            mkfifo feed
            (
                ulimit -c 0
                exec defsig "$BPIPE" -q -J 0 -B 1000 --spool "$where" --drain-timeout 0.1 \
                    --report json:report <feed >stuck {stuck}<&-
            ) &
            local pid=$!
            exec {to}>feed
            cat in >&"$to"
            wait_number "$pid" report bytes_in 1000000
            [ $where = place ] || [ -s $where ]
            kill -"$signal" "$pid"
            ended "$pid" $((128 + $(kill -l "$signal")))
            adds_up report $((128 + $(kill -l "$signal")))
            [ "$(last_number bytes_undelivered report)" -gt 800000 ]
            nothing_left
            exec {to}>&- {stuck}<&-
        done
    done
    # A reader that leaves.
    { cat in && sleep 0.1; } | "$BPIPE" -q -J 0 -B 1000 --spool place/file --report json:report | head -c 5 >out || true
    wait_until 10 is_final
    nothing_left
    # After SIGKILL a spool with a name stays; one without a name does not.
    rm -f feed stuck
    open_stuck
    mkfifo feed
    "$BPIPE" -q -J 0 -B 1000 --spool place <feed >stuck {stuck}<&- &
    exec {to}>feed
    cat in >&"$to"
    nothing_left
    kill -KILL $!
    wait $! || true
    nothing_left
}

@test "SIGTERM drains the spool" {
    random_bytes 1000000 >in
    open_stuck
    mkfifo feed place
    "$BPIPE" -q -J 0 -B 1000 --spool . --report json:report <feed >stuck {stuck}<&- &
    local pid=$!
    exec {to}>feed
    cat in >&"$to"
    wait_number "$pid" report bytes_in 1000000
    kill -TERM "$pid"
    drained "$pid" 143
    cmp in out
    adds_up report 143
    equal 0 "$(last_number bytes_undelivered report)"
}

blocks_of() { # FILE: prints KiB on the disk
    du -k "$1" | cut -f1
}

gave_back() { # FILE KIB
    [ "$(blocks_of "$1")" -le "$2" ]
}

@test "space is given back as the spool drains" {
    ! is_portable || skip "POSIX has no way to make holes"
    random_bytes 24M >in
    open_stuck
    mkfifo feed
    "$BPIPE" -q -J 0 -B 1M --spool file --report json:report <feed >stuck {stuck}<&- &
    local pid=$!
    exec {to}>feed
    cat in >&"$to"
    wait_number "$pid" report bytes_in $((24 << 20))
    [ "$(blocks_of file)" -gt $((20 << 10)) ] || skip "this filesystem does not say"
    timeout -k 1 20 head -c 16M <stuck | cmp -n $((16 << 20)) in -
    wait_until 10 gave_back file $((14 << 10)) || skip "no holes in files here"
    timeout -k 1 20 head -c 8M <stuck | cmp <(tail -c 8M in) -
    wait_until 10 gave_back file 100
    exec {to}>&-
    ended "$pid" 0
}

@test "memory: that of the buffer, and none for the bytes on the disk" {
    ! is_sanitized || skip "the sanitizers need memory of their own"
    random_bytes 24M >in
    mkfifo feed
    spawn -o used "$BPIPE" -q -B 1M --spool . --report json:report --report-every 0.05 <feed |
        { wait_until 30 all_came && cat >out; } &
    cat in >feed
    wait_until 30 is_final
    wait
    cmp in out
    [ "$(spool_number peak_bytes)" -gt $((20 << 20)) ]
    echo "memory: $(field maxrss_kib used) KiB"
    (($(field maxrss_kib used) <= 1024 + 256 + 3 * 1024))
}

# --- faults -----------------------------------------------------------------------------------

# faulty SCRIPT OPTION...: a flood through a spool in ./place/file under these rules. ./log has the
# faults.
faulty() {
    local script=$1
    shift
    rm -rf log place
    mkdir place
    FAULT_ONLY=bpipe FAULT_SCRIPT=$script FAULT_LOG=$T/log LD_PRELOAD=${FAULT_SO:?} \
        flood --spool place/file -B 5000 "$@" || return 1
    [ -s log ] || return 1
    nothing_left
}

@test "a full disk is a full spool" {
    skip_unless_faults
    numbered 10000 60 >in
    local error policy
    for error in ENOSPC EDQUOT EFBIG; do
        for policy in drop-newest drop-oldest; do
            marking=1
            faulty "pwrite:*/place/file*:3+:$error" --overflow $policy -l --gap-mark
            loses_whole_records
            equal 1 "$(lines_of err)" # the message that it drops
            faulty "pwrite:*/place/file*:@30000:$error" --overflow $policy -l --gap-mark
            loses_whole_records
            [ "$(spool_number peak_bytes)" -le 30000 ]
            # The full disk comes and goes.
            faulty "pwrite:*/place/file*:2:$error;pwrite:*/place/file*:4:$error" --overflow $policy -l --gap-mark
            loses_whole_records
        done
        faulty "pwrite:*/place/file*:3+:$error" --overflow fail
        adds_up report 3
        cmp -n "$(size_of out)" in out
        said_once "$giving_up"
    done
}

# What is dropped makes room on the disk. bpipe must not write a few bytes at a time, each refused.
@test "a full disk with drop-oldest: few calls" {
    random_bytes 3M >in
    mkdir place
    printf '#!/bin/sh\nulimit -f 1024\nexec %s "$@"\n' "$BPIPE" >limited # 512 KiB or 1 MiB
    chmod +x limited
    every=0.5 # the report must not reach the limit
    BPIPE=$T/limited flood --spool place/file -B 64K --overflow drop-oldest
    [ "$(spool_number peak_bytes)" -gt 400000 ]
    (($(last_number read report) + $(last_number write report) < 3000))
    cmp <(tail -c 300000 in) <(tail -c 300000 out)
    nothing_left
}

@test "a disk that has room only for a part of a record" {
    numbered 20000 60 >in
    mkdir place
    printf '#!/bin/sh\nulimit -f 100\nexec %s "$@"\n' "$BPIPE" >limited # 50 or 100 KiB
    chmod +x limited
    local policy
    every=0.5 # the report must not reach the limit
    for policy in drop-newest drop-oldest; do
        marking=1
        BPIPE=$T/limited flood --spool place/file --overflow "$policy" -l --gap-mark -B 5000
        loses_whole_records
        [ "$(spool_number peak_bytes)" -le 102400 ]
        [ "$(spool_number peak_bytes)" -gt 50000 ]
        equal 1 "$(lines_of err)"
    done
}

@test "a full disk: the producer waits" {
    skip_unless_faults
    random_bytes 500000 >in
    local script
    for script in 'pwrite:*/file*:3+:ENOSPC' 'pwrite:*/file*:*:ENOSPC' 'pwrite:*/file*:2+:EIO'; do
        rm -f stuck feed report log
        open_stuck
        mkfifo feed
        FAULT_ONLY=bpipe FAULT_SCRIPT=$script FAULT_LOG=$T/log LD_PRELOAD=${FAULT_SO:?} \
            "$BPIPE" -J 0 -B 5000 --spool file --report json:report <feed >stuck 2>err {stuck}<&- &
        local pid=$!
        cat in >feed {stuck}<&- &
        local producer=$!
        wait_until 10 [ -s log ]
        wait_until 10 in_poll "$pid"
        refute gone "$producer"
        drained "$pid" 0
        cmp in out
        adds_up report
        if [[ $script == *EIO ]]; then
            said_once 'bpipe: --spool: file: write failed: Input/output error'
        else
            [ ! -s err ]
        fi
        exec {stuck}<&-
    done
}

@test "a disk that cannot be written: one message, then the spool counts as full" {
    skip_unless_faults
    numbered 10000 60 >in
    local policy
    for policy in drop-newest drop-oldest; do
        marking=1
        faulty "pwrite:*/place/file*:2+:EIO" --overflow $policy -l --gap-mark
        loses_whole_records
        equal 1 "$(grep -cx 'bpipe: --spool: place/file: write failed: Input/output error' err)"
        equal 2 "$(lines_of err)"
    done
}

@test "a disk that cannot be read ends the run, with status 1" {
    skip_unless_faults
    numbered 10000 60 >in
    local policy nth
    for policy in block drop-newest drop-oldest fail; do
        for nth in 1 3; do
            faulty "pread:*/place/file*:$nth+:EIO" --overflow $policy
            adds_up report 1
            said_once 'bpipe: --spool: place/file: read failed: Input/output error'
            [ "$(last_number bytes_undelivered report)" -gt 0 ]
            cmp -n "$(size_of out)" in out
        done
        # The same while bytes are dropped.
        [ $policy != block ] || continue
        faulty "pread:*/place/file*:2+:EIO" --overflow $policy --spool-max 30000
        [ $policy = fail ] || adds_up report 1
        grep -qx 'bpipe: --spool: place/file: read failed: Input/output error' err
    done
}

@test "short and interrupted calls, and no punching of holes: no byte is lost" {
    skip_unless_faults
    random_bytes 6M >in
    local script
    for script in 'pwrite:*/file*:*:short=1000;pread:*/file*:*:short=777' \
        'pwrite:*/file*:2:EINTR;pread:*/file*:2:EINTR;ftruncate:*/file*:1:EINTR' \
        'fallocate:*:*:EOPNOTSUPP;pread:*/file*:3:EINTR' 'fallocate:*:1:ENOSPC;pread:*/file*:3:EINTR' \
        'fallocate:*:1:EINTR;pread:*/file*:3:EINTR' 'ftruncate:*/file*:*:EIO;pwrite:*/file*:1:EINTR'; do
        faulty "$script" -B 50000
        cmp in out
        [ ! -s err ]
    done
}

@test "random faults with a spool: 6 seeds" {
    skip_unless_faults
    local seed first=${TEST_SEED:-$RANDOM} runs=6
    [ -z "${TEST_LONG:-}" ] || runs=120
    mkdir place
    export FAULT_ONLY=bpipe FAULT_RATE=25 FAULT_DELAY_US=200 FAULT_LOG=$T/log
    for ((seed = first; seed < first + runs; seed++)); do
        echo "TEST_SEED=$seed"
        export FAULT_SEED=$seed
        random_bytes 300000 >in
        LD_PRELOAD=${FAULT_SO:?} flood --spool place -B 5000 -z 3000
        cmp in out
        numbered 4000 100 >in
        marking=1
        LD_PRELOAD=${FAULT_SO:?} flood --spool place/file --spool-max 20000 --overflow drop-newest -l --gap-mark -B 3000
        loses_whole_records
        LD_PRELOAD=${FAULT_SO:?} flood --spool place/file --spool-max 20000 --overflow drop-oldest -l --gap-mark -B 3000 \
            -o - -o copy
        loses_whole_records
        LD_PRELOAD=${FAULT_SO:?} flood --spool place --spool-max 20000 --overflow fail -B 3000
        cmp -n "$(size_of out)" in out
        nothing_left
    done
    grep -q 'call=pwrite .*fault=short' log
    grep -q 'call=pread .*fault=EINTR' log
}
