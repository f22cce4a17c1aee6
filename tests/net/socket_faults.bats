#!/usr/bin/env bats
#
# bpipes that talk to each other while system calls on their sockets fail, do less than asked or are
# interrupted (tests/fault/shim.c): whole streams under random faults of many seeds, and each
# failure that has a meaning of its own.
#
# TEST_SEED=N begins with another seed; TEST_LONG=1 runs 20 times as many.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

setup() {
    common_setup
    skip_unless_faults
}

socket='socket*' # what /proc/self/fd shows for a socket, for rules

# --- random faults ----------------------------------------------------------------------------

# faulty NAME OPTION...: runs bpipe under the faults of this seed; writes NAME.report, NAME.log.
# With some of the seeds all bytes go through the buffer.
faulty() {
    local name=$1
    shift
    ((seed % 3)) || set -- -C "$@"
    with_faults FAULT_RATE=25 FAULT_SEED="$seed" FAULT_DELAY_US=200 FAULT_LOG="$T/$name.log" \
        timeout -k 1 60 "$BPIPE" -q --report "json:$name.report" "$@"
}

# one_transfer FAMILY OPTION...: a transfer with faults at both ends, from and to a file or a pipe.
one_transfer() {
    local family=$1 job
    shift
    rm -f in.err
    if ((seed % 4 < 2)); then
        faulty receiver -z 8K "$(listening "$family")" -o out 2>in.err &
    else
        faulty receiver -z 8K "$(listening "$family")" 2>in.err > >(exec cat >out) &
    fi
    job=$!
    [ "$family" != unix ] || wait_until 20 [ -S here ]
    await_listener "$family" in.err
    if ((seed % 2)); then
        faulty sender -z 8K "$@" -o "$endpoint" in
    else
        faulty sender -z 8K "$@" -o "$endpoint" < <(exec cat in)
    fi
    wait $job
    says_only_port in.err
    wait_until 10 cmp -s in out
    adds_up receiver.report
    adds_up sender.report
    rm out
}

# storm FAMILY OPTION...: such transfers with many seeds.
storm() {
    local first=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))} count=25 seed
    [ -z "${TEST_LONG:-}" ] || count=500
    random_bytes 300001 >in
    for ((seed = first; seed < first + count; seed++)); do
        echo "TEST_SEED=$seed"
        one_transfer "$@"
    done
    for kind in short EINTR EAGAIN delay wakeup; do
        grep -q "fault=$kind" sender.log
        grep -q "fault=$kind" receiver.log
    done
}

@test "random faults: TCP" {
    storm ip4
    is_portable || {
        grep -q 'call=sendfile ' sender.log
        grep -q 'call=splice ' receiver.log
    }
}

@test "random faults: unix sockets" {
    storm unix
    is_portable || grep -q 'call=splice ' sender.log
}

@test "random faults: TCP, through a small buffer, at a limited rate" {
    storm ip4 -B 20000 -L 50M
}

# --- directed faults --------------------------------------------------------------------------

# to SCRIPT [OPTION]...: a bpipe under these rules sends ./in to a bpipe that has none. Sets
# $status, $said, $receiver_status, $endpoint.
to() {
    local script=$1 job
    shift
    rm -f in.err log out report
    "$BPIPE" -q tcp-listen://:0 -o out 2>in.err &
    job=$!
    await_listener ip4 in.err
    status=0 receiver_status=0
    with_faults FAULT_SCRIPT="$script" FAULT_LOG="$T/log" timeout -k 1 30 "$BPIPE" -q -z 10000 \
        --report json:report "$@" -o "$endpoint" in 2>err || status=$?
    said=$(<err)
    if listens "$port"; then # no peer connected to it
        kill $job
    fi
    wait $job || receiver_status=$?
    [ -s log ]
    adds_up report $status
}

listens_or_has_gone() { listens_as_told "$1" || { [ -n "$port" ] && gone "$2"; }; }

# from SCRIPT [OPTION]...: a bpipe under these rules receives ./in. It listens. Sets the same
# variables.
from() {
    local script=$1 job
    shift
    rm -f in.err log out report
    with_faults FAULT_SCRIPT="$script" FAULT_LOG="$T/log" timeout -k 1 30 "$BPIPE" -q -z 10000 \
        --report json:report tcp-listen://127.0.0.1:0 -o out "$@" 2>in.err &
    job=$!
    wait_until 20 listens_or_has_gone in.err $job # the second accept() may come before a peer does
    endpoint=tcp://127.0.0.1:$port
    status=0 sender_status=0
    timeout -k 1 30 "$BPIPE" -q -o "$endpoint" in 2>err || sender_status=$?
    wait $job || status=$?
    said=$(grep -v ': listening on ' in.err || true)
    [ -s log ]
    adds_up report $status
}

# ends STATUS MESSAGE OTHER: compares how the bpipe of to or from ended, and how the other end did.
ends() {
    equal "$2" "$said" message
    equal "$1" "$status" status
    case $3 in
    complete) cmp in out ;;
    cut)
        equal 1 "$receiver_status" "status of the receiver"
        cmp out <(head -c "$(size_of out)" in)
        ;;
    uncalled)
        equal 143 "$receiver_status" "status of the receiver"
        [ ! -e out ]
        ;;
    esac
}

@test "connecting is interrupted, or cannot be begun" {
    random_bytes 100000 >in
    to 'connect:*:1:EINTR;connect:*:2:EINTR'
    ends 0 '' complete
    local error
    for error in EMFILE ENFILE ENOBUFS ENOMEM EACCES; do
        to "socket:*:*:$error"
        [[ $said == "bpipe: $endpoint: "* ]]
        ends 1 "$said" uncalled
        equal 0 "$(last_number bytes_in report)"
    done
    to 'socket:*:1:EMFILE'
    ends 1 "bpipe: $endpoint: Too many open files" uncalled
    to 'connect:*:1:EACCES' --retry 3
    ends 1 "bpipe: $endpoint: Permission denied" uncalled
    for error in ECONNREFUSED EHOSTUNREACH ENETUNREACH ETIMEDOUT; do
        to "connect:*:1:$error"
        [[ $said == "bpipe: $endpoint: "* ]]
        ends 1 "$said" uncalled
        to "connect:*:1:$error" --retry 1
        ends 0 '' complete
    done
}

@test "accept() is interrupted, too late, or fails" {
    random_bytes 100000 >in
    local error
    for error in EINTR EAGAIN ECONNABORTED EPROTO EPERM; do
        # The first accept() is made when bpipe begins to listen, before a peer has come.
        from "accept:*:2:$error;accept:*:3:$error"
        ends 0 '' complete
        equal 0 "$sender_status"
    done
    for error in EMFILE ENFILE ENOBUFS ENOMEM; do
        from "accept:*:2+:$error"
        [[ $said == "bpipe: tcp-listen://127.0.0.1:0: "* ]]
        equal "1 1" "$status $(lines_of <(printf '%s\n' "$said"))"
        [ ! -e out ]
    done
}

@test "the connection breaks while bytes are sent" {
    random_bytes 100000 >in
    local error
    for error in ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH; do
        to "write:$socket:3:$error" -C
        [[ $said == "bpipe: $endpoint: lost at byte 20000: "* ]]
        [ $error != EPIPE ] || [[ $said == *": closed by the peer"* ]]
        ends 1 "$said" cut
        is_portable || {
            to "sendfile:*:3:$error"
            [[ $said == "bpipe: $endpoint: lost at byte 20000: "* ]]
            ends 1 "$said" cut
        }
    done
    to "write:$socket:3:ENOBUFS" -C
    [[ $said == "bpipe: $endpoint: "*" at byte 20000: No buffer space available"* ]]
    ends 1 "$said" cut
    # Short writes, one after the other.
    to "write:$socket:*:short=777" -C
    ends 0 '' complete
}

@test "a zero copy that is not for sockets: everything is copied" {
    ! is_portable || skip "the portable build copies everything"
    random_bytes 100000 >in
    local error
    for error in EINVAL ENOSYS EOPNOTSUPP EPERM; do
        to "sendfile:*:1+:$error"
        ends 0 '' complete
        equal 0 "$(last_number zero_copy_bytes report)"
        rm -f in.err report
        with_faults FAULT_SCRIPT="splice:*:1+:$error" FAULT_LOG="$T/log" \
            "$BPIPE" -q --report json:report tcp-listen://:0 2>in.err > >(exec cat >out) &
        await_port in.err
        "$BPIPE" -q -o "tcp://127.0.0.1:$port" in
        ended $! 0
        grep -q call=splice log
        equal 0 "$(last_number zero_copy_bytes report)"
        wait_until 10 cmp -s in out
    done
}

@test "the connection breaks while bytes are received" {
    random_bytes 100000 >in
    local error
    for error in ECONNRESET ETIMEDOUT EHOSTUNREACH; do
        from "read:$socket:@34567:$error" -C
        [[ $said == "bpipe: tcp-listen://127.0.0.1:0: lost at byte 34567: "* ]]
        ends 1 "$said"
        [ "$sender_status" -le 1 ] # 0 if all was acknowledged before that
        head -c 34567 in | cmp out -
    done
}

@test "the end of the stream cannot be sent, or is in doubt" {
    random_bytes 100000 >in
    to 'shutdown:*:1:ENOTCONN'
    [[ $said == "bpipe: $endpoint: lost at byte 100000: closed by the peer"* ]]
    ends 1 "$said" cut
    is_portable || {
        # bpipe asks for the socket's error while it waits. (It asks first when it connects.)
        to "getsockopt:$socket:2+:ENOBUFS"
        [[ $said == "bpipe: $endpoint: "* ]]
        equal 1 "$status"
    }
    # Reading what the peer sends: interrupted, nothing there, broken.
    to "recv:*:1:EINTR;recv:*:2:EINTR;recv:*:3:EAGAIN"
    ends 0 '' complete
    to "recv:*:1+:ECONNRESET"
    [[ $said == "bpipe: $endpoint: lost at byte "*": Connection reset by peer"* ]]
    equal 1 "$status"
}
