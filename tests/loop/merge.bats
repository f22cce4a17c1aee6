#!/usr/bin/env bats
#
# --merge: all inputs at once, whole records, in fair turns, and no input affects another one.
# schedules.bats plays random schedules of it.

# A pipe is not the same input as the file itself, and tags are not files:
# shellcheck disable=SC2002,SC2094,SC2016

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../overload

# tagged TAG COUNT [LONGEST]: prints numbered lines that begin with TAG and a space.
tagged() {
    numbered "$2" "${3:-60}" | sed "s/^/$1 /"
}

# of_input INDEX KEY: prints a number of that input in the last line of ./report.
of_input() {
    tail -n 1 report | sed 's/.*"inputs":\[//; s/\],"outputs".*//' | tr '}' '\n' | sed -n "$(($1 + 1))p" |
        grep -o "\"$2\":[0-9.]*" | cut -d: -f2
}

# comes_whole TAG FILE [OUT]: OUT (./out) has exactly the lines of FILE, which begin with TAG.
comes_whole() {
    grep -a "^$1 " "${3:-out}" | cmp "$2" -
}

@test "every line comes whole, in the order of its input" {
    tagged a 5000 >a
    tagged b 600 2000 >b
    tagged c 50 >c
    local option
    for option in "" "-B 9000" "-B 300K -z 1000" "-C" "-B 8 -z 3" "--start-fill 90" "--resume-fill 10" \
        "-B 5000 --start-fill 100 --resume-fill 0" "-B 100000 --spool ." "-L 20M" "--block-size 4096" \
        "-B 1M --tap copy" "--read-rate 30M"; do
        echo "options: $option"
        # shellcheck disable=SC2086
        cat a | "$BPIPE" -q --merge -l $option --report json:report - b <(cat c) >out
        adds_up report
        equal "$(cat a b c | wc -lc | xargs)" "$(wc -lc <out | xargs)"
        comes_whole a a
        comes_whole b b
        comes_whole c c
        equal "$(size_of b)" "$(of_input 1 bytes)"
        equal 0 "$(last_number bytes_added report)"
    done
    cmp out copy || cmp <(sort copy) <(sort out)
    "$BPIPE" -q --merge a b -o one -o two -l
    cmp one two
    comes_whole a a one
    comes_whole b b two
}

@test "--start-fill does not wait for an input that --resume-fill holds back" {
    seq 1000000 >in
    local mark
    for mark in 0 50 90; do
        cat in | timeout -s KILL 30 "$BPIPE" -q --merge -l -B 1M --start-fill 100 --resume-fill "$mark" | cmp in -
    done
}

@test "one input, empty ones, none that can be read" {
    tagged a 1000 >a
    "$BPIPE" -q --merge -l a | cmp a -
    "$BPIPE" -q --merge a | cmp a -
    "$BPIPE" -q --merge -l /dev/null a <(true) | cmp a -
    "$BPIPE" -q --merge -l /dev/null /dev/null | cmp /dev/null -
    result "$BPIPE" -q --merge -l missing -o out
    equal "1::bpipe: missing: No such file or directory" "$result"
    [ ! -e out ]
}

@test "a last record without its terminator gets one, which is counted" {
    printf 'one\ntwo' >a
    printf 'three\n' >b
    printf 'four' >c
    "$BPIPE" -q --merge -l a b c -o out -o copy --report json:report
    equal "$(printf '%s\n' four one three two)" "$(sort out)"
    cmp out copy
    equal "1 0 1" "$(of_input 0 bytes_added) $(of_input 1 bytes_added) $(of_input 2 bytes_added)"
    equal 2 "$(last_number bytes_added report)"
    adds_up report
    printf 'one\0two' >a
    printf 'x\ny' >b
    "$BPIPE" -q --merge -0 a b --report json:report | tr '\0\n' ';,' | tr ';' '\n' >out
    equal "$(printf '%s\n' one two x,y)" "$(sort out)"
    equal "1 1" "$(of_input 0 bytes_added) $(of_input 1 bytes_added)"
    # Without records no terminators are added.
    "$BPIPE" -q --merge a b --report json:report >out
    equal "$(cat a b | wc -c)" "$(size_of out)"
    equal 0 "$(last_number bytes_added report)"
}

@test "without records: every byte of each input, in the order of that input" {
    head -c 700000 /dev/zero | tr '\0' a >a
    head -c 300001 /dev/zero | tr '\0' b >b
    local option
    for option in "" "-B 1000" "-B 2M -z 500"; do
        # shellcheck disable=SC2086
        "$BPIPE" -q --merge $option a <(cat b) --report json:report >out
        equal 700000 "$(tr -dc a <out | wc -c)"
        equal 300001 "$(tr -dc b <out | wc -c)"
        equal 1000001 "$(size_of out)"
        adds_up report
    done
    random_bytes 100000 >in
    "$BPIPE" -q --merge in | cmp in -
}

@test "a busy input does not block the others" {
    mkfifo rare seldom
    "$BPIPE" -q --merge -l <(exec yes busy) rare seldom 2>/dev/null | grep -v --line-buffered busy >out &
    exec {rare}>rare {seldom}>seldom
    local i
    for i in 1 2 3 4 5; do # each arrives while the busy input goes on: nothing else ends it
        echo "rare $i" >&"$rare"
        wait_until 20 has_lines out $((2 * i - 1))
        echo "seldom $i" >&"$seldom"
        wait_until 20 has_lines out $((2 * i))
    done
    exec {rare}>&- {seldom}>&-
    end_processes
    # (When bpipe was killed it may have been in the middle of a busy line.)
    equal "$(for i in 1 2 3 4 5; do echo "rare $i"; echo "seldom $i"; done)" "$(head -n 10 out)"
}

@test "turns are fair in bytes, with records of any length" {
    tagged a 40000 10 >a
    tagged b 4000 150 >b
    # While both inputs have something, each gets half.
    "$BPIPE" -q --merge -l -B 100000 a b >out
    local part
    head -c 200000 out >begin
    part=$(grep -a '^a ' begin | wc -c)
    [ "$part" -gt 70000 ]
    [ "$part" -lt 130000 ]
}

@test "a record longer than its share is not interrupted, or is dropped whole" {
    tagged a 2000 >a
    { tagged b 20; printf 'b long'; head -c 300000 /dev/zero | tr '\0' x; echo; tagged b 20; } >b
    "$BPIPE" -q --merge -l -B 20000 a <(cat b) --report json:report >out
    comes_whole a a
    comes_whole b b
    adds_up report
    # Under a policy that drops, it is dropped whole, and counted for its input.
    local policy
    for policy in drop-newest drop-oldest; do
        mkfifo later
        "$BPIPE" -q --merge -l -B 20000 --overflow $policy --report json:report a later >out 2>err &
        cat b >later
        wait
        rm later
        comes_whole a a
        adds_up report
        equal "$(of_output stdout bytes_dropped)" "$(of_input 1 bytes_dropped)"
        [ "$(of_input 1 bytes_dropped)" -ge 300000 ]
        equal 0 "$(of_input 0 bytes_dropped)"
        refute grep -q 'b long' out
    done
}

@test "an input that is too fast loses its own records" {
    tagged a 30000 >a
    tagged b 100 >b
    local policy
    for policy in drop-newest drop-oldest; do
        rm -f feed stuck report
        mkfifo feed
        open_stuck
        "$BPIPE" -q -J 0 --merge -l -B 30000 --overflow $policy --report json:report feed b \
            >stuck 2>err {stuck}<&- &
        local pid=$!
        timeout 20 cat a >feed # the producer is not held up, though the consumer takes nothing
        drained "$pid" 0
        adds_up report
        comes_whole b b
        [ "$(of_input 0 bytes_dropped)" -gt 100000 ]
        equal 0 "$(of_input 1 bytes_dropped)"
        grep -a '^a ' out | sed 's/^a //' >out.a
        sed 's/^a //' a >in
        holes in out.a >/dev/null
        exec {stuck}>&-
    done
}

@test "drop-oldest: an output that takes nothing holds up no other" {
    tagged a 30000 >a
    tagged b 3000 >b
    mkfifo feed
    open_stuck
    "$BPIPE" -q -J 0 --merge -l -B 30000 --overflow drop-oldest -o - -o copy --report json:report \
        feed b >stuck 2>err {stuck}<&- &
    local pid=$!
    exec {feed}>feed
    cat a >&"$feed"
    wait_until 20 has_size copy "$(cat a b | wc -c)" # though the other got next to nothing
    exec {feed}>&-
    drained "$pid" 0
    adds_up report
    comes_whole a a copy
    comes_whole b b copy
    [ "$(of_output stdout bytes_dropped)" -gt 100000 ]
    equal 0 "$(of_output copy bytes_dropped)"
}

@test "marks count the missing records of each input" {
    local policy
    for policy in drop-newest drop-oldest; do
        rm -f in feed stuck report
        tagged a 30000 >in
        mkfifo feed
        open_stuck
        "$BPIPE" -q -J 0 --merge -l -B 30000 --overflow $policy --gap-mark --report json:report feed \
            >stuck 2>err {stuck}<&- &
        local pid=$!
        timeout 20 cat in >feed
        drained "$pid" 0
        adds_up report
        equal "$(of_output stdout records_dropped)" \
            "$(awk '/^\[bpipe: / { sum += $2 } END { print sum + 0 }' out)"
        equal "$(of_output stdout bytes_dropped)" \
            "$(awk '/^\[bpipe: / { sum += $4 } END { print sum + 0 }' out)"
        equal "$(of_output stdout bytes_added)" "$(grep -a '^\[bpipe: ' out | wc -c)"
        exec {stuck}>&-
    done
}

@test "an input that cannot be opened or read does not disturb the others" {
    tagged a 5000 >a
    local status=0
    mkdir directory
    "$BPIPE" -q --merge -l a missing directory --report json:report >out 2>err || status=$?
    equal 1 "$status"
    cmp a out
    grep -qx 'bpipe: missing: No such file or directory' err
    grep -qx 'bpipe: directory: Is a directory' err
    skip_unless_faults
    tagged b 5000 >b
    status=0
    with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="read:*/b:@50000:EIO" "$BPIPE" -q --merge -l -z 5000 a b \
        --report json:report >out 2>err || status=$?
    equal 1 "$status"
    comes_whole a a
    grep -q '^bpipe: b: read failed at byte [0-9]*: Input/output error$' err
    [ "$(of_input 1 bytes)" -lt "$(size_of b)" ]
    adds_up report 1
}

# torn STATUS OPTION...: runs bpipe --merge -l with two inputs. `a` brings "one", "two" and an
# unfinished "to". ./out has the lines in any order, without "to", which is undelivered.
torn() {
    local status=0 want=$1
    shift
    echo "torn: $*"
    rm -f out report
    "$BPIPE" -q --merge --report json:report "$@" >out 2>err || status=$?
    equal "$want" "$status"
    equal "$(printf '%s\n' ok one two)" "$(tr '\0' '\n' <out | sort)"
    equal "2 0" "$(last_number bytes_undelivered report) $(last_number bytes_dropped report)"
    adds_up report "$want"
}

@test "a part of a record is withheld if its input failed" {
    local how option
    local brings="printf 'one\\ntwo\\nto'"
    for how in 'exit 3' 'kill -9 $$' 'kill -TERM $$' 'exec >&-; sleep 0.1; exit 3' 'sleep 1 & exit 3'; do
        torn 1 -l --from "$brings; $how" --from 'sleep 0.2; echo ok'
        torn 1 -l --from 'echo ok' --from "$brings; $how"
    done
    for option in "-B 40" "-B 40 -z 1" "--overflow drop-newest" "--overflow drop-oldest --gap-mark" "--overflow fail" \
        "-C" "--spool ." "--tap tap" "--start-fill 50" "-L 1M"; do
        # shellcheck disable=SC2086
        torn 1 -l $option --from "$brings; exit 3" --from 'sleep 0.1; echo ok'
    done
    equal "$(printf '%s\n' ok one two)" "$(sort tap)"
    torn 1 -0 --from "printf 'one\\0two\\0to'; exit 3" --from "printf 'ok\\0'"
    # A connection that is reset
    "$BPIPE" -q -o tcp-listen://127.0.0.1:0 --from "$brings; until [ -e go ]; do sleep 0.01; done" 2>listen.err &
    sender=$!
    wait_until 20 grep -q 'listening on' listen.err
    (wait_until 20 has_lines out 2 && kill -KILL "$sender"; : >go) &
    torn 1 -l "tcp://127.0.0.1:$(sed -n 's/.*:\([0-9]*\)$/\1/p' listen.err)" --from 'sleep 0.2; echo ok'
    grep -q 'lost at byte 10: Connection reset by peer' err
    wait || true
    # A file that cannot be read any further
    skip_unless_faults
    seq 5 >b
    printf 'one\ntwo\ntore\n' >a
    local status=0
    with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="read:*/a:@10:EIO" "$BPIPE" -q --merge -l -z 5 a b \
        --report json:report >out 2>err || status=$?
    equal 1 "$status"
    equal "$(cat b; echo one; echo two)" "$(sort out)"
    adds_up report 1
}

@test "a record waits for its command to exit, and the other inputs go on" {
    local status
    mkfifo other
    for status in 0 3; do
        rm -f go report
        "$BPIPE" -q --merge -l --report json:report other \
            --from "printf 'one\\ntwo'; exec >&-; until [ -e go ]; do sleep 0.01; done; exit $status" >out 2>err &
        local pid=$!
        exec {other}>other
        wait_until 20 has_lines out 1
        echo "that goes on" >&"$other"
        wait_until 20 has_lines out 2
        exec {other}>&-
        wait_until 20 in_poll "$pid"
        equal "$(printf 'one\nthat goes on')" "$(<out)"
        : >go
        if ((status == 0)); then
            ended "$pid" 0
            equal "$(printf 'one\nthat goes on\ntwo')" "$(<out)"
            equal "1 0" "$(last_number bytes_added report) $(last_number bytes_undelivered report)"
        else
            ended "$pid" 1
            equal "$(printf 'one\nthat goes on')" "$(<out)"
            equal "0 3" "$(last_number bytes_added report) $(last_number bytes_undelivered report)"
        fi
        adds_up report $((status == 0 ? 0 : 1))
    done
    # A signal comes first: nothing waits for the command.
    rm -f go report out
    "$BPIPE" -q --merge -l --report json:report --from "printf 'one\\ntwo'; exec >&-; exec sleep 100" >out 2>err &
    pid=$!
    wait_until 20 has_lines out 1
    wait_until 20 in_poll "$pid"
    kill -TERM "$pid"
    ended "$pid" 143
    equal one "$(<out)"
    equal 3 "$(last_number bytes_undelivered report)"
    adds_up report 143
    # Another input has failed: the wait for the command has an end.
    run -1 --separate-stderr timeout -s KILL 60 "$BPIPE" -q --merge -l --report json:report \
        --from "printf 'one\\ntwo'; exec >&-; exec sleep 100" --from 'exit 3'
    equal one "$output"
    equal 'bpipe: exit 3: exited with status 3 at byte 0' "$stderr"
    adds_up report 1
}

@test "a torn record that is longer than its share gets its end only before another" {
    # Bytes that have passed cannot be taken back.
    local long="head -c 5000 /dev/zero | tr '\\0' x"
    run -1 --separate-stderr "$BPIPE" -q --merge -l -B 1000 --report json:report --from "$long; exit 3" --from 'echo ok'
    adds_up report 1
    head -c 5000 /dev/zero | tr '\0' x >x
    case $output in
    ok*) equal "ok$(<x)" "$(tr -d '\n' <<<"$output")" && equal 0 "$(last_number bytes_added report)" ;;
    *) equal "$(cat x; printf '\nok')" "$output" && equal 1 "$(last_number bytes_added report)" ;;
    esac
    mkfifo other
    "$BPIPE" -q --merge -l -B 1000 --report json:report --from "$long; exit 3" other >out 2>err &
    local pid=$!
    exec {other}>other
    wait_until 20 size_is out 5000 >/dev/null
    wait_until 20 in_poll "$pid"
    size_is out 5000
    echo ok >&"$other"
    wait_until 20 has_lines out 2
    exec {other}>&-
    ended "$pid" 1
    { cat x; printf '\nok\n'; } | cmp - out
    equal "1 0" "$(last_number bytes_added report) $(last_number bytes_undelivered report)"
    adds_up report 1
    # Nothing comes behind it.
    run -1 --separate-stderr "$BPIPE" -q --merge -l -B 1000 --report json:report --from "$long; exit 3" -o out
    cmp x out
    equal 0 "$(last_number bytes_added report)"
    adds_up report 1
}

@test "overload: fail names the input, and no torn record is made whole" {
    mkfifo feed
    open_stuck
    tagged a 20000 >a
    "$BPIPE" -q -J 0 --merge -l -B 20000 --overflow fail --report json:report feed /dev/null \
        >stuck 2>err {stuck}<&- &
    local pid=$!
    cat a >feed || true # the file is not read to its end
    drained "$pid" 3
    adds_up report 3
    equal 'bpipe: feed: buffer full (19.5 KiB): giving up (--overflow)' "$(<err)"
    head -n "$(lines_of out)" a | cmp -n "$(size_of out)" a out
    equal 0 "$(last_number bytes_added report)"
}

@test "signals and timeouts: complete records are delivered, and the message names the inputs" {
    mkfifo a b
    "$BPIPE" -q --merge -l a b --report json:report >out &
    local pid=$!
    exec {a}>a {b}>b
    printf 'one\ntorn' >&"$a"
    printf 'two\n' >&"$b"
    wait_until 10 has_lines out 2
    kill -TERM "$pid"
    ended "$pid" 143
    equal "$(printf 'one\ntwo')" "$(sort out)"
    equal 4 "$(last_number bytes_undelivered report)"
    adds_up report 143
    exec {a}>&- {b}>&-

    "$BPIPE" -q --merge -l --idle-timeout 0.2 a b --report json:report >out 2>err &
    pid=$!
    exec {a}>a {b}>b
    echo one >&"$a"
    ended "$pid" 4
    grep -qx 'bpipe: a: no data for 200 ms (--idle-timeout)' err
    grep -qx 'bpipe: b: no data for 200 ms (--idle-timeout)' err
    equal one "$(<out)"
    exec {a}>&- {b}>&-
}

@test "an idle bpipe that merges makes no system call" {
    skip_unless strace
    mkfifo a b
    "$BPIPE" -q --merge -l a b >out &
    local pid=$!
    exec {a}>a {b}>b
    echo one >&"$a"
    echo two >&"$b"
    wait_until 10 has_lines out 2
    wait_until 10 has_control "$pid"
    wait_until 10 in_poll "$pid"
    timeout 1 strace -f -o calls -p "$pid" 2>/dev/null || true
    [ "$(grep -c '(' calls)" -le 2 ] # the poll() that it is in
    exec {a}>&- {b}>&-
    ended "$pid" 0
}

@test "random faults: 6 seeds" {
    skip_unless_faults
    tagged a 3000 >a
    tagged b 500 400 >b
    local seed first=${TEST_SEED:-$RANDOM} runs=6
    [ -z "${TEST_LONG:-}" ] || runs=120
    for ((seed = first; seed < first + runs; seed++)); do
        echo "TEST_SEED=$seed"
        cat a | with_faults FAULT_ONLY=bpipe FAULT_RATE=50 FAULT_SEED="$seed" FAULT_DELAY_US=200 \
            FAULT_LOG="$T/log" "$BPIPE" -q --merge -l -B 9000 - <(cat b) --report json:report >out
        adds_up report
        comes_whole a a
        comes_whole b b
    done
    grep -q 'fault=short' log
}
