#!/usr/bin/env bats
#
# A network that delays, loses, and is cut: two network namespaces of the test's own, with a veth
# pair between them. They belong to two sleeping processes and go away with these, whatever happens
# to the test.

# shellcheck disable=SC2030,SC2031 # every test is a subshell
# shellcheck disable=SC2154 # $port comes from sockets.bash
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

teardown() {
    end_processes
    common_teardown
}

# --- the network ----------------------------------------------------------------------------

on_near() { nsenter -t "$near" -n "$@"; }
on_far() { nsenter -t "$far" -n "$@"; }

# To run a background process in a namespace, start it with one of these and a command, because $!
# is then the process id of the command.
# shellcheck disable=SC2034
set_ways() {
    at_near=(nsenter -t "$near" -n)
    at_far=(nsenter -t "$far" -n)
}

has_own_network() { ! [ "/proc/$1/ns/net" -ef /proc/self/ns/net ]; }

# lay_cable: $near is 10.77.0.1, $far is 10.77.0.2, and both interfaces are called cable.
lay_cable() {
    skip_unless_root
    skip_unless ip unshare nsenter
    timeout 5 unshare -n true 2>why || skip "no network namespaces: $(<why)"
    unshare -n sleep 200 &
    near=$!
    unshare -n sleep 200 &
    far=$!
    wait_until 10 has_own_network "$near"
    wait_until 10 has_own_network "$far"
    on_near ip link add cable type veth peer name cable netns "$far" 2>why || skip "no veth: $(<why)"
    on_near ip address add 10.77.0.1/24 dev cable
    on_far ip address add 10.77.0.2/24 dev cable
    on_near ip link set cable up
    on_far ip link set cable up
    set_ways
}

cut_cable() { on_far ip link set cable down; }

# One in a hundred packets that leave the near end is lost. Packets are as small as on a real wire;
# otherwise a few MiB would be only a hundred packets.
lose_packets() {
    skip_unless tc
    on_near ip link set cable gso_max_segs 1 || true
    on_far ip link set cable gso_max_segs 1 || true
    on_near tc qdisc add dev cable root netem loss 1% 2>why && return
    # Without netem: packets that a random choice of the classic BPF selects go to an interface
    # without receiver.
    on_near ip link add void type veth peer name nobody
    on_near ip link set void up
    on_near ip link set nobody up
    if ! on_near tc qdisc add dev cable clsact 2>why || ! on_near tc filter add dev cable egress \
        bpf bytecode "4,32 0 0 4294963256,37 0 1 4252017623,6 0 0 4294967295,6 0 0 0" \
        action mirred egress redirect dev void 2>why; then
        skip "neither netem nor tc's bpf and mirred: $(tail -n 1 why)"
    fi
}

# Prints how many segments the near end had to send again.
sent_again() {
    awk '/^Tcp:/ { if (!column) { for (i = 1; i <= NF; i++) if ($i == "RetransSegs") column = i }
        else print $column }' "/proc/$near/net/snmp"
}

has_sent_again() { [ "$(sent_again)" -gt "$1" ]; } # COUNT: more often than that

# --- transfers ------------------------------------------------------------------------------

# receive OPTION...: starts a bpipe at the far end, in the background, that writes ./out. Sets
# $receiver and $port.
receive() {
    "${at_far[@]}" "$BPIPE" -q "$@" tcp-listen://10.77.0.2:0 >out 2>receiver.err &
    receiver=$!
    await_port receiver.err "$far"
    tcp=tcp://10.77.0.2:$port
}

# passes OPTION...: ./in arrives, and both ends say so.
passes() {
    receive "$@"
    timeout 60 "${at_near[@]}" "$BPIPE" -q "$@" -o "$tcp" --report json:report in
    ended "$receiver" 0
    equal_files in out
    adds_up report
    rm report
}

# one_line FILE PATTERN [BYTES]: FILE has only this line, besides the port, and a message that BYTES
# (a pattern) were not acknowledged. The portable build cannot know their number.
one_line() {
    cat "$1"
    grep -v ': listening on ' "$1" >lines || true
    if [ -n "${3-}" ] && ! is_portable; then
        grep -qE "^bpipe: $tcp: ($3 bytes sent were|$3 byte sent was) not acknowledged$" lines || return 1
        [ "$3" != 1 ] || grep -q ': 1 byte sent was not' lines || return 1
        sed -i '/ not acknowledged$/d' lines
    fi
    equal 1 "$(lines_of lines)" "lines in $1" || return 1
    grep -qE "$2" lines
}

@test "1 % of the packets are lost" {
    lay_cable
    lose_packets
    random_bytes 6M 1 >in
    passes
    passes -C
    passes -B 10000
    [ "$(sent_again)" -gt 10 ]
    : >in
    passes
    # From a pipe, spliced where possible, and read by the other side.
    random_bytes 3M 2 >in
    receive
    # shellcheck disable=SC2002
    cat in | timeout 60 "${at_near[@]}" "$BPIPE" -q -o "$tcp" --report json:report
    ended "$receiver" 0
    equal_files in out
    adds_up report
    is_portable || (($(last_number zero_copy_bytes report) * 10 > 3000000))
}

@test "1 % of the packets are lost, and the listening side sends" {
    lay_cable
    lose_packets
    random_bytes 3M 3 >in
    "${at_near[@]}" "$BPIPE" -q -o tcp-listen://10.77.0.1:0 in 2>err &
    local sender=$!
    wait_until 20 told_port err >told
    port=$(told_port err)
    wait_until 20 listens "$port" "$near"
    timeout 60 "${at_far[@]}" "$BPIPE" -q "tcp://10.77.0.1:$port" >out
    ended "$sender" 0
    equal_files in out
}

@test "a delay of 20 ms each way: the end is confirmed" {
    lay_cable
    skip_unless tc
    on_near tc qdisc add dev cable root netem delay 20ms 2>why || skip "no netem: $(tail -n 1 why)"
    on_far tc qdisc add dev cable root netem delay 20ms
    local size
    for size in 0 1 65537 4M; do
        random_bytes "$size" 4 >in
        passes
        passes -C
    done
}

@test "a narrow line with a long queue: the end is confirmed" {
    lay_cable
    skip_unless tc
    # Bytes that were written are on their way for a tenth of a second.
    on_near tc qdisc add dev cable root tbf rate 20mbit burst 16k limit 250k 2>why ||
        skip "no tbf: $(tail -n 1 why)"
    local size
    for size in 0 1 65537 1M; do
        random_bytes "$size" 5 >in
        passes
        passes -C
    done
}

# --- the cable is cut -----------------------------------------------------------------------

@test "the cable is cut in the middle: --stall-timeout ends the sender, --idle-timeout the receiver" {
    lay_cable
    local option
    for option in "" -C; do
        on_far ip link set cable up
        rm -f report out
        receive --idle-timeout 1
        # shellcheck disable=SC2086
        "${at_near[@]}" "$BPIPE" -q $option -B 1M --stall-timeout 1 --report json:report -o "$tcp" \
            < <(randbytes 100G 6 2>/dev/null) 2>sender.err &
        local sender=$!
        wait_until 20 has_bytes out 3000000
        cut_cable
        ended "$sender" 4
        one_line sender.err "^bpipe: $tcp: took no data for 1.00 s \(--stall-timeout\)" '[0-9]+'
        ended "$receiver" 4
        one_line receiver.err "^bpipe: tcp-listen://10.77.0.2:0: no data for 1.00 s \(--idle-timeout\)"
        adds_up report 4
        randbytes "$(size_of out)" 6 | cmp - out
    done
}

has_bytes() { [ "$(size_of "$1")" -ge "$2" ]; } # FILE COUNT: at least

# cut_before_the_end BYTES OPTION: 1000 bytes arrive, BYTES do not, and then the input ends. The
# status is 4, and BYTES are in doubt.
cut_before_the_end() {
    local late=$1
    shift
    receive --idle-timeout 3
    rm -f feed report
    mkfifo feed
    "${at_near[@]}" "$BPIPE" -q "$@" --report json:report -o "$tcp" <feed 2>sender.err &
    local sender=$!
    exec {to}>feed
    random_bytes 1000 7 >&"$to"
    wait_until 20 size_is out 1000
    cut_cable
    random_bytes "$late" 8 >&"$to"
    wait_number "$sender" report bytes_out $((1000 + late))
    exec {to}>&-
    ended "$sender" 4
    adds_up report 4
    one_line sender.err "^bpipe: $tcp: .*\(${*: -2:1}\)" "$late"
    ended "$receiver" 4
    randbytes 1000 7 | cmp - out
}

@test "the cable is cut before the end: --drain-timeout" {
    lay_cable
    cut_before_the_end 5000 --drain-timeout 1
    on_far ip link set cable up
    cut_before_the_end 1 --drain-timeout 1
}

@test "the cable is cut before the end: --stall-timeout" {
    lay_cable
    cut_before_the_end 5000 --stall-timeout 1
}

@test "a cable that is mended: the transfer continues" {
    lay_cable
    random_bytes 4M 9 >in
    receive
    "${at_near[@]}" "$BPIPE" -q -L 4M --report json:report -o "$tcp" in 2>sender.err &
    local sender=$!
    wait_until 20 has_bytes out 1000000
    cut_cable
    local before
    before=$(sent_again)
    wait_until 20 has_sent_again "$before" # the near end has noticed
    on_far ip link set cable up
    ended "$sender" 0
    ended "$receiver" 0
    equal_files in out
    equal "" "$(<sender.err)"
}

# --- connecting -----------------------------------------------------------------------------

@test "an address that never answers: --connect-timeout" {
    lay_cable
    # The near end believes that a machine has this address.
    on_near ip neighbour add 10.77.0.9 lladdr 02:00:00:00:00:09 dev cable
    result timeout 20 "${at_near[@]}" "$BPIPE" -q --connect-timeout 0.5 -o tcp://10.77.0.9:9 </dev/null
    echo "$result"
    [[ $result == "4::bpipe: tcp://10.77.0.9:9: "*"--connect-timeout"* ]]
    equal 1 "$(lines_of result.err)"
    result timeout 20 "${at_near[@]}" "$BPIPE" -q --connect-timeout 0.5 tcp://10.77.0.9:9
    echo "$result"
    [[ $result == "4::bpipe: tcp://10.77.0.9:9: "*"--connect-timeout"* ]]
    # No peer connects.
    result timeout 20 "${at_near[@]}" "$BPIPE" -q --connect-timeout 0.5 tcp-listen://10.77.0.1:9
    echo "$result"
    [[ $result == "4::bpipe: tcp-listen://10.77.0.1:9: "*"--connect-timeout"* ]]
}

@test "an address that cannot be reached" {
    lay_cable
    result timeout 20 "${at_near[@]}" "$BPIPE" -q -o tcp://10.99.0.1:9 </dev/null
    equal "1::bpipe: tcp://10.99.0.1:9: Network is unreachable" "$result"
    result timeout 20 "${at_near[@]}" "$BPIPE" -q tcp://10.99.0.1:9
    equal "1::bpipe: tcp://10.99.0.1:9: Network is unreachable" "$result"
    on_near ip route add unreachable 10.99.0.0/24
    result timeout 20 "${at_near[@]}" "$BPIPE" -q -o tcp://10.99.0.1:9 </dev/null
    equal "1::bpipe: tcp://10.99.0.1:9: No route to host" "$result"
    result timeout 20 "${at_near[@]}" "$BPIPE" -q -o tcp://10.77.0.2:9 </dev/null
    equal "1::bpipe: tcp://10.77.0.2:9: Connection refused (--retry tries again)" "$result"
}
