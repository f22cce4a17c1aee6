#!/usr/bin/env bats
#
# A pipe that is full is emptied by way of a hop (pipe_hop.h), where the copy goes to TCP on this
# machine: every byte, whatever refuses, and nowhere else.

bats_require_minimum_version 1.5.0
load helpers
load observe
load sockets

setup() {
    common_setup
    ! is_portable || skip "the portable build has no splice(2)"
}

# into COMMAND...: its input is ./in by way of a pipe of 1 MiB, full before the command starts, and
# its output a bpipe that writes ./out. In the command @ stands for that one's address.
into() {
    local receiver
    rm -f in.err out filled report
    "$BPIPE" -q tcp-listen://127.0.0.1:0 -o out 2>in.err &
    receiver=$!
    await_port in.err
    { pipesize 8 1048576 8>&1 >size && head -c 1M in && touch filled && tail -c +1048577 in; } |
        { wait_until 20 [ -e filled ] && "${@/@/tcp://127.0.0.1:$port}"; }
    wait $receiver
    cmp in out
    adds_up report
}

# hops REPORT: how many pieces came by a hop. What is copied into the ring is spliced for nothing else.
hops() { last_number splice "$1"; }

@test "a full pipe into TCP on this machine: by way of a hop, and every call is counted" {
    skip_unless strace
    random_bytes 9000001 >in
    into no_leak_check strace -o trace -e trace=splice,read,readv,preadv2 \
        "$BPIPE" -q --report json:report -o @
    [ "$(hops report)" -gt 0 ]
    equal "$(grep -c '^splice' trace)" "$(hops report)" "splice calls"
    equal 0 "$(last_number zero_copy_bytes report)" "bytes that were not copied"
    # What a call has spliced the next ones have read: nothing waits in the hop.
    awk -F'= ' '/^splice/ && $NF > 0 { left += $NF }
        /^readv?\([0-9]+, / && $NF > 0 && left > 0 { left -= $NF }
        /^splice/ && $NF > 0 && left != $NF + 0 { exit 1 }
        END { exit left != 0 }' trace
}

@test "no hop with -C, for several outputs, or where little comes at a time" {
    random_bytes 5M >in
    into "$BPIPE" -q -C --report json:report -o @
    equal 0 "$(hops report)" "with -C"
    into "$BPIPE" -q --report json:report -o @ -o other
    equal 0 "$(hops report)" "with two outputs"
    cmp in other
    into "$BPIPE" -q -z 100K --report json:report -o @
    equal 0 "$(hops report)" "in small reads"
}

@test "what a hop needs is refused, at once or later: the bytes are read as ever" {
    skip_unless_faults
    random_bytes 9000001 >in
    local rule
    for rule in splice:0:{1,2,1+,3+}:{EINVAL,ENOSYS} splice:0:{1,2}:{EINTR,EAGAIN} \
        'fcntl:pipe?*:1+:EPERM' \
        'read:pipe?*:*:short=100000' 'read:pipe?*:3:EINTR'; do
        echo "$rule"
        rm -f log
        into with_faults "FAULT_SCRIPT=$rule" FAULT_LOG="$T/log" \
            "$BPIPE" -q --report json:report -o @
        [ -s log ]
    done
}

@test "a hop that cannot be read is an error of the input, and nobody takes the stream for whole" {
    skip_unless_faults
    random_bytes 9000001 >in
    local receiver sender_status=0 receiver_status=0
    "$BPIPE" -q tcp-listen://127.0.0.1:0 -o out 2>in.err &
    receiver=$!
    await_port in.err
    { pipesize 8 1048576 8>&1 >size && head -c 1M in && touch filled && tail -c +1048577 in; } |
        { wait_until 20 [ -e filled ] &&
            with_faults 'FAULT_SCRIPT=readv:pipe?*:1:EIO' FAULT_LOG="$T/log" "$BPIPE" -q -o "tcp://127.0.0.1:$port" 2>err; } ||
        sender_status=$?
    wait $receiver || receiver_status=$?
    grep -q 'call=readv.*EIO' log
    equal 1 $sender_status "status of the sender"
    [[ $(<err) == "bpipe: stdin: read failed at byte "[1-9]*": Input/output error" ]]
    equal 1 $receiver_status "status of the receiver"
    cmp -n "$(stat -c %s out)" in out
}

one_storm() {
    into with_faults FAULT_RATE=25 FAULT_SEED="$1" FAULT_DELAY_US=200 FAULT_LOG="$T/log" \
        "$BPIPE" -q --report json:report -o @
}

@test "random faults on the way by a hop" {
    skip_unless_faults
    local count=15
    [ -z "${TEST_LONG:-}" ] || count=300
    random_bytes 9000001 >in
    with_seeds "$count" one_storm
    grep -q 'call=splice ' log
    grep -q 'call=readv ' log
}
