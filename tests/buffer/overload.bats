#!/usr/bin/env bats
#
# --overflow and --gap-mark: what is lost when the buffer is full, that it is counted to the byte,
# and which side is held up. (test_overrun.c and test_admission.c test where bytes go in memory.)

# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002
# $marking and $nul are for loses_whole_records:
# shellcheck disable=SC2034

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../overload

# --- the producer is not held up --------------------------------------------------------------

@test "bytes: the newest are dropped, and all earlier bytes arrive" {
    local option size bytes
    # More bytes than the buffer and a pipe hold.
    for option in "-B 1" "-B 1000" "-B 100000 -z 777" "-B 200000 --chunk-size 1"; do
        echo "options: $option"
        bytes=400000
        [[ $option != "-B 1" ]] || bytes=150000 # it reads them one by one
        random_bytes "$bytes" >in
        # shellcheck disable=SC2086
        flood --overflow drop-newest $option
        size=$(size_of out)
        cmp -n "$size" in out
        equal $((bytes - size)) "$(last_number bytes_dropped report)"
        [ "$size" -lt $((bytes * 3 / 4)) ]
        said_once "$dropping_newest"
        grep -q '"records_dropped":null' report
    done
}

@test "bytes: the oldest are dropped, the newest fill the buffer" {
    local size buffer bytes
    for buffer in 1 1000 100000 200000; do
        echo "buffer: $buffer"
        bytes=$((buffer == 1 ? 150000 : 700000)) # with -B 1 it reads them one by one
        random_bytes "$bytes" >in
        flood --overflow drop-oldest -B "$buffer"
        size=$(size_of out)
        [ "$size" -gt "$buffer" ]
        cmp <(tail -c "$buffer" in) <(tail -c "$buffer" out)
        cmp -n $((size - buffer)) in out
        equal $((bytes - size)) "$(last_number bytes_dropped report)"
        said_once "$dropping_oldest"
    done
}

# policies_and_units FUNCTION: calls it for lines and NUL-terminated records, with and without
# marks, under both policies.
policies_and_units() {
    local policy unit mark
    numbered 10000 60 >lines
    for unit in -l -0; do
        nul=
        cp lines in
        [ "$unit" = -l ] || { tr '\n' '\000' <lines >in && nul=1; }
        for policy in drop-newest drop-oldest; do
            for mark in "" --gap-mark; do
                marking=${mark:+1}
                echo "--overflow $policy $unit $mark"
                "$1"
            done
        done
    done
}

records_flood() {
    local buffer number lines
    for buffer in 256 5000 100001; do
        # shellcheck disable=SC2086
        flood --overflow "$policy" $unit $mark -B "$buffer" -z $((buffer / 3 + 7))
        loses_whole_records
        read_number records_in report
        equal 10000 "$number"
        read_number records_dropped report
        [ "$number" -gt 5000 ]
        mapfile -t lines <err
        equal 1 "${#lines[@]}"
    done
}

@test "records: whole ones are dropped, and marks say how many, where they are missing" {
    policies_and_units records_flood
}

@test "records: of the newest and of the oldest" {
    seq 1 50000 >in # none is shorter than one before it, and fits where that did not
    flood --overflow drop-newest -l -B 10000
    cmp -n "$(size_of out)" in out
    flood --overflow drop-oldest -l -B 10000
    equal "$(tail -n 100 in)" "$(tail -n 100 out)"
    equal "$(head -n 100 in)" "$(head -n 100 out)"
}

@test "a record of which a part was written is not dropped" {
    local longest policy
    for longest in 30000 70000; do
        numbered 60 "$longest" >in
        for policy in drop-newest drop-oldest; do
            # A pipe holds 64 KiB: it takes a part of some record.
            marking=
            flood --overflow "$policy" -l -B 200000
            loses_whole_records
            [ "$(last_number records_dropped report)" -gt 10 ]
            marking=1
            flood --overflow "$policy" -l -B 100000 --gap-mark
            loses_whole_records
        done
    done
}

in_small_steps() {
    local seed=$1
    shift
    rm -f report feed
    mkfifo feed
    # A producer and a consumer that move in bursts; a pipe of one page.
    "$BPIPE" -q -J 4096 "$@" --report json:report <feed |
        { for step in 1 3000 17 100000; do head -c $((step + seed % 1000)) && sleep 0.01; done && cat; } >out &
    awk -v seed="$seed" 'BEGIN { srand(seed) } { print } rand() < 0.002 { system("sleep 0.001") }' in >feed
    wait_until 30 [ -s report ]
    wait_until 30 size_is out "$(of_output stdout bytes)"
    wait
    adds_up report
    loses_whole_records
}

@test "a consumer in fits and starts gets whole records" {
    numbered 6000 300 >in
    local seed=$RANDOM policy
    for policy in drop-newest drop-oldest; do
        echo "seed $seed"
        marking=
        in_small_steps "$seed" --overflow "$policy" -l -B 3000
        marking=1
        in_small_steps "$seed" --overflow "$policy" -l --gap-mark -B 3000 --start-fill 50
    done
}

@test "a record longer than the buffer is dropped whole, even if no output is slow" {
    set -o pipefail
    local policy option buffer=1000
    { numbered 50 100 && head -c 5000 /dev/zero | tr '\000' y && echo && numbered 30 80 &&
        head -c $((buffer + 1)) /dev/zero | tr '\000' z && echo &&
        head -c $((buffer - 1)) /dev/zero | tr '\000' w && echo; } >in
    grep -v '[yz]' in >want
    for policy in drop-newest drop-oldest; do
        # From a file nothing else is lost, however slow the consumer is.
        for option in "" "-z 7" "--start-fill 100" "--resume-fill 0"; do
            echo "$policy $option"
            # shellcheck disable=SC2086
            "$BPIPE" -q --overflow "$policy" -l -B "$buffer" $option --report json:report in | cmp want -
            adds_up report
            equal 2 "$(last_number records_dropped report)"
            equal $((5001 + buffer + 2)) "$(last_number bytes_dropped report)"
        done
        # Marks need room, too.
        "$BPIPE" -q --overflow "$policy" -l -B "$buffer" --gap-mark --report json:report in >out
        grep -v '^\[bpipe: 1 records, [0-9]* bytes dropped\]$' out | grep -v w | cmp <(grep -v w want) -
        equal "[bpipe: 1 records, 5001 bytes dropped]" "$(sed -n 51p out)"
        adds_up report
    done
    "$BPIPE" -q --overflow block -l -B "$buffer" in | cmp in -
    "$BPIPE" -q --overflow fail -l -B "$buffer" in | cmp in -
}

@test "a last record without a terminator is a record" {
    local policy
    for policy in drop-newest drop-oldest; do
        # It is delivered ...
        printf 'a\nb' | "$BPIPE" -q --overflow "$policy" -l --report json:report | cmp <(printf 'a\nb') -
        adds_up report
        equal 1 "$(last_number records_in report)"
        equal 0 "$(last_number records_dropped report)"
        # ... or dropped: if it is longer than the buffer ...
        { echo a && head -c 2000 /dev/zero; } >in
        "$BPIPE" -q --overflow "$policy" -l -B 1000 --report json:report in | cmp <(echo a) -
        adds_up report
        equal 1 "$(last_number records_dropped report)"
        equal 2000 "$(last_number bytes_dropped report)"
        cat in | "$BPIPE" -q --overflow "$policy" -l -B 1000 --gap-mark --report json:report >out
        adds_up report
        printf 'a\n[bpipe: 1 records, 2000 bytes dropped]\n' | cmp - out
        # ... and the next input does not begin with it.
        printf 'end\nb\n' >next
        "$BPIPE" -q --overflow "$policy" -l -B 1000 --report json:report in next | cmp <(printf 'a\nb\n') -
        adds_up report
        equal 2004 "$(last_number bytes_dropped report)"
        equal 1 "$(last_number records_dropped report)"
    done
    # ... or if there is no room for it.
    { seq 1 50000 && printf '50001 the last'; } >in
    flood --overflow drop-newest -l -B 1000
    cmp -n "$(size_of out)" in out
    equal $((50001 - $(lines_of out))) "$(last_number records_dropped report)"
    flood --overflow drop-oldest -l -B 1000
    equal '50001 the last' "$(tail -n 1 out)"
}

# torn STATUS WANT UNDELIVERED OPTION...: bpipe ends with STATUS and writes WANT; UNDELIVERED bytes
# are undelivered, and none are dropped.
torn() {
    local status=0 want_status=$1 want=$2 undelivered=$3 came number
    shift 3
    echo "torn: $*"
    : >report
    "$BPIPE" -q --report json:report "$@" >out 2>err || status=$?
    equal "$want_status" "$status"
    ! IFS= read -r -d '' came <out # fails at the end of the file
    equal "$want" "$came."
    read_number bytes_undelivered report
    equal "$undelivered" "$number" bytes_undelivered
    read_number bytes_dropped report
    equal 0 "$number" bytes_dropped
    adds_up report "$want_status"
}

@test "a record that its input has torn is withheld, and the next input does not begin with it" {
    local policy how option
    local brings="printf 'one\\ntwo\\nto'"
    for policy in drop-newest drop-oldest; do
        for how in 'exit 3' 'kill -9 $$' 'exec >&-; sleep 0.1; exit 3'; do
            torn 1 $'one\ntwo\n.' 2 -l --overflow "$policy" --from "$brings; $how"
            torn 1 $'one\ntwo\nok\n.' 2 -l --overflow "$policy" --from "$brings; $how" --from 'echo ok'
            torn 1 $'one\ntwo\nok.' 2 -l --overflow "$policy" --from "$brings; $how" --from 'printf ok'
            torn 1 $'one\ntwo\none\ntwo\n.' 4 -l --overflow "$policy" --from "$brings; $how" --from "$brings; $how"
            torn 1 $'one\ntwo\n.' 2 -l --overflow "$policy" --from "$brings; $how" missing
        done
        for option in "--spool ." "--tap tap" "-o - -o copy" "-z 1" "--gap-mark" "--start-fill 100"; do
            # shellcheck disable=SC2086
            torn 1 $'one\ntwo\nok\n.' 2 -l --overflow "$policy" $option --from "$brings; exit 3" --from 'echo ok'
            # shellcheck disable=SC2086
            torn 1 $'one\ntwo\n.' 2 -l --overflow "$policy" $option --from "$brings; exit 3"
        done
        equal $'one\ntwo\n.' "$(cat copy && echo .)"
        # An input that has ended well is passed on as always.
        torn 0 $'one\ntwo\ntook\n.' 0 -l --overflow "$policy" --from "$brings; exec >&-; sleep 0.1" --from 'echo ok'
        torn 0 $'one\ntwo\nto.' 0 -l --overflow "$policy" --from "$brings; exec >&-; sleep 0.1"
        # A record that was being dropped is dropped, and what follows is not a part of it.
        run -1 "$BPIPE" -q -l -B 1000 --overflow "$policy" --report json:report \
            --from 'echo a; head -c 2000 /dev/zero; exit 3' --from 'printf "b\nc\n"'
        equal $'a\nb\nc' "$(grep -v '^bpipe: ' <<<"$output")"
        adds_up report 1
        equal "1 2000" "$(last_number records_dropped report) $(last_number bytes_dropped report)"
        run -1 "$BPIPE" -q -l -B 1000 --overflow "$policy" --report json:report \
            --from 'echo a; head -c 2000 /dev/zero; exit 3' --from 'printf "b\nx"; exit 3'
        equal $'a\nb' "$(grep -v '^bpipe: ' <<<"$output")"
        adds_up report 1
        equal "1 2000 1" \
            "$(last_number records_dropped report) $(last_number bytes_dropped report) $(last_number bytes_undelivered report)"
        # A signal comes before that is known.
        rm -f out
        "$BPIPE" -q -l --overflow "$policy" --report json:signalled \
            --from "$brings; exec >&-; exec sleep 100" --from 'echo ok' >out &
        local pid=$!
        wait_until 20 has_lines out 2
        wait_until 20 in_poll "$pid"
        kill -TERM "$pid"
        ended "$pid" 143
        equal $'one\ntwo\n.' "$(cat out && echo .)"
        equal 2 "$(last_number bytes_undelivered signalled)"
        adds_up signalled 143
        rm signalled
        # A timeout
        torn 4 $'one\ntwo\n.' 2 -l --overflow "$policy" --idle-timeout 0.2 --from "$brings; exec sleep 100"
    done
    # Bytes that go out as they come are the same as those of cat(1).
    torn 1 $'one\ntwo\ntook\n.' 0 -l --from "$brings; exit 3" --from 'echo ok'
    torn 1 $'one\ntwo\ntook\n.' 0 -l --overflow fail --from "$brings; exit 3" --from 'echo ok'
    torn 1 $'one\ntwo\nto.' 0 -l -C --from "$brings; exit 3"
    torn 1 $'one\ntwo\nto.' 0 --overflow drop-newest --from "$brings; exit 3"
}

@test "a file that cannot be read on has torn its last record" {
    skip_unless_faults
    printf 'one\ntwo\ntore\n' >a
    echo ok >b
    local policy status
    for policy in drop-newest drop-oldest; do
        status=0
        with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="read:*/a:@10:EIO" "$BPIPE" -q -l -z 5 --overflow "$policy" \
            --report json:report a b >out 2>err || status=$?
        equal 1 "$status"
        equal $'one\ntwo\nok' "$(<out)"
        adds_up report 1
    done
}

# --- several outputs --------------------------------------------------------------------------

@test "drop-oldest: a stuck output loses its own records, the others get everything" {
    numbered 20000 60 >in
    local option
    for option in "" -l "-l --gap-mark"; do
        # shellcheck disable=SC2086
        flood --overflow drop-oldest $option -B 5000 -o copy -o - -o other
        cmp in copy
        cmp in other
        equal 0 "$(of_output copy bytes_dropped)"
        [ "$(of_output stdout bytes_dropped)" -gt 100000 ]
        said_once "$dropping_oldest"
        case $option in
        "") ;;
        -l) marking='' loses_whole_records ;;
        *) marking=1 loses_whole_records ;;
        esac
    done
}

@test "drop-newest: all outputs miss the same" {
    numbered 20000 60 >in
    local option
    for option in "" -l "-l --gap-mark"; do
        # shellcheck disable=SC2086
        flood --overflow drop-newest $option -B 5000 -o copy -o - -o other
        cmp out copy
        cmp out other
        equal "$(of_output copy bytes_dropped)" "$(of_output stdout bytes_dropped)"
        [ "$(of_output stdout bytes_dropped)" -gt 100000 ]
        said_once "$dropping_newest"
        case $option in
        "") ;;
        -l) marking='' loses_whole_records ;;
        *) marking=1 loses_whole_records ;;
        esac
    done
}

@test "an output that fails or departs under a drop policy" {
    numbered 20000 60 >in
    local policy
    for policy in drop-newest drop-oldest; do
        cat in | "$BPIPE" -q --overflow "$policy" -l -B 5000 --report json:report | head -n 1 >out || true
        wait_until 10 [ -s report ]
        # head may or may not be quicker than the producer.
        adds_up report "$(last_number exit_status report)"
        equal "$(head -n 1 in)" "$(<out)"
        cat in | { "$BPIPE" --overflow "$policy" -l -B 5000 -o - -o copy --report json:report 2>err ||
            touch failed; } | head -n 1 >out
        wait_until 10 [ -s report ]
        adds_up report "$(last_number exit_status report)"
        marking='' loses_whole_records copy copy
        rm -f failed
    done
}

@test "while bytes are dropped, the verdict is the output" {
    random_bytes 3000000 >in
    local policy
    for policy in drop-newest drop-oldest; do
        rm -f feed stuck report
        mkfifo feed
        open_stuck
        "$BPIPE" -q -J 0 -B 64K --overflow $policy --report json:report <feed >stuck 2>err {stuck}<&- &
        local pid=$!
        exec {to}>feed
        timeout 20 cat in >&"$to"
        wait_until 10 in_poll "$pid"
        sleep 0.2 # which is most of the run
        exec {to}>&-
        drained "$pid" 0
        grep -q '"bottleneck":"output","bottleneck_endpoint":"stdout"' report
        exec {stuck}>&-
    done
}

@test "the report counts the bytes that the output got" {
    numbered 30000 100 >in
    flood --overflow drop-oldest -l -B 10000 --report prometheus:metrics
    equal "bpipe_passed_bytes_total $(size_of out)" "$(grep '^bpipe_passed_bytes_total' metrics)"
    flood --overflow drop-newest -l -B 10000 --report prometheus:metrics
    equal "bpipe_passed_bytes_total $(size_of out)" "$(grep '^bpipe_passed_bytes_total' metrics)"
}

# --- fail -------------------------------------------------------------------------------------

@test "fail: status 3, and earlier bytes are delivered" {
    random_bytes 700000 >in
    local buffer
    for buffer in 1 1000 100000; do
        rm -f feed stuck report
        open_stuck
        mkfifo feed
        "$BPIPE" -J 0 --overflow fail -B "$buffer" --report json:report <feed >stuck 2>err {stuck}<&- &
        local pid=$!
        cat in >feed || true # SIGPIPE
        wait_until 10 grep -q 'giving up' err
        refute gone "$pid" # it drains
        drained "$pid" 3
        adds_up report 3
        said_once "$giving_up"
        [ "$(size_of out)" -gt "$buffer" ]
        cmp -n "$(size_of out)" in out
        # The bytes that had been read and could not be kept.
        [ "$(last_number bytes_undelivered report)" -gt 0 ]
        equal 0 "$(last_number bytes_dropped report)"
        exec {stuck}<&-
    done
}

@test "fail: the drain has a limit by default" {
    random_bytes 700000 >in
    open_stuck
    cat in | "$BPIPE" -J 0 --overflow fail -B 1000 --drain-timeout 0.2 --report json:report >stuck 2>err || true
    adds_up report 3
    equal 2 "$(lines_of err)"
    equal "$(tail -n 1 err)" 'bpipe: stdout: took no data for 200 ms (--drain-timeout)'
    cat in | "$BPIPE" -q -J 0 --overflow fail -B 1000 --report json:report >stuck 2>err || true
    adds_up report 3
    equal "$(tail -n 1 err)" 'bpipe: stdout: took no data for 10.0 s (--drain-timeout)'
}

@test "fail: nothing happens while everything fits" {
    random_bytes 700000 >in
    cat in | "$BPIPE" --overflow fail --report json:report 2>err | cmp in -
    adds_up report
    [ ! -s err ]
    flood --overflow fail -B 700000
    cmp in out
    flood --overflow fail -B 700000 --start-fill 100
    cmp in out
}

# --- waiting ----------------------------------------------------------------------------------

@test "a regular file waits under every policy" {
    { numbered 20000 60 && head -c 70000 /dev/zero | tr '\000' x && echo; } >in
    local policy option
    for policy in block drop-newest drop-oldest fail; do
        for option in "" -l; do
            echo "$policy $option"
            # The long line is too long for the buffer only where whole records are offered.
            rm -f stuck report
            open_stuck
            # shellcheck disable=SC2086
            "$BPIPE" -J 0 --overflow "$policy" $option -B 100000 --report json:report in >stuck 2>err {stuck}<&- &
            local pid=$!
            wait_until 10 in_poll "$pid"
            timeout -k 1 20 head -c "$(size_of in)" <stuck | cmp in -
            ended "$pid" 0
            adds_up report
            equal 0 "$(last_number bytes_dropped report)"
            [ ! -s err ]
            exec {stuck}<&-
        done
    done
    # Even a line that is longer than the buffer does not make a file an overflow.
    rm -f stuck
    open_stuck
    "$BPIPE" -J 0 --overflow fail -l -B 1000 --report json:report in >stuck 2>err {stuck}<&- &
    wait_until 10 in_poll $!
    timeout -k 1 20 head -c "$(size_of in)" <stuck | cmp in -
    ended $! 0
    adds_up report
}

@test "bpipe does not spin while a consumer is stuck and no bytes come" {
    random_bytes 300000 >in
    local policy
    for policy in drop-newest drop-oldest; do
        rm -f stuck report feed
        open_stuck
        mkfifo feed
        defsig "$BPIPE" -q -J 0 --overflow "$policy" -B 1000 --report json:report <feed >stuck {stuck}<&- &
        local pid=$! used
        exec {to}>feed
        cat in >&"$to"
        wait_until 10 has_control "$pid"
        wait_until 10 in_poll "$pid"
        used=$(cut -d' ' -f14,15 "/proc/$pid/stat")
        sleep 0.5
        equal "$used" "$(cut -d' ' -f14,15 "/proc/$pid/stat")" "its processor time"
        exec {to}>&-
        kill -INT "$pid"
        ended "$pid" 130
        adds_up report 130
        equal 300000 "$(last_number bytes_in report)"
        exec {stuck}<&-
    done
}

@test "the output's pipe is not grown under a drop policy, unless by -J" {
    ! is_portable || skip "the portable variant leaves the size of pipes alone"
    open_stuck
    local policy before
    before=$(pipesize "$stuck")
    for policy in drop-newest drop-oldest; do
        mkfifo feed
        "$BPIPE" -q --overflow "$policy" --report json:report <feed >stuck &
        exec {to}>feed
        echo hello >&"$to"
        read -r _ <stuck
        equal "$before" "$(pipesize "$stuck")" "the pipe under $policy"
        [ "$(pipesize "$to")" -gt "$before" ] # the pipe of the input is grown
        exec {to}>&-
        ended $! 0
        rm feed
    done
    for policy in block fail; do
        mkfifo feed
        "$BPIPE" -q --overflow "$policy" --report json:report <feed >stuck &
        exec {to}>feed
        echo hello >&"$to"
        read -r _ <stuck
        [ "$(pipesize "$stuck")" -gt "$before" ]
        exec {to}>&-
        ended $! 0
        rm feed
    done
}

# --- with other options -----------------------------------------------------------------------

@test "start and resume marks, with tiny buffers" {
    numbered 5000 20 >in
    local policy start resume buffer number
    for policy in drop-newest drop-oldest; do
        for buffer in 1 100 3000; do
            for start in 0 50 100; do
                for resume in 0 50; do
                    ((buffer == 100)) || ((start == resume)) || continue
                    echo "$policy $buffer $start $resume"
                    marking=
                    flood --overflow "$policy" -B "$buffer" --start-fill "$start" --resume-fill "$resume"
                    read_number bytes_dropped report
                    [ "$number" -gt 0 ]
                    flood --overflow "$policy" -l -B "$buffer" --start-fill "$start" --resume-fill "$resume"
                    loses_whole_records
                done
            done
        done
    done
}

@test "few bytes and the end of input, with marks of all kinds" {
    local policy start resume unit text
    for policy in drop-newest drop-oldest fail; do
        for unit in "" -l; do
            for start in 0 100; do
                for resume in 0 100; do
                    for text in '' $'a\n' 'a' $'a\nbb\nccc\nd'; do
                        printf %s "$text" >in
                        # shellcheck disable=SC2086
                        piped -o out -c in in "$BPIPE" -q --overflow "$policy" $unit -B 300 \
                            --start-fill $start --resume-fill $resume --report json:report >sizes
                        adds_up report
                    done
                done
            done
        done
    done
}

@test "timeouts of a stuck consumer, of a stuck producer, and of the drain" {
    random_bytes 300000 >in
    local policy
    for policy in drop-newest drop-oldest; do
        rm -f stuck feed idle
        open_stuck
        mkfifo feed
        { cat in && exec sleep 30; } >feed 3>&- 4>&- &
        status=0
        "$BPIPE" -J 0 --overflow "$policy" -B 1000 --stall-timeout 0.2 --report json:report <feed >stuck 2>err || status=$?
        equal 4 "$status"
        adds_up report 4
        equal 'bpipe: stdout: took no data for 200 ms (--stall-timeout)' "$(tail -n 1 err)"
        end_processes
        rm -f feed
        mkfifo feed
        { cat in && exec sleep 30; } >feed 3>&- 4>&- &
        status=0
        "$BPIPE" -J 0 --overflow "$policy" -B 1000 --idle-timeout 0.2 --drain-timeout 0.2 \
            --report json:report <feed >stuck 2>err || status=$?
        equal 4 "$status"
        adds_up report 4
        equal 300000 "$(last_number bytes_in report)"
        grep -qx 'bpipe: stdin: no data for 200 ms (--idle-timeout)' err
        equal 'bpipe: stdout: took no data for 200 ms (--drain-timeout)' "$(tail -n 1 err)"
        end_processes
        status=0
        cat in | "$BPIPE" -J 0 --overflow "$policy" -B 1000 --drain-timeout 0.2 --report json:report \
            >stuck 2>err || status=$?
        equal 4 "$status"
        adds_up report 4
        equal 'bpipe: stdout: took no data for 200 ms (--drain-timeout)' "$(tail -n 1 err)"
        exec {stuck}<&-
    done
}

@test "rate limits: bytes that they hold back are dropped if the buffer is full" {
    local policy
    numbered 6000 60 >in # 250 KB
    for policy in drop-newest drop-oldest; do
        echo "$policy"
        marking=1
        cat in | "$BPIPE" -q --overflow "$policy" -l --gap-mark -B 2000 -L 50K --report json:report >out
        adds_up report
        loses_whole_records
        [ "$(last_number records_dropped report)" -gt 1000 ]
        cat in | "$BPIPE" -q --overflow "$policy" -l --gap-mark -B 2000 --read-rate 2M -L 500 \
            --report json:report >out # records a second
        adds_up report
        loses_whole_records
        [ "$(last_number records_dropped report)" -gt 1000 ]
        cat in | "$BPIPE" -q --overflow "$policy" -B 2000 -L 50K --report json:report >out
        adds_up report
        equal "$(last_number bytes_out report)" "$(size_of out)"
        [ "$(last_number bytes_dropped report)" -gt 100000 ]
    done
    status=0
    cat in | "$BPIPE" -q --overflow fail -B 2000 -L 50K --report json:report >out 2>err || status=$?
    adds_up report 3
    cmp -n "$(size_of out)" in out
}

@test "blocks of bytes under a drop policy" {
    random_bytes 700000 >in
    local policy
    for policy in drop-newest drop-oldest; do
        flood --overflow "$policy" -B 10000 --block-size 1000
        [ "$(last_number bytes_dropped report)" -gt 100000 ]
        equal "$(last_number bytes_out report)" "$(size_of out)"
    done
}

@test "-S counts the bytes that come, not those that remain after drops" {
    numbered 20000 60 >in
    local policy
    for policy in drop-newest drop-oldest; do
        marking=
        cat in | { "$BPIPE" -q --overflow "$policy" -l -S -s 777 -B 3000 -L 50K --report json:report >out && cat >rest; }
        adds_up report
        tail -n +778 in | cmp - rest
        head -n 777 in >in.head && mv in in.all && mv in.head in
        loses_whole_records
        mv in.all in
    done
}

@test "signals under a drop policy" {
    numbered 20000 60 >in
    local policy signal
    for policy in drop-newest drop-oldest; do
        for signal in TERM INT; do
            rm -f stuck report feed
            open_stuck
            mkfifo feed
            defsig "$BPIPE" -q -J 0 --overflow "$policy" -l -B 10000 --report json:report <feed >stuck {stuck}<&- &
            local pid=$! number
            number=$(kill -l "$signal")
            exec {to}>feed
            cat in >&"$to"
            wait_number "$pid" report bytes_in "$(size_of in)"
            kill -"$signal" "$pid"
            if [ "$signal" = TERM ]; then
                drained "$pid" 143
                equal 0 "$(last_number bytes_undelivered report)"
                marking='' loses_whole_records
            else
                ended "$pid" 130
                [ "$(last_number bytes_undelivered report)" -gt 0 ]
            fi
            adds_up report $((128 + number))
            exec {to}>&- {stuck}<&-
        done
    done
}

@test "a socket and a terminal are inputs to which policies apply" {
    skip_unless python3
    cat >send.py <<'PY'
import socket, subprocess, sys
here, there = socket.socketpair()
data = open("in", "rb").read()
child = subprocess.Popen(sys.argv[1:], stdin=there, stdout=open("stuck", "wb", 0))
there.close()
here.settimeout(20)
here.sendall(data)  # would wait for ever
here.close()
open("finished", "w").close()
sys.exit(child.wait())
PY
    numbered 20000 60 >in
    open_stuck
    python3 send.py "$BPIPE" -q -J 0 --overflow drop-oldest -l -B 10000 --report json:report {stuck}<&- &
    local pid=$!
    wait_until 20 [ -e finished ]
    drained "$pid" 0
    adds_up report
    marking='' loses_whole_records
    [ "$(last_number bytes_dropped report)" -gt 100000 ]
}

# --- faults -----------------------------------------------------------------------------------

faulty_flood() { # SEED OPTION...
    local seed=$1
    shift
    FAULT_ONLY=bpipe FAULT_RATE=25 FAULT_SEED=$seed FAULT_DELAY_US=200 FAULT_LOG=$T/log \
        LD_PRELOAD=${FAULT_SO:?} flood "$@"
}

@test "random faults under every policy: 6 seeds" {
    skip_unless_faults
    local seed first=${TEST_SEED:-$RANDOM} runs=6
    [ -z "${TEST_LONG:-}" ] || runs=120
    for ((seed = first; seed < first + runs; seed++)); do
        echo "TEST_SEED=$seed"
        nul=
        numbered 4000 100 >in
        marking=1
        faulty_flood "$seed" --overflow drop-newest -l --gap-mark -B 3000 -z 900
        loses_whole_records
        faulty_flood "$seed" --overflow drop-oldest -l --gap-mark -B 3000 -z 900 -o - -o copy
        loses_whole_records
        cmp in copy
        random_bytes 200000 >in
        faulty_flood "$seed" --overflow drop-newest -B 3000
        cmp -n 3000 in out
        faulty_flood "$seed" --overflow drop-oldest -B 3000
        cmp <(tail -c 3000 in) <(tail -c 3000 out)
        faulty_flood "$seed" --overflow fail -B 200000
        cmp in out
        faulty_flood "$seed" --overflow fail -B 1000
        equal 3 "$(last_number exit_status report)"
        cmp -n "$(size_of out)" in out
    done
    for kind in short EINTR EAGAIN wakeup; do
        grep -q "fault=$kind" log
    done
}

# --- reports ------------------------------------------------------------------------------------

# Records leave some room unused, and drops make some more. An 8 KiB buffer in front of a pipe of 64
# KiB is full 8 or 9 times.
@test "drops count for the output's side, and one overload is counted once" {
    set -o pipefail
    seq 30000 >in
    local policy merge
    for policy in drop-newest drop-oldest; do
        for merge in "" --merge; do
            # shellcheck disable=SC2086
            { cat in && sleep 0.5; } | "$BPIPE" -q -l $merge --overflow $policy -B 8K -J 0 \
                --report json:report 2>err | { sleep 0.7 && cat >/dev/null; }
            adds_up report
            echo "$policy $merge: $(last_number full_count report)"
            grep -q '"bottleneck":"output","bottleneck_endpoint":"stdout"' report
            [ "$(last_number full_count report)" -lt 20 ]
            grep -q 'buffer full' err
        done
    done
}

@test "the text report and the live line show the records that went out, not those that came" {
    numbered 20000 40 >in
    local policy shown
    for policy in drop-newest drop-oldest; do
        echo "policy: $policy"
        flood -l -B 10000 --overflow "$policy" --gap-mark -n -b --report text:text
        shown=$(sed -n 's/.*, \([0-9]*\) records\{0,1\} in .*/\1/p' text | tail -n 1)
        equal "$(wc -l <out)" "$shown" "the report"
        equal "$(wc -l <out)" "$(grep -x '[0-9]*' err | tail -n 1)" "the live line"
        [ "$shown" -lt 20000 ]
    done
}

@test "while bytes are dropped the output is the slow side, even if the buffer takes new bytes" {
    # The producer writes ten times as much as the consumer reads, in pieces with pauses. So the
    # buffer has room for a moment again and again.
    for _ in {1..60}; do printf %040000d 0 && nap 0.02; done |
        "$BPIPE" -q -J 0 -B 64K --overflow drop-oldest --report json:report 2>err |
        while read -r -N 4000 _; do nap 0.04; done
    adds_up report
    [ "$(last_number bytes_dropped report)" -gt 0 ]
    local output absorb
    output=$(grep -o '"output":[0-9.]*' report | head -n 1 | cut -d: -f2)
    absorb=$(grep -o '"absorb":[0-9.]*' report | head -n 1 | cut -d: -f2)
    echo "output $output s, absorb $absorb s"
    awk "BEGIN { exit !($absorb * 5 < $output) }"
}

@test "of two outputs the one that misses bytes decides, not the first" {
    local order
    mkfifo feed fast slow
    for order in "fast slow" "slow fast"; do
        # shellcheck disable=SC2086
        "$BPIPE" -q -J 0 -B 100K --overflow drop-oldest --report json:report \
            -o ${order% *} -o ${order#* } <feed 2>err &
        pid=$!
        exec {to}>feed {fast}<fast {slow}<slow
        for _ in 1 2 3 4 5; do
            head -c 60000 /dev/zero >&"$to"
            head -c 60000 <&"$fast" >/dev/null
        done
        wait_until 20 grep -q 'slow: buffer full' err
        # The slow one takes most of what is left, so that the buffer has room, and then the other
        # one takes only a part of what comes.
        head -c 95000 <&"$slow" >/dev/null
        head -c 80000 /dev/zero >&"$to"
        wait_number "$pid" report bytes_in 380000
        nap 0.5
        exec {to}>&-
        cat <&"$fast" >/dev/null {fast}<&- &
        cat <&"$slow" >/dev/null {slow}<&- &
        exec {fast}<&- {slow}<&-
        ended "$pid" 0
        wait
        adds_up report
        echo "$order: output $(last_number output report), absorb $(last_number absorb report)"
        awk -v output="$(last_number output report)" -v absorb="$(last_number absorb report)" \
            'BEGIN { exit !(absorb + 0.4 < output) }'
        rm report err
    done
}
