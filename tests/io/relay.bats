#!/usr/bin/env bats
#
# bpipe empties a full pipe through a relay (io/pipe_relay.h) where the copy goes to TCP on this
# machine, and nowhere else. Every byte arrives, even if calls are refused. Small reads go through a
# relay, too, so that no part of a packet is lost.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

setup() {
    common_setup
    ! is_portable || skip "the portable build has no splice(2)"
}

# into COMMAND...: COMMAND reads ./in from a pipe of 1 MiB that is full before it starts. Its output
# goes to a bpipe that writes ./out. @ in COMMAND becomes the address of that bpipe.
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

# relays REPORT: prints how many pieces came through a relay. A copy into the ring splices nothing
# else.
relays() { last_number splice "$1"; }

@test "a full pipe into TCP on this machine: by way of a relay, and every call is counted" {
    skip_unless strace
    random_bytes 9000001 >in
    into no_leak_check strace -o trace -e trace=splice,read,readv,preadv2 \
        "$BPIPE" -q --report json:report -o @
    [ "$(relays report)" -gt 0 ]
    equal "$(grep -c '^splice' trace)" "$(relays report)" "splice calls"
    equal 0 "$(last_number zero_copy_bytes report)" "bytes that were not copied"
    # The reads after a splice get exactly its bytes: nothing waits in the relay.
    awk -F'= ' '/^splice/ && $NF > 0 { left += $NF }
        /^readv?\([0-9]+, / && $NF > 0 && left > 0 { left -= $NF }
        /^splice/ && $NF > 0 && left != $NF + 0 { exit 1 }
        END { exit left != 0 }' trace
}

@test "records that come by a relay are counted, and -S stops at their number" {
    seq 1000000 >in
    into "$BPIPE" -q -l --report json:report -o @
    equal 1000000 "$(last_number records_in report)"
    [ "$(relays report)" -gt 0 ]
    seq 1000000 >all
    head -n 900000 all >in
    rm -f in.err out filled
    "$BPIPE" -q tcp-listen://127.0.0.1:0 -o out 2>in.err &
    await_port in.err
    { pipesize 8 1048576 8>&1 >size && head -c 1M all && touch filled && tail -c +1048577 all; } |
        { wait_until 20 [ -e filled ] &&
            "$BPIPE" -q -l -S -s 900000 -o "tcp://127.0.0.1:$port" && cat >rest; }
    wait $!
    cmp in out
    cat out rest | cmp all -
}

@test "no relay with -C, for several outputs, or where little comes at a time" {
    random_bytes 5M >in
    into "$BPIPE" -q -C --report json:report -o @
    equal 0 "$(relays report)" "with -C"
    into "$BPIPE" -q --report json:report -o @ -o other
    equal 0 "$(relays report)" "with two outputs"
    cmp in other
    into "$BPIPE" -q -z 100K --report json:report -o @
    equal 0 "$(relays report)" "in small reads"
}

@test "the calls of a relay are refused, at once or later: the bytes are read without it" {
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

@test "a relay that cannot be read is an error of the input, and the peer sees no complete stream" {
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

@test "random faults on the way by a relay" {
    skip_unless_faults
    local count=15
    [ -z "${TEST_LONG:-}" ] || count=300
    random_bytes 9000001 >in
    with_seeds "$count" one_storm
    grep -q 'call=splice ' log
    grep -q 'call=readv ' log
}

# --- packets ----------------------------------------------------------------------------------

# slowly: writes to ./out, but waits until all buffers before it are full.
slowly() {
    wait_until 30 [ -e full ]
    cat >out
}

# packets OPTION...: sends ./in, in packets, through bpipe to a consumer that waits until all
# buffers are full.
packets() {
    rm -f full out report
    packetpipe 4096 <in |
        "$BPIPE" -q -B 1M --report json:report --report-every 0.01 "$@" | slowly &
    wait_until 30 stays_full
    touch full
    wait $!
    cmp in out
    adds_up report
}

# Whether nothing more came for a tenth of a second.
stays_full() {
    local before
    [ -s report ] && before=$(last_number bytes_in report) && ((before > 1000000)) && sleep 0.1 &&
        [ "$(last_number bytes_in report)" = "$before" ]
}

@test "packets, a consumer that is slow: through the ring and by way of the pipe queue" {
    random_bytes 5000001 >in
    packets -C
    packets
    packets -l
    packets --block-size 1000
    packets -C -z 100K
}

@test "packets that are larger than chunks and buffers" {
    random_bytes 300001 >in
    local options
    for options in "-C -z 1000" "-C -z 1" "-B 1000" "-B 4096" "-z 512 -l" "-C -B 100 -z 10" \
        "-L 1G -z 100" "--merge -z 1000"; do
        echo "$options"
        # shellcheck disable=SC2086
        packetpipe 4096 <in | "$BPIPE" -q $options --report json:report >out
        cmp in out
        adds_up report
    done
    packetpipe 4096 <in | "$BPIPE" -q -z 1000 -o out --overflow drop-newest -B 1M --report json:report
    cmp in out
}

@test "packets become a stream, which the consumer may read in small pieces" {
    random_bytes 300001 >in
    packetpipe 4096 <in | "$BPIPE" -q | dd bs=100 status=none >out
    cmp in out
    packetpipe 4096 <in | "$BPIPE" -q -l | dd bs=100 status=none >out
    cmp in out
    mkfifo feed
    packetpipe 1000 <in >feed &
    head -c 1M in | "$BPIPE" -q - feed | dd bs=100 status=none >out
    cat in in | cmp - out
    wait $!
}

@test "packets: -S leaves the rest of one in the pipe" {
    random_bytes 100000 >in
    local size
    for size in 1 1500 4000 54321; do
        packetpipe 4096 <in | { "$BPIPE" -q -S -s $size -o first && cat >rest; }
        equal $size "$(stat -c %s first)"
        cat first rest | cmp in -
        packetpipe 4096 <in | { "$BPIPE" -q -C -S -s $size >first && cat >rest; }
        cat first rest | cmp in -
    done
}

@test "packets, where pipes cannot be enlarged or opened" {
    skip_unless_faults
    random_bytes 300001 >in
    packetpipe 4096 <in | with_faults 'FAULT_SCRIPT=fcntl:pipe?*:1+:EPERM' FAULT_LOG="$T/log" \
        "$BPIPE" -q -C -z 1000 >out
    cmp in out
    [ -s log ]
}

@test "packets: records are counted, and -S stops at their number" {
    seq 100000 >in
    packetpipe 4096 <in | "$BPIPE" -q -l --report json:report | dd bs=100 status=none >out
    cmp in out
    equal 100000 "$(last_number records_in report)"
    head -n 1000 in >some
    packetpipe 4096 <in | { "$BPIPE" -q -l -S -s 1000 >out && cat >rest; }
    cmp some out
    cat out rest | cmp in -
}

@test "packets: a relay that breaks is an error, not a loss" {
    skip_unless_faults
    random_bytes 100000 >in
    local status=0
    packetpipe 4096 <in | with_faults 'FAULT_SCRIPT=splice:0:9:EINVAL' FAULT_LOG="$T/log" \
        "$BPIPE" -q -C -z 1000 >out 2>err || status=$?
    equal 1 $status
    [ -s log ]
    [[ $(<err) == "bpipe: stdin: read failed at byte "*": Message too long" ]]
    cmp -n "$(stat -c %s out)" in out
}

@test "a relay is closed once, even if one descriptor is two inputs" {
    skip_unless strace
    : | no_leak_check strace -o trace -e trace=close "$BPIPE" -q - - >out
    run -1 grep EBADF trace
    packetpipe 100 </dev/null | no_leak_check strace -o trace -e trace=close "$BPIPE" -q -z 10 - - - >out
    run -1 grep EBADF trace
}

@test "packets: a frame holds all of them" {
    random_bytes 3000001 >in
    packetpipe 4096 <in | "$BPIPE" -q -B 1M --frame |
        { sleep 0.3 && "$BPIPE" -q --unframe; } | dd bs=1000 status=none >out
    cmp in out
}
