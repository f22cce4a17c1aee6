#!/usr/bin/env bats
#
# The culprit by name: which program at the other end of a pipe bpipe waits for, in pipelines of
# real programs. test_peer.c has the unit tests.
#
# A pipeline runs until bpipe has named the culprit in a periodic report (--report-every) and in one
# that it was asked for (SIGUSR1), or until it ends by itself. Nothing depends on how fast the
# machine is.

# shellcheck disable=SC2094,SC2261 # FIFOs are opened both ways on purpose
# shellcheck disable=SC2002 # cat is the neighbour
load ../helpers
load ../observe
load ../sockets

setup() {
    is_portable && skip "the portable build does not look for processes"
    common_setup
}

teardown() {
    end_processes
    common_teardown
}

# --- helpers --------------------------------------------------------------------------------

# told PATTERN: whether the last report in `text` has that verdict.
told() {
    grep '^bpipe:.* slow side: ' text 2>/dev/null | tail -n 1 >verdict
    grep -qE "^bpipe:.* slow side: $1; (the buffer|buffer|absorbed) " verdict
}

ask_and_told() { # PID PATTERN
    kill -USR1 "$1" 2>/dev/null
    sleep 0.05
    told "$2"
}

# blames PATTERN: the bpipe that wrote its process id to `pid` has that verdict when it is asked,
# sooner or later.
blames() {
    wait_until 20 [ -s pid ]
    wait_until 20 catches_usr1 "$(<pid)"
    wait_until 60 ask_and_told "$(<pid)" "$1" || {
        cat text verdict
        return 1
    }
}

has_found() { # ENDPOINT COMMAND
    tail -n 1 json 2>/dev/null |
        grep -qE "\"name\":\"$1\",[^{}]*\"peer\":\{\"pid\":[0-9]+,\"command\":\"$2\",\"address\":null\}"
}

# finds ENDPOINT COMMAND: finds it without being asked, for the reports that it writes anyway.
finds() {
    wait_until 60 has_found "$1" "$2" || {
        cat json
        return 1
    }
}

# called COMMAND: the process that the last verdict names has this command, and the JSON report
# names the same process.
called() {
    local number
    number=$(sed -n 's/.*, pid \([0-9]*\).*/\1/p' verdict)
    equal "$1" "$(cat "/proc/$number/comm")" "process $number"
    grep -qF "\"peer\":{\"pid\":$number,\"command\":\"$1\",\"address\":null}" <(tail -n 1 json)
}

# bp OPTION...: the bpipe that is asked.
bp() { "$BPIPE" -P pid --report text:text --report json:json --report-every 0.1 "$@"; }

# a_tree: makes a directory with some megabytes that do not compress.
a_tree() {
    mkdir tree
    random_bytes 6M 1 >tree/one
    random_bytes 6M 2 >tree/two
}

# A stream without end, for a slow consumer.
random_stream() {
    a_tree
    while cat tree/one tree/two; do :; done 2>/dev/null
}

# --- ten pipelines --------------------------------------------------------------------------

@test "tar | bpipe | gzip -9: gzip" {
    skip_unless tar gzip
    random_bytes 40M >data
    tar cf - data data data | bp | gzip -9 >/dev/null &
    finds stdout gzip
    blames 'output, [0-9]+%( of the time)? \(gzip(, pid [0-9]+)?\)'
    called gzip
}

@test "gzip -9 | bpipe | cat: gzip" {
    skip_unless gzip
    random_stream | gzip -9 | bp | cat >/dev/null &
    finds stdin gzip
    blames 'input, [0-9]+%( of the time)? \(gzip(, pid [0-9]+)?\)'
    called gzip
}

@test "cat | bpipe -q | xz: xz, or its substitute" {
    local slow=xz
    command -v xz >/dev/null || slow=bzip2
    skip_unless "$slow"
    # shellcheck disable=SC2002 # it has to be a pipe
    random_stream | cat | bp -q | "$slow" -9 >/dev/null &
    finds stdout "$slow"
    blames "output, [0-9]+%( of the time)? \($slow(, pid [0-9]+)?\)"
    called "$slow"
}

@test "cat | bpipe -L | sha256sum, when it has ended: the final report" {
    skip_unless sha256sum
    random_bytes 1M >data
    # A run that ends by itself, once it has found the consumer.
    (cat data; until [ -e end ]; do sleep 0.05; done) | bp -v -L 2M | sha256sum >sum &
    finds stdout sha256sum
    touch end
    wait
    tail -n 1 json | grep -q '"type":"final"'
    has_found stdout sha256sum
    grep -qE '^bpipe: output stdout: 1.00 MiB, waited ' text
    grep -qxE 'bpipe: output stdout: sha256sum, pid [0-9]+' text
    equal "$(sum data)  -" "$(<sum)"
}

# shellcheck disable=SC2002
@test "a shell's loop that reads slowly: the shell, not the commands in it" {
    yes | bp | bash -c 'while read -r -N 20000 text; do sleep 0.05; done' &
    finds stdout bash
    blames 'output, [0-9]+%( of the time)? \(bash(, pid [0-9]+)?\)'
    called bash
}

@test "the input has ended long ago: the reader is still named" {
    # shellcheck disable=SC2216 # it does not read
    head -c 4000000 /dev/zero | "$BPIPE" -f -i 0.1 -F '%{bottleneck};' 2>frames | sleep 200 &
    wait_until 60 grep -qF '(sleep)' frames
}

@test "the reader that was found is replaced by another: the last report names the new one" {
    (
        head -c 3000000 /dev/zero
        until [ -e end ]; do sleep 0.05; done
    ) | bp -J 0 -B 256K | (
        until [ -e go ]; do sleep 0.05; done
        exec cat >/dev/null
    ) &
    # A subshell is a bash.
    finds stdout '(bash|sleep)'
    touch go end
    wait_until 60 grep -q '"type":"final"' json
    has_found stdout cat
}

# Starts bpipe, whose output is the FIFO `fifo`, and a process that does not read from it, sets
# $first to that process, and waits until bpipe has found it. The run ends when `end` exists.
a_first_reader() {
    mkfifo fifo
    # shellcheck disable=SC2217 # it does not read
    sleep 200 <fifo &
    first=$!
    (
        head -c 3000000 /dev/zero
        until [ -e end ]; do sleep 0.05; done
    ) | bp -J 0 -B 256K -o fifo &
    finds fifo sleep
}

@test "of two readers after each other, the last report names the one that bpipe waited for longest" {
    local first
    a_first_reader
    cat <fifo >/dev/null &
    # Then it has opened the FIFO.
    wait_until 20 grep -qx cat "/proc/$!/comm"
    kill "$first"
    finds fifo cat
    touch end
    wait_until 60 grep -q '"type":"final"' json
    has_found fifo sleep
}

@test "the waits for the second of two readers do not count for the first" {
    local first start=$EPOCHREALTIME
    a_first_reader
    { : >opened && until [ -e go ]; do nap 0.05; done && exec cat; } <fifo >/dev/null &
    wait_until 20 [ -e opened ]
    kill "$first"
    # Longer than bpipe can have waited for the first one. No report is asked for meanwhile.
    sleep "$(awk -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { print to - from + 0.5 }')"
    touch go end
    wait_until 60 grep -q '"type":"final"' json
    has_found fifo cat
}

@test "a shell's loop that writes slowly: the shell, not the commands in it" {
    bash -c 'while echo "$SECONDS"; do sleep 0.05; done' | bp | cat >/dev/null &
    finds stdin bash
    blames 'input, [0-9]+%( of the time)? \(bash(, pid [0-9]+)?\)'
    called bash
}

@test "a subshell that waits for tar, which is slow: tar" {
    skip_unless tar
    a_tree
    # The archive comes at the pace at which tar gets the names. Another command follows, so that
    # the subshell does not become tar.
    (
        tar c -C tree -f - --files-from=<(while echo one; do sleep 0.2; done)
        echo end
    ) | bp -J 0 | cat >/dev/null &
    finds stdin tar
    blames 'input, [0-9]+%( of the time)? \(tar(, pid [0-9]+)?\)'
    called tar
}

@test "two bpipes in a row: told apart by -N, and by where they stand" {
    skip_unless gzip
    random_stream | "$BPIPE" -q -N first -L 3M | bp -N middle | "$BPIPE" -q --na=last | cat >/dev/null &
    finds stdin 'bpipe first'
    blames 'input, [0-9]+%( of the time)? \(bpipe first(, pid [0-9]+)?\)'
    grep -q '^bpipe: middle: slow side: ' verdict
    tail -n 1 json | grep -qE '"peer":\{"pid":[0-9]+,"command":"bpipe last","address":null\}'
}

ask_and_begins() { # PID BEGINNING
    "$BPIPE" -v -Q "$1" >report
    grep -qF "$2: " report && ! grep -vF "$2: " report
}

# begins BEGINNING: when the bpipe in `pid` is asked, each line of its report begins so.
begins() {
    wait_until 20 [ -s pid ]
    wait_until 60 ask_and_begins "$(<pid)" "$1" || {
        cat report
        return 1
    }
}

@test "bpipes in a row without a name: told apart by their neighbours" {
    cat /dev/zero | bp -v -L 3M | "$BPIPE" -q | cat >/dev/null &
    begins 'bpipe (cat > bpipe)'
    end_processes
    rm -f pid
    cat /dev/zero | "$BPIPE" -q -L 3M | bp -v -N name | cat >/dev/null &
    begins 'bpipe: name'
    end_processes
    rm -f pid
    cat /dev/zero | "$BPIPE" -q -L 3M | bp -v -o out &
    begins 'bpipe (bpipe >)'
}

@test "the only bpipe of a pipeline does not name its neighbours" {
    cat /dev/zero | bp -v -L 3M | cat >/dev/null &
    knows_both() {
        ask_and_begins "$(<pid)" bpipe || return 1
        grep -q '^bpipe: input stdin: cat, pid ' report && grep -q '^bpipe: output stdout: cat, pid ' report
    }
    wait_until 20 [ -s pid ]
    wait_until 60 knows_both
}

@test "a FIFO as output: its reader" {
    skip_unless gzip
    mkfifo fifo
    timeout 60 gzip -9 <fifo >/dev/null &
    random_stream | bp -o fifo &
    finds fifo gzip
    blames 'output, [0-9]+%( of the time)? \(gzip(, pid [0-9]+)?\)'
    called gzip
}

@test "a process that has a FIFO open for reading and writing is not its reader" {
    skip_unless gzip
    mkfifo fifo
    exec {keep}<>fifo # this shell, which has used far more time
    gzip -1 <fifo >/dev/null {keep}<&- &
    random_stream {keep}<&- | bp -o fifo {keep}<&- &
    finds fifo gzip
    exec {keep}<&-
}

@test "a process substitution as another output: its program, though stdout is read as well" {
    skip_unless gzip
    random_stream | bp -o - -o >(exec gzip -9 >/dev/null) | cat >/dev/null &
    finds '/dev/fd/[0-9]+' gzip
    blames 'output, [0-9]+%( of the time)? \(gzip(, pid [0-9]+)?\)'
    called gzip
    tail -n 1 json | grep -qE '"peer":\{"pid":[0-9]+,"command":"cat","address":null\}'
}

@test "other process groups are searched, too" {
    skip_unless gzip
    skip_unless setsid
    random_stream | bp | setsid gzip -9 >/dev/null &
    finds stdout gzip
    blames 'output, [0-9]+%( of the time)? \(gzip(, pid [0-9]+)?\)'
    called gzip
}

@test "the consumer has gone and another process reads the pipe: it is found later" {
    skip_unless gzip
    random_stream | bp | (
        sh -c 'exec head -c 30000000' | cat >/dev/null
        exec gzip -9 >/dev/null
    ) &
    blames 'output, [0-9]+%( of the time)? \(gzip(, pid [0-9]+)?\)'
    called gzip
}

# --- sockets --------------------------------------------------------------------------------

@test "sockets: a listener reports the address of its peer, a unix socket the process of its peer" {
    open_idle
    "$BPIPE" -q -P pid.listener -o taken tcp-listen://127.0.0.1:0 2>err &
    await_port err
    "$BPIPE" -q -P pid.in --report json:json.in unix-listen://here -o out &
    wait_until 20 [ -S here ]
    bp -o "tcp://localhost:$port" -o unix://here -4 <&"$idle" 2>err.out &
    wait_until 20 [ -s pid ]
    wait_until 20 sample "$(<pid)" json
    grep -qF "\"peer\":{\"pid\":null,\"command\":null,\"address\":\"127.0.0.1:$port\"}" json
    grep -qF "\"peer\":{\"pid\":$(<pid.in),\"command\":\"bpipe\",\"address\":null}" json
    sample "$(<pid.in)" json.in
    grep -qF "\"peer\":{\"pid\":$(<pid),\"command\":\"bpipe\",\"address\":null}" json.in
}

# --- no search --------------------------------------------------------------------------------

# stayed_short: a run over a pipe, traced, took less than a fifth of a second; from then on a run is
# worth a search. It may take longer on a busy machine, which then proves nothing.
stayed_short() {
    echo text | no_leak_check strace -f --seccomp-bpf -e trace=%file -o trace \
        "$BPIPE" --report json 2>json | cat
    grep -q '"elapsed_seconds":0\.[01]' json
}

@test "a short run, and one with -q and no report, look at no process" {
    skip_unless strace
    wait_until 60 stayed_short
    grep -q '+++ exited with 0' trace
    refute grep -q '"/proc/[0-9]*/fd"' trace
    (echo one; sleep 1; echo two; sleep 0.2; echo three) |
        no_leak_check strace -f -o trace.quiet "$BPIPE" -q | cat
    refute grep -q '"/proc/[0-9]*/fd"' trace.quiet
    # A run with a report does look, so the trace would show it.
    (echo one; sleep 1; echo two; sleep 0.2; echo three) |
        no_leak_check strace -f -o trace.report "$BPIPE" 2>err | cat
    grep -q '"/proc/[0-9]*/fd"' trace.report
}

@test "a producer or consumer of another user is not found, and there is no message" {
    skip_unless_other_user
    (sleep 1; echo text) | as_other_user "$BPIPE" --report json 2>json >/dev/null
    grep -q '"name":"stdin",.*"peer":null,"process":null,"error":null}],"outputs"' json
    equal 1 "$(lines_of json)"
}

@test "idle: once the search is over nothing wakes bpipe" {
    mkfifo in
    (exec 3>in; echo text >&3; sleep 1; echo text >&3; exec sleep 60) &
    "$BPIPE" -P pid --report json:json <in | cat >/dev/null &
    wait_until 20 [ -s pid ]
    wait_until 20 in_poll "$(<pid)"
    slept() { sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p' "/proc/$(<pid)/status"; }
    settled() {
        local before
        before=$(slept)
        sleep 1.3
        equal "$before" "$(slept)"
    }
    wait_until 20 settled
    settled
}
