#!/usr/bin/env bats
#
# Other programs at the other end: socat, nc, curl, and bpipe itself. Every stream is compared as a
# whole, and every status is checked.

# shellcheck disable=SC2030,SC2031,SC2094 # every test is a subshell; names of files and functions
# shellcheck disable=SC2154 # $endpoint, $peer, $port and $server come from sockets.bash
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

sizes=(0 1 65537 5M)

# A process that is left fails the test, and so does a control socket.
teardown() {
    common_teardown && refute compgen -G "$XDG_RUNTIME_DIR/*"
}

# --- socat ----------------------------------------------------------------------------------

@test "bpipe to socat" {
    skip_unless socat
    local family size option
    for family in $(families); do
        for size in "${sizes[@]}"; do
            echo "$family, $size"
            rm -f here err
            random_bytes "$size" 1 >in
            socat -dd -u "$(socat_listening "$family")" - 2>err >out &
            await_listener "$family" err
            option=
            [[ $size != 65537 ]] || option=-C
            # shellcheck disable=SC2086
            timeout 30 "$BPIPE" -q $option -o "$endpoint" in
            ended $! 0
            equal_files in out
        done
    done
}

@test "socat to bpipe" {
    skip_unless socat
    local family size
    for family in $(families); do
        for size in "${sizes[@]}"; do
            echo "$family, $size"
            random_bytes "$size" 2 >in
            serve "$family" LISTEN >out
            timeout 30 socat -u - "$peer" <in
            ended "$server" 0
            equal_files in out
            says_only_port err
            refute test -e here
        done
    done
}

@test "socat reads from a bpipe that listens, through a pipe and from a file" {
    skip_unless socat
    local family
    for family in $(families); do
        echo "$family"
        random_bytes 3M 3 >in
        serve "$family" -o LISTEN <in
        timeout 30 socat -u "$peer" - >out
        ended "$server" 0
        equal_files in out
        random_bytes 3M 3 >fifo.in
        # shellcheck disable=SC2002
        serve "$family" -o LISTEN < <(cat fifo.in)
        timeout 30 socat -u "$peer" - >out
        ended "$server" 0
        equal_files in out
    done
}

@test "a peer that sends much before it reads" {
    skip_unless socat
    random_bytes 12M 4 >in # more than buffers hold: the peer has to read some after it has sent
    local family option
    for family in $(families); do
        for option in -q -C; do
            echo "$family $option"
            rm -f here err out
            socat -dd "$(socat_listening "$family")" SYSTEM:'randbytes 4M 5; exec cat >out' 2>err &
            await_listener "$family" err
            timeout 30 "$BPIPE" -q "$option" -o "$endpoint" in
            wait_until 20 size_is out 12582912
            equal_files in out
            end_processes
        done
    done
}

# While its peer is talking, bpipe does not close a connection at once when all is acknowledged
# (is_talking() in loop/close.c). A reset would answer what the peer sends after the close, and
# socat would end before it has read all that its system had acknowledged.
@test "a peer that echoes its input until its own end" {
    skip_unless socat
    random_bytes 5M 4 >in
    local family
    for family in $(families); do
        echo "$family"
        rm -f here err out
        socat -dd "$(socat_listening "$family")" SYSTEM:'exec tee out 2>tee.err' 2>err &
        await_listener "$family" err
        timeout 30 "$BPIPE" -q -o "$endpoint" in
        wait_until 5 size_is out 5242880
        equal_files in out
        end_processes
    done
}

@test "bytes from the peer of an output are not input" {
    skip_unless socat
    random_bytes 100000 6 >in
    serve ip4 -o LISTEN <in
    echo "nobody hears this" | timeout 30 socat -t 20 - "$peer" >out
    ended "$server" 0
    equal_files in out
}

@test "a peer that half-closes first and goes on reading" {
    skip_unless socat
    random_bytes 2M 7 >in
    local family
    for family in $(families); do
        echo "$family"
        mkfifo feed
        serve "$family" -o LISTEN < <(cat feed)
        exec {to}>feed
        # The peer's own end comes first. Then it reads on for up to 20 s, as long as bytes come.
        timeout 60 socat -t 20 - "$peer" </dev/null >out {to}>&- &
        local reader=$!
        head -c 1000000 in >&"$to"
        wait_until 20 size_is out 1000000
        tail -c +1000001 in >&"$to"
        exec {to}>&-
        ended "$server" 0
        ended "$reader" 0
        equal_files in out
        rm feed
    done
}

@test "a peer that reads slowly, and one that stops reading for a while" {
    skip_unless socat
    random_bytes 2M 8 >in
    printf '%s\n' '#!/bin/sh' 'for part in 1 2 3 4 5 6 7 8 9 10; do head -c 100000; sleep 0.02; done >out' \
        'exec cat >>out' >slow
    chmod +x slow
    local family
    for family in $(families); do
        echo "$family"
        rm -f here err
        socat -dd -u "$(socat_listening "$family")" EXEC:"$PWD/slow" 2>err &
        await_listener "$family" err
        timeout 60 "$BPIPE" -q -o "$endpoint" in
        wait_until 20 size_is out 2097152
        equal_files in out

        rm -f here err out
        socat -dd -u "$(socat_listening "$family")" - 2>err >out &
        local reader=$!
        await_listener "$family" err
        kill -STOP "$reader"
        random_bytes 30M 9 >large
        "$BPIPE" -q -B 100K --report json:report -o "$endpoint" large &
        # The peer is stopped before it accepts: the kernel takes what its buffers hold.
        wait_until 20 in_poll $!
        kill -CONT "$reader"
        ended $! 0
        ended "$reader" 0
        equal_files large out
        adds_up report
    done
}

# The reset may come after the peer's own end, or without one: the system has an error for each.
lost="^bpipe: tcp://127.0.0.1:[0-9]+: lost at byte [0-9]+: (Connection reset by peer|closed by the peer)"
in_doubt=': [0-9]+ bytes sent were not acknowledged$'

@test "a peer that resets, as the output: status 1 and one line" {
    skip_unless socat
    open_idle
    mkfifo go
    # socat ends with unread bytes; linger=0 makes sure of the reset.
    socat -dd -U TCP4-LISTEN:0,bind=127.0.0.1,linger=0 SYSTEM:'read -r line <go' 2>err &
    local reader=$!
    await_listener ip4 err
    "$BPIPE" -q --report json:report -o "$endpoint" <&"$idle" 2>bpipe.err &
    local sender=$!
    random_bytes 100000 >idle
    wait_number "$sender" report bytes_out 100000
    echo >go
    ended "$sender" 1
    adds_up report 1
    cat bpipe.err
    grep -qE "$lost" bpipe.err
    equal 1 "$(grep -vcE "$in_doubt" bpipe.err)"
    ended "$reader" 0
}

@test "a peer that is killed with bytes unread: status 1 and the number of bytes in doubt" {
    skip_unless socat
    open_idle
    socat -dd -u TCP4-LISTEN:0,bind=127.0.0.1 - 2>err >out &
    local reader=$!
    await_listener ip4 err
    "$BPIPE" -q -J 0 --report json:report -o "$endpoint" <&"$idle" 2>bpipe.err &
    local sender=$!
    random_bytes 1000 >idle
    wait_until 20 size_is out 1000
    kill -STOP "$reader"
    random_bytes 1M >idle
    wait_number "$sender" report bytes_in 1049576
    kill -KILL "$reader"
    ended "$sender" 1
    adds_up report 1
    cat bpipe.err
    grep -qE "$lost" bpipe.err
    equal 1 "$(grep -vcE "$in_doubt" bpipe.err)"
    end_processes
}

@test "a peer that resets, as the input: the received bytes are written, status 1 and one line" {
    skip_unless socat
    random_bytes 100000 >in
    serve ip4 --report json:report LISTEN >out
    mkfifo feed
    exec {to}<>feed
    socat -u - "$peer,linger=0" <feed &
    local sender=$!
    cat in >feed
    wait_until 20 size_is out 100000
    kill -KILL "$sender"
    # A process that is killed closes its socket. Only unread bytes or SO_LINGER make that a reset.
    ended "$server" 1
    equal_files in out
    adds_up report 1
    says_only_port <(grep -v 'Connection reset by peer' err)
    equal 1 "$(grep -c 'Connection reset by peer' err)"
}

@test "socat's EXEC: bpipe between the two directions of one socket" {
    skip_unless socat
    random_bytes 1M 10 >in
    # A socketpair is its stdin and its stdout, so it is an echo.
    timeout 30 socat -t 20 - EXEC:"$BPIPE -q" <in >out
    equal_files in out
    timeout 30 socat -t 20 - EXEC:"$BPIPE -q -B 1000" <in >out
    equal_files in out
    # And with a TCP socket.
    socat -dd TCP4-LISTEN:0,bind=127.0.0.1 EXEC:"$BPIPE -q" 2>err &
    server=$!
    await_listener ip4 err
    timeout 30 socat -t 20 - "$peer" <in >out
    ended "$server" 0
    equal_files in out
    rm err
    socat -dd TCP4-LISTEN:0,bind=127.0.0.1 EXEC:"$BPIPE -q",nofork 2>err &
    server=$!
    await_listener ip4 err
    timeout 30 socat -t 20 - "$peer" <in >out
    ended "$server" 0
    equal_files in out
}

# --- nc ---------------------------------------------------------------------------------------

@test "bpipe to nc -l" {
    skip_unless_openbsd_nc
    local family size option
    for family in $(families); do
        for option in "" -N -d; do
            for size in "${sizes[@]}"; do
                echo "$family, nc $option, $size"
                rm -f here err
                random_bytes "$size" 11 >in
                local -a where=(-n 127.0.0.1 0)
                [ "$family" != ip6 ] || where=(-n ::1 0)
                [ "$family" != unix ] || where=(-U here)
                # shellcheck disable=SC2086
                nc -lv $option "${where[@]}" </dev/null 2>err >out &
                local reader=$!
                await_listener "$family" err
                timeout 30 "$BPIPE" -q -o "$endpoint" in
                ended "$reader" 0
                equal_files in out
            done
        done
    done
}

# nc ends at the end of its input: to keep it from closing, the test stops it.
@test "an nc that does not close its side does not hold bpipe up" {
    skip_unless_openbsd_nc
    random_bytes 1000 12 >in
    nc -lnv 127.0.0.1 0 </dev/null 2>err >out &
    local reader=$!
    await_port err
    kill -STOP "$reader"
    if is_portable; then
        # Nothing tells bpipe that all was acknowledged, and it says so: that is not a success.
        result timeout 30 "$BPIPE" -q --drain-timeout 0.5 -o "tcp://127.0.0.1:$port" in
        echo "$result"
        [[ $result == "4::bpipe: tcp://127.0.0.1:$port: "*"(--drain-timeout)"* ]]
        equal 1 "$(lines_of result.err)"
        kill -KILL "$reader"
        ended "$reader" 137
    else
        result timeout 30 "$BPIPE" -q -o "tcp://127.0.0.1:$port" in
        equal 0:: "$result"
        kill -CONT "$reader"
        ended "$reader" 0
        equal_files in out
    fi
}

@test "nc to bpipe" {
    skip_unless_openbsd_nc
    local family size
    for family in $(families); do
        for size in "${sizes[@]}"; do
            echo "$family, $size"
            random_bytes "$size" 13 >in
            serve "$family" LISTEN >out
            local -a where=(127.0.0.1 "$port")
            [ "$family" != ip6 ] || where=(::1 "$port")
            [ "$family" != unix ] || where=(-U here)
            timeout 30 nc -N "${where[@]}" <in
            ended "$server" 0
            equal_files in out
        done
    done
}

@test "nc reads from a bpipe that listens" {
    skip_unless_openbsd_nc
    random_bytes 5M 14 >in
    local option
    for option in -d -N; do
        serve ip4 -o LISTEN <in
        timeout 30 nc "$option" 127.0.0.1 "$port" >out </dev/null
        ended "$server" 0
        equal_files in out
    done
}

# --- curl -------------------------------------------------------------------------------------

# answer FILE: prints an HTTP answer with FILE as its body.
answer() {
    printf 'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' \
        "$(size_of "$1")"
    cat "$1"
}

# The user's own proxy settings must not matter.
plain_curl() { timeout 30 curl -q --noproxy '*' -sS "$@"; }

@test "curl fetches an answer that bpipe serves" {
    skip_unless curl
    local size option
    for size in "${sizes[@]}"; do
        for option in -q -C; do
            echo "$size $option"
            random_bytes "$size" 15 >body
            answer body >answer
            serve ip4 "$option" -o LISTEN answer
            equal 200 "$(plain_curl -o got -w '%{http_code}' "http://127.0.0.1:$port/")"
            ended "$server" 0
            touch got # curl makes no file for an empty body
            equal_files body got
            rm got
        done
    done
    random_bytes 3M 15 >body
    answer body >answer
    serve unix -o LISTEN answer
    plain_curl -o got --unix-socket here http://localhost/
    ended "$server" 0
    equal_files body got
}

@test "curl posts a body with the request, which an output discards" {
    skip_unless curl
    random_bytes 200000 16 >body
    random_bytes 3M 17 >upload # more than bpipe reads before the answer has been sent
    answer body >answer
    serve ip4 -o LISTEN answer
    plain_curl -o got -H Expect: --data-binary @upload "http://127.0.0.1:$port/"
    ended "$server" 0
    equal_files body got
}

@test "curl uploads into a bpipe that listens" {
    skip_unless curl
    random_bytes 1M 18 | base64 >in # telnet doubles a byte 255
    serve ip4 LISTEN >out
    # curl goes on until its peer ends, but bpipe does not end. So the test ends it when all has
    # come.
    timeout 30 curl -q --noproxy '*' -sS "telnet://127.0.0.1:$port" <in &
    local client=$!
    wait_until 20 size_is out "$(size_of in)"
    kill "$client" || true
    ended "$server" 0
    equal_files in out
    wait "$client" || true
}

# --- bpipes -----------------------------------------------------------------------------------

# chain COUNT OPTION...: sends in to out through COUNT bpipes that pass it on by TCP, and starts the
# last one first. Each has to end with 0.
chain() {
    local count=$1 target=out pid
    local -a pids=()
    shift
    for ((step = 2; step <= count; step++)); do
        "$BPIPE" -q "$@" -o "$target" tcp-listen://127.0.0.1:0 2>"err.$step" &
        pids+=($!)
        await_port "err.$step"
        target=tcp://127.0.0.1:$port
    done
    timeout 30 "$BPIPE" -q "$@" -o "$target" in || return 1
    for pid in "${pids[@]}"; do
        ended "$pid" 0 || return 1
    done
    equal_files in out || return 1
    rm out
}

@test "chains of bpipes" {
    local size
    for size in 0 1 65537 20M; do
        random_bytes "$size" 19 >in
        for options in "" -C "-B 1000 -z 333 -J 0"; do
            [[ $options != *333* || $size != 20M ]] || continue
            echo "$size, options: $options"
            # shellcheck disable=SC2086
            chain 2 $options
            # shellcheck disable=SC2086
            chain 5 $options
        done
    done
}

@test "fan-out: two connections and a file" {
    local option
    for option in -q -C "-B 10000"; do
        random_bytes 7M 20 >in
        rm -f err.a err.b
        "$BPIPE" -q -o a tcp-listen://127.0.0.1:0 2>err.a &
        local a=$!
        await_port err.a
        local first=tcp://127.0.0.1:$port
        "$BPIPE" -q -o b tcp-listen://127.0.0.1:0 2>err.b &
        local b=$!
        await_port err.b
        # shellcheck disable=SC2086
        timeout 30 "$BPIPE" $option --report json:report -o "$first" -o "tcp://127.0.0.1:$port" -o c in
        ended "$a" 0
        ended "$b" 0
        adds_up report
        equal_files in a
        equal_files in b
        equal_files in c
        rm a b c report
    done
}

@test "several inputs, one of which is a connection" {
    random_bytes 300000 21 >in
    "$BPIPE" -q in tcp-listen://127.0.0.1:0 in >out 2>err &
    local server=$!
    await_port err
    timeout 30 "$BPIPE" -q -o "tcp://127.0.0.1:$port" in
    ended "$server" 0
    cat in in in >wanted
    equal_files wanted out
}

@test "tar through sockets, there and back" {
    skip_unless tar
    mkdir tree there
    random_bytes 2M 22 >tree/large
    random_bytes 10 >tree/small
    : >tree/empty
    set -o pipefail
    "$BPIPE" -q tcp-listen://127.0.0.1:0 2>err | tar -x -C there -f - &
    local server=$!
    await_port err
    tar -cf - tree | timeout 30 "$BPIPE" -q -o "tcp://127.0.0.1:$port"
    ended "$server" 0
    diff -r tree there/tree
    # And back, from a sender that listens.
    mkdir back
    tar -c -C there -f - tree | "$BPIPE" -q -o tcp-listen://127.0.0.1:0 2>err2 &
    server=$!
    await_port err2
    timeout 30 "$BPIPE" -q "tcp://127.0.0.1:$port" | tar -x -C back -f -
    ended "$server" 0
    diff -r tree back/tree
}

# --- descriptors of others --------------------------------------------------------------------

@test "the shell's /dev/tcp, as an input and as an output" {
    random_bytes 1M 23 >in
    serve ip4 -o LISTEN <in
    exec {net}<>"/dev/tcp/127.0.0.1/$port"
    timeout 30 "$BPIPE" -q "fd://$net" >out
    exec {net}>&-
    ended "$server" 0
    equal_files in out

    serve ip4 LISTEN >out
    exec {net}<>"/dev/tcp/127.0.0.1/$port"
    timeout 30 "$BPIPE" -q -o "fd://$net" in
    # The socket belongs to the shell, which has to end it.
    random_bytes 1000 24 >rest
    cat rest >&"$net"
    exec {net}>&-
    ended "$server" 0
    cat in rest >wanted
    equal_files wanted out
}
