#!/usr/bin/env bats
#
# Neighbours that are killed, and signals to bpipe at each of its system calls. bpipe ends at once,
# with the right status, and its numbers add up. This is a seeded sample; long_kill.bats plays many
# more.

# The parameters of play and kill_round are in variables:
# shellcheck disable=SC2034

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../kills

@test "killed at random moments, a sample" {
    ulimit -c 0
    with_seeds 10 kill_round
}

@test "the numbers of a killed neighbour's bpipe, case by case" {
    ulimit -c 0
    local prefix='' name
    data=5
    options=(-B 65536 -z 4096 -J 0)
    for name in 'randbytes 100G' 'randbytes -k 1M' 'randbytes -b 1000 -u 300 1M'; do
        # shellcheck disable=SC2206
        producer=($name 5)
        consumer=(randbytes -c 5)
        play 141 0:2:19 10000:2:9
        equal '' "$(<err)"
        play 0 5000:0:9
        play '143' 4000:1:15
        [ ! -s report ] || equal "$(last_number bytes_out report)" "$taken"
        play '130' 0:2:19 5000:1:2
        [ ! -s report ] || equal "$(last_number bytes_out report)" "$taken"
    done
}

# raised SIGNAL CALL N OPTION [OUTPUT]: bpipe copies from a pipe that stays open to ./out, or to the
# FIFO OUTPUT, whose reader writes ./out. SIGNAL arrives as the Nth such call begins. Sets $status.
raised() {
    local output=${5:-out}
    echo "$1 at $2 $3"
    rm -f log report fifo out "$output"
    mkfifo fifo
    [ "$output" = out ] || {
        mkfifo "$output"
        cat "$output" >out &
    }
    # shellcheck disable=SC2094
    exec 5<>fifo 6<fifo
    head -c 9000 in >&5
    defsig env FAULT_SCRIPT="$2:$3:raise=$(kill -l "$1")" FAULT_LOG="$T/log" LD_PRELOAD="$FAULT_SO" \
        "$BPIPE" "$4" -B 3000 -z 1000 --report none --report json:report -o "$output" <&6 2>err 5>&- 6>&- &
    pid=$!
    [ "$1" != USR1 ] || {
        wait_until 20 has_lines report 1
        wait_until 20 cmp -s in out
        exec 5>&-
    }
    status=0
    wait_until 20 gone "$pid"
    wait "$pid" || status=$?
    exec 5>&- 6>&-
    wait
    equal 1 "$(lines_of log)"
    equal '' "$(<err)"
    adds_up report "$status"
    # The delivered bytes are the beginning of the input.
    cmp out <(head -c "$(last_number bytes_out report)" in)
}

@test "a signal at each call: TERM and HUP deliver what was read, INT and QUIT stop" {
    skip_unless_faults
    ulimit -c 0
    random_bytes 9000 >in
    local signal call n
    for signal in TERM HUP INT QUIT; do
        for call in read:0 'write:*/out' splice:0; do
            for n in 1 3 9; do
                if [ "$call" = splice:0 ]; then
                    ! is_portable && ((n < 9)) || continue # small pieces are copied soon
                    raised $signal "$call" $n -q onwards
                else
                    raised $signal "$call" $n -C
                fi
                equal $((128 + $(kill -l $signal))) "$status"
                [ "$call:$n" = splice:0:1 ] || [ "$(last_number bytes_in report)" -ge 1000 ]
                case $signal in
                TERM | HUP) equal "$(last_number bytes_in report)" "$(size_of out)" ;;
                esac
            done
        done
        raised $signal 'poll:*' 2 -C
        equal $((128 + $(kill -l $signal))) "$status"
    done
    for n in 1 3 9; do
        raised USR1 read:0 $n -C
        equal 0 "$status"
        equal 2 "$(lines_of report)"
    done
}

@test "a signal while outputs are synced and closed: the run is complete or it has failed" {
    skip_unless_faults
    random_bytes 9000 >in
    local call
    for call in 'fsync:*:1' 'fsync:*:2' 'link:*:1' 'close:*/out:1' 'close:*/in:1' 'write:*/report:1'; do
        echo "$call"
        rm -f target out log
        status=0
        with_faults FAULT_SCRIPT="$call:raise=15" FAULT_LOG="$T/log" \
            "$BPIPE" --atomic -o target -o out --report none --report json:report in 2>err || status=$?
        adds_up report "$status"
        equal '' "$(<err)"
        case $status in
        0) cmp in target && cmp in out ;;
        143) [ ! -e target ] && [ ! -e out ] ;;
        *) false ;;
        esac
        equal 'err in report' "$(rm -f target out log && shopt -s dotglob && echo *)"
    done
}
