#!/usr/bin/env bats
#
# UDP: datagrams are records, one in, one out. Only the kernel counts the datagrams that it drops.
# So where all of them have to arrive, they fit into the sockets' buffers, and where more are sent,
# the numbers have to add up with the kernel's count.

# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../overload

# listen OPTION...: starts a bpipe with udp-listen://:0 as its (last) input. Sets $port, on which it
# listens, and $pid.
listen() {
    rm -f err report
    "$BPIPE" --report json:report "$@" udp-listen://:0 2>err &
    pid=$!
    wait_until 20 has_port err || { cat err && return 1; }
    port=$(port_in err)
}

port_in() {
    sed -n 's/.*: listening on 127\.0\.0\.1:\([0-9]*\)$/\1/p' "$1" | tail -n 1
}

has_port() {
    [ -n "$(port_in "$1")" ]
}

# receive COUNT: starts a receiver of COUNT datagrams at $to, into ./got. The sizes of the datagrams
# go to ./sizes.
receive() {
    rm -f got sizes
    datagrams receive got "$1" >sizes &
    receiver=$!
    wait_until 20 has_lines sizes 1
    to=$(head -n 1 sizes)
}

received() { # FILE: has the sizes that should come
    wait "$receiver"
    tail -n +2 sizes | cmp "$1" -
}

lengths_of() { # FILE: prints the lengths of its lines, without the newline
    awk '{ print length }' "$1"
}

# count NAME: prints a number of a UDP input in the last line of ./report; "null" if unknown.
count() {
    [[ ! $(last_line report) =~ \{\"name\":\"udp([^}]*)\} ]] ||
        [[ ! ${BASH_REMATCH[1]} =~ \"$1\":([0-9a-z]*) ]] || echo "${BASH_REMATCH[1]}"
}

# has_come COUNT: whether COUNT datagrams were read, or dropped by the kernel, if it tells.
has_come() {
    local dropped
    sample "$pid" report && dropped=$(count datagrams_dropped_by_kernel) || return 1
    [ "$dropped" != null ] || dropped=$(($1 / 2))
    (($(last_number records_in report) + dropped >= $1))
}

# in_order FILE OUT: OUT is FILE without some lines.
in_order() {
    awk 'NR == FNR { line[NR] = $0; last = NR; next }
        { while (at < last && line[++at] != $0); if (line[at] != $0) exit 1 }
        END { if (at > last) exit 1 }' "$1" "$2"
}

@test "datagrams come to stdout, whole and in order; an idle input ends it with status 4" {
    numbered 100 900 >in
    listen -q --idle-timeout 1 >out
    datagrams send "$port" <in
    ended "$pid" 4
    cmp in out
    adds_up report 4
    equal 100 "$(last_number records_in report)"
    equal 0 "$(count refusals)"
    if is_portable; then equal null "$(count datagrams_dropped_by_kernel)"; else
        equal 0 "$(count datagrams_dropped_by_kernel)"
    fi
    grep -q 'no data for 1.* s (--idle-timeout)' err
}

@test "a datagram in, a datagram out" {
    numbered 100 900 >in
    receive 101
    listen -q -o "udp://127.0.0.1:$to"
    { cat in && awk 'BEGIN { for (i = 0; i < 65507; i++) printf "x" }'; } >all
    datagrams send -n "$port" <all
    lengths_of all >sizes.in
    received sizes.in
    kill -TERM "$pid"
    ended "$pid" 143
    cmp <(tr -d '\n' <all) got
    adds_up report 143
    equal 101 "$(last_number records_in report)"
}

@test "datagrams under a limit, with small chunks, with taps and with more outputs" {
    local option
    numbered 40 1300 >in
    lengths_of in >sizes.in
    for option in "-L 1M" "-L 200K --burst 100" "--read-rate 300K" "-z 100" "-B 64K" "--tap copy" "-o copy" \
        "-B 64K -z 1 -o copy --tap other" "-C" "--overflow drop-oldest" "--overflow drop-newest --tap copy" \
        "--overflow fail -B 128K"; do
        echo "options: $option"
        receive 40
        # shellcheck disable=SC2086
        listen -q $option -o "udp://127.0.0.1:$to"
        datagrams send -n "$port" <in
        received sizes.in
        kill -TERM "$pid"
        ended "$pid" 143
        cmp <(tr -d '\n' <in) got
        [[ $option != *copy* ]] || cmp got copy
        adds_up report 143
    done
}

@test "a tap gets datagrams, too" {
    numbered 30 900 >in
    lengths_of in >sizes.in
    receive 30
    listen -q --tap "udp://127.0.0.1:$to" >out
    datagrams send -n "$port" <in
    received sizes.in
    kill -TERM "$pid"
    ended "$pid" 143
    cmp got out
}

@test "empty datagrams are counted, and not passed on" {
    listen -q --idle-timeout 1 >out
    printf 'a\n\n\nb\n' | datagrams send -n "$port"
    ended "$pid" 4
    equal ab "$(<out)"
    equal "4 2" "$(last_number records_in report) $(last_number bytes_in report)"
}

@test "a stream is cut into --datagram-size bytes" {
    random_bytes 10500 >in
    receive 11
    "$BPIPE" -q --datagram-size 1000 in -o "udp://127.0.0.1:$to"
    received <(yes 1000 | head -n 10 && echo 500)
    cmp in got
    receive 8
    "$BPIPE" -q in -o "udp://127.0.0.1:$to"
    received <(yes 1400 | head -n 7 && echo 700)
    receive 1
    { printf 'so much ' && wait_until 20 has_lines sizes 2; } | "$BPIPE" -q -o "udp://127.0.0.1:$to"
    received <(echo 8) # at once
}

@test "with -l and -0 each record is a datagram, once it is complete" {
    numbered 50 3000 >in
    printf 'and a last one' >>in
    awk '{ print length + 1 }' in | sed '$s/.*/14/' >sizes.in
    local option
    for option in "-l" "-l -z 10" "-l -B 3100" "-l -L 5K" "-l --tap copy" \
        "-l --start-fill 50" "-l --overflow drop-oldest" "-l -o copy"; do
        echo "options: $option"
        receive 51
        # shellcheck disable=SC2086
        cat in | "$BPIPE" -q $option -o "udp://127.0.0.1:$to"
        received sizes.in
        cmp in got
    done
    receive 51
    tr '\n' '\0' <in | "$BPIPE" -q -0 -o "udp://127.0.0.1:$to"
    received sizes.in
}

# sends_whole COUNT STATUS OPTION...: a bpipe -l with these options sends COUNT of the lines of
# ./want, and not the rest of a record.
sends_whole() {
    local count=$1 want=$2 status=0
    shift 2
    echo "sends: $*"
    receive $((count + 1))
    rm -f report
    "$BPIPE" -q -l --report json:report "$@" -o "udp://127.0.0.1:$to" 2>err || status=$?
    equal "$want" "$status"
    adds_up report "$want"
    echo end | datagrams send "$to" # it would come behind datagrams that should not have been sent
    { head -n "$count" want; echo end; } >want.got
    received <(awk '{ print length + 1 }' want.got)
    cmp want.got got
}

@test "a torn last record is not sent" {
    local how option brings="printf 'one\\ntwo\\nto'"
    printf '%s\n' one two >want
    for how in 'exit 3' 'kill -9 $$' 'exec >&-; sleep 0.1; exit 3'; do
        sends_whole 2 1 --from "$brings; $how"
    done
    for option in "-o copy" "--overflow drop-oldest" "--overflow fail" "-B 8" "--tap tap" "-L 100" "--merge"; do
        # shellcheck disable=SC2086
        sends_whole 2 1 $option --from "$brings; exit 3"
        equal $(("$(last_number bytes_in report)" - $(of_output "udp://127.0.0.1:$to" bytes))) \
            "$(of_output "udp://127.0.0.1:$to" bytes_undelivered)"
    done
    equal $'one\ntwo\nto' "$(<copy)"
    sends_whole 2 4 --idle-timeout 0.2 --from "$brings; exec sleep 100"
    # The record fills the buffer when its input ends.
    sends_whole 2 1 -B 8 --from "printf 'one\\ntwo\\n'; sleep 0.1; printf 12345678; exec >&-; sleep 0.1; exit 3"
    # Another input follows.
    printf '%s\n' one two ok >want
    sends_whole 3 1 --from "$brings; exit 3" --from 'echo ok'
    printf '%s\n' one two took >want
    sends_whole 3 0 --from "$brings; exec >&-; sleep 0.1" --from 'echo ok'
    # --overflow fail stops the reading in the middle of a line.
    numbered 100 20 >want
    sends_whole_of_overflow
}

# The whole lines that the buffer held are sent, at 50 lines a second.
sends_whole_of_overflow() {
    local status=0 both
    mkfifo feed
    exec {both}<>feed
    head -c 600 want >feed # and no end
    rm -f got
    datagrams receive got 1000 >sizes {both}<&- &
    receiver=$!
    wait_until 20 has_lines sizes 1
    to=$(head -n 1 sizes)
    rm -f report
    "$BPIPE" -q -l -B 100 -L 50 --overflow fail --report json:report -o "udp://127.0.0.1:$to" <feed 2>err {both}<&- || status=$?
    exec {both}<&-
    cat err
    equal 3 "$status"
    adds_up report 3
    wait_until 20 size_is got "$(last_number bytes_out report)" >/dev/null
    kill "$receiver"
    head -n "$(lines_of got)" want | cmp - got
}

@test "--merge: whole records of pipes as datagrams" {
    numbered 30 900 | sed 's/^/a /' >a
    numbered 30 900 | sed 's/^/b /' >b
    receive 60
    "$BPIPE" -q --merge -l <(cat a) <(cat b) -o "udp://127.0.0.1:$to"
    wait "$receiver"
    tail -n +2 sizes | cmp <(awk '{ print length + 1 }' got) -
    grep -a '^a ' got | cmp a -
    grep -a '^b ' got | cmp b -
}

@test "a record that is too long is an error" {
    receive 1
    { echo short && random_bytes 70000 | tr '\n' ' ' && echo; } >in
    result "$BPIPE" -q -l in -o "udp://127.0.0.1:$to"
    equal "1::bpipe: udp://127.0.0.1:$to: datagram of 70001 bytes is too long" "$result"
    wait "$receiver"
    equal short "$(<got)"
    result "$BPIPE" -q -l -B 1000 in -o "udp://127.0.0.1:$to"
    equal "1::bpipe: udp://127.0.0.1:$to: record longer than 1000 bytes: use a larger -B" "$result"
    # A larger buffer would not help here.
    result "$BPIPE" -q -l -B 65508 in -o "udp://127.0.0.1:$to"
    equal "1::bpipe: udp://127.0.0.1:$to: record too long: UDP takes 65507 bytes" "$result"
    head -c 3000 in | tr '\n' ' ' >one
    result "$BPIPE" -q -l -B 1000 --overflow drop-newest one -o "udp://127.0.0.1:$to"
    equal "0:" "${result%%:bpipe*}"
}

@test "refusals are counted, and do not end the run" {
    receive 1
    kill "$receiver"
    wait "$receiver" || true
    seq 20 | "$BPIPE" -l --report json:report --report text -o "udp://127.0.0.1:$to" 2>err
    adds_up report
    equal 20 "$(tail -n 1 report | grep -o '"refusals":[0-9][0-9]*' | cut -d: -f2)"
    grep -qx "bpipe: udp://127.0.0.1:$to: 20 refusals" err
    # As an input, too: it sends an empty datagram to its peer, and no process receives there.
    result "$BPIPE" -q --idle-timeout 0.3 --report json:report "udp://127.0.0.1:$to"
    equal "4:" "${result%%:bpipe*}"
    equal 1 "$(count refusals)"
}

@test "an output that is idle is not ended by a refusal" {
    receive 1
    kill "$receiver"
    wait "$receiver" || true
    mkfifo feed
    "$BPIPE" -q --report json:report -l -o "udp://127.0.0.1:$to" <feed &
    pid=$!
    exec {feed}>feed
    echo one >&"$feed"
    wait_number "$pid" report bytes_out 4
    sample "$pid" report
    echo two >&"$feed"
    exec {feed}>&-
    ended "$pid" 0
    adds_up report
    equal 2 "$(tail -n 1 report | grep -o '"refusals":[0-9][0-9]*' | cut -d: -f2)"
}

@test "a consumer that is stuck: whole datagrams are dropped, and all are counted" {
    local policy read_in sent=2000
    numbered "$sent" 300 >in
    for policy in drop-newest drop-oldest; do
        echo "policy: $policy"
        rm -f stuck
        open_stuck
        listen -q -J 0 -B 64K --overflow "$policy" >stuck
        datagrams send "$port" <in
        wait_until 30 has_come "$sent"
        kill -TERM "$pid"
        drained "$pid" 143
        exec {stuck}<&-
        adds_up report 143
        in_order in out
        read_in=$(last_number records_in report)
        equal "$read_in" "$(($(wc -l <out) + $(of_output stdout records_dropped)))"
        is_portable || equal "$sent" "$((read_in + $(count datagrams_dropped_by_kernel)))"
        (($(of_output stdout records_dropped) > 0))
        equal "$(size_of out)" "$(of_output stdout bytes)"
    done
    # The last policy was drop-oldest: the last record is there.
    [ "$read_in" != "$sent" ] || cmp <(tail -n 1 in) <(tail -n 1 out)
}

@test "--overflow fail ends when there is no room" {
    open_stuck
    numbered 2000 300 >in
    listen -q -J 0 -B 64K --overflow fail >stuck
    datagrams send "$port" <in &
    wait_until 20 grep -q 'giving up (--overflow)' err
    drained "$pid" 3
    wait
    adds_up report 3
    in_order in out
}

@test "datagrams that wait in the kernel are dropped there, and counted" {
    is_portable && skip "the system is not asked"
    open_stuck
    numbered 9000 900 >in # more than bpipe asks for as a buffer
    listen -q -J 0 -B 64K >stuck
    datagrams send "$port" <in
    kill -TERM "$pid"
    drained "$pid" 143
    adds_up report 143
    in_order in out
    (($(count datagrams_dropped_by_kernel) > 0))
    equal "$(wc -l <out)" "$(last_number records_in report)"
}

@test "--merge of two inputs, under each policy" {
    numbered 200 900 | sed 's/^/a /' >a
    numbered 200 200 | sed 's/^/b /' >b
    local policy other
    for policy in block drop-newest drop-oldest fail; do
        echo "policy: $policy"
        listen -q --merge -B 512K --overflow "$policy" udp-listen://:0 >out
        wait_until 20 has_lines err 2
        other=$(grep -o '[0-9]*$' err | head -n 1)
        datagrams send "$port" <a &
        datagrams send "$other" <b
        wait $!
        wait_until 20 has_come_of_all 400
        kill -TERM "$pid"
        ended "$pid" 143
        adds_up report 143
        cmp a <(grep '^a ' out)
        cmp b <(grep '^b ' out)
        equal 400 "$(wc -l <out)"
    done
}

has_come_of_all() {
    sample "$pid" report && (($(last_number records_in report) >= $1))
}

@test "--merge into a stuck consumer: whole datagrams of each, and the numbers add up" {
    numbered 1500 300 | sed 's/^/a /' >a
    numbered 300 300 | sed 's/^/b /' >b
    local policy other
    for policy in drop-newest drop-oldest; do
        echo "policy: $policy"
        rm -f stuck
        open_stuck
        listen -q -J 0 --merge -B 256K --overflow "$policy" udp-listen://:0 >stuck
        wait_until 20 has_lines err 2
        other=$(grep -o '[0-9]*$' err | head -n 1)
        datagrams send "$port" <a &
        datagrams send "$other" <b
        wait $!
        kill -TERM "$pid"
        drained "$pid" 143
        exec {stuck}<&-
        adds_up report 143
        in_order a <(grep '^a ' out)
        in_order b <(grep '^b ' out)
        equal "$(last_number records_in report)" "$(($(wc -l <out) + $(of_output stdout records_dropped)))"
    done
}

@test "--allow: datagrams of other senders are dropped" {
    listen --allow 127.0.0.2 --idle-timeout 1 --report prometheus:prom --report text >out
    seq 3 | datagrams send "$port"
    seq 4 6 | datagrams send -f 127.0.0.2 "$port"
    ended "$pid" 4
    seq 4 6 | cmp - out
    equal 3 "$(count datagrams_not_allowed)"
    equal 1 "$(grep -c 'datagrams from 127.0.0.1:[0-9]* are refused (--allow)' err)"
    grep -qx 'bpipe: input udp-listen://:0: 3 datagrams not allowed' err
    grep -q '^bpipe_input_not_allowed_datagrams_total{.*} 3$' prom
}

@test "--merge: whole datagrams to a UDP output" {
    numbered 60 900 | sed 's/^/a /' >a
    numbered 60 200 | sed 's/^/b /' >b
    local policy other
    for policy in "" "-L 500K" "--overflow drop-oldest" "--tap copy" "-z 1" "-o copy --resume-fill 10"; do
        echo "options: $policy"
        receive 120
        # shellcheck disable=SC2086
        listen -q --merge $policy -o "udp://127.0.0.1:$to" udp-listen://:0
        wait_until 20 has_lines err 2
        other=$(grep -o '[0-9]*$' err | head -n 1)
        datagrams send "$port" <a &
        datagrams send "$other" <b
        wait "$receiver"
        tail -n +2 sizes | cmp <(awk '{ print length + 1 }' got) -
        cmp a <(grep '^a ' got)
        cmp b <(grep '^b ' got)
        kill -TERM "$pid"
        ended "$pid" 143
        [[ $policy != *copy* ]] || cmp got copy
        adds_up report 143
    done
}

@test "water marks where the ring is never full to the last byte" {
    local option
    numbered 150 900 >in
    for option in "--start-fill 100" "--resume-fill 0" "--resume-fill 99" "--start-fill 50 --resume-fill 50" \
        "--start-fill 100 --overflow drop-newest"; do
        echo "options: $option"
        # shellcheck disable=SC2086
        listen -q -B 128K --idle-timeout 1 $option >out
        datagrams send "$port" <in
        ended "$pid" 4
        cmp in out
        adds_up report 4
    done
}

@test "udp-listen:// as an output sends to the first sender" {
    numbered 20 900 >in
    "$BPIPE" -q -l in -o udp-listen://:0 2>told &
    local sender=$!
    wait_until 20 has_port told
    "$BPIPE" -q --idle-timeout 1 "udp://127.0.0.1:$(port_in told)" >out 2>err2 &
    ended "$sender" 0
    ended "$!" 4
    cmp in out
}

@test "-l: lines, wherever datagrams end; read in small pieces, too" {
    numbered 60 900 >in
    listen -q -l -B 64K -z 100 --idle-timeout 1 >out
    printf 'a\nb\nc' | tr '\n' ' ' | datagrams send -n "$port"
    datagrams send "$port" <in
    ended "$pid" 4
    cmp <(printf 'a b c' && cat in) out
    adds_up report 4
    equal 60 "$(last_number records_in report)"
}

@test "-S ends with the datagram that reaches the size" {
    numbered 9 0 >in # 2 bytes each
    listen -q -s 7 -S >out
    datagrams send "$port" <in
    ended "$pid" 0
    head -n 4 in | cmp - out
    equal 4 "$(last_number records_in report)"
}

@test "from bpipe to bpipe" {
    numbered 100 900 >in
    listen -q --idle-timeout 1 >out
    "$BPIPE" -q -l in -o "udp://127.0.0.1:$port"
    ended "$pid" 4
    cmp in out
}

@test "datagrams received before a SIGTERM are written" {
    local rounds
    for rounds in '' '--overflow drop-oldest' --merge; do
        numbered 150 300 >in
        # shellcheck disable=SC2086
        listen -q $rounds -B 1M >out
        kill -STOP "$pid"
        datagrams send "$port" <in
        kill -TERM "$pid"
        kill -CONT "$pid"
        ended "$pid" 143
        adds_up report 143
        cmp in out
    done
}

@test "datagrams left in the kernel are counted: no loss goes uncounted" {
    ! is_portable || skip "the system is not asked"
    open_stuck
    numbered 2000 900 >in
    listen -q -J 0 -B 64K >stuck
    datagrams send "$port" <in
    kill -TERM "$pid"
    drained "$pid" 143
    adds_up report 143
    equal 2000 $(($(last_number records_in report) + $(count datagrams_dropped_by_kernel)))
    (($(last_number full_count report) > 0))
}
