# shellcheck shell=bash
#
# Looks into a running bpipe, and checks the numbers of one that has ended: `load observe` after
# `load helpers`. This is for files with JSON reports. It needs no JSON tool, but the names of
# endpoints must be plain (no braces, no quotes).

# --- a running bpipe --------------------------------------------------------------------------

# catches_usr1 PID: whether it is a bpipe that catches SIGUSR1. (The shell that is about to become a
# bpipe catches signals, too, but is not one.)
catches_usr1() {
    local key value mask=
    [ "/proc/$1/exe" -ef "$BPIPE" ] || return 1
    while read -r key value; do
        [ "$key" != SigCgt: ] || mask=$value
    done 2>/dev/null <"/proc/$1/status"
    [ -n "$mask" ] && (((16#$mask >> 9) & 1))
}

# idles PID: whether it uses next to no processor time for 0.3 s. A loop that spins would use some
# 30 ticks of 10 ms in that time. The last wakeup before it may count late.
idles() {
    local before after
    refute gone "$1" || return 1
    read -ra before <"/proc/$1/stat" && nap 0.3 && read -ra after <"/proc/$1/stat" || return 1
    refute gone "$1" && ((after[13] + after[14] - before[13] - before[14] <= 5))
}

has_lines() { # FILE COUNT: whether the file has at least COUNT lines
    [ "$(lines_of "$1")" -ge "$2" ]
}

# sample PID FILE: asks for a report and waits for it. FILE is that of --report json:FILE, and must
# not have existed before this bpipe.
sample() {
    local before
    before=$(lines_of "$2")
    wait_until 20 catches_usr1 "$1" && kill -USR1 "$1" || return 1
    wait_until 20 has_lines "$2" $((before + 1))
}

# shows PID FILE KEY VALUE: takes a sample; whether the number KEY in it is VALUE.
shows() {
    local number
    sample "$1" "$2" || return 1
    read_number "$3" "$2" && [ "$number" = "$4" ]
}

# wait_number PID FILE KEY VALUE: waits until shows succeeds.
wait_number() {
    wait_until 30 shows "$@" || {
        tail -n 1 "$2"
        return 1
    }
}

# holds PID PATH: whether one of the process's descriptors is this file or FIFO.
holds() {
    local fd
    for fd in "/proc/$1/fd"/*; do
        [ "$fd" -ef "$2" ] && return 0
    done
    return 1
}

# ended PID WANT: waits for the process and compares its status.
ended() {
    local status=0
    wait_until 30 gone "$1" || return 1
    wait "$1" || status=$?
    equal "$2" "$status" "status of bpipe"
}

# --- numbers ----------------------------------------------------------------------------------

# The shell itself looks up numbers that are often asked for: a process takes longer than the rest.
# So does $(...), which is a process: a condition that is waited for calls read_number.
# adds_up FILE [STATUS] (tests/tools/adds_up.c) checks a final report.

# last_line FILE
last_line() {
    local lines
    mapfile -t lines <"$1" && printf '%s\n' "${lines[@]: -1}"
}

# last_number KEY FILE: prints the first value of that name in the last line.
last_number() {
    local number
    read_number "$1" "$2" || return 1
    [ -z "$number" ] || echo "$number"
}

# read_number KEY FILE: sets $number to it, or to nothing if there is none.
read_number() {
    local lines
    number=
    mapfile -t lines <"$2" || return 1
    [[ ! ${lines[*]: -1} =~ \"$1\":([0-9.]*) ]] || number=${BASH_REMATCH[1]}
}
