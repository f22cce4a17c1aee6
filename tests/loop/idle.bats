#!/usr/bin/env bats
#
# While nothing can move, a bpipe that waits makes no system call and is not woken up. This holds
# for everything that it can wait for, and for every state of its neighbours.

# shellcheck disable=SC2094,SC2261 # FIFOs are opened both ways on purpose, and {var}< is no stderr
load ../helpers
load ../observe
load ../sockets

teardown() {
    end_processes
    common_teardown
}

# --- helpers --------------------------------------------------------------------------------

switches() { # PID: prints how often it went to sleep or was interrupted
    sed -n 's/.*ctxt_switches:[[:space:]]*//p' "/proc/$1/status" | xargs
}

traced() { # PID
    [ "$(sed -n 's/^TracerPid:[[:space:]]*//p' "/proc/$1/status")" != 0 ]
}

traced_or_not_permitted() { traced "$1" || gone "$tracer"; }

settled() { # PID: what was still under way when it began to wait is over
    local before
    before=$(switches "$1")
    sleep 0.1
    [ "$before" = "$(switches "$1")" ]
}

# calls_of PID: prints its system calls in the trace that have returned. The poll() in which it was
# found has not.
calls_of() {
    [ -z "$tracer" ] || grep "^$1 .* = " trace || true
}

# woken PID SWITCHES CALLS: whether there were more since then, and SIGUSR1 shows.
woken() {
    [ "$(switches "$1")" != "$2" ] || return 1
    [ -z "$tracer" ] || { grep -q "^$1 .*SIGUSR1" trace && [ "$(calls_of "$1")" != "$3" ]; }
}

# stays_idle PID...: each process sleeps in poll(), for a second without a system call or a wakeup.
# A SIGUSR1 at the end proves that the test would have seen one.
stays_idle() {
    local pid tracer=''
    local -A slept=() called=()
    local -a attach=()
    for pid; do
        wait_until 20 has_control "$pid" # making the socket is its last own wakeup
        wait_until 20 in_poll "$pid"
        attach+=(-p "$pid")
    done
    if command -v strace >/dev/null; then
        strace -f -o trace "${attach[@]}" 2>strace.err &
        tracer=$!
        for pid; do
            wait_until 10 traced_or_not_permitted "$pid"
        done
        traced "$pid" || tracer=
    fi
    for pid; do
        wait_until 10 settled "$pid"
        slept[$pid]=$(switches "$pid")
        called[$pid]=$(calls_of "$pid")
    done
    sleep 1.1 # longer than a tick of a second
    for pid; do
        equal "${slept[$pid]}" "$(switches "$pid")" \
            "wake-ups of $(tr '\0' ' ' <"/proc/$pid/cmdline")"
        equal "${called[$pid]}" "$(calls_of "$pid")" "system calls of $pid"
        in_poll "$pid"
    done
    for pid; do
        kill -USR1 "$pid"
        wait_until 10 woken "$pid" "${slept[$pid]}" "${called[$pid]}"
    done
    [ -n "$tracer" ] || skip "no wake-ups; system calls unseen: strace is missing or may not attach"
    kill "$tracer"
    wait "$tracer" || true
}

pid_in() { # FILE
    wait_until 10 [ -s "$1" ]
    cat "$1"
}

# --- the tests ------------------------------------------------------------------------------

@test "sleep 60 | bpipe -q | cat, and the same without -q" {
    sleep 60 | "$BPIPE" -q -P pid.1 | cat &
    sleep 60 | "$BPIPE" -P pid.2 2>err | cat &
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

@test "the producer has gone while the output is stuck, and while it is not read from" {
    random_bytes 5M >data
    open_stuck
    # All has been read: the input is closed. With a small buffer it is open, at its end or not.
    # shellcheck disable=SC2002 # it has to be a pipe
    cat data | "$BPIPE" -q -P pid.1 >&"$stuck" &
    wait_until 20 in_poll "$(pid_in pid.1)"
    { head -c 300K data; } | "$BPIPE" -q -J 0 -B 50K -P pid.2 >&"$stuck" &
    # Held back, with a buffer that is not full.
    { head -c 160K data; } | "$BPIPE" -q -J 0 -B 100K --resume-fill 10 -P pid.3 >&"$stuck" &
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)" "$(pid_in pid.3)"
}

@test "a full buffer, and a producer that would go on" {
    open_stuck
    yes | "$BPIPE" -q -B 1M -P pid.1 >&"$stuck" &
    wait_until 20 in_poll "$(pid_in pid.1)"
    "$BPIPE" -q -B 1M -P pid.2 /dev/zero >&"$stuck" &
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

@test "a consumer that took many bytes and stops, with a producer that would go on" {
    open_stuck
    yes | "$BPIPE" -q -B 1M -P pid.1 >&"$stuck" &
    head -c 20M <stuck >/dev/null
    wait_until 20 in_poll "$(pid_in pid.1)"
    mkfifo stuck.2
    exec {second}<>stuck.2
    random_bytes 5M | "$BPIPE" -q -B 64K -P pid.2 >&"$second" &
    head -c 2M <stuck.2 >/dev/null
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

@test "a file that could be read, and a stuck output" {
    random_bytes 5M >data
    open_stuck
    "$BPIPE" -q -P pid.1 data >&"$stuck" &
    wait_until 20 in_poll "$(pid_in pid.1)"
    "$BPIPE" -q -B 1M -P pid.2 <data >&"$stuck" &
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

@test "several outputs: with nothing to do, one stuck, one departed" {
    open_idle
    open_stuck
    open_consumer
    mkfifo feed.1 feed.2
    # shellcheck disable=SC2034 # held open
    exec {feed_1}<>feed.1 {feed_2}<>feed.2
    "$BPIPE" -q -o one -o - -o two -P pid.1 {reader}<&- <&"$idle" > >(exec cat >/dev/null) &
    "$BPIPE" -q -J 0 -B 100K -o one -o - -o two -P pid.2 <feed.1 >&"$stuck" {reader}<&- &
    "$BPIPE" -q -o three -o - -o four -P pid.3 <feed.2 >&"$writer" 2>err {reader}<&- &
    head -c 150K /dev/zero >feed.1
    printf 12345 >feed.2
    wait_until 10 in_poll "$(pid_in pid.3)"
    exec {reader}<&-
    wait_until 10 has_lines err 1
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)" "$(pid_in pid.3)"
}

@test "bytes that are held back: --start-fill, --block-size" {
    open_idle
    mkfifo feed
    exec {feed}<>feed
    "$BPIPE" -q --start-fill 50 -P pid.1 <&"$idle" > >(exec cat >/dev/null) &
    "$BPIPE" -q --block-size 64K -P pid.2 <&"$feed" > >(exec cat >/dev/null) &
    pid_in pid.1
    pid_in pid.2
    printf 12345 >idle
    printf 12345 >feed
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

@test "a FIFO that waits for its first writer; one that had its last one stays at an end" {
    mkfifo fifo last
    "$BPIPE" -q -P pid.1 -o one fifo &
    "$BPIPE" -q -P pid.2 -o two last fifo &
    pid_in pid.2
    : >last
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

@test "a terminal without input, and one whose output is not read" {
    [ -w /dev/ptmx ] || skip "there is no /dev/ptmx"
    exec {master}<>/dev/ptmx
    tty=$(pty name <&"$master")
    exec {slave}<>"$tty"
    pty raw <&"$slave"
    "$BPIPE" -q -P pid.1 <&"$slave" >&"$slave" {master}>&- &
    wait_until 10 in_poll "$(pid_in pid.1)"
    "$BPIPE" -q -B 100K -P pid.2 /dev/zero >&"$slave" {master}>&- &
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

# shellcheck disable=SC2016
@test "a socket whose peer spoke, or ended its own direction" {
    open_idle
    export idle
    sock pair 8 9 bash -c '
        "$BPIPE" -q -P pid <&"$idle" >&8 9>&- &
        echo "are you there?" >&9
        sock shut 9
        exec sleep 60' &
    stays_idle "$(pid_in pid)"
}

@test "a message that stderr does not take" {
    open_idle
    mkfifo err
    exec {err}<>err
    fdflags -n "$err" >/dev/null
    head -c 10M /dev/zero >&"$err" 2>/dev/null || true # full
    "$BPIPE" -q -P pid missing - <&"$idle" >out 2>&"$err" &
    stays_idle "$(pid_in pid)"
}

@test "deadlines that are far away" {
    open_idle
    open_stuck
    random_bytes 5M >data
    "$BPIPE" -q --idle-timeout 1h --report-every 1h --report json:r -P pid.1 <&"$idle" >out &
    "$BPIPE" -q --stall-timeout 1h --drain-timeout 1h -P pid.2 data >&"$stuck" &
    stays_idle "$(pid_in pid.1)" "$(pid_in pid.2)"
}

@test "listening, and connections that bring nothing and take nothing" {
    open_idle
    "$BPIPE" -q -P pid.listening tcp-listen://:0 2>err.listening &
    "$BPIPE" -q -P pid.1 tcp-listen://:0 2>err.1 > >(exec cat >/dev/null) &
    "$BPIPE" -q -P pid.2 unix-listen://socket > >(exec cat >/dev/null) &
    await_port err.1
    wait_until 10 [ -S socket ]
    # The same after a byte has gone through, and with an output that cannot take more.
    "$BPIPE" -q --retry 10 -P pid.3 -o "tcp://127.0.0.1:$port" -o unix://socket <&"$idle" &
    echo text >idle
    open_stuck
    "$BPIPE" -q -B 64K -P pid.4 tcp-listen://:0 2>err.4 >&"$stuck" &
    await_port err.4
    "$BPIPE" -q -B 64K -P pid.5 -o "tcp://127.0.0.1:$port" /dev/zero &
    stays_idle "$(pid_in pid.listening)" "$(pid_in pid.1)" "$(pid_in pid.2)" "$(pid_in pid.3)" \
        "$(pid_in pid.4)" "$(pid_in pid.5)"
}

@test "an output whose peer has ended its own direction, or speaks" {
    open_idle
    "$BPIPE" -q -P pid.1 -o tcp-listen://:0 2>err <&"$idle" &
    await_port err
    exec {peer}<>"/dev/tcp/127.0.0.1/$port"
    echo "are you there?" >&"$peer"
    sock shut "$peer"
    stays_idle "$(pid_in pid.1)"
}
