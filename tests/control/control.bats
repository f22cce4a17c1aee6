#!/usr/bin/env bats
#
# -R changes a running bpipe, -Q asks it, and no client can harm it. test_control.c tests the
# messages themselves.

# shellcheck disable=SC2094 # FIFOs are opened both ways on purpose

bats_require_minimum_version 1.5.0
load ../helpers
load ../observe

teardown() {
    end_processes
    common_teardown
}

# --- helpers --------------------------------------------------------------------------------

# Waits for the socket of the bpipe that was started with -P pid. Sets $pid and $socket.
await_control() {
    wait_until 20 [ -s pid ]
    pid=$(<pid)
    socket=$XDG_RUNTIME_DIR/bpipe-$pid.sock
    wait_until 20 [ -S "$socket" ]
}

# The same for the only bpipe that there is.
find_control() {
    socket=$(find "$XDG_RUNTIME_DIR" -name '*.sock' | grep .) || return 1
    pid=${socket##*bpipe-}
    pid=${pid%.sock}
}

# Starts a bpipe that waits for input from ./idle. Sets $pid, $socket, $idle.
start_idle() { # OPTION...
    open_idle
    "$BPIPE" -P pid "$@" <idle 2>err {idle}>&- &
    await_control
}

# at_least KEY NUMBER: whether a number in the report of $pid is at least NUMBER now.
at_least() {
    "$BPIPE" -Q "$pid" --report json >asked &&
        awk "BEGIN { exit !($(last_number "$1" asked) >= $2) }"
}

number() { # KEY
    "$BPIPE" -Q "$pid" --report json >asked && last_number "$1" asked
}

# Waits until the process has run for longer than it takes to open its socket: it has none.
stays_without() { # PID REPORT
    local long_enough=0
    while [ "$long_enough" = 0 ]; do
        sample "$1" "$2"
        long_enough=$(awk "BEGIN { print ($(last_number elapsed_seconds "$2") > 0.3) }")
    done
    sample "$1" "$2" # and a turn since
    refute sockets_of "$1"
}

sockets_of() { # PID
    find "/proc/$1/fd" -lname 'socket:*' | grep .
}

# --- requests -------------------------------------------------------------------------------

@test "-F copies through the buffer only while the format shows the last bytes" {
    local before
    is_portable && skip "there is no splice in the portable build"
    yes | "$BPIPE" -f -F %b --report none -P pid 2>/dev/null | cat >/dev/null &
    await_control
    wait_until 20 at_least zero_copy_bytes 50000000
    "$BPIPE" -R "$pid" -F %9A
    before=$(number zero_copy_bytes)
    wait_until 20 at_least bytes_out "$(number bytes_out) + 100000000"
    [ "$(number zero_copy_bytes)" -le $((before + 17000000)) ] # the bytes that waited in pipes then
    "$BPIPE" -R "$pid" -F %b
    wait_until 20 at_least zero_copy_bytes "$before + 50000000"
    kill -TERM "$pid"
    wait
}

@test "after a shortage of descriptors, bpipe answers again" {
    skip_unless prlimit
    start_idle -q >out 3</dev/null 4</dev/null 5</dev/null 6</dev/null # poll() needs some, too
    local lowest=0
    while [ -e "/proc/$pid/fd/$lowest" ]; do lowest=$((lowest + 1)); done
    prlimit --pid "$pid" --nofile=$lowest:
    run -1 "$BPIPE" -Q "$pid"
    equal "bpipe: PID $pid: does not answer" "$output"
    prlimit --pid "$pid" --nofile=1024:
    "$BPIPE" -Q "$pid" >asked
    grep -q '^bpipe: ' asked
}

@test "-L takes effect at once, on the zero-copy path as well, and back" {
    local option before since moved
    for option in "" -C; do
        rm -f pid report
        # shellcheck disable=SC2086
        yes | "$BPIPE" -q -P pid --report json:report $option | cat >/dev/null &
        await_control
        wait_until 20 at_least bytes_out 50000000
        "$BPIPE" -R "$pid" -L 10
        before=$(number bytes_out)
        since=$(last_number elapsed_seconds asked)
        wait_until 20 at_least elapsed_seconds "$since + 0.3"
        moved=$(awk "BEGIN { print ($(last_number bytes_out asked) - $before) - \
            10 * ($(last_number elapsed_seconds asked) - $since) }")
        awk "BEGIN { exit !($moved <= 2) }" || { echo "$moved bytes too many"; return 1; }
        "$BPIPE" -R "$pid" -L 0
        wait_until 20 at_least bytes_out "$before + 50000000"
        before=$(number zero_copy_bytes)
        [ -n "$option" ] || is_portable || wait_until 20 at_least zero_copy_bytes "$before + 50000000"
        kill -TERM "$pid"
        wait
        adds_up report 143
    done
}

@test "--read-rate changes; a rate that the request does not name stays" {
    yes | "$BPIPE" -q -P pid -L 1G --report json:report | cat >/dev/null &
    await_control
    wait_until 20 at_least bytes_in 1000000
    "$BPIPE" -R "$pid" --read-rate 10
    local before since
    before=$(number bytes_in)
    since=$(last_number elapsed_seconds asked)
    wait_until 20 at_least elapsed_seconds "$since + 0.3"
    awk "BEGIN { exit !($(last_number bytes_in asked) - $before <= \
        10 * ($(last_number elapsed_seconds asked) - $since) + 2) }"
    "$BPIPE" -R "$pid" -L 10 --read-rate 0
    "$BPIPE" -R "$pid" --read-rate 100M
    since=$(number elapsed_seconds)
    before=$(last_number bytes_out asked)
    wait_until 20 at_least elapsed_seconds "$since + 0.3"
    awk "BEGIN { exit !($(last_number bytes_out asked) - $before <= \
        10 * ($(last_number elapsed_seconds asked) - $since) + 2) }"
    kill -INT "$pid"
}

# is_report FILE: it has the lines of a report of a run that goes on; the slow side, and the last
# seconds, only if the run is old enough.
is_report() {
    equal 1 "$(grep -c '^bpipe: .* so far' "$1")"
    ! grep -vE '^bpipe: (.* so far|(me: )?slow side: .*|(me: )?last [0-9.]+ s: [0-9.]+ .*; buffer <?[0-9]+%$)' "$1"
}

@test "-Q prints the report, and does not change the run" {
    skip_unless_json
    start_idle --report json:report --report-every 1h -N me >out
    printf 12345 >idle
    wait_until 20 size_is out 5
    "$BPIPE" -Q "$pid" >text
    grep -q '^bpipe: me: 5 B in .* so far' text || grep -q '5 B in' text
    is_report text
    tells_lately() { "$BPIPE" -Q "$pid" >lately && grep -qE '^bpipe: me: last [1-9][0-9.]* s: 0 B/s, input [0-9]+%; buffer 0%$' lately; }
    wait_until 20 tells_lately
    is_report lately
    equal 3 "$(lines_of lately)"
    "$BPIPE" -Q "$pid" -v >verbose
    grep -q 'output stdout: 5 B' verbose
    "$BPIPE" -Q "$pid" -k -v >si
    grep -q '16.8 MB' si
    "$BPIPE" --query "$pid" --report json >json
    equal sample "$(json .type json)"
    equal 5 "$(json .bytes_in json)"
    equal 5 "$(json '.outputs[0].bytes' json)"
    equal me "$(json .name json)"
    equal 1 "$(lines_of json)"
    equal 0 "$(lines_of report)"
    refute [ -s err ]
    kill -TERM "$pid"
    wait "$pid" || true
    adds_up report 143
}

@test "-R changes the name, the size and the display" {
    skip_unless_json
    start_idle -q -N old >out
    "$BPIPE" -R "$pid" -N $'new\\\n"name"' -s 1K -i 0.5 -w 100 -H 30 -F '%b %r'
    equal $'new\\\n"name"' "$("$BPIPE" -Q "$pid" --report json | json .name)"
    equal 1024 "$(number size_bytes)"
    random_bytes 300 >data
    "$BPIPE" -R "$pid" -s @data -p -e
    equal 300 "$(number size_bytes)"
    "$BPIPE" -R "$pid" -s 0
    equal 0 "$("$BPIPE" -Q "$pid" --report json | json .size_bytes)"
    result "$BPIPE" -R "$pid" -s @missing
    equal "1::bpipe: --size: missing: No such file or directory" "$result"
}

@test "-R -s replaces the sum of the sizes, even if that would become unknown" {
    head -c 10000 /dev/zero >in
    "$BPIPE" -q -P pid -L 10 --report json:report in /proc/version >out &
    await_control
    equal 10000 "$(number size_bytes)"
    "$BPIPE" -R "$pid" -s 20000 -L 1G
    ended $! 0
    equal 20000 "$(last_number size_bytes report)"
}

@test "water marks, also where bytes went past the buffer" {
    start_idle -q -B 1000 --report json:report > >(exec cat >out)
    printf 12345 >idle
    wait_until 20 size_is out 5
    "$BPIPE" -R "$pid" --start-fill 50
    head -c 400 /dev/zero >idle
    wait_until 20 at_least fill_bytes 400
    equal 5 "$(number bytes_out)"
    head -c 100 /dev/zero >idle
    wait_until 20 size_is out 505
    printf 1 >idle
    wait_until 20 at_least fill_bytes 1
    "$BPIPE" -R "$pid" --start-fill 0 --resume-fill 10
    wait_until 20 size_is out 506
    "$BPIPE" -R "$pid" --resume-fill 100
    printf 1 >idle
    wait_until 20 size_is out 507
    kill -TERM "$pid"
    wait "$pid" || true
    adds_up report 143
}

@test "a change that is not possible is refused, and nothing is changed" {
    start_idle -q -S -s 10 -N old >out
    result "$BPIPE" -R "$pid" -N new -s 20
    equal "1::bpipe: PID $pid: --size: cannot be changed with --stop-at-size" "$result"
    "$BPIPE" -Q "$pid" --report json | grep -q '"name":"old"'
    exec {idle}>&-
    end_processes
    rm -f idle pid
    start_idle -q --merge >out
    result "$BPIPE" -R "$pid" --resume-fill 50
    equal "1::bpipe: PID $pid: --resume-fill: cannot be changed with --merge" "$result"
    "$BPIPE" -R "$pid" --start-fill 50
    exec {idle}>&-
    end_processes
    rm -f idle pid
    start_idle -q -l --block-size 10 >out
    result "$BPIPE" -R "$pid" -L 5
    equal "1::bpipe: PID $pid: --rate-limit: cannot count records with --block-size" "$result"
    "$BPIPE" -R "$pid" -L 0
}

@test "usage errors" {
    local line
    while read -r line; do
        # shellcheck disable=SC2086
        result "$BPIPE" ${line%%:*}
        equal "2::bpipe:${line#*:}" "$result"
    done <<'END'
-R 5: --remote: '5': no change requested
-R 5 -l -q: --remote: '5': no change requested
-R 5 -B 1M: --buffer-size: cannot be used with --remote
-R 5 -L 1M in: --remote: cannot be used with INPUT 'in'
-R 5 -w 0: --width: '0': must be a number from 1 to 9999
-R 5 -H 10000: --height: '10000': must be a number from 1 to 9999
-R 5 -A 0: --last-written: '0': must be a number from 1 to 256
-R 5 -i 0: --interval: '0': must be from 0.1 to 600 seconds
-R 5 -i 601: --interval: '601': must be from 0.1 to 600 seconds
-R 5 -Q 5: --remote: cannot be used with --query
-R 0 -L 1: --remote: '0': must be a number from 1 to 2147483647
-Q x: --query: 'x': must be a number from 1 to 2147483647
-Q 5 -L 1M: --rate-limit: cannot be used with --query
-Q 5 --report prometheus: --report: 'prometheus': must be text or json with --query
-Q 5 --report none: --report: 'none': must be text or json with --query
-Q 5 --report json --report text: --report: 'text': can be given only once with --query
END
    result "$BPIPE" -Q 5 --report json:file
    equal "2::bpipe: --report: 'json:file': must be text or json with --query" "$result"
    refute [ -e file ]
}

@test "a process id without a process, of another program, and of a bpipe that has just started" {
    sleep 60 &
    local other=$!
    result "$BPIPE" -Q "$other"
    equal "1::bpipe: PID $other: is not a bpipe, or cannot be reached" "$result"
    result "$BPIPE" -R "$other" -L 1
    equal "1::bpipe: PID $other: is not a bpipe, or cannot be reached" "$result"
    # A socket that was left under its number does not belong to it.
    start_idle -q >out
    kill -KILL "$pid"
    ended "$pid" 137
    mv "$socket" "$XDG_RUNTIME_DIR/bpipe-$other.sock"
    result "$BPIPE" -Q "$other"
    equal "1::bpipe: PID $other: is not a bpipe, or cannot be reached" "$result"
    rm idle pid
    kill "$other"
    wait "$other" || true
    result "$BPIPE" -R "$other" -L 1
    equal "1::bpipe: PID $other: No such process" "$result"
    open_idle
    "$BPIPE" -q <&"$idle" >out &
    "$BPIPE" -Q $! >asked # the client waits for the socket
    is_report asked
}

@test "a runtime folder that is refused is named, with the reason" {
    sleep 60 &
    local other=$! folder=$XDG_RUNTIME_DIR
    local none="bpipe: PID $other: no control socket"
    HOME=$T/none XDG_RUNTIME_DIR=$T/missing result "$BPIPE" -Q "$other"
    equal "1::bpipe: $T/missing: No such file or directory"$'\n'"$none" "$result"
    : >file
    HOME=$T/none XDG_RUNTIME_DIR=$T/file result "$BPIPE" -R "$other" -L 1
    equal "1::bpipe: $T/file: Not a directory"$'\n'"$none" "$result"
    chmod 720 "$folder"
    # With a HOME, bpipe would use that.
    mkdir home
    HOME=$T/home result "$BPIPE" -Q "$other"
    equal "1::bpipe: PID $other: is not a bpipe, or cannot be reached" "$result"
    mkdir -m 777 home/.bpipe
    chmod 777 home/.bpipe
    if [ ! -e "/run/user/$(id -u)" ]; then
        (unset XDG_RUNTIME_DIR && HOME=$T/home result "$BPIPE" -Q "$other" &&
            equal "1::bpipe: $T/home/.bpipe: other users may write to it (chmod go-w)"$'\n'"$none" "$result")
    fi
    HOME=$T/none result "$BPIPE" -Q "$other"
    equal "1::bpipe: $folder: other users may write to it (chmod go-w)"$'\n'"$none" "$result"
    chmod 700 "$folder"
    kill "$other"
    wait "$other" || true
    skip_unless_other_user
    public_dir
    mkdir -m 700 "$public/run"
    chown 65534:65534 "$public/run"
    sleep 60 &
    export HOME=$T/none
    XDG_RUNTIME_DIR=$public/run result "$BPIPE" -Q $!
    equal "1::bpipe: $public/run: belongs to another user"$'\n'"bpipe: PID $!: no control socket" "$result"
    setpriv --reuid=65534 --regid=65534 --clear-groups sleep 60 &
    wait_until 20 has_owner $! 65534
    chmod 0 "$public/run"
    XDG_RUNTIME_DIR=$public/run result as_other_user "$BPIPE" -Q $!
    equal "1::bpipe: $public/run: Permission denied"$'\n'"bpipe: PID $!: no control socket" "$result"
    end_processes
}

@test "a bpipe that is stopped, and a process of another user" {
    start_idle -q >out
    kill -STOP "$pid"
    wait_until 20 in_state "$pid" T
    result "$BPIPE" -Q "$pid"
    equal "1::bpipe: PID $pid: does not answer" "$result"
    kill -CONT "$pid"
    "$BPIPE" -Q "$pid" >asked
    skip_unless_other_user
    setpriv --reuid=65534 --regid=65534 --clear-groups sleep 60 &
    local other=$!
    wait_until 20 has_owner "$other" 65534
    result "$BPIPE" -Q "$other" # seen by root, which may signal any process
    equal "1::bpipe: PID $other: belongs to another user" "$result"
    result as_other_user "$BPIPE" -Q "$$"
    equal "1::bpipe: PID $$: belongs to another user" "$result"
}

has_owner() { # PID UID
    [ "$(stat -c %u "/proc/$1")" = "$2" ]
}

@test "a report that cannot be printed" {
    start_idle -q >out
    result "$BPIPE" -Q "$pid" --report json >&-
    local status=0
    "$BPIPE" -Q "$pid" >&- 2>asked || status=$?
    equal "1 bpipe: stdout: Bad file descriptor" "$status $(<asked)"
    status=0
    "$BPIPE" -Q "$pid" >/dev/full 2>asked || status=$?
    equal "1 bpipe: stdout: No space left on device" "$status $(<asked)"
    "$BPIPE" -R "$pid" -L 1M >&-
}

# --- the socket -----------------------------------------------------------------------------

@test "only the user may use the socket, and it is removed after every ending" {
    local signal
    for signal in TERM INT HUP QUIT none; do
        rm -f pid idle
        open_idle
        defsig "$BPIPE" -q -P pid <idle {idle}>&- >out 2>err &
        await_control
        equal 600 "$(stat -c %a "$socket")"
        [ "$signal" = none ] || kill -"$signal" "$pid"
        exec {idle}>&-
        wait_until 20 gone "$pid"
        refute [ -e "$socket" ]
    done
    # The reader leaves.
    rm -f pid idle
    open_idle
    open_consumer
    "$BPIPE" -q -P pid <&"$idle" >&"$writer" {reader}<&- &
    exec {writer}>&-
    await_control
    exec {reader}<&-
    wait_until 20 gone "$pid"
    refute [ -e "$socket" ]
}

@test "the client removes a socket that SIGKILL left behind" {
    start_idle -q >out
    kill -KILL "$pid"
    wait "$pid" || true
    [ -S "$socket" ]
    result "$BPIPE" -Q "$pid"
    equal "1::bpipe: PID $pid: No such process" "$result"
    refute [ -e "$socket" ]
    # A file of that name is not a socket of bpipe.
    : >"$socket"
    result "$BPIPE" -Q "$pid"
    [ -e "$socket" ]
}

# killed: kills a bpipe once it has its socket. Sets $socket.
killed() {
    rm -f pid idle
    start_idle -q >out
    kill -KILL "$pid"
    ended "$pid" 137
    exec {idle}>&-
    [ -S "$socket" ]
}

sockets() { find "$XDG_RUNTIME_DIR" -mindepth 1 | sort; }

@test "the next bpipe, and a client of another one, remove sockets that SIGKILL left behind" {
    local first second
    killed
    first=$socket
    killed
    second=$socket
    [ ! -e "$first" ] # the second bpipe removed it before it was killed
    : >"$XDG_RUNTIME_DIR/bpipe-7.sock"
    rm pid idle
    start_idle -q >out
    equal "$(printf '%s\n' "$XDG_RUNTIME_DIR/bpipe-7.sock" "$socket" | sort)" "$(sockets)"
    [ ! -e "$second" ]
    local alive=$pid kept=$socket
    killed
    "$BPIPE" -Q "$alive" >asked
    equal "$(printf '%s\n' "$XDG_RUNTIME_DIR/bpipe-7.sock" "$kept" | sort)" "$(sockets)"
    killed
    "$BPIPE" -R "$alive" -L 1M
    equal "$(printf '%s\n' "$XDG_RUNTIME_DIR/bpipe-7.sock" "$kept" | sort)" "$(sockets)"
}

@test "the sockets of many bpipes that are killed at once are removed, those of others stay" {
    local number alive
    open_idle
    "$BPIPE" -q <&"$idle" >out &
    alive=$!
    wait_until 20 has_control "$alive"
    for number in 1 2 3 4 5 6 7 8; do
        "$BPIPE" -q <&"$idle" >out &
        echo $! >"pid.$number"
    done
    for number in 1 2 3 4 5 6 7 8; do
        wait_until 20 has_control "$(<"pid.$number")"
    done
    equal 9 "$(sockets | wc -l)"
    for number in 1 2 3 4 5 6 7 8; do
        kill -KILL "$(<"pid.$number")"
    done
    for number in 1 2 3 4 5 6 7 8; do
        wait_until 20 gone "$(<"pid.$number")"
    done
    result "$BPIPE" -Q "$alive"
    equal 0 "${result%%:*}"
    equal "$XDG_RUNTIME_DIR/bpipe-$alive.sock" "$(sockets)"
}

@test "a short run makes no socket" {
    seq 1000 >in
    # Tried again if the machine was too slow for a short run.
    short() {
        rm -rf home
        mkdir home
        HOME=$T/home XDG_RUNTIME_DIR='' "$BPIPE" --report json:report in >out
        cmp in out
        awk -v elapsed="$(last_number elapsed_seconds report)" 'BEGIN { exit !(elapsed < 0.05) }'
    }
    wait_until 60 short
    equal "" "$(ls -A home)"
}

@test "without XDG_RUNTIME_DIR the runtime folder is HOME/.bpipe: made, and removed when empty" {
    [ ! -e "/run/user/$(id -u)" ] || skip "there is /run/user/$(id -u)"
    mkdir home
    export HOME=$T/home
    local unusable
    mkdir -m 770 "$T/group"
    chmod 770 "$T/group"
    mkdir -m 707 "$T/others"
    chmod 707 "$T/others"
    : >file
    for unusable in "" "$T/group" "$T/others" "$T/missing" "$T/file" relative; do
        echo "XDG_RUNTIME_DIR=$unusable"
        rm -f pid idle
        open_idle
        umask 022
        XDG_RUNTIME_DIR=$unusable "$BPIPE" -q -P pid <idle >out {idle}>&- &
        wait_until 20 [ -s pid ]
        wait_until 20 [ -S "home/.bpipe/bpipe-$(<pid).sock" ]
        equal 700 "$(stat -c %a home/.bpipe)"
        "$BPIPE" -Q "$(<pid)" >asked # the client searches all folders
        is_report asked
        pid=$(<pid)
        exec {idle}>&-
        wait_until 20 gone "$pid"
        refute test -e home/.bpipe
    done
    equal "" "$(ls -A group)$(ls -A others)"
}

@test "a folder that vanishes before the socket is in it is made again" {
    skip_unless_faults
    [ ! -e "/run/user/$(id -u)" ] || skip "there is /run/user/$(id -u)"
    export HOME=$T/home XDG_RUNTIME_DIR=''
    mkdir home
    open_idle
    # The first try fails, and removes the empty folder, as another bpipe may.
    with_faults FAULT_ONLY=bpipe FAULT_LOG="$T/log" FAULT_SCRIPT="socket:*:1:ENOMEM" \
        "$BPIPE" -q -P pid <idle {idle}>&- >out 2>err &
    wait_until 20 [ -s pid ]
    wait_until 20 [ -S "home/.bpipe/bpipe-$(<pid).sock" ]
    grep -q 'call=socket' log
    pid=$(<pid)
    "$BPIPE" -Q "$pid" >asked
    is_report asked
    exec {idle}>&-
    wait_until 20 gone "$pid"
    refute [ -s err ]
    refute [ -e home/.bpipe ]
}

@test "a folder that is another user's is not used" {
    skip_unless_other_user
    [ ! -e "/run/user/$(id -u)" ] || skip "there is /run/user/$(id -u)"
    mkdir foreign
    chown 65534 foreign
    export XDG_RUNTIME_DIR=$T/foreign HOME=$T/foreign
    open_idle
    "$BPIPE" -q -P pid --report json:report <&"$idle" >out 2>err &
    wait_until 20 [ -s pid ]
    stays_without "$(<pid)" report
    equal "" "$(ls -A foreign)"
}

@test "without a runtime folder there is no control, and the run is not disturbed" {
    [ ! -e "/run/user/$(id -u)" ] || skip "there is /run/user/$(id -u)"
    export XDG_RUNTIME_DIR='' HOME=$T/missing
    open_idle
    "$BPIPE" -q -P pid --report json:report <idle >out 2>err {idle}>&- &
    wait_until 20 [ -s pid ]
    stays_without "$(<pid)" report
    result "$BPIPE" -Q "$(<pid)"
    equal "1::bpipe: PID $(<pid): is not a bpipe, or cannot be reached" "$result"
    printf 12345 >idle
    pid=$(<pid)
    exec {idle}>&-
    ended "$pid" 0
    size_is out 5
    refute [ -s err ]
}

@test "another user is refused, even if the modes permit the connection" {
    skip_unless_other_user
    public_dir
    mkdir -m 700 "$public/run"
    cp "$ROOT/build/tools/control" "$public"
    export XDG_RUNTIME_DIR=$public/run
    start_idle -q -N old >out
    result as_other_user "$BPIPE" -R "$pid" -N new
    equal "1::bpipe: PID $pid: belongs to another user" "$result"
    run -127 as_other_user "$public/control" send "$socket" 'bpipe 1\n'
    chmod 755 "$public/run"
    run -127 as_other_user "$public/control" send "$socket" 'bpipe 1\n'
    chmod 777 "$socket"
    local answer="error: Operation not permitted|"
    ! is_portable || answer="ok|"
    equal "$answer" "$(as_other_user "$public/control" send "$socket" 'bpipe 1\nname new\n')"
    is_portable || "$BPIPE" -Q "$pid" --report json | grep -q '"name":"old"'
}

# --- bad clients ----------------------------------------------------------------------------

@test "malformed requests and requests that are too long are refused" {
    start_idle -q -N old >out
    equal "error: invalid request|
error: unsupported version|
error: rate-limit: invalid rate|
error: duplicate setting|
error: invalid request|
ok|" "$(control send "$socket" 'x' 'bpipe 2\n' 'bpipe 1\nname new\nrate-limit x\n' \
        'bpipe 1\nsize 1\nsize 1\n' 'bpipe 1\nname new\0\n' 'bpipe 1\n')"
    local long='error: name: invalid, empty or too long|'
    equal "$long" "$(control long "$socket" 8192)"
    long='error: request too long|'
    equal "$long" "$(control long "$socket" 8193)"
    equal "$long" "$(control long "$socket" 100000)"
    "$BPIPE" -Q "$pid" --report json | grep -q '"name":"old"'
    refute [ -s err ]
}

@test "clients that send nothing, or read no answer, delay no other client" {
    random_bytes 3M >in
    start_idle -q --report json:report >out
    control hold "$socket" >held.1 &
    control hold "$socket" >held.2 &
    wait_until 20 [ -s held.1 ]
    wait_until 20 [ -s held.2 ]
    "$BPIPE" -Q "$pid" >asked # within the client's patience
    is_report asked
    control rude "$socket" 100
    control hold "$socket" >held.3 &
    wait_until 20 [ -s held.3 ]
    cat in >idle
    wait_until 20 equal_files in out
    "$BPIPE" -R "$pid" -N new
    kill -TERM "$pid"
    wait "$pid" || true
    adds_up report 143
    refute [ -e "$socket" ]
}

@test "10,000 random messages leave the bytes of a transfer alone" {
    local seed=${TEST_SEED:-$RANDOM} option
    random_bytes 20M >data
    for option in "" "-C -B 1M"; do
        echo "TEST_SEED=$seed"
        rm -f stop pid want
        # shellcheck disable=SC2086
        while [ ! -e stop ]; do cat data; done | tee >(sum_stdin >want) |
            "$BPIPE" -q -P pid --report json:report $option | sum_stdin >got &
        await_control
        control fuzz "$socket" 5000 "$seed"
        "$BPIPE" -R "$pid" -L 0 --read-rate 0 --start-fill 0 --resume-fill 100
        local before
        before=$(number bytes_out)
        wait_until 20 at_least bytes_out "$before + 1000000"
        touch stop
        wait_until 60 gone "$pid"
        wait_until 20 [ -s want ]
        wait_until 20 [ -s got ]
        equal "$(<want)" "$(<got)"
        adds_up report
    done
}

@test "control under random faults: 5 seeds" {
    skip_unless_faults
    random_bytes 3M >in
    local seed first=${TEST_SEED:-$RANDOM}
    for ((seed = first; seed < first + 5; seed++)); do
        echo "TEST_SEED=$seed"
        rm -f idle out report
        open_idle
        with_faults FAULT_ONLY=bpipe FAULT_RATE=30 FAULT_SEED="$seed" \
            "$BPIPE" -q --report json:report <idle {idle}>&- >out &
        wait_until 20 find_control
        control rude "$socket" 5
        "$BPIPE" -R "$pid" -L 100M -N new
        cat in >idle
        "$BPIPE" -Q "$pid" --report json >asked
        exec {idle}>&-
        wait_until 20 gone "$pid"
        adds_up report
        cmp in out
    done
    local call
    for call in socket accept; do
        rm -f pid idle report
        open_idle
        with_faults FAULT_ONLY=bpipe FAULT_SCRIPT="$call:*:*:ENOMEM" \
            "$BPIPE" -q -P pid --report json:report <idle {idle}>&- >out 2>err &
        wait_until 20 [ -s pid ]
        printf 12345 >idle
        run -1 "$BPIPE" -Q "$(<pid)"
        [ "$call" = accept ] || stays_without "$(<pid)" report
        pid=$(<pid)
        exec {idle}>&-
        wait_until 20 gone "$pid"
        adds_up report
        refute [ -s err ]
        size_is out 5
    done
}
