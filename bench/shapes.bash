# shapes.bash - the pipelines of the benchmarks, each with a place for a tool. bench/run reads it.
#
# A shape is called in an empty directory of its own, with the tool's words, or with none if there
# is no tool. It measures the time between begin and end, and writes KEY=VALUE... to files m.*
# Anything except status 0 is a failure, with the reason on stderr.
#
# From the case (cases.bash): bytes, or rate (bytes a second); gen and sink, the words of the
# producer and of the consumer; and transport. From bench/run: rounds, patience (seconds), starts,
# lead, stall, rate_s, pause and gap (seconds), and ../in, a file of $bytes bytes, for the shapes
# file_to_*. Processes that a failed shape leaves behind are in its process group, and bench/run
# ends them.
#
# shellcheck shell=bash disable=SC2154

begin() {
    started=${EPOCHREALTIME/[.,]/}
}

end() { # STATUS...: of the commands of the pipeline
    local status us=$((${EPOCHREALTIME/[.,]/} - started))
    printf 'bytes=%d elapsed_s=%d.%06d\n' "$bytes" $((us / 1000000)) $((us % 1000000)) >m.elapsed
    for status; do
        ((status == 0)) && continue
        echo "the pipeline ended with $*" >&2
        exit 1
    done
}

through() {
    begin
    if (($# == 0)); then
        "${gen[@]}" "$bytes" | "${sink[@]}" "$bytes" >m.sink
    else
        "${gen[@]}" "$bytes" | spawn -o m.tool "$@" | "${sink[@]}" "$bytes" >m.sink
    fi
    end "${PIPESTATUS[@]}"
}

# A pipe of 1 MiB and no tool: shows what growing the pipe gains by itself.
large_pipe() {
    begin
    { pipesize 3 "$MiB" 3>&1 >size && "${gen[@]}" "$bytes"; } | "${sink[@]}" "$bytes" >m.sink
    end "${PIPESTATUS[@]}"
}

# Two of the same tool, or the words before "::" and the words behind it.
two_in_a_row() {
    local word first=() second=()
    for word; do
        [ "$word" = :: ] && first=("${second[@]}") second=() && continue
        second+=("$word")
    done
    ((${#first[@]} > 0)) || first=("${second[@]}")
    begin
    if (($# == 0)); then
        "${gen[@]}" "$bytes" | "${sink[@]}" "$bytes" >m.sink
    else
        "${gen[@]}" "$bytes" | spawn -o m.first "${first[@]}" | spawn -o m.second "${second[@]}" |
            "${sink[@]}" "$bytes" >m.sink
    fi
    end "${PIPESTATUS[@]}"
}

file_to_pipe() {
    begin
    if (($# == 0)); then
        "${sink[@]}" "$bytes" <../in >m.sink
    else
        spawn -o m.tool "$@" <../in | "${sink[@]}" "$bytes" >m.sink
    fi
    end "${PIPESTATUS[@]}"
}

pipe_to_file() {
    begin
    if (($# == 0)); then
        "${gen[@]}" "$bytes" >out
    else
        "${gen[@]}" "$bytes" | spawn -o m.tool "$@" >out
    fi
    end "${PIPESTATUS[@]}"
    sink -a "$bytes" <out >checked || exit 1
}

file_to_file() {
    begin
    spawn -o m.tool "$@" <../in >out
    end $?
    sink -a "$bytes" <out >checked || exit 1
}

# No process reads the bytes, but the shared offset in the file shows how many were read.
file_to_null() {
    local key value
    exec 4<../in
    begin
    spawn -o m.tool "$@" <&4 4<&- >/dev/null
    end $?
    while read -r key value; do
        [[ $key != pos: || $value == "$bytes" ]] && continue
        echo "read $value bytes, not $bytes" >&2
        exit 1
    done <"/proc/$BASHPID/fdinfo/4"
}

# FIFOs o.2, o.3 ... besides stdout, with a consumer on each.
many_outputs() {
    local number pid status=0
    local -a pids=() statuses
    for ((number = 2; number <= outputs; number++)); do
        mkfifo "o.$number" || exit 1
        "${sink[@]}" "$bytes" <"o.$number" >"checked.$number" &
        pids+=($!)
    done
    begin
    "${gen[@]}" "$bytes" | spawn -o m.tool "$@" | "${sink[@]}" "$bytes" >m.sink
    statuses=("${PIPESTATUS[@]}")
    [ "${statuses[*]}" = "0 0 0" ] || kill -KILL "${pids[@]}" 2>/dev/null
    for pid in "${pids[@]}"; do
        wait "$pid" || status=1
    done
    end "${statuses[@]}" "$status"
}

round_trips() {
    pingpong -n -t "$patience" "$rounds" 64 spawn -o m.tool "$@" >m.times || exit 1
    echo "rounds=$rounds" >m.rounds # all of them used the CPU, not only those that were timed
}

# --- over a socket --------------------------------------------------------------------------

# A tool's words are those of a sender, "::", and those of a receiver, which listens. In them %
# stands for the address: a port of 127.0.0.1, or a path (transport: tcp or unix).

# Sets address (one that is free), sender and receiver.
meet() { # SENDER... :: RECEIVER...
    local word hex
    local -n side=sender
    address=s$BASHPID.$RANDOM sender=() receiver=()
    if [ "$transport" = tcp ]; then
        # Below the ports that the kernel gives to connecting sockets.
        while address=$((20000 + RANDOM % 12000)) && printf -v hex %04X "$address" &&
            grep -Eqs ": [0-9A-F]+:$hex " /proc/net/tcp /proc/net/tcp6; do
            :
        done
    fi
    for word; do
        if [ "$word" = :: ]; then
            local -n side=receiver
        else
            side+=("${word//%/$address}")
        fi
    done
}

# A connection would tell as well, but the receiver would take it for its sender.
is_listening() {
    local hex
    if [ "$transport" = tcp ]; then
        printf -v hex %04X "$address"
        grep -Eqs ": [0-9A-F]+:$hex [0-9A-F:]+ 0A " /proc/net/tcp /proc/net/tcp6
    else
        grep -Eq " 00010000 .*\\b${address//./\\.}\$" /proc/net/unix # __SO_ACCEPTCON
    fi
}

await_listener() { # PID
    local deadline=$((SECONDS + patience + 1))
    until is_listening; do
        kill -0 "$1" 2>/dev/null || { echo "the receiver ended before it listened" >&2 && return 1; }
        ((SECONDS < deadline)) || { echo "no listener after $patience s" >&2 && return 1; }
        sleep 0.01
    done
}

# From a producer, or a file, to a consumer. The time begins with the sender.
over_socket() {
    local -a statuses
    local receiving
    meet "$@"
    (
        set -o pipefail
        spawn -o m.receiver "${receiver[@]}" </dev/null | "${sink[@]}" "$bytes" >m.sink
    ) &
    receiving=$!
    await_listener "$receiving" || exit 1
    begin
    if [ -e ../in ]; then
        spawn -o m.sender "${sender[@]}" <../in
        statuses=("$?")
    else
        "${gen[@]}" "$bytes" | spawn -o m.sender "${sender[@]}"
        statuses=("${PIPESTATUS[@]}")
    fi
    [[ ${statuses[*]} != *[1-9]* ]] || end "${statuses[@]}" # or the receiver might wait for ever
    wait "$receiving"
    end "${statuses[@]}" $?
}

file_to_socket() {
    over_socket "$@"
}

# The command for pingpong. pingpong gave it a process group of its own, and bench/run has to know
# it.
relay() {
    local receiving
    echo "$BASHPID" >group
    meet "$@"
    spawn -o m.receiver "${receiver[@]}" </dev/null &
    receiving=$!
    if await_listener "$receiving" && spawn -o m.sender "${sender[@]}" && wait "$receiving"; then
        rm group
    else
        kill -KILL 0
    fi
}

round_trips_over_socket() {
    export transport patience
    export -f meet is_listening await_listener relay
    pingpong -n -t "$patience" "$rounds" 64 bash -c 'relay "$@"' relay "$@" >m.times || exit 1
    echo "rounds=$rounds" >m.rounds
}

# --- bursts, rates, starts ------------------------------------------------------------------

burst_into() { # REPORT STALL [COMMAND...]
    local report=$1 seconds=$2
    shift 2
    if (($# == 0)); then
        "${gen[@]}" -w "$lead" -o "$report" "$bytes" | "${sink[@]}" -w "$seconds" "$bytes" >checked
    else
        "${gen[@]}" -w "$lead" -o "$report" "$bytes" | spawn -o used "$@" |
            "${sink[@]}" -w "$seconds" "$bytes" >checked
    fi
    end "${PIPESTATUS[@]}"
}

# Into a consumer that stalls, and for comparison into one that does not.
burst() {
    begin
    burst_into free 0 "$@"
    sed 's/held_s/free_s/' free >m.free
    burst_into m.held "$stall" "$@"
    (($# == 0)) || mv used m.tool
}

# Through a tool that limits the rate, for rate_s seconds. The tool starts when the others are up:
# otherwise its first bytes would gather in a pipe and look like a burst.
limited() {
    bytes=$((rate * rate_s)) sink+=(-t 0.05)
    echo "limit=$rate" >m.limit
    begin
    "${gen[@]}" "$bytes" | { sleep "$lead" && exec spawn -o m.tool "$@"; } |
        "${sink[@]}" "$bytes" >m.sink
    end "${PIPESTATUS[@]}"
}

# The same, but the producer pauses after a fifth of the bytes: only those after the pause count.
limited_after_pause() {
    gen+=(-n "$((rate * rate_s / 5))" -p "$pause") sink+=(-g "$gap")
    limited "$@"
}

# Enough starts for a median. spawn measures the time, so this shell does not count.
start_up() {
    local count program
    for ((count = 0; count < starts; count++)); do
        spawn -f 4 "$@" </dev/null >/dev/null 4>>all && continue
        echo "it ended with $? on empty input" >&2
        exit 1
    done
    sed 's/.*wall_s=\([0-9.]*\).*/\1/' all | sort -n | sed -n "$((starts / 2 + 1))s/^/start_s=/p" >m.start
    tail -n 1 all >m.tool
    program=$(command -v "$1")
    [ "$1" != bpipe ] || program=../bin/stripped
    echo "binary_bytes=$(stat -Lc %s "$program")" >m.binary
}
