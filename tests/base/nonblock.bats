#!/usr/bin/env bats
#
# Reading and writing without blocking, on every kind of descriptor that bpipe can inherit or open.
# Other processes that share a descriptor must see no trace of it. The tests look at the flags of
# the very description that bpipe inherited, through another process that shares it (fdflags).
#
# On Linux the flag must not be set even for a moment, except where there is no other way (a pty's
# master; a named FIFO that may not be opened). Elsewhere it may be set while bpipe runs.

# shellcheck disable=SC2094,SC2261 # FIFOs are opened both ways on purpose, and {var}< is no stderr
# shellcheck disable=SC2153 # BPIPE and bpipe are two things
load ../helpers
load ../observe

# --- helpers --------------------------------------------------------------------------------

# Sets $master (a descriptor) and $tty (a path) of a new pseudo-terminal.
open_pty() {
    [ -w /dev/ptmx ] || skip "there is no /dev/ptmx"
    exec {master}<>/dev/ptmx || skip "/dev/ptmx cannot be opened"
    tty=$(pty name <&"$master")
}

# The same, and sets $slave, a descriptor of its other side, raw.
open_raw_pty() {
    open_pty
    exec {slave}<>"$tty"
    pty raw <&"$slave"
}

# blocking FD...: whether O_NONBLOCK is clear on the descriptions behind this shell's descriptors.
blocking() {
    local fd
    for fd; do
        equal blocking "$(fdflags "$fd" | cut -d' ' -f3)" "descriptor $fd" || return 1
    done
}

# The same, while a bpipe is running.
blocking_meanwhile() { is_portable || blocking "$@"; }

# Opens two pipes to share with a bpipe, as descriptors. $to_bpipe feeds $from_producer. The bytes
# written to $to_consumer are in the file out when $consumer has ended.
open_pipes() {
    mkfifo in.fifo out.fifo
    exec {both}<>in.fifo {from_producer}<in.fifo {to_bpipe}>in.fifo {both}>&-
    cat <out.fifo >out {from_producer}<&- {to_bpipe}>&- &
    consumer=$!
    exec {to_consumer}>out.fifo
}

# The same with pipes that have no name.
open_anonymous_pipes() {
    exec {to_consumer}> >(exec cat >out)
    consumer=$!
    mkfifo feed
    exec {both}<>feed {to_bpipe}>feed
    exec {from_producer}< <(exec cat <feed {both}>&- {to_bpipe}>&- {to_consumer}>&-)
    producer=$!
    exec {both}>&-
}

# --- terminals ------------------------------------------------------------------------------

@test "a terminal's slave as stdin" {
    random_bytes 300K >data
    open_raw_pty
    "$BPIPE" -q -S -s 300K <&"$slave" >out {master}>&- &
    wait_until 10 in_poll $!
    blocking_meanwhile "$slave"
    cat data >&"$master"
    ended $! 0
    blocking "$slave" "$master"
    equal_files data out
}

@test "a terminal's slave as stdout" {
    random_bytes 300K >data
    open_raw_pty
    "$BPIPE" -q data >&"$slave" {master}>&- &
    wait_until 10 in_poll $! # no process has read yet
    blocking_meanwhile "$slave"
    head -c 300K <&"$master" >out
    ended $! 0
    blocking "$slave" "$master"
    equal_files data out
}

@test "one terminal as stdin, stdout and stderr" {
    random_bytes 100K >data
    open_raw_pty
    local bpipe
    "$BPIPE" -q -S -s 100K <&"$slave" >&"$slave" 2>&"$slave" {master}>&- &
    bpipe=$!
    wait_until 10 in_poll "$bpipe"
    blocking_meanwhile "$slave"
    cat data >&"$master" &
    head -c 100K <&"$master" >out
    ended "$bpipe" 0
    blocking "$slave"
    equal_files data out
}

@test "a terminal: lines as they are typed, ^D delivers, a second one ends" {
    open_pty
    exec {slave}<>"$tty"
    "$BPIPE" -q <&"$slave" >out {master}>&- &
    printf 'one\n' >&"$master"
    wait_until 10 size_is out 4
    printf 'two\004' >&"$master"
    wait_until 10 size_is out 7
    wait_until 10 in_poll $!
    printf '\004' >&"$master"
    ended $! 0
    equal $'one\ntwo' "$(<out)"
    blocking "$slave"
}

@test "a terminal that hangs up ends the input" {
    open_raw_pty
    "$BPIPE" -q <&"$slave" >out {master}>&- {slave}>&- &
    exec {slave}>&-
    printf 'last words' >&"$master"
    wait_until 10 size_is out 10
    wait_until 10 in_poll $!
    exec {master}>&-
    ended $! 0
    equal "last words" "$(<out)"
}

@test "a pty's master as stdin: the input ends when no slave is open" {
    local status=0
    random_bytes 300K >data
    open_raw_pty
    "$BPIPE" <&"$master" >out 2>err {slave}>&- &
    cat data >&"$slave"
    wait_until 10 size_is out 307200
    wait_until 10 in_poll $!
    exec {slave}>&-
    # Portable code cannot tell a master from a terminal, where EIO is an error.
    ! is_portable || status=1
    ended $! "$status"
    blocking "$master"
    equal_files data out
}

@test "a pty's master as stdout" {
    random_bytes 300K >data
    open_raw_pty
    "$BPIPE" -q data >&"$master" &
    wait_until 10 in_poll $!
    head -c 300K <&"$slave" >out
    ended $! 0
    blocking "$master" "$slave"
    equal_files data out
}

@test "a pty's master as stdout, whose slave is closed: bpipe ends as after a reader's departure" {
    open_raw_pty
    open_idle
    defsig "$BPIPE" -q <&"$idle" 2>err >&"$master" {slave}>&- &
    wait_until 10 in_poll $!
    exec {slave}>&-
    ended $! 141
    equal "" "$(<err)"
    blocking "$master"
}

@test "a terminal opened by its path, both ways" {
    random_bytes 100K >data
    open_raw_pty
    "$BPIPE" -q -S -s 100K -o out "$tty" {master}>&- &
    cat data >&"$master"
    ended $! 0
    equal_files data out
    "$BPIPE" -q -o "$tty" data {master}>&- &
    head -c 100K <&"$master" >out2
    ended $! 0
    equal_files data out2
    blocking "$slave" "$master"
}

# --- a terminal that is shared with a shell ---------------------------------------------------

# in_session SCRIPT: runs SCRIPT in a shell with job control, on a terminal that is its own 0, 1, 2
# and our $slave, all one description. $shell is its process. Typed text is not echoed.
in_session() {
    open_pty
    exec {slave}<>"$tty"
    stty -echo <&"$slave"
    ulimit -c 0
    defsig pty session bash -mc "$1" <&"$slave" >&"$slave" 2>&"$slave" {slave}>&- {master}>&- &
    shell=$!
}

# The script for an end of bpipe: it prints bpipe's status and the flags, and reads on. (A bash that
# is not interactive ends when its command dies of ^C, so there is a subshell in between.)
# shellcheck disable=SC2016
shared_script='
( trap : INT QUIT; "$BPIPE" -q -P pid >out; echo "$?" >status )
fdflags 0 2 >flags
IFS= read -r line
echo "$line" >line'

# The next program on the terminal can use it: it waits for a line.
shell_goes_on() { # STATUS OF BPIPE
    wait_until 20 [ -s flags ]
    equal "$1" "$(<status)" "status"
    equal $'0 rw blocking\n2 rw blocking' "$(<flags)"
    printf 'for the shell\n' >&"$master"
    ended "$shell" 0
    equal "for the shell" "$(<line)"
}

@test "a terminal shared with a shell: flags after the end" {
    in_session "$shared_script"
    wait_until 10 [ -s pid ]
    wait_until 10 in_poll "$(<pid)"
    blocking_meanwhile "$slave"
    printf 'for bpipe\n\004' >&"$master"
    shell_goes_on 0
    equal "for bpipe" "$(<out)"
    blocking "$slave"
}

@test "a terminal shared with a shell: flags after ^C and ^\\" {
    local key
    for key in 003:130 034:131; do
        in_session "$shared_script"
        wait_until 10 [ -s pid ]
        wait_until 10 in_poll "$(<pid)"
        printf 'abc\n' >&"$master"
        wait_until 10 size_is out 4
        # shellcheck disable=SC2059
        printf "\\${key%:*}" >&"$master"
        shell_goes_on "${key#*:}"
        blocking "$slave"
        exec {slave}>&- {master}>&-
        rm -f flags status pid
    done
}

@test "a terminal shared with a shell: flags after kill -TERM, -HUP" {
    local signal
    for signal in 15 1; do
        in_session "$shared_script"
        wait_until 10 [ -s pid ]
        wait_until 10 in_poll "$(<pid)"
        kill -"$signal" "$(<pid)"
        shell_goes_on $((128 + signal))
        blocking "$slave"
        exec {slave}>&- {master}>&-
        rm -f flags status pid
    done
}

# shellcheck disable=SC2016
@test "a terminal shared with a shell: flags while stopped by ^Z, and all bytes after fg" {
    local round
    in_session '
        "$BPIPE" -q -P pid >out
        fdflags 0 2 >stopped
        IFS= read -r line && echo "$line" >lines
        fg
        fdflags 0 2 >stopped
        IFS= read -r line && echo "$line" >>lines
        fg
        echo "$?" >status
        fdflags 0 2 >flags
        IFS= read -r line
        echo "$line" >line'
    wait_until 10 [ -s pid ]
    for round in 1 2; do
        printf 'line %s\n' "$round" >&"$master"
        wait_until 10 size_is out $((round * 7))
        printf '\032' >&"$master"
        wait_until 10 [ -s stopped ]
        wait_until 10 in_state "$(<pid)" T
        blocking "$slave"
        equal $'0 rw blocking\n2 rw blocking' "$(<stopped)"
        rm stopped
        printf 'not for bpipe\n' >&"$master"
        wait_until 10 refute in_state "$(<pid)" T
    done
    wait_until 10 in_poll "$(<pid)"
    blocking_meanwhile "$slave"
    printf 'line 3\n\004' >&"$master"
    shell_goes_on 0
    equal $'line 1\nline 2\nline 3' "$(<out)"
    equal $'not for bpipe\nnot for bpipe' "$(<lines)"
}

# stuck_in_poll PID: whether it has read since it was stopped, and does not wait in a write.
stuck_in_poll() {
    [ "$(awk '/^rchar/ { print $2 }' "/proc/$1/io")" -gt 1100000 ] && in_poll "$1"
}

# shellcheck disable=SC2016
@test "^Z in the middle of a transfer: pipes are given back, and after fg all bytes arrive" {
    random_bytes 3M >data
    open_stuck
    mkfifo in.fifo
    exec {both}<>in.fifo {from_producer}<in.fifo {to_bpipe}>in.fifo {both}>&-
    export from_producer to_bpipe stuck
    in_session '
        eval "exec $to_bpipe>&-"
        "$BPIPE" -q -C -J 0 -B 100K -P pid <&"$from_producer" >&"$stuck"
        echo stopped >stopped
        IFS= read -r line
        fg
        echo "$?" >status'
    exec {slave}>&-
    head -c 1M data >&"$to_bpipe" &
    head -c 1M <stuck >out
    wait_until 10 in_poll "$(<pid)"
    printf '\032' >&"$master"
    wait_until 10 [ -s stopped ]
    in_state "$(<pid)" T
    blocking "$from_producer" "$stuck" "$to_bpipe"
    tail -c +1048577 data >&"$to_bpipe" &
    exec {to_bpipe}>&- {from_producer}<&-
    printf 'go on\n' >&"$master"
    wait_until 10 stuck_in_poll "$(<pid)"
    blocking_meanwhile "$stuck"
    head -c 2M <stuck >>out
    wait_until 20 [ -s status ]
    equal 0 "$(<status)"
    ended "$shell" 0
    equal_files data out
}

# --- pipes ------------------------------------------------------------------------------------

# shared_pipes STATUS [SIGNAL]: however bpipe ends, the pipes are as they were.
shared_pipes() {
    defsig "$BPIPE" -q -S -s 7 <&"$from_producer" >&"$to_consumer" &
    wait_until 10 in_poll $!
    blocking_meanwhile "$from_producer" "$to_consumer" "$to_bpipe"
    if [ -n "${2:-}" ]; then
        kill -"$2" $!
    else
        printf 1234567 >&"$to_bpipe"
    fi
    ended $! "$1"
    blocking "$from_producer" "$to_consumer" "$to_bpipe"
}

shared_pipes_all_ways() {
    local signal
    ulimit -c 0
    shared_pipes 0
    for signal in 2 15 1 3; do
        shared_pipes $((128 + signal)) "$signal"
    done
    is_portable || shared_pipes 137 9 # bpipe has nothing to restore
    shared_pipes 0
    exec {to_bpipe}>&- {from_producer}<&- {to_consumer}>&-
    ended "$consumer" 0
    equal 12345671234567 "$(<out)"
}

@test "shared pipes: flags after each ending" {
    open_anonymous_pipes
    shared_pipes_all_ways
    ended "$producer" 0
}

@test "shared FIFOs: flags after each ending" {
    open_pipes
    shared_pipes_all_ways
}

@test "shared pipes: flags after the consumer has gone" {
    open_idle
    exec {to_consumer}> >(exec sleep 60)
    consumer=$!
    defsig "$BPIPE" -q <&"$idle" >&"$to_consumer" &
    wait_until 10 in_poll $!
    kill "$consumer"
    ended $! 141
    blocking "$to_consumer"
}

@test "shared pipes: the next command reads where bpipe stopped" {
    random_bytes 2M >data
    # shellcheck disable=SC2002 # it has to be a pipe
    cat data | {
        "$BPIPE" -q -S -s 12345 -o out.1
        "$BPIPE" -q -S -s 1M -z 7K -o out.2
        fdflags 0 >flags
        cat >out.3
    }
    equal "0 r blocking" "$(<flags)"
    cat out.1 out.2 out.3 >out
    equal 12345 "$(size_of out.1)"
    equal_files data out
}

# of_another_user LOOK: the bytes written to $to_bpipe go through a bpipe of another user. LOOK
# checks its flags while it runs. The consumer waits for the file go.
of_another_user() {
    as_other_user "$BPIPE" -q -C -z 4K -P "$public/pid" <&"$from_producer" >&"$to_consumer" {to_bpipe}>&- &
    wait_until 10 [ -s "$public/pid" ]
    wait_until 10 in_poll "$(<"$public/pid")"
    "$1" "$from_producer" "$to_consumer"
    cat data >&"$to_bpipe"
    wait_until 10 in_poll "$(<"$public/pid")"
    "$1" "$from_producer" "$to_consumer"
    exec {to_bpipe}>&-
    touch go
    ended $! 0
    blocking "$from_producer" "$to_consumer"
}

# Linux knows RWF_NOWAIT for pipes since 6.5.
kernel_knows_nowait() {
    local version
    version=$(uname -r)
    [[ $version =~ ^([0-9]+)\.([0-9]+) ]] &&
        ((BASH_REMATCH[1] * 100 + BASH_REMATCH[2] >= 605))
}

@test "a pipe that another user made" {
    skip_unless_other_user
    public_dir
    local look=:
    ! kernel_knows_nowait || look=blocking_meanwhile
    random_bytes 2M >data
    mkfifo feed
    set -o pipefail
    # A shell opens its process substitutions by name; these are pipes as pipe(2) makes them.
    # shellcheck disable=SC2002
    cat feed | {
        exec {to_bpipe}>feed {from_producer}<&0 {to_consumer}>&1 >&2
        of_another_user "$look"
    } | { wait_until 20 [ -e go ] && cat >out; }
    equal_files data out
}

@test "a FIFO that another user made and that may not be opened" {
    skip_unless_other_user
    public_dir
    random_bytes 2M >data
    mkfifo in.fifo out.fifo
    chmod 600 in.fifo out.fifo
    { wait_until 20 [ -e go ] && cat; } <out.fifo >out &
    consumer=$!
    exec {both}<>in.fifo {from_producer}<in.fifo {to_bpipe}>in.fifo {both}>&- {to_consumer}>out.fifo
    of_another_user :
    exec {to_consumer}>&-
    ended "$consumer" 0
    equal_files data out
}

# shellcheck disable=SC2016
@test "without /proc: flags are restored at the end; pipes without a name are never changed" {
    skip_unless_root
    skip_unless unshare
    ! is_sanitized || skip "the sanitizers need /proc"
    unshare -m mount -t tmpfs none /proc 2>/dev/null || skip "/proc cannot be covered here"
    local look=: pid
    ! kernel_knows_nowait || look=blocking_meanwhile
    random_bytes 2M >data
    open_raw_pty
    mkfifo feed
    set -o pipefail
    # shellcheck disable=SC2002
    cat feed {slave}>&- {master}>&- | {
        exec {to_bpipe}>feed {from_producer}<&0 {to_consumer}>&1 >&2
        unshare -m sh -c 'mount -t tmpfs none /proc && exec "$BPIPE" -q -z 4K -o - -o fd://"$0"' \
            "$slave" <&"$from_producer" >&"$to_consumer" {to_bpipe}>&- {master}>&- &
        pid=$!
        wait_until 10 in_poll "$pid"
        "$look" "$from_producer" "$to_consumer"
        cat data >&"$to_bpipe"
        wait_until 10 in_poll "$pid"
        "$look" "$from_producer" "$to_consumer"
        exec {to_bpipe}>&-
        head -c 2M <&"$master" >out.tty
        ended "$pid" 0
        blocking "$from_producer" "$to_consumer" "$slave"
    } | cat >out {slave}>&- {master}>&-
    equal_files data out
    equal_files data out.tty
}

@test "a pipe that is nonblocking already stays so" {
    open_anonymous_pipes
    fdflags -n "$from_producer" "$to_consumer" >before
    "$BPIPE" -q <&"$from_producer" >&"$to_consumer" {to_bpipe}>&- &
    printf 12345 >&"$to_bpipe"
    exec {to_bpipe}>&-
    ended $! 0
    equal "$(<before)" "$(fdflags "$from_producer" "$to_consumer")"
    exec {to_consumer}>&-
    ended "$consumer" 0
    equal 12345 "$(<out)"
}

@test "stderr: a shared pipe or terminal is never made nonblocking, full or not" {
    local err state
    open_idle
    open_raw_pty
    exec {pipe}> >(exec sleep 60)
    for err in "$slave" "$pipe"; do
        for state in 'not full' full; do
            # Fills it through an open file of its own, which may be nonblocking.
            [ "$state" = 'not full' ] ||
                refute dd if=/dev/zero of="/proc/self/fd/$err" oflag=nonblock bs=512 2>dd.err
            rm -f samples
            "$BPIPE" --report-every 1ms --report json:samples --report text -o out \
                <&"$idle" 2>&"$err" &
            wait_until 20 has_lines samples 10
            blocking "$err"
            kill -TERM $!
            ended $! 143
            blocking "$err"
        done
        grep -q 'Resource temporarily unavailable' dd.err
    done
    end_processes
}

# --- FIFOs ------------------------------------------------------------------------------------

@test "a FIFO as input, by path: waits for its first writer" {
    random_bytes 1M >data
    mkfifo fifo
    "$BPIPE" -q -o out fifo &
    wait_until 10 in_poll $!
    cat data >fifo
    ended $! 0
    equal_files data out
}

@test "a FIFO as input, by path: its writer was there before" {
    random_bytes 1M >data
    mkfifo fifo
    cat data >fifo &
    wait_until 10 in_state $! S
    "$BPIPE" -q -o out fifo
    equal_files data out
}

@test "a FIFO as input, by path: a writer that writes nothing ends it" {
    mkfifo fifo
    "$BPIPE" -q -o out fifo &
    wait_until 10 in_poll $!
    : >fifo
    ended $! 0
    size_is out 0
}

@test "FIFOs as inputs, by path, in turn and among files" {
    random_bytes 200K 1 >a
    random_bytes 200K 2 >b
    random_bytes 200K 3 >c
    mkfifo first last
    "$BPIPE" -q -o out first b last &
    cat a >first
    wait_until 10 in_poll $!
    cat c >last
    ended $! 0
    cat a b c >want
    equal_files want out
}

@test "a FIFO as output, by path: waits for its first reader, and reads nothing before" {
    random_bytes 1M >data
    mkfifo fifo
    "$BPIPE" -q -o fifo <data &
    wait_until 10 in_poll $!
    equal 0 "$(sed -n 's/^pos:[[:space:]]*//p' /proc/$!/fdinfo/0)"
    cat fifo >out
    ended $! 0
    equal_files data out
}

@test "a FIFO as output, by path: its reader was there before" {
    random_bytes 1M >data
    mkfifo fifo
    cat fifo >out &
    wait_until 10 in_state $! S
    "$BPIPE" -q -o fifo data
    ended $! 0
    equal_files data out
}

@test "two FIFOs as outputs wait for both readers" {
    random_bytes 1M >data
    mkfifo one two
    local bpipe one
    "$BPIPE" -q -o one -o two -o three data &
    bpipe=$!
    cat one >out.one &
    one=$!
    wait_until 10 in_poll "$bpipe"
    size_is three 0
    cat two >out.two
    ended "$bpipe" 0
    ended "$one" 0
    equal_files data out.one
    equal_files data out.two
    equal_files data three
}

@test "an inherited FIFO: data, and a writer that has gone already" {
    mkfifo fifo
    exec {both}<>fifo {reader}<fifo
    printf 'left behind' >&"$both"
    exec {both}>&-
    "$BPIPE" -q -o out <&"$reader" &
    ended $! 0
    equal "left behind" "$(<out)"
    "$BPIPE" -q -o out <&"$reader" & # and now there is nothing at all
    ended $! 0
    size_is out 0
    blocking "$reader"
}

@test "an inherited FIFO: its writer goes while bpipe waits" {
    mkfifo fifo
    exec {both}<>fifo {reader}<fifo
    "$BPIPE" -q -o out <&"$reader" {both}>&- &
    wait_until 10 in_poll $!
    printf 'first' >&"$both"
    wait_until 10 size_is out 5
    wait_until 10 in_poll $!
    exec {both}>&-
    ended $! 0
    equal first "$(<out)"
}

@test "an inherited FIFO that never had a writer: waits for one" {
    mkfifo fifo
    withfd 0 rn fifo "$BPIPE" -q -o out &
    wait_until 10 in_poll $!
    printf 'at last' >fifo
    ended $! 0
    equal "at last" "$(<out)"
}

@test "an inherited FIFO whose name was removed" {
    random_bytes 1M >data
    open_pipes
    rm in.fifo out.fifo
    "$BPIPE" -q <&"$from_producer" >&"$to_consumer" {to_bpipe}>&- &
    blocking_meanwhile "$from_producer" "$to_consumer"
    cat data >&"$to_bpipe"
    exec {to_bpipe}>&- {to_consumer}>&-
    ended $! 0
    ended "$consumer" 0
    equal_files data out
}

@test "an inherited FIFO whose reader left before the start: bpipe ends as if it left now" {
    mkfifo fifo
    exec {both}<>fifo {writer}>fifo {both}>&-
    open_idle
    defsig "$BPIPE" -q <&"$idle" >&"$writer" 2>err &
    ended $! 141
    equal "" "$(<err)"
    defsig "$BPIPE" -q /dev/zero >&"$writer" 2>err &
    ended $! 141
    equal "" "$(<err)"
    blocking "$writer"
}

# --- read and write -----------------------------------------------------------------------------

@test "a file open for reading and writing, as stdin and as stdout" {
    random_bytes 300K >data
    cp data file
    "$BPIPE" -q <>file >out
    equal_files data out
    equal_files data file
    printf 0123456789 >file
    printf abc | "$BPIPE" -q 1<>file
    equal abc3456789 "$(<file)"
}

@test "a FIFO open for reading and writing, as stdin and as stdout" {
    random_bytes 300K >data
    mkfifo fifo
    exec {both}<>fifo
    "$BPIPE" -q -S -s 300K -o out <&"$both" &
    wait_until 10 in_poll $!
    blocking_meanwhile "$both"
    cat data >fifo # a description of its own
    ended $! 0
    equal_files data out
    "$BPIPE" -q data >&"$both" &
    head -c 300K <fifo >out2
    ended $! 0
    equal_files data out2
    equal "$both rw blocking" "$(fdflags "$both")"
}

@test "a FIFO open for reading and writing, as both: through and back" {
    mkfifo fifo
    exec {both}<>fifo
    printf 12345 >&"$both"
    "$BPIPE" -q -S -s 50 <&"$both" >&"$both" # ten times round
    equal 12345 "$(head -c 5 <&"$both")"
    blocking "$both"
}

# --- sockets ------------------------------------------------------------------------------------

# with_sockets SCRIPT: runs SCRIPT in a shell that has the helpers and a socket pair, 8 and 9.
with_sockets() {
    export -f ended gone read_state wait_until nap equal in_poll in_state refute equal_files sum sum_stdin \
        size_is blocking blocking_meanwhile is_portable
    sock pair 8 9 bash -euc "$1"
}

# shellcheck disable=SC2016
@test "a socket as stdin" {
    random_bytes 2M >data
    with_sockets '
        "$BPIPE" -q -C -z 4K -o out <&8 9>&- &
        wait_until 10 in_poll $!
        blocking_meanwhile 8
        cat data >&9
        wait_until 10 size_is out 2097152
        wait_until 10 in_poll $! # not in a read, although the last read was full
        exec 9>&-
        ended $! 0
        blocking 8'
    equal_files data out
}

# shellcheck disable=SC2016
@test "a socket as stdout" {
    random_bytes 2M >data
    with_sockets '
        "$BPIPE" -q data >&8 9>&- &
        wait_until 10 in_poll $!
        blocking_meanwhile 8
        head -c 2M <&9 >out
        ended $! 0
        blocking 8 9'
    equal_files data out
}

# shellcheck disable=SC2016
@test "one socket as stdin and stdout: buffered bytes are written after the input's end" {
    local how
    random_bytes 1M >data
    for how in '<&8 >&8' 'fd://8 -o fd://8' '- -o fd://0 <&8' '/dev/fd/8 -o /dev/stdin <&8' \
        'fd://8 -o fd://8 -o copy'; do
        how=$how with_sockets '
            eval "\"\$BPIPE\" -q $how 9>&- &"
            wait_until 10 in_poll $!
            blocking_meanwhile 8
            cat data >&9 # all of it fits into the buffer
            sock shut 9
            wait_until 10 in_poll $! # stuck
            head -c 300K <&9 >out
            wait_until 10 in_poll $! # again: it does not wait in a write
            head -c 724K <&9 >>out
            ended $! 0
            blocking 8'
        equal_files data out
        rm out
    done
    equal_files data copy
}

# shellcheck disable=SC2016
@test "a socket as stdout: its peer speaks, or ends its own direction, and still gets everything" {
    random_bytes 500K >data
    mkfifo fifo
    with_sockets '
        "$BPIPE" -q fifo >&8 9>&- &
        printf "hello, are you there?" >&9
        sock shut 9
        exec 7>fifo
        wait_until 10 in_poll $!
        bpipe=$!
        cat data >&7 &
        head -c 500K <&9 >out
        exec 7>&-
        ended "$bpipe" 0
        blocking 8'
    equal_files data out
}

# shellcheck disable=SC2016
@test "a socket as stdout that breaks, idle or not, is an error" {
    open_idle
    export idle
    with_sockets '
        "$BPIPE" -q <&"$idle" >&8 9>&- 2>err &
        wait_until 10 in_poll $!
        exec 9>&-
        ended $! 1'
    equal "bpipe: stdout: write failed at byte 0: Broken pipe" "$(<err)"
    with_sockets '
        "$BPIPE" -q /dev/zero >&8 9>&- 2>err &
        head -c 100000 <&9 >out
        exec 9>&-
        ended $! 1'
    [[ "$(<err)" == "bpipe: stdout: write failed at byte "* ]]
    equal 1 "$(wc -l <err)"
}

# --- closed descriptors ---------------------------------------------------------------------------

@test "stdin closed: an error only if it is the input" {
    printf data >in
    result "$BPIPE" -q <&-
    equal "1::bpipe: stdin: Bad file descriptor" "$result"
    result "$BPIPE" -q -o made <&-
    equal "1::bpipe: stdin: Bad file descriptor" "$result"
    [ ! -e made ]
    result "$BPIPE" -q in - in <&-
    equal "1:datadata:bpipe: stdin: Bad file descriptor" "$result"
    result "$BPIPE" -q in in <&-
    equal "0:datadata:" "$result"
    mkfifo fifo # the first descriptor that bpipe opens must not become 0
    "$BPIPE" -q -o out fifo <&- &
    printf data >fifo
    ended $! 0
    equal data "$(<out)"
}

@test "stdout closed: an error only if it is the output" {
    printf data >in
    "$BPIPE" -q in >&- 2>err || status=$?
    equal 1 "$status"
    equal "bpipe: stdout: Bad file descriptor" "$(<err)"
    status=0
    "$BPIPE" -q -o made -o - in >&- 2>err || status=$?
    equal 1 "$status"
    equal "bpipe: stdout: Bad file descriptor" "$(<err)"
    [ ! -e made ]
    "$BPIPE" -o out in >&- 2>err
    equal data "$(<out)"
    status=0
    "$BPIPE" --report json:- -o out in >&- 2>err || status=$?
    equal 1 "$status"
    equal "bpipe: -: Bad file descriptor" "$(<err)"
}

@test "stderr closed: silence, and no report among the data" {
    random_bytes 100K >in
    "$BPIPE" -v in -o out 2>&-
    equal_files in out
    "$BPIPE" -v in 2>&- >out
    equal_files in out
    "$BPIPE" -v -o one -o two in 2>&-
    equal_files in one
    equal_files in two
    status=0
    "$BPIPE" --report json:report missing in 2>&- >out || status=$?
    equal 1 "$status"
    equal_files in out
    equal '{' "$(cut -c1 report)" # a line of JSON, and no message
    status=0
    "$BPIPE" --no-such-option 2>&- >out || status=$?
    equal 2 "$status"
    size_is out 0
}

@test "all three closed" {
    random_bytes 100K >in
    "$BPIPE" -v -P pid --report json:report -o one -o two in <&- >&- 2>&-
    equal_files in one
    equal_files in two
    [ ! -e pid ]
    grep -q '"exit_status":0' report
    status=0
    "$BPIPE" <&- >&- 2>&- || status=$?
    equal 1 "$status"
    status=0
    "$BPIPE" --help <&- >&- 2>&- || status=$?
    equal 1 "$status"
}

# --- descriptors by number ------------------------------------------------------------------------

@test "fd://N: inputs and outputs by number" {
    random_bytes 100K >in
    "$BPIPE" -q fd://7 -o fd://8 -o /dev/fd/9 7<in 8>out.8 9>out.9
    equal_files in out.8
    equal_files in out.9
    "$BPIPE" -q fd://0 -o fd://1 <in >out
    equal_files in out
    "$BPIPE" -q /dev/stdin -o /dev/stdout <in >out
    equal_files in out
    "$BPIPE" -q -o /dev/stderr in 2>out
    equal_files in out
}

@test "fd://N that is not open, or open the other way: an error, nothing touched" {
    local how
    printf data >in
    printf old >old
    for how in 'fd://9' '-o fd://9' '-o made -o fd://9' '-o old -o fd://9' 'fd://9 -o made' \
        'fd://8 8>made.by.shell' '-o fd://8 8<in' '-o old -o /dev/fd/8 8<in' \
        'fd://1' '-o fd://0' '-o /dev/stdin' '/dev/stdout -o made'; do
        status=0
        eval "\"\$BPIPE\" -q $how <in >out 2>err 9>&-" || status=$?
        equal 1 "$status" "$how"
        [[ "$(<err)" =~ ^bpipe:\ (fd://[0-9]|/dev/[a-z/0-9]*):\ Bad\ file\ descriptor$ ]]
        size_is out 0
        [ ! -e made ]
        equal old "$(<old)"
    done
    status=0
    "$BPIPE" -q -o fd://99999999999 in 2>err || status=$?
    [ "$status" -eq 1 ] || [ "$status" -eq 2 ]
}

@test "fd://N is never a descriptor that bpipe opened itself" {
    local n
    printf 'abc\017\001\002' >in # the self-pipe would take these for signals
    for n in 3 4 5 6 7 8 9 10; do
        status=0
        "$BPIPE" -q -o made --report json:report -o "fd://$n" in 2>err \
            3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- 10>&- || status=$?
        equal "1 bpipe: fd://$n: Bad file descriptor" "$status $(<err)"
        [ ! -e made ]
        status=0
        timeout 10 "$BPIPE" -q -o made --report json:report "fd://$n" 2>err \
            3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- 10>&- || status=$?
        equal "1 bpipe: fd://$n: Bad file descriptor" "$status $(<err)"
        [ ! -e made ]
        status=0
        "$BPIPE" -q -o made --report json:report --report "text:fd://$n" in 2>err \
            3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- 10>&- || status=$?
        equal "1 bpipe: fd://$n: Bad file descriptor" "$status $(<err)"
        [ ! -e made ]
    done
}

@test "a descriptor that is shared by two bpipes in a row keeps its place" {
    random_bytes 300K >in
    { "$BPIPE" -q -S -s 100K && "$BPIPE" -q -S -s 50K -z 777 && "$BPIPE" -q; } <in >out
    equal_files in out
    { "$BPIPE" -q in && "$BPIPE" -q in; } >out
    cat in in >want
    equal_files want out
}

@test "-K: O_DIRECT is restored on shared files" {
    random_bytes 300K >data
    exec {input}<data {output}>out
    "$BPIPE" -q -K <&"$input" >&"$output"
    equal "$input r blocking" "$(fdflags "$input")"
    equal "$output w blocking" "$(fdflags "$output")"
    equal_files data out
}
