#!/usr/bin/env bats
#
# Descriptors that cannot be read or written, as standard input, standard output or fd://N. Where
# cat(1) fails, bpipe says so at once, with status 1. Where cat waits, bpipe waits.

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

# odd FD KIND OPTION...: runs bpipe with a descriptor of that kind; sets $status and $said.
odd() {
    local fd=$1 kind=$2
    shift 2
    status=0
    timeout -k 1 30 oddfd "$fd" "$kind" "$BPIPE" -q --report json:report "$@" 2>err || status=$?
    said=$(<err)
}

fails() { # MESSAGE
    equal "$1" "$said" message
    equal 1 "$status" status
    adds_up report 1
}

@test "a listening socket cannot be read" {
    printf old >old
    local kind
    for kind in tcp-listener unix-listener packet-listener; do
        odd 0 $kind >out
        fails "bpipe: stdin: a listening socket cannot be read"
        odd 5 $kind fd://5 >out
        fails "bpipe: fd://5: a listening socket cannot be read"
        # It is the only input: nothing is touched.
        odd 0 $kind -o old -o new
        fails "bpipe: stdin: a listening socket cannot be read"
        equal old "$(<old)"
        [ ! -e new ]
        # If there are several inputs, the others are copied.
        odd 0 $kind -o out - old
        fails "bpipe: stdin: a listening socket cannot be read"
        equal old "$(<out)"
        odd 0 $kind --merge -o out - old
        fails "bpipe: stdin: a listening socket cannot be read"
        equal old "$(<out)"
    done
}

@test "a listening socket cannot be written" {
    printf old >in
    local kind
    for kind in tcp-listener unix-listener packet-listener; do
        odd 1 $kind in
        fails "bpipe: stdout: a listening socket cannot be written"
        odd 5 $kind -o new -o fd://5 in
        fails "bpipe: fd://5: a listening socket cannot be written"
        [ ! -e new ]
        odd 5 $kind -o out --tap fd://5 in
        equal 0 "$status"
        equal "bpipe: fd://5: a listening socket cannot be written; going on without it" "$said"
        equal old "$(<out)"
        rm out
    done
}

@test "a socket that is not connected is refused" {
    printf old >old
    local kind
    for kind in tcp-socket unix-socket; do
        odd 0 $kind >out
        fails "bpipe: stdin: the socket is not connected"
        odd 5 $kind -o new fd://5
        fails "bpipe: fd://5: the socket is not connected"
        [ ! -e new ]
        odd 1 $kind <<<x
        fails "bpipe: stdout: the socket is not connected"
        odd 5 $kind -o new -o fd://5 old
        fails "bpipe: fd://5: the socket is not connected"
        [ ! -e new ]
    done
}

@test "a closed connection has no peer, but its unread bytes are read" {
    odd 0 half-open >out
    equal "0 last" "$status $(<out)"
    adds_up report
}

@test "a report to a descriptor that cannot be written is refused before anything begins" {
    printf old >in
    printf other >other
    local kind
    for kind in tcp-listener unix-listener packet-listener; do
        report_fails "a listening socket cannot be written" oddfd 9 $kind
    done
    report_fails "the socket is not connected" oddfd 9 tcp-socket
    report_fails "the socket is not connected" oddfd 9 unix-socket
    report_fails "Bad file descriptor" withfd 9 r other
    [ "$(uname -s)" != Linux ] || report_fails "a descriptor of this kind cannot be written" oddfd 9 epoll
    odd 1 tcp-listener -o new --report json:- in
    equal "1 bpipe: -: a listening socket cannot be written" "$status $said"
}

# report_fails REASON COMMAND...: COMMAND inherits the report's descriptor 9.
report_fails() {
    local reason=$1 format
    shift
    for format in json text prometheus; do
        result "$@" "$BPIPE" -q --report $format:fd://9 -o new in
        equal "1::bpipe: fd://9: $reason" "$result"
        [ ! -e new ]
    done
}

@test "a datagram socket: an empty datagram ends the input; one that does not fit is a failure" {
    odd 0 datagrams >out
    equal 0 "$status"
    equal "$(printf 'd%.0s' {1..5000} | sum_stdin)" "$(sum out)"
    adds_up report
    odd 0 datagrams -B 100 -z 100 >out
    fails "bpipe: stdin: read failed at byte 0: Message too long"
    # bpipe waits, as cat does.
    oddfd 0 datagram-socket "$BPIPE" -q >out &
    wait_until 20 in_poll $!
    kill $!
    ended $! 143
}

@test "directories, and descriptors that are not open for reading or for writing" {
    printf x >in
    local status=0
    result "$BPIPE" -q <.
    equal "1::bpipe: stdin: Is a directory" "$result"
    result "$BPIPE" -q fd://5 5<.
    equal "1::bpipe: fd://5: Is a directory" "$result"
    result withfd 0 w in "$BPIPE" -q
    equal "1::bpipe: stdin: Bad file descriptor" "$result"
    result withfd 5 r in "$BPIPE" -q -o fd://5 in
    equal "1::bpipe: fd://5: Bad file descriptor" "$result"
    equal x "$(<in)"
}

@test "O_PATH: neither read nor written" {
    [ "$(uname -s)" = Linux ] || skip "this system has none"
    printf old >old
    odd 0 path=old >out
    [[ $said == "bpipe: stdin: "*"Bad file descriptor" ]]
    fails "$said"
    odd 0 path >out
    fails "bpipe: stdin: Is a directory"
    odd 1 path=old <<<x
    fails "bpipe: stdout: Bad file descriptor"
    equal old "$(<old)"
}

@test "epoll and similar descriptors, which cannot be read or written, are refused" {
    [ "$(uname -s)" = Linux ] || skip "this system has none of them"
    printf old >old
    local kind
    for kind in epoll pidfd; do
        odd 0 $kind >out
        fails "bpipe: stdin: a descriptor of this kind cannot be read"
        odd 5 $kind -o new fd://5
        fails "bpipe: fd://5: a descriptor of this kind cannot be read"
        [ ! -e new ]
        odd 0 $kind -o out - old
        fails "bpipe: stdin: a descriptor of this kind cannot be read"
        equal old "$(<out)"
    done
    for kind in epoll pidfd timerfd signalfd; do
        odd 1 $kind <<<x
        fails "bpipe: stdout: a descriptor of this kind cannot be written"
        odd 5 $kind -o fd://5 old
        fails "bpipe: fd://5: a descriptor of this kind cannot be written"
    done
    odd 1 inotify <<<x
    fails "bpipe: stdout: Bad file descriptor"
}

@test "eventfd and similar descriptors are read, and bpipe waits for the next event" {
    [ "$(uname -s)" = Linux ] || skip "this system has none of them"
    local kind
    for kind in eventfd timerfd; do
        oddfd 0 $kind "$BPIPE" -q -o out.$kind &
        wait_until 20 size_is out.$kind 8
        wait_until 20 in_poll $!
        kill $!
        ended $! 143
    done
    equal 123 "$(head -c 3 out.eventfd)"
    for kind in signalfd inotify; do
        oddfd 0 $kind "$BPIPE" -q -o out.$kind &
        wait_until 20 in_poll $!
        kill $!
        ended $! 143
    done
}
