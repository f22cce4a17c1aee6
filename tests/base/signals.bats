#!/usr/bin/env bats
#
# Every signal that comes from outside and ends a process by default: the relatives of SIGINT, which
# are often forgotten. bpipe dies by that very signal and leaves nothing behind, whenever it
# arrives.

# The functions of observe look at variables:
# shellcheck disable=SC2094 # FIFOs are opened both ways on purpose
load ../helpers
load ../observe

setup() {
    common_setup
    ulimit -c 0
}

# --- helpers --------------------------------------------------------------------------------

# Prints the numbers of all these signals. (SIGUSR1 asks for a report, SIGPIPE and SIGXFSZ are
# errors of writes. SIGTERM and SIGHUP drain first.) Portable code knows the signals of POSIX.
ending_signals() {
    local number name
    for ((number = 1; number <= 64; number++)); do
        name=$(kill -l "$number" 2>/dev/null)
        case $name in
        '' | ILL | TRAP | BUS | FPE | SEGV | SYS) ;; # no signal, or a fault
        KILL | STOP | TSTP | TTIN | TTOU | CONT | CHLD | URG | WINCH | USR1 | PIPE | XFSZ) ;;
        STKFLT | PWR) is_portable || echo "$number" ;;
        ABRT) is_sanitized || echo "$number" ;; # the sanitizers catch it
        *) echo "$number" ;;
        esac
    done
}

# The same, but of the many real-time signals, which are all alike, only the first and the last.
ending_kinds() { ending_signals | grep -vE '^(3[5-9]|[45].|6[0-3])$'; }

# files: prints the names of everything here and in the runtime folder.
files() (
    shopt -s dotglob nullglob
    cd "$T" && echo * "$XDG_RUNTIME_DIR"/*
)

# Sets $master, a descriptor of a pty. bpipe can only read it with O_NONBLOCK on what it shares.
open_shared_input() {
    [ -w /dev/ptmx ] || skip "there is no /dev/ptmx"
    exec {master}<>/dev/ptmx || skip "/dev/ptmx cannot be opened"
    tty=$(pty name <&"$master")
    exec {slave}<>"$tty"
    pty raw <&"$slave"
}

flag_of() { fdflags "$1" | cut -d' ' -f3; }

# draining PID: whether it has closed its standard input.
draining() { [ ! -e "/proc/$1/fd/0" ]; }

is_nonblocking() { equal nonblocking "$(flag_of "$1")"; }

# start OPTION...: starts a bpipe in the background that makes one of everything.
start() {
    defsig "$BPIPE" -q -P pid --spool spooled --report prometheus:metrics --atomic -o made "$@" \
        <&"$master" 2>err {slave}>&- &
    pid=$!
}

# --- while it runs ----------------------------------------------------------------------------

@test "each signal that ends a process, as soon as the pidfile is there" {
    local number
    open_idle
    for number in $(ending_signals); do
        echo "signal $number"
        defsig "$BPIPE" -q -P pid --spool spooled <&"$idle" >out 2>err &
        wait_until 20 [ -s pid ]
        kill -"$number" $!
        ended $! $((128 + number))
        equal "" "$(<err)"
        [ ! -e pid ] && [ ! -e spooled ]
    done
}

@test "each kind of signal: bpipe dies by that signal, and leaves nothing behind" {
    local number before
    touch err
    open_shared_input
    before=$(files)
    for number in $(ending_kinds); do
        echo "signal $number"
        start
        wait_until 20 has_control "$pid"
        wait_until 20 in_poll "$pid"
        wait_until 20 is_nonblocking "$master"
        [ -s pid ] && [ -e spooled ]
        kill -"$number" "$pid"
        ended "$pid" $((128 + number))
        equal "" "$(<err)"
        equal blocking "$(flag_of "$master")"
        rm -f metrics # a report on how it ended
        equal "$before" "$(files)"
    done
}

@test "each kind of signal, while bpipe waits for a peer" {
    local number before
    touch err
    open_shared_input
    before=$(files)
    for number in $(ending_kinds); do
        echo "signal $number"
        start -o unix-listen://listening
        wait_until 20 [ -S listening ]
        wait_until 20 in_poll "$pid"
        kill -"$number" "$pid"
        ended "$pid" $((128 + number))
        equal "" "$(<err)"
        equal blocking "$(flag_of "$master")"
        rm -f metrics
        equal "$before" "$(files)"
    done
}

@test "a signal stops bpipe at once, also while SIGTERM drains, and the first signal counts" {
    random_bytes 300K >data
    open_idle
    open_stuck
    defsig "$BPIPE" -q -C -J 0 --report json:report <&"$idle" >&"$stuck" 2>err &
    cat data >idle
    wait_number $! report bytes_in 307200
    kill -TERM $!
    wait_until 20 draining $!
    kill -ALRM $!
    ended $! 143
    adds_up report 143
    [ "$(last_number bytes_undelivered report)" -gt 0 ]
    equal "" "$(<err)"
}

@test "a signal that is ignored at the start stays ignored" {
    local number
    local -a options=()
    open_idle
    for number in $(ending_signals); do
        options+=(-i "$number")
    done
    defsig "${options[@]}" "$BPIPE" -q -S -s 4 --report json:report <&"$idle" >out &
    sample $! report
    for number in $(ending_signals); do
        kill -"$number" $!
    done
    printf data >idle
    ended $! 0
    equal data "$(<out)"
    adds_up report 0
}

# caught PID: prints the numbers of the signals that it catches.
caught() {
    local mask number
    mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
    for ((number = 1; number <= 64; number++)); do
        ! (((16#$mask >> (number - 1)) & 1)) || echo "$number"
    done
}

@test "faults and reserved signals keep their default action" {
    local name number
    ! is_sanitized || skip "the sanitizers catch faults"
    open_idle
    "$BPIPE" -q -S -s 4 --report json:report <&"$idle" >out &
    sample $! report
    caught $! >caught
    for name in ILL TRAP BUS FPE SEGV SYS; do
        refute grep -qx "$(kill -l $name)" caught
    done
    for number in $(ending_signals); do
        [ "$number" = 2 ] || [ "$number" = 3 ] || grep -qx "$number" caught # & ignores SIGINT, SIGQUIT
    done
    printf data >idle
    ended $! 0
}

# --- at the beginning and at the end ------------------------------------------------------------

# at CALL [complete]: SIGUSR2 arrives as this call begins. Nothing is left. The status is that of
# the signal, or with "complete" perhaps 0, because all may be done before bpipe hears the signal.
at() {
    local status=0
    echo "$1"
    rm -f log made metrics
    defsig env FAULT_SCRIPT="$1:raise=12" FAULT_LOG="$T/log" LD_PRELOAD="$FAULT_SO" "$BPIPE" -q -P pid --spool spooled \
        --report prometheus:metrics --atomic -o made data 2>err &
    wait_until 20 gone $!
    wait $! 2>/dev/null || status=$?
    equal 1 "$(lines_of log)" "signals"
    equal "" "$(<err)"
    if [ "$status" = 0 ] && [ -n "${2:-}" ]; then
        cmp data made
    else
        equal 140 "$status"
        [ ! -e made ]
    fi
    rm -f metrics made
    equal "$before" "$(files)"
}

@test "a signal before the first byte, and after the last one" {
    skip_unless_faults
    local before
    random_bytes 9000 >data
    touch err log
    before=$(files)
    at 'open:pid:1'
    at 'write:*/pid:1'
    at 'close:*/pid:1'
    at 'open:*metrics*:1'
    at 'open:spooled:1'
    at 'open:data:1'
    at 'read:*/data:1' complete # copied before bpipe looked for signals
    at 'fsync:*:1' complete
    at 'close:*/data:1' complete
    at 'rename:*metrics*:1' complete
    at 'open:pid:2' complete # bpipe opens it to remove it
    at 'read:*/pid:1' complete
}

# --- commands -------------------------------------------------------------------------------------

# dispositions FILE: prints the signal lines that a command copied from its /proc/self/status to
# FILE.
dispositions() { grep -E '^Sig(Blk|Ign|Cgt):' "$1"; }

@test "commands have all signals as bpipe found them, and the guard survives all" {
    local number guard pid
    local -a ignored=()
    [ -e /proc/self/status ] || skip "there is no /proc"
    random_bytes 1000 >in
    for number in "" 12 14 34 64; do
        [ -z "$number" ] || ignored+=(-i "$number")
        defsig "${ignored[@]}" cat /proc/self/status >plain
        defsig "${ignored[@]}" "$BPIPE" -q -M out -- cat /proc/self/status >started
        equal "$(dispositions plain)" "$(dispositions started)"
    done
    equal "" "$(dispositions plain | grep SigIgn | grep -x 'SigIgn:[[:space:]]*0*')"
    open_idle
    defsig "$BPIPE" -q -P pid --to 'cat >got; touch told' <&"$idle" &
    wait_until 20 [ -s pid ]
    pid=$!
    wait_until 20 in_poll "$pid"
    wait_until 20 [ -e got ]
    guard=$(pgrep -P "$pid" "^bpipe") # without a title of its own it is called bpipe
    for number in $(ending_signals); do
        kill -"$number" "$guard"
    done
    kill -KILL "$pid"
    ended "$pid" 137
    wait_until 20 gone "$guard"
    wait_until 20 refute pgrep -x cat -P "$guard"
    [ ! -e told ]
}
