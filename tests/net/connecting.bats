#!/usr/bin/env bats
#
# Time spent connecting: bpipe waits for a listener's peer, for a FIFO's reader, or for a peer that
# is not there yet. This time is a state of its own. It is part of no rate, and counts for no
# endpoint's wait.
#
# The peer comes when bpipe itself has reported that it has been connecting for a while. So the
# results do not depend on how fast the machine is.

# shellcheck disable=SC2094,SC2261 # FIFOs are opened both ways on purpose
bats_require_minimum_version 1.5.0
load ../helpers
load ../observe
load ../sockets

# --- helpers --------------------------------------------------------------------------------

connecting() { # PID FILE
    sample "$1" "$2" && awk -v ns="$(last_number connect "$2")" 'BEGIN { exit !(ns >= 0.3) }'
}

# await_connecting PID FILE: waits until that bpipe has been connecting for 0.3 s. Nothing has
# moved, and no side is blamed.
await_connecting() {
    wait_until 30 connecting "$1" "$2"
    last_line "$2" | grep -q '"rate_bytes_per_second":{"current":0.000,"mean":0.000,'
    equal 0.000000000 "$(last_number wait_seconds "$2")"
    equal 0.000000000 "$(last_number input "$2")"
    equal 0.000000000 "$(last_number output "$2")"
    last_line "$2" | grep -q '"bottleneck":null,"bottleneck_endpoint":null,'
}

# side SIDE KEY FILE: prints that number of the first endpoint of a side ("inputs", "outputs",
# "taps").
side() {
    local line
    line=$(last_line "$3")
    [[ ! ${line#*\""$1"\":\[} =~ \"$2\":([0-9.]*) ]] || echo "${BASH_REMATCH[1]}"
}

# tells_apart FILE SIDE: in the final report connecting took at least 0.3 s, also for the endpoint
# of that side. bpipe did not count that time as a wait for the endpoint, and the rate is that of
# the other time.
tells_apart() {
    adds_up "$1"
    awk -v elapsed="$(last_number elapsed_seconds "$1")" -v connect="$(last_number connect "$1")" \
        -v own="$(side "$2" connect_seconds "$1")" -v wait="$(side "$2" wait_seconds "$1")" \
        -v stall="$(side "$2" longest_stall_seconds "$1")" -v bytes="$(last_number bytes_out "$1")" \
        -v mean="$(last_number mean "$1")" 'BEGIN {
            exact = bytes / (elapsed - connect)
            print elapsed " s, connecting " connect " s (" own " s), waited " wait " s, " mean " B/s"
            exit !(connect >= 0.3 && own >= 0.3 && own <= connect && stall <= wait &&
                   wait <= elapsed - connect && mean > exact * 0.999 && mean < exact * 1.001)
        }'
}

# --- outputs --------------------------------------------------------------------------------

@test "a listener's peer that comes late is in no rate" {
    local family
    random_bytes 300000 >in
    for family in $(families); do
        echo "$family"
        rm -f err out json text here
        "$BPIPE" -v --report json:json --report text:text -o "$(listening "$family")" in 2>err &
        pid=$!
        await_listener "$family" err
        await_connecting "$pid" json
        "$BPIPE" -q "$endpoint" -o out
        ended "$pid" 0
        equal_files in out
        tells_apart json outputs
        grep -qE '^bpipe: 293 KiB( of 293 KiB)? \(100%\) in .* m?s \(.* m?s connecting, then .*\)$' text
        # The name is whole, even if the line then has no room for the time of connecting.
        grep -F "bpipe: output $(listening "$family"): 293 KiB, " err >line
        grep -qE ', waited [0-9.]+ [mun]?s( |$)' line
    done
}

@test "a FIFO whose reader comes late is in no rate" {
    random_bytes 300000 >in
    mkfifo fifo
    "$BPIPE" --report json:json --report text:text -o fifo -o copy in &
    pid=$!
    await_connecting "$pid" json
    cat fifo >out
    ended "$pid" 0
    equal_files in out
    equal_files in copy
    tells_apart json outputs
    equal 0.000000000 "$(tail -n 1 json | sed 's/.*"connect_seconds":\([0-9.]*\).*/\1/')" # of the copy
    grep -qE '^bpipe: 293 KiB( of 293 KiB)? \(100%\) in .* m?s \(.* m?s connecting, then .*\)$' text
}

@test "repeated attempts to connect are in no rate" {
    random_bytes 300000 >in
    "$BPIPE" -q --retry 1000 --report json:json -o unix://here in 2>err &
    pid=$!
    await_connecting "$pid" json
    [ "$(side outputs retries json)" -ge 1 ]
    "$BPIPE" -q unix-listen://here -o out
    ended "$pid" 0
    equal_files in out
    tells_apart json outputs
}

# --- inputs ---------------------------------------------------------------------------------

@test "an input's peer that comes late is in no rate" {
    local family
    random_bytes 300000 >in
    for family in $(families); do
        echo "$family"
        rm -f err out json here
        "$BPIPE" -q --report json:json "$(listening "$family")" -o out 2>err &
        pid=$!
        await_listener "$family" err
        await_connecting "$pid" json
        "$BPIPE" -q -o "$endpoint" in
        ended "$pid" 0
        equal_files in out
        tells_apart json inputs
    done
}

@test "an endpoint that is connected has no wait while another one connects" {
    mkfifo fifo
    echo text >in
    "$BPIPE" -q --report json:json -o fifo tcp-listen://127.0.0.1:0 2>err &
    pid=$!
    await_port err
    await_connecting "$pid" json
    exec {to}<>"/dev/tcp/127.0.0.1/$port"
    cat in >&"$to"
    connected() { sample "$pid" json && grep -q '"address":"127.0.0.1:' <(last_line json); }
    # The peer of the output is known when it is opened, which is when the FIFO has a reader.
    cat fifo >out {to}>&- &
    wait_until 20 connected
    exec {to}>&-
    ended "$pid" 0
    wait
    equal_files in out
    tells_apart json outputs
}

@test "the time in which a name is resolved is connecting, too" {
    "$BPIPE" -q --report json:json -o udp://127.0.0.1:9 </dev/null
    adds_up json
    refute equal 0.000000000 "$(last_number connect json)"
    equal "$(last_number connect json)" "$(side outputs connect_seconds json)"
    "$BPIPE" -q --report json:json -o out </dev/null
    adds_up json
    equal 0.000000000 "$(last_number connect json)"
}

# --- a run that is not connected ------------------------------------------------------------

@test "one of several outputs is never connected: status 4, nothing was read or created" {
    local other status
    mkfifo fifo
    random_bytes 300000 >in
    for other in "-o other" "--tap other" "--to cat"; do
        status=0
        # shellcheck disable=SC2086
        { "$BPIPE" -q --connect-timeout 0.3 --report json:json $other -o fifo || status=$?
            cat >rest; } <in >out 2>err
        equal "4 $other" "$status $other"
        equal "bpipe: fifo: no reader for 300 ms (--connect-timeout)" "$(<err)"
        equal_files in rest
        equal 0 "$(size_of out)"
        [ ! -e other ]
        adds_up json 4
        rm json
    done
}

@test "a FIFO gets its reader, and another endpoint is still awaited: bpipe idles" {
    local other
    mkfifo fifo
    for other in "-o unix-listen://socket" "-o tcp://127.0.0.1:1 --retry 20" \
        "unix-listen://socket"; do
        # shellcheck disable=SC2086
        "$BPIPE" -q -o fifo $other </dev/null 2>err &
        pid=$!
        wait_until 20 in_poll "$pid"
        { : >opened && cat; } <fifo >/dev/null &
        wait_until 20 [ -e opened ]
        idles "$pid" || { echo "$other" && return 1; }
        kill -KILL "$pid"
        wait
        rm opened
    done
}

@test "a tap without a reader, and --stall-timeout: while another endpoint is awaited bpipe idles" {
    mkfifo fifo
    "$BPIPE" -q --stall-timeout 0.1 --tap fifo -o unix-listen://socket </dev/null 2>err &
    pid=$!
    wait_until 20 in_poll "$pid"
    nap 0.1
    idles "$pid"
    kill -KILL "$pid"
    wait "$pid" || true
}

@test "a run that never connects: all of its time is connecting, and it has no rate" {
    local status=0
    mkfifo fifo
    "$BPIPE" --connect-timeout 0.3 --report json:json --report text -o fifo <<<text 2>err || status=$?
    equal 4 "$status"
    adds_up json 4
    equal 'bpipe: fifo: no reader for 300 ms (--connect-timeout)' "$(<err)"
    equal '0.000 0.000 0.000' \
        "$(last_number current json) $(last_number mean json) $(last_number max json)"
    # The limit counts from the start, so time that bpipe was busy before is part of it.
    awk -v own="$(side outputs connect_seconds json)" -v connect="$(last_number connect json)" \
        -v busy="$(last_number busy json)" \
        'BEGIN { exit !(own > 0 && own == connect && connect + busy >= 0.3) }'
    equal '0.000000000 0.000000000' "$(last_number input json) $(last_number output json)"
    rm json
    defsig "$BPIPE" --report json:json -o fifo <<<text 2>err &
    pid=$!
    await_connecting "$pid" json
    kill -INT "$pid"
    ended "$pid" 130
    adds_up json 130
    equal 0.000 "$(last_number mean json)"
}

@test "a report asked for while connecting names the endpoint" {
    mkfifo fifo
    "$BPIPE" --report json:json --report-every 0.1 --report text:text -o fifo <<<text &
    pid=$!
    wait_until 20 has_control "$pid"
    await_connecting "$pid" json
    grep -qE '^bpipe: 0 B in [0-9.]+ m?s; last [0-9.]+ m?s: waiting for a peer \(fifo\); buffer 0%$' text
    grep -qE '^bpipe: waiting for a peer \(fifo\)$' text
    if [ -S "$XDG_RUNTIME_DIR/bpipe-$pid.sock" ]; then
        "$BPIPE" -Q "$pid" >asked
        grep -qx 'bpipe: waiting for a peer (fifo)' asked
        "$BPIPE" -Q "$pid" --report json >asked
        awk -v connect="$(last_number connect asked)" 'BEGIN { exit !(connect >= 0.3) }'
    fi
    "$BPIPE" -q fifo -o out
    ended "$pid" 0
    equal text "$(<out)"
    adds_up json
    equal 1 "$(tail -n 2 text | grep -v 'slow side' | tail -n 1 | grep -vc 'connecting (')"
}

@test "Prometheus: a state of its own, and the time of each endpoint" {
    mkfifo fifo
    echo text >in
    "$BPIPE" --report prometheus:prom --report json:json -o fifo in &
    pid=$!
    await_connecting "$pid" json
    cat fifo >out
    ended "$pid" 0
    equal_files in out
    grep -qx "bpipe_state_seconds_total{state=\"connect\"} $(last_number connect json)" prom
    grep -qx "bpipe_output_connect_seconds_total{output=\"fifo\",index=\"0\"} $(
        side outputs connect_seconds json)" prom
    grep -qx 'bpipe_input_connect_seconds_total{input="in",index="0"} 0.000000000' prom
}

# --- the display ----------------------------------------------------------------------------

@test "the display's average is the report's mean rate, and its time the elapsed one" {
    mkfifo fifo
    random_bytes 300000 >in
    "$BPIPE" -n -i 0.1 -F 'average %a of %t s' --report json:json -o fifo in 2>err &
    pid=$!
    await_connecting "$pid" json
    cat fifo >out
    ended "$pid" 0
    equal_files in out
    tells_apart json outputs
    equal "$(printf 'average %.0f of %.4f s' "$(last_number mean json)" "$(last_number elapsed_seconds json)")" \
        "$(tail -n 1 err)"
}

@test "the live line says that it is connecting" {
    mkfifo fifo
    echo text >in
    "$BPIPE" -f -i 0.1 -F '%{state}|%{input-wait}|%{output-wait}|%{bottleneck}|' --report json:json \
        -o fifo in 2>err &
    pid=$!
    await_connecting "$pid" json
    wait_until 20 grep -q 'connect |  0%|  0%|               |' err
    cat fifo >out
    ended "$pid" 0
    equal_files in out
}
