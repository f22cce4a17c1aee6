#!/usr/bin/env bats
#
# bpipes that talk to each other by TCP and unix sockets: how they are connected, that bytes and
# statuses at both ends are right whatever happens to one of them, which side waits, and what is
# left alone. transfers.bats plays random kills.

# shellcheck disable=SC2094,SC2261 # FIFOs are opened both ways on purpose, and {var}< is no stderr
# shellcheck disable=SC2153 # BPIPE and bpipe are two things
# A pipe is not the same input as the file itself:
# shellcheck disable=SC2002
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

# --- helpers ----------------------------------------------------------------------------------

# receive NAME FAMILY [OPTION]...: starts a bpipe in the background that listens, with NAME.err and
# NAME.report. Sets $receiver, and what await_listener sets.
receive() {
    local name=$1 family=$2
    shift 2
    rm -f "$name.err" "$name.report"
    defsig "$BPIPE" -q --report "json:$name.report" "$(listening "$family")" "$@" 2>"$name.err" &
    receiver=$!
    [ "$family" != unix ] || wait_until 20 [ -S here ]
    await_listener "$family" "$name.err"
}

# sends [OPTION]...: runs a bpipe that sends to $endpoint; sets $status; writes ./err, ./report.
sends() {
    status=0
    rm -f report
    timeout 60 "$BPIPE" -q --report json:report -o "$endpoint" "$@" 2>err || status=$?
}

# start_sending [OPTION]...: the same in the background; sets $sender.
start_sending() {
    rm -f report
    defsig "$BPIPE" -q --report json:report -o "$endpoint" "$@" <&0 2>err &
    sender=$!
}

# finished PID STATUS REPORT: it has ended with that status, and its numbers add up.
finished() {
    ended "$1" "$2" && adds_up "$3" "$2"
}

# says FILE LINE...: FILE has only these lines, and those about listening. LINE is an extended
# regular expression, in which [::1] means itself.
says() {
    local file=$1 line
    shift
    grep -v '^bpipe: tcp-listen://.*: listening on ' "$file" >says.lines || true
    # A lost connection may have left bytes in doubt: then a second message says so.
    if [[ $1 != *'not acknowledged' ]] && grep -qE ': (lost at byte|no ACK for|took no data for) ' says.lines; then
        sed -i -E '/: ([2-9]|[1-9][0-9]+) bytes sent were not acknowledged$/d' says.lines
        sed -i -E '/: 1 byte sent was not acknowledged$/d' says.lines
    fi
    equal $# "$(lines_of says.lines)" "lines: $(<says.lines)" || return 1
    for line; do
        line=${line//\[::1\]/\\[::1\\]}
        grep -qxE "bpipe: $line" says.lines || {
            echo "$line: not said, but: $(<says.lines)"
            return 1
        }
    done
}

# is_prefix FILE: it is the beginning of ./in.
is_prefix() {
    cmp "$1" <(head -c "$(size_of "$1")" in)
}

# Sets $own to an address of this machine that no other test uses, for ports that must be known
# before a process listens on them.
own_address() {
    own=127.$((RANDOM % 250 + 2)).$((RANDOM % 250 + 2)).$((RANDOM % 250 + 2))
}

lost='lost at byte [0-9]+: (closed by the peer|Connection reset by peer)'
reset='lost at byte [0-9]+: Connection reset by peer'

has_size() { # FILE BYTES: at least
    [ -e "$1" ] && [ "$(size_of "$1")" -ge "$2" ]
}

# Its standard input has been read to the end and closed.
has_read_all() { # PID
    [ ! -e "/proc/$1/fd/0" ]
}

# settles PID FILE KEY VALUE_VARIABLE: samples until a number no longer changes; sets the variable.
settles() {
    local before=none now
    for _ in {1..200}; do
        sample "$1" "$2" || return 1
        now=$(last_number "$3" "$2")
        [ "$now" != "$before" ] || break
        before=$now
        sleep 0.1
    done
    printf -v "$4" %s "$now"
}

# --- whole streams ----------------------------------------------------------------------------

@test "a stream arrives whole: of any size, from files and pipes, whichever end listens" {
    local family size
    set -o pipefail
    for family in $(families); do
        for size in 0 1 5000001; do
            echo "$family $size"
            random_bytes $size >in
            receive in "$family" -o out
            sends < <(exec cat in)
            equal 0 $status
            says err
            adds_up report
            finished "$receiver" 0 in.report
            says in.err
            cmp in out
            [ ! -e here ]
            # The other way round: the sender listens; to a file, and to a pipe.
            defsig "$BPIPE" -q --report json:report -o "$(listening "$family")" in 2>err &
            sender=$!
            [ "$family" != unix ] || wait_until 20 [ -S here ]
            await_listener "$family" err
            "$BPIPE" -q --report json:in.report "$endpoint" | cat >out
            finished "$sender" 0 report
            adds_up in.report
            cmp in out
            [ ! -e here ]
            rm in.report
        done
    done
}

@test "a chain of bpipes, and several inputs that are connections" {
    random_bytes 1000001 1 >in
    random_bytes 1000002 2 >in.2
    own_address
    "$BPIPE" -q "tcp-listen://$own:7001" "unix-listen://second" -o out 2>last.err &
    local last=$!
    "$BPIPE" -q --retry 20 "tcp-listen://$own:7000" -o "tcp://$own:7001" 2>middle.err &
    local middle=$!
    "$BPIPE" -q --retry 20 -o unix://second in.2 &
    local second=$!
    "$BPIPE" -q --retry 20 -o "tcp://$own:7000" in
    ended $second 0
    ended $middle 0
    ended $last 0
    cat in in.2 | cmp out -
    equal '' "$(<last.err)$(<middle.err)"
}

# zero_copy REPORT: prints a percentage of the bytes that came in.
zero_copy() {
    equal 1 "$(lines_of "$1")"
    echo $(($(last_number zero_copy_bytes "$1") * 100 / $(last_number bytes_in "$1")))
}

@test "bytes go past the ring, in and out, and with -C they do not" {
    ! is_portable || skip "the portable build copies everything"
    local family from
    random_bytes 8M >in
    for family in $(families); do
        for from in file pipe; do
            receive in "$family" > >(cat >out)
            if [ $from = file ]; then
                sends -B 64K in
            else
                sends -B 64K < <(exec cat in)
            fi
            equal 0 $status
            finished "$receiver" 0 in.report
            wait_until 10 cmp -s in out
            echo "$family, from a $from: $(zero_copy report) % out, $(zero_copy in.report) % in"
            # On one machine a copy is cheaper than splicing (buffer/transfer.h); netns.bats has
            # two.
            if [ $from = pipe ] && [[ $family == ip* ]]; then
                equal 0 "$(zero_copy report)"
            else
                [ "$(zero_copy report)" -ge 10 ]
            fi
            [ "$(zero_copy in.report)" -ge 10 ]
        done
        receive in "$family" -C > >(cat >out)
        sends -C in
        finished "$receiver" 0 in.report
        equal '0 0' "$(zero_copy report) $(zero_copy in.report)"
        wait_until 10 cmp -s in out
    done
}

@test "requests and replies: each byte is passed on at once" {
    local family
    for family in tcp unix; do
        own_address
        case $family in
        tcp) export here=tcp-listen://$own:7000 there=tcp://$own:7000 ;;
        unix) export here=unix-listen://$T/socket there=unix://$T/socket ;;
        esac
        # shellcheck disable=SC2016
        pingpong -t 30 200 100 bash -c '
            "$BPIPE" -q "$here" </dev/null &
            "$BPIPE" -q --retry 20 -o "$there" && wait $!' >out
    done
}

@test "bytes from the peer of an output are discarded, and do not stop the output" {
    random_bytes 3M >in
    "$BPIPE" -q --report json:report -o tcp-listen://:0 in 2>err &
    sender=$!
    await_port err
    # shellcheck disable=SC2016
    dial 5 127.0.0.1 127.0.0.1 "$port" bash -c 'head -c 1M in >&5 && cat <&5 >out'
    finished $sender 0 report
    says err
    cmp in out
    # Two that send at the same time: neither reads, and the first that is done closes the
    # connection.
    "$BPIPE" -q --report json:one.report -o tcp-listen://:0 in 2>one.err &
    local one=$! one_status=0
    await_port one.err
    endpoint=tcp://127.0.0.1:$port
    sends in
    wait_until 20 gone $one
    wait $one || one_status=$?
    adds_up report $status
    adds_up one.report $one_status
    [[ "$status $one_status" == [01]' '[01] ]]
    [ "$status $one_status" != '1 1' ]
}

# --- connecting ---------------------------------------------------------------------------------

@test "all addresses of a name are tried: no process listens on the first" {
    has_ip6 || skip "there is no IPv6"
    [ "$(getent ahosts localhost | awk '$2 == "STREAM" { print $1 }' | head -n 1)" = ::1 ] ||
        skip "localhost is not ::1 first"
    getent ahosts localhost | grep -q '^127.0.0.1 ' || skip "localhost is not 127.0.0.1"
    receive in ip4 -o out
    endpoint=tcp://localhost:$port
    sends <<<text
    equal 0 $status
    says err
    finished "$receiver" 0 in.report
    equal $'text\nmore' "$(<out)"
}

@test "-4 and -6 choose" {
    has_ip6 || skip "there is no IPv6"
    receive in ip4 -o out
    endpoint=tcp://localhost:$port
    sends -6 <<<text
    equal 1 $status
    says err "tcp://localhost:$port: .*"
    sends -4 <<<text
    equal 0 $status
    finished "$receiver" 0 in.report
    "$BPIPE" -q -6 tcp-listen://:0 2>in.err >out &
    await_port in.err
    grep -q "listening on \[::1\]:$port\$" in.err
    endpoint="tcp://[::1]:$port"
    sends <<<text
    equal 0 $status
    ended $! 0
}

@test "no process listens: status 1, one line, and no byte of the input is read" {
    own_address
    printf '1\n2\n' >in
    for endpoint in "tcp://$own:7000" unix://nobody "unix://$T/no/body" tcp://nobody.invalid:7000; do
        { sends && false || read -r line; } <in
        equal "1 1" "$status $line"
        equal 1 "$(lines_of err)"
        adds_up report 1
        equal 0 "$(last_number bytes_in report)"
        exec 5< <(exec cat in)
        sends <&5
        read -r line <&5
        equal "1 1" "$status $line"
        exec 5<&-
        # As an input: another input is copied.
        result "$BPIPE" -q "$endpoint" in
        [[ $result == $'1:1\n2:bpipe: '"$endpoint: "* ]]
        [ ! -e out ]
        result "$BPIPE" -q "$endpoint" -o out
        [[ $result == "1::bpipe: $endpoint: "* ]]
        [ ! -e out ]
    done
    endpoint=tcp://$own:7000
    sends <in
    says err "$endpoint: Connection refused \(--retry tries again\)"
    endpoint=unix://nobody
    sends <in
    says err "$endpoint: No such file or directory"
    endpoint=tcp://nobody.invalid:7000
    sends <in
    says err "$endpoint: nobody.invalid: .+"
}

@test "--retry: a line for each, none with -q, and then status 1" {
    own_address
    printf '1\n2\n' >in
    for endpoint in "tcp://$own:7000" unix://nobody; do
        { result "$BPIPE" --report none --retry 2 -o "$endpoint"; read -r line; } <in
        equal 1 "$line"
        equal 1 "${result%%:*}"
        says result.err "$endpoint: .*; retry 1 of 2 in [0-9.]+ [mu]?s" \
            "$endpoint: .*; retry 2 of 2 in [0-9.]+ [mu]?s" "$endpoint: .* \(3 tries\)"
        sends --retry 1 <in
        equal 1 $status
        says err "$endpoint: .* \(2 tries\)"
    done
    # An error that will not change is not tried again.
    result "$BPIPE" --report none --retry 5 -o tcp://nobody.invalid:1 <in
    equal 1 "$(lines_of result.err)"
    : >file
    result "$BPIPE" --report none --retry 5 -o unix-listen://file <in
    equal "1::bpipe: unix-listen://file: exists and is not a socket" "$result"
}

@test "--retry: a process listens later" {
    own_address
    random_bytes 1M >in
    local here
    for endpoint in "tcp://$own:7000" unix://later; do
        here=${endpoint/:/-listen:}
        rm -f err
        "$BPIPE" --report none --report json:report --retry 20 -o "$endpoint" in 2>err &
        sender=$!
        wait_until 10 has_lines err 1
        "$BPIPE" -q "$here" -o out
        finished $sender 0 report
        cmp in out
        [ ! -e later ]
        rm out report
        # The receiver connects, and so does an input that waits longer than that.
        "$BPIPE" -q --retry 20 "$endpoint" -o out 2>err &
        receiver=$!
        wait_until 10 in_poll $receiver
        "$BPIPE" -q -o "$here" in
        ended $receiver 0
        cmp in out
    done
}

@test "--connect-timeout: no peer connects, reads or answers: status 4" {
    local family
    printf '1\n2\n' >in
    for family in $(families); do
        { result "$BPIPE" -q --connect-timeout 100ms -o "$(listening "$family")"; read -r line; } <in
        equal 1 "$line"
        equal 4 "${result%%:*}"
        says result.err "[^ ]*: no connection in 100 ms \(--connect-timeout\)"
        result "$BPIPE" -q --connect-timeout 100ms "$(listening "$family")" -o out
        equal 4 "${result%%:*}"
        says result.err "[^ ]*: no connection in 100 ms \(--connect-timeout\)"
        [ ! -e here ] && [ ! -e out ]
    done
    mkfifo fifo
    result "$BPIPE" -q --connect-timeout 100ms -o fifo in
    equal "4::bpipe: fifo: no reader for 100 ms (--connect-timeout)" "$result"
    # A listener that does not accept: when its queue is full it does not answer.
    receive in ip4
    kill -STOP "$receiver"
    wait_until 20 queue_is_full
    sends --connect-timeout 100ms <in
    equal 4 $status
    says err "$endpoint: no answer in 100 ms \(--connect-timeout\)"
    adds_up report 4
    sends --connect-timeout 100ms --retry 1 <in
    equal 4 $status
    says err "$endpoint: no answer in 100 ms \(--connect-timeout\) \(2 tries\)"
    # It can be interrupted, and the input is as it was.
    { start_sending; wait_until 10 in_poll "$sender"; kill -INT "$sender"; } <in
    finished "$sender" 130 report
    says err
    equal 0 "$(last_number bytes_in report)"
    end_processes
}

# One more connection is not made.
queue_is_full() {
    timeout 0.2 bash -c ": <>/dev/tcp/127.0.0.1/$port" 3>&- && return 1
    [ $? = 124 ]
}

@test "a listener accepts one peer: others are refused, or reset if they came at the same time" {
    local family winners=0 status n
    open_idle
    for family in $(families); do
        echo "$family"
        receive in "$family"
        kill -STOP "$receiver"
        for n in 1 2 3; do
            rm -f err.$n report.$n
            defsig "$BPIPE" -q --report json:report.$n -o "$endpoint" <&"$idle" 2>err.$n &
            senders[n]=$!
        done
        for n in 1 2 3; do
            wait_until 10 in_poll "${senders[n]}"
        done
        kill -CONT "$receiver"
        for n in 1 2 3; do # all but one
            wait_until 10 one_is_left
        done
        refute somebody_is_there
        sends <&"$idle"
        equal 1 $status
        says err "$endpoint: .*"
        for n in 1 2 3; do
            kill -TERM "${senders[n]}" 2>/dev/null || true
            status=0
            wait "${senders[n]}" || status=$?
            case $status in
            1) says err.$n "$endpoint: $lost" ;;
            143) winners=$((winners + 1)) ;;
            *) false ;;
            esac
        done
        [ "$family" = unix ] || finished "$receiver" 1 in.report
        [ "$family" != unix ] || finished "$receiver" 0 in.report
    done
    equal "$(families | wc -l)" "$winners"
}

one_is_left() {
    local n left=0
    for n in 1 2 3; do
        gone "${senders[n]}" || left=$((left + 1))
    done
    ((left == 1))
}

somebody_is_there() {
    [ -e here ] || { [ -n "${port:-}" ] && listens "$port"; }
}

@test "--allow: other peers are refused with a message, and the wait continues" {
    own_address
    receive in ip4 --allow 127.0.0.3 --allow "${own%.*}.0/24" -o out
    # shellcheck disable=SC2016
    dial 5 127.0.0.2 127.0.0.1 "$port" sh -c 'cat <&5' >refused 2>&1 || true
    wait_until 10 grep -q 'refused 127\.0\.0\.2:' in.err
    listens "$port"
    sends <<<text # from 127.0.0.1
    wait_until 10 grep -q 'refused 127\.0\.0\.1:' in.err
    listens "$port"
    dial 5 "${own%.*}.77" 127.0.0.1 "$port" "$BPIPE" -q -o fd://5 <<<"more text"
    finished "$receiver" 0 in.report
    equal "more text" "$(<out)"
    says in.err 'tcp-listen://[^ ]*: refused 127\.0\.0\.[12]:[0-9]+ \(--allow\)' \
        'tcp-listen://[^ ]*: refused 127\.0\.0\.1:[0-9]+ \(--allow\)'
}

@test "a listener without a host listens on loopback only; for port 0 it reports its port" {
    "$BPIPE" -q tcp-listen://:0 2>err &
    await_port err
    equal "bpipe: tcp-listen://:0: listening on 127.0.0.1:$port" "$(<err)"
    awk -v port=":$(printf %04X "$port")" '$4 == "0A" && index($2, port) { print $2 }' \
        /proc/net/tcp /proc/net/tcp6 >where
    equal "$(printf '0100007F:%04X' "$port")" "$(<where)"
    "$BPIPE" -q -o "tcp://127.0.0.1:$port" </dev/null
    ended $! 0
    own_address
    "$BPIPE" -q "tcp-listen://$own:7000" 2>err &
    "$BPIPE" -q --retry 20 -o "tcp://$own:7000" </dev/null
    ended $! 0
    equal '' "$(<err)"
}

@test "a listener gets its port again at once, after every kind of end" {
    own_address
    random_bytes 1000 >in
    for n in 1 2 3; do
        rm -f out
        "$BPIPE" -q "tcp-listen://$own:7000" -o out &
        wait_until 10 in_poll $!
        "$BPIPE" -q -o "tcp://$own:7000" in
        ended $! 0
        cmp in out
    done
    # But not while another process has it.
    "$BPIPE" -q "tcp-listen://$own:7000" &
    wait_until 10 in_poll $!
    result "$BPIPE" -q "tcp-listen://$own:7000"
    equal "1::bpipe: tcp-listen://$own:7000: Address already in use (try another port)" "$result"
    kill $!
    ended $! 143
}

# --- the name of a unix socket --------------------------------------------------------------------

@test "the name of a unix socket is removed after every ending" {
    local signal
    receive in unix -o out
    sends </dev/null
    finished "$receiver" 0 in.report
    [ ! -e here ]
    receive in unix -o /dev/full
    sends <<<text
    finished "$receiver" 1 in.report
    [ ! -e here ]
    for signal in INT TERM HUP QUIT; do
        ulimit -c 0
        receive in unix -o out2
        kill -$signal "$receiver"
        finished "$receiver" $((128 + $(kill -l $signal))) in.report
        [ ! -e here ] && [ ! -e out2 ]
        says in.err
    done
    receive in unix
    kill -KILL "$receiver"
    ended "$receiver" 137
    [ -S here ]
    # The next listener takes the name over.
    receive in unix -o out
    sends <<<text
    finished "$receiver" 0 in.report
    equal text "$(<out)"
    [ ! -e here ]
}

@test "the name of another process's socket is not touched" {
    receive in unix -o out
    result "$BPIPE" -q unix-listen://here
    [[ $result == "1::bpipe: unix-listen://here: "* ]]
    [ -S here ]
    # The check was not taken for a peer.
    sends <<<text
    equal 0 $status
    finished "$receiver" 0 in.report
    equal text "$(<out)"
    # A name that has been replaced meanwhile is not removed.
    receive in unix
    mv here elsewhere
    : >here
    kill "$receiver"
    ended "$receiver" 143
    [ -f here ]
    [ -S elsewhere ]
    rm here elsewhere
    echo text >file
    mkdir dir
    mkfifo fifo
    ln -s file link
    ln -s nothing dangling
    for name in file dir fifo link dangling; do
        result "$BPIPE" -q "unix-listen://$name" -o never
        equal 1 "${result%%:*}"
        says result.err "unix-listen://$name: .*"
    done
    equal text "$(<file)"
    [ -d dir ] && [ -p fifo ] && [ -h link ] && [ -h dangling ] && [ ! -e never ] && [ ! -e nothing ]
}

# --- signals before there is a connection ---------------------------------------------------------

@test "signals while listening and between attempts: bpipe ends at once, quietly" {
    local signal family
    own_address
    ulimit -c 0
    printf '1\n2\n' >in
    for signal in INT TERM HUP QUIT; do
        for family in $(families); do
            receive in "$family"
            kill -$signal "$receiver"
            finished "$receiver" $((128 + $(kill -l $signal))) in.report
            says in.err
        done
        rm -f report
        endpoint=tcp://$own:7000
        start_sending --retry 1000 <in
        wait_until 10 in_poll "$sender"
        kill -$signal "$sender"
        finished "$sender" $((128 + $(kill -l $signal))) report
        says err
        equal 0 "$(last_number bytes_in report)"
    done
}

# --- the end of a stream --------------------------------------------------------------------------

@test "an output is half-closed, and is closed only when all bytes are acknowledged" {
    ! is_portable || skip "the portable build waits for the peer to close"
    skip_unless strace
    random_bytes 100000 >in
    receive in ip4 -o out
    no_leak_check strace -f -e trace=shutdown,ioctl,setsockopt,close,connect -o trace \
        "$BPIPE" -q -o "$endpoint" in
    ended "$receiver" 0
    cmp in out
    socket=$(sed -n 's/.* connect(\([0-9]*\),.*sin_port=htons('"$port"').*/\1/p' trace)
    # A bpipe that dies before it keeps the connection resets it.
    grep -oE "(connect|setsockopt|shutdown|ioctl|close)\($socket, ?[^)]*(SO_LINGER|SHUT_WR|TIOCOUTQ|SIOCOUTQ|l_onoff=[01])?|close\($socket\)" trace >calls
    order=$(awk -v fd="$socket" '
        /SO_LINGER/ && /l_onoff=1/ { print "linger" }
        index($0, "connect(" fd ",") { print "connect" }
        index($0, "shutdown(" fd ", SHUT_WR") { print "shutdown" }
        index($0, "ioctl(" fd ", ") && /OUTQ/ { print "ask" }
        /SO_LINGER/ && /l_onoff=0/ { print "keep" }
        index($0, "close(" fd ")") && connected { print "close" } # not an earlier file of that number
        /SO_LINGER/ { connected = 1 }' trace | uniq | xargs)
    equal 'linger connect shutdown ask keep close' "$order"
}

@test "bpipe waits for a stopped receiver while bytes are in the buffer" {
    local family
    random_bytes 20M >in
    for family in $(families); do
        receive in "$family" --tcp-buffer 64K -o out
        kill -STOP "$receiver"
        start_sending -B 32M --tcp-buffer 64K <in
        settles "$sender" report bytes_out moved
        ((moved < 20 << 20))
        wait_until 10 in_poll "$sender"
        kill -CONT "$receiver"
        finished "$sender" 0 report
        finished "$receiver" 0 in.report
        says err
        cmp in out
        rm out
    done
}

# stuck_at_the_end [OPTION]...: a sender has written everything of ./in. The receiver is stopped,
# and its system has not taken all of that.
stuck_at_the_end() {
    receive in ip4 --tcp-buffer 4K -o out
    kill -STOP "$receiver"
    start_sending --tcp-buffer 200K "$@" in
    wait_number "$sender" report bytes_out 150000
    wait_until 10 in_poll "$sender"
}

@test "bpipe waits for a stopped receiver after it has written all bytes" {
    random_bytes 150000 >in
    stuck_at_the_end
    grep -q '"type":"sample"' report
    sleep 0.2
    refute gone "$sender"
    kill -CONT "$receiver"
    finished "$sender" 0 report
    finished "$receiver" 0 in.report
    says err
    cmp in out
}

@test "--drain-timeout limits the wait for the last acknowledgement: status 4" {
    random_bytes 150000 >in
    stuck_at_the_end --drain-timeout 1500ms
    finished "$sender" 4 report
    says err "$endpoint: .*--drain-timeout.*"
    kill -CONT "$receiver"
    finished "$receiver" 1 in.report
    says in.err "tcp-listen://[^ ]*: $reset"
    is_prefix out
}

@test "signals while waiting for the last acknowledgement" {
    local signal
    ulimit -c 0
    random_bytes 150000 >in
    for signal in INT QUIT KILL; do
        stuck_at_the_end
        kill -$signal "$sender"
        ended "$sender" $((128 + $(kill -l $signal)))
        [ $signal = KILL ] || adds_up report $((128 + $(kill -l $signal)))
        kill -CONT "$receiver"
        finished "$receiver" 1 in.report
        says in.err "tcp-listen://[^ ]*: $reset"
        is_prefix out
    done
    for signal in TERM HUP; do
        # The sender goes on, and the end of the stream may get there.
        stuck_at_the_end
        kill -$signal "$sender"
        kill -CONT "$receiver"
        finished "$sender" $((128 + $(kill -l $signal))) report
        status=0
        wait "$receiver" || status=$?
        adds_up in.report "$status"
        is_prefix out
        [ "$status" = 1 ] || { [ "$status" = 0 ] && cmp in out; }
        stuck_at_the_end --drain-timeout 1500ms
        kill -$signal "$sender"
        finished "$sender" $((128 + $(kill -l $signal))) report
        kill -CONT "$receiver"
        finished "$receiver" 1 in.report
        is_prefix out
        # A second signal ends it at once.
        stuck_at_the_end
        kill -$signal "$sender"
        wait_until 10 in_poll "$sender"
        kill -$signal "$sender"
        finished "$sender" $((128 + $(kill -l $signal))) report
        end_processes
    done
}

# --- one end stops too early ----------------------------------------------------------------------

@test "the sender is killed in the middle: the receiver has the beginning, and status 1" {
    local signal
    ulimit -c 0
    random_bytes 3000000 >in
    random_bytes 5M >large
    mkfifo feed
    for signal in TERM HUP INT QUIT KILL; do
        echo "$signal"
        exec {feed}<>feed
        receive in ip4 --atomic -o target -o out
        start_sending <&"$feed"
        head -c 2000000 in >feed
        wait_number "$receiver" in.report bytes_out 2000000
        kill -$signal "$sender"
        ended "$sender" $((128 + $(kill -l $signal)))
        finished "$receiver" 1 in.report
        says in.err "tcp-listen://[^ ]*: lost at byte 2000000: Connection reset by peer"
        says err
        [ ! -e target ]
        exec {feed}>&-
        # While more bytes come than are taken.
        receive in ip4 -o out -B 64K --tcp-buffer 64K -L 2M
        start_sending -B 64K --tcp-buffer 64K large
        wait_until 10 has_size out 100000
        kill -$signal "$sender"
        ended "$sender" $((128 + $(kill -l $signal)))
        finished "$receiver" 1 in.report
        says in.err "tcp-listen://[^ ]*: $reset"
        cmp out <(head -c "$(size_of out)" large)
        rm out
    done
}

@test "the sender fails: the receiver has status 1, and no --atomic file" {
    random_bytes 100000 >in
    receive in ip4 --atomic -o target
    sends in missing
    equal 1 $status
    says err 'missing: No such file or directory'
    finished "$receiver" 1 in.report
    says in.err "tcp-listen://[^ ]*: lost at byte 100000: Connection reset by peer"
    [ ! -e target ]
    # The same if another output failed, after the last byte.
    receive in ip4 --atomic -o target
    sends -o /dev/full in
    equal 1 $status
    finished "$receiver" 1 in.report
    [ ! -e target ]
    # And a timeout.
    open_idle
    receive in ip4 --atomic -o target
    sends --idle-timeout 100ms <&"$idle"
    equal 4 $status
    finished "$receiver" 1 in.report
    [ ! -e target ]
}

@test "the receiver fails: the sender has status 1, even if it was done writing" {
    local family
    random_bytes 3000000 >in
    for family in $(families); do
        echo "$family"
        receive in "$family" -o /dev/full
        sends in
        equal 1 $status
        says err "$endpoint: $lost"
        adds_up report 1
        finished "$receiver" 1 in.report
        says in.err "/dev/full: write failed at byte 0: No space left on device"
    done
    # Nothing more is sent when that happens: bpipe sees it even while the input is idle.
    open_idle
    receive in ip4 > >(head -c 5 >/dev/null)
    start_sending <&"$idle"
    echo 'text, and more' >idle
    finished "$sender" 1 report
    says err "$endpoint: $lost"
    finished "$receiver" 141 in.report
    says in.err
}

@test "the receiver is killed: the sender has status 1, at once" {
    local signal family
    ulimit -c 0
    open_idle
    for family in $(families); do
        for signal in TERM INT HUP QUIT KILL; do
            echo "$family $signal"
            receive in "$family" -o out
            start_sending <&"$idle"
            echo text >idle
            wait_number "$receiver" in.report bytes_out 5
            kill -$signal "$receiver"
            ended "$receiver" $((128 + $(kill -l $signal)))
            finished "$sender" 1 report
            says err "$endpoint: $lost"
            equal text "$(<out)"
            rm -f here
        done
    done
}

@test "the number of unacknowledged bytes is reported" {
    ! is_portable || skip "the portable build cannot know"
    random_bytes 150000 >in
    stuck_at_the_end
    kill -KILL "$receiver"
    finished "$sender" 1 report
    says err "$endpoint: [0-9]+ bytes sent were not acknowledged" "$endpoint: lost at byte 150000: .*"
    # The bytes are told in a message of their own, and the reason in the report is the same.
    grep -q '"error":"lost at byte 150000: [A-Za-z ]*"' report
}

@test "--stop-at-size, at either end" {
    local family size
    random_bytes 3000000 >in
    for family in $(families); do
        receive in "$family" -o out
        { sends -S -s 1000001; cat >rest; } <in
        equal 0 $status
        finished "$receiver" 0 in.report
        cat out rest | cmp in -
        # A receiver that has got what it wanted, and a sender that has more.
        for size in 1000001 0; do
            receive in "$family" -S -s "$size" -o out
            sends in
            equal 1 $status
            says err "$endpoint: $lost"
            finished "$receiver" 0 in.report
            cmp out <(head -c "$size" in)
        done
        receive in "$family" -o out
        { sends -S -s 0; cat >rest; } <in
        equal 0 $status
        finished "$receiver" 0 in.report
        size_is out 0
        cmp in rest
    done
}

# --- several outputs ------------------------------------------------------------------------------

# eight: starts that many receivers; sets ${receivers[1..8]}, ${ports[1..8]}.
eight() {
    local n
    for n in {1..8}; do
        receive "r$n" ip4 --tcp-buffer 64K -o "out.$n"
        receivers[n]=$receiver
        ports[n]=$port
    done
}

@test "eight receivers, one of them stopped: an output paces the others" {
    local n
    local -a receivers ports outputs=()
    random_bytes 20M >in
    eight
    for n in {1..8}; do
        outputs+=(-o "tcp://127.0.0.1:${ports[n]}")
    done
    kill -STOP "${receivers[5]}"
    rm -f report
    "$BPIPE" -q -B 1M --tcp-buffer 64K --report json:report "${outputs[@]}" in 2>err &
    sender=$!
    settles $sender report bytes_in moved
    echo "$moved bytes were read before it stood still"
    # The buffer, and what the systems at both ends hold (each twice as much as asked for).
    ((moved <= (1 << 20) + (1 << 20)))
    for n in 1 4 8; do
        [ "$(size_of "out.$n")" -le "$moved" ]
    done
    kill -CONT "${receivers[5]}"
    finished $sender 0 report || { cat err r*.err; false; }
    for n in {1..8}; do
        finished "${receivers[n]}" 0 "r$n.report"
        cmp in "out.$n"
    done
    says err
}

@test "eight receivers, one of them stopped: a tap does not pace the others" {
    local n
    local -a receivers ports taps=()
    random_bytes 20M >in
    eight
    for n in {3..8}; do
        taps+=(--tap "tcp://127.0.0.1:${ports[n]}")
    done
    kill -STOP "${receivers[5]}"
    "$BPIPE" -q -B 1M --tcp-buffer 64K --report json:report "${taps[@]}" -L 40M \
        -o "tcp://127.0.0.1:${ports[1]}" -o "tcp://127.0.0.1:${ports[2]}" in 2>err
    for n in 1 2; do
        finished "${receivers[n]}" 0 "r$n.report"
        cmp in "out.$n"
    done
    adds_up report
    kill -CONT "${receivers[5]}"
    refute cmp -s in out.5
    end_processes
}

@test "one of several receivers dies: the others get everything, status 1" {
    local n
    local -a receivers ports
    random_bytes 3000000 >in
    mkfifo feed
    exec {feed}<>feed
    for n in 1 2 3; do
        receive "r$n" ip4 -o "out.$n"
        receivers[n]=$receiver
        ports[n]=$port
    done
    defsig "$BPIPE" -q --report json:report -s 3000000 -S -o "tcp://127.0.0.1:${ports[1]}" \
        -o "tcp://127.0.0.1:${ports[2]}" -o "tcp://127.0.0.1:${ports[3]}" <&"$feed" 2>err &
    sender=$!
    head -c 1000000 in >feed
    wait_until 10 has_size out.2 1000000
    kill -KILL "${receivers[2]}"
    wait_until 10 has_lines err 1
    tail -c 2000000 in >feed
    finished $sender 1 report
    says err "tcp://127.0.0.1:${ports[2]}: $lost"
    # A bpipe that ends with 1 resets its connections: no receiver takes the stream for complete.
    for n in 1 3; do
        finished "${receivers[n]}" 1 "r$n.report"
        cmp in "out.$n"
    done
}

@test "--on-output-error stop: the first that fails ends it" {
    local n
    local -a receivers ports
    open_idle
    for n in 1 2; do
        receive "r$n" ip4 -o "out.$n"
        receivers[n]=$receiver
        ports[n]=$port
    done
    rm -f report
    "$BPIPE" -q --report json:report --on-output-error stop -o "tcp://127.0.0.1:${ports[1]}" \
        -o "tcp://127.0.0.1:${ports[2]}" <&"$idle" 2>err &
    sender=$!
    echo text >idle
    wait_until 10 has_size out.1 5
    wait_until 10 has_size out.2 5
    kill -KILL "${receivers[2]}"
    finished $sender 1 report
    says err "tcp://127.0.0.1:${ports[2]}: $lost"
    finished "${receivers[1]}" 1 r1.report
    equal text "$(<out.1)"
}

@test "a tap without a listener: a warning, and status 0" {
    own_address
    echo text >in
    result "$BPIPE" -q --tap "tcp://$own:7000" --tap unix://nobody in
    equal $'0:text:bpipe: tcp://'"$own"$':7000: Connection refused; going on without it
bpipe: unix://nobody: No such file or directory; going on without it' "$result"
}

@test "a tap that dies: a warning, and status 0; a tap that connects later gets the bytes from then on" {
    open_idle
    receive in ip4 -o out.tap
    rm -f report
    "$BPIPE" -q --report json:report -S -s 10 -o out --tap "$endpoint" <&"$idle" 2>err &
    sender=$!
    echo text >idle
    wait_until 10 has_size out.tap 5
    kill -KILL "$receiver"
    wait_until 10 has_lines err 1
    echo more >idle
    finished $sender 0 report
    says err "$endpoint: .*; going on without it"
    equal $'text\nmore' "$(<out)"
    # A tap that listens for its peer.
    rm -f report out
    "$BPIPE" -q --report json:report -S -s 10 -o out --tap tcp-listen://:0 <&"$idle" 2>err &
    sender=$!
    await_port err
    echo text >idle
    wait_until 10 has_size out 5
    "$BPIPE" -q "tcp://127.0.0.1:$port" -o out.tap 2>tap.err &
    local tap=$!
    wait_until 10 in_poll $tap
    wait_until 10 refused_now
    sample $sender report
    echo more >idle
    finished $sender 0 report
    ended $tap 0
    equal $'text\nmore' "$(<out)"
    equal more "$(<out.tap)"
}

refused_now() { refute listens "$port" >/dev/null; }

# --- inherited sockets ----------------------------------------------------------------------------

@test "an inherited connection is neither ended nor reset, with any exit status" {
    receive in ip4 -o out
    exec 5<>"/dev/tcp/127.0.0.1/$port"
    echo one | "$BPIPE" -q -o fd://5
    "$BPIPE" -q -o fd://5 missing 2>/dev/null || true
    defsig "$BPIPE" -q -o fd://5 <(exec 5>&-; echo two; exec sleep 60) &
    wait_until 10 has_size out 8
    kill -INT $!
    ended $! 130
    echo three >&5
    exec 5>&-
    finished "$receiver" 0 in.report
    equal $'one\ntwo\nthree' "$(<out)"
    end_processes
    # shellcheck disable=SC2016
    sock pair 8 9 bash -c '
        echo one | "$BPIPE" -q -o fd://8
        "$BPIPE" -q -o fd://8 -o /dev/full <<<two 2>/dev/null
        echo three >&8
        exec 8>&-
        "$BPIPE" -q <&9' >out
    equal $'one\ntwo\nthree' "$(<out)"
}

# --- small writes ---------------------------------------------------------------------------------

@test "TCP_NODELAY for a small write that is alone, not in bulk" {
    ! is_sanitized || skip "strace and sanitizers do not go together"
    skip_unless strace
    random_bytes 20M >in
    receive in ip4 -o out --tcp-buffer 32K -L 30M # writes are small because there is little room
    strace -f -e trace=setsockopt -o trace "$BPIPE" -q --tcp-buffer 32K -o "$endpoint" in
    ended "$receiver" 0
    equal 0 "$(grep -c TCP_NODELAY trace)"
    receive in ip4 -o out
    { echo text && wait_until 20 size_is out 5 >waiting && echo more; } |
        strace -f -e trace=setsockopt -o trace "$BPIPE" -q -o "$endpoint"
    ended "$receiver" 0
    equal 1 "$(grep -c 'TCP_NODELAY, \[1\]' trace)"
    equal $'text\nmore' "$(<out)"
}

@test "TCP connections have keep-alives, at both ends" {
    ! is_sanitized || skip "strace and sanitizers do not go together"
    skip_unless strace
    rm -f in.err
    strace -f -e trace=setsockopt -o trace.in "$BPIPE" -q tcp-listen://:0 >out 2>in.err &
    await_port in.err
    strace -f -e trace=setsockopt -o trace.out "$BPIPE" -q -o "tcp://127.0.0.1:$port" <<<text
    ended $! 0
    grep -q 'SO_KEEPALIVE, \[1\]' trace.in
    grep -q 'SO_KEEPALIVE, \[1\]' trace.out
    grep -q 'SO_REUSEADDR, \[1\]' trace.in
    equal text "$(<out)"
}

# --- reports --------------------------------------------------------------------------------------

@test "reports say which side is slow" {
    local family
    random_bytes 3M >in
    for family in $(families); do
        receive in "$family" -o out -L 3M -B 64K
        "$BPIPE" --report text:text -B 64K --tcp-buffer 32K -o "$endpoint" in
        # By the process or the address at its other end, or by its own name.
        grep -E '^bpipe: slow side: output, [0-9]+%( of the time)? \(.+\); (the buffer|buffer|absorbed) ' text >verdict
        grep -F "(bpipe" verdict || grep -F "${endpoint##*[:/]}" verdict
        ended "$receiver" 0
        rm -f in.err text
        "$BPIPE" --report text:text "$(listening "$family")" -o out 2>in.err &
        receiver=$!
        [ "$family" != unix ] || wait_until 20 [ -S here ]
        await_listener "$family" in.err
        "$BPIPE" -q -L 3M -o "$endpoint" in
        ended $receiver 0
        grep -E '^bpipe: slow side: input, [0-9]+%( of the time)? \(.+\); (the buffer|buffer|absorbed) ' text
        rm text
    done
}

@test "bpipe waits until an inherited connection has acknowledged all bytes" {
    ! is_portable || skip "the portable build cannot know"
    local to
    head -c 200000 /dev/zero >in
    receive in ip4 --tcp-buffer 4K -o out
    exec {to}<>"/dev/tcp/127.0.0.1/$port"
    wait_until 20 [ -e out ]
    kill -STOP "$receiver"
    # All of it fits into the system's buffer here, and the peer's system has no room.
    status=0
    "$BPIPE" -q --drain-timeout 0.3 --report json:report in >&"$to" 2>err {to}>&- || status=$?
    kill -CONT "$receiver"
    equal 4 $status
    says err 'stdout: [1-9][0-9]* bytes sent were not acknowledged' \
        'stdout: no ACK for 300 ms \(--drain-timeout\)'
    adds_up report 4
    exec {to}>&-
    finished "$receiver" 0 in.report
    equal_files in out
}

@test "a connection that bpipe gives up itself: the number of bytes in doubt" {
    ! is_portable || skip "the portable build cannot know"
    local signal
    random_bytes 200000 >in
    for signal in INT QUIT; do
        rm -f out
        receive in ip4 --tcp-buffer 4K -o out
        wait_until 20 [ -e out ]
        kill -STOP "$receiver"
        start_sending in
        wait_number "$sender" report bytes_in 200000
        kill "-$signal" "$sender"
        finished "$sender" $((128 + $(kill -l $signal))) report
        kill -CONT "$receiver"
        finished "$receiver" 1 in.report
        (($(last_number bytes_unacknowledged report) > 0))
    done
}

@test "time for which bpipe was stopped does not count as waiting" {
    skip_unless_json
    local state
    defsig "$BPIPE" -q --connect-timeout 1 --report json:report tcp-listen://:0 2>err &
    pid=$!
    await_port err
    kill -TSTP "$pid"
    wait_until 20 in_state "$pid" T
    sleep 2
    kill -CONT "$pid"
    finished "$pid" 4 report
    state=$(json .elapsed_seconds report)
    echo "$state s without the 2 s"
    [ "${state%.*}" -lt 2 ]
}

@test "a peer that sends and resets before bpipe reads: the received bytes are written" {
    skip_unless socat
    local i
    random_bytes 50000 >in
    for ((i = 0; i < 10; i++)); do
        rm -f peer.err
        socat -dd -u FILE:in TCP4-LISTEN:0,bind=127.0.0.1,linger=0 2>peer.err &
        await_port peer.err
        status=0
        "$BPIPE" -q --report json:report "tcp://127.0.0.1:$port" >out 2>err || status=$?
        wait $! || true
        # socat does not report its reset; bpipe has seen it, or an end that came before it.
        equal_files in out
        [ $status -le 1 ]
        adds_up report $status
        rm report
    done
}

@test "a tap beside --discard is a tap" {
    random_bytes 100000 >in
    receive in ip4 -o out
    "$BPIPE" -q -X --tap "$endpoint" in
    finished "$receiver" 0 in.report
    equal_files in out
}

# --- waiting at the start ---------------------------------------------------------------------

@test "if no input can be connected, bpipe waits for no other peer" {
    local status=0
    "$BPIPE" -q -o tcp-listen://:0 unix://nobody 2>err || status=$?
    equal 1 $status
    grep -qx 'bpipe: unix://nobody: No such file or directory' err
    status=0
    "$BPIPE" -q --merge -o unix-listen://there unix://nobody unix://"$T" 2>err || status=$?
    equal 1 $status
    grep -qx "bpipe: unix://$T: Socket operation on non-socket" err
    [ ! -e there ]
}

@test "a tap that is not connected yet does not delay the end" {
    random_bytes 3M >in
    mkfifo quiet
    local tap
    for tap in unix://nobody quiet; do
        rm -f in.err out report
        "$BPIPE" -q --tcp-buffer 64K -B 64K --start-fill 100 -L 2M "$(listening ip4)" -o out 2>in.err &
        await_listener ip4 in.err
        "$BPIPE" -q --retry 50 --tap "$tap" --report json:report -o "$endpoint" in
        wait $!
        cmp in out
        # Once the kernel has all of it, bpipe hardly polls; sending it takes most of the time.
        echo "$tap: $(last_number poll report) polls"
        [ "$(last_number poll report)" -lt 2000 ]
    done
}
