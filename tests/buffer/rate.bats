#!/usr/bin/env bats
#
# --rate-limit, --read-rate, --burst: bytes go no faster than the rate, every byte arrives, and the
# limit is named as the cause. test_limiter.c tests the bucket over time.

# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# seconds_at_least REPORT SECONDS
seconds_at_least() {
    awk -v got="$(last_number elapsed_seconds "$1")" -v want="$2" 'BEGIN {
        if (got >= want) exit 0
        print "took " got " s, not " want; exit 1 }'
}

# throttled REPORT: the report names the limit as the reason for most of the waiting.
throttled() {
    grep -q '"bottleneck":"throttle"' "$1"
}

@test "by every way, bytes go out no faster than the rate" {
    set -o pipefail
    random_bytes 400000 >in
    local option
    for option in "" -C -l "-l -C" "-B 10000" "-B 10000 -C" "-z 1000" "--block-size 4096" \
        "--start-fill 50" "-J 0"; do
        echo "options: $option"
        [[ $option != *-l* ]] || { rate="-L 0 --read-rate 1M"; }
        rate=${rate:--L 1M}
        # shellcheck disable=SC2086
        cat in | "$BPIPE" $rate $option --report json:report | cmp in -
        adds_up report
        seconds_at_least report 0.33 # 0.38 s, minus what may go in the first 20 ms, and some more
        throttled report
        unset rate
    done
    "$BPIPE" -L 1M in --report json:report | cmp in -
    seconds_at_least report 0.33
    "$BPIPE" -L 1M -o out in --report json:report
    cmp in out
    seconds_at_least report 0.33
    is_portable || equal 400000 "$(last_number zero_copy_bytes report)"
    "$BPIPE" -L 1M -o out -o - in --report json:report | cmp in -
    cmp in out
    seconds_at_least report 0.33
    adds_up report
}

@test "the buffer holds the bytes that the rate holds back" {
    random_bytes 1M >in
    mkfifo feed
    local option
    for option in "" -C; do
        # shellcheck disable=SC2086
        "$BPIPE" -J 0 -L 500K $option --report json:report <feed >out &
        cat in >feed
        [ "$(size_of out)" -lt 900000 ] # the producer is done, and most of the bytes are still here
        wait
        cmp in out
        adds_up report
        seconds_at_least report 1.9
    done
}

@test "a limit that only spreads the bursts of a slow producer is not the slow side" {
    mkfifo feed
    "$BPIPE" -q -L 1M --report json:report <feed >out &
    exec {to}>feed
    for _ in {1..8}; do
        head -c 60000 /dev/zero >&"$to"
        nap 0.1
    done
    exec {to}>&-
    ended $! 0
    adds_up report
    equal 480000 "$(size_of out)"
    grep -q '"bottleneck":"input"' report
    awk -v absorb="$(last_number absorb report)" -v throttle="$(last_number throttle report)" \
        'BEGIN { print absorb, throttle; exit !(absorb > 0.1 && throttle < 0.05) }'
}

@test "--read-rate: bytes come in no faster than the rate" {
    set -o pipefail
    random_bytes 300000 >in
    local option
    for option in "" -C -l; do
        # shellcheck disable=SC2086
        cat in | "$BPIPE" --read-rate 1M $option --report json:report | cmp in -
        adds_up report
        seconds_at_least report 0.24
        throttled report
    done
    "$BPIPE" --read-rate 1M -L 600K in --report json:report | cmp in -
    seconds_at_least report 0.43
}

@test "with -l a rate is in lines, with -0 in records" {
    set -o pipefail
    seq 1 300 >in
    cat in | "$BPIPE" -l -L 500 --report json:report | cmp in -
    adds_up report
    seconds_at_least report 0.55
    throttled report
    tr '\n' '\000' <in >in0
    cat in0 | "$BPIPE" -0 -L 500 -B 100 -z 7 --report json:report | cmp in0 -
    adds_up report
    seconds_at_least report 0.55
    # A record that is longer than the buffer, and a last one without its terminator.
    { head -c 5000 /dev/zero && printf 'x\ny\nz'; } >in
    cat in | "$BPIPE" -l -L 20 -B 100 --report json:report | cmp in -
    adds_up report
    seconds_at_least report 0.09 # 4 lines, the first at once
}

@test "with -l a high rate goes out in slices, not record by record" {
    set -o pipefail
    seq 1 400000 >in
    local option
    for option in -l "-l -C" "-l -z 4096"; do
        # shellcheck disable=SC2086
        cat in | "$BPIPE" $option -L 1M --report json:report | cmp in -
        adds_up report
        seconds_at_least report 0.35
        # 0.4 s have 115 slices of 3.5 ms; the chunks may be smaller.
        [ "$(last_number write report)" -lt 3000 ]
    done
}

@test "--burst lets that many bytes go at once" {
    random_bytes 1M >in
    local before=${EPOCHREALTIME/./}
    { cat in && sleep 1 && cat in; } | "$BPIPE" -q -L 1M --burst 1M --report json:report >out
    [ $((${EPOCHREALTIME/./} - before)) -ge 1000000 ]
    cat in in | cmp - out
    adds_up report
    # 2 MiB at 1 MiB/s in less than 2 s: the second MiB went at once.
    seconds_at_least report 0.95
    "$BPIPE" -q -L 20K --burst 1000 --block-size 4000 in -S -s 8000 --report json:report >out
    cmp -n 8000 in out
}

@test "a limit of 0 is no limit, and invalid rates are refused" {
    random_bytes 100000 >in
    "$BPIPE" -q -L 0 --read-rate 0 in | cmp in -
    local rate
    for rate in 1.5M 10Mbit 10mbit/s 1M/s 80kbit 2KiB/s 1GB 0bit 0.5Gbit; do
        "$BPIPE" -q -L "$rate" --burst 1M -S -s 10 in | cmp -n 10 in -
    done
    for rate in '' -1 fast 1M/m 10Mbits 1.5 1.5bit 10/ 1bit/s/s; do
        run -2 "$BPIPE" -L "$rate" in
        [[ $output == "bpipe: --rate-limit: "* ]]
    done
    run -2 "$BPIPE" --burst 0 in
    run -2 "$BPIPE" -l -L 5 --block-size 10 in
    [[ $output == 'bpipe: --rate-limit: cannot count records with --block-size' ]]
}

@test "a rate that may be in bits or bytes is refused, and the message says what to write" {
    echo text >in
    local rate option
    for rate in 40Mb 40mb 40Mb/s; do
        for option in -L --rate-limit= --read-rate=; do
            run -2 "$BPIPE" "$option$rate" -o out in
            [[ $output == *": '$rate': may be bits or bytes: write 40Mbit or 40MB" ]]
            run -2 "$BPIPE" -R $$ "$option$rate"
            [[ $output == *": '$rate': may be bits or bytes: write 40Mbit or 40MB" ]]
        done
    done
    run -2 "$BPIPE" -L 1Kib in
    [[ $output == "bpipe: --rate-limit: '1Kib': may be bits or bytes: write 1kbit or 1KiB" ]]
    [ ! -e out ]
    # A size is never in bits.
    "$BPIPE" -q -L 1MB --burst 1mb -B 1mb -s 5b in | cmp in -
}

@test "no timeout of a few milliseconds counts a wait for the rate limit" {
    random_bytes 60000 >in
    # All of it is in the pipe at the start.
    mkfifo pipe
    exec {to}<>pipe
    exec {from}<pipe
    cat in >&"$to"
    exec {to}>&-
    "$BPIPE" -q -L 100K --stall-timeout 0.05 --idle-timeout 0.05 --report json:report <&"$from" >out
    cmp in out
    adds_up report
    "$BPIPE" -q -L 100K --drain-timeout 0.05 in >out
    cmp in out
}

@test "signals, faults and a departed reader under a limit" {
    set -o pipefail
    random_bytes 100000 >in
    "$BPIPE" -q -L 50K --report json:report in >out &
    local status=0
    wait_until 10 [ -s out ]
    kill -TERM $!
    wait $! || status=$?
    equal 143 "$status"
    adds_up report 143
    cmp -n "$(size_of out)" in out
    local -a statuses
    set +o pipefail
    yes | "$BPIPE" -q -L 10K | head -n 1 >out
    statuses=("${PIPESTATUS[@]}")
    equal 141 "${statuses[1]}"
    set -o pipefail
    if [ -e "$FAULT_SO" ]; then
        local seed
        for seed in 1 2 3 4 5; do
            cat in | with_faults FAULT_ONLY=bpipe FAULT_SEED=$seed FAULT_RATE=30 \
                "$BPIPE" -q -L 1M | cmp in -
            cat in | with_faults FAULT_ONLY=bpipe FAULT_SEED=$seed FAULT_RATE=30 \
                "$BPIPE" -q -C -l -L 10K | cmp in -
        done
    fi
}

@test "SIGTERM: how long the rest takes at a low rate, and a second one ends it" {
    random_bytes 1M >in
    local options expected left
    for options in "-L 1K" "-L 1K --spool . -B 4096" "-L 2K -z 512" "-l -L 1"; do
        left='[0-9.]+ (KiB|MiB)'
        [[ $options != -l* ]] || left='[0-9]+ records'
        rm -f out err
        # shellcheck disable=SC2086
        cat in | defsig "$BPIPE" -q $options --report json:report >out 2>err &
        pid=$!
        wait_number "$pid" report bytes_in 1048576
        kill -TERM "$pid"
        wait_until 20 [ -s err ]
        cat err
        expected="bpipe: SIGTERM: $left left will take [0-9]+:[0-9:]+; repeat to end now"
        grep -qxE "$expected" err
        equal 1 "$(lines_of err)"
        kill -TERM "$pid"
        ended "$pid" 143
        adds_up report 143
        cmp -n "$(size_of out)" in out
    done
    # A short rest, or no limit: nothing is told.
    for options in "-L 500K" "" "-l -L 1K"; do
        rm -f out err idle
        open_idle
        # shellcheck disable=SC2086
        defsig "$BPIPE" -q $options <&"$idle" >out 2>err {idle}>&- &
        seq 100 >&"$idle"
        wait_until 20 [ -s out ]
        kill -TERM $!
        ended $! 143
        refute [ -s err ]
        exec {idle}>&-
    done
}

out_has() { # BYTES
    [ -s report ] && [ "$(last_number bytes_out report)" -ge "$1" ]
}

@test "a limit does not cut the stream into pieces that fill a pipe" {
    random_bytes 200000 >in
    local option
    for option in "-L 300K" "--read-rate 300K" "-L 300K --read-rate 400K" "-l -L 1M --read-rate 300K"; do
        rm -f stuck report
        open_stuck
        # shellcheck disable=SC2086
        cat in | "$BPIPE" -q -J 0 $option --report json:report --report-every 0.05 >stuck {stuck}<&- &
        wait_until 20 out_has 30000 # the pipe holds 64 KiB, but whole pages of small writes
        cat <stuck >out {stuck}<&- &
        wait_until 20 out_has 200000
        exec {stuck}>&-
        wait
        cmp in out
    done
}

@test "no timeout counts the time that a limit takes" {
    set -o pipefail
    local option
    for option in "" -C; do
        # shellcheck disable=SC2086
        { head -c 150000 /dev/zero; sleep 1; echo more; } |
            "$BPIPE" -q -L 50K --idle-timeout 0.5 --stall-timeout 0.5 --drain-timeout 0.5 $option >out
        equal 150005 "$(size_of out)"
    done
}

@test "random faults under limits: 4 seeds" {
    skip_unless_faults
    random_bytes 300000 >in
    local seed first=${TEST_SEED:-$RANDOM} runs=4 option
    [ -z "${TEST_LONG:-}" ] || runs=80
    for ((seed = first; seed < first + runs; seed++)); do
        for option in "-L 3M" "-L 90M" "--read-rate 3M" "-l -L 20K" "-L 3M --block-size 7000"; do
            echo "TEST_SEED=$seed, $option"
            # shellcheck disable=SC2086
            cat in | with_faults FAULT_ONLY=bpipe FAULT_RATE=30 FAULT_SEED="$seed" FAULT_DELAY_US=200 \
                FAULT_LOG="$T/log" "$BPIPE" -q $option --report json:report >out
            cmp in out
            adds_up report
        done
    done
    grep -q 'fault=short' log
}
