#!/usr/bin/env bats
#
# --frame and --unframe from pipe to pipe: payload goes through the pipe queue, and the framing
# beside it. Where that is refused or held up, bpipe goes on in the ring, even in the middle of a
# chunk.

# A pipe is not the same input as the file itself. Output is looked at while it comes:
# shellcheck disable=SC2002,SC2094

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

skip_portable() {
    ! is_portable || skip "the portable build copies everything"
}

# frame OPTION...: sends ./in by a pipe through `bpipe --frame OPTION...`, and by a pipe into
# ./framed. The report is in ./added.
frame() {
    local came sent number
    piped -p framed in "$BPIPE" -q --frame --report json:added "$@" >sizes
    read -r came sent <sizes
    adds_up added
    read_number bytes_out added
    equal "$came" "$number" bytes_out
    read_number bytes_added added
    equal "$sent" $((came - number)) bytes_added
}

# unframe OPTION...: sends it back the same way, and compares. The report is in ./removed.
unframe() {
    local came number
    piped -c in framed "$BPIPE" -q --unframe --report json:removed "$@" >sizes
    read -r came _ <sizes
    adds_up removed
    read_number bytes_in removed
    equal "$came" "$number" bytes_in
}

moved_pages() { # REPORT BYTES: at least BYTES; what waits when the end comes is copied
    is_portable || [ "$(last_number zero_copy_bytes "$1")" -ge "$2" ]
}

# fails FILE REASON OPTION...: FILE, by a pipe, is not whole. REASON is a pattern. The payload is in
# ./given; with $begins set it must be the beginning of that file.
fails() {
    local file=$1 reason=$2 status=0 said came number
    shift 2
    piped -p given ${begins:+-b "$begins"} "$file" \
        "$BPIPE" -q --unframe --report json:removed "$@" >sizes 2>said || status=$?
    said=$(<said)
    equal 1 "$status" "status, with: $said"
    # shellcheck disable=SC2053 # a pattern
    [[ $said == *$reason* ]] || { echo "$said" && return 1; }
    adds_up removed 1
    read -r came _ <sizes
    read_number bytes_in removed
    equal "$came" "$number" bytes_in
}

# copied REPORT: all bytes were copied.
copied() {
    local number
    read_number zero_copy_bytes "$1"
    equal 0 "$number" "zero_copy_bytes of $1"
}

# paced FILE RECEIVED: prints all of FILE except its last 100,000 bytes, and these when RECEIVED has
# all of the rest.
paced() {
    local all
    all=$(size_of "$1")
    { head -c $((all - 100000)) && wait_until 60 holds "$2" $((all - 300000)) && cat; } <"$1"
}

holds() { # FILE BYTES: at least
    (($(size_of "$1") >= $2))
}

# Bytes that wait at the end are copied, and where there is little room pages are divided. So here
# nothing waits at the end, and all fits into the buffer.
@test "payload is not copied, on either side" {
    random_bytes 12M >in
    : >framed
    : >out
    set -o pipefail
    paced in framed | "$BPIPE" -q --frame --report json:added | cat >framed
    adds_up added
    moved_pages added 11500000
    "$BPIPE" -q --frame -C -z 1M <in >framed
    paced framed out | "$BPIPE" -q --unframe --report json:removed | cat >out
    equal_files in out
    adds_up removed
    moved_pages removed 11500000
    equal 0 "$(last_number bytes_added removed)"
}

@test "by either way there and back, streams of any size" {
    local size there back
    for size in 0 1 2 11 12 4095 4096 4097 65535 65536 65537 131073 1048577 5000001; do
        random_bytes "$size" >in
        for there in "" -C "-J 0" "-z 4K" "-B 256" "-B 290" "-B 100000"; do
            ((size < 1000000)) || [[ $there != "-B 2"* ]] || continue # takes long
            # shellcheck disable=SC2086
            frame $there
            [[ $there != -C ]] || copied added
            for back in "" -C "-B 256"; do
                [ "$size" = 65537 ] || [ "$there" = "" ] || [ "$back" = "" ] || continue
                ((size < 1000000)) || [[ $back != "-B 2"* ]] || continue
                echo "$size '$there' '$back'"
                # shellcheck disable=SC2086
                unframe $back
                [[ $back != -C ]] || copied removed
            done
        done
    done
}

@test "-C, --no-splice, -S, -L, blocks, records and files copy" {
    set -o pipefail
    random_bytes 3M >in
    local option
    for option in -C --no-splice "-S -s 3M" "-L 1G" "--block-size 4K" "--start-fill 10"; do
        # shellcheck disable=SC2086
        frame $option
        copied added
        [[ $option != -S* ]] || continue # not with --unframe
        # shellcheck disable=SC2086
        unframe $option
        copied removed
    done
    unframe -l
    copied removed
    "$BPIPE" -q --frame in --report json:added | cat >framed
    adds_up added
    copied added
    unframe
}

# --- bytes are sent at once ---------------------------------------------------------------------

@test "a line is answered before the next one comes" {
    mkfifo feed out
    "$BPIPE" -q --frame <feed | "$BPIPE" -q --unframe >out &
    exec {to}>feed {from}<out
    local i answer large
    large=$(random_bytes 20000 | od -An -tx1 | tr -d ' \n')
    for ((i = 0; i < 20; i++)); do
        echo "$i" >&"$to"
        read -r -t 20 answer <&"$from"
        equal "$i" "$answer"
        echo "$i $large" >&"$to"
        # read -t makes a system call for each byte.
        echo "$i $large" | cmp - <(timeout 20 head -c $((${#i} + ${#large} + 2)) <&"$from")
    done
    exec {to}>&-
    equal "" "$(cat <&"$from")"
    wait
}

@test "small pieces, and large ones between" {
    set -o pipefail
    random_bytes 300000 >large
    seq 0 299 >some
    seq 0 29 >few
    cat some large few large large some >in
    { dribble 300; cat large; dribble 30; cat large large; dribble 300; } |
        "$BPIPE" -q --frame --report json:added | tee framed |
        "$BPIPE" -q --unframe --report json:removed | cmp in -
    adds_up added
    adds_up removed
    unframe -C
}

# --- held up --------------------------------------------------------------------------------------

@test "a slow reader, and small pipes" {
    set -o pipefail
    local options most
    for options in "" "-J 0" "-J 0 -B 70000" "-z 10000"; do
        for most in 777 4096 100000; do
            # shellcheck disable=SC2086
            randbytes 1500K | "$BPIPE" -q --frame $options --report json:added |
                "$BPIPE" -q --unframe $options --report json:removed | randbytes -c -b "$most" -u 20
            adds_up added
            adds_up removed
        done
    done
}

@test "in pieces of odd sizes" {
    set -o pipefail
    local most
    for most in 1000 4097 20000 65535; do
        randbytes -b "$most" 5M | "$BPIPE" -q --frame | tee framed |
            "$BPIPE" -q --unframe | randbytes -c -b 60000
        "$BPIPE" -q --unframe framed | randbytes -c
    done
}

# stalled OPTION...: starts `bpipe OPTION...` with all of ./in and no end. Its reader takes nothing.
# It is $pid; read its output from $from.
stalled() {
    mkfifo feed out
    "$BPIPE" -q "$@" --report json:report --report-every 0.05 <feed >out &
    pid=$!
    exec {to}>feed {from}<out
    cat in >&"$to"
    wait_until 20 has_come "${payload:-$(size_of in)}"
}

has_come() { # BYTES
    local number
    [ -s report ] && read_number bytes_in report && [ "${number:-0}" -ge "$1" ]
}

@test "a burst waits, and arrives complete" {
    random_bytes 9M >in
    stalled --frame
    exec {to}>&-
    cat <&"$from" >framed
    ended "$pid" 0
    adds_up report
    unframe
    unframe -C
    rm feed out report
    mv in whole
    cp framed in
    payload=$(size_of whole) stalled --unframe
    exec {to}>&-
    cat <&"$from" | cmp whole -
    ended "$pid" 0
    adds_up report
}

@test "a burst of pages with little in them goes on in the ring" {
    local kind
    awk 'BEGIN { for (i = 0; i < 60000; i++) print i }' >in
    mkfifo feed
    # The first bpipe makes pages of one line each.
    for kind in "" -C; do
        rm -f finished report
        # shellcheck disable=SC2086
        "$BPIPE" -q <feed | "$BPIPE" -q -J 0 --frame --report json:report $kind |
            { wait_until 30 [ -e finished ] && cat >framed; } &
        { head -c 100000 in && sleep 0.1 && tail -c +100001 in | awk '{ print; fflush() }'; } >feed
        touch finished
        wait_until 30 [ -s report ]
        wait
        adds_up report
        unframe
    done
}

@test "SIGTERM: the waiting bytes are sent, without a final record" {
    random_bytes 9M >in
    stalled --frame
    kill -TERM "$pid"
    cat <&"$from" >framed
    ended "$pid" 143
    adds_up report 143
    equal 0 "$(last_number bytes_undelivered report)"
    fails framed "cut off at byte $(size_of framed)"
    cmp in given
}

@test "bytes that wait when a timeout expires are undelivered, to the byte" {
    local way status payload
    random_bytes 9M >in
    frame
    cp in whole
    payload=$(size_of in)
    for way in --frame --unframe; do
        stalled "$way" --stall-timeout 0.4
        status=0
        wait "$pid" || status=$?
        equal 4 "$status"
        adds_up report 4
        cat <&"$from" >rest
        equal "$(size_of rest)" "$(last_number bytes_out report)"
        [ "$way" != --unframe ] || cmp -n "$(size_of rest)" whole rest
        exec {to}>&- {from}<&-
        rm feed out report
        cp framed in
    done
}

@test "a reader that leaves while bytes wait" {
    random_bytes 9M >in
    stalled --frame
    exec {from}<&-
    ended "$pid" 141
    adds_up report 141
}

# --- streams that are not whole -------------------------------------------------------------------

# refused FILE REASON: bpipe --unframe passes on the payload, says why the stream is not whole, and
# ends with 1, by every way of the bytes.
refused() {
    local option begins=in
    for option in "" -C "-B 256"; do
        # shellcheck disable=SC2086
        fails "$1" "$2" $option
    done
}

@test "a stream that was cut at any byte" {
    local size length
    random_bytes 700000 >in
    frame
    size=$(size_of framed)
    : >short
    refused short "is empty"
    for length in 1 7 8 9 11 12 13 100 65547 65548 65549 300000 $((size - 17)) $((size - 16)) \
        $((size - 13)) $((size - 12)) $((size - 11)) $((size - 1)); do
        head -c "$length" framed >short
        refused short "cut off at byte $length"
    done
    equal "$(size_of in)" "$(size_of given)"
    cat framed - <<<"" >long
    refused long "continues after its final record (byte $size)"
}

@test "a stream that was changed" {
    local size where
    random_bytes 700000 >in
    frame
    size=$(size_of framed)
    for where in 12 13 50000 $((size - 17)); do
        change "$where"
        fails changed "checksum mismatch"
        equal 700000 "$(size_of given)"
    done
    change $((size - 1))
    refused changed "checksum mismatch"
    change $((size - 5))
    refused changed "700000 bytes came, 700001 were sent"
    change 8 '\377'
    refused changed "a chunk of +([0-9]) bytes at byte 8"
    change 3
    refused changed "is not framed"
}

change() { # WHERE [BYTE]: makes ./changed from ./framed, with another byte there
    local byte=${2:-}
    [ -n "$byte" ] || byte=\\$(printf %03o $((($(tail -c +$(($1 + 1)) framed | head -c 1 |
        od -An -tu1) + 1) % 256)))
    { head -c "$1" framed; printf "%b" "${byte/\\/\\0}"; tail -c +$(($1 + 2)) framed; } >changed
    size_is changed "$size"
    refute cmp -s framed changed
}

@test "several streams by pipes: each is separate, and the message names the one that was cut" {
    set -o pipefail
    random_bytes 3M >in
    frame
    mkfifo one two
    cat framed >one &
    cat framed >two &
    "$BPIPE" -q --unframe one two --report json:removed | randbytes_twice
    adds_up removed
    head -c 2000000 framed >one &
    cat framed >two &
    run -1 "$BPIPE" -q -o out --unframe one two
    [[ $output == *"one: cut off at byte 2000000"* ]]
    wait
}

randbytes_twice() { # stdin is ./in twice, and is read late
    sleep 0.3
    cat >both
    cat in in | cmp - both
}

@test "several inputs become one stream" {
    random_bytes 3M >part
    mkfifo one two
    cat part >one &
    cat part >two &
    "$BPIPE" -q --frame one part two --report json:added | { sleep 0.3 && cat >framed; }
    adds_up added
    cat part part part >in
    unframe
    wait
}

@test "a sender that is killed: the stream is cut, and the received bytes are right" {
    local i status
    for i in 1 2 3; do
        rm -f status out
        { { randbytes -k 400M & echo $! >generator; wait; } | { "$BPIPE" -q --frame -P sender; } |
            { "$BPIPE" -q --unframe --report json:removed 2>said || echo $? >status; } >out; } &
        wait_until 20 [ -s out ]
        sleep "0.0$((i * 3))"
        kill -KILL "$(<sender)" "$(<generator)"
        wait_until 20 [ -s status ]
        wait
        equal 1 "$(<status)"
        grep -q "cut off" said
        adds_up removed 1
        randbytes -c <out
        rm sender
    done
}

# --- refusals -------------------------------------------------------------------------------------

# there_and_back SCRIPT PAUSE: sends ./in through both under that fault, which hits each of them in
# turn, by ./feed, to a reader that comes after PAUSE.
there_and_back() {
    local script=$1 pause=$2
    export FAULT_ONLY=bpipe FAULT_RATE=0 FAULT_SCRIPT=$script FAULT_LOG=log
    : "${FAULT_SO:?}"
    : >log
    [ -p feed ] || mkfifo feed
    cat in >feed &
    LD_PRELOAD=$FAULT_SO "$BPIPE" -q --frame -J 0 --report json:added <feed |
        { nap "$pause" && exec cat >framed; }
    adds_up added
    wait
    "$BPIPE" -q --unframe -C framed | cmp in -
    cat framed >feed &
    LD_PRELOAD=$FAULT_SO "$BPIPE" -q --unframe -J 0 --report json:removed <feed |
        { nap "$pause" && exec cmp in -; }
    adds_up removed
    wait
}

@test "every call is refused, from every moment on" {
    skip_portable
    skip_unless_faults
    random_bytes 3M >in # more than two pipes of the queue hold
    local when pause
    for when in 1+ 2+ 7+ 3; do
        for pause in 0 0.1; do
            echo "$when $pause"
            there_and_back "tee:*:$when:EINVAL" "$pause"
            [ "$when" != 1+ ] || grep -q "call=tee" log
            there_and_back "splice:*/feed:$when:ENOSYS" "$pause"
            [ "$when" != 1+ ] || grep -q "call=splice" log
        done
    done
    there_and_back "fcntl:pipe?*:*:EPERM" 0.1
    there_and_back "write:*:2:EAGAIN;write:*:3:short=1;write:*:4:short=2;write:*:5:EINTR" 0
    (ulimit -n 16 && there_and_back "poll:*:100000:raise=10" 0.1)
}

@test "an output that fails in the middle" {
    skip_unless_faults
    random_bytes 6M >in
    local call error status
    for call in write tee splice; do
        for error in EIO EPIPE; do
            echo "$call $error"
            (
                export FAULT_ONLY=bpipe FAULT_RATE=0 FAULT_SCRIPT="$call:1:5+:$error;write:1:5+:EIO"
                rm -f status
                cat in | { LD_PRELOAD=$FAULT_SO "$BPIPE" -q --frame -z 32K --report json:added 2>said ||
                    echo $? >status; } | cat >framed
                status=0
                [ ! -e status ] || status=$(<status)
                adds_up added "$status"
                equal "$(size_of framed)" "$(last_number bytes_out added)"
                [ "$call" != write ] || [ "$status" != 0 ]
            )
        done
    done
}

@test "random faults there and back: 10 seeds" {
    skip_unless_faults
    set -o pipefail
    local seed first=$RANDOM runs=10 kinds
    [ -z "${TEST_LONG:-}" ] || runs=300
    echo "first seed $first"
    random_bytes 3M >in
    for ((seed = first; seed < first + runs; seed++)); do
        echo "seed $seed"
        for kinds in short,eintr,eagain,wakeup short,eintr,eagain,delay,wakeup,nosys,pipe; do
            export FAULT_ONLY=bpipe FAULT_RATE=30 FAULT_LOG=log FAULT_KINDS=$kinds FAULT_SEED=$seed
            LD_PRELOAD=$FAULT_SO piped -c in in "$BPIPE" -q --frame -z 40K --report json:added -- \
                tee framed -- "$BPIPE" -q --unframe -B 300K --report json:removed
            adds_up added
            adds_up removed
            "$BPIPE" -q --unframe -C framed | cmp in -
        done
    done
    is_portable || grep -q 'call=tee' log
}

# --- ways that change -----------------------------------------------------------------------------

@test "limits that come and go" {
    local i first second
    { wait_until 60 [ -e ready ] && randbytes 200M; } |
        "$BPIPE" -q --frame -P first --report json:added | tee framed |
        "$BPIPE" -q --unframe -P second --report json:removed | randbytes -c >count &
    wait_until 20 [ -s first ]
    wait_until 20 [ -s second ]
    first=$(<first) second=$(<second)
    wait_until 20 has_control "$first"
    wait_until 20 has_control "$second"
    touch ready
    for i in 1 2 3 4 5 6; do # until one of them has ended
        "$BPIPE" -R "$first" -L $((i * 30))M || break
        "$BPIPE" -R "$second" -L $((200 - i * 30))M || break
        sleep 0.03
        "$BPIPE" -R "$first" -L 0 || break
        "$BPIPE" -R "$second" -L 0 || break
        sleep 0.01
    done
    wait
    adds_up added
    adds_up removed
    equal 209715200 "$(<count)"
    "$BPIPE" -q --unframe framed | randbytes -c
}
