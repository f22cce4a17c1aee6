#!/usr/bin/env bats
#
# --tap: a tap gets what it can keep up with, and the outputs do not depend on it.

# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002
# $marking and $nul are for loses_whole_records:
# shellcheck disable=SC2034

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../overload

# tap_number KEY [INDEX]: prints a number of a tap (the first by default) in the last line of
# ./report.
tap_number() {
    tail -n 1 report | sed 's/.*"taps":\[//' | grep -o '{[^}]*}' | sed -n "$((${2:-0} + 1))p" |
        grep -o "\"$1\":[0-9.]*" | cut -d: -f2
}

# tapped OPTION...: all of ./in goes through a bpipe to ./out, with status 0, even if taps fail.
tapped() {
    rm -f report out
    cat in | timeout -k 1 300 "$BPIPE" "$@" --report json:report 2>err >out || return 1
    cmp in out || return 1
    adds_up report
    equal 0 "$(last_number bytes_dropped report)" "dropped for the output"
    equal "$(size_of in)" "$(last_number bytes_out report)"
}

@test "a tap that keeps up gets everything" {
    numbered 3000 60 >in
    local option
    for option in "" -l -0 "-B 1000" "-B 1" "-B 5000 -l" "--start-fill 100 -B 5000" "-z 7 -B 100" \
        "--block-size 512" "--overflow drop-oldest -B 5000" "--overflow drop-newest -l -B 5000 --gap-mark"; do
        echo "options: $option"
        # A file as input waits for the outputs under every policy.
        # shellcheck disable=SC2086
        "$BPIPE" $option --tap copy --tap fd://5 --report json:report in 5>other | cmp in -
        adds_up report
        cmp in copy
        cmp in other
        equal "$(size_of in)" "$(tap_number bytes)"
        equal 0 "$(tap_number bytes_dropped)"
        equal "$(size_of in)" "$(tap_number bytes 1)"
        rm copy
    done
    tapped --tap copy -o - -o second
    cmp in copy
    cmp in second
}

@test "a run that ends early does not call its tap too slow" {
    local tries
    for tries in 1 2 3; do
        rm -f copy
        # The reader leaves while the first bytes are in the buffer: the tap has had no time.
        { head -c 300000 /dev/zero && wait_until 10 [ -e gone ] && head -c 300000 /dev/zero; } |
            { "$BPIPE" -q -B 1M --tap copy 2>err || true; } | { head -c 10 >/dev/null && : >gone; }
        rm gone
        refute grep -q 'too slow' err
    done
}

@test "a tap that takes nothing does not affect the output, and misses the bytes that do not fit" {
    numbered 10000 60 >in # far more than a pipe holds
    open_stuck
    local option
    for option in "" -l "-B 1000" "-B 1000 -l" "-B 1" "-B 100000 --start-fill 100 --resume-fill 0" \
        "-B 5000 --block-size 1000" "--overflow fail" "-L 100M"; do
        echo "options: $option"
        # shellcheck disable=SC2086
        tapped -J 0 $option --tap stuck {stuck}<&-
        head -c "$(tap_number bytes)" <stuck | cmp -n "$(tap_number bytes)" in - # it begins at the start
        [ "$(tap_number bytes_dropped)" -gt 0 ]
        # The tap has missed what it could not take at the end, too.
        equal 0 "$(tap_number bytes_undelivered)"
        case $option in
        *-l*) [ "$(tap_number records_dropped)" -gt 0 ] ;;
        *) grep -q '"records_dropped":null' report ;;
        esac
        # Without records the tap may take the rest at the end, so it need not miss anything before.
        equal 1 "$(grep -c 'stuck: tap too slow: skipping data' err)"
    done
}

# The output goes on while nothing is read from the tap. This is tested by conditions, not by time.
@test "the output gets all bytes while the tap is stuck" {
    random_bytes 500000 >in
    open_stuck
    mkfifo feed
    "$BPIPE" -q -J 0 -B 1000 --tap stuck --report json:report <feed >out {stuck}<&- &
    local pid=$!
    exec {to}>feed
    cat in >&"$to"
    wait_until 20 has_size out 500000
    echo more >&"$to"
    wait_until 20 has_size out 500005
    wait_until 10 in_poll "$pid"
    idles "$pid"
    exec {to}>&-
    ended "$pid" 0
    adds_up report
}

# tap_loses_whole_records FILE: as for an output. But if bpipe stopped waiting for the tap at the
# end, the record that the tap was getting is cut.
tap_loses_whole_records() {
    local found
    head -n "$(lines_of "$1")" "$1" >whole
    found=$(holes in whole) || { echo "$found" && return 1; }
    equal "$(tap_number records_dropped)" "${found%% *}" "records missing in $1" || return 1
    equal "$(($(tap_number bytes) + $(tap_number bytes_dropped)))" "$(size_of in)" || return 1
    equal "$(tap_number bytes)" "$(size_of "$1")" "bytes in $1"
}

@test "a slow tap loses the oldest records, and gets whole records" {
    numbered 40000 100 >in
    mkfifo slow
    { for step in 1 3000 17 100000 65536 4; do head -c $step && sleep 0.01; done && exec cat; } <slow >seen &
    tapped -J 0 -l -B 20000 --tap slow
    wait
    tap_loses_whole_records seen
    [ "$(tap_number records_dropped)" -gt 0 ]
    equal "$(tap_number bytes)" "$(size_of seen)"
}

ends_alike() { # FILE FILE
    cmp -s <(tail -c 10000 "$1") <(tail -c 10000 "$2")
}

@test "a stuck tap without records gets new bytes when it takes bytes again" {
    random_bytes 1000000 >in
    open_stuck
    mkfifo feed
    "$BPIPE" -J 0 -B 20000 --tap stuck --report json:report <feed >out 2>err {stuck}<&- &
    local pid=$!
    exec {to}>feed
    cat in >&"$to"
    wait_until 20 has_size out 1000000
    cat <stuck >seen {stuck}<&- {to}>&- &
    local reader=$!
    wait_until 20 has_more_than seen 60000 # the tap takes bytes again
    random_bytes 15000 >later
    cat later >&"$to"
    wait_until 20 ends_alike later seen
    exec {to}>&-
    ended "$pid" 0
    adds_up report
    kill "$reader"
    wait "$reader" || true
    equal "$(tap_number bytes)" "$(size_of seen)"
    [ "$(tap_number bytes_dropped)" -gt 500000 ]
    cmp -n 60000 in seen
    grep -qx 'bpipe: stuck: tap too slow: skipping data' err
}

@test "a tap that closes early is dropped, with a message" {
    random_bytes 1000000 >in
    mkfifo early slow
    head -c 10 <early >seen &
    "$BPIPE" -q --tap early --report json:report <slow >out 2>err &
    local pid=$!
    exec {to}>slow
    until has_size seen 10; do # its reader may come a little later than bpipe
        echo 0123456789 >&"$to"
        sleep 0.01
    done
    wait_until 20 grep -q 'going on without' err # though nothing comes
    cat in >&"$to"
    exec {to}>&-
    ended "$pid" 0
    cmp in <(tail -c 1000000 out)
    adds_up report
    equal 'bpipe: early: Broken pipe; going on without it' "$(<err)"
    grep -q '"name":"early",.*"error":"Broken pipe"' report
    [ "$(tap_number bytes_undelivered)" -ge 1000000 ]
}

@test "a tap that cannot be opened is left out, with a message" {
    random_bytes 100000 >in
    local reason
    mkdir directory
    for name in missing/tap:'No such file or directory' directory:'Is a directory' \
        fd://77:'Bad file descriptor'; do
        reason=${name##*:}
        name=${name%:*}
        echo "$name"
        tapped --tap "$name" --tap copy
        cmp in copy
        grep -qx "bpipe: $name: $reason; going on without it" err
        grep -q "\"error\":\"$reason\"" report
        equal 100000 "$(tap_number bytes_undelivered)"
        equal 0 "$(tap_number bytes_undelivered 1)"
        rm copy
    done
    mkfifo lonely
    tapped --tap lonely --tap copy
    cmp in copy
    grep -qx "bpipe: lonely: no reader in time" err
    equal 100000 "$(tap_number bytes_dropped)"
    rm copy
    # The output must exist nevertheless, and if it is refused no tap is touched.
    printf old >tap
    run -1 "$BPIPE" -q -o missing/out --tap tap in
    equal old "$(<tap)"
    run -1 "$BPIPE" -q --tap tap missing
    equal old "$(<tap)"
}

@test "a full disk under a tap" {
    [ -w /dev/full ] || skip "no /dev/full"
    random_bytes 100000 >in
    tapped --tap /dev/full
    grep -qx 'bpipe: /dev/full: No space left on device; going on without it' err
}

@test "two taps, one of them stuck, and several outputs" {
    numbered 40000 60 >in
    open_stuck
    tapped -J 0 -l -B 10000 --tap stuck --tap copy -o - -o second {stuck}<&-
    cmp in copy
    cmp in second
    equal 0 "$(tap_number bytes_dropped 1)"
    [ "$(tap_number records_dropped)" -gt 0 ]
    timeout -k 1 10 head -c "$(tap_number bytes)" <stuck >seen
    # Only whole lines, except the one that the tap was getting at the end.
    grep -n '' seen | head -n -1 | cut -d: -f2- >whole
    refute grep -vxFf in whole
}

@test "taps and policies that drop: each output and tap has its own gaps" {
    numbered 20000 60 >in
    mkfifo feed
    local policy
    for policy in drop-newest drop-oldest; do
        rm -f copy
        marking=1
        flood --overflow "$policy" -l --gap-mark -B 5000 --tap copy
        loses_whole_records
        case $policy in
        drop-newest) cmp out copy ;; # dropped before it comes to the taps
        drop-oldest) cmp in copy ;;
        esac
    done
}

@test "at the end bpipe waits only briefly for a tap, and not at all after a signal" {
    random_bytes 300000 >in
    open_stuck
    mkfifo feed
    defsig "$BPIPE" -q -J 0 --tap stuck --report json:report <feed >out {stuck}<&- &
    local pid=$!
    exec {to}>feed
    cat in >&"$to"
    wait_until 20 has_size out 300000
    kill -INT "$pid"
    ended "$pid" 130
    adds_up report 130
    [ "$(tap_number bytes_dropped)" -gt 100000 ]
    exec {to}>&-
    # A tap that accepts everything it is given must not keep a signal from being heard, either.
    if [ -e "${FAULT_SO:?}" ]; then
        FAULT_ONLY=bpipe FAULT_SCRIPT="write:*/tiny:200:raise=2;write:*/tiny:*:short=1" \
            LD_PRELOAD=${FAULT_SO:?} "$BPIPE" -q --tap tiny --report json:report <in >out
        cmp in out
        adds_up report 0
        rm report
        [ "$(wc -c <tiny)" -lt 300 ]
        [ "$(wc -c <tiny)" -ge 200 ]
        cmp -n "$(wc -c <tiny)" tiny in
    fi
    # A departed reader ends the run, even if the tap lacks bytes.
    local -a statuses
    yes | "$BPIPE" -q --tap copy --report json:report | head -n 1 >out || true
    wait_until 10 [ -s report ]
    adds_up report "$(last_number exit_status report)"
    head -c 1000 copy | cmp -n 1000 <(yes | head -n 500) -
}

@test "a late tap misses only the bytes that have left the buffer" {
    numbered 5000 60 >in
    mkfifo late feed
    local option pid
    for option in "--spool . -B 5K" "--merge -B 5K" "-B 5K --overflow drop-newest" "-B 50"; do
        rm -f report stuck got pid
        open_stuck
        # shellcheck disable=SC2086
        "$BPIPE" -q -l $option --tap late -P pid --report json:report feed >stuck \
            {stuck}<&- &
        pid=$!
        exec {to}>feed # a tap that comes after the end is not waited for
        cat in >&"$to" {stuck}<&- &
        wait_until 20 [ -s pid ]
        # All of it is in the spool and the pipe before the tap comes.
        [[ $option != --spool* ]] || wait_number "$pid" report bytes_in "$(size_of in)"
        cat late >got {stuck}<&- {to}>&- &
        wait_until 20 holds "$pid" late
        exec {to}>&-
        drained "$pid" 0
        exec {stuck}<&-
        wait
        adds_up report
        equal 5000 "$(last_number records_in report)" "records in, $option"
        equal "$(lines_of got)" "$(tap_number records_out)" "records of the tap, $option"
        equal 5000 $(($(tap_number records_out) + $(tap_number records_dropped))) "all, $option"
        [[ $option == *drop* ]] || cmp in out
    done
}

@test "the failure of a tap does not fail the run; that of an output does" {
    random_bytes 300000 >in
    [ -w /dev/full ] || skip "no /dev/full"
    status=0
    cat in | "$BPIPE" -q -o /dev/full --tap copy --report json:report 2>err || status=$?
    equal 1 "$status"
    adds_up report 1
    grep -q 'write failed at byte 0' err
}

@test "a tap that takes small pieces, but never stops, misses nothing" {
    skip_unless_faults
    numbered 300 60 >in
    export FAULT_ONLY=bpipe FAULT_SCRIPT="write:*/copy:*:short=1"
    local option
    for option in "" -l "-z 100" "--overflow drop-newest"; do
        # shellcheck disable=SC2086
        LD_PRELOAD=${FAULT_SO:?} tapped -B 1000 $option --tap copy
        cmp in copy
    done
}

@test "random faults with taps: 8 seeds" {
    skip_unless_faults
    local seed first=${TEST_SEED:-$RANDOM} runs=8
    [ -z "${TEST_LONG:-}" ] || runs=160
    numbered 4000 100 >in
    open_stuck
    export FAULT_ONLY=bpipe FAULT_RATE=25 FAULT_DELAY_US=200 FAULT_LOG=$T/log
    for ((seed = first; seed < first + runs; seed++)); do
        echo "TEST_SEED=$seed"
        rm -f slow seen
        mkfifo slow
        { for step in 1 3000 17 100000; do head -c $((step + seed % 100)); done && exec cat; } <slow >seen &
        FAULT_SEED=$seed LD_PRELOAD=${FAULT_SO:?} tapped -J 0 -l -B 5000 --tap slow --tap stuck {stuck}<&-
        wait
        tap_loses_whole_records seen
        FAULT_SEED=$seed LD_PRELOAD=${FAULT_SO:?} tapped -B 5000 -z 999 --tap copy
        cmp in copy
    done
    grep -q fault=short log
    grep -q fault=EINTR log
}

@test "two names of one file: --atomic, and the spool" {
    random_bytes 100000 >in
    result "$BPIPE" -q --atomic -o out --tap out in
    equal "1::bpipe: out: is already an output" "$result"
    [ ! -e out ]
    local reason
    for option in "-o same" "-o out --tap same" "-o out --report json:same" "-o out -P same"; do
        reason='is also an input, output or report'
        [[ $option != *-P* ]] || reason='is also the pidfile'
        # shellcheck disable=SC2086
        result "$BPIPE" -q --spool same $option in
        equal "1::bpipe: --spool: same: $reason" "$result"
        [ ! -e same ] && [ ! -e out ]
    done
}

@test "an output that fails before its mark was written does not stop the others" {
    mkfifo feed gone
    exec {gone}<>gone
    "$BPIPE" -q -J 0 -l -B 4096 --overflow drop-oldest --gap-mark -o copy -o gone --report json:report \
        <feed 2>err {gone}>&- &
    local pid=$!
    exec {to}>feed
    numbered 300 2000 >in
    cat in >&"$to"
    wait_until 20 grep -q 'gone: buffer full' err
    exec {gone}>&-
    wait_until 20 grep -q 'gone: write failed' err
    { head -c 10000 /dev/zero | tr '\0' x && echo && echo end; } >&"$to" # longer than the buffer
    exec {to}>&-
    ended "$pid" 1
    equal end "$(tail -n 1 copy)"
    adds_up report 1
}

@test "a tap of records gets no torn record" {
    local brings="printf 'one\\ntwo\\nto'"
    run -1 --separate-stderr "$BPIPE" -q -l --tap tap --report json:report --from "$brings; exit 3" -o out
    equal "bpipe: $brings; exit 3: exited with status 3 at byte 10" "$stderr"
    equal $'one\ntwo\nto' "$(<out)"
    equal $'one\ntwo\n.' "$(cat tap && echo .)"
    adds_up report 1
    # Nothing waits for the tap. It gets a last record that is whole, even if that is known late.
    "$BPIPE" -q -l --tap tap --report json:report --from "$brings; exec >&-; until [ -e go ]; do sleep 0.01; done" -o out &
    local pid=$!
    wait_until 20 size_is out 10 >/dev/null
    wait_until 20 size_is tap 8 >/dev/null
    wait_until 20 in_poll "$pid"
    size_is tap 8
    : >go
    ended "$pid" 0
    equal_files out tap
    adds_up report
}

@test "a tap of merged records gets no part of a record" {
    { echo short; head -c 6000 /dev/zero | tr '\0' y; echo; printf after; } >a
    : >b
    "$BPIPE" -q -l --merge -B 4096 --start-fill 95 --tap tap --report json:report a b -o out
    { cat a; echo; } | cmp - out
    equal "short after" "$(xargs <tap)"
    adds_up report
}
